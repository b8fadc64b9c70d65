"""Checked expressions to Python expression nodes, in a fast and an exact form. Compiles nothing.

Both forms come from the same methods, so they cannot drift. They differ in two things: junctions,
``not`` and quantifiers are plain Python or three-valued (here), and entities are reached by locals
or by calls that know their place (``pdp.eval.emit.paths``). Where the fast form answers, the exact
one gives the same answer; where it raises, only the exact one is believed. No source text is made.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Final, TypeAlias, assert_never

from pdp.eval.emit import matchers
from pdp.eval.emit.nodes import call, compare, constant, name, thunk
from pdp.eval.emit.paths import BOUND, VARIABLE, Paths
from pdp.eval.emit.windows import window_test
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
    InNetwork,
    InWindow,
    Like,
    Matches,
    Not,
    Or,
    Quantified,
    Root,
    Scale,
    Sum,
    Under,
    Value,
    Var,
    type_of,
)
from pdp.lang.source import Span
from pdp.lang.types import CIDR, DECIMAL, DECIMAL_SCALE

_OPERATORS: Final[Mapping[str, type[ast.cmpop]]] = {
    "==": ast.Eq, "!=": ast.NotEq, "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE,
}  # fmt: skip
_Junction: TypeAlias = "And | Or"


class Emitter:
    """Emits the expressions of one generated function; ``paths`` holds what the function needs.

    ``mark`` gives a node the place of the expression it came from.
    """

    def __init__(
        self, paths: Paths, mark: Callable[[ast.expr, Span], None], *, is_exact: bool
    ) -> None:
        self._mark: Final = mark
        self._is_exact: Final = is_exact
        self.paths: Final = paths

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
            case InNetwork():
                return self._in_network(expr)
            case InWindow():
                test = self.paths.bind(window_test(expr.window))
                return ast.Call(test, [self.value(expr.item)], [])
            case Like():
                return matchers.like(self.value(expr.subject), expr.parts)
            case Matches():
                subject = self.value(expr.subject)
                return call("matches", subject, self.paths.bind(matchers.pattern(expr.pattern)))
            case Under():
                return matchers.under(self.value(expr.subject), expr.prefix)
            case Begins():
                return call("begins", self.value(expr.subject), constant(expr.prefix))
            case Count():
                return call("len", self.value(expr.collection))
            case Sum():
                return self._sum(expr)
            case Scale():
                return self._scaled(expr)
            case And() | Or() | Not() | Quantified():
                raise AssertionError(f"{type(expr).__name__} is not strict")
            case _:
                assert_never(expr)

    def _sum(self, expr: Sum) -> ast.expr:
        nodes = self._aligned([operand for _, operand in expr.terms])
        signed = [(sign, node) for (sign, _), node in zip(expr.terms, nodes, strict=True)]
        sign, total = _total(signed)
        return total if sign > 0 else ast.UnaryOp(ast.USub(), total)

    def _scaled(self, expr: Scale) -> ast.expr:
        """A chain of products is one product: it can be longer than Python nests."""
        factors = [expr.factor.value]
        operand = expr.operand
        while isinstance(operand, Scale):
            factors.append(operand.factor.value)
            operand = operand.operand
        return ast.BinOp(self.value(operand), ast.Mult(), constant(prod(map(_whole, factors))))

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
        return call("below", name(BOUND), uid, ancestor, self.paths.place(expr))

    def _in_collection(self, expr: InCollection) -> ast.expr:
        item = self.value(expr.item)
        members = self._members(expr.collection)
        scale = scale_of(expr.item)
        if scale:
            return call("in_scaled", item, members, constant(DECIMAL_SCALE**scale))
        return compare(item, ast.In(), members)

    def _members(self, collection: Expr) -> ast.expr:
        """A constant collection of plain values is a parameter: it is looked up by hash."""
        return self.paths.parameter(collection) or self.value(collection)

    def _in_network(self, expr: InNetwork) -> ast.expr:
        item = self.value(expr.item)
        match expr.networks:
            case Const(value=(int() as first, int() as last)):
                return ast.Compare(constant(first), [ast.LtE(), ast.LtE()], [item, constant(last)])
            case Const(value=tuple() as networks):
                return call("in_ranges", item, *map(constant, matchers.merged(networks)))
            case networks if type_of(networks) == CIDR:
                return call("in_network", item, self.value(networks))
            case networks:
                return call("in_networks", item, self.value(networks))


def _total(terms: Sequence[tuple[int, ast.expr]]) -> tuple[int, ast.expr]:
    """The sum of (sign, node), as a sign and a node: halves of halves, read from left to right.

    A sum may have more terms than Python nests expressions.
    """
    if not terms:
        raise AssertionError("a sum without terms")
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    (sign, left), (other, right) = _total(terms[:half]), _total(terms[half:])
    return sign, ast.BinOp(left, ast.Add() if sign == other else ast.Sub(), right)


def _whole(value: Value) -> int:
    if not isinstance(value, int):
        raise AssertionError("a factor that is no number")
    return value


def scale_of(expr: Expr) -> int:
    """How often the value of ``expr`` must be divided by DECIMAL_SCALE to be in its type's unit.

    Each product of two decimals adds one; a sum has the scale of its finest term.
    """
    scale = 0
    while isinstance(expr, Scale):
        scale += 1 if expr.type == DECIMAL else 0
        expr = expr.operand
    if isinstance(expr, Sum):
        scale += max([scale_of(operand) for _, operand in expr.terms], default=0)
    return scale


__all__ = ["Emitter", "scale_of"]
