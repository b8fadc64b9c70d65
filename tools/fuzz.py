"""Fuzzes one target after the other, guided by coverage, and keeps inputs that reach new lines.

    tools/fuzz.py --runs 2000 [TARGET ...]

Each target runs in a process of its own, under atheris. An input that does what no input may do is
left in `.fuzz/`, and the exit code is 1. What is fuzzed, and what counts as wrong, is said in
`tests/fuzz/targets.py`; this only runs it.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import logging
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
FINDINGS: Final = ROOT / ".fuzz"
INPUT_BYTES_MAX: Final = 16_384
# Kept in the repository: a few small inputs for each target.
SEED_BYTES_MAX: Final = 2_048
SEEDS_MAX: Final = 30
CANDIDATES_MAX: Final = 300
_SPEED: Final = re.compile(r"stat::average_exec_per_sec:\s+(\d+)")
_UNITS: Final = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


def fuzz_here(name: str, corpus: str, runs: int) -> None:
    """Fuzz in this process, which ends with it. Modules are imported under instrumentation."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["pdp"]):
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
        f"-max_len={INPUT_BYTES_MAX}",
        f"-artifact_prefix={FINDINGS}/{name}-",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], corpus, *options], one, custom_mutator=mutated)
    atheris.Fuzz()


def fuzz(name: str, runs: int) -> bool:
    """Fuzz one target in a process of its own, say how fast, and keep what is new."""
    targets: Any = importlib.import_module("tests.fuzz.targets")
    FINDINGS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pdp-corpus-") as corpus:
        kept = [path.read_bytes() for path in targets.seeds(name)]
        begun = [*targets.TARGETS[name].starts(), *kept]
        for data in begun:
            (Path(corpus) / _digest(data)).write_bytes(data)
        command = [sys.executable, __file__, "--child", corpus, "--runs", str(runs), name]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        speed, units = _SPEED.search(run.stderr), _UNITS.search(run.stderr)
        print(
            f"{name}: {units[1] if units else '?'} executions,"
            f" {speed[1] if speed else '?'} a second,"
            f" {'nothing found' if run.returncode == 0 else 'FAILED'}",
            flush=True,
        )
        if run.returncode:
            print(run.stderr[-3_000:], flush=True)
            return False
        found = sorted(Path(corpus).iterdir(), key=lambda path: (path.stat().st_size, path.name))
        new = [path.read_bytes() for path in found if path.stat().st_size <= SEED_BYTES_MAX]
    for data in worth_keeping(name, begun, new, SEEDS_MAX - len(kept)):
        folder = targets.SEEDS / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _digest(data)).write_bytes(data)
        print(f"  kept {_digest(data)}, {len(data)} bytes")
    return True


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
    parser.add_argument("--child", metavar="CORPUS", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        fuzz_here(options.targets[0], options.child, options.runs)
        return 0
    logging.disable(logging.CRITICAL)
    targets: Any = importlib.import_module("tests.fuzz.targets")
    fine = [fuzz(name, options.runs) for name in options.targets or targets.TARGETS]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
