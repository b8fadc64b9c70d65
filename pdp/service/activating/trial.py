"""A bundle on trial: asked whatever the active one was asked, never answered to anybody.

It works in a thread of its own, behind a queue that overflows rather than grows: what is not
compared is counted, and no decision waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from pdp.decisionlog import record
from pdp.decisionlog.errors import LogError
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.engine import Engine
from pdp.model import BundleIdentity, Decision, Effect, PdpError
from pdp.request import Request

_LOG: Final = logging.getLogger("pdp.service")
QUEUE_MAX: Final = 2_000
# Flips that get a record of their own, each second; the rest is counted in the next one.
RECORDS_PER_S: Final = 10
_IDLE_S: Final = 0.05


class Counts(NamedTuple):
    """How a bundle on trial does: of so many ``decisions``, what others would have become."""

    bundle: BundleIdentity
    decisions: int
    stricter: int
    looser: int
    asked: int


class _Asked(NamedTuple):
    request: Request
    answered: Decision
    now_us: int


class Trial:
    """Compares until closed. ``saw`` may be called from any thread."""

    def __init__(
        self,
        log: Writer,
        tell: Callable[[Counts], None],
        clock_ns: Callable[[], int],
        engine_version: str,
    ) -> None:
        self._log: Final = log
        self._tell_others: Final = tell
        self._clock_ns: Final = clock_ns
        self._engine_version: Final = engine_version
        self._queue: Final[deque[_Asked]] = deque(maxlen=QUEUE_MAX)
        self._engine: Engine | None = None
        self._counts = dict.fromkeys(Effect, 0)
        self._decisions = 0
        self._unrecorded = 0
        self._second = 0
        self._recorded = 0
        self._ending: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="pdp-trial", daemon=True)
        self._thread.start()

    def put(self, engine: Engine) -> None:
        """Try that engine from now on; what was counted was of another one."""
        self._counts = dict.fromkeys(Effect, 0)
        self._decisions = 0
        self._engine = engine
        self._tell()

    def saw(self, request: Request, answered: Decision, now_ns: int) -> None:
        """The active bundle answered; its decision has its id."""
        if self._engine is not None:
            self._queue.append(_Asked(request, answered, now_ns // 1_000))

    def close(self) -> None:
        """End the thread."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            engine = self._engine
            if engine is None or not self._queue:
                self._ending.wait(_IDLE_S)
                continue
            try:
                self._compare(engine, self._queue.popleft())
                if not self._queue:
                    self._tell()
            except Exception as bug:  # noqa: BLE001 - the next comparison may do better
                _LOG.error("internal error in a trial: %s", type(bug).__name__)

    def _compare(self, engine: Engine, asked: _Asked) -> None:
        try:
            bound = engine.bind(asked.request)
        except PdpError:
            return  # a request that the other policies refuse has no decision to compare
        tried = engine.policies.decide(bound, asked.now_us)
        self._decisions += 1
        if tried.effect is asked.answered.effect:
            return
        self._counts[tried.effect] += 1
        self._record(asked.answered, tried)

    def _record(self, answered: Decision, tried: Decision) -> None:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._recorded = second, 0
        if self._recorded >= RECORDS_PER_S:
            self._unrecorded += 1
            return
        self._recorded += 1
        payload = record.shadow_flip_record(
            time_unix_ns=self._clock_ns(),
            answered=answered,
            shadow=tried,
            uncounted=self._unrecorded,
            engine_version=self._engine_version,
        )
        try:
            self._log.append(Kind.SHADOW_FLIP, payload)
        except LogError:
            self._unrecorded += 1
        else:
            self._unrecorded = 0

    def _tell(self) -> None:
        engine = self._engine
        if engine is None:
            return
        self._tell_others(
            Counts(
                engine.bundle,
                self._decisions,
                stricter=self._counts[Effect.DENY],
                looser=self._counts[Effect.ALLOW],
                asked=self._counts[Effect.REQUIRE_APPROVAL],
            )
        )
