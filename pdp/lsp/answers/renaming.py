"""A name changed everywhere at once, or a reason why not. Nothing is renamed that changes meaning.

The edits are tried on a copy of the bundle: it must have no new mistake, and every other name must
mean what it meant before. What callers spell stays as it is: a renamed action, parameter,
attribute or member keeps its old name as its wire name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from pdp.lang import nodes
from pdp.lang.declared.report import RESERVED
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.types import CollT, EntityT, EnumT, FieldT, Prim, RecordT, Type
from pdp.lsp.answers.edits import Edit, applied
from pdp.lsp.answers.navigation import occurrences_at
from pdp.lsp.symbols import Index, Kind, Occurrence, Symbol
from pdp.lsp.workspace import Workspace, open_workspace
from pdp.model import PdpError

_LOWER: Final = re.compile(r"[a-z_][A-Za-z0-9_]*")
_UPPER: Final = re.compile(r"[A-Z][A-Za-z0-9_]*")
_DOTTED: Final = re.compile(r"[a-z_][A-Za-z0-9_]*(\.[a-z_][A-Za-z0-9_]*)*")
# Every keyword may be a field name; what stands in a condition by itself may not be reserved.
_CHECKED: Final = frozenset(Kind) - {Kind.FIELD, Kind.MEMBER, Kind.POLICY, Kind.RULE, Kind.ACTION}


class NotRenamed(PdpError):
    """Why a name cannot be changed; nothing was."""


def renamable(workspace: Workspace, file: str, offset: int) -> tuple[int, int] | None:
    """The offsets of the name that a rename at an offset would change; None where there is none."""
    found = occurrences_at(workspace, file, offset)
    return workspace.lines(file).range(found[0].span) if found else None


def rename(workspace: Workspace, file: str, offset: int, new: str) -> list[Edit]:
    """The edits that give the name at an offset another one. Raises NotRenamed."""
    found = occurrences_at(workspace, file, offset)
    if not found:
        raise NotRenamed("there is no name here that a bundle declares")
    symbol = _the_one(workspace, found)
    _check_name(symbol, new, workspace)
    unread = workspace.syntax_errors()
    if unread:
        where = f"{unread[0].span.file}:{unread[0].span.line}"
        raise NotRenamed(f"correct the syntax error at {where} first: names there are not known")
    if new == symbol.name:
        return []
    edits = edits_for(workspace, symbol, new)
    _prove(workspace, new, edits)
    return edits


def _the_one(workspace: Workspace, found: Sequence[Occurrence]) -> Symbol:
    """The symbol to rename: one that shares no place with another."""
    symbol = found[0].symbol
    declared = workspace.index.declared[symbol]
    if symbol.kind is Kind.TIER:
        raise NotRenamed("a tier is named after a level of `Risk`, which is built in")
    if isinstance(declared.node, nodes.EntityDecl):
        raise NotRenamed(
            f"requests and directory files name `{symbol.name}`, so renaming it would refuse them;"
            " change all of them by hand, together"
        )
    places = {o.span for o in workspace.index.occurrences[symbol]}
    for other, occurrences in workspace.index.occurrences.items():
        shared = next((o for o in occurrences if o.span in places), None)
        if other != symbol and shared is not None:
            where = f"{shared.span.file}:{shared.span.line}"
            raise NotRenamed(
                f"at {where} `{symbol.name}` is {_said(symbol)} and {_said(other)} at once;"
                " rename both by hand"
            )
    return symbol


def _said(symbol: Symbol) -> str:
    return f"that of `{symbol.home}`" if symbol.kind is Kind.FIELD else f"a {symbol.kind.value}"


def _check_name(symbol: Symbol, new: str, workspace: Workspace) -> None:
    """A name that the grammar takes, that is not reserved and that nothing else has."""
    match symbol.kind:
        case Kind.TYPE:
            pattern, shape = _UPPER, "a capital letter, then letters, digits and _"
        case Kind.MEMBER:
            upper = symbol.name[:1].isupper()
            pattern = _UPPER if upper else _LOWER
            shape = f"{'a capital' if upper else 'a small'} letter, then letters, digits and _"
        case Kind.ACTION | Kind.BUNDLE:
            pattern, shape = _DOTTED, "small letters, digits and _, in parts joined by dots"
        case _:
            pattern, shape = _LOWER, "a small letter, then letters, digits and _"
    if not pattern.fullmatch(new):
        raise NotRenamed(f"`{new}` is not a name for this; write {shape}")
    if symbol.kind in _CHECKED and new in RESERVED:
        raise NotRenamed(f"`{new}` is a reserved word; choose another name")
    for other, declared in workspace.index.declared.items():
        if other.name == new and other.home == symbol.home and _clashes(other.kind, symbol.kind):
            where = f"{declared.name.span.file}:{declared.name.span.line}"
            raise NotRenamed(f"`{new}` is taken: {where} declares it")


_SHARED: Final = (
    {Kind.GROUP, Kind.CONST, Kind.DATA, Kind.PREDICATE, Kind.WINDOW, Kind.FIXTURE},
    {Kind.PARAMETER, Kind.VARIABLE},
)


def _clashes(one: Kind, other: Kind) -> bool:
    return one is other or any({one, other} <= kinds for kinds in _SHARED)


def edits_for(workspace: Workspace, symbol: Symbol, new: str) -> list[Edit]:
    """The edits that rename every occurrence; whether they keep all meaning is proved apart."""
    edits = []
    for occurrence in workspace.index.occurrences[symbol]:
        start, end = workspace.lines(occurrence.span.file).range(occurrence.span)
        edits.append(Edit(occurrence.span.file, start, end, new))
    kept = _wire_kept(workspace, symbol)
    if kept is not None:
        edits.append(kept)
    return sorted(edits)


def _wire_kept(workspace: Workspace, symbol: Symbol) -> Edit | None:
    """The old name as wire name, where callers spell it and nothing says how yet."""
    declared = workspace.index.declared[symbol]
    node = declared.node
    if not isinstance(node, nodes.ActionDecl | nodes.Field | nodes.Member) or node.wire is not None:
        return None
    _, end = workspace.lines(declared.name.span.file).range(declared.name.span)
    return Edit(declared.name.span.file, end, end, f' "{symbol.name}"')


# ---------------------------------------------------------------- the proof


def _prove(workspace: Workspace, new: str, edits: Sequence[Edit]) -> None:
    files = dict(workspace.files)
    for file in {edit.file for edit in edits}:
        text = applied(workspace.lines(file).text, [e for e in edits if e.file == file])
        files[file] = text.encode()
    after = open_workspace(files, workspace)
    worse = _new_mistakes(workspace.found.diagnostics, after.found.diagnostics)
    if worse:
        first = worse[0]
        raise NotRenamed(f"it would be wrong: {first.span.file}:{first.span.line}: {first.message}")
    if _meanings(workspace.index) != _meanings(after.index):
        raise NotRenamed(f"with `{new}` some other name would mean something else")
    if _spelt(workspace) != _spelt(after):
        raise NotRenamed("it would change how callers spell a request")


def _new_mistakes(before: Sequence[Diagnostic], after: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Errors there are more of than before, by file and code: their places and words may change."""
    old = Counter((d.span.file, d.code.code) for d in before if d.is_error)
    fresh: list[Diagnostic] = []
    for diagnostic in after:
        key = (diagnostic.span.file, diagnostic.code.code)
        if diagnostic.is_error and old[key] == 0:
            fresh.append(diagnostic)
        elif diagnostic.is_error:
            old[key] -= 1
    return fresh


def _meanings(index: Index) -> dict[str, list[int]]:
    """What every name means, file by file in order: the number of its declaration."""
    numbers: dict[Symbol, int] = {}
    for occurrences in index.by_file.values():
        for occurrence in occurrences:
            if occurrence.is_declaration:
                numbers.setdefault(occurrence.symbol, len(numbers))
    return {
        file: [numbers.get(occurrence.symbol, -1) for occurrence in occurrences]
        for file, occurrences in index.by_file.items()
    }


def _spelt(workspace: Workspace) -> list[object]:
    """What requests and directory files spell: types, and the wire names of all the rest."""
    schema = workspace.schema
    entities = [(e.name, _field_wires(e.fields)) for e in schema.entities.values()]
    actions = [(a.wire, _field_wires(a.fields)) for a in schema.actions.values()]
    return [*entities, *actions, _field_wires(schema.context)]


def _field_wires(fields: Iterable[FieldT]) -> list[object]:
    return [(field.wire, _type_wires(field.type)) for field in fields]


def _type_wires(type_: Type) -> object:
    match type_:
        case EnumT():
            return type_.spellings
        case CollT():
            return _type_wires(type_.item)
        case RecordT():
            return _field_wires(type_.fields)
        case Prim() | EntityT():
            return None
        case _:
            assert_never(type_)
