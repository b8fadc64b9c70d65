"""The roots of paths: what ``principal``, ``args`` or ``now`` are where they stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

from pdp.lang import complaints, nodes
from pdp.lang.checked import Root
from pdp.lang.conditions.scope import Env, Typed
from pdp.lang.types import (
    BOOL,
    RISK,
    STRING,
    TIMESTAMP,
    CollT,
    EntityT,
    FieldT,
    RecordT,
    Type,
)
from pdp.model import CHAIN_MAX

# A path by its words, from root or variable: what ``has`` proves and guards are looked up by.
Key: TypeAlias = "tuple[str, ...]"
_ACTION: Final = RecordT(
    "action", (FieldT("reversible", "reversible", BOOL), FieldT("risk", "risk", RISK))
)
_RISK: Final = RecordT("risk", (FieldT("tier", "tier", RISK),))
_TOOL: Final = RecordT(
    "tool",
    tuple(FieldT(name, name, STRING, untrusted=True) for name in ("server", "name", "digest")),
)


def _principal(name: nodes.Name, env: Env) -> Typed | None:
    if env.scope.principals is None:
        env.report.append(
            complaints.not_in_scope(
                name.span,
                name.text,
                "a route asks for the whole chain",
                "read `agent`, `user` or `chain`",
            )
        )
        return None
    return _root(name, EntityT(env.scope.principals))


def _agent(name: nodes.Name, env: Env) -> Typed | None:
    return _marked(name, env, [e.name for e in env.names.schema.entities.values() if e.is_agent])


def _user(name: nodes.Name, env: Env) -> Typed | None:
    return _marked(name, env, [e.name for e in env.names.schema.entities.values() if e.is_person])


def _marked(name: nodes.Name, env: Env, types: list[str]) -> Typed | None:
    if not types:
        env.report.append(complaints.not_in_scope(name.span, name.text, "no type is marked so"))
        return None
    return _root(name, EntityT(frozenset(types)))


def _chain(name: nodes.Name, env: Env) -> Typed | None:
    types = [e.name for e in env.names.schema.entities.values() if e.is_principal]
    return _root(name, CollT("set", EntityT(frozenset(types)), 1, CHAIN_MAX))


def _resource(name: nodes.Name, env: Env) -> Typed | None:
    if env.scope.resourceless:
        env.report.append(complaints.no_resource(name.span, env.scope.resourceless))
        return None
    if not env.scope.resources:
        env.report.append(
            complaints.no_resource(name.span, [action.name for action in env.scope.actions])
        )
        return None
    return _root(name, EntityT(env.scope.resources))


def _approver(name: nodes.Name, env: Env) -> Typed | None:
    if not env.scope.approvers:
        env.report.append(
            complaints.not_in_scope(name.span, name.text, "only a route's `where` has approvers")
        )
        return None
    return _root(name, EntityT(env.scope.approvers))


def _risk(name: nodes.Name, env: Env) -> Typed | None:
    if not env.scope.has_tier:
        why = "points make the tier, so they cannot read it"
        env.report.append(complaints.not_in_scope(name.span, name.text, why))
        return None
    if not env.names.has_risk:
        why = "nothing loaded has a `risk` block"
        env.report.append(
            complaints.not_in_scope(name.span, name.text, why, "test `action.risk`, the base risk")
        )
        return None
    return _root(name, _RISK)


def _root(name: nodes.Name, type_: Type) -> Typed:
    claimed = False
    return Typed(Root(name.text, type_, name.span), type_, claimed)


# What each root is where it stands; None after reporting that it has no meaning there.
ROOTS: Final = {
    "principal": _principal,
    "agent": _agent,
    "user": _user,
    "chain": _chain,
    "resource": _resource,
    "action": lambda name, _env: _root(name, _ACTION),
    "args": lambda name, _env: _root(name, RecordT("args", ())),
    "context": lambda name, env: _root(name, RecordT("context", env.names.context)),
    "tool": lambda name, _env: replace(_root(name, _TOOL), claimed=True),
    "now": lambda name, _env: _root(name, TIMESTAMP),
    "risk": _risk,
    "approver": _approver,
}
