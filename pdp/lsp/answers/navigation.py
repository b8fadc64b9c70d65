"""Where a name is declared and used, and what a file or a bundle declares, as an outline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pdp.lang import nodes
from pdp.lang.source import Span
from pdp.lsp.symbols import Kind, Occurrence
from pdp.lsp.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Target:
    """Offsets in a file of the bundle: policy or data."""

    file: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an outline; ``kind`` as an author says it. ``name_span`` lies in ``span``."""

    name: str
    kind: str
    span: Span
    name_span: Span
    detail: str = ""
    children: tuple[Entry, ...] = ()


def definition(workspace: Workspace, file: str, offset: int) -> list[Target]:
    """Where the name at an offset is declared; a data file for the text that names it."""
    found = occurrences_at(workspace, file, offset)
    targets = []
    for occurrence in found:
        declared = workspace.index.declared.get(occurrence.symbol)
        if declared is not None:
            targets.append(_target(workspace, declared.name.span))
    return targets or _data_file(workspace, file, offset)


def references(
    workspace: Workspace, file: str, offset: int, *, with_declaration: bool = True
) -> list[Target]:
    """Every place of what is named at an offset, file by file."""
    spans = {
        occurrence.span
        for here in occurrences_at(workspace, file, offset)
        for occurrence in workspace.index.occurrences.get(here.symbol, ())
        if with_declaration or not occurrence.is_declaration
    }
    return [_target(workspace, span) for span in sorted(spans)]


def occurrences_at(workspace: Workspace, file: str, offset: int) -> list[Occurrence]:
    """The innermost occurrences at an offset: several for a name with several declarations."""
    found = workspace.index.at(file, *workspace.lines(file).place(offset))
    if not found:
        return []
    innermost = max(found, key=lambda o: (o.span.line, o.span.column))
    return [o for o in found if o.span == innermost.span]


def _target(workspace: Workspace, span: Span) -> Target:
    return Target(span.file, *workspace.lines(span.file).range(span))


def _data_file(workspace: Workspace, file: str, offset: int) -> list[Target]:
    lines = workspace.lines(file)
    for decl in workspace.tree(file).declarations:
        if isinstance(decl, nodes.DataDecl):
            start, end = lines.range(decl.file.span)
            if start <= offset <= end and decl.file.value in workspace.files:
                return [Target(decl.file.value, 0, 0)]
    return []


# ---------------------------------------------------------------- outlines


def outline(workspace: Workspace, file: str) -> list[Entry]:
    """What a file declares, rules below their policies."""
    return [entry for decl in workspace.tree(file).declarations for entry in _entries(decl)]


def search(workspace: Workspace, query: str) -> list[Entry]:
    """Declared names of all files that hold the letters of ``query`` in order, in any case."""
    wanted = query.lower()
    return [
        entry
        for file in workspace.sources
        for top in outline(workspace, file)
        for entry in (top, *_named(top))
        if _holds(entry.name.lower(), wanted)
    ]


def _named(top: Entry) -> Sequence[Entry]:
    """The rules of a policy by their full names; fields and members are found in their type."""
    if top.kind != Kind.POLICY.value:
        return ()
    return [
        Entry(f"{top.name}.{rule.name}", rule.kind, rule.span, rule.name_span, rule.detail)
        for rule in top.children
    ]


def _holds(name: str, wanted: str) -> bool:
    letters = iter(name)
    return all(letter in letters for letter in wanted)


def _entries(decl: nodes.Declaration) -> Iterator[Entry]:
    match decl:
        case nodes.ImportDecl():
            return
        case nodes.ContextDecl() | nodes.RiskDecl():
            kind = "context" if isinstance(decl, nodes.ContextDecl) else "risk"
            start = decl.span
            head = Span(start.file, start.line, start.column, start.line, start.column + len(kind))
            yield Entry(kind, kind, decl.span, head, "", _children(decl))
        case nodes.InvariantDecl() | nodes.TestDecl():
            kind = "test" if isinstance(decl, nodes.TestDecl) else "invariant"
            yield Entry(decl.title.value or kind, kind, decl.span, decl.title.span)
        case _:
            yield Entry(
                decl.name.text, _kind(decl), decl.span, decl.name.span, _detail(decl),
                _children(decl),
            )  # fmt: skip


def _kind(decl: nodes.Declaration) -> str:
    match decl:
        case nodes.EnumDecl():
            return "level" if decl.ordered else "enum"
        case nodes.EntityDecl():
            return "entity"
        case nodes.ActionsDecl():
            return Kind.ACTION_SET.value
        case _:
            return type(decl).__name__.removesuffix("Decl").lower()


def _detail(decl: nodes.Declaration) -> str:
    match decl:
        case nodes.PolicyDecl(title=nodes.Text() as title):
            return title.value
        case nodes.GroupDecl() | nodes.FixtureDecl():
            return f"{decl.entity.type.text}::{decl.entity.id.written}"
        case nodes.ActionDecl():
            return f"{'reversible' if decl.reversible else 'irreversible'}, risk {decl.risk.text}"
        case nodes.EntityDecl():
            return " ".join(mark.text for mark in decl.marks)
        case _:
            return ""


def _children(decl: nodes.Declaration) -> tuple[Entry, ...]:
    match decl:
        case nodes.PolicyDecl():
            return tuple(
                Entry(rule.name.text, Kind.RULE.value, rule.span, rule.name.span, rule.effect.kind)
                for rule in decl.rules
            )
        case nodes.EnumDecl():
            return tuple(
                Entry(m.name.text, Kind.MEMBER.value, m.span, m.name.span) for m in decl.members
            )
        case nodes.RiskDecl():
            return tuple(
                Entry(t.name.text, Kind.TIER.value, t.span, t.name.span, f"from {t.from_points}")
                for t in decl.tiers
            )
        case nodes.TypeDecl() | nodes.ContextDecl() | nodes.EntityDecl() | nodes.ActionDecl():
            fields = decl.record.fields if decl.record is not None else ()
            return tuple(Entry(f.name.text, Kind.FIELD.value, f.span, f.name.span) for f in fields)
        case _:
            return ()
