"""The segments of a log in order, each going on where the one before ended. Knows no tables.

Reads as ``pdp.decisionlog.reader`` does and checks as well what each header says of the segment
before it, its size and the root over all records so far: a segment that was exchanged whole, with
checksums that hold, is damage here too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.decisionlog import disk, frame
from pdp.decisionlog.errors import LogCorrupt
from pdp.decisionlog.frame import Damage, SegmentHeader
from pdp.decisionlog.reader import Cursor, check_follows
from pdp.decisionlog.record import Record
from pdp.decisionlog.tree import Frontier

_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """All bytes of a segment's file, as they were looked at: how many, and their hex SHA-256."""

    size_bytes: int
    sha256: str


class Chain:
    """How far the log was followed. ``frontier`` is the tree over every record so far."""

    def __init__(self) -> None:
        self.frontier = Frontier()
        self._header: SegmentHeader | None = None
        self._size_bytes = 0

    def enter(self, directory: Path, index: int) -> Content:
        """Go on to the next segment; its bytes. Raises LogCorrupt if it does not follow."""
        with disk.opened(directory, index) as segment:
            header = frame.decode_segment(segment.read(0, frame.SEGMENT_HEADER_BYTES))
            if isinstance(header, Damage):
                raise LogCorrupt(segment.name, 0, self.frontier.size + 1, header.what)
            before = self._header
            following = 1 if before is None else before.index + 1
            if index != following:
                what = f"segment {following} is missing before it"
                raise LogCorrupt(segment.name, 0, self.frontier.size + 1, what)
            check_follows(segment.name, header, before, self._size_bytes, self.frontier)
            hashed, offset = hashlib.sha256(), 0
            while part := segment.read(offset, _CHUNK_BYTES):
                hashed.update(part)
                offset += len(part)
        self._header, self._size_bytes = header, offset
        return Content(offset, hashed.hexdigest())

    def records(self, directory: Path, index: int) -> Iterator[Record]:
        """Every complete record of the segment entered last, in order. Raises LogCorrupt."""
        name = disk.segment_name(index)
        with Cursor(directory, index) as cursor:
            while True:
                batch = cursor.advance()
                if batch is None:
                    if cursor.check_end():
                        return
                    continue
                if batch[0].segment != name:
                    return
                for item in batch:
                    self.frontier.append(bytes.fromhex(item.leaf_hash))
                    yield item


def records(directory: Path, indexes: list[int]) -> Iterator[Record]:
    """Every complete record of these segments, from the first on. Raises LogCorrupt."""
    chain = Chain()
    for index in indexes:
        chain.enter(directory, index)
        yield from chain.records(directory, index)
