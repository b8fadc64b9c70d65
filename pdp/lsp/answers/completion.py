"""What could be written at the cursor: names that fit by schema, and words that fit by grammar."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, assert_never

from pdp.lang import nodes
from pdp.lang.conditions.roots import ROOTS
from pdp.lang.conditions.scope import Owners
from pdp.lang.conditions.terms import can_be_below, fits
from pdp.lang.declared.names import Names
from pdp.lang.types import (
    CIDR,
    IP,
    RISK,
    TIMESTAMP,
    CollT,
    EntityT,
    EnumT,
    FieldT,
    Type,
    describe,
)
from pdp.lsp import scopes
from pdp.lsp.answers.keywords import keyword_help
from pdp.lsp.answers.unfinished import places_here, unfinished, words_here
from pdp.lsp.answers.words import is_in_text
from pdp.lsp.places import Binding, CallUse, KeyUse, NameUse, PathUse, Place, Role, ValueUse
from pdp.lsp.symbols import Kind
from pdp.lsp.workspace import Workspace
from pdp.model import DenyCause

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_DOTTED: Final = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*\.)+\Z")
KEYWORD: Final = "keyword"


@dataclass(frozen=True, slots=True)
class Candidate:
    """``kind`` is a ``Kind`` or KEYWORD; ``rank`` 0 fits best; ``insert`` is what to write."""

    label: str
    kind: Kind | str
    detail: str = ""
    help: str = ""
    insert: str = ""
    rank: int = 1


@dataclass(frozen=True, slots=True)
class Completions:
    """Candidates, and the offsets of the text that one of them replaces."""

    start: int
    end: int
    candidates: tuple[Candidate, ...] = ()


def complete(workspace: Workspace, file: str, text: str, offset: int) -> Completions:
    """Candidates at an offset of ``text``, which may be newer than the workspace."""
    if is_in_text(text, offset):
        return Completions(offset, offset)
    line_start = text.rfind("\n", 0, offset) + 1
    word = _WORD.search(text, line_start, offset)
    start = word.start() if word is not None else offset
    before = text[start - 1 : start]
    if before.isdigit():
        return Completions(offset, offset)
    here = unfinished(file, text, start)
    found: list[Candidate] = []
    whole = start
    for place in places_here(here, workspace.program):
        found += candidates(place, workspace)
        if isinstance(place, NameUse) and before == ".":
            dotted = _DOTTED.search(text, line_start, start)
            whole = dotted.start() if dotted is not None else start
    if before != ".":
        found += [
            Candidate(word, KEYWORD, "", keyword_help().get(word, ""), rank=2)
            for word in words_here(here)
        ]
    unique = {(candidate.label, candidate.insert): candidate for candidate in reversed(found)}
    ordered = sorted(unique.values(), key=lambda c: (c.rank, c.label))
    return Completions(whole, offset, tuple(ordered))


def candidates(place: Place, workspace: Workspace) -> Iterator[Candidate]:
    """What could stand at a place."""
    match place:
        case NameUse():
            yield from _names(place, workspace)
        case PathUse():
            yield from _path(place)
        case ValueUse():
            yield from _values(place, workspace)
        case KeyUse():
            for label, fields in place.owners:
                left = [f for f in fields if f.name not in place.taken]
                yield from _fields(left, label, suffix=": ")
            if any(label == "context" for label, _ in place.owners):
                yield Candidate("now", KEYWORD, "timestamp", keyword_help()["now"], "now: ")
        case CallUse():
            yield from _predicates(place.env.names)
        case Binding():
            return
        case _:
            assert_never(place)


# ---------------------------------------------------------------- names by their role


def _names(use: NameUse, workspace: Workspace) -> Iterator[Candidate]:
    names = use.names
    match use.role:
        case Role.ACTION:
            yield from _actions(names)
            for name in _plain(names.action_sets):
                yield Candidate(name, Kind.ACTION_SET, f"{len(names.action_sets[name])} actions")
        case Role.ONE_ACTION:
            yield from _actions(names)
        case Role.TYPE:
            for name in names.builder.type_names():
                yield Candidate(name, Kind.TYPE)
        case Role.ENTITY | Role.PRINCIPAL | Role.RESOURCE:
            yield from _entities(use)
        case Role.GROUP:
            wanted = EntityT(use.types) if use.types is not None else None
            yield from _groups(names, wanted)
        case Role.HOLIDAYS:
            for name, const in names.values.items():
                if isinstance(const.type, CollT) and "." not in name:
                    yield Candidate(name, Kind.CONST, describe(const.type))
        case Role.ROUTE:
            yield from (Candidate(name, Kind.ROUTE) for name in _plain(names.routes))
        case Role.AGENT | Role.PERSON | Role.THING:
            yield from _actors(use, workspace)
        case Role.RULE:
            for symbol in workspace.index.declared:
                if symbol.kind in {Kind.RULE, Kind.TIER}:
                    yield Candidate(f"{symbol.home}.{symbol.name}", symbol.kind)
        case Role.BUNDLE:
            for bundle in workspace.program.bundles.all:
                if bundle.name not in {names.bundle.name, ""}:
                    yield Candidate(bundle.name, Kind.BUNDLE)
        case Role.BUDGET:
            return
        case Role.RISK:
            yield from (Candidate(member, Kind.MEMBER, "Risk", rank=0) for member in RISK.members)
        case Role.CAUSE:
            yield from (Candidate(cause.value, Kind.MEMBER, "deny cause") for cause in DenyCause)
        case Role.LOG_LEVEL:
            yield from (Candidate(word, Kind.MEMBER, "log") for word in ("full", "summary"))
        case _:
            assert_never(use.role)


def _plain(names: Iterable[str]) -> list[str]:
    """Names without those that are qualified by an imported bundle."""
    return [name for name in names if "." not in name]


def _actions(names: Names) -> Iterator[Candidate]:
    for action in names.schema.actions.values():
        if names.knows_action(action.name):
            undone = "" if action.reversible else "irreversible, "
            on = f" on {', '.join(action.resources)}" if action.resources else ""
            detail = f"{undone}risk {action.risk}{on}"
            rank = 0 if names.governed(action.name) else 1
            yield Candidate(action.name, Kind.ACTION, detail, rank=rank)


def _entities(use: NameUse) -> Iterator[Candidate]:
    names = use.names
    for definition in names.schema.entities.values():
        marks = (("person", definition.is_person), ("agent", definition.is_agent))
        detail = ", ".join(word for word, holds in marks if holds) or "entity"
        if use.role is Role.PRINCIPAL and not definition.is_principal:
            continue
        if use.role is Role.RESOURCE and use.types and definition.name not in use.types:
            continue
        yield Candidate(definition.name, Kind.TYPE, detail, rank=0)


def _groups(names: Names, below: EntityT | None) -> Iterator[Candidate]:
    """Groups that something of type ``below`` can be in; all where that is not known."""
    for name, decl in names.group_decls.items():
        const = names.values.get(name)
        if "." in name or const is None or not isinstance(const.type, EntityT):
            continue
        known = below is not None and all(n in names.schema.entities for n in below.names)
        if below is None or not known or can_be_below(names.schema, below, const.type):
            yield Candidate(name, Kind.GROUP, f"{decl.entity.type.text}::{decl.entity.id.written}")


def _actors(use: NameUse, workspace: Workspace) -> Iterator[Candidate]:
    entities = use.names.schema.entities
    for name, type_name in _fixtures(use.names, workspace):
        definition = entities.get(type_name)
        if definition is None:
            continue
        fitting = {
            Role.AGENT: definition.is_agent,
            Role.PERSON: definition.is_person,
        }.get(use.role, not use.types or type_name in use.types)
        if fitting:
            yield Candidate(name, Kind.FIXTURE, type_name, rank=0)


def _fixtures(names: Names, workspace: Workspace) -> Iterator[tuple[str, str]]:
    for symbol, declared in workspace.index.declared.items():
        if symbol.kind is Kind.FIXTURE and symbol.home == names.bundle.name:
            assert isinstance(declared.node, nodes.FixtureDecl)
            yield symbol.name, declared.node.entity.type.text


# ---------------------------------------------------------------- paths and values


def _path(use: PathUse) -> Iterator[Candidate]:
    path, env = use.path, use.env
    names = env.names
    if len(path.segments) == 1:
        yield from _start(use)
        return
    first = path.segments[0].text
    if len(path.segments) == 2 and first in names.enums:  # noqa: PLR2004 - `Level.member`
        yield from _members(names.enums[first])
        return
    last: Owners | None = None
    for step in scopes.steps(path, env, through=use.through):
        last = step.owners
    for label, fields in last.fields if last is not None else ():
        yield from _fields(fields, label)
    prefix = ".".join(segment.text for segment in path.segments[:-1]) + "."
    for name, const in names.values.items():
        if name.startswith(prefix):
            yield Candidate(name.removeprefix(prefix), Kind.CONST, describe(const.type))


def _start(use: PathUse) -> Iterator[Candidate]:
    """A path may begin with a member of the expected enum, a value, a root or a variable."""
    env, expected = use.env, use.expected
    names = env.names
    wanted = expected.item if isinstance(expected, CollT) else expected
    if isinstance(wanted, EnumT):
        yield from _members(wanted)
    for name, typed in (env.variables or {}).items():
        yield Candidate(name, Kind.VARIABLE, describe(typed.type), rank=0)
    for name in ROOTS:
        if _has_meaning(name, use):
            yield Candidate(name, KEYWORD, "", keyword_help().get(name, ""), rank=1)
    for name, const in names.values.items():
        if "." not in name and _stands(const.type, expected):
            kind = Kind.GROUP if name in names.group_decls else Kind.CONST
            rank = 1 if expected is None else 0
            yield Candidate(name, kind, describe(const.type), rank=rank)
    if expected == TIMESTAMP:
        for name in _plain(names.windows):
            yield Candidate(name, Kind.WINDOW, rank=0)
    if expected is None:
        yield from _predicates(names)


def _has_meaning(root: str, use: PathUse) -> bool:
    scope = use.env.scope
    match root:
        case "principal":
            return scope.principals is not None
        case "approver":
            return bool(scope.approvers)
        case "resource":
            return bool(scope.resources)
        case "risk":
            return use.env.names.has_risk and scope.has_tier
        case _:
            return True


def _stands(found: Type, expected: Type | None) -> bool:
    """Whether a value of type ``found`` may stand next to, or hold, an ``expected`` one."""
    item = found.item if isinstance(found, CollT) else found
    if expected is None or fits(item, expected):
        return True
    if isinstance(item, EntityT):
        return isinstance(expected, EntityT)
    return (item, expected) == (CIDR, IP)


def _predicates(names: Names) -> Iterator[Candidate]:
    for name, predicate in names.predicates.items():
        if "." not in name:
            params = predicate.params
            said = ", ".join(f"{n}: {describe(t)}" for n, t in (params or {}).items())
            insert = name if params is None else f"{name}("
            yield Candidate(name, Kind.PREDICATE, f"({said})" if said else "", insert=insert)


def _members(enum: EnumT) -> Iterator[Candidate]:
    yield from (Candidate(member, Kind.MEMBER, enum.name, rank=0) for member in enum.members)


def _fields(fields: Iterable[FieldT], label: str, suffix: str = "") -> Iterator[Candidate]:
    for field in fields:
        optional = "?" if field.may_be_absent else ""
        flags = [
            w for w, holds in (("untrusted", field.untrusted), ("secret", field.secret)) if holds
        ]
        detail = " ".join([f"{optional}: {describe(field.type)}".strip(), *flags])
        insert = f"{field.name}{suffix}"
        yield Candidate(field.name, Kind.FIELD, detail, f"Of `{label}`.", insert, rank=0)


def _values(use: ValueUse, workspace: Workspace) -> Iterator[Candidate]:
    names, expected = use.names, use.expected
    wanted = expected.item if isinstance(expected, CollT) else expected
    if isinstance(wanted, EnumT):
        yield from _members(wanted)
        return
    if use.fixtures:
        for name, type_name in _fixtures(names, workspace):
            if not isinstance(wanted, EntityT) or type_name in wanted.names:
                yield Candidate(name, Kind.FIXTURE, type_name, rank=0)
    for name, const in names.values.items():
        if "." not in name and (wanted is None or fits(const.type, wanted)):
            kind = Kind.GROUP if name in names.group_decls else Kind.CONST
            yield Candidate(name, kind, describe(const.type), rank=0)
