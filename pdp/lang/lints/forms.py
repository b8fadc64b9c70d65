"""Expressions without their places: which two are the same, and what they are made of."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final, TypeAlias, assert_never

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
)
from pdp.lang.types import describe

# Equal forms: equal expressions. Unequal forms may still mean the same.
Form: TypeAlias = Hashable

# Larger constants are the same only if they are one constant.
_VALUES_COMPARED_MAX: Final = 64


def form(expr: Expr) -> Form:
    """Everything about the expression but its places."""
    match expr:
        case Const():
            return ("const", describe(expr.type), _value_form(expr.value))
        case Root() | Var():
            return (type(expr).__name__, expr.name)
        case Attr():
            return ("attr", form(expr.base), expr.name)
        case Compare():
            return ("compare", expr.op, form(expr.left), form(expr.right))
        case Like():
            return ("like", form(expr.subject), expr.parts)
        case Matches():
            return ("matches", form(expr.subject), expr.pattern)
        case Under():
            return ("under", form(expr.subject), expr.prefix)
        case Begins():
            return ("begins", form(expr.subject), expr.prefix)
        case InWindow():
            return ("window", form(expr.item), expr.window)
        case Sum():
            return ("sum", tuple((sign, form(operand)) for sign, operand in expr.terms))
        case Quantified():
            return (expr.quantifier, expr.variable, form(expr.collection), form(expr.body))
        case (
            Has() | InCollection() | InEntity() | InNetwork() | Count() | Scale()
            | And() | Or() | Not()
        ):  # fmt: skip
            return (type(expr).__name__, *map(form, parts(expr)))
        case _:
            assert_never(expr)


def _value_form(value: Value) -> Form:
    match value:
        case tuple() if len(value) > _VALUES_COMPARED_MAX:
            return ("constant", id(value))
        case tuple():
            return tuple(map(_value_form, value))
        case dict():
            return tuple((name, _value_form(item)) for name, item in sorted(value.items()))
        case _:
            return (type(value).__name__, value)


def parts(expr: Expr) -> tuple[Expr, ...]:
    """The expressions that it is directly made of, in the order written."""
    match expr:
        case Const() | Root() | Var():
            return ()
        case Attr():
            return (expr.base,)
        case Has():
            return (expr.target,)
        case Compare():
            return (expr.left, expr.right)
        case InCollection():
            return (expr.item, expr.collection)
        case InEntity():
            return (expr.item, expr.ancestor)
        case InNetwork():
            return (expr.item, expr.networks)
        case InWindow():
            return (expr.item,)
        case Like() | Matches() | Under() | Begins():
            return (expr.subject,)
        case Count():
            return (expr.collection,)
        case Sum():
            return tuple(operand for _, operand in expr.terms)
        case Scale():
            return (expr.operand, expr.factor)
        case And() | Or():
            return expr.operands
        case Not():
            return (expr.operand,)
        case Quantified():
            return (expr.collection, expr.body)
        case _:
            assert_never(expr)


def all_parts(expr: Expr) -> Iterator[Expr]:
    """The expression and everything in it."""
    todo = [expr]
    while todo:
        current = todo.pop()
        yield current
        todo.extend(parts(current))


def words(expr: Expr) -> str:
    """A path or count as it is written; '' for anything else."""
    match expr:
        case Root() | Var():
            return expr.name
        case Attr():
            base = words(expr.base)
            return f"{base}.{expr.name}" if base else ""
        case Count():
            inner = words(expr.collection)
            return f"count({inner})" if inner else ""
        case _:
            return ""
