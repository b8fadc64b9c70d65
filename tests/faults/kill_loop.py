"""The kill -9 loop: start a child, kill it at a random moment, keep what it had answered by then.

Knows nothing of what the child does, so any command that prints one line per answer can be put
through it: a bare writer, or a server with its clients.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pdp.decisionlog.appender import Setup
from pdp.decisionlog.errors import LogCorrupt
from pdp.decisionlog.verify import verify
from pdp.decisionlog.writer import Writer
from pdp.model import ReceiptPointer

ROOT = Path(__file__).resolve().parent.parent.parent
UNLOGGED = "answered but not logged"
DAMAGED = "the log is damaged"
REFUSED = "the log does not start"

_HAS_ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT  # asks, and leaves the child to be reaped

Answer = TypeVar("Answer")


def kill_loop(
    command: Sequence[str],
    answered: Callable[[str], Answer | None],
    *,
    rounds: int,
    seed: int,
    run_s_max: float = 0.15,
    env: Mapping[str, str] | None = None,
) -> list[Answer]:
    """Run ``command`` ``rounds`` times and SIGKILL its whole process group each time.

    ``answered`` turns one line of standard output (without its line break) into an answer, or None
    for other lines. Most rounds are killed up to ``run_s_max`` seconds after the first answer, one
    in five up to a second after its start, whatever it is doing then. A child that ends by itself
    fails the loop, with what it wrote to standard error.
    """
    moments = random.Random(seed)
    answers: list[Answer] = []
    for _ in range(rounds):
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
            lines = _lines_until_killed(child, moments, run_s_max)
            if child.returncode != -signal.SIGKILL:
                errors.seek(0)
                raise AssertionError(f"the child ended by itself: {errors.read().decode()}")
        # A line without its end was not an answer yet.
        whole = (line.decode()[:-1] for line in lines if line.endswith(b"\n"))
        answers += [answer for line in whole if (answer := answered(line)) is not None]
    return answers


def receipt_line(receipt: ReceiptPointer) -> bytes:
    """One answer as a child prints it."""
    return f"answered {receipt.log_id} {receipt.seq} {receipt.leaf_hash}\n".encode()


def receipt_of(line: str) -> ReceiptPointer | None:
    """The parser for ``receipt_line``."""
    match line.split(" "):
        case ["answered", log_id, seq, leaf_hash]:
            return ReceiptPointer(log_id, int(seq), leaf_hash)
        case _:
            return None


def findings(directory: Path, answered: Sequence[ReceiptPointer]) -> set[str]:
    """Start on what is left, as the next process would, and name what must not be: nothing."""
    found = set()
    try:
        Writer.open(directory, Setup("after", segment_bytes=1 << 16)).close()
    except LogCorrupt:
        found.add(REFUSED)
    report = verify(directory, answered)
    about_receipts = [problem for problem in report.problems if "receipt" in problem.what]
    if about_receipts:
        found.add(UNLOGGED)
    return found | ({DAMAGED} if len(report.problems) > len(about_receipts) else set())


def _lines_until_killed(
    child: subprocess.Popen[bytes], moments: random.Random, run_s_max: float
) -> list[bytes]:
    lines: list[bytes] = []
    reader = threading.Thread(target=_collect, args=(child, lines))
    reader.start()
    try:
        if moments.random() < 0.2:
            time.sleep(moments.uniform(0, 1))
        else:
            _first_answer(child, lines)
            time.sleep(moments.uniform(0, run_s_max))
    finally:
        os.killpg(child.pid, signal.SIGKILL)  # not reaped yet, so the group is still ours
        reader.join(timeout=30)
        child.wait(timeout=30)
        if child.stdout is not None:
            child.stdout.close()
    return lines


def _collect(child: subprocess.Popen[bytes], lines: list[bytes]) -> None:
    if child.stdout is None:
        raise AssertionError("standard output is a pipe")
    for line in child.stdout:
        lines.append(line)  # noqa: PERF402 - each line is seen at once, not at the end


def _first_answer(child: subprocess.Popen[bytes], lines: Sequence[bytes]) -> None:
    end = time.monotonic() + 60
    while not lines and os.waitid(os.P_PID, child.pid, _HAS_ENDED) is None:
        assert time.monotonic() < end, "the child answered nothing within a minute"
        time.sleep(0.002)
