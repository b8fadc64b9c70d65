"""``+``, ``-`` and ``*`` to typed expressions: exact, and never across types."""

from __future__ import annotations

from typing import Final

from pdp.lang import complaints, nodes
from pdp.lang.checked import (
    Const,
    Scale,
    Sum,
)
from pdp.lang.conditions.scope import Env, Typed
from pdp.lang.conditions.terms import Check
from pdp.lang.declared import values
from pdp.lang.declared.report import BROKEN
from pdp.lang.types import (
    DECIMAL,
    DURATION,
    INT,
    TIMESTAMP,
    Prim,
)

# Why a claimed value may not be read in an allow: also how the tier check knows where it stands.
_ADDITION: Final = {
    (INT, INT): INT,
    (DECIMAL, DECIMAL): DECIMAL,
    (DURATION, DURATION): DURATION,
    (TIMESTAMP, DURATION): TIMESTAMP,
}


def check_sum(node: nodes.Sum, env: Env, check: Check) -> Typed | None:
    """``+`` and ``-``; the table says what goes with what."""
    terms: list[tuple[int, Typed]] = []
    for index, operand in enumerate(node.operands):
        typed = check(operand, env, None)
        if typed is None:
            return None
        sign = -1 if index and node.ops[index - 1].text == "-" else 1
        terms.append((sign, typed))
    result = terms[0][1].type
    for sign, typed in terms[1:]:
        op = "-" if sign < 0 else "+"
        if (result, typed.type) == (TIMESTAMP, TIMESTAMP) and sign < 0:
            result = DURATION
            continue
        if (result, typed.type) == (DURATION, TIMESTAMP) and sign > 0:
            result = TIMESTAMP
            continue
        following = _ADDITION.get((result, typed.type))  # type: ignore[arg-type]
        if following is None:
            env.report.append(complaints.not_comparable(node.span, op, result, typed.type))
            return None
        result = following
    claimed = any(typed.claimed for _, typed in terms)
    expr = Sum(tuple((sign, typed.expr) for sign, typed in terms), result, node.span)
    return Typed(expr, result, claimed)


def check_product(node: nodes.Product, env: Env, check: Check) -> Typed | None:
    """``value * literal``: one side must be a literal of the same type."""
    typed = check(node.operands[0], env, None)
    for operand in node.operands[1:]:
        right = check(operand, env, None)
        if typed is None or right is None:
            return None
        if typed.type != right.type or typed.type not in {INT, DECIMAL}:
            env.report.append(complaints.not_comparable(node.span, "*", typed.type, right.type))
            return None
        if isinstance(right.expr, Const):
            value, factor = typed, right.expr
        elif isinstance(typed.expr, Const):
            value, factor = right, typed.expr
        else:
            env.report.append(
                complaints.type_mismatch(
                    node.span,
                    "a literal on one side of `*`",
                    "two variables",
                    "let the caller send the product, or compare the parts",
                )
            )
            return None
        typed = Typed(Scale(value.expr, factor, value.type, node.span), value.type, value.claimed)
    return typed


def check_negative(node: nodes.Negative, env: Env, check: Check) -> Typed | None:
    """``-x`` on int, decimal and duration."""
    if isinstance(node.operand, nodes.Literal) and node.operand.kind in {"int", "decimal"}:
        value = values.literal_value(node.operand, env.report, negative=True)
        type_ = Prim(node.operand.kind)
        return None if value is None else Typed(Const(value, type_, node.span), type_)
    typed = check(node.operand, env, None)
    if typed is None:
        return None
    if typed.type not in {INT, DECIMAL, DURATION} or typed.type is BROKEN:
        env.report.append(complaints.not_comparable(node.span, "-", typed.type, typed.type))
        return None
    return Typed(Sum(((-1, typed.expr),), typed.type, node.span), typed.type, typed.claimed)
