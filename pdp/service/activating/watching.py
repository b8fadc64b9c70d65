"""Who is told of each decision beside the caller: what is on trial, and what warms up the next one.

Nobody here may change a decision, or keep one waiting.
"""

from __future__ import annotations

from typing import Final, Protocol

from pdp.model import Decision, DenyCause
from pdp.request import Request
from pdp.service.activating.samples import Samples
from pdp.service.activating.trial import Trial

# What no other bundle would decide otherwise.
_NOT_BY_POLICIES: Final = (DenyCause.INVALID_REQUEST, DenyCause.BUNDLE_EXPIRED, DenyCause.STOPPED)


class Watching(Protocol):
    """Is told what was decided, with its id, and when: nanoseconds since 1970."""

    def saw(self, request: Request, decision: Decision, now_ns: int) -> None: ...


class _Nobody:
    def saw(self, request: Request, decision: Decision, now_ns: int) -> None:
        """Policies that never change need nothing."""


NOBODY_WATCHES: Final[Watching] = _Nobody()


class Watchers:
    """Samples, and a trial once there is one."""

    def __init__(self, samples: Samples) -> None:
        self._samples: Final = samples
        self.trial: Trial | None = None

    def saw(self, request: Request, decision: Decision, now_ns: int) -> None:
        if decision.cause in _NOT_BY_POLICIES:
            return
        self._samples.saw(request)
        if self.trial is not None:
            self.trial.saw(request, decision, now_ns)
