"""What activations cost those who ask: each measure a function, on a real server. Prints nothing.

Callers are closed loops: each has a connection of its own and one call at a time. Times are by the
machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import datetime
import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import grpc
import msgspec

from benchmarks.activation_load import METHOD, Callers, Heard, calling
from benchmarks.activation_served import Site, forget_peak, peak_mb, resident_mb
from pdp import Engine
from pdp._proto import decision_pb2 as pb
from pdp.decisionlog import reader, record
from pdp.decisionlog.record import Kind
from pdp.protoform import CAUSE_TO_NUMBER, EFFECT_TO_NUMBER, request_from_proto

WARM_S: Final = 1.0
# How long a bundle holds that is to expire, and how often it is asked for.
_SHORT_S: Final = 10
_ASK_S: Final = 0.01
# Omitted from a record without anything missing that decides.
_BESIDE_THE_REQUEST: Final = frozenset({"request_digest", "digest_salt"})
_US_PER_MS: Final = 1_000

Tick = Callable[[], None]


class Campaign(msgspec.Struct, frozen=True):
    """Activations one after another under full load, and what must be none of it.

    ``replayed`` of the log's decisions were made again from policy text, ``differing`` of them
    otherwise; ``unrecorded`` stand before the record of what decided them.
    """

    activations: int
    seconds: float
    calls: int
    errors: int
    mixed: int
    revisions_seen: int
    decisions: int
    unrecorded: int
    replayed: int
    differing: int

    @property
    def is_clean(self) -> bool:
        return not (self.errors or self.mixed or self.unrecorded or self.differing)


class Half(msgspec.Struct, frozen=True):
    """The calls of half a round, in milliseconds."""

    calls: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class Pace(msgspec.Struct, frozen=True):
    """Rounds of two halves: nothing new, and a new revision every ``period_s``.

    ``own_ms`` is the server's part of each activation, ``lag_ms`` from publishing to the swap.
    """

    what: str
    period_s: float
    bar_ms: float
    quiet: tuple[Half, ...]
    changing: tuple[Half, ...]
    published: int
    activations: int
    errors: int
    mixed: int
    own_ms: tuple[float, ...]
    lag_ms: tuple[float, ...]

    @property
    def difference_ms(self) -> float:
        """Of the medians of the 99th percentiles."""
        return _median(one.p99_ms for one in self.changing) - _median(
            one.p99_ms for one in self.quiet
        )


class Times(msgspec.Struct, frozen=True):
    """What it takes until a bundle decides, in seconds, without other work."""

    rules: int
    first_s: tuple[float, ...]
    own_s: tuple[float, ...]
    restart_s: tuple[float, ...]
    restart_without_source_s: tuple[float, ...]


class Memory(msgspec.Struct, frozen=True):
    """Resident memory of the server's process, in 10^6 bytes: before each swap, and at its peak."""

    rules: int
    steady_mb: tuple[float, ...]
    peak_mb: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The worst swap's."""
        return max(peak / steady for peak, steady in zip(self.peak_mb, self.steady_mb, strict=True))


# ---------------------------------------------------------------- under load


def campaign(site: Site, count: int, callers: int, sample: int, tick: Tick) -> Campaign:
    """``count`` activations, each as soon as the one before decides, while ``callers`` ask."""
    site.put(site.press.issue(1))
    with site.serving(), calling(site.target, site.script, callers) as crowd:
        crowd.begin()
        began_s = time.monotonic()
        for revision in range(2, count + 2):
            site.put(site.press.issue(revision))
            site.await_swap(revision)
            tick()
        seconds = time.monotonic() - began_s
        heard = crowd.end()
    decisions, unrecorded = order_in_log(site.log_dir)
    replayed, differing = replays(site.log_dir, site.press.engines, sample)
    return Campaign(
        activations=count,
        seconds=seconds,
        calls=heard.calls,
        errors=heard.errors,
        mixed=heard.mixed,
        revisions_seen=len(heard.first_seen_s),
        decisions=decisions,
        unrecorded=unrecorded,
        replayed=replayed,
        differing=differing,
    )


def pace(  # noqa: PLR0913 - by keyword
    site: Site, *, what: str, period_s: float, bar_ms: float, rounds: int, seconds: float,
    callers: int, tick: Tick,
) -> Pace:  # fmt: skip
    """Halves of so many seconds in turn: as it is, and with a new revision every ``period_s``."""
    site.put(site.press.issue(1))
    quiet: list[Heard] = []
    changing: list[Heard] = []
    put_s: dict[int, float] = {}
    with site.serving(), calling(site.target, site.script, callers) as crowd:
        _asked(crowd, WARM_S)
        for _ in range(rounds):
            quiet.append(_asked(crowd, seconds))
            tick()
            crowd.begin()
            put_s |= _published(site, len(put_s) + 2, period_s, seconds)
            # Every swap falls into a half that is changing, however long its proof takes.
            site.await_swap(len(put_s) + 1)
            changing.append(crowd.end())
            tick()
        stamps = [stamp for stamp in site.stamps() if stamp.revision in put_s]
    every = [*quiet, *changing]
    return Pace(
        what=what,
        period_s=period_s,
        bar_ms=bar_ms,
        quiet=tuple(map(_half, quiet)),
        changing=tuple(map(_half, changing)),
        published=len(put_s),
        activations=len(stamps),
        errors=sum(one.errors for one in every),
        mixed=sum(one.mixed for one in every),
        own_ms=tuple([stamp.taken_s * 1_000 for stamp in stamps]),
        lag_ms=tuple([(stamp.swapped_s - put_s[stamp.revision]) * 1_000 for stamp in stamps]),
    )


def _asked(crowd: Callers, seconds: float) -> Heard:
    crowd.begin()
    time.sleep(seconds)
    return crowd.end()


def _published(site: Site, first: int, period_s: float, seconds: float) -> dict[int, float]:
    """Publish a revision at once and then every period; when each was."""
    began_s = time.monotonic()
    put_s: dict[int, float] = {}
    while (due_s := len(put_s) * period_s) < seconds:
        data = site.press.issue(first + len(put_s))
        time.sleep(max(0.0, began_s + due_s - time.monotonic()))
        put_s[first + len(put_s)] = site.put(data)
    time.sleep(max(0.0, began_s + seconds - time.monotonic()))
    return put_s


def _half(heard: Heard) -> Half:
    taken = sorted(heard.taken_us)
    if len(taken) < 2:
        raise SystemExit("hardly a call was answered")
    cuts = statistics.quantiles(taken, n=100)
    return Half(len(taken), cuts[49] / _US_PER_MS, cuts[98] / _US_PER_MS, taken[-1] / _US_PER_MS)


def _median(values: Any) -> float:
    return float(statistics.median(values))


# ---------------------------------------------------------------- the log


def order_in_log(log_dir: Path) -> tuple[int, int]:
    """Decisions, and those that stand before the record of the activation they are by."""
    decisions = unrecorded = 0
    recorded: set[tuple[int, str]] = set()
    for item in reader.records(log_dir):
        if item.kind not in {Kind.BUNDLE_ACTIVATION, Kind.DECISION}:
            continue
        message: Any = record.parse(item.kind, item.payload)
        what = message.bundle.revision, message.bundle.digest
        if item.kind is Kind.BUNDLE_ACTIVATION:
            recorded.add(what)
        else:
            decisions += 1
            unrecorded += what not in recorded
    return decisions, unrecorded


def replays(log_dir: Path, engines: Mapping[str, Engine], sample: int) -> tuple[int, int]:
    """One in ``sample`` of the log's decisions, made again by the policies of its digest.

    Gives how many, and how many came out otherwise. Time is the record's. What the log does not
    hold whole, because something in it is secret, cannot be made again.
    """
    count = differing = 0
    decisions = (item for item in reader.records(log_dir) if item.kind is Kind.DECISION)
    for item in itertools.islice(decisions, 0, None, sample):
        message: Any = record.parse(item.kind, item.payload)
        if not _BESIDE_THE_REQUEST.issuperset(message.omitted_paths):
            continue
        engine = engines.get(message.bundle.digest)
        count += 1
        differing += engine is None or not _is_replayed(message, engine)
    return count, differing


def _is_replayed(message: Any, engine: Engine) -> bool:
    bound = engine.bind(request_from_proto(message.request))
    decision = engine.policies.decide(bound, message.time_unix_ns // 1_000)
    answer = message.answer
    cause = 0 if decision.cause is None else CAUSE_TO_NUMBER[decision.cause]
    return (
        EFFECT_TO_NUMBER[decision.effect],
        cause,
        [rule.rule for rule in decision.rules],
    ) == (answer.effect, answer.cause, [rule.rule for rule in answer.rules])


# ---------------------------------------------------------------- alone


def times(site: Site, rules: int, repeats: int, tick: Tick) -> Times:
    """New bundles on a server that runs, and starts with what was good before."""
    first_s, own_s, restart_s, without_s = [], [], [], []
    site.put(site.press.issue(1))
    with site.serving():
        for revision in range(2, repeats + 2):
            at_s = site.put(site.press.issue(revision))
            stamp = site.await_swap(revision)
            first_s.append(stamp.swapped_s - at_s)
            own_s.append(stamp.taken_s)
            tick()
    for _ in range(repeats):
        restart_s.append(_started_s(site))
        tick()
    site.take_away()
    for _ in range(repeats):
        without_s.append(_started_s(site))
        tick()
    return Times(rules, tuple(first_s), tuple(own_s), tuple(restart_s), tuple(without_s))


def _started_s(site: Site) -> float:
    began_s = time.monotonic()
    with site.serving():
        return time.monotonic() - began_s


def memory(site: Site, rules: int, swaps: int, callers: int, tick: Tick) -> Memory:
    """The server's memory before and during each of ``swaps``, while ``callers`` ask."""
    steady, peaks = [], []
    site.put(site.press.issue(1))
    with site.serving() as pid, calling(site.target, site.script, callers) as crowd:
        _asked(crowd, WARM_S)
        for revision in range(2, swaps + 2):
            forget_peak(pid)
            steady.append(resident_mb(pid))
            crowd.begin()
            site.put(site.press.issue(revision))
            site.await_swap(revision)
            # What the swap left behind shows a little later.
            time.sleep(WARM_S)
            crowd.end()
            peaks.append(peak_mb(pid))
            tick()
    return Memory(rules, tuple(steady), tuple(peaks))


def expiry_s(site: Site) -> float:
    """From the time a bundle expires to the first answer that says so, one asking all the time."""
    site.put(site.press.issue(1))
    data = site.press.script.requests[0]
    with site.serving(), grpc.insecure_channel(site.target) as channel:
        # Only now, so that a slow start takes nothing of its time.
        expires = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        expires += datetime.timedelta(seconds=_SHORT_S)
        site.put(site.press.issue(2, expires))
        site.await_swap(2)
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        allowed = 0
        while True:
            answer = pb.DecideResponse.FromString(call(data, timeout=WARM_S * 10))
            late_s = time.time() - expires.timestamp()
            if answer.cause == pb.DENY_CAUSE_BUNDLE_EXPIRED:
                break
            allowed += 1
            if late_s > _SHORT_S:
                raise SystemExit("an expired bundle goes on deciding")
            time.sleep(_ASK_S)
    if not allowed:
        raise SystemExit("the bundle had expired before it was asked for")
    return late_s
