"""What it takes to start with many rules: from policy text, and from the compact form.

Each load runs in a process of its own, so that its memory is its own. Seconds are processor time.

    python -m benchmarks.load --sizes 1000 10000
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.peers.charter import answer_of, files, request_of
from benchmarks.peers.workload import Shape, workload
from pdp import Engine

ROOT: Final = Path(__file__).resolve().parent.parent
RESULT: Final = ROOT / "benchmarks" / "results" / "load.json"
SIZES: Final = (1_000, 10_000)
FORMS: Final = ("text", "compact")
_PAGE_BYTES: Final = 4_096


def main(arguments: Sequence[str]) -> int:
    """Measure, print and write; the answers of both forms must agree, or it exits with 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="numbers of rules")
    parser.add_argument(
        "--child", nargs=3, metavar=("FORM", "SIZE", "FILE"), help=argparse.SUPPRESS
    )
    options = parser.parse_args(arguments)
    if options.child:
        form, size, file = options.child
        sys.stdout.write(json.dumps(load(form, int(size), Path(file))))
        return 0
    console = Console()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="pdp-load-") as folder:
        steps = [(size, form) for size in options.sizes for form in FORMS]
        for size, form in track(steps, "loading", console=console):
            rows.append(_in_process(form, size, Path(folder) / f"{size}.compact"))
    table = Table(title=f"Starting with many rules, {platform.processor() or platform.machine()}")
    for name in ("rules", "from", "seconds", "MB"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(str(row[name]) for name in ("rules", "from", "seconds", "mb")))
    console.print(table)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    answers = {(row["rules"], row["answers"]) for row in rows}
    return 0 if len(answers) == len(options.sizes) else 1


def load(form: str, size: int, file: Path) -> dict[str, object]:
    """Load once in this process; ``file`` holds the compact form, which loading text writes."""
    work = workload(Shape.ACTIONS, size)
    bundle = files(work)
    compact = file.read_bytes() if form == "compact" else None
    before_mb, started_s = _rss_mb(), time.process_time()
    engine = Engine(bundle, compact=compact)
    taken_s, after_mb = time.process_time() - started_s, _rss_mb()
    if compact is None:
        file.write_bytes(engine.compact())
    answers = [answer_of(engine.decide(request_of(ask, 2))) for ask in work.asks[:200]]
    return {
        "rules": size,
        "from": form,
        "seconds": round(taken_s, 3),
        "mb": round(after_mb - before_mb, 1),
        "answers": hashlib.sha256(repr(answers).encode()).hexdigest()[:16],
    }


def _in_process(form: str, size: int, file: Path) -> dict[str, object]:
    command = [sys.executable, "-m", "benchmarks.load", "--child", form, str(size), str(file)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found: dict[str, object] = json.loads(run.stdout)
    return found


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * _PAGE_BYTES / 1e6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
