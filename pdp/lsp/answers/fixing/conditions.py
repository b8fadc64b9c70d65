"""Conditions put right: guards, numbers in the right form, bounds."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

from pdp.lang import nodes
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.source import Span
from pdp.lsp.answers.edits import Edit
from pdp.lsp.answers.fixing import guards
from pdp.lsp.answers.fixing.fix import Fix, edit_of, insertion, replacement
from pdp.lsp.answers.fixing.guards import trail
from pdp.lsp.workspace import Workspace

_NUMBER: Final = re.compile(r"[0-9_]+(?:\.[0-9]+)?\Z")


def number(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """A literal in the form of the other side: ``5`` as ``5.00``, or ``5.00`` as ``5``."""
    if "do not mix" not in diagnostic.help:
        return
    lines = workspace.lines(diagnostic.span.file)
    for node in trail(workspace.tree(diagnostic.span.file), diagnostic.span):
        match node:
            case nodes.Compare(span=diagnostic.span):
                sides: tuple[nodes.Expr, ...] = (node.left, node.right)
            case nodes.Sum(span=diagnostic.span) | nodes.Product(span=diagnostic.span):
                sides = node.operands
            case _:
                continue
        for side in sides:
            literal = side.operand if isinstance(side, nodes.Negative) else side
            if isinstance(literal, nodes.Literal) and literal.kind in {"int", "decimal"}:
                start, end = lines.range(literal.span)
                yield from _other_form(workspace, diagnostic, literal.span, lines.text[start:end])


def _other_form(
    workspace: Workspace, diagnostic: Diagnostic, span: Span, written: str
) -> Iterator[Fix]:
    whole, point, decimals = written.partition(".")
    if not _NUMBER.match(written) or (point and decimals.strip("0")):
        return
    text = whole if point else f"{written}.00"
    yield Fix(f"write `{text}`", diagnostic, (edit_of(workspace, span, text),), is_certain=True)


def mismatch(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """A whole number where a decimal is declared."""
    if diagnostic.message == "expected decimal, found int":
        start, end = workspace.lines(diagnostic.span.file).range(diagnostic.span)
        written = workspace.lines(diagnostic.span.file).text[start:end]
        if _NUMBER.match(written.removeprefix("-")):
            yield replacement(workspace, diagnostic, f"{written}.00", is_certain=True)


def bounds(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    _, end = workspace.lines(diagnostic.span.file).range(diagnostic.span)
    edit = insertion(workspace, diagnostic.span.file, end, "[0..100]")
    yield Fix("add `[0..100]`", diagnostic, (edit,))


def guard(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """``has p and`` in front of the condition, and outside of any ``not``."""
    path = re.match(r"write `has ([^`]+) and …` before it", diagnostic.help)
    if path is not None:
        edits = guards.guarded(workspace, diagnostic.span, f"has {path[1]}", path[1])
        if edits:
            yield Fix(f"ask `has {path[1]}` first", diagnostic, edits, is_certain=True)


def not_empty(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """``count(p) > 0 and`` in front of an ``every``."""
    path = re.match(r"write `count\(([^`]+)\) > 0 and every …`", diagnostic.help)
    if path is not None:
        guard = f"count({path[1]}) > 0"
        edits = guards.guarded(workspace, diagnostic.span, guard, path[1])
        if edits:
            yield Fix(f"ask `{guard}` first", diagnostic, edits)


def caught(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """``has p and p < x`` as ``(not has p or p < x)``: leaving p out is no way around."""
    if not diagnostic.related:
        return
    guard = diagnostic.related[0][0]
    found = trail(workspace.tree(diagnostic.span.file), diagnostic.span)
    lines = workspace.lines(diagnostic.span.file)
    for junction, operand in itertools.pairwise(found):
        if not isinstance(junction, nodes.Junction) or operand not in junction.operands:
            continue
        index = junction.operands.index(operand)
        if index and junction.operands[index - 1].span == guard:
            start, end = lines.range(guard)
            test_start, test_end = lines.range(operand.span)
            text = f"(not {lines.text[start:end]} or {lines.text[test_start:test_end]})"
            edit = Edit(diagnostic.span.file, start, test_end, text)
            yield Fix(f"write `{text}`", diagnostic, (edit,))


def for_anyone(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    for node in trail(workspace.tree(diagnostic.span.file), diagnostic.span):
        if isinstance(node, nodes.RuleDecl):
            edit = edit_of(workspace, node.effect.who.span, "anyone")
            yield Fix("write `for anyone`", diagnostic, (edit,))
