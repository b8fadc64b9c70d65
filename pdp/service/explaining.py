"""What ``Explain`` does between reading its request and recording it. Writes no log."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Final

from pdp.engine import Engine
from pdp.explanation import Explanation
from pdp.overruling.orders import InForce
from pdp.request import Request
from pdp.service.status import Refused, Status

# Explanations come from the slow interpreter: they must not take the threads that decide.
AT_ONCE_MAX: Final = 2


class Explainer:
    """Explains for all callers, so many at once and no more; may be shared by threads."""

    def __init__(self, at_once_max: int = AT_ONCE_MAX) -> None:
        self._turns = threading.BoundedSemaphore(at_once_max)

    def explain(
        self, engine: Engine, request: Request, now_us: int | None, orders: InForce | None = None
    ) -> Explanation:
        """The explanation, at another time than the clock's if ``now_us`` says so.

        It is of what the policies say; a stop order that denies it all the same is noted in the
        reasons.
        Raises RequestError for a request that Decide would refuse too, and Refused when enough
        others are being explained.
        """
        if not self._turns.acquire(blocking=False):
            raise Refused(
                Status.RESOURCE_EXHAUSTED,
                "explaining",
                "enough explanations are under way; ask again later",
            )
        try:
            found = engine.explain(request, now_us)
            if orders is None:
                return found
            return replace(found, decision=orders.note(engine.bind(request), found.decision))
        finally:
            self._turns.release()


__all__ = ["AT_ONCE_MAX", "Explainer"]
