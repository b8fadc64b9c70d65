"""What people wrote, piece by piece: each declaration and each rule under a name of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pdp.lang import nodes
from pdp.lang.checker import read_sources
from pdp.lang.parser import parse
from pdp.lang.source import Source, Span

_KINDS: Final = {
    nodes.BundleDecl: "bundle",
    nodes.ImportDecl: "import",
    nodes.TypeDecl: "type",
    nodes.EntityDecl: "entity",
    nodes.ActionDecl: "action",
    nodes.ActionsDecl: "actions",
    nodes.GroupDecl: "group",
    nodes.ConstDecl: "const",
    nodes.DataDecl: "data",
    nodes.PredicateDecl: "predicate",
    nodes.WindowDecl: "window",
    nodes.RouteDecl: "route",
    nodes.BudgetDecl: "budget",
    nodes.FixtureDecl: "fixture",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A declaration or a rule: ``text`` as written, ``words`` without spaces that mean nothing."""

    kind: str
    name: str
    text: str

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def pieces_of(files: Mapping[str, bytes]) -> dict[tuple[str, str], Piece]:
    """Every piece of policies that check, by kind and name."""
    found: dict[tuple[str, str], Piece] = {}
    for source in read_sources(files).values():
        for decl in parse(source)[0].declarations:
            for piece in _pieces(decl, source):
                key = (piece.kind, piece.name)
                # Several bundles may each have one of a name; a context has a name in none.
                before = found.get(key)
                text = piece.text if before is None else f"{before.text}\n{piece.text}"
                found[key] = Piece(*key, text)
    return found


def _pieces(decl: nodes.Declaration, source: Source) -> Iterator[Piece]:
    match decl:
        case nodes.PolicyDecl():
            yield Piece("policy", decl.name.text, _head(decl, source))
            for rule in decl.rules:
                name = f"{decl.name.text}.{rule.name.text}"
                yield Piece("rule", name, _text(rule.span, source))
        case nodes.RiskDecl():
            for factor in decl.points:
                yield Piece("risk factor", factor.reason.value, _text(factor.span, source))
            for tier in decl.tiers:
                yield Piece("risk tier", tier.name.text, _text(tier.span, source))
        case nodes.EnumDecl():
            kind = "level" if decl.ordered else "enum"
            yield Piece(kind, decl.name.text, _text(decl.span, source))
        case nodes.ContextDecl():
            yield Piece("context", "", _text(decl.span, source))
        case nodes.InvariantDecl() | nodes.TestDecl():
            kind = "invariant" if isinstance(decl, nodes.InvariantDecl) else "test"
            yield Piece(kind, decl.title.value, _text(decl.span, source))
        case _:
            yield Piece(_KINDS[type(decl)], decl.name.text, _text(decl.span, source))


def _head(decl: nodes.PolicyDecl, source: Source) -> str:
    """A policy without its rules: title, owner, contact, reason, shadow."""
    first = decl.span.line
    lines = _text(decl.span, source).split("\n")
    for rule in decl.rules:
        for number in range(rule.span.line, rule.span.end_line + 1):
            lines[number - first] = ""
    return "\n".join(line for line in lines if line.strip())


def _text(span: Span, source: Source) -> str:
    """As it is set, but for the indentation that all its lines share."""
    lines = source.text.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = " " * (span.column - 1) + lines[0][span.column - 1 :]
    return textwrap.dedent("\n".join(lines))
