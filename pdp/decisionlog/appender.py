"""Writes batches at the end of a log and makes them durable. One caller at a time: no threads here.

Not built yet: a spare segment for the closing records of a full disk.
"""

from __future__ import annotations

import enum
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.decisionlog import disk, frame, tree
from pdp.decisionlog.errors import LogUnavailable, Trouble
from pdp.decisionlog.frame import Spot
from pdp.decisionlog.proving import checkpoint, evidence
from pdp.decisionlog.proving.checkpoint import Head, Signer
from pdp.decisionlog.proving.spine import Spine
from pdp.decisionlog.record import Kind
from pdp.model import ReceiptPointer

SEGMENT_BYTES: Final = 64 << 20
# Signed at the latest after so many records; whoever holds the log also asks once a second.
CHECKPOINT_RECORDS: Final = 1_000
ID_BYTES: Final = 16


class Durability(enum.Enum):
    """What an answered record survives."""

    FSYNC = "fsync"  # loss of power: fdatasync before the answer
    OS = "os"  # loss of the process only: written, not synced; never chosen silently


@dataclass(frozen=True, slots=True)
class Setup:
    """How a log is written.

    ``node`` names the machine, at most 64 bytes. ``segment_bytes`` is where a segment ends.
    ``clock`` gives nanoseconds since 1970, ``entropy`` as many random bytes as asked. ``signer``
    signs the checkpoints; without one there are none.
    """

    node: str
    durability: Durability = Durability.FSYNC
    segment_bytes: int = SEGMENT_BYTES
    clock: Callable[[], int] = time.time_ns
    entropy: Callable[[int], bytes] = os.urandom
    signer: Signer | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a log continues: what recovery knows of the segments there are.

    ``log_id`` is empty for a new log; ``previous_size`` is in bytes.
    """

    log_id: bytes
    next_index: int
    next_seq: int
    previous_size: int
    spine: Spine


class Appender:
    """The open end of a log. After a failed sync, or an error that will not pass, it is failed."""

    def __init__(self, directory: Path, place: Place, setup: Setup) -> None:
        """Open a fresh segment: every start does, so an uncertain tail is never written after.

        Raises OSError or disk.SyncFailed.
        """
        self._directory = directory
        self._setup = setup
        self._log_id = place.log_id or setup.entropy(ID_BYTES)
        self._boot_id = setup.entropy(ID_BYTES)
        self._index = place.next_index
        self._next_seq = place.next_seq
        self._spine = place.spine
        self._checkpoint: tuple[int, str] = (0, "")
        self._synced_to = place.next_seq - 1  # recovery made everything there is durable
        self._failure: Trouble | None = None
        self._end = place.previous_size
        self._fd = self._create_segment(0)
        self._end = frame.SEGMENT_HEADER_BYTES

    @property
    def log_id(self) -> str:
        """Lower-case hex."""
        return self._log_id.hex()

    @property
    def failure(self) -> Trouble | None:
        """Why nothing can be written any more, or None."""
        return self._failure

    @property
    def signs(self) -> bool:
        """Whether there is a key to sign checkpoints with."""
        return self._setup.signer is not None

    @property
    def spine(self) -> Spine:
        """The tree over all records; others may ask it for paths."""
        return self._spine

    @property
    def checkpoint(self) -> tuple[int, str]:
        """How many records the newest durable checkpoint covers, and its text; (0, "") for none."""
        return self._checkpoint

    def commit(
        self, records: Sequence[tuple[int, bytes]], *, is_checkpoint_due: bool = False
    ) -> list[ReceiptPointer]:
        """Write (kind, payload) records as one batch; return when it is durable.

        All or nothing. Raises LogUnavailable; then no record has a number, and after a full disk
        the next call begins where this one did. If it is due, a checkpoint of all records before
        the batch opens it.
        """
        if self._failure is not None:
            raise unavailable(self._failure)
        note = self._next_checkpoint(is_due=is_checkpoint_due)
        if not note:
            return self._committed(records) if records else []
        signed = evidence.checkpoint_record(time_unix_ns=self._setup.clock(), note=note)
        size = self._next_seq - 1
        receipts = self._committed([(Kind.CHECKPOINT, signed), *records])
        self._checkpoint = (size, note)
        return receipts[1:]

    def _next_checkpoint(self, *, is_due: bool) -> str:
        """Of all records there are, unless the last one is a checkpoint of those before it."""
        size = self._next_seq - 1
        # The record that holds the newest checkpoint comes right behind what that covers.
        uncovered = size - self._checkpoint[0] - bool(self._checkpoint[0])
        if self._setup.signer is None or not uncovered:
            return ""
        if not is_due and uncovered < CHECKPOINT_RECORDS:
            return ""
        head = Head(checkpoint.origin_of(self.log_id), size, self._spine.root())
        return checkpoint.sign(head, self._setup.signer)

    def _committed(self, records: Sequence[tuple[int, bytes]]) -> list[ReceiptPointer]:
        first = self._next_seq
        leaves = [
            tree.leaf_hash(tree.leaf_input(kind, first + at, payload))
            for at, (kind, payload) in enumerate(records)
        ]
        batch = frame.encode_batch(self._boot_id, self._synced_to, first, records)
        try:
            self._make_room(len(batch))
            disk.write_all(self._fd, batch, self._end)
            if self._setup.durability is Durability.FSYNC:
                disk.sync(self._fd)
            return self._advance(len(batch), leaves)
        except OSError as error:
            raise unavailable(self._after(error)) from error
        except disk.SyncFailed as error:
            self._failure = Trouble.SYNC_FAILED
            raise unavailable(self._failure) from error
        except BaseException:
            self._failure = Trouble.WRITE_FAILED  # interrupted: how much was written is unknown
            raise

    def close(self) -> None:
        """Cut the preallocated rest off and let go; after a failure leave the file as it is."""
        try:
            if self._failure is None:
                self._seal()
        except (OSError, disk.SyncFailed):
            self._failure = Trouble.SYNC_FAILED  # the next start looks at every byte anyway
        finally:
            os.close(self._fd)

    def _advance(self, batch_bytes: int, leaves: Sequence[bytes]) -> list[ReceiptPointer]:
        """Give the written records their numbers."""
        first = self._next_seq
        spot = Spot(self._index - 1, self._end, first)
        self._end += batch_bytes
        self._next_seq += len(leaves)
        if self._setup.durability is Durability.FSYNC:
            self._synced_to = self._next_seq - 1
        for leaf in leaves:
            self._spine.append(leaf, spot)
        return [
            ReceiptPointer(self.log_id, first + at, leaf.hex()) for at, leaf in enumerate(leaves)
        ]

    def _after(self, error: OSError) -> Trouble:
        """Cut a partly written batch back, so that later ones can follow the last good one."""
        trouble = disk.passing(error)
        if trouble is None:
            self._failure = Trouble.WRITE_FAILED
            return self._failure
        try:
            os.ftruncate(self._fd, self._end)
        except OSError:
            self._failure = Trouble.WRITE_FAILED
        return trouble

    def _make_room(self, size_bytes: int) -> None:
        is_empty = self._end == frame.SEGMENT_HEADER_BYTES
        if is_empty or self._end + size_bytes <= self._setup.segment_bytes:
            return
        self._seal()
        fd = self._create_segment(size_bytes)
        os.close(self._fd)
        self._fd = fd
        self._end = frame.SEGMENT_HEADER_BYTES

    def _seal(self) -> None:
        """In either mode, a segment that another follows is durable and ends with its batches."""
        os.ftruncate(self._fd, self._end)
        disk.sync(self._fd)
        self._synced_to = self._next_seq - 1

    def _create_segment(self, batch_bytes: int) -> int:
        header = frame.SegmentHeader(
            index=self._index,
            log_id=self._log_id,
            boot_id=self._boot_id,
            created_unix_ns=self._setup.clock(),
            first_seq=self._next_seq,
            previous_size=self._end,
            previous_root=self._spine.root() if self._index > 1 else bytes(32),
            node=self._setup.node,
        )
        size = max(self._setup.segment_bytes, frame.SEGMENT_HEADER_BYTES + batch_bytes)
        name = disk.segment_name(self._index)
        fd = disk.create_whole(self._directory, name, frame.encode_segment(header), size)
        self._index += 1
        return fd


_TEXTS: Final = {
    Trouble.NO_SPACE: "there is no space for the decision log; free some, nothing else is needed",
    Trouble.NO_DESCRIPTORS: "there is no file descriptor left for the decision log; raise the limit"
    " (`ulimit -n`), or close connections",
    Trouble.WRITE_FAILED: "the decision log could not be written; restart once the disk is well",
    Trouble.SYNC_FAILED: "the decision log could not be synced; restart once the disk is well",
    Trouble.TOO_LARGE: "the record is larger than the decision log takes",
    Trouble.CLOSED: "the decision log is closed",
}


def unavailable(trouble: Trouble) -> LogUnavailable:
    """The error for ``trouble``, with what to do about it."""
    return LogUnavailable(_TEXTS[trouble], trouble)
