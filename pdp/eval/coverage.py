"""What the tests beside policies have shown of each rule, condition, tier and route. Judges none.

Everything is evaluated by the reference interpreter: every candidate rule, for every member of
the chain of every test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from pdp.eval.policytest import TestResult, described_by_fixtures, request_of
from pdp.eval.reference.rules import Case, Judged, case_of, judge, resource_truth, who_truth
from pdp.eval.reference.terms import Err, Truth, truth
from pdp.lang.checked import (
    And,
    Attr,
    CheckedPolicies,
    Expr,
    InEntity,
    Or,
    PolicyTest,
    ResourceClause,
    Rule,
    WhoClause,
    type_of,
)
from pdp.lang.lints.forms import all_parts
from pdp.lang.source import Span
from pdp.lang.types import EntityT, Schema
from pdp.model import Decision, DenyCause, Entity

RULE: Final = "rule"
CONDITION: Final = "condition"
TIER: Final = "tier"
ROUTE: Final = "route"

# What a thing can come to: its kind, its name and part, and the outcome.
_Key: TypeAlias = "tuple[str, str, int, str]"


@dataclass(frozen=True, slots=True)
class Goal:
    """One outcome that the tests should show, and how many do; ``first`` is the first that does.

    ``kind`` is rule (outcome held, or not held though a candidate), condition (true, false, error;
    a part of the rule ``name``: its group, or one conjunct of ``when`` or ``unless``), tier
    (reached) or route (required). ``span`` is where it is written.
    """

    kind: str
    name: str
    outcome: str
    span: Span
    tests: int
    first: PolicyTest | None

    @property
    def is_met(self) -> bool:
        return self.tests > 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every goal, by kind, then by name and place."""

    goals: tuple[Goal, ...]

    @property
    def missing(self) -> tuple[Goal, ...]:
        """What no test shows."""
        return tuple(goal for goal in self.goals if not goal.is_met)

    @property
    def percent(self) -> float:
        """The share of goals that are met; without any goal there is nothing left to show."""
        if not self.goals:
            return 100.0
        return 100 * (len(self.goals) - len(self.missing)) / len(self.goals)


def measure(
    checked: CheckedPolicies, directory: Mapping[str, Entity], results: Iterable[TestResult]
) -> Coverage:
    """What the tests have shown. ``directory`` is the bundle's own; fixtures are laid over it.

    A test whose request was refused, or is invalid, reads no rule and so shows nothing.
    """
    seen: dict[_Key, list[PolicyTest]] = {}
    known: dict[str, dict[str, Entity]] = {}
    for result in results:
        test, decision = result.test, result.decision
        if decision is None or decision.cause is DenyCause.INVALID_REQUEST:
            continue
        if test.bundle not in known:
            described = described_by_fixtures(checked, test.bundle)
            known[test.bundle] = {**directory, **{entity.uid: entity for entity in described}}
        case = case_of(checked, known[test.bundle], request_of(checked, test), test.now_us)
        shown = {*_shown_by_rules(case), *_shown_by_answer(decision)}
        for key in shown:
            seen.setdefault(key, []).append(test)
    return Coverage(tuple(_goal(key, span, seen.get(key, [])) for key, span in _wanted(checked)))


def _goal(key: _Key, span: Span, tests: list[PolicyTest]) -> Goal:
    kind, name, _, outcome = key
    return Goal(kind, name, outcome, span, len(tests), tests[0] if tests else None)


# ---------------------------------------------------------------- what there is to show


def _wanted(checked: CheckedPolicies) -> Iterator[tuple[_Key, Span]]:
    for rule in checked.rules:
        for outcome in ("held", "not held"):
            # What is neither conditional nor bound to a group holds whenever it is a candidate.
            if outcome == "held" or _parts(rule):
                yield (RULE, rule.name, 0, outcome), rule.span
    for rule in checked.rules:
        for number, part in enumerate(_parts(rule)):
            outcomes = ["true", "false"]
            if _can_err(part, checked.schema):
                outcomes.append("error")
            for outcome in outcomes:
                yield (CONDITION, rule.name, number, outcome), part[0].span
    for tier in checked.risk.tiers if checked.risk else ():
        yield (TIER, tier.name, 0, "reached"), tier.span
    for name in sorted(_askable(checked)):
        yield (ROUTE, name, 0, "required"), checked.routes[name].span


# A part of a rule: its clauses over groups (any one will do), or one conjunct.
_Part: TypeAlias = "tuple[WhoClause, ...] | tuple[ResourceClause, ...] | tuple[Expr]"


def _parts(rule: Rule) -> tuple[_Part, ...]:
    """What has to be true, in the order of evaluation; of ``unless``, what has to be false."""
    found: list[_Part] = []
    if any(clause.group is not None for clause in rule.who):
        found.append(rule.who)
    if rule.resources and any(clause.group is not None for clause in rule.resources):
        found.append(rule.resources)
    found.extend((expr,) for expr in _conjuncts(rule))
    return tuple(found)


def _conjuncts(rule: Rule) -> Iterator[Expr]:
    if rule.when is not None:
        yield from _operands(rule.when, And)
    if rule.unless is not None:
        yield from _operands(rule.unless, Or)


def _operands(expr: Expr, junction: type[And | Or]) -> Iterator[Expr]:
    if isinstance(expr, junction):
        for operand in expr.operands:
            yield from _operands(operand, junction)
    else:
        yield expr


def _can_err(part: _Part, schema: Schema) -> bool:
    """Whether an unknown entity can leave it undecided.

    Of a group clause: unless all its types are ``directory``. A principal that the directory does
    not know is ``unattributed`` whatever its groups.
    """
    match part[0]:
        case WhoClause():
            names = frozenset[str]().union(*(clause.types for clause in part))
            return not all(schema.entities[name].is_directory for name in names)
        case ResourceClause():
            return True
        case expr:
            return any(
                isinstance(inner, InEntity)
                or (isinstance(inner, Attr) and isinstance(type_of(inner.base), EntityT))
                for inner in all_parts(expr)
            )


def _askable(checked: CheckedPolicies) -> set[str]:
    """The routes that some enforced rule, tier or escalation can require."""
    todo = [
        name
        for rule in checked.rules
        if rule.effect == "require" and not rule.shadow
        for name in rule.routes
    ]
    todo += [name for tier in (checked.risk.tiers if checked.risk else ()) for name in tier.routes]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            escalate = checked.routes[name].escalate
            todo += [escalate[0]] if escalate else []
    return found


# ---------------------------------------------------------------- what one test shows


def _shown_by_rules(case: Case) -> Iterator[_Key]:
    for judged in judge(case):
        name = judged.rule.name
        yield RULE, name, 0, "held" if judged.outcome is True else "not held"
        for number, part in enumerate(_parts(judged.rule)):
            outcome = _outcome(_part_truth(part, judged, case))
            if outcome:
                yield CONDITION, name, number, outcome


def _part_truth(part: _Part, judged: Judged, case: Case) -> Truth:
    match part[0]:
        case WhoClause():
            return who_truth(judged.rule, judged.principal, case.world)
        case ResourceClause():
            return resource_truth(judged.rule, case)
        case expr:
            return truth(expr, case.scope_of(judged.principal))


def _outcome(found: Truth) -> str:
    """'' for what was read without its guard: the guard beside it is false and decides."""
    if isinstance(found, Err):
        return "error" if found.kind == "unknown_entity" else ""
    return "true" if found else "false"


def _shown_by_answer(decision: Decision) -> Iterator[_Key]:
    if decision.risk is not None:
        yield TIER, decision.risk.tier, 0, "reached"
    if decision.approval is not None:
        for route in decision.approval.routes:
            yield ROUTE, route, 0, "required"
        for step in decision.approval.escalations:
            yield ROUTE, step.route, 0, "required"


__all__ = ["CONDITION", "ROUTE", "RULE", "TIER", "Coverage", "Goal", "measure"]
