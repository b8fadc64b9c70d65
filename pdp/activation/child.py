"""The server's end of the child process that looks for bundles: tasks in, outcomes out, in time.

A child that hangs, dies or says something odd is ended, and the next task starts another one.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from typing import Final

import msgspec

from pdp.activation.errand import LINE_BYTES_MAX, Outcome, Setup, Task, to_line
from pdp.bundles.refusal import Cause

# `-P`: nothing is imported from the directory that the server happens to be started in.
_COMMAND: Final = (sys.executable, "-P", "-m", "pdp.activation.worker")
_READ_BYTES: Final = 65_536
_END_S: Final = 5.0
# What a task may take besides what it waits for: the proof of a large bundle.
WORK_S: Final = 300.0


class Child:
    """One child process, started when needed. Used by one thread at a time."""

    def __init__(self, setup: Setup) -> None:
        self._setup: Final = setup
        self._process: subprocess.Popen[bytes] | None = None

    def do(self, task: Task) -> Outcome:
        """The outcome of a task; a failed one when there is none in time."""
        limit_s = task.timeout_s + WORK_S
        try:
            process = self._running()
            assert process.stdin is not None, "it was started with a pipe"
            process.stdin.write(to_line(task))
            process.stdin.flush()
            line = _line(process, time.monotonic() + limit_s)
            return msgspec.json.decode(line, type=Outcome)
        except TimeoutError:
            what = f"no outcome within {limit_s:g} s; it was ended"
        except (OSError, EOFError, msgspec.MsgspecError):
            what = "it ended before it was done, perhaps for want of memory"
        self.close()
        return Outcome(
            "failed",
            cause=Cause.NOT_LOADED.value,
            message=f"the process that proves bundles: {what}",
        )

    def close(self) -> None:
        """End the child, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            assert process.stdin is not None, "it was started with a pipe"
            process.stdin.close()
        try:
            # Its own children end with it only if it can still tell them to.
            process.terminate()
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None, "it was started with a pipe"
        process.stdout.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert self._process.stdin is not None, "it was started with a pipe"
            self._process.stdin.write(to_line(self._setup))
        return self._process


def _line(process: subprocess.Popen[bytes], deadline_s: float) -> bytes:
    """One line from the child. Raises TimeoutError, EOFError."""
    assert process.stdout is not None, "it was started with a pipe"
    descriptor = process.stdout.fileno()
    found = bytearray()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while not found.endswith(b"\n"):
        left_s = deadline_s - time.monotonic()
        if left_s <= 0 or not poll.poll(left_s * 1_000):
            raise TimeoutError
        piece = os.read(descriptor, _READ_BYTES)
        if not piece or len(found) > LINE_BYTES_MAX:
            raise EOFError
        found += piece
    return bytes(found)
