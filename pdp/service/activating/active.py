"""What decides now: an engine, and until when. One object, so that a call reads both at once."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec.structs import replace

from pdp.engine import Engine
from pdp.eval.consequences.obligations import RETURNED
from pdp.eval.facts import BoundRequest
from pdp.model import Attribution, Decision, DenyCause, Effect, NextAction, Reasons

# Of something that never expires, because nobody signed it.
NEVER_NS: Final = 2**63 - 1
_RETURNED: Final = RETURNED[Effect.DENY]
_REASONS: Final = Reasons(
    for_model="Denied: the policies have expired. Tell the person you act for.",
    for_person="Denied: the policies that decide have expired. Tell whoever operates this"
    " policy decision point: a newer bundle or freshness statement is needed.",
    for_auditor="cause bundle_expired: nothing is allowed by policies that are no longer valid",
)


class Active(NamedTuple):
    """``valid_until_ns``: nanoseconds since 1970; from then on everything is denied."""

    engine: Engine
    valid_until_ns: int = NEVER_NS

    def decide(self, bound: BoundRequest, now_ns: int) -> Decision:
        """The engine's answer, or a deny once nobody vouches for the engine's policies."""
        decision = self.engine.decide(bound)
        return decision if now_ns < self.valid_until_ns else expired(decision)


def expired(decision: Decision) -> Decision:
    """A deny in place of what expired policies say; what they hide from the log stays hidden."""
    whose = decision.attribution
    return replace(
        decision,
        effect=Effect.DENY,
        cause=DenyCause.BUNDLE_EXPIRED,
        rules=(),
        attribution=Attribution(whose.accountable, whose.agent, whose.chain),
        obligations=tuple([one for one in decision.obligations if one.name in _RETURNED]),
        reasons=_REASONS,
        next_action=NextAction.NONE,
        approval=None,
    )
