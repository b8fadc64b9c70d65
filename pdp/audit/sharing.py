"""A replay shared by several processes, each with engines of its own. The order is that of the log.

This process reads and counts; what a process is sent is numbers and payloads, a piece at a time.
"""

from __future__ import annotations

import gc
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Final, TypeAlias

from pdp.audit.replay import NotReplayed, Plan, Replayer
from pdp.audit.survey import Span
from pdp.audit.tally import Tally
from pdp.decisionlog import reader

# Decisions that are sent at once: enough that sending costs little, few enough that all have work.
PIECE: Final = 500
# Pieces that wait for each process, so that none waits for this one.
_AHEAD: Final = 4

Piece: TypeAlias = "list[tuple[int, bytes]]"


def replay_log(plan: Plan, span: Span, jobs: int, advance: Callable[[int], None]) -> Tally:
    """Replay what ``span`` means of a surveyed log with so many processes.

    ``advance`` is told how many more are done. Raises NotReplayed, LogCorrupt, LogMissing.
    """
    total = Tally()
    pieces = _pieces(plan, span)
    done = _alone(plan, pieces) if jobs == 1 else _shared(plan, pieces, jobs)
    for tally in done:
        total.add(tally)
        advance(tally.decisions)
    return total


def _pieces(plan: Plan, span: Span) -> Iterator[Piece]:
    piece: Piece = []
    for item in reader.records(plan.log_dir, reader.segment_of(plan.log_dir, span.first_seq)):
        # What came after the survey stands on activations that it did not see.
        if item.seq > min(plan.survey.last_seq, span.last_seq):
            break
        if span.holds(item):
            piece.append((item.seq, item.payload))
            if len(piece) == PIECE:
                yield piece
                piece = []
    if piece:
        yield piece


def _alone(plan: Plan, pieces: Iterator[Piece]) -> Iterator[Tally]:
    replayer = Replayer(plan)
    for piece in pieces:
        yield replayer.replay(piece)


def _shared(plan: Plan, pieces: Iterator[Piece], jobs: int) -> Iterator[Tally]:
    # Fresh processes: a copy of this one would share its threads' locks and not its threads.
    context = get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(plan,))
    waiting: deque[Future[Tally]] = deque()
    try:
        for piece in pieces:
            waiting.append(pool.submit(_replayed, piece))
            if len(waiting) >= jobs * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise NotReplayed(
            "a process of the replay was ended from outside, perhaps for want of memory; try fewer"
            " with `--jobs`"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_HERE: list[Replayer] = []


def _begin(plan: Plan) -> None:
    """In a process of its own: whoever is interrupted is the one that reads."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _HERE.append(Replayer(plan))
    gc.freeze()


def _replayed(piece: Piece) -> Tally:
    return _HERE[0].replay(piece)
