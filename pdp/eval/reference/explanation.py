"""Why a decision is what it is: which rules to tell of, in which order, and what stands beside.

Decides nothing. Values of secret fields never leave here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pdp.eval.reference.approval import eligible, requirement
from pdp.eval.reference.conjuncts import factor_outcome, rule_outcome
from pdp.eval.reference.facts import type_name
from pdp.eval.reference.nearest import nearest
from pdp.eval.reference.readings import Readings
from pdp.eval.reference.risk import judge_factors
from pdp.eval.reference.rules import Case, case_of, is_candidate
from pdp.explanation import (
    OUTCOMES_MAX,
    PEOPLE_MAX,
    Approvers,
    Explanation,
    Nearest,
    RiskOutcome,
    RuleOutcome,
)
from pdp.lang.checked import CheckedPolicies, Rule
from pdp.lang.source import Source
from pdp.model import Decision, DenyCause, Effect, Entity
from pdp.request import Request


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A rule to be told of for one member of the chain; ``place`` is where it stands in the end."""

    place: tuple[int, int]
    rule: Rule
    principal: str


def explain(  # noqa: PLR0913, PLR0917 - what a decision follows from, the decision, and the words
    checked: CheckedPolicies,
    directory: Mapping[str, Entity],
    request: Request,
    now_us: int,
    decision: Decision,
    sources: Mapping[str, Source],
) -> Explanation:
    """What ``decision``, the answer to this valid request at that time, followed from.

    ``sources`` are the policy files by name, for the words of conditions.
    """
    case = case_of(checked, directory, request, now_us)
    readings = Readings(sources)
    candidates = _candidates(case, decision)
    determining = {rule.rule for rule in decision.rules}
    told = sorted(candidates[:OUTCOMES_MAX], key=lambda candidate: candidate.place)
    outcomes = tuple(
        rule_outcome(
            one.rule, one.principal, case, readings, determining=one.rule.name in determining
        )
        for one in told
    )
    left_out = candidates[OUTCOMES_MAX:]
    return Explanation(
        decision,
        now_us,
        outcomes,
        len(left_out),
        _nearest(case, decision, outcomes, left_out),
        _risk(case, readings),
        _approvers(case, decision),
    )


def _candidates(case: Case, decision: Decision) -> list[_Candidate]:
    """Every candidate rule for every member of the chain; the most telling come first.

    Those that the decision names, then what could have made it another one, then the rest.
    """
    named = {rule.rule for rule in decision.rules}
    named.update(error.rule for error in decision.errors)
    named.update(outcome.rule for outcome in decision.shadow)
    missed = "allow" if decision.cause is DenyCause.NO_ALLOW else "require"
    fitting = [rule for rule in case.checked.rules if case.action.name in rule.actions]
    of_type = {
        name: [(at, rule) for at, rule in enumerate(fitting) if is_candidate(rule, uid, case)]
        for uid in case.chain
        for name in [type_name(uid)]
    }
    candidates = [
        _Candidate((member, at), rule, uid)
        for member, uid in enumerate(case.chain)
        for at, rule in of_type[type_name(uid)]
    ]
    return sorted(
        candidates,
        key=lambda one: (one.rule.name not in named, one.rule.effect != missed, one.place[1]),
    )


def _nearest(
    case: Case,
    decision: Decision,
    outcomes: tuple[RuleOutcome, ...],
    left_out: list[_Candidate],
) -> tuple[Nearest, ...]:
    if decision.cause is not DenyCause.NO_ALLOW:
        return ()
    unsure = {one.principal for one in left_out if one.rule.effect == "allow"}
    return nearest(case.chain, outcomes, unsure)


def _risk(case: Case, readings: Readings) -> RiskOutcome | None:
    """Factors are judged once for the request: they do not differ by principal."""
    if case.checked.risk is None or case.risk is None:
        return None
    factors = judge_factors(case.checked.risk, case.scope)
    return RiskOutcome(
        case.risk.assessment.points,
        case.risk.assessment.tier,
        tuple(factor_outcome(factor, case.scope, readings) for factor in factors),
    )


def _approvers(case: Case, decision: Decision) -> tuple[Approvers, ...]:
    """Who could agree; also where too few can, since that is then why the answer is no."""
    is_wanted = decision.effect is Effect.REQUIRE_APPROVAL
    if not is_wanted and decision.cause is not DenyCause.NO_ELIGIBLE_APPROVER:
        return ()
    named = {rule.rule for rule in decision.rules}
    routes = {name for rule in case.checked.rules if rule.name in named for name in rule.routes}
    if case.risk is not None and case.risk.rule.rule in named:
        routes.update(case.risk.routes)
    return tuple(
        Approvers(need, len(people), tuple(sorted(people)[:PEOPLE_MAX]))
        for need, people in eligible(case, requirement(case, routes))
    )


__all__ = ["explain"]
