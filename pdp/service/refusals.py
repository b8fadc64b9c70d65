"""How many refusals get a record of their own, and the count of the rest. Writes nothing itself."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Final, TypeAlias

# A caller's share of refusal records; without it, anyone who may connect could fill the disk.
RECORDS_PER_SECOND_MAX: Final = 100
# Beyond this many callers in one second, the rest share one share.
CALLERS_MAX: Final = 1_000

_SECOND_NS: Final = 1_000_000_000

# Caller, gRPC status name, how many.
Count: TypeAlias = tuple[str, str, int]


class RefusalTally:
    """Shares and counts by caller; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._second = 0
        self._used: Counter[str] = Counter()
        self._counts: Counter[tuple[str, str]] = Counter()

    def admit(self, peer: str, now_ns: int) -> bool:
        """Whether the caller's share of this second still holds a record; takes one if so."""
        second = now_ns // _SECOND_NS
        with self._lock:
            # Also when the clock is set back: another second, another share.
            if second != self._second:
                self._second = second
                self._used.clear()
            if peer not in self._used and len(self._used) >= CALLERS_MAX:
                peer = ""
            if self._used[peer] >= RECORDS_PER_SECOND_MAX:
                return False
            self._used[peer] += 1
            return True

    def count(self, peer: str, status: str, count: int = 1) -> None:
        """Calls that got no record of their own."""
        with self._lock:
            key = (peer, status)
            if key not in self._counts and len(self._counts) >= CALLERS_MAX:
                key = ("", status)
            self._counts[key] += count

    def take(self) -> tuple[Count, ...]:
        """What was counted since the last call, in order; the counts start again from zero."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return tuple((peer, status, count) for (peer, status), count in sorted(counts.items()))

    def restore(self, counts: Iterable[Count]) -> None:
        """Give back what was taken, when it could not be written down."""
        for peer, status, count in counts:
            self.count(peer, status, count)
