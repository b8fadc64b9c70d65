"""What a replay came to: counts, differences, flips. Data only."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field

from pdp.model import Effect


class Direction(enum.StrEnum):
    """How another bundle answers what was asked, the most alarming first."""

    NEWLY_ALLOWED = "newly_allowed"  # was denied
    NO_LONGER_ASKED = "no_longer_asked"  # is allowed without the approval that was required
    NEWLY_ASKED = "newly_asked"  # was allowed, or was denied
    NEWLY_DENIED = "newly_denied"  # was allowed, or an approval was required


def direction_of(before: Effect, after: Effect) -> Direction | None:
    """None where the effect is the same."""
    if before is after:
        return None
    match after:
        case Effect.DENY:
            return Direction.NEWLY_DENIED
        case Effect.REQUIRE_APPROVAL:
            return Direction.NEWLY_ASKED
        case Effect.ALLOW:
            is_asked = before is Effect.REQUIRE_APPROVAL
            return Direction.NO_LONGER_ASKED if is_asked else Direction.NEWLY_ALLOWED


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that is not made again as it is recorded; ``fields`` of its record differ."""

    seq: int
    decision_id: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """A decision that another bundle makes otherwise; ``time_ns`` is in ns since 1970.

    ``rules`` decide on one side only, ``owners`` are theirs; none where no rule decides.
    """

    seq: int
    decision_id: str
    time_ns: int
    direction: Direction
    before: Effect
    after: Effect
    cause: str
    rules: tuple[str, ...]
    owners: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """``identical`` by policy, to the last bit; ``not_by_policy`` by cause, as identical.

    ``not_replayable`` by what the record leaves out; ``versions`` counts decisions by the versions
    of engine and time zones that made them. ``asked`` of another bundle, which refused ``refused``.
    """

    identical: int = 0
    not_by_policy: Counter[str] = field(default_factory=Counter)
    not_replayable: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: int = 0
    refused: int = 0
    flips: list[Flip] = field(default_factory=list)

    @property
    def decisions(self) -> int:
        return (
            self.identical
            + self.not_by_policy.total()
            + self.not_replayable.total()
            + len(self.differences)
        )

    def add(self, other: Tally) -> None:
        """Count what another part of the log came to, which stands after this one."""
        self.identical += other.identical
        self.not_by_policy.update(other.not_by_policy)
        self.not_replayable.update(other.not_replayable)
        self.differences += other.differences
        self.versions.update(other.versions)
        self.asked += other.asked
        self.refused += other.refused
        self.flips += other.flips
