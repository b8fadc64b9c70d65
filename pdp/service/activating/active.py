"""What decides now: an engine, and until when. One object, so that a call reads both at once."""

from __future__ import annotations

from typing import Final, NamedTuple

from pdp.engine import NS_PER_US, Engine
from pdp.eval.facts import BoundRequest
from pdp.model import Decision
from pdp.overruling.denial import expired

# Of something that never expires, because nobody signed it.
NEVER_NS: Final = 2**63 - 1


class Active(NamedTuple):
    """``valid_until_ns``: nanoseconds since 1970; from then on everything is denied."""

    engine: Engine
    valid_until_ns: int = NEVER_NS

    def decide(self, bound: BoundRequest, now_ns: int) -> Decision:
        """The engine's answer at that time, or a deny once nobody vouches for its policies."""
        decision = self.engine.decide(bound, now_ns // NS_PER_US)
        return decision if now_ns < self.valid_until_ns else expired(decision)
