"""The reference meaning of risk: points that only add, and the tier they reach. Knows no rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pdp.eval.reference.terms import Scope, Truth, truth
from pdp.lang.checked import RiskFactor, RiskModel, RiskTier
from pdp.lang.source import Span
from pdp.lang.types import RISK
from pdp.model import DeterminingRule, RiskAssessment

HIGH: Final = RISK.members.index("high")
# Where points start; no author writes it down.
_LOW: Final = RiskTier(RISK.members[0], 0, 0, (), Span("", 1, 1, 1, 1))


@dataclass(frozen=True, slots=True)
class JudgedFactor:
    """A factor and the truth of its condition. It counts unless that is false."""

    factor: RiskFactor
    outcome: Truth

    @property
    def counts(self) -> bool:
        """An error counts as true: what is not known is not safe."""
        return self.outcome is not False


@dataclass(frozen=True, slots=True)
class Risk:
    """What a request's points come to. ``rank`` is that of the tier in the level Risk.

    ``rule`` stands for the tier where it decides: it needs all of ``routes``.
    """

    assessment: RiskAssessment
    rank: int
    routes: tuple[str, ...]
    rule: DeterminingRule


def judge_factors(model: RiskModel, scope: Scope) -> tuple[JudgedFactor, ...]:
    """Every factor in the order written; ``scope`` has neither ``principal`` nor ``risk``."""
    return tuple(JudgedFactor(factor, truth(factor.when, scope)) for factor in model.factors)


def assess(model: RiskModel, scope: Scope) -> Risk:
    """The sum of the points that count, and the highest tier that starts no higher."""
    counting = [judged.factor for judged in judge_factors(model, scope) if judged.counts]
    points = sum(factor.points for factor in counting)
    reasons = tuple(factor.reason for factor in counting)
    reached = [tier for tier in model.tiers if tier.from_points <= points]
    tier = max(reached, key=lambda tier: tier.from_points, default=_LOW)
    rule = DeterminingRule(
        f"risk.{tier.name}",
        model.owner,
        model.contact,
        f"risk tier {tier.name}: {'; '.join(reasons)}",
    )
    return Risk(RiskAssessment(points, reasons, tier.name), tier.rank, tier.routes, rule)


__all__ = ["HIGH", "JudgedFactor", "Risk", "assess", "judge_factors"]
