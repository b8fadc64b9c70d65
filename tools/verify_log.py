"""Verify a decision log without trusting the program that wrote it. One file, none of its code.

Needs Python 3.11 and, to check signatures, `cryptography`. Reads the format as docs/decision-log.md
describes it, and finds the first thing that is wrong with the log itself, or every receipt and
checkpoint kept elsewhere that it does not bear out.

    python verify_log.py DIR [--key HEX]... [--anchor FILE]... [--receipt FILE]...

Exit codes: 0 all is as it must be, 1 something is wrong, 2 wrong use.
"""

import argparse
import base64
import hashlib
import json
import struct
import sys
import zlib
from pathlib import Path

SEGMENT = struct.Struct(">8sHHI16s16sQQQ32s64s84s")
FRAME = struct.Struct(">4sBBHIQ")
BATCH = struct.Struct(">16sQIQ")
SEGMENT_MAGIC, FRAME_MAGIC = b"\xc7\xd1CHLOG\n", b"\xc7\xd1LF"
CHECKPOINT = 14
NOTE_TAG, MORE = 2 << 3 | 2, 128  # protobuf: field 2, bytes; another byte follows
ROOT_LINE = 2
EM_DASH = "\u2014"
Heads = dict[int, tuple[str, bytes]]  # by size: origin, root
Receipts = dict[int, tuple[str, str]]  # by number: log id, leaf hash


class Wrong(Exception):
    """The log, or something kept of it, is not what it must be."""


class Roots:
    """The Merkle tree of RFC 6962: hashes of its complete subtrees, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        bits = self.size
        while bits & 1:
            leaf = hashlib.sha256(b"\x01" + self.peaks.pop() + leaf).digest()
            bits >>= 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        node = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            node = hashlib.sha256(b"\x01" + peak + node).digest()
        return node


def opened(note: str, keys: list[bytes]) -> tuple[str, int, bytes]:
    """(origin, size, root) of a C2SP checkpoint; signed by one of the keys, if there are any."""
    body, gap, signatures = note.rpartition("\n\n")
    lines = body.split("\n")
    if not gap or len(lines) <= ROOT_LINE or not lines[1].isdecimal() or not lines[1].isascii():
        raise Wrong("not a checkpoint")
    origin, size, root = lines[0], int(lines[1]), base64.b64decode(lines[ROOT_LINE], validate=True)
    if keys and not any(signed(f"{body}\n", origin, signatures, key) for key in keys):
        raise Wrong(f"the checkpoint of {size} records is signed by none of the keys given")
    return origin, size, root


def signed(body: str, origin: str, signatures: str, key: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only where keys are
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    key_id = hashlib.sha256(origin.encode() + b"\n\x01" + key).digest()[:4]
    for line in signatures.splitlines():
        dash, _, rest = line.partition(" ")
        name, _, text = rest.partition(" ")
        data = base64.b64decode(text, validate=True)
        if dash != EM_DASH or name != origin or data[:4] != key_id:
            continue
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(key).verify(data[4:], body.encode())
        except InvalidSignature:
            continue
        return True
    return False


def note_in(payload: bytes) -> str:
    """Field 2 of a checkpoint record: protobuf, read by hand."""
    at = 0
    while at < len(payload):
        tag, at = varint(payload, at)
        value, at = varint(payload, at)
        if tag == NOTE_TAG:
            return payload[at : at + value].decode()
        at += value if tag & 7 == NOTE_TAG & 7 else 0
    raise Wrong("a checkpoint record without a checkpoint")


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < MORE:
            return value, at


class Log:
    """One pass over a log's files."""

    def __init__(
        self, directory: Path, keys: list[bytes], heads: Heads, receipts: Receipts
    ) -> None:
        self.directory, self.keys, self.heads, self.receipts = directory, keys, heads, receipts
        self.tree, self.log_id, self.checkpoints = Roots(), b"", 0
        self.before = (0, bytes(32))

    def read(self) -> None:
        segments = sorted(self.directory.glob("*.seg"))
        if not segments:
            raise Wrong(f"there is no log in {self.directory}")
        for index, path in enumerate(segments, start=1):
            if path.name != f"{index:010d}.seg":
                raise Wrong(f"segment {index} is missing: {path.name} follows")
            data = path.read_bytes()
            try:
                self.segment(index, data, is_last=index == len(segments))
            except Wrong as wrong:
                raise Wrong(f"{path.name}: record {self.tree.size + 1}: {wrong}") from None
            self.before = (len(data), self.tree.root())
        self.kept()

    def segment(self, index: int, data: bytes, *, is_last: bool) -> None:
        if len(data) < SEGMENT.size + 4:
            raise Wrong("the header is cut short")
        head = data[: SEGMENT.size]
        magic, version, zero, number, log_id, boot, _, first, size, root, _, rest = SEGMENT.unpack(
            head
        )
        if zlib.crc32(head) != int.from_bytes(data[SEGMENT.size : SEGMENT.size + 4], "big"):
            raise Wrong("the header's checksum does not match")
        if (magic, version, zero, number, rest) != (SEGMENT_MAGIC, 1, 0, index, bytes(84)):
            raise Wrong("the header is not one of this format, or of another segment")
        self.log_id = self.log_id or log_id
        if (log_id, first, size, root) != (self.log_id, self.tree.size + 1, *self.before):
            raise Wrong("it does not continue the segment before")
        at = SEGMENT.size + 4
        while at < len(data) and any(data[at : at + 60]):
            at = self.batch(data, at, boot)
        if data[at:].strip(b"\x00") or (not is_last and at != len(data)):
            raise Wrong(f"bytes that belong to no record, at {at}")

    def batch(self, data: bytes, at: int, boot: bytes) -> int:
        kind, seq, head, at = frame(data, at)
        if kind or len(head) != BATCH.size:
            raise Wrong("no batch begins here")
        named, synced, count, size = BATCH.unpack(head)
        if named != boot or seq != self.tree.size + 1 or synced >= seq or not count:
            raise Wrong("the batch is not the one that follows")
        end = at + size
        for _ in range(count):
            start = at
            kind, seq, payload, at = frame(data, at)
            if not kind or seq != self.tree.size + 1:
                raise Wrong(f"another record stands at {start}")
            self.record(kind, seq, payload)
        if at != end:
            raise Wrong("the batch is longer than its records")
        return at

    def record(self, kind: int, seq: int, payload: bytes) -> None:
        if kind == CHECKPOINT:
            origin, size, root = opened(note_in(payload), self.keys)
            if (origin, size, root) != (self.origin(), self.tree.size, self.tree.root()):
                raise Wrong("the checkpoint is not of the records before it")
            self.checkpoints += 1
        data = bytes((0, kind)) + seq.to_bytes(8, "big") + payload
        leaf = hashlib.sha256(data).digest()
        self.tree.add(leaf)
        if seq in self.receipts and self.receipts.pop(seq) != (self.log_id.hex(), leaf.hex()):
            raise Wrong("the record is not the one that its receipt names")
        if seq in self.heads and self.heads.pop(seq) != (self.origin(), self.tree.root()):
            raise Wrong(f"a checkpoint of {seq} records kept elsewhere is of other records")

    def origin(self) -> str:
        return f"pdp-decision-log/{self.log_id.hex()}"

    def kept(self) -> None:
        if beyond := {*self.receipts, *self.heads} - {0}:
            raise Wrong(
                f"the end is missing: {self.tree.size} records, and {min(beyond)} was kept outside"
            )


def frame(data: bytes, at: int) -> tuple[int, int, bytes, int]:
    """(kind, seq, payload, where it ends) of the frame that begins at ``at``."""
    end = at + FRAME.size
    if end + 4 > len(data):
        raise Wrong(f"the log is cut short at {at}")
    magic, version, kind, zero, length, seq = FRAME.unpack_from(data, at)
    payload = data[end + 4 : end + 4 + length]
    if (magic, version, zero) != (FRAME_MAGIC, 1, 0) or len(payload) != length:
        raise Wrong(f"no record begins at {at}")
    crc = zlib.crc32(payload, zlib.crc32(data[at:end]))
    if crc != int.from_bytes(data[end : end + 4], "big"):
        raise Wrong(f"the checksum of the record at {at} does not match")
    return kind, seq, payload, end + 4 + length


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--key", type=bytes.fromhex, action="append", default=[])
    parser.add_argument("--anchor", type=Path, action="append", default=[], help="JSON lines")
    parser.add_argument("--receipt", type=Path, action="append", default=[], help="JSON lines")
    given = parser.parse_args()
    try:
        heads: Heads = {}
        receipts: Receipts = {}
        for item in lines_of(given.anchor):
            origin, size, root = opened(item["checkpoint"], given.key)
            keep_head(heads, origin, size, root)
        for item in lines_of(given.receipt):
            receipts[int(item["seq"])] = (item["log_id"], item["leaf_hash"])
        log = Log(given.directory, given.key, heads, receipts)
        log.read()
    except (Wrong, ValueError, KeyError, IndexError, OSError) as wrong:
        sys.exit(f"WRONG: {wrong}")
    checked = "signatures checked" if given.key else "signatures NOT checked: no --key"
    print(f"ok: log {log.log_id.hex()}, {log.tree.size} records, root {log.tree.root().hex()}")
    print(f"{log.checkpoints} checkpoints inside, {checked}")


def keep_head(heads: Heads, origin: str, size: int, root: bytes) -> None:
    if heads.setdefault(size, (origin, root)) != (origin, root):
        raise Wrong(f"two checkpoints of {size} records contradict each other")


def lines_of(paths: list[Path]) -> list[dict[str, str]]:
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


if __name__ == "__main__":
    main()
