"""The engine beside a hand-written function and other engines, on the same rules and requests.

Every engine's answers are compared before it is measured; one that fails, disagrees or takes too
long is said to, and the others go on. Writes tables and pictures to ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.peers import casbin, cedar, cel, plots, rego, report, toolkit
from benchmarks.peers.engine import Peer, Tells
from benchmarks.peers.measure import ROUNDS_MIN
from benchmarks.peers.stages import stages
from benchmarks.peers.table import HAND, OURS, Run
from benchmarks.peers.trial import Expectation, Limits, Trial
from benchmarks.peers.workload import SIZE_MAX, Shape, workload

ROOT: Final = Path(__file__).resolve().parent.parent.parent
README: Final = ROOT / "benchmarks" / "README.md"
RESULTS: Final = ROOT / "benchmarks" / "results"
# Where nobody watches: wide enough for every column.
TABLE_COLUMNS: Final = 120
SIZES: Final = (10, 100, 1_000, 10_000, 100_000)
PEERS: Final[tuple[type[Peer], ...]] = (
    cel.CelRust,
    cel.CelCpp,
    rego.Regorus,
    cedar.Cedar,
    casbin.Casbin,
    toolkit.Toolkit,
    cel.CelPython,
    rego.RegoCpp,
)


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write; 1 when the engine itself answered wrongly."""
    options = _options(arguments)
    console = Console()
    run = Run(_machine(), _engines())
    limits = Limits(
        max(options.rounds, ROUNDS_MIN),
        load_s=options.load_s,
        verify_s=options.verify_s,
        round_s=options.round_s,
        decision_s=options.decision_s,
    )
    cases = [
        (Shape(shape), size)
        for shape in options.shapes
        for size in sorted(options.sizes)
        if size <= SIZE_MAX[Shape(shape)]
    ]
    bar = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*bar, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=len(cases) + 1)

        def tell(text: str) -> None:
            progress.update(task, description=text)
            if not console.is_terminal:
                console.print(text, highlight=False)

        expectations = {shape: Expectation() for shape in Shape}
        for shape, size in cases:
            trial = Trial(workload(shape, size), limits, expectations[shape], tell)
            try:
                run.rows.extend(trial.run(PEERS))
            except AssertionError as error:
                console.print(f"{shape.value} {size}: {error}", style="red", markup=False)
                return 1
            progress.advance(task)
        tell("stages of a whole decision")
        timings = stages(limits.rounds, lambda: None)
        run.stages.extend((name, round(timing.p50_us, 3)) for name, timing in timings.items())
    report.show(run, console if console.is_terminal else Console(width=TABLE_COLUMNS))
    if options.write:
        report.write(run, RESULTS)
        report.refresh(README, run)
        _draw(run, console)
        console.print(f"written to {RESULTS.relative_to(ROOT)}")
    return 0


def _draw(run: Run, console: Console) -> None:
    try:
        plots.draw(run, RESULTS)
    except ImportError as error:
        console.print(f"no pictures: {error}", markup=False)


def _engines() -> dict[str, dict[str, str]]:
    found = {
        OURS: {
            "package": "charter-pdp",
            "version": _version("charter-pdp"),
            "idiom": "policies as Charter text; a bound request",
            "tells": Tells.ALL.value,
        },
        HAND: {
            "package": "this repository",
            "version": "(handwritten.py)",
            "idiom": "a dict by the best key to tuples of lambdas; typed objects",
            "tells": Tells.ALL.value,
        },
    }
    for kind in PEERS:
        found[kind.name] = {
            "package": kind.package,
            "version": _version(kind.package),
            "idiom": kind.idiom,
            "tells": kind.tells.value,
        }
    return found


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _machine() -> dict[str, str]:
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M"),
        "commit": _commit(),
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return found.stdout.strip() or "unknown"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.peers.run", description=__doc__)
    shapes = [shape.value for shape in Shape]
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of rules")
    parser.add_argument("--shapes", nargs="+", default=shapes, choices=shapes)
    parser.add_argument("--rounds", type=int, default=7, help="interleaved, at least 5")
    parser.add_argument("--round-s", type=float, default=0.5, help="of one engine in a round")
    parser.add_argument("--load-s", type=float, default=60.0, help="an engine may take to load")
    parser.add_argument("--verify-s", type=float, default=20.0, help="for comparing answers")
    parser.add_argument("--decision-s", type=float, default=0.25, help="one decision may take")
    parser.add_argument(
        "--no-write", dest="write", action="store_false", help="leave the results as they are"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
