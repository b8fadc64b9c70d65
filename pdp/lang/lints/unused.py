"""Declarations that nothing refers to, and imports of which nothing is used; by names alone."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from pdp.lang import nodes
from pdp.lang.declared.bundles import Bundle
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.lints import complaints
from pdp.lang.lints.program import Program, Reference

# What others may use without a name: requests bring entities of any type and ask for any action.
_FREE: Final = frozenset({"entity", "action"})


def check(program: Program) -> Iterator[Diagnostic]:
    """Unused declarations of bundles that have policies, and unused imports.

    A bundle without policies declares for others, who need not be loaded.
    """
    for bundle in program.bundles:
        if any(isinstance(decl, nodes.PolicyDecl) for decl in bundle.declarations):
            yield from _unused(bundle, _used_of(bundle, program))
        for other in program.bundles:
            named = program.written[bundle.name].references
            if other.name in bundle.imports and not _is_named(other, named):
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


def _used_of(bundle: Bundle, program: Program) -> set[Reference]:
    """What the bundle and those that import it refer to, qualified names without the bundle."""
    readers = [other.name for other in program.bundles if other.sees(bundle.name)]
    found = {used for name in readers for used in program.written[name].references}
    prefix = f"{bundle.name}."
    return found | {(space, name.removeprefix(prefix)) for space, name in found}


def _is_named(other: Bundle, used: AbstractSet[Reference]) -> bool:
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
