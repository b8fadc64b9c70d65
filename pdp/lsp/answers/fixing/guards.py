"""Puts one more condition in front of another, where it proves something for the rest."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from pdp.lang import nodes
from pdp.lang.source import Span
from pdp.lsp.answers.edits import Edit
from pdp.lsp.workspace import Workspace

_CONDITIONS: Final = (
    nodes.Compare, nodes.MemberOf, nodes.TextTest, nodes.Begins, nodes.Quantified, nodes.Call,
    nodes.Path,
)  # fmt: skip
_IN_A_CONDITION: Final = (*_CONDITIONS, nodes.Sum, nodes.Product, nodes.Negative, nodes.ListExpr)


def trail(tree: nodes.PolicyFile, span: Span) -> list[Any]:
    """The nodes that hold a span, from the declaration to the smallest."""
    found: list[Any] = []
    level: list[Any] = list(tree.declarations)
    while True:
        inner = next((node for node in level if _holds(node.span, span)), None)
        if inner is None:
            return found
        found.append(inner)
        level = _children(inner)


def _holds(outer: Span, inner: Span) -> bool:
    return (outer.line, outer.column) <= (inner.line, inner.column) and (
        inner.end_line,
        inner.end_column,
    ) <= (outer.end_line, outer.end_column)


def _children(node: Any) -> list[Any]:
    children: list[Any] = []
    values = [getattr(node, f.name) for f in dataclasses.fields(node)]
    while values:
        value = values.pop(0)
        if isinstance(value, tuple):
            values = [*value, *values]
        elif dataclasses.is_dataclass(value) and not isinstance(value, Span):
            children.append(value)
    return children


def guarded(workspace: Workspace, span: Span, guard: str, path: str) -> tuple[Edit, ...]:
    """``guard and`` in front of the condition that holds ``span``; empty where none does.

    Outside of every ``not``, so that what is absent makes the whole false; but inside of the
    quantifier whose variable ``path`` starts with.
    """
    nodes_found = trail(workspace.tree(span.file), span)
    place = _condition(nodes_found, path.partition(".")[0])
    if place is None:
        return ()
    target = nodes_found[place]
    parent = nodes_found[place - 1]
    lines = workspace.lines(span.file)
    start, end = lines.range(target.span)
    before = Edit(span.file, start, start, f"{guard} and ")
    is_plain = not isinstance(parent, nodes.Junction) or {w.text for w in parent.words} == {"and"}
    if is_plain:
        return (before,)
    return (dataclasses.replace(before, text=f"({guard} and "), Edit(span.file, end, end, ")"))


def _condition(found: list[Any], root: str) -> int | None:
    """The index of the condition to guard."""
    place = len(found) - 1
    while place > 0 and not isinstance(found[place], _CONDITIONS):
        place -= 1
    # A value inside a comparison is part of that condition.
    while place > 0 and isinstance(found[place - 1], _IN_A_CONDITION):
        if _binds(found[place - 1], found[place], root):
            break
        place -= 1
    if place <= 0 or not isinstance(found[place], _CONDITIONS):
        return None
    return _outside_not(found, place, root)


def _outside_not(found: list[Any], place: int, root: str) -> int:
    outer = place
    for index in range(place - 1, 0, -1):
        node = found[index]
        if isinstance(node, nodes.Not):
            outer = index
        elif isinstance(node, nodes.Quantified):
            if node.variable.text == root:
                break
        elif not isinstance(node, nodes.Group | nodes.Junction):
            break
    return outer


def _binds(parent: Any, child: Any, root: str) -> bool:
    """Whether ``child`` is the body of a quantifier over what the path starts with."""
    return (
        isinstance(parent, nodes.Quantified)
        and child is parent.body
        and (parent.variable.text == root or isinstance(child, nodes.Group | nodes.Junction))
    )
