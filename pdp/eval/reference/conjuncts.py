"""What a rule or a risk factor came to, part by part: which of its conjuncts are not true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pdp import explanation
from pdp.eval.reference.facts import type_name
from pdp.eval.reference.readings import Readings
from pdp.eval.reference.risk import JudgedFactor
from pdp.eval.reference.rules import Case, resource_truth, who_truth
from pdp.eval.reference.terms import Err, Scope, Truth, all_of, negated, truth
from pdp.explanation import FactorOutcome, RuleOutcome
from pdp.lang.checked import And, Expr, Or, Rule
from pdp.lang.source import Span


@dataclass(frozen=True, slots=True)
class _Conjunct:
    """One thing that must be true for the rule to hold; ``expr`` is None for a scope clause."""

    span: Span
    truth: Truth
    expr: Expr | None


def rule_outcome(
    rule: Rule, principal: str, case: Case, readings: Readings, *, determining: bool = False
) -> RuleOutcome:
    """What a candidate rule came to for one member of the chain, and what was not true of it."""
    conjuncts = _conjuncts(rule, principal, case)
    came_to = all_of(conjunct.truth for conjunct in conjuncts)
    # False decides before an error does; the sort keeps the order written otherwise.
    unmet = sorted(
        (conjunct for conjunct in conjuncts if conjunct.truth is not True),
        key=lambda conjunct: conjunct.truth is not False,
    )
    if came_to is False:
        # What is absent is guarded: that its guard is false says it all.
        unmet = [conjunct for conjunct in unmet if _error(conjunct.truth) != "absent"]
    scope = case.scope_of(principal)
    told = tuple(
        readings.condition(conjunct.span, conjunct.expr, scope, _error(conjunct.truth))
        for conjunct in unmet[: explanation.UNMET_MAX]
    )
    return RuleOutcome(
        principal,
        rule.name,
        rule.effect,
        _word(came_to),
        unmet=told,
        unmet_left_out=len(unmet) - len(told),
        determining=determining and came_to is not False,
        shadow=rule.shadow,
    )


def factor_outcome(judged: JudgedFactor, scope: Scope, readings: Readings) -> FactorOutcome:
    """What a risk factor came to, and the conjunct that decided it."""
    factor, outcome = judged.factor, judged.outcome
    decider = factor.when
    if outcome is not True:
        word = _word(outcome)
        operands = _operands(factor.when, And)
        decider = next(each for each in operands if _word(truth(each, scope)) == word)
    condition = readings.condition(decider.span, decider, scope, _error(outcome))
    return FactorOutcome(factor.reason, factor.points, _word(outcome), condition)


def _word(outcome: Truth) -> str:
    if isinstance(outcome, Err):
        return "error"
    return "held" if outcome else "false"


def _error(outcome: Truth) -> str:
    return outcome.kind if isinstance(outcome, Err) else ""


def _conjuncts(rule: Rule, principal: str, case: Case) -> tuple[_Conjunct, ...]:
    """In the order of evaluation: who, resource, ``when``, ``unless``."""
    scope = case.scope_of(principal)
    who = next(clause for clause in rule.who if type_name(principal) in clause.types)
    found = [_Conjunct(who.span, who_truth(rule, principal, case.world), None)]
    resource = case.request.resource
    if rule.resources is not None and resource is not None:
        clause = next(c for c in rule.resources if c.type == resource.type)
        found.append(_Conjunct(clause.span, resource_truth(rule, case), None))
    if rule.when is not None:
        found.extend(_Conjunct(e.span, truth(e, scope), e) for e in _operands(rule.when, And))
    if rule.unless is not None:
        found.extend(
            _Conjunct(e.span, negated(truth(e, scope)), e) for e in _operands(rule.unless, Or)
        )
    return tuple(found)


def _operands(expr: Expr, junction: type[And | Or]) -> Iterator[Expr]:
    if isinstance(expr, junction):
        for operand in expr.operands:
            yield from _operands(operand, junction)
    else:
        yield expr


__all__ = ["factor_outcome", "rule_outcome"]
