"""Activations beside answering: the campaign under load, and what it costs those who ask.

Real servers, callers in processes of their own, signed bundles through a file. Quiet and changing
rounds are interleaved and medians taken, because machines are noisy: read the differences.

    python -m benchmarks.activation --activations 1000 --rules 10000
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from rich.console import Console
from rich.progress import Progress

from benchmarks.activation_bundles import ROOT, Press, many_rules, starter
from benchmarks.activation_report import Report, problems, table_of, to_markdown
from benchmarks.activation_rounds import Pace, campaign, expiry_s, memory, pace, times
from benchmarks.activation_served import Site

RESULTS: Final = ROOT / "benchmarks" / "results"
# Every second the starter bundle, every ten seconds many rules: with this much above a quiet p99.
STARTER_S, STARTER_BAR_MS = 1.0, 5.0
MANY_S, MANY_BAR_MS = 10.0, 10.0
_TABLE_WIDTH: Final = 110
_REPLAYED: Final = 5_000
_CALLS_EACH: Final = 200

ValueT = TypeVar("ValueT")


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write; 1 if a call failed, an answer was a mixture or replays otherwise."""
    options = _options(arguments)
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="pdp-", dir=options.directory) as folder,
        Progress(console=console) as progress,
    ):
        report = _measured(Path(folder), options, progress)
    Console(width=_TABLE_WIDTH).print(table_of(report))
    options.results.mkdir(exist_ok=True)
    (options.results / "activation.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
    )
    (options.results / "activation.md").write_text(to_markdown(report), "utf-8")
    found = problems(report)
    for problem in found:
        console.print(problem, style="bold red")
    return 1 if found else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    whole = (
        ("--activations", 1_000, "activations of the campaign"),
        ("--rounds", 5, "pairs of a quiet and a changing round"),
        ("--rules", 10_000, "rules of the large bundle"),
        ("--callers", 8, "processes that ask, one call at a time each"),
        ("--repeats", 5, "how often times, memory and expiry are taken"),
    )
    for flag, default, text in whole:
        parser.add_argument(flag, type=int, default=default, help=f"{text} ({default})")
    parser.add_argument("--seconds", type=float, default=20.0, help="of one round (20)")
    parser.add_argument("--log-mode", choices=("fsync", "os"), default="fsync")
    parser.add_argument("--directory", type=Path, help="where logs are written: on a real disk")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results go")
    return parser.parse_args(arguments)


def _measured(folder: Path, options: argparse.Namespace, progress: Progress) -> Report:
    """Every measure in turn, each on a server of its own."""
    mode: str = options.log_mode
    with _step(progress, "bundles", 3) as tick:
        small = _ticked(tick, Press(starter()))
        large = _ticked(tick, Press(many_rules(options.rules)))
        all_new = _ticked(tick, Press(many_rules(options.rules, is_all_new=True)))
    count: int = options.activations
    with _step(progress, f"{count} activations under load", count) as tick:
        sample = max(1, count * _CALLS_EACH // _REPLAYED)
        under_load = campaign(
            Site(folder / "campaign", small, mode), count, options.callers, sample, tick
        )
    paces = [
        _pace(Site(folder / f"pace{number}", press, mode), what, rhythm, options, progress)
        for number, (what, press, rhythm) in enumerate(
            (
                ("the starter bundle", small, (STARTER_S, STARTER_BAR_MS)),
                (f"{options.rules:,} rules, one changed", large, (MANY_S, MANY_BAR_MS)),
                (f"{options.rules:,} rules, all moved", all_new, (MANY_S, MANY_BAR_MS)),
            )
        )
    ]
    repeats: int = options.repeats
    with _step(progress, f"time for {options.rules} rules", 3 * repeats) as tick:
        taken = times(Site(folder / "times", large, mode), options.rules, repeats, tick)
    with _step(progress, f"memory for {options.rules} rules", repeats) as tick:
        site = Site(folder / "memory", all_new, mode)
        kept = memory(site, options.rules, repeats, options.callers, tick)
    with _step(progress, "expiry", repeats) as tick:
        late_s = tuple(
            [
                _ticked(tick, expiry_s(Site(folder / f"expiry{number}", small, mode)))
                for number in range(repeats)
            ]
        )
    settings = {name: str(value) for name, value in sorted(vars(options).items())}
    del settings["results"], settings["directory"]
    return Report(_machine(), settings, under_load, tuple(paces), taken, kept, late_s)


def _pace(
    site: Site,
    what: str,
    rhythm: tuple[float, float],
    options: argparse.Namespace,
    progress: Progress,
) -> Pace:
    period_s, bar_ms = rhythm
    with _step(progress, f"pace: {what}", 2 * options.rounds) as tick:
        return pace(
            site,
            what=what,
            period_s=period_s,
            bar_ms=bar_ms,
            rounds=options.rounds,
            seconds=options.seconds,
            callers=options.callers,
            tick=tick,
        )


@contextmanager
def _step(progress: Progress, name: str, total: int) -> Iterator[Callable[[], None]]:
    """One bar; gives what moves it on."""
    task = progress.add_task(name, total=total)
    yield lambda: progress.advance(task)


def _ticked(tick: Callable[[], None], value: ValueT) -> ValueT:
    tick()
    return value


def _machine() -> dict[str, str]:
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M"),
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
