"""Why a decision is what it is, told part by part: frozen data; no behaviour, no I/O.

Nothing here holds the value of a secret field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pdp.model import Decision, Need

# So that one question buys a bounded answer: each is how many are told; the rest are counted.
OUTCOMES_MAX: Final = 500
UNMET_MAX: Final = 8
NEAREST_MAX: Final = 3
PEOPLE_MAX: Final = 10
TEXT_CHARS_MAX: Final = 300
VALUE_CHARS_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Condition:
    """A part of a policy, and what it read. ``line`` and ``column`` are 1-based.

    ``text`` are the policy's words on one line, cut after ``TEXT_CHARS_MAX`` characters.
    ``error`` is why it could not be evaluated: unknown_entity or absent; empty if it could.
    ``values`` pairs each path with its value as JSON text in wire form. A longer one than
    ``VALUE_CHARS_MAX`` is told as a JSON string: its beginning and ``…``.
    """

    file: str
    line: int
    column: int
    text: str = ""
    error: str = ""
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What one candidate rule came to for one member of the chain.

    ``outcome`` is held, false or error. ``unmet`` is what was not true: first what decided the
    outcome, else in the order written; at most ``UNMET_MAX``, ``unmet_left_out`` counts the rest.
    ``determining``: it is one of those that the decision names. A ``shadow`` rule decides nothing.
    """

    principal: str
    rule: str
    effect: str
    outcome: str
    unmet: tuple[Condition, ...] = ()
    unmet_left_out: int = 0
    determining: bool = False
    shadow: bool = False

    @property
    def unmet_count(self) -> int:
        """How many parts of it were not true, told or not."""
        return len(self.unmet) + self.unmet_left_out


@dataclass(frozen=True, slots=True)
class FactorOutcome:
    """What one risk factor came to: held, false or error. Unless false, its points count.

    ``condition`` is the part of it that decided; of a factor that held, all of it.
    """

    reason: str
    points: int
    outcome: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class RiskOutcome:
    """The sum of the points that count, the tier it reaches, and every factor as written."""

    points: int
    tier: str
    factors: tuple[FactorOutcome, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    """A member of the chain that nothing allows, and the allow rules that lack least for it.

    At most ``NEAREST_MAX``; none where no allow rule is a candidate.
    """

    principal: str
    rules: tuple[RuleOutcome, ...]


@dataclass(frozen=True, slots=True)
class Approvers:
    """Who could fill one need once the exclusions are applied.

    ``count`` people of the directory could; ``people`` are the first ``PEOPLE_MAX`` uids in order.
    """

    need: Need
    count: int
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and what it followed from. An explanation is no permission.

    ``decision`` has neither ``decision_id`` nor ``receipt``. ``outcomes`` tell every candidate
    rule for every member of the chain, acting one first; beyond ``OUTCOMES_MAX`` those that decide
    are told first, and ``left_out`` counts the others. ``nearest`` is for the cause no_allow,
    ``approvers`` for require_approval and the cause no_eligible_approver. All are empty for a
    request that no rule is read for (cause invalid_request). ``now_us`` is the time explained.
    """

    decision: Decision
    now_us: int
    outcomes: tuple[RuleOutcome, ...] = ()
    left_out: int = 0
    nearest: tuple[Nearest, ...] = ()
    risk: RiskOutcome | None = None
    approvers: tuple[Approvers, ...] = ()


__all__ = [
    "NEAREST_MAX", "OUTCOMES_MAX", "PEOPLE_MAX", "TEXT_CHARS_MAX", "UNMET_MAX", "VALUE_CHARS_MAX",
    "Approvers", "Condition", "Explanation", "FactorOutcome", "Nearest", "RiskOutcome",
    "RuleOutcome",
]  # fmt: skip
