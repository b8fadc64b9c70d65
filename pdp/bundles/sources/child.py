"""The process that talks to places: its time and memory are the kernel's to limit, not a library's.

Started by ``confined`` alone. It reads orders from standard input and answers on what was standard
output, until its input ends. Libraries are loaded here and nowhere else.
"""

from __future__ import annotations

import importlib
import os
import resource
import signal
import sys
from typing import BinaryIO, Final, cast

from pdp.bundles.sources.fetching import Failure, SourceFailed, fail
from pdp.bundles.sources.orders import (
    LENGTH_BYTES,
    Answer,
    BadFrame,
    Brought,
    Carrier,
    NotDone,
    NothingNew,
    Order,
    Stored,
    frame_of,
    length_of,
    order_from,
)

# A few copies of the largest bundle, and the libraries.
MEMORY_BYTES_MAX: Final = 512 * 1024 * 1024
# Whoever gave the order ends this process when the time is over; this is for when it is gone.
_GRACE_S: Final = 1.0


def main() -> None:
    limit_memory()
    answers = _answers()
    while (order := _next_order(sys.stdin.buffer)) is not None:
        die_after(order.timeout_s + _GRACE_S)
        try:
            answers.write(frame_of(answer_to(order)))
            answers.flush()
        except BrokenPipeError:
            return
        die_after(0)


def answer_to(order: Order) -> Answer:
    """What came of it; whatever a library raises becomes an answer without its text."""
    try:
        check_readable(order)
        module = importlib.import_module(f"pdp.bundles.sources.{order.kind}")
        return _carried_out(cast("Carrier", module), order)
    except SourceFailed as failed:
        return NotDone(failed.cause, str(failed))
    except MemoryError:
        return NotDone(
            Failure.TOO_LARGE,
            f"`{order.shown}` answers with more than fits into {MEMORY_BYTES_MAX} bytes of memory;"
            " name the place of a bundle file",
        )
    except ImportError:
        return NotDone(
            Failure.UNUSABLE,
            f"`{order.shown}` needs a library that is not installed; install the one that fsspec"
            " names for this kind of URI",
        )
    except Exception:  # noqa: BLE001 - libraries raise anything; their text may hold secrets
        return NotDone(
            Failure.BAD_ANSWER,
            f"`{order.shown}` gave an answer that cannot be understood; check that it is the place"
            " of a bundle",
        )


def check_readable(order: Order) -> None:
    """Raise SourceFailed for a file of the options that cannot be read: libraries say it badly."""
    options = order.options
    for path in (
        options.ca_file,
        options.client_certificate,
        options.client_key,
        options.token_file,
    ):
        if path is not None and not os.access(path, os.R_OK):
            fail(
                Failure.UNUSABLE,
                f"`{order.shown}`: the file `{path}` cannot be read; check its path and mode",
            )


def limit_memory() -> None:
    """More than this raises MemoryError here, instead of taking the machine's memory."""
    _, allowed = resource.getrlimit(resource.RLIMIT_DATA)
    most = MEMORY_BYTES_MAX if allowed == resource.RLIM_INFINITY else min(allowed, MEMORY_BYTES_MAX)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    # A dump of this memory would hold credentials.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_after(seconds: float) -> None:
    """The signal's default action ends the process, whatever it is doing then; 0: never."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _carried_out(carrier: Carrier, order: Order) -> Answer:
    if order.data is not None:
        carrier.put(order, order.data)
        return Stored()
    fetched = carrier.fetch(order)
    return NothingNew() if fetched is None else Brought(fetched.data, fetched.version)


def _answers() -> BinaryIO:
    """Standard output, kept from libraries that print: what they write would break a frame."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, sys.stdout.fileno())
    os.close(quiet)
    return answers


def _next_order(orders: BinaryIO) -> Order | None:
    try:
        return order_from(orders.read(length_of(orders.read(LENGTH_BYTES))))
    except BadFrame:
        return None


if __name__ == "__main__":
    main()
