"""Changes signed bundles, sets, statements and rotations at random: none may be accepted.

    tools/mutate_bundles.py --count 1000000 [--seed N] [--jobs N] [--result FILE]

What is changed, and what counts as wrong, is said in `tests/activation/mutated.py`; this only runs
it, each seed once, in several processes. The exit code is 1 if anything else than an original was
accepted, or anything else than a refusal raised; the seed makes the same bytes again.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

ROOT: Final = Path(__file__).resolve().parent.parent
PIECE: Final = 2_000
# Findings that are written down; more of them say nothing more.
WRONG_MAX: Final = 100


class Outcome(NamedTuple):
    """How often each outcome came, and what must not be: rows of ``mutated.Wrong``."""

    counts: Counter[str]
    wrong: list[dict[str, object]]


def of_piece(first: int, count: int) -> Outcome:
    """Try so many seeds from the first, in this process."""
    sys.path.insert(0, str(ROOT))
    mutated: Any = importlib.import_module("tests.activation.mutated")
    counts, wrong = mutated.tried(range(first, first + count))
    return Outcome(counts, [asdict(one) for one in wrong])


def run(first: int, count: int, jobs: int) -> Outcome:
    """Try all of them, with a bar on standard error."""
    columns = (TextColumn("mutations"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    whole = Outcome(Counter(), [])
    with ProcessPoolExecutor(jobs) as pool, Progress(*columns) as progress:
        bar = progress.add_task("mutations", total=count)
        pieces = [
            pool.submit(of_piece, first + at, min(PIECE, count - at))
            for at in range(0, count, PIECE)
        ]
        for done in as_completed(pieces):
            counts, wrong = done.result()
            whole.counts.update(counts)
            whole.wrong.extend(wrong)
            progress.advance(bar, sum(counts.values()))
    return whole


def result_of(outcome: Outcome, first: int, seconds: float) -> dict[str, object]:
    """What is published: when, of which commit, how many, and what came of them."""
    git = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "commit": commit.stdout.strip() or "unknown",
        "mutations": sum(outcome.counts.values()),
        "first_seed": first,
        "seconds": round(seconds, 1),
        "outcomes": dict(sorted(outcome.counts.items())),
        "wrong": outcome.wrong[:WRONG_MAX],
        "wrong_count": len(outcome.wrong),
    }


def main(arguments: list[str]) -> int:
    """0 when nothing was found."""
    parser = argparse.ArgumentParser(description="change signed bundles at random")
    parser.add_argument("--count", type=int, default=100_000, help="how many are tried")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--result", type=Path, metavar="FILE", help="JSON file to write it to")
    options = parser.parse_args(arguments)
    started_s = time.monotonic()
    outcome = run(options.seed, options.count, options.jobs)
    result = result_of(outcome, options.seed, time.monotonic() - started_s)
    if options.result:
        options.result.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(
        f"{result['mutations']} mutations in {result['seconds']} s, {result['wrong_count']} wrong"
    )
    for one in outcome.wrong[:WRONG_MAX]:
        print(json.dumps(one))
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
