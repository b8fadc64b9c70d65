"""Declarations that nothing refers to, and imports of which nothing is used; by names alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from pdp.lang import nodes
from pdp.lang.declared.bundles import Bundle
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.lints import complaints
from pdp.lang.lints.program import Program, walk

# A kind of name (value, type, action, route, fixture or context field) and the name.
Reference: TypeAlias = "tuple[str, str]"

# What others may use without a name: requests bring entities of any type and ask for any action.
_FREE: Final = frozenset({"entity", "action"})


def check(program: Program) -> Iterator[Diagnostic]:
    """Unused declarations of bundles that have policies, and unused imports.

    A bundle without policies declares for others, who need not be loaded.
    """
    used = {bundle.name: set(_references(bundle.declarations)) for bundle in program.bundles}
    everywhere = {bundle.name: _used_of(bundle, program, used) for bundle in program.bundles}
    for bundle in program.bundles:
        if any(isinstance(decl, nodes.PolicyDecl) for decl in bundle.declarations):
            yield from _unused(bundle, everywhere[bundle.name])
        for other in program.bundles:
            if other.name in bundle.imports and not _named_by(other, used[bundle.name]):
                yield complaints.unused_import(bundle.imports[other.name], other.name)


def _unused(bundle: Bundle, used: set[Reference]) -> Iterator[Diagnostic]:
    for decl in bundle.declarations:
        found = _named(decl)
        if found is not None:
            space, kind, name = found
            if kind not in _FREE and (space, name.text) not in used:
                yield complaints.unused(name.span, kind, name.text)


def _named(decl: nodes.Declaration) -> tuple[str, str, nodes.Name] | None:
    """The space of what is declared, what people call it, and its name."""
    match decl:
        case nodes.GroupDecl():
            return "value", "group", decl.name
        case nodes.ConstDecl():
            return "value", "const", decl.name
        case nodes.DataDecl():
            return "value", "data", decl.name
        case nodes.PredicateDecl():
            return "value", "predicate", decl.name
        case nodes.WindowDecl():
            return "value", "window", decl.name
        case nodes.EnumDecl():
            return "type", "level" if decl.ordered else "enum", decl.name
        case nodes.TypeDecl():
            return "type", "type", decl.name
        case nodes.EntityDecl():
            return "type", "entity", decl.name
        case nodes.ActionDecl():
            return "action", "action", decl.name
        case nodes.ActionsDecl():
            return "action", "action set", decl.name
        case nodes.RouteDecl():
            return "route", "route", decl.name
        case nodes.FixtureDecl():
            return "fixture", "fixture", decl.name
        case _:
            return None


def _used_of(bundle: Bundle, program: Program, used: dict[str, set[Reference]]) -> set[Reference]:
    """What the bundle and those that import it refer to, qualified names without the bundle."""
    found: set[Reference] = set()
    for other in program.bundles:
        if other.sees(bundle.name):
            found |= used[other.name]
    prefix = f"{bundle.name}."
    return found | {(space, name.removeprefix(prefix)) for space, name in found}


def _named_by(other: Bundle, used: set[Reference]) -> bool:
    """Whether the references may mean something of the bundle, by plain or qualified name."""
    return any(
        reference in used or (reference[0], f"{other.name}.{reference[1]}") in used
        for reference in _declared(other)
    )


def _declared(bundle: Bundle) -> Iterator[Reference]:
    """All that the names of a bundle can be asked by; members of enums are bare values too."""
    for decl in bundle.declarations:
        if isinstance(decl, nodes.EnumDecl):
            yield from (("value", member.name.text) for member in decl.members)
        if isinstance(decl, nodes.ContextDecl):
            yield from (("context", field.name.text) for field in decl.record.fields)
        found = _named(decl)
        if found is not None:
            yield found[0], found[2].text


# ---------------------------------------------------------------- references


def _references(declarations: Iterable[nodes.Declaration]) -> Iterator[Reference]:
    """Every name that the declarations refer to, by space. A path is read as all it may be."""
    for node in walk(declarations):
        match node:
            case nodes.Path():
                yield from _path(node)
            case nodes.NamedType():
                yield ("type", node.name)
            case nodes.Call():
                yield ("value", node.name.text)
            case nodes.EntityLiteral():
                yield ("type", node.type.text)
            case nodes.EntityDecl():
                yield from _names("type", node.parents)
            case nodes.ActionDecl():
                yield from _names("type", node.resources)
            case nodes.ActionsDecl():
                yield from _names("action", node.members)
            case nodes.Target():
                yield from _names("action", node.actions)
            case nodes.EffectNode() | nodes.Tier():
                yield from _names("route", node.routes)
            case nodes.WhoItem() | nodes.ResourceItem():
                yield from _names("type", (node.type,))
                yield from _names("value", (node.group,))
            case _:
                yield from _rarer(node)


def _rarer(node: object) -> Iterator[Reference]:
    match node:
        case nodes.NeedItem():
            yield ("value", node.group.text)
        case nodes.EscalateItem() | nodes.Outcome():
            yield from _names("route", (node.route,))
        case nodes.WindowDecl():
            yield from _names("value", (node.holidays,))
        case nodes.NotifyObligation(target=nodes.Name(text=name)):
            yield ("value", name)
        case nodes.ContextItem():
            yield from (("context", name.text) for name, _ in node.record.pairs)
        case nodes.ConstDecl():
            yield from _values((node.value,))
        case nodes.ListValue():
            yield from _values(node.items)
        case nodes.RecordValue():
            yield from _values(value for _, value in node.pairs)
        case nodes.FixtureDecl():
            yield from _values(node.parents)
        case nodes.AgentItem():
            yield from _names("fixture", node.names)
        case nodes.UserItem():
            yield ("fixture", node.name.text)
        case nodes.DoItem():
            yield ("action", node.action.text)
            yield from _names("fixture", (node.resource,))
        case _:
            return


def _names(space: str, names: Iterable[nodes.Name | None]) -> Iterator[Reference]:
    return ((space, name.text) for name in names if name is not None)


def _values(values: Iterable[nodes.Value]) -> Iterator[Reference]:
    """A bare name among values: a group, a fixture or a member."""
    for value in values:
        if isinstance(value, nodes.Name):
            yield ("value", value.text)
            yield ("fixture", value.text)


def _path(path: nodes.Path) -> Iterator[Reference]:
    words = [segment.text for segment in path.segments]
    if words[0] == "context" and len(words) > 1:
        yield ("context", words[1])
    for count in range(1, len(words) + 1):
        name = ".".join(words[:count])
        yield ("value", name)
        yield ("type", name)
