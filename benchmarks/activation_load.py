"""Callers in processes of their own: each asks, one call at a time, and looks at every answer.

    python -m benchmarks.activation_load TARGET SCRIPT

Begins with a line on standard input and ends with the next, then tells what it heard in a line.
"""

from __future__ import annotations

import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import msgspec

from benchmarks.activation_bundles import ROOT, Script
from pdp._proto import decision_pb2 as pb

METHOD: Final = "/pdp.v1.DecisionService/Decide"
CALL_S: Final = 30.0
_NS_PER_US: Final = 1_000


class Heard(msgspec.Struct):
    """What callers got: ``mixed`` answers are of no edition. ``taken_us`` has each call's time.

    ``first_seen_s`` is when an answer of each revision came first, by the monotonic clock.
    """

    errors: int = 0
    mixed: int = 0
    taken_us: list[int] = []
    first_seen_s: dict[int, float] = {}

    @property
    def calls(self) -> int:
        return len(self.taken_us) + self.errors

    def took(self, answer: pb.DecideResponse, number: int, script: Script) -> None:
        """Look at the answer to the request of that number."""
        self.mixed += not is_of_one_edition(answer, number, script)
        revision = answer.bundle.revision
        if revision not in self.first_seen_s:
            self.first_seen_s[revision] = time.monotonic()


def is_of_one_edition(answer: pb.DecideResponse, number: int, script: Script) -> bool:
    """Whether one edition has this digest, comes as such a revision, and answers so."""
    outcome = answer.effect, answer.cause, tuple([rule.rule for rule in answer.rules])
    digest = script.digests[answer.bundle.revision % 2]
    return answer.bundle.digest == digest and outcome == script.outcomes[digest][number]


def together(parts: Sequence[Heard]) -> Heard:
    """What all callers heard."""
    seen: dict[int, float] = {}
    for part in parts:
        for revision, at_s in part.first_seen_s.items():
            seen[revision] = min(at_s, seen.get(revision, at_s))
    return Heard(
        sum(part.errors for part in parts),
        sum(part.mixed for part in parts),
        [taken_us for part in parts for taken_us in part.taken_us],
        seen,
    )


# ---------------------------------------------------------------- the parent's end


class Callers:
    """Processes that ask a server; ``begin`` and ``end`` as often as wanted."""

    def __init__(self, target: str, script: Path, count: int) -> None:
        command = [sys.executable, "-m", "benchmarks.activation_load", target, str(script)]
        self._processes: Final = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
            for _ in range(count)
        ]
        for process in self._processes:
            _line(process)

    def begin(self) -> None:
        """Ask from now on."""
        self._tell()

    def end(self) -> Heard:
        """Ask no more; what was heard since the beginning."""
        self._tell()
        parts = [msgspec.json.decode(_line(one), type=Heard) for one in self._processes]
        return together(parts)

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()

    def _tell(self) -> None:
        for process in self._processes:
            assert process.stdin is not None, "it was started with a pipe"
            process.stdin.write(b"\n")
            process.stdin.flush()


@contextmanager
def calling(target: str, script: Path, count: int) -> Iterator[Callers]:
    """So many callers, connected; ended at the end."""
    callers = Callers(target, script, count)
    try:
        yield callers
    finally:
        callers.close()


def _line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None, "it was started with a pipe"
    line = process.stdout.readline()
    if not line:
        raise SystemExit("a caller ended before it was told to")
    return line


# ---------------------------------------------------------------- the caller


def main(arguments: Sequence[str]) -> None:
    """One caller: until standard input ends."""
    target, script_file = arguments
    script = msgspec.json.decode(Path(script_file).read_bytes(), type=Script)
    with grpc.insecure_channel(target) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        for data in script.requests[:8]:
            call(data, timeout=CALL_S, wait_for_ready=True)
        _say(b"ready")
        while sys.stdin.buffer.readline():
            _say(msgspec.json.encode(heard(call, script, _is_told)))


def heard(
    call: Callable[..., bytes], script: Script, is_told: Callable[[], bool], start: int = 0
) -> Heard:
    """What comes of asking the script over and over, from request ``start``, until told."""
    found, number, count = Heard(), start, len(script.requests)
    while not is_told():
        started_ns = time.perf_counter_ns()
        try:
            data = call(script.requests[number], timeout=CALL_S)
        except grpc.RpcError:
            found.errors += 1
        else:
            found.taken_us.append((time.perf_counter_ns() - started_ns) // _NS_PER_US)
            found.took(pb.DecideResponse.FromString(data), number, script)
        number = (number + 1) % count
    return found


def _is_told() -> bool:
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(ready) and bool(sys.stdin.buffer.readline())


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
