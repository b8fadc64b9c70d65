"""How risky one request is: points and tier, before any rule is judged. Decides no effect.

Once per request and not per principal, so a chain cannot add up to more than its action is worth.
"""

from __future__ import annotations

from typing import Final

from pdp.eval.compiling.cell import Cell
from pdp.eval.compiling.places import Places
from pdp.eval.emit.paths import Scope
from pdp.eval.facts import BoundRequest
from pdp.eval.runtime import EvalError
from pdp.lang.checked import And, RiskModel, RiskTier
from pdp.lang.types import RISK
from pdp.model import DeterminingRule, Record, RiskAssessment

LOW: Final = RISK.members.index("low")
# Assessments kept per action and resource type; further combinations of factors are made anew.
ASSESSMENTS_KEPT_MAX: Final = 1_024


class TierNeed(Record, frozen=True):
    """The routes that a tier asks for, with ``rule`` for the answer."""

    rule: DeterminingRule
    routes: tuple[str, ...]


class Weighed(Record, frozen=True):
    """What a request's points came to. ``told`` is None where nothing loaded has a risk block.

    ``factors`` are the bits of those that count; ``rank`` is that of the tier in level Risk;
    ``need`` is None for a tier without routes.
    """

    factors: int
    rank: int
    told: RiskAssessment | None
    need: TierNeed | None


WITHOUT_RISK: Final = Weighed(0, LOW, None, None)


class RiskScale:
    """The risk model for one action and resource type. Immutable but for what it keeps."""

    __slots__ = ("_cell", "_kept", "_model")

    def __init__(self, model: RiskModel, scope: Scope, places: Places) -> None:
        self._model: Final = model
        conditions = [
            (index, And((factor.when,), factor.span)) for index, factor in enumerate(model.factors)
        ]
        self._cell: Final = Cell(conditions, scope, places)
        self._kept: Final[dict[int, Weighed]] = {}

    @property
    def reads_clock(self) -> bool:
        """Whether a factor looks at the time."""
        return self._cell.reads_clock

    def weigh(self, bound: BoundRequest, now_us: int) -> Weighed:
        """The points of the request. A factor that cannot be evaluated counts: points only add."""
        try:
            factors: int = self._cell.run(bound, "", None, now_us, LOW)
        except EvalError:
            factors, erred = self._cell.exactly(bound, "", now_us, LOW)
            for index, _, _ in erred:
                factors |= 1 << index
        kept = self._kept.get(factors)
        if kept is None:
            kept = assess(self._model, factors)
            if len(self._kept) < ASSESSMENTS_KEPT_MAX:
                self._kept[factors] = kept
        return kept


def assess(model: RiskModel, factors: int) -> Weighed:
    """The assessment where exactly the factors of those bits count."""
    counted = [factor for index, factor in enumerate(model.factors) if factors >> index & 1]
    points = sum(factor.points for factor in counted)
    reasons = tuple(factor.reason for factor in counted)
    reached: RiskTier | None = None
    for tier in sorted(model.tiers, key=lambda tier: tier.from_points):
        if tier.from_points <= points:
            reached = tier
    if reached is None:
        return Weighed(factors, LOW, RiskAssessment(points, reasons, RISK.members[LOW]), None)
    need = None
    if reached.routes:
        because = f"risk tier {reached.name}: {'; '.join(reasons)}"
        rule = DeterminingRule(f"risk.{reached.name}", model.owner, model.contact, because)
        need = TierNeed(rule, reached.routes)
    told = RiskAssessment(points, reasons, reached.name)
    return Weighed(factors, reached.rank, told, need)


__all__ = ["LOW", "WITHOUT_RISK", "RiskScale", "TierNeed", "Weighed", "assess"]
