"""One workload, every engine: load, compare answers, then measure them side by side."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.peers.charter import Charter, request_of
from benchmarks.peers.engine import Peer, agrees
from benchmarks.peers.handwritten import HandWritten
from benchmarks.peers.measure import P99_CALLS_MIN, Subject, Timing, measured, seconds_each
from benchmarks.peers.table import Row
from benchmarks.peers.workload import HOT, Ask, Workload

VERIFIED: Final = 2_000
CHAINS: Final = (1, 2)
# Calls in one round: of a fast engine, of a slow one, with binding.
CALLS: Final = 2_048
CALLS_MIN: Final = 8
FRESH_CALLS: Final = 1_024

_GROWTH_MAX: Final = 12.0


@dataclass(frozen=True, slots=True)
class Limits:
    """``rounds`` of measuring. Seconds for an engine: to load, to verify, and in each round.

    ``decision_s``, ``memory_mb``: an engine whose decisions or rules would take more is left out.
    """

    rounds: int
    load_s: float
    verify_s: float
    round_s: float
    decision_s: float
    memory_mb: float = 4_000.0


@dataclass(slots=True)
class Expectation:
    """What each peer took at smaller sizes of one shape, so that hopeless ones are not begun."""

    loads_s: dict[str, list[float]] = field(default_factory=dict)
    decisions_s: dict[str, list[float]] = field(default_factory=dict)
    memories_mb: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, limits: Limits) -> str:
        """Why ``name`` is not begun at the next size, or nothing. Growth is taken to go on."""
        load_s = _next(self.loads_s.get(name, []))
        if load_s > limits.load_s:
            return f"over the budget: would load for about {load_s:.0f} s"
        decision_s = _next(self.decisions_s.get(name, []))
        if decision_s > limits.decision_s:
            return f"over the budget: about {decision_s * 1e3:.0f} ms for one decision"
        memory_mb = _next(self.memories_mb.get(name, []))
        if memory_mb > limits.memory_mb:
            return f"over the budget: about {memory_mb:,.0f} MB of memory"
        return ""


class OverBudget(Exception):
    """An engine took longer than it may."""


class Trial:
    """``tell`` is told what is going on."""

    def __init__(
        self,
        work: Workload,
        limits: Limits,
        expectation: Expectation,
        tell: Callable[[str], None],
    ) -> None:
        self._work: Final = work
        self._limits: Final = limits
        self._expectation: Final = expectation
        self._tell: Final[Callable[[str], None]] = lambda text: tell(
            f"{work.shape.value} {work.size}: {text}"
        )
        self._rows: Final[dict[str, Row]] = {}
        self._subjects: Final[dict[str, Subject]] = {}
        self._hand: Final = HandWritten(work)

    def run(self, kinds: Sequence[type[Peer]]) -> list[Row]:
        """The rows of all engines. Raises AssertionError when the engine itself answers wrongly."""
        self._enter_ours()
        for kind in kinds:
            self._tell(kind.name)
            note = self._expectation.note(kind.name, self._limits)
            blank = Row(self._work.shape.value, self._work.size, kind.name, note=note)
            self._rows[kind.name] = blank if note else self._enter(kind, blank)
        self._tell("measuring")
        timings = measured(self._subjects, self._limits.rounds, lambda: None)
        return [self._timed(key, row, timings) for key, row in self._rows.items()]

    def _timed(self, key: str, row: Row, timings: Mapping[str, Timing]) -> Row:
        if key not in timings:
            return row
        timing, fresh = timings[key], timings.get(f"fresh {key}")
        enough = self._subjects[key].calls >= P99_CALLS_MIN
        return replace(
            row,
            p50_us=round(timing.p50_us, 3),
            p99_us=round(timing.p99_us, 3) if enough else None,
            fresh_us=None if fresh is None else round(fresh.p50_us, 3),
        )

    def _enter_ours(self) -> None:
        """The engine and the hand-written function, compared, in every setting."""
        work, hand = self._work, self._hand
        self._tell("loading")
        started = time.perf_counter()
        ours = Charter(work)
        load_s = round(time.perf_counter() - started, 3)
        blank = Row(work.shape.value, work.size, "", verified=VERIFIED)
        for chain in CHAINS:
            self._tell(f"comparing, chain of {chain}")
            asks = work.asks[:VERIFIED]
            reference = _verify(asks, hand, ours, chain, self._limits.verify_s)
            ours_bound = [ours.bind(ask, chain) for ask in work.asks]
            hand_bound = [hand.bind(ask, chain) for ask in work.asks]
            for spread in (True, False):
                row = replace(blank, chain=chain, spread=spread)
                count = len(work.asks) if spread else HOT
                by_hand = replace(row, engine=hand.name)
                self._enter_own(by_hand, hand.decide, hand_bound[:count])
                by_us = replace(row, engine=ours.name, load_s=load_s, reference=reference)
                self._enter_own(by_us, ours.decide, ours_bound[:count])
        requests = [request_of(ask, 1) for ask in work.asks]
        key = f"fresh {ours.name} 1 True"
        bind, decide = ours.engine.bind, ours.decide
        self._subjects[key] = Subject(lambda one: decide(bind(one)), requests, FRESH_CALLS)

    def _enter_own(self, row: Row, call: Callable[[Any], object], inputs: Sequence[Any]) -> None:
        key = f"{row.engine} {row.chain} {row.spread}"
        self._rows[key] = row
        self._subjects[key] = Subject(call, inputs, CALLS)

    def _enter(self, kind: type[Peer], row: Row) -> Row:
        """A peer's row; it is among the subjects unless it failed, and the row says how it did."""
        limits = self._limits
        try:
            with _at_most(limits.load_s):
                memory_mb = _memory_mb()
                started = time.perf_counter()
                peer = kind(self._work)
                load_s = time.perf_counter() - started
            row = replace(row, load_s=round(load_s, 3))
            verified, wrong = _compared(peer, self._work, self._hand, limits.verify_s)
        except ImportError as error:
            return replace(row, note=f"not installed: {error}")
        except OverBudget:
            return replace(row, note="over the budget of time")
        except Exception as error:  # noqa: BLE001 - whatever a peer does, the others go on
            return replace(row, note=f"failed: {type(error).__name__}: {str(error)[:120]}")
        row = replace(row, verified=verified)
        if wrong:
            return replace(row, note=f"disagrees on {wrong} of {verified} requests")
        given = [peer.given(ask) for ask in self._work.asks]
        bound = [peer.bind(one) for one in given]
        each_s = seconds_each(peer.decide, bound, limits.round_s / 4)
        calls = max(CALLS_MIN, min(CALLS, int(limits.round_s / each_s)))
        self._subjects[row.engine] = Subject(peer.decide, bound, calls)
        self._subjects[f"fresh {row.engine}"] = Subject(
            lambda one: peer.decide(peer.bind(one)), given, min(calls, FRESH_CALLS)
        )
        self._expectation.loads_s.setdefault(row.engine, []).append(load_s)
        self._expectation.decisions_s.setdefault(row.engine, []).append(each_s)
        taken_mb = max(1.0, _memory_mb() - memory_mb)
        self._expectation.memories_mb.setdefault(row.engine, []).append(taken_mb)
        return row


def _verify(
    asks: Sequence[Ask], hand: HandWritten, ours: Charter, chain: int, seconds: float
) -> int:
    """Compare all answers with the function's, and with the reference's as time allows.

    How many went to the reference. Raises AssertionError at the first difference.
    """
    deadline = time.perf_counter() + seconds
    count = 0
    for ask in asks:
        answer = ours.answer(ours.decide(ours.bind(ask, chain)))
        if answer != hand.decide(hand.bind(ask, chain)):
            raise AssertionError(f"{answer} is not what the function says: {ask}")
        if time.perf_counter() < deadline:
            count += 1
            if answer != ours.reference(ask, chain):
                raise AssertionError(f"{answer} is not what the reference says: {ask}")
    return count


def _compared(peer: Peer, work: Workload, hand: HandWritten, seconds: float) -> tuple[int, int]:
    """How many answers were compared within the time, and how many of them are wrong."""
    deadline = time.perf_counter() + seconds
    wrong = count = 0
    with _at_most(seconds * 2):
        for ask in work.asks[:VERIFIED]:
            answer = peer.decide(peer.bind(peer.given(ask)))
            count += 1
            wrong += not agrees(peer.tells, answer, hand.decide(hand.bind(ask, 1)))
            if time.perf_counter() > deadline:
                break
    return count, wrong


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raises OverBudget; native code that runs on is interrupted when it returns."""

    def stop(_signal: int, _frame: object) -> None:
        raise OverBudget

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _next(values: Sequence[float]) -> float:
    """What follows the last of ``values`` if it grows as it did before.

    At most twelvefold for ten times the rules: one hiccup must not keep an engine out.
    """
    if not values:
        return 0.0
    if len(values) == 1:
        return values[-1]
    return values[-1] * min(_GROWTH_MAX, max(1.0, values[-1] / max(values[-2], 1e-9)))


def _memory_mb() -> float:
    """What this process has in memory; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * resource.getpagesize() / 1e6


__all__ = ["Expectation", "Limits", "OverBudget", "Trial"]
