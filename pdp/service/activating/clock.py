"""The time by which a server decides: never set back. No policy enters."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_NS_PER_US: Final = 1_000


def rising_ns() -> int:
    """Nanoseconds since the machine started, suspension included: no one can set it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class SteadyClock:
    """Time of day that follows the system's clock forward and never back.

    It is told the time of the newest record of the log, and is never earlier. So neither setting
    the clock back nor starting again makes an expired bundle valid. A clock that was set too far
    ahead stays ahead: then bundles expire too early, which only denies.
    """

    def __init__(
        self, wall: Callable[[], int] = time.time_ns, rising: Callable[[], int] = rising_ns
    ) -> None:
        self._wall: Final = wall
        self._rising: Final = rising
        self._ahead_ns = wall() - rising()

    def not_before(self, unix_ns: int) -> None:
        """It is at least that late, in nanoseconds since 1970."""
        self._ahead_ns = max(self._ahead_ns, unix_ns - self._rising())

    def now_ns(self) -> int:
        """Nanoseconds since 1970. May be called from any thread."""
        rising = self._rising()
        ahead_ns = self._wall() - rising
        # Two threads may both do this; they differ by what they saw, and both saw the clock.
        self._ahead_ns = max(self._ahead_ns, ahead_ns)
        return rising + self._ahead_ns

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return self.now_ns() // _NS_PER_US
