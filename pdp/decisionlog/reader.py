"""Reads the records of a log, also while a writer adds to it. Never changes a file, never repairs.

A reader stops where the last complete batch ends; whatever a live writer is in the middle of comes
with the next look. Damage before intact records is an error, never skipped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from pdp.decisionlog import disk, frame
from pdp.decisionlog.disk import SegmentFile
from pdp.decisionlog.errors import LogCorrupt, LogMissing
from pdp.decisionlog.frame import Batch, Damage, End, SegmentHeader, Spot
from pdp.decisionlog.record import Kind, Record
from pdp.decisionlog.tree import Growing


class Cursor:
    """A place in a log that moves forward batch by batch, from one segment to the next."""

    def __init__(self, directory: Path, index: int = 1) -> None:
        """Stand at the start of segment ``index``. Close it when done."""
        self._directory = directory
        self._index = index
        self._segment: SegmentFile | None = None
        self._header: SegmentHeader | None = None
        self._offset = 0
        self._seq = 0

    @classmethod
    def at(cls, directory: Path, spot: Spot) -> Cursor:
        """Stand at the batch that begins there. Raises LogCorrupt, LogMissing."""
        cursor = cls(directory, spot.segment)
        if not cursor._enter():
            raise LogMissing(directory)
        cursor._offset, cursor._seq = spot.offset, spot.seq
        return cursor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()

    def advance(self) -> list[Record] | None:
        """The next complete batch, or None if there is none (yet). Raises LogCorrupt."""
        while True:
            if self._segment is None and not self._enter():
                return None
            batch = self._read()
            if not isinstance(batch, Batch):
                if self._index + 1 not in disk.segment_indexes(self._directory):
                    return None
                # Once the next segment is there this one is final, so this look is the last.
                batch = self._read()
            if isinstance(batch, Batch):
                return self._take(batch)
            self._move_on(batch)

    def check_end(self) -> bool:
        """After ``advance`` gave None: whether the log ends here; False if it has moved on.

        Raises LogCorrupt if batches behind this place say that it was durable once.
        """
        if self._segment is None or self._header is None:
            return True
        rest = self._segment.rest(self._offset)
        for head in frame.heads_after(rest, self._offset, self._header.boot_id, self._seq):
            if head.synced_to < self._seq:
                continue
            # A live writer may have filled the place since it was read.
            batch = self._read()
            if isinstance(batch, Batch):
                return False
            raise self._corrupt(batch)
        return True

    def _enter(self) -> bool:
        if self._index not in disk.segment_indexes(self._directory):
            return False
        segment = SegmentFile(self._directory, self._index)
        header = frame.decode_segment(segment.read(0, frame.SEGMENT_HEADER_BYTES))
        if isinstance(header, Damage):
            segment.close()
            raise LogCorrupt(segment.name, 0, self._seq, header.what)
        if self._seq not in (0, header.first_seq):
            segment.close()
            what = f"its first record is {header.first_seq}, not {self._seq}"
            raise LogCorrupt(segment.name, 0, self._seq, what)
        self._segment, self._header = segment, header
        self._offset, self._seq = frame.SEGMENT_HEADER_BYTES, header.first_seq
        return True

    def _read(self) -> Batch | Damage | End:
        if self._segment is None or self._header is None:
            raise AssertionError("no segment is open")
        return frame.read_batch(self._segment.read, self._offset, self._header.boot_id, self._seq)

    def _take(self, batch: Batch) -> list[Record]:
        name = disk.segment_name(self._index)
        self._offset = batch.head.end
        self._seq += batch.head.count
        return [_record(item, name) for item in batch.frames]

    def _move_on(self, stop: Damage | End) -> None:
        if self._segment is None or isinstance(stop, Damage) or stop.offset < self._segment.size():
            raise self._corrupt(stop)
        self._leave()
        self._index += 1

    def _leave(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _corrupt(self, stop: Batch | Damage | End) -> LogCorrupt:
        name = disk.segment_name(self._index)
        if isinstance(stop, Damage):
            return LogCorrupt(name, stop.offset, stop.seq, stop.what)
        return LogCorrupt(name, self._offset, self._seq, "records are missing here")


def records(directory: Path, index: int = 1) -> Iterator[Record]:
    """Every complete record from segment ``index`` on, in order. Raises LogCorrupt, LogMissing."""
    require(directory)
    with Cursor(directory, index) as cursor:
        while True:
            batch = cursor.advance()
            if batch is not None:
                yield from batch
            elif cursor.check_end():
                return


def require(directory: Path) -> int:
    """The newest segment's number. Raises LogMissing if there is none."""
    indexes = disk.segment_indexes(directory)
    if not indexes:
        raise LogMissing(directory)
    return indexes[-1]


def last_records(directory: Path, count: int) -> list[Record]:
    """The last ``count`` records, oldest first; reads no more segments than it must.

    Raises LogCorrupt, LogMissing.
    """
    start = require(directory)
    while True:
        found = deque(records(directory, start), maxlen=max(count, 0))
        if len(found) >= count or start == 1:
            return list(found)
        start -= 1


def segment_of(directory: Path, seq: int) -> int:
    """The segment that holds record ``seq``, by what the headers say; 1 if none says so.

    Raises LogCorrupt, LogMissing.
    """
    require(directory)
    for index in reversed(disk.segment_indexes(directory)):
        with disk.opened(directory, index) as segment:
            header = frame.decode_segment(segment.read(0, frame.SEGMENT_HEADER_BYTES))
            if isinstance(header, Damage):
                raise LogCorrupt(segment.name, 0, seq, header.what)
            if header.first_seq <= seq:
                return index
    return 1


def check_follows(
    name: str,
    header: SegmentHeader,
    previous: SegmentHeader | None,
    previous_size: int,
    before: Growing,
) -> None:
    """Raise LogCorrupt unless a segment continues exactly the one before it, and all records."""
    root = before.root() if previous is not None else bytes(32)
    for found, expected, what in (
        (header.index, 1 if previous is None else previous.index + 1, "index"),
        (header.first_seq, before.size + 1, "first sequence number"),
        (header.log_id, header.log_id if previous is None else previous.log_id, "log id"),
        (header.previous_size, previous_size, "size of the segment before"),
        (header.previous_root, root, "root over the records before"),
    ):
        if found != expected:
            text = f"its {what} is not what the segments before it give"
            raise LogCorrupt(name, 0, before.size + 1, text)


def _record(item: frame.Frame, segment: str) -> Record:
    try:
        kind = Kind(item.kind)
    except ValueError:
        what = f"records of kind {item.kind} are not known to this version"
        raise LogCorrupt(segment, item.offset, item.seq, what) from None
    return Record(item.seq, kind, item.payload, segment, item.offset)
