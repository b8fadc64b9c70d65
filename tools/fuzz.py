"""Fuzzes one target after the other, guided by coverage, and keeps inputs that reach new lines.

    tools/fuzz.py --runs 2000 [--guided N] [--max-bytes N] [--result FILE] [TARGET ...]

With ``--guided N`` only the first N inputs are chosen by coverage; the others are changed from what
those found, unwatched and so several times as fast.
Each target runs in a process of its own, under atheris. An input that does what no input may do is
left in `.fuzz/`, and the exit code is 1. What is fuzzed, and what counts as wrong, is said in
`tests/fuzz/targets.py`; this only runs it. What came of each target is written to the result file,
in place of what that says of the target; several of these may write to one file at a time.
"""

from __future__ import annotations

import argparse
import datetime
import fcntl
import hashlib
import importlib
import json
import logging
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
FINDINGS: Final = ROOT / ".fuzz"
INPUT_BYTES_MAX: Final = 16_384
HANGING_S: Final = 20
# Kept in the repository: a few small inputs for each target.
SEED_BYTES_MAX: Final = 2_048
SEEDS_MAX: Final = 30
CANDIDATES_MAX: Final = 300
# Modules whose loops over every character or token take most of a run under instrumentation.
UNWATCHED: Final = (
    "pdp.lang.reading.builder",
    "pdp.lang.reading.driver",
    "pdp.lang.reading.scanner",
    "pdp.lang.presenting.render",
)
_UNITS: Final = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


class Size(NamedTuple):
    """How many inputs, how many of them chosen by coverage, and of how many bytes at most."""

    runs: int
    guided: int
    bytes_max: int


class Outcome(NamedTuple):
    """What fuzzing one target came to; ``findings`` are the inputs left, or how else it ended."""

    executions: int
    guided: int
    seconds: float
    findings: tuple[str, ...]


def fuzz_here(name: str, corpus: str, runs: int, bytes_max: int) -> None:
    """Fuzz in this process, which ends with it. Modules are imported under instrumentation."""
    atheris: Any = importlib.import_module("atheris")
    # The loops that read text cost most when watched; one target is enough to watch them in.
    unwatched = [] if name == "parser" else list(UNWATCHED)
    with atheris.instrument_imports(include=["pdp"], exclude=unwatched):
        targets: Any = importlib.import_module("tests.fuzz.targets")
    logging.disable(logging.CRITICAL)
    mutate = targets.TARGETS[name].mutate

    def one(data: bytes) -> None:
        targets.run(name, data)

    def mutated(data: bytes, size_bytes_max: int, seed: int) -> bytes:
        made: bytes = mutate(bytes(data), random.Random(seed))  # noqa: S311 - no secret
        return made[:size_bytes_max]

    options = [
        f"-runs={runs}",
        f"-max_len={bytes_max}",
        f"-artifact_prefix={FINDINGS}/{name}-",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], corpus, *options], one, custom_mutator=mutated)
    atheris.Fuzz()


def fuzz_blindly(name: str, corpus: Path, size: Size) -> None:
    """Change inputs of the corpus at random, unwatched; the first that is wrong is left."""
    targets: Any = importlib.import_module("tests.fuzz.targets")
    logging.disable(logging.CRITICAL)
    kept = [path.read_bytes() for path in sorted(corpus.iterdir())]
    # One that is cut short is mostly of one kind: ended too early.
    found = [data for data in kept if len(data) <= size.bytes_max]
    rng = random.Random(size.guided)  # noqa: S311 - no secret
    try:
        for _ in range(size.runs - size.guided):
            data = targets.TARGETS[name].mutate(rng.choice(found), rng)[: size.bytes_max]
            # Processor time: a machine that is busy otherwise makes nothing hang. Nothing handles
            # the signal, so that it ends the process even inside native code.
            signal.setitimer(signal.ITIMER_PROF, HANGING_S)
            targets.run(name, data)
    except BaseException:
        (FINDINGS / f"{name}-blind-{_digest(data)}").write_bytes(data)
        raise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def fuzz(name: str, size: Size) -> Outcome:
    """Fuzz one target in a process of its own, say how fast, and keep what is new."""
    targets: Any = importlib.import_module("tests.fuzz.targets")
    FINDINGS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pdp-corpus-") as corpus:
        kept = [path.read_bytes() for path in targets.seeds(name)]
        begun = [*targets.TARGETS[name].starts(), *kept]
        for data in begun:
            (Path(corpus) / _digest(data)).write_bytes(data)
        left_before = set(FINDINGS.iterdir())
        started_s = time.monotonic()
        run = _in_child(name, corpus, "guided", size)
        blind = size.runs > size.guided and run.returncode == 0
        if blind:
            rest = _in_child(name, corpus, "blind", size)
            run.returncode = rest.returncode
            run.stdout += rest.stdout + rest.stderr
        seconds = time.monotonic() - started_s
        left = set(FINDINGS.glob(f"{name}-*")) - left_before
        outcome = outcome_of(run.returncode, run.stderr, seconds, left)
        if blind and not outcome.findings:
            outcome = outcome._replace(executions=outcome.guided + size.runs - size.guided)
        print(f"{name}: {said(outcome)}", flush=True)
        if outcome.findings:
            # The exception stands on one, what the fuzzer says of it on the other.
            print(run.stdout[-3_000:], run.stderr[-3_000:], sep="\n", flush=True)
            return outcome
        found = sorted(Path(corpus).iterdir(), key=lambda path: (path.stat().st_size, path.name))
        new = [path.read_bytes() for path in found if path.stat().st_size <= SEED_BYTES_MAX]
    for data in worth_keeping(name, begun, new, SEEDS_MAX - len(kept)):
        folder = targets.SEEDS / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _digest(data)).write_bytes(data)
        print(f"  kept {_digest(data)}, {len(data)} bytes")
    return outcome


def outcome_of(code: int, said_last: str, seconds: float, left: Iterable[Path]) -> Outcome:
    """The outcome by the fuzzer's exit code, its last words, and the new files in `.fuzz/`.

    A fuzzer that fails without leaving an input has found something, too: it must not look well.
    """
    units = _UNITS.search(said_last)
    findings = tuple(sorted(path.name for path in left))
    if not findings and (code != 0 or units is None):
        findings = (f"ended with {code}, no input left",)
    guided = int(units[1]) if units else 0
    return Outcome(guided, guided, round(seconds, 1), findings)


def _in_child(name: str, corpus: str, phase: str, size: Size) -> subprocess.CompletedProcess[str]:
    sizes = ["--runs", str(size.runs), "--guided", str(size.guided)]
    command = [
        sys.executable, __file__, "--child", corpus, phase, *sizes,
        "--max-bytes", str(size.bytes_max), name,
    ]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def said(outcome: Outcome) -> str:
    """The outcome in a line."""
    speed = outcome.executions / max(outcome.seconds, 0.1)
    found = f"FAILED: {', '.join(outcome.findings)}" if outcome.findings else "nothing found"
    return f"{outcome.executions} executions in {outcome.seconds} s, {speed:.0f} a second, {found}"


def write_result(path: Path, name: str, outcome: Outcome) -> None:
    """Put the outcome of a target into the file: JSON, one object a target by name.

    Others may do the same at the same time: the file is locked while it is changed.
    """
    git = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False)
    entry = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "commit": commit.stdout.strip() or "unknown",
        **outcome._asdict(),
    }
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        results = json.loads(file.read() or "{}")
        results[name] = entry
        file.truncate(0)
        file.write(json.dumps(dict(sorted(results.items())), indent=2) + "\n")


def worth_keeping(
    name: str, begun: Iterable[bytes], candidates: Iterable[bytes], count: int
) -> list[bytes]:
    """The first ``count`` candidates that reach a line of the package that none before reached."""
    reached: set[tuple[str, int]] = set()
    for data in begun:
        reached |= lines_reached(name, data)
    chosen: list[bytes] = []
    for data in list(candidates)[:CANDIDATES_MAX]:
        if len(chosen) >= count:
            break
        lines = lines_reached(name, data)
        if lines - reached:
            chosen.append(data)
            reached |= lines
    return chosen


def lines_reached(name: str, data: bytes) -> set[tuple[str, int]]:
    """The lines of the package that one input runs: (file, line)."""
    targets: Any = importlib.import_module("tests.fuzz.targets")
    package = str(ROOT / "pdp")
    reached: set[tuple[str, int]] = set()

    def line(frame: FrameType, event: str, _: object) -> Any:
        if event == "line":
            reached.add((frame.f_code.co_filename, frame.f_lineno))
        return line

    def call(frame: FrameType, _event: str, _: object) -> Any:
        return line if frame.f_code.co_filename.startswith(package) else None

    sys.settrace(call)
    try:
        targets.TARGETS[name].run(data)
    finally:
        sys.settrace(None)
    return reached


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def main(arguments: list[str]) -> int:
    """Fuzz the named targets, or all; 0 when nothing was found."""
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser(description="fuzz the language and the doors")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--runs", type=int, default=2_000, help="executions of each target")
    parser.add_argument(
        "--max-bytes", type=int, default=INPUT_BYTES_MAX, help="size of the largest input"
    )
    parser.add_argument("--result", type=Path, metavar="FILE", help="JSON file to write it to")
    parser.add_argument("--guided", type=int, help="how many are chosen by coverage; else all")
    parser.add_argument("--child", nargs=2, metavar=("CORPUS", "PHASE"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    guided = options.runs if options.guided is None else min(options.guided, options.runs)
    size = Size(options.runs, guided, options.max_bytes)
    if options.child:
        corpus, phase = options.child
        if phase == "guided":
            fuzz_here(options.targets[0], corpus, size.guided, size.bytes_max)
        else:
            fuzz_blindly(options.targets[0], Path(corpus), size)
        return 0
    logging.disable(logging.CRITICAL)
    targets: Any = importlib.import_module("tests.fuzz.targets")
    fine = True
    for name in options.targets or targets.TARGETS:
        outcome = fuzz(name, size)
        fine = fine and not outcome.findings
        if options.result:
            write_result(options.result, name, outcome)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
