"""Conditions, and parts of them, that are never true or always true whatever is asked."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

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
    Like,
    Not,
    Or,
    Quantified,
    Rule,
    Var,
    type_of,
)
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.lints import complaints
from pdp.lang.lints.constraints import Conflict, Facts, assume, known
from pdp.lang.lints.forms import Form, all_parts, form, parts
from pdp.lang.lints.program import Program, is_inside
from pdp.lang.source import Span
from pdp.lang.types import EnumT

_IDLE: Final = "this part decides nothing"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition where it is written: ``home`` is the declaration, ``place`` its own words.

    Parts outside ``home`` come from predicates. ``never`` and ``always`` say what follows.
    """

    expr: Expr
    home: Span
    place: Span
    never: str
    always: str


def check(program: Program) -> Iterator[Diagnostic]:
    """Every condition of rules, points, needs and invariants."""
    facts = known(program.policies)
    seen: set[Span] = set()
    for rule in program.policies.rules:
        yield from _check_rule(rule, program, facts, seen)
    for condition in _others(program):
        if could_conflict([condition.expr], facts):
            yield from _check(condition, facts, seen, program)


def _check_rule(
    rule: Rule, program: Program, facts: Facts, seen: set[Span]
) -> Iterator[Diagnostic]:
    conditions = [part for part in (rule.when, rule.unless) if part is not None]
    if not could_conflict(conditions, facts):
        return
    decl = program.rule_decls[rule.name]
    if rule.when is not None and decl.when is not None:
        name = f"`{rule.name}`"
        when = Condition(
            rule.when, decl.span, decl.when.span,
            f"so {name} never applies", "so it asks nothing",
        )  # fmt: skip
        yield from _check(when, facts, seen, program)
        held = assume(without_switches(rule.when, program), facts)
        if isinstance(held, Conflict):
            return
        facts = held
    if rule.unless is not None and decl.unless is not None:
        unless = Condition(
            rule.unless, decl.span, decl.unless.span,
            "so it excepts nothing", f"so `{rule.name}` never applies",
        )  # fmt: skip
        yield from _check(unless, facts, seen, program)


def _others(program: Program) -> Iterator[Condition]:
    policies = program.policies
    for factor in policies.risk.factors if policies.risk else ():
        yield Condition(
            factor.when,
            factor.span,
            factor.span,
            "so it adds no points",
            "so it adds points always",
        )
    for name, route in policies.routes.items():
        decl = program.route_decls[name]
        for need in route.needs:
            if need.where is not None:
                yield Condition(
                    need.where, decl.span, decl.name.span, "so nobody is eligible",
                    "so it asks nothing",
                )  # fmt: skip
    for claim in policies.invariants:
        if claim.when is not None:
            yield Condition(
                claim.when, claim.span, claim.span, "so nothing is claimed", "so it asks nothing"
            )


def _check(
    condition: Condition, facts: Facts, seen: set[Span], program: Program
) -> Iterator[Diagnostic]:
    expr = without_switches(condition.expr, program)
    never = assume(expr, facts)
    if isinstance(never, Conflict):
        yield _never(never, condition, condition.never)
        return
    if isinstance(assume(expr, facts, truth=False), Conflict):
        place = expr.span if is_inside(expr.span, condition.home) else condition.place
        yield complaints.always_true(place, condition.always)
        return
    yield from dict.fromkeys(_Parts(condition, seen).find(expr, facts, truth=True))


def without_switches(expr: Expr, program: Program) -> Expr:
    """The expression with named bools unknown: a const that switches a rule off is no slip."""
    match expr:
        case Const(value=bool()) if expr.span not in program.bools:
            return Var(f"switch {expr.span}", expr.type, expr.span)
        case And() | Or():
            operands = tuple(without_switches(operand, program) for operand in expr.operands)
            same = all(map(operator.is_, operands, expr.operands))
            return expr if same else replace(expr, operands=operands)
        case Not():
            operand = without_switches(expr.operand, program)
            return expr if operand is expr.operand else Not(operand, expr.span)
        case Quantified():
            body = without_switches(expr.body, program)
            return expr if body is expr.body else replace(expr, body=body)
        case Compare():
            left = without_switches(expr.left, program)
            right = without_switches(expr.right, program)
            same = left is expr.left and right is expr.right
            return expr if same else replace(expr, left=left, right=right)
        case _:
            return expr


def _never(conflict: Conflict, condition: Condition, consequence: str) -> Diagnostic:
    """The complaint under the words that leave no value; under all words if those are elsewhere."""
    span, home = conflict.expr.span, condition.home
    place = span if is_inside(span, home) else condition.place
    return complaints.never_true(place, conflict.subject, consequence, conflict.because)


class _Parts:
    """Looks for parts that make no difference, in a condition that as a whole does."""

    def __init__(self, condition: Condition, seen: set[Span]) -> None:
        self._condition = condition
        self._seen = seen  # what was looked at in predicates, once for all their uses

    def find(self, expr: Expr, facts: Facts, *, truth: bool) -> Iterator[Diagnostic]:
        """Parts of ``expr``, which is asked to be ``truth`` where ``facts`` hold already."""
        if not is_inside(expr.span, self._condition.home):
            yield from self._in_predicate(expr)
            return
        match expr:
            case And() | Or():
                yield from self._junction(expr, facts, truth=truth)
            case Not():
                yield from self.find(expr.operand, facts, truth=not truth)
            case Quantified():
                wanted = truth if expr.quantifier != "no" else not truth
                if self._is_always(expr.body):
                    yield complaints.always_true(expr.body.span, _IDLE)
                else:
                    yield from self.find(expr.body, facts, truth=wanted)
            case _:
                return

    def _junction(self, expr: And | Or, facts: Facts, *, truth: bool) -> Iterator[Diagnostic]:
        all_needed = isinstance(expr, And) is truth
        for operand in expr.operands:
            found = assume(operand, facts, truth=truth)
            if isinstance(found, Conflict):
                yield from self._dead(operand, found, truth=truth)
                continue
            if self._is_always(operand):
                yield complaints.always_true(operand.span, _IDLE)
            else:
                yield from self.find(operand, facts, truth=truth)
            if all_needed:
                facts = found

    def _dead(self, operand: Expr, conflict: Conflict, *, truth: bool) -> Iterator[Diagnostic]:
        """One of several alternatives is impossible here: the others decide."""
        home = self._condition.home
        if not is_inside(operand.span, home):
            return  # a predicate serves many rules: not every part matters to each
        if not truth:
            yield complaints.always_true(operand.span, _IDLE)
            return
        place = conflict.expr if is_inside(conflict.expr.span, home) else operand
        yield complaints.never_true(place.span, conflict.subject, _IDLE, conflict.because)

    def _is_always(self, expr: Expr) -> bool:
        """Whether a part that is written here is true whatever stands around it."""
        return is_inside(expr.span, self._condition.home) and isinstance(
            assume(expr, {}, truth=False), Conflict
        )

    def _in_predicate(self, expr: Expr) -> Iterator[Diagnostic]:
        """The body of a predicate, where it means the same for every use."""
        if expr.span in self._seen:
            return
        self._seen.add(expr.span)
        if all(is_inside(part.span, expr.span) for part in all_parts(expr)):
            never = assume(expr, {})
            if isinstance(never, Conflict):
                yield complaints.never_true(
                    never.expr.span, never.subject, "whoever uses the predicate", never.because
                )
                return
            if isinstance(assume(expr, {}, truth=False), Conflict):
                yield complaints.always_true(expr.span, "whoever uses the predicate")
                return
        match expr:
            case And() | Or() | Not():
                for part in parts(expr):
                    if not isinstance(part, Const):  # an argument says nothing of the predicate
                        yield from self._in_predicate(part)
            case Quantified():
                yield from self._in_predicate(expr.body)
            case _:
                return


# ---------------------------------------------------------------- worth looking


def could_conflict(conditions: Iterable[Expr], facts: Facts) -> bool:
    """Whether it is worth asking ``assume``: some value is asked about twice, or has few values.

    Never False where ``assume`` could find a conflict, in the conditions or any part of them.
    """
    seen: set[Form] = set(facts)
    todo = list(conditions)
    while todo:
        expr = todo.pop()
        match expr:
            case And() | Or():
                todo.extend(expr.operands)
                continue
            case Not():
                todo.append(expr.operand)
                continue
            case Quantified():
                todo.append(expr.body)
        for subject in _subjects(expr):
            if subject is None or subject in seen:
                return True
            seen.add(subject)
    return False


def _subjects(expr: Expr) -> tuple[Form | None, ...]:
    """What a test narrows; None for what it may settle alone."""
    match expr:
        case Const():
            return (None,)
        case Has():
            path: Expr = expr.target
            while isinstance(path, Attr):
                path = path.base
            return (("has", form(path)),)
        case Quantified():
            is_known = isinstance(expr.collection, Const)
            return (None if is_known else ("size", form(expr.collection)),)
        case Compare():
            return (_compared(expr),)
        case InCollection(item=item, collection=Const()):
            return (_asked(item, expr),)
        case InCollection():
            return (form(expr), ("size", form(expr.collection)))
        case Begins():
            return (form(expr), ("size", form(expr.subject)))
        case Like():
            return (form(expr.subject) if len(expr.parts) == 1 else form(expr),)
        case _:
            return (form(expr),)


def _compared(expr: Compare) -> Form | None:
    left, right = expr.left, expr.right
    if isinstance(left, Const) and isinstance(right, Const):
        return None
    if not isinstance(left, Const) and not isinstance(right, Const):
        one, other = form(left), form(right)
        return None if one == other else ("between", frozenset({one, other}))
    return _asked(right if isinstance(left, Const) else left, expr)


def _asked(subject: Expr, expr: Expr) -> Form | None:
    """The value that a test against constants is about; None where it settles the test."""
    if isinstance(subject, Const | Count) or isinstance(type_of(subject), EnumT):
        answers = (assume(expr, {}), assume(expr, {}, truth=False))
        if any(isinstance(answer, Conflict) for answer in answers):
            return None
    if isinstance(subject, Count):
        return ("size", form(subject.collection))
    return form(subject)
