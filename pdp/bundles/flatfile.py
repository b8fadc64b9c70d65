"""The bytes of a bundle file: a head, the envelope, then the files one after another. Pure.

The head is {magic, version, reserved, envelope length}, 16 bytes, big-endian. Names, lengths and
hashes stand in the signed manifest alone, so nothing here can contradict it. Limits are checked
before anything is read or written.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from pdp.bundles.envelope import BYTES_MAX as ENVELOPE_BYTES_MAX
from pdp.bundles.refusal import Cause, refuse
from pdp.canonical import CanonicalError, check_identifier

VERSION: Final = 1
# Its first two bytes follow each other in no UTF-8 text.
MAGIC: Final = b"\xc7\xd1CHBNDL"
TOTAL_BYTES_MAX: Final = 64 * 1024 * 1024
FILES_MAX: Final = 256
NAME_BYTES_MAX: Final = 200

_HEAD: Final = struct.Struct(">8sHHI")
HEAD_BYTES: Final = _HEAD.size
_PIECE_BYTES: Final = 65_536


class Stream(Protocol):
    """Where bytes come from: at most so many at a time, none at the end."""

    def read(self, size: int, /) -> bytes: ...


def read_limited(stream: Stream) -> bytes:
    """All bytes of a bundle file, or BundleRefused (too large) however many more would follow."""
    pieces: list[bytes] = []
    size = 0
    while piece := stream.read(min(_PIECE_BYTES, TOTAL_BYTES_MAX + 1 - size)):
        pieces.append(piece)
        size += len(piece)
        check_total(size)
    return b"".join(pieces)


def write(envelope: bytes, files: Mapping[str, bytes], names: Sequence[str]) -> bytes:
    """A bundle file: the same bytes for the same arguments. ``names`` is the manifest's order.

    Raises BundleRefused for what ``split`` would refuse.
    """
    check_names(names)
    if set(names) != files.keys():
        refuse(Cause.MALFORMED, "the files are not the ones that the manifest names")
    if len(envelope) > ENVELOPE_BYTES_MAX:
        refuse(Cause.TOO_LARGE, f"the envelope is larger than {ENVELOPE_BYTES_MAX} bytes")
    check_total(HEAD_BYTES + len(envelope) + sum(map(len, files.values())))
    head = _HEAD.pack(MAGIC, VERSION, 0, len(envelope))
    return b"".join((head, envelope, *(files[name] for name in names)))


def split(data: bytes) -> tuple[bytes, bytes]:
    """The envelope, and the bytes of all files. Raises BundleRefused (too large, malformed)."""
    check_total(len(data))
    if len(data) < HEAD_BYTES:
        refuse(Cause.MALFORMED, "the bundle file ends within its head")
    magic, version, reserved, length = _HEAD.unpack_from(data)
    if magic != MAGIC:
        refuse(Cause.MALFORMED, "not a bundle file")
    if version != VERSION:
        refuse(Cause.MALFORMED, f"bundle file version {version} is not known here")
    if reserved:
        refuse(Cause.MALFORMED, "a reserved place of the bundle file's head is not zero")
    if length > ENVELOPE_BYTES_MAX:
        refuse(Cause.TOO_LARGE, f"the envelope is larger than {ENVELOPE_BYTES_MAX} bytes")
    end = HEAD_BYTES + length
    if len(data) < end:
        refuse(Cause.MALFORMED, "the bundle file ends within its envelope")
    return data[HEAD_BYTES:end], data[end:]


def cut(body: bytes, lengths: Sequence[tuple[str, int]]) -> dict[str, bytes]:
    """The files by name; ``lengths`` (name, bytes) are the manifest's, in its order.

    Raises BundleRefused (wrong length) unless they are exactly all of ``body``.
    """
    declared = sum(length for _, length in lengths)
    if declared != len(body):
        refuse(
            Cause.WRONG_LENGTH,
            f"the manifest declares files of {declared} bytes, and {len(body)} bytes are there",
        )
    files: dict[str, bytes] = {}
    at = 0
    for name, length in lengths:
        files[name] = body[at : at + length]
        at += length
    return files


def check_total(size: int) -> None:
    """Raise BundleRefused (too large) for a bundle file of more than 64 MiB."""
    if size > TOTAL_BYTES_MAX:
        refuse(Cause.TOO_LARGE, f"the bundle file is larger than {TOTAL_BYTES_MAX} bytes")


def check_names(names: Sequence[str]) -> None:
    """Raise BundleRefused unless each is a plain relative posix path and no two could meet.

    Two names meet if they differ only in case or in Unicode form, or if one is a folder of another.
    """
    if len(names) > FILES_MAX:
        refuse(Cause.TOO_LARGE, f"more than {FILES_MAX} files")
    for name in names:
        _check_name(name)
    folded = [_folded(name) for name in names]
    if len(set(folded)) != len(folded):
        refuse(Cause.MALFORMED, "two files have the same name")
    if not set(folded).isdisjoint(_folders(folded)):
        refuse(Cause.MALFORMED, "a file has the name of a folder")


def _check_name(name: str) -> None:
    # Counted in characters first: encoding a lone surrogate fails, and the next check finds it.
    if len(name) > NAME_BYTES_MAX or len(name.encode(errors="replace")) > NAME_BYTES_MAX:
        refuse(Cause.TOO_LARGE, f"a file's name is longer than {NAME_BYTES_MAX} bytes")
    try:
        check_identifier(name, "name")
    except CanonicalError as error:
        refuse(Cause.MALFORMED, f"a file's name {error}")
    if "\\" in name or any(part in ("", ".", "..") for part in name.split("/")):
        refuse(Cause.MALFORMED, f"`{name}` is not a plain relative path")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _folders(names: Iterable[str]) -> set[str]:
    return {
        "/".join(parts[:depth])
        for parts in (name.split("/") for name in names)
        for depth in range(1, len(parts))
    }
