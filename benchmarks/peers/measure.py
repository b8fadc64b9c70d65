"""Times calls in interleaved rounds: every subject in every round, so noise meets them alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# A 99th percentile of fewer calls than this in a round is its worst call, and says little.
P99_CALLS_MIN: Final = 100
ROUNDS_MIN: Final = 5

_NS_PER_US: Final = 1_000
_CLOCK_CALLS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Subject:
    """One function, and the inputs to call it with in this order; ``calls`` of them in a round."""

    call: Callable[[Any], object]
    inputs: Sequence[Any]
    calls: int


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians over the rounds, in microseconds, less what reading the clock takes."""

    p50_us: float
    p99_us: float


def measured(
    subjects: Mapping[str, Subject], rounds: int, tick: Callable[[], None]
) -> dict[str, Timing]:
    """Each subject's timing over ``rounds``; ``tick`` is called after each subject's turn.

    The garbage collector is off while calls are timed: what it costs depends on what else lives.
    """
    samples: dict[str, list[Timing]] = {name: [] for name in subjects}
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, subject in subjects.items():
                samples[name].append(_round(subject))
                gc.collect()
                tick()
    finally:
        gc.enable()
        gc.unfreeze()
    return {
        name: Timing(
            statistics.median(timing.p50_us for timing in timings),
            statistics.median(timing.p99_us for timing in timings),
        )
        for name, timings in samples.items()
    }


def seconds_each(call: Callable[[Any], object], inputs: Sequence[Any], limit_s: float) -> float:
    """What one call takes, by a short trial of at most ``limit_s`` or the call under way."""
    started = time.perf_counter()
    done = 0
    for given in inputs[:64]:
        call(given)
        done += 1
        if time.perf_counter() - started > limit_s:
            break
    return (time.perf_counter() - started) / done


def _round(subject: Subject) -> Timing:
    inputs = [subject.inputs[index % len(subject.inputs)] for index in range(subject.calls)]
    for given in inputs[: len(inputs) // 4]:  # warm-up
        subject.call(given)
    clock_ns = _clock_ns()
    taken = sorted(_taken(subject.call, inputs))
    return Timing(
        max(0.0, taken[len(taken) // 2] - clock_ns) / _NS_PER_US,
        max(0.0, taken[len(taken) * 99 // 100] - clock_ns) / _NS_PER_US,
    )


def _taken(call: Callable[[Any], object], inputs: Sequence[Any]) -> list[int]:
    """Nanoseconds of each call."""
    now = time.perf_counter_ns
    taken = [0] * len(inputs)
    for index, given in enumerate(inputs):
        started = now()
        call(given)
        taken[index] = now() - started
    return taken


def _clock_ns() -> float:
    now = time.perf_counter_ns
    taken = []
    for _ in range(_CLOCK_CALLS):
        started = now()
        taken.append(now() - started)
    return statistics.median(taken)


__all__ = ["P99_CALLS_MIN", "ROUNDS_MIN", "Subject", "Timing", "measured", "seconds_each"]
