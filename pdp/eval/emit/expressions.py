"""Checked expressions to Python expression nodes, in a fast and an exact form. Compiles nothing.

Both forms come from the same methods, so they cannot drift. They differ in two things: junctions,
``not`` and quantifiers are plain Python or three-valued (here), and entities are reached by locals
or by calls that know their place (``pdp.eval.emit.paths``). Where the fast form answers, the exact
one gives the same answer; where it raises, only the exact one is believed. No source text is made.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, assert_never

from pdp.eval.emit.nodes import call, compare, constant, method, name, thunk
from pdp.eval.emit.paths import BOUND, VARIABLE, Paths, Scope
from pdp.lang.checked import (
    And,
    Attr,
    Begins,
    Compare,
    Const,
    Count,
    Expr,
    Has,
    InCollection,
    InEntity,
    Like,
    Not,
    Or,
    Quantified,
    Root,
    Scale,
    Sum,
    Var,
)
from pdp.lang.source import Span
from pdp.lang.types import DECIMAL, DECIMAL_SCALE

_OPERATORS: Final[Mapping[str, type[ast.cmpop]]] = {
    "==": ast.Eq, "!=": ast.NotEq, "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE,
}  # fmt: skip
_Junction: TypeAlias = "And | Or"


class Emitter:
    """Emits the expressions of one generated function; ``paths`` holds what the function needs.

    ``mark`` gives a node the place of the expression it came from.
    """

    def __init__(
        self, scope: Scope, mark: Callable[[ast.expr, Span], None], *, is_exact: bool
    ) -> None:
        self._mark: Final = mark
        self._is_exact: Final = is_exact
        self.paths: Final = Paths(scope, is_exact=is_exact)

    # ------------------------------------------------------------ truth

    def truth(self, expr: Expr) -> ast.expr:
        """A bool in the fast form, a runtime.Truth in the exact one; either may raise EvalError."""
        node = self._truth(expr)
        self._mark(node, expr.span)
        return node

    def _truth(self, expr: Expr) -> ast.expr:
        match expr:
            case And() | Or():
                return self._junction(expr)
            case Not():
                operand = self.truth(expr.operand)
                if isinstance(operand, ast.Constant):
                    return constant(not operand.value)
                return self._negated(operand)
            case Quantified():
                return self._quantified(expr)
            case _:
                return self._strict(expr)

    def _negated(self, node: ast.expr) -> ast.expr:
        return call("k_not", thunk(node)) if self._is_exact else ast.UnaryOp(ast.Not(), node)

    def _junction(self, expr: _Junction) -> ast.expr:
        # One false operand settles an And, whatever errs beside it; so does a true one an Or.
        is_or = isinstance(expr, Or)
        operands = []
        for operand in expr.operands:
            node = self.truth(operand)
            if not isinstance(node, ast.Constant):
                operands.append(node)
            elif node.value is is_or:
                return constant(is_or)
        if not operands:
            return constant(not is_or)
        if len(operands) == 1:
            return operands[0]
        if self._is_exact:
            return call("k_or" if is_or else "k_and", *[thunk(node) for node in operands])
        return ast.BoolOp(ast.Or() if is_or else ast.And(), operands)

    def _quantified(self, expr: Quantified) -> ast.expr:
        is_every = expr.quantifier == "every"
        self.paths.is_in_iterable = True
        members = self.value(expr.collection)
        self.paths.is_in_iterable = False
        variable = VARIABLE + expr.variable
        body = self.truth(expr.body)
        if self._is_exact:
            node = call("k_every" if is_every else "k_some", members, thunk(body, variable))
        else:
            loop = ast.comprehension(ast.Name(variable, ast.Store()), members, [], 0)
            node = call("all" if is_every else "any", ast.GeneratorExp(body, [loop]))
        return self._negated(node) if expr.quantifier == "no" else node

    # ------------------------------------------------------------ values

    def value(self, expr: Expr) -> ast.expr:
        """The value; in both forms an error is raised."""
        match expr:
            case And() | Or() | Not() | Quantified():
                node = self.truth(expr)
                if self._is_exact and not isinstance(node, ast.Constant):
                    node = call("decided", node)
            case _:
                node = self._strict(expr)
        self._mark(node, expr.span)
        return node

    def _strict(self, expr: Expr) -> ast.expr:
        """Operands run from left to right: the first error raised is the first in source order."""
        match expr:
            case Const() | Root() | Var() | Attr():
                return self.paths.value(expr)
            case Has():
                return self.paths.has(expr)
            case Compare():
                left, right = self._aligned([expr.left, expr.right])
                return compare(left, _OPERATORS[expr.op](), right)
            case InCollection():
                return self._in_collection(expr)
            case InEntity():
                return self._in_entity(expr)
            case Like():
                return self._like(expr)
            case Begins():
                return call("begins", self.value(expr.subject), constant(expr.prefix))
            case Count():
                return call("len", self.value(expr.collection))
            case Sum():
                return self._sum(expr)
            case Scale():
                return ast.BinOp(self.value(expr.operand), ast.Mult(), self.value(expr.factor))
            case And() | Or() | Not() | Quantified():
                raise AssertionError(f"{type(expr).__name__} is not strict")
            case _:
                assert_never(expr)

    def _sum(self, expr: Sum) -> ast.expr:
        total: ast.expr | None = None
        nodes = self._aligned([operand for _, operand in expr.terms])
        for (sign, _), node in zip(expr.terms, nodes, strict=True):
            if total is not None:
                total = ast.BinOp(total, ast.Add() if sign > 0 else ast.Sub(), node)
            else:
                total = node if sign > 0 else ast.UnaryOp(ast.USub(), node)
        if total is None:
            raise AssertionError("a sum without terms")
        return total

    def _aligned(self, operands: list[Expr]) -> list[ast.expr]:
        """The operands in one common unit: the finest among them, so that nothing is rounded."""
        scales = [scale_of(operand) for operand in operands]
        nodes = []
        for operand, scale in zip(operands, scales, strict=True):
            factor = DECIMAL_SCALE ** (max(scales) - scale)
            node = self.value(operand)
            if factor != 1:
                node = ast.BinOp(node, ast.Mult(), constant(factor))
            nodes.append(node)
        return nodes

    # ------------------------------------------------------------ tests

    def _in_entity(self, expr: InEntity) -> ast.expr:
        ancestors = self.paths.ancestors_local(expr.item)
        if ancestors is not None:
            return compare(self.value(expr.ancestor), ast.In(), ancestors)
        uid, ancestor = self.value(expr.item), self.value(expr.ancestor)
        return call("below", name(BOUND), uid, ancestor, self.paths.place(expr.span))

    def _in_collection(self, expr: InCollection) -> ast.expr:
        item = self.value(expr.item)
        members = self._members(expr.collection)
        scale = scale_of(expr.item)
        if scale:
            return call("in_scaled", item, members, constant(DECIMAL_SCALE**scale))
        return compare(item, ast.In(), members)

    def _members(self, collection: Expr) -> ast.expr:
        """A constant collection of plain values is looked up by hash; its values have one type."""
        if isinstance(collection, Const) and isinstance(collection.value, tuple):
            values = collection.value
            if all(isinstance(item, bool | int | str) for item in values):
                return constant(frozenset(values))
        return self.value(collection)

    def _like(self, expr: Like) -> ast.expr:
        subject = self.value(expr.subject)
        prefix, suffix = expr.parts[0], expr.parts[-1]
        if len(expr.parts) == 1:
            return compare(subject, ast.Eq(), constant(prefix))
        middles = tuple(part for part in expr.parts[1:-1] if part)
        if not middles and not suffix:
            return method(subject, "startswith", constant(prefix))
        if not middles and not prefix:
            return method(subject, "endswith", constant(suffix))
        if len(middles) == 1 and not prefix and not suffix:
            return compare(constant(middles[0]), ast.In(), subject)
        return call("like", subject, constant(prefix), constant(middles), constant(suffix))


def scale_of(expr: Expr) -> int:
    """How often the value of ``expr`` must be divided by DECIMAL_SCALE to be in its type's unit.

    Each product of two decimals adds one; a sum has the scale of its finest term.
    """
    match expr:
        case Scale():
            return scale_of(expr.operand) + (1 if expr.type == DECIMAL else 0)
        case Sum():
            return max([scale_of(operand) for _, operand in expr.terms], default=0)
        case _:
            return 0


__all__ = ["Emitter", "scale_of"]
