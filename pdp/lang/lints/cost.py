"""How many steps a condition can take, by declared bounds; too long or too costly is an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pdp.lang import complaints as checker_complaints
from pdp.lang.checked import (
    Begins,
    Const,
    Expr,
    InCollection,
    InNetwork,
    InWindow,
    Like,
    Matches,
    Quantified,
    Under,
    type_of,
)
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.lints import complaints
from pdp.lang.lints.forms import parts
from pdp.lang.lints.program import Program
from pdp.lang.source import Span
from pdp.lang.types import CollT

STEPS_MAX: Final = 10_000
TERMS_MAX: Final = 100

# The model. A node costs its own steps and those of its parts; each kind not named here costs 1:
# values, each segment of a path, comparisons, `count`, `and`, `or`, `not`, entity membership (the
# ancestors are known), membership in constants (looked up by hash).
#
#   kind                          own steps
#   like, matches                 10: they read a text
#   under                         2
#   begins                        the positions of its list
#   in WINDOW                     the spans of the window
#   in a collection of a request  its upper bound
#   some, every, no               upper bound x steps of the body
TEXT_STEPS: Final = 10
UNDER_STEPS: Final = 2


def steps(expr: Expr) -> int:
    """The most steps that the expression can take, by the table above."""
    if isinstance(expr, Quantified):
        return 1 + steps(expr.collection) + _members_max(expr.collection) * steps(expr.body)
    return _own_steps(expr) + sum(map(steps, parts(expr)))


def _own_steps(expr: Expr) -> int:
    match expr:
        case Like() | Matches():
            return TEXT_STEPS
        case Under():
            return UNDER_STEPS
        case Begins():
            return 1 + len(expr.prefix)
        case InWindow():
            return 1 + len(expr.window.spans)
        case InCollection():
            return 1 if isinstance(expr.collection, Const) else _members_max(expr.collection)
        case InNetwork():
            return 1 if isinstance(expr.networks, Const) else _members_max(expr.networks)
        case _:
            return 1


def _members_max(collection: Expr) -> int:
    if isinstance(collection, Const) and isinstance(collection.value, tuple):
        return len(collection.value)
    declared = type_of(collection)
    return declared.hi if isinstance(declared, CollT) else 1


def check(program: Program) -> Iterator[Diagnostic]:
    """Rules, points and needs whose conditions can take more than 10,000 steps."""
    policies = program.policies
    for rule in policies.rules:
        clauses = len(rule.who) + len(rule.resources or ())
        conditions = [part for part in (rule.when, rule.unless) if part is not None]
        yield from _check(f"rule `{rule.name}`", conditions, clauses, rule.span)
    for factor in policies.risk.factors if policies.risk else ():
        yield from _check("this factor", [factor.when], 0, factor.span)
    for route in policies.routes.values():
        for need in route.needs:
            if need.where is not None:
                yield from _check(f"route `{route.name}`", [need.where], 0, route.span)


def _check(what: str, conditions: Sequence[Expr], clauses: int, home: Span) -> Iterator[Diagnostic]:
    total = clauses + sum(map(steps, conditions))
    if total > STEPS_MAX:
        # A rule can be too costly by the number of its principals alone.
        place = _costliest(max(conditions, key=steps)) if conditions else home
        yield complaints.too_costly(place, what, total, STEPS_MAX, home)


def _costliest(expr: Expr) -> Span:
    """The smallest part that still costs more than half of all: the one worth changing."""
    while not isinstance(expr, Quantified):
        heavy = max(parts(expr), key=steps, default=None)
        if heavy is None or 2 * steps(heavy) <= steps(expr):
            break
        expr = heavy
    return expr.span


# ---------------------------------------------------------------- sums and products


def check_lengths(program: Program) -> Iterator[Diagnostic]:
    """Sums and products of more than 100 terms: to be asked before anything walks them checked."""
    for written in program.written.values():
        for total in written.totals:
            if len(total.operands) > TERMS_MAX:
                yield checker_complaints.too_many(total.span, "terms in a row", TERMS_MAX)
