"""The one writer of a log: threads wait here until their records are durable. No format knowledge.

Group commit without a thread of its own: the first thread to come leads, writes what has gathered
and wakes its owners; whoever came meanwhile waits, and the first of those leads next. So at most
one batch is in flight, and alone a caller does its own write.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pdp.decisionlog import disk, recovery
from pdp.decisionlog.appender import Appender, Setup, unavailable
from pdp.decisionlog.errors import LogUnavailable, Trouble
from pdp.decisionlog.keeping.filestore import FileStore
from pdp.decisionlog.proving import evidence
from pdp.decisionlog.proving.spine import Spine
from pdp.decisionlog.record import Kind
from pdp.model import ReceiptPointer

PAYLOAD_BYTES_MAX: Final = 4 << 20
GATHERED_RECORDS_MAX: Final = 4_096
GATHERED_BYTES_MAX: Final = 8 << 20


class _Ticket:
    """One caller's records, and what became of them."""

    __slots__ = (
        "failure", "gate", "is_checkpoint", "is_leader", "receipts", "records", "size_bytes",
    )  # fmt: skip

    def __init__(
        self, records: Sequence[tuple[int, bytes]], size_bytes: int, *, is_checkpoint: bool = False
    ) -> None:
        self.records = records
        self.is_checkpoint = is_checkpoint
        self.size_bytes = size_bytes
        self.is_leader = False
        self.receipts: list[ReceiptPointer] | None = None
        self.failure: Trouble | None = None
        self.gate = threading.Lock()  # opened by whoever settles this ticket or makes it leader
        self.gate.acquire()


class Writer:
    """The log's open end, for any number of threads. Get one from ``Writer.open``."""

    def __init__(self, directory: Path, appender: Appender, lock_fd: int) -> None:
        """Take over an appender, and the descriptor that holds the directory's lock."""
        self.directory = directory
        self._appender = appender
        self._files = FileStore(directory)
        self._lock_fd = lock_fd
        self._mutex = threading.Lock()
        self._idle = threading.Condition(self._mutex)
        self._queue: deque[_Ticket] = deque()
        self._is_busy = False
        self._is_closed = False
        self._trouble: Trouble | None = None
        self._batches = 0

    @classmethod
    def open(cls, directory: Path, setup: Setup) -> Writer:
        """Lock the directory (made if missing), recover what is there, open a fresh segment.

        If the last run did not stop cleanly, the first record says what was found. Raises
        LogLocked, LogCorrupt, LogUnavailable; ValueError for a node name over 64 bytes.
        """
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock_fd = disk.lock(directory)
        except OSError as error:
            raise _refused(error) from error
        try:
            return cls(directory, _appender(directory, setup), lock_fd)
        except BaseException:
            os.close(lock_fd)
            raise

    @property
    def log_id(self) -> str:
        """Lower-case hex; every receipt names it."""
        return self._appender.log_id

    @property
    def signs(self) -> bool:
        """Whether checkpoints are signed."""
        return self._appender.signs

    @property
    def failed(self) -> bool:
        """Whether nothing can be written until the process starts anew."""
        return self._appender.failure is not None

    @property
    def trouble(self) -> Trouble | None:
        """Why the last batch was not written; None again once one is."""
        return self._trouble

    @property
    def batches(self) -> int:
        """Batches made durable since the log was opened; for metrics."""
        return self._batches

    def keep(self, contents: Iterable[bytes]) -> None:
        """Block until every content is durable beside the log, under its SHA-256.

        For what the next record names. Raises LogUnavailable: then that record must not be written.
        """
        try:
            self._files.keep(contents)
        except disk.SyncFailed as error:
            raise unavailable(Trouble.SYNC_FAILED) from error
        except OSError as error:
            raise _refused(error) from error

    def append(self, kind: Kind, payload: bytes) -> ReceiptPointer:
        """Block until one record is durable; where it is. Raises LogUnavailable: do not answer."""
        return self.append_many([(kind, payload)])[0]

    def append_many(self, records: Sequence[tuple[Kind, bytes]]) -> list[ReceiptPointer]:
        """Block until all records are durable in one batch: all or nothing, numbered in order.

        Raises LogUnavailable: then no answer that depends on them may leave.
        """
        if not records:
            return []
        if any(len(payload) > PAYLOAD_BYTES_MAX for _, payload in records):
            raise unavailable(Trouble.TOO_LARGE)
        return self._settled(_Ticket(records, sum(len(payload) for _, payload in records)))

    def sign(self) -> None:
        """Block until a durable checkpoint covers every record there is; nothing without a signer.

        Raises LogUnavailable.
        """
        if self.signs:
            self._settled(_Ticket((), 0, is_checkpoint=True))

    @property
    def checkpoint(self) -> tuple[int, str]:
        """How many records the newest durable checkpoint covers, and its text; (0, "") for none.

        Those of earlier runs do not count.
        """
        return self._appender.checkpoint

    @property
    def spine(self) -> Spine:
        """The tree over all records, to ask for paths."""
        return self._appender.spine

    def _settled(self, ticket: _Ticket) -> list[ReceiptPointer]:
        with self._mutex:
            if self._is_closed:
                raise unavailable(Trouble.CLOSED)
            self._queue.append(ticket)
            if not self._is_busy:
                self._is_busy = ticket.is_leader = True
        try:
            if not ticket.is_leader:
                ticket.gate.acquire()
            if ticket.is_leader:
                self._lead(ticket)
        except BaseException:
            self._abandon(ticket)
            raise
        if ticket.receipts is None:
            raise unavailable(ticket.failure or Trouble.WRITE_FAILED)
        return ticket.receipts

    def close(self) -> None:
        """Finish what was asked, cut the preallocated rest off and let the lock go.

        The caller appends the stop record before; without one the next start records a recovery.
        """
        with self._mutex:
            if self._is_closed:
                return
            self._is_closed = True
            while self._is_busy:
                self._idle.wait()
        self._appender.close()
        os.close(self._lock_fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _abandon(self, ticket: _Ticket) -> None:
        """Its caller was interrupted: it must neither be written for nothing nor hold the lead."""
        with self._mutex:
            if ticket in self._queue:
                self._queue.remove(ticket)
            if ticket.is_leader:
                ticket.is_leader = False
                self._hand_over()

    def _lead(self, leader: _Ticket) -> None:
        """Write one batch of what has gathered, settle its tickets, hand the lead over."""
        with self._mutex:
            batch = self._gather()
        try:
            self._commit(batch)
        finally:
            with self._mutex:
                leader.is_leader = False
                self._hand_over()
            for ticket in batch:
                ticket.gate.release()

    def _gather(self) -> list[_Ticket]:
        batch = [self._queue.popleft()]
        count, size = len(batch[0].records), batch[0].size_bytes
        while self._queue:
            count += len(self._queue[0].records)
            size += self._queue[0].size_bytes
            if count > GATHERED_RECORDS_MAX or size > GATHERED_BYTES_MAX:
                break
            batch.append(self._queue.popleft())
        return batch

    def _commit(self, batch: Sequence[_Ticket]) -> None:
        records = [item for ticket in batch for item in ticket.records]
        try:
            due = any(ticket.is_checkpoint for ticket in batch)
            receipts = self._appender.commit(records, is_checkpoint_due=due)
        except LogUnavailable as error:
            self._trouble = error.trouble
            for ticket in batch:
                ticket.failure = error.trouble
            return
        self._trouble = None
        self._batches += 1
        start = 0
        for ticket in batch:
            ticket.receipts = receipts[start : start + len(ticket.records)]
            start += len(ticket.records)

    def _hand_over(self) -> None:
        """With the mutex held: the first who waits leads, or the writer is idle."""
        if self._queue:
            self._queue[0].is_leader = True
            self._queue[0].gate.release()
            return
        self._is_busy = False
        self._idle.notify_all()


def _appender(directory: Path, setup: Setup) -> Appender:
    """Recover, open a fresh segment, and record what was found."""
    try:
        place, found = recovery.recover(directory)
        appender = Appender(directory, place, setup)
    except disk.SyncFailed as error:
        raise unavailable(Trouble.SYNC_FAILED) from error
    except OSError as error:
        raise _refused(error) from error
    if found is not None:
        try:
            appender.commit([(Kind.RECOVERY, evidence.recovery_record(found, setup.clock()))])
        except BaseException:
            appender.close()
            raise
    return appender


def _refused(error: OSError) -> LogUnavailable:
    return unavailable(disk.passing(error) or Trouble.WRITE_FAILED)
