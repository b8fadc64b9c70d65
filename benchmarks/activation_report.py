"""The report of activations, for the terminal and a page, and what in it is a failure. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from rich.table import Table

from benchmarks.activation_rounds import Campaign, Half, Memory, Pace, Times

ACTIVATION_BAR_S: Final = 1.0
EXPIRY_BAR_S: Final = 1.0
MEMORY_BAR: Final = 1.6

# What it is, what was found, and what it may be at most.
Row = tuple[str, str, str]


class Report(msgspec.Struct, frozen=True):
    """Everything that one run found; ``expiry_s`` is from expiry to the first deny."""

    machine: dict[str, str]
    settings: dict[str, str]
    campaign: Campaign
    paces: tuple[Pace, ...]
    times: Times
    memory: Memory
    expiry_s: tuple[float, ...]


def problems(report: Report) -> list[str]:
    """What must not be, on any machine: times are for people to judge."""
    found = []
    campaign = report.campaign
    if not campaign.is_clean:
        found.append(
            f"the campaign: {campaign.errors} errors, {campaign.mixed} mixed answers,"
            f" {campaign.unrecorded} decisions before their activation's record,"
            f" {campaign.differing} that replay otherwise"
        )
    if not campaign.replayed:
        found.append("the campaign: nothing was replayed")
    found += [
        f"{pace.what}: {pace.errors} errors, {pace.mixed} mixed answers"
        for pace in report.paces
        if pace.errors or pace.mixed
    ]
    return found


def table_of(report: Report) -> Table:
    """For the terminal."""
    machine = report.machine
    table = Table(title=f"Activations, {machine['cpu']}, {machine['cores']} cores (medians)")
    table.add_column("what")
    table.add_column("found", justify="right")
    table.add_column("bar", justify="right")
    for row in rows_of(report):
        table.add_row(*row)
    return table


def to_markdown(report: Report) -> str:
    """For a page."""
    told = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    settings = ", ".join(f"{name} {value}" for name, value in report.settings.items())
    lines = [
        told,
        "",
        f"Settings: {settings}.",
        "",
        "| what | found | bar |",
        "| --- | ---: | ---: |",
    ]
    lines += [f"| {' | '.join(row)} |" for row in rows_of(report)]
    return "\n".join(lines) + "\n"


def rows_of(report: Report) -> Iterator[Row]:
    """Every number that has a bar, and those that explain it."""
    campaign = report.campaign
    per_s = campaign.activations / campaign.seconds
    yield f"{campaign.activations:,} activations under load: errors", str(campaign.errors), "0"
    yield f"answers that mix versions, of {campaign.calls:,}", str(campaign.mixed), "0"
    decisions = f"{campaign.decisions:,}"
    yield f"decided before recorded, of {decisions}", str(campaign.unrecorded), "0"
    yield f"replayed otherwise, of {campaign.replayed:,}", str(campaign.differing), "0"
    yield "activations per second", f"{per_s:.2f}", ""
    for pace in report.paces:
        yield from _rows_of_pace(pace)
    yield from _rows_of_times(report.times)
    memory = report.memory
    what = f"{memory.rules:,} rules: peak memory of a swap / before it, worst of"
    peaks = f"{memory.ratio:.2f}x"
    yield f"{what} {len(memory.peak_mb)}", peaks, f"{MEMORY_BAR}x"
    steady, peak = statistics.median(memory.steady_mb), max(memory.peak_mb)
    yield "MB before a swap, and most during one", f"{steady:.0f}, {peak:.0f}", ""
    late = f"{max(report.expiry_s):.2f} s"
    yield f"expiry to the first deny, worst of {len(report.expiry_s)}", late, _s(EXPIRY_BAR_S)


def _rows_of_pace(pace: Pace) -> Iterator[Row]:
    head = f"{pace.what}, every {pace.period_s:g} s"
    yield f"{head}: p99 more than quiet", f"{pace.difference_ms:+.1f} ms", f"{pace.bar_ms:+g} ms"
    yield f"{head}: p50, p99, longest call", _calls(pace.changing), ""
    yield "quiet", _calls(pace.quiet), ""
    done = f"{pace.activations} of {pace.published}"
    own, lag = statistics.median(pace.own_ms), statistics.median(pace.lag_ms)
    yield (
        "activated of published; own part; publishing to swap",
        (f"{done}; {own:.0f} ms; {lag / 1_000:.2f} s"),
        "",
    )


def _calls(halves: Sequence[Half]) -> str:
    p50 = statistics.median(half.p50_ms for half in halves)
    p99 = statistics.median(half.p99_ms for half in halves)
    return f"{p50:.1f}, {p99:.1f}, {max(half.max_ms for half in halves):.0f} ms"


def _rows_of_times(times: Times) -> Iterator[Row]:
    head = f"{times.rules:,} rules"
    bar = _s(ACTIVATION_BAR_S)
    yield f"{head}: the server's own part, ready to swapped", _median(times.own_s), bar
    yield (
        f"{head}: start from the last good, source away",
        _median(times.restart_without_source_s),
        bar,
    )
    yield f"{head}: start with its source there", _median(times.restart_s), ""
    yield f"{head}: first time, with the proof", _median(times.first_s), ""


def _median(values: Sequence[float]) -> str:
    return _s(statistics.median(values))


def _s(seconds: float) -> str:
    return f"{seconds:.2f} s"
