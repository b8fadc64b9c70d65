"""The bytes of the log: segment header, batch head, frame. Pure: bytes in, values or Damage out.

A segment is a header of 256 bytes, then batches, then (while it is written) zeros up to its
preallocated size. A batch is one frame of kind 0, the batch head, and the frames of its records.
A frame is {magic, version, kind, reserved, length, seq, crc32} and a payload; the crc covers all
of it. Numbers are big-endian. Places kept for later are zero and checked to be zero: 84 bytes of
the segment header (the checkpoint key's id, flags), two bytes of each frame.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

VERSION: Final = 1
BATCH_KIND: Final = 0
# Starts with two bytes that follow each other in no UTF-8 text, so that no text of a caller can
# pass for a frame when recovery searches for one.
MAGIC: Final = b"\xc7\xd1LF"
SEGMENT_MAGIC: Final = b"\xc7\xd1CHLOG\n"

_FRAME: Final = struct.Struct(">4sBBHIQ")
_CRC: Final = struct.Struct(">I")
_BATCH: Final = struct.Struct(">16sQIQ")
_SEGMENT: Final = struct.Struct(">8sHHI16s16sQQQ32s64s84s")

FRAME_HEADER_BYTES: Final = _FRAME.size + _CRC.size
BATCH_HEAD_BYTES: Final = FRAME_HEADER_BYTES + _BATCH.size
SEGMENT_HEADER_BYTES: Final = _SEGMENT.size + _CRC.size
NODE_BYTES_MAX: Final = 64
_RESERVED: Final = bytes(84)

# (offset, size) to at most that many bytes; fewer only at the end of the file.
Read: TypeAlias = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What a segment says about itself and about the one before it (size and root zero for none).

    ``index`` counts from 1, ``first_seq`` is the number its first record gets, ``previous_size`` is
    in bytes, ``previous_root`` is the tree's root over all records before ``first_seq``.
    """

    index: int
    log_id: bytes
    boot_id: bytes
    created_unix_ns: int
    first_seq: int
    previous_size: int
    previous_root: bytes
    node: str


@dataclass(frozen=True, slots=True)
class BatchHead:
    """What opens a batch: its first number, how many records in how many bytes follow.

    ``synced_to`` is the highest sequence number that was known durable when it was written.
    """

    offset: int
    first_seq: int
    synced_to: int
    count: int
    size_bytes: int

    @property
    def body(self) -> int:
        """Where the records' frames begin."""
        return self.offset + BATCH_HEAD_BYTES

    @property
    def end(self) -> int:
        """Where the next batch begins."""
        return self.body + self.size_bytes


class Spot(NamedTuple):
    """Where a batch begins: the segment's number, the byte in it, its first record's number."""

    segment: int
    offset: int
    seq: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One record in its place."""

    offset: int
    kind: int
    seq: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch whose every byte was checked."""

    head: BatchHead
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are not what they must be; ``seq`` is the record expected there."""

    offset: int
    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class End:
    """No batch begins here: the file ends or holds zeros."""

    offset: int


def encode_segment(header: SegmentHeader) -> bytes:
    """The first 256 bytes of a segment. Raises ValueError for a node name over 64 bytes."""
    node = header.node.encode()
    if len(node) > NODE_BYTES_MAX or "\x00" in header.node:
        raise ValueError(f"a node name is at most {NODE_BYTES_MAX} bytes and holds no zero byte")
    head = _SEGMENT.pack(
        SEGMENT_MAGIC,
        VERSION,
        0,
        header.index,
        header.log_id,
        header.boot_id,
        header.created_unix_ns,
        header.first_seq,
        header.previous_size,
        header.previous_root,
        node,
        _RESERVED,
    )
    return head + _CRC.pack(zlib.crc32(head))


def decode_segment(data: bytes) -> SegmentHeader | Damage:
    """A segment's header, or what is wrong with it."""
    if len(data) < SEGMENT_HEADER_BYTES:
        return Damage(0, 0, "the segment header is cut short")
    head = data[: _SEGMENT.size]
    fields = _SEGMENT.unpack(head)
    magic, version, reserved, index, log_id, boot_id = fields[:6]
    created, first_seq, size, root, node, rest = fields[6:]
    if magic != SEGMENT_MAGIC:
        return Damage(0, 0, "not a segment of a decision log")
    (crc,) = _CRC.unpack_from(data, _SEGMENT.size)
    if not checksum_holds(head, b"", crc):
        return Damage(0, 0, "the segment header's checksum does not match")
    if version != VERSION:
        return Damage(0, 0, f"format version {version} is not known here")
    name, _, padding = node.partition(b"\x00")
    if reserved or rest != _RESERVED or padding.strip(b"\x00"):
        return Damage(0, 0, "a reserved place of the segment header is not zero")
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return Damage(0, 0, "the node's name is not UTF-8 text")
    return SegmentHeader(index, log_id, boot_id, created, first_seq, size, root, text)


def encode_frame(kind: int, seq: int, payload: bytes) -> bytes:
    """One frame."""
    header = _FRAME.pack(MAGIC, VERSION, kind, 0, len(payload), seq)
    crc = zlib.crc32(payload, zlib.crc32(header))
    return b"".join((header, _CRC.pack(crc), payload))


def encode_batch(
    boot_id: bytes, synced_to: int, first_seq: int, records: Sequence[tuple[int, bytes]]
) -> bytes:
    """A batch of (kind, payload) records, numbered from ``first_seq``.

    The writer's boot id, 16 random bytes, stands in each head: a caller cannot know it, so no bytes
    a caller sent can pass for a batch when recovery searches for one.
    """
    frames = b"".join(
        [encode_frame(kind, first_seq + at, payload) for at, (kind, payload) in enumerate(records)]
    )
    head = _BATCH.pack(boot_id, synced_to, len(records), len(frames))
    return encode_frame(BATCH_KIND, first_seq, head) + frames


def read_head(read: Read, offset: int, boot_id: bytes, seq: int) -> BatchHead | Damage | End:
    """The batch head at ``offset``, which must open with record ``seq``."""
    data = read(offset, BATCH_HEAD_BYTES)
    if not data.strip(b"\x00"):
        return End(offset)
    head = _head(data, offset, boot_id)
    if head is None:
        return Damage(offset, seq, "no valid batch head")
    if head.first_seq != seq:
        return Damage(offset, seq, f"the batch begins with record {head.first_seq}, not {seq}")
    if head.synced_to >= seq or head.count == 0:
        return Damage(offset, seq, "the batch head contradicts itself")
    return head


def read_batch(read: Read, offset: int, boot_id: bytes, seq: int) -> Batch | Damage | End:
    """The whole batch at ``offset``, or the first thing wrong with it."""
    head = read_head(read, offset, boot_id, seq)
    if not isinstance(head, BatchHead):
        return head
    frames: list[Frame] = []
    for frame in frames_in(read, head):
        if isinstance(frame, Damage):
            return frame
        frames.append(frame)
    return Batch(head, tuple(frames))


def frames_in(read: Read, head: BatchHead) -> Iterator[Frame | Damage]:
    """Each record of a batch, or the damage in its place.

    After a frame whose payload alone is damaged the next one follows; where the frames can no
    longer be told apart the last item is a Damage.
    """
    body = read(head.body, head.size_bytes)
    at = 0
    for seq in range(head.first_seq, head.first_seq + head.count):
        frame = _frame(body, at, head.body + at, seq)
        yield frame
        length = frame.payload if isinstance(frame, Frame) else _payload(body, at, seq)
        if length is None:
            return
        at += FRAME_HEADER_BYTES + len(length)
    if at != head.size_bytes:
        last = head.first_seq + head.count - 1
        yield Damage(head.body + at, last, "the batch holds more bytes than its records")


def heads_after(data: bytes, offset: int, boot_id: bytes, seq: int) -> Iterator[BatchHead]:
    """Every valid batch head in ``data`` (which begins at ``offset``) that opens beyond ``seq``."""
    at = data.find(MAGIC)
    while at >= 0:
        head = _head(data[at : at + BATCH_HEAD_BYTES], offset + at, boot_id)
        if head is not None and head.first_seq > seq:
            yield head
        at = data.find(MAGIC, at + 1)


def checksum_holds(header: bytes, payload: bytes, crc: int) -> bool:
    """Whether ``crc`` is the CRC-32 over header and payload."""
    return zlib.crc32(payload, zlib.crc32(header)) == crc


def _head(data: bytes, offset: int, boot_id: bytes) -> BatchHead | None:
    if len(data) < BATCH_HEAD_BYTES:
        return None
    magic, version, kind, reserved, length, seq = _FRAME.unpack_from(data)
    if (magic, version, kind, reserved, length) != (MAGIC, VERSION, BATCH_KIND, 0, _BATCH.size):
        return None
    (crc,) = _CRC.unpack_from(data, _FRAME.size)
    payload = data[FRAME_HEADER_BYTES:BATCH_HEAD_BYTES]
    if not checksum_holds(data[: _FRAME.size], payload, crc):
        return None
    boot, synced_to, count, size_bytes = _BATCH.unpack(payload)
    return BatchHead(offset, seq, synced_to, count, size_bytes) if boot == boot_id else None


def _frame(body: bytes, at: int, offset: int, seq: int) -> Frame | Damage:
    if len(body) - at < FRAME_HEADER_BYTES:
        return Damage(offset, seq, "the batch is cut short")
    header = body[at : at + _FRAME.size]
    magic, version, kind, reserved, length, found = _FRAME.unpack(header)
    if magic != MAGIC or version != VERSION or reserved:
        return Damage(offset, seq, "no frame begins here")
    (crc,) = _CRC.unpack_from(body, at + _FRAME.size)
    start = at + FRAME_HEADER_BYTES
    if len(body) - start < length:
        return Damage(offset, seq, "the batch is cut short")
    payload = body[start : start + length]
    if not checksum_holds(header, payload, crc):
        return Damage(offset, seq, "the record's checksum does not match")
    if found != seq or kind == BATCH_KIND:
        return Damage(offset, seq, f"record {found} of kind {kind} stands here, not {seq}")
    return Frame(offset, kind, seq, payload)


def _payload(body: bytes, at: int, seq: int) -> bytes | None:
    """The damaged frame's payload if its header still tells where the next frame begins."""
    if len(body) - at < FRAME_HEADER_BYTES:
        return None
    magic, version, _, reserved, length, found = _FRAME.unpack_from(body, at)
    start = at + FRAME_HEADER_BYTES
    if (magic, version, reserved, found) != (MAGIC, VERSION, 0, seq):
        return None
    return body[start : start + length] if length <= len(body) - start else None
