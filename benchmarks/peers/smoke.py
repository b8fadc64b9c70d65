"""The engine beside the hand-written function and the reference interpreter, in a minute.

Fails when answers differ, never because of time: the ratios are printed for people to read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.peers.charter import Charter
from benchmarks.peers.handwritten import HandWritten
from benchmarks.peers.measure import ROUNDS_MIN, Subject, Timing, measured
from benchmarks.peers.workload import SIZE_MAX, Ask, Shape, Workload, workload

SIZES: Final = (10, 100, 1_000)
ASKS: Final = 500
CHAINS: Final = (1, 2)
# The reference reads every rule of the bundle: from this many rules on, it judges fewer requests.
MANY: Final = 1_000
REFERENCE_MANY: Final = 50
_CALLS: Final = 2_000

Make = Callable[[Workload], Charter]


@dataclass(frozen=True, slots=True)
class Options:
    """``asks`` requests of each workload are compared.

    ``reference`` of them with the reference too, or ``REFERENCE_MANY`` where there are many rules.
    """

    sizes: tuple[int, ...] = SIZES
    shapes: tuple[Shape, ...] = tuple(Shape)
    asks: int = ASKS
    reference: int = ASKS


def main(arguments: Sequence[str], make: Make = Charter) -> int:
    """Compare, measure, print; 1 if any answer differs. ``make`` builds the engine judged."""
    options = _options(arguments)
    console = Console()
    table = Table(title="One decision in process (medians; read the ratios)")
    for name in ("rules", "N", "chain", "hand-written us", "charter-pdp us", "p99 us", "ratio"):
        table.add_column(name, justify="left" if name == "rules" else "right")
    different: list[str] = []
    cases = [
        (shape, size)
        for shape in options.shapes
        for size in options.sizes
        if size <= SIZE_MAX[shape]
    ]
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("comparing, measuring", total=len(cases) * len(CHAINS))
        for shape, size in cases:
            work = workload(shape, size)
            ours, theirs = make(work), HandWritten(work)
            asks = work.asks[: options.asks]
            references = options.reference if size < MANY else REFERENCE_MANY
            for chain in CHAINS:
                different += differences(ours, theirs, asks, chain, references)
                hand, engine = _timed(ours, theirs, work, chain)
                table.add_row(
                    *(shape.value, str(size), str(chain)),
                    *(f"{hand.p50_us:.2f}", f"{engine.p50_us:.2f}", f"{engine.p99_us:.2f}"),
                    f"{engine.p50_us / hand.p50_us:.2f}",
                )
                progress.advance(task)
    console.print(table)
    for text in different[:10]:
        console.print(text, style="red", markup=False, highlight=False)
    console.print(
        f"{len(different)} answers differ" if different else "all answers agree", highlight=False
    )
    return 1 if different else 0


def differences(
    ours: Charter, theirs: HandWritten, asks: Sequence[Ask], chain: int, references: int
) -> list[str]:
    """One line for each answer of the engine that is not that of the others.

    The function is asked every time, the reference for the first ``references`` requests.
    """
    found = []
    for number, ask in enumerate(asks):
        answer = ours.answer(ours.decide(ours.bind(ask, chain)))
        expected = theirs.decide(theirs.bind(ask, chain))
        if answer != expected:
            found.append(f"chain of {chain}: {answer}, hand-written {expected}: {ask}")
        if number < references:
            meant = ours.reference(ask, chain)
            if answer != meant:
                found.append(f"chain of {chain}: {answer}, reference {meant}: {ask}")
    return found


def _timed(ours: Charter, theirs: HandWritten, work: Workload, chain: int) -> tuple[Timing, Timing]:
    asks = work.asks[:ASKS]
    subjects = {
        theirs.name: Subject(theirs.decide, [theirs.bind(ask, chain) for ask in asks], _CALLS),
        ours.name: Subject(ours.decide, [ours.bind(ask, chain) for ask in asks], _CALLS),
    }
    timings = measured(subjects, ROUNDS_MIN, lambda: None)
    return timings[theirs.name], timings[ours.name]


def _options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="benchmarks.peers.smoke", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of rules")
    parser.add_argument(
        "--shapes", nargs="+", default=[s.value for s in Shape], choices=[s.value for s in Shape]
    )
    parser.add_argument("--asks", type=int, default=ASKS, help="requests compared in each case")
    parser.add_argument(
        "--reference", type=int, default=ASKS, help="how many of them with the reference too"
    )
    given = parser.parse_args(arguments)
    return Options(
        tuple(given.sizes), tuple(Shape(name) for name in given.shapes), given.asks, given.reference
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
