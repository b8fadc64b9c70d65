"""What a rule, a route or a risk factor speaks of, and the paths it may read there. No text."""

from __future__ import annotations

from dataclasses import dataclass

from pdp.lang.types import (
    BOOL,
    JSON,
    RISK,
    STRING,
    TIMESTAMP,
    ActionDef,
    CollT,
    EntityT,
    FieldT,
    RecordT,
    Type,
)
from tests.properties.scopes import Path, Words, common_fields, paths_from
from tests.properties.shapes import Shape

_ACTION = RecordT("action", (FieldT("reversible", "", BOOL), FieldT("risk", "", RISK)))
_TOOL = RecordT(
    "tool", tuple(FieldT(name, "", STRING, untrusted=True) for name in ("server", "name", "digest"))
)


@dataclass(frozen=True)
class Scope:
    """What one rule or route speaks of.

    ``everywhere``: of every action and type at once (risk, and routes that a tier needs), where
    what only some declare counts as optional. ``has_tier``: it may read ``risk.tier``.
    """

    actions: tuple[ActionDef, ...]
    any_action: bool = False
    resources: frozenset[str] = frozenset()
    principals: frozenset[str] = frozenset()
    everywhere: bool = False
    has_tier: bool = False


def everywhere(shape: Shape) -> Scope:
    """The scope that all actions and types share."""
    actions = tuple(shape.schema.actions.values())
    resources = frozenset(name for action in actions for name in action.resources)
    return Scope(actions, resources=resources, everywhere=True)


def paths_of(
    shape: Shape, words: Words, scope: Scope, approvers: frozenset[str] = frozenset()
) -> tuple[Path, ...]:
    """Every path that a condition in the scope may read; common ones stand there twice."""
    schema = shape.schema
    people, agents = frozenset(shape.people()), frozenset(shape.agents())
    tolerant = scope.any_action or scope.everywhere
    args = common_fields([a.fields for a in scope.actions], tolerant=tolerant)
    always_agent = bool(scope.principals) and scope.principals <= agents
    roots = [
        Path("agent", EntityT(agents), () if always_agent else ("agent",)),
        Path("user", EntityT(people), ("user",)),
        Path("args", RecordT("args", tuple(args))),
        Path("context", RecordT("context", schema.context)),
        Path("action", _ACTION),
        Path("now", TIMESTAMP),
        Path("chain", CollT("set", EntityT(frozenset(shape.principals())), 1, 16)),
        Path("tool", _TOOL, ("tool",), untrusted=True),
    ]
    if scope.principals:
        roots += [Path("principal", EntityT(scope.principals))] * 2
    if scope.resources:
        absent = scope.everywhere and not all(action.resources for action in scope.actions)
        guard = ("resource",) if absent else ()
        roots += [Path("resource", EntityT(scope.resources), guard)] * 2
    if approvers:
        roots += [Path("approver", EntityT(approvers))] * 3
    found = [*paths_from(schema, roots, 3, tolerant=scope.everywhere), *words.fixed]
    if scope.has_tier and words.claims_risk is False:
        found += [Path("risk.tier", RISK)] * 3
    return tuple(found)


def holds_hidden(type_: Type) -> bool:
    """Whether a value of the type holds what no approver may be shown."""
    match type_:
        case RecordT():
            return any(field.secret or holds_hidden(field.type) for field in type_.fields)
        case CollT():
            return holds_hidden(type_.item)
        case _:
            return type_ == JSON


__all__ = ["Scope", "everywhere", "holds_hidden", "paths_of"]
