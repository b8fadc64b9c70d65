"""A deny in the place of what the policies say. Says for no request whether there is one."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from pdp.eval.consequences.obligations import RETURNED
from pdp.model import Attribution, Decision, DenyCause, Effect, NextAction, Reasons

_RETURNED: Final = RETURNED[Effect.DENY]
_EXPIRED: Final = Reasons(
    for_model="Denied: the policies have expired. Tell the person you act for.",
    for_person="Denied: the policies that decide have expired. Tell whoever operates this"
    " policy decision point: a newer bundle or freshness statement is needed.",
    for_auditor="cause bundle_expired: nothing is allowed by policies that are no longer valid",
)


def denied(decision: Decision, cause: DenyCause, reasons: Reasons) -> Decision:
    """A deny instead of ``decision``; what the policies hide from the log stays hidden."""
    whose = decision.attribution
    return replace(
        decision,
        effect=Effect.DENY,
        cause=cause,
        rules=(),
        attribution=Attribution(whose.accountable, whose.agent, whose.chain),
        obligations=tuple([one for one in decision.obligations if one.name in _RETURNED]),
        reasons=reasons,
        next_action=NextAction.NONE,
        approval=None,
    )


def expired(decision: Decision) -> Decision:
    """A deny in place of what policies say that are no longer valid."""
    return denied(decision, DenyCause.BUNDLE_EXPIRED, _EXPIRED)


__all__ = ["denied", "expired"]
