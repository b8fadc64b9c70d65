"""What a start does before it writes: judge the end of the log, cut a torn tail, or refuse.

The whole log is read, since nothing is trusted yet that would allow less; starting from the newest
signed checkpoint comes with checkpoints. Called with the directory locked.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp._proto import log_pb2
from pdp.decisionlog import disk, frame, reader, record, tree
from pdp.decisionlog.appender import Place
from pdp.decisionlog.disk import SegmentFile
from pdp.decisionlog.errors import LogCorrupt
from pdp.decisionlog.frame import Batch, Damage, End, SegmentHeader, Spot
from pdp.decisionlog.proving.spine import Spine
from pdp.decisionlog.record import Kind

_TORN_NAME: Final = re.compile(r"([0-9]{10})-([0-9]{12})\.torn", re.ASCII)


@dataclass(slots=True)
class _Scan:
    """What has been read so far."""

    next_seq: int = 1
    synced_to: int = 0
    unsynced_from: int = frame.SEGMENT_HEADER_BYTES  # in the segment being read
    last_kind: int = Kind.STOP  # a new log has nothing to recover from
    described: frozenset[str] = frozenset()


def recover(directory: Path) -> tuple[Place, log_pb2.RecoveryRecord | None]:
    """Where the log continues, and what to record first: None after a clean stop.

    Damage above the highest ``synced_to`` of any valid batch is a torn tail, whatever stands behind
    it: from its first bad byte on it is moved to a file beside. Damage at or below is corruption.
    Raises LogCorrupt, OSError or disk.SyncFailed; nothing is changed before every byte was judged.
    """
    for scratch in (*directory.glob("*.seg.new"), *directory.glob("*.torn.new")):
        scratch.unlink()  # never got its name, so nothing in it was ever relied on
    indexes = disk.segment_indexes(directory)
    spine = Spine()
    if not indexes:
        return Place(b"", 1, 1, 0, spine), None
    scan = _Scan()
    previous: SegmentHeader | None = None
    size = 0
    for place, index in enumerate(indexes, start=1):
        with disk.opened(directory, index) as segment:
            if index != place:
                what = f"segment {place} is missing before it"
                raise LogCorrupt(segment.name, 0, scan.next_seq, what)
            header = _header(segment, scan.next_seq)
            reader.check_follows(segment.name, header, previous, size, spine)
            is_last = place == len(indexes)
            size = _read_batches(segment, header, scan, spine, is_last=is_last)
            if is_last:
                _settle(directory, segment, size, scan)
        previous = header
    quarantined = _undescribed(directory, scan.described)
    log_id = previous.log_id if previous is not None else b""
    continues = Place(log_id, len(indexes) + 1, scan.next_seq, size, spine)
    if scan.last_kind == Kind.STOP and not quarantined:
        return continues, None
    return continues, log_pb2.RecoveryRecord(
        segment=len(indexes),
        offset=size,
        last_seq=scan.next_seq - 1,
        synced_to=scan.synced_to,
        quarantined=quarantined,
    )


def _header(segment: SegmentFile, seq: int) -> SegmentHeader:
    header = frame.decode_segment(segment.read(0, frame.SEGMENT_HEADER_BYTES))
    if isinstance(header, Damage):
        # A segment gets its name once its header is durable: this is never a torn tail.
        raise LogCorrupt(segment.name, 0, seq, header.what)
    return header


def _read_batches(
    segment: SegmentFile,
    header: SegmentHeader,
    scan: _Scan,
    spine: Spine,
    *,
    is_last: bool,
) -> int:
    """Take in every intact batch; returns where they end. Raises LogCorrupt."""
    # Whatever stands before the last segment was made durable before that segment was created.
    scan.synced_to = max(scan.synced_to, header.first_seq - 1)
    scan.unsynced_from = offset = frame.SEGMENT_HEADER_BYTES
    while True:
        batch = frame.read_batch(segment.read, offset, header.boot_id, scan.next_seq)
        if not isinstance(batch, Batch):
            _judge(segment, header, scan, batch, is_last=is_last)
            return offset
        scan.synced_to = max(scan.synced_to, batch.head.synced_to)
        if scan.synced_to == scan.next_seq - 1:
            scan.unsynced_from = offset
        spot = Spot(header.index, offset, scan.next_seq)
        for item in batch.frames:
            leaf = tree.leaf_hash(tree.leaf_input(item.kind, item.seq, item.payload))
            spine.append(leaf, spot)
            if item.kind == Kind.RECOVERY:
                scan.described |= _names(item.payload)
        scan.next_seq += batch.head.count
        # A checkpoint may follow the last record of a run.
        kinds = [item.kind for item in batch.frames if item.kind != Kind.CHECKPOINT]
        scan.last_kind = kinds[-1] if kinds else scan.last_kind
        offset = batch.head.end


def _judge(
    segment: SegmentFile,
    header: SegmentHeader,
    scan: _Scan,
    stop: Damage | End,
    *,
    is_last: bool,
) -> None:
    """Raise LogCorrupt unless what stands at ``stop`` is the end of the log or a torn tail."""
    rest = segment.rest(stop.offset)
    if not is_last:
        if segment.size() != stop.offset or isinstance(stop, Damage):
            what = stop.what if isinstance(stop, Damage) else "bytes follow its last batch"
            seq = stop.seq if isinstance(stop, Damage) else scan.next_seq
            raise LogCorrupt(segment.name, stop.offset, seq, what)
        return
    # An intact batch behind the damage tells what was durable when it was written.
    for head in frame.heads_after(rest, stop.offset, header.boot_id, scan.next_seq):
        scan.synced_to = max(scan.synced_to, head.synced_to)
    if scan.synced_to >= scan.next_seq:
        at = stop if isinstance(stop, Damage) else Damage(stop.offset, scan.next_seq, "a hole")
        raise LogCorrupt(segment.name, at.offset, at.seq, at.what)


def _settle(directory: Path, segment: SegmentFile, size: int, scan: _Scan) -> None:
    """Quarantine what follows ``size``, and make all before it durable, whatever the last run knew.

    After a failed sync the kernel may hold pages as clean that never reached the disk, so what was
    not certainly durable is written again before it is synced.
    """
    rest = segment.rest(size)
    index = disk.segment_index(segment.name)
    fd = os.open(directory / segment.name, os.O_RDWR | os.O_CLOEXEC)
    try:
        disk.hold(fd, directory)
        if rest:
            name = f"{index:010d}-{size:012d}.torn"
            os.close(disk.create_whole(directory, name, rest))
            scan.last_kind = 0
        os.ftruncate(fd, size)
        disk.write_all(
            fd, segment.read(scan.unsynced_from, size - scan.unsynced_from), scan.unsynced_from
        )
        disk.sync(fd)
    finally:
        os.close(fd)


def _undescribed(directory: Path, described: frozenset[str]) -> list[log_pb2.QuarantinedBytes]:
    """Quarantined files that no recovery record names yet: a start may itself be interrupted."""
    found: list[log_pb2.QuarantinedBytes] = []
    for path in sorted(directory.glob("*.torn")):
        match = _TORN_NAME.fullmatch(path.name)
        if match is None or path.name in described:
            continue
        data = path.read_bytes()
        found.append(
            log_pb2.QuarantinedBytes(
                file=path.name,
                segment=int(match[1]),
                offset=int(match[2]),
                size_bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
            )
        )
    return found


def _names(payload: bytes) -> frozenset[str]:
    try:
        message = record.parse(Kind.RECOVERY, payload)
    except ValueError:
        return frozenset()
    if not isinstance(message, log_pb2.RecoveryRecord):
        return frozenset()
    return frozenset(item.file for item in message.quarantined)
