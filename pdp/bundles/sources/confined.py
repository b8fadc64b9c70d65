"""A place behind a process of its own, which is ended when its time is over.

So whatever a place or a library does, the caller has an answer or a named failure in time. Nothing
of any protocol may enter here.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from typing import IO, Final

from pdp.bundles.sources.fetching import Failure, Fetched, Options, SourceFailed, check_size, fail
from pdp.bundles.sources.orders import (
    LENGTH_BYTES,
    Answer,
    BadFrame,
    Brought,
    NotDone,
    Order,
    answer_from,
    frame_of,
    length_of,
)
from pdp.bundles.sources.uri import Kind, Place

# `-P`: no file of the folder we happen to be in is taken for a library.
COMMAND: Final = (sys.executable, "-P", "-m", "pdp.bundles.sources.child")
# A library's own timeouts come a little earlier, since they know what was waited for.
_INNER_SHARE: Final = 0.9
# The least time between two looks at a place that says at once that something changed.
QUIET_S: Final = 1.0
# What a place needs to answer after it was asked to wait.
_POLL_SPARE_S: Final = 2
_PIECE_BYTES: Final = 1_048_576
_END_S_MAX: Final = 1.0


class ConfinedSource:
    """A place of kind HTTP, objects or OCI. For one thread at a time."""

    def __init__(self, place: Place, options: Options) -> None:
        self._place = place
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., ConfinedSource] | None = None
        self._known: str | None = None
        # What a long poll brought, and the version that it is newer than.
        self._held: tuple[str, Fetched] | None = None

    @property
    def name(self) -> str:
        return self._place.shown

    def fetch(self, known: str | None, timeout_s: float) -> Fetched | None:
        """Raises SourceFailed with any of its causes, at the latest after ``timeout_s``."""
        held, self._held = self._held, None
        fetched = held[1] if held and held[0] == known else self._fetch(known, timeout_s, None)
        self._known = known if fetched is None else fetched.version
        return fetched

    def wait(self, timeout_s: float) -> None:
        """With a place that can wait for changes, until it has one; else for the whole time."""
        deadline = time.monotonic() + timeout_s
        poll_s = int(timeout_s) - _POLL_SPARE_S
        if self._place.kind is Kind.HTTP and self._known is not None and poll_s > 0:
            # What fails here fails again at the next fetch, which says so.
            with contextlib.suppress(SourceFailed):
                fetched = self._fetch(self._known, timeout_s, poll_s)
                if fetched is not None:
                    self._held = (self._known, fetched)
                    deadline = min(deadline, time.monotonic() + QUIET_S)
        time.sleep(max(0.0, deadline - time.monotonic()))

    def put(self, data: bytes, timeout_s: float) -> None:
        """Store ``data`` there. Raises SourceFailed."""
        check_size(len(data), self.name)
        self._ask(self._order(timeout_s, data=data), timeout_s)

    def close(self) -> None:
        if self._end is not None:
            self._end()
        self._process = self._end = None

    def _fetch(self, known: str | None, timeout_s: float, poll_s: int | None) -> Fetched | None:
        answer = self._ask(self._order(timeout_s, known=known, poll_s=poll_s), timeout_s)
        if not isinstance(answer, Brought):
            return None
        check_size(len(answer.data), self.name)
        return Fetched(answer.data, answer.version)

    def _order(
        self,
        timeout_s: float,
        *,
        known: str | None = None,
        poll_s: int | None = None,
        data: bytes | None = None,
    ) -> Order:
        place = self._place
        inner_s = timeout_s * _INNER_SHARE
        return Order(
            place.kind, place.uri, place.shown, self._options, inner_s, known, poll_s, data
        )

    def _ask(self, order: Order, timeout_s: float) -> Answer:
        deadline = time.monotonic() + timeout_s
        try:
            answer = exchange(self._running(), frame_of(order), deadline)
        except TimeoutError:
            self.close()
            fail(
                Failure.TIMEOUT,
                f"`{self.name}` gave no whole answer within {timeout_s:g} s; check that it is up,"
                " or allow more time",
            )
        except (OSError, BadFrame):
            self.close()
            fail(
                Failure.BAD_ANSWER,
                f"`{self.name}` could not be read: the process that reads it ended; check its"
                " memory, and that the place is that of a bundle",
            )
        except BaseException:
            # An interrupt leaves half an answer in the pipe.
            self.close()
            raise
        if isinstance(answer, NotDone):
            # What failed may have left a connection or half a stream behind.
            self.close()
            fail(answer.cause, answer.message)
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            process = _start()
            self._process = process
            self._end = weakref.finalize(self, _stop, process)
        return self._process


def exchange(process: subprocess.Popen[bytes], frame: bytes, deadline: float) -> Answer:
    """Give an order and take its answer. Raises TimeoutError, OSError, BadFrame."""
    assert process.stdin is not None, "started with pipes"
    assert process.stdout is not None, "started with pipes"
    rest = memoryview(frame)
    for orders in _when(process.stdin, select.POLLOUT, deadline):
        rest = rest[os.write(orders, rest[:_PIECE_BYTES]) :]
        if not rest:
            break
    length = length_of(bytes(_taken(process.stdout, LENGTH_BYTES, deadline)))
    return answer_from(_taken(process.stdout, length, deadline))


def time_left_s(deadline: float) -> float:
    """Raises TimeoutError when it is over."""
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _taken(pipe: IO[bytes], size: int, deadline: float) -> bytearray:
    taken = bytearray()
    for answers in _when(pipe, select.POLLIN, deadline):
        piece = os.read(answers, min(_PIECE_BYTES, size - len(taken)))
        taken += piece
        if len(taken) == size:
            break
        if not piece:
            raise BadFrame
    return taken


def _when(pipe: IO[bytes], event: int, deadline: float) -> Iterator[int]:
    """The pipe's descriptor, each time that it is ready. Raises TimeoutError."""
    ready = select.poll()
    ready.register(pipe, event)
    while True:
        if ready.poll(time_left_s(deadline) * 1000):
            yield pipe.fileno()


def _start() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(  # noqa: S603 - our own command, no shell
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Libraries log there, and what they log may hold credentials.
        stderr=subprocess.DEVNULL,
        bufsize=0,
        # An interrupt typed at a terminal is for whoever asks, who then ends this.
        start_new_session=True,
    )
    assert process.stdin is not None, "started with pipes"
    os.set_blocking(process.stdin.fileno(), False)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_S_MAX)
