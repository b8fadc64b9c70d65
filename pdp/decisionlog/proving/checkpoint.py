"""Signed tree heads as text: C2SP tlog-checkpoint, a signed note of one Ed25519 signature. Pure.

The first line names the log, the second says how many records it has, the third is the root over
them in base64; after an empty line stands the signature. https://c2sp.org/tlog-checkpoint and
https://c2sp.org/signed-note say it in full. Other lines and other signatures (of witnesses) are
kept apart and do not disturb.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

NOTE_BYTES_MAX: Final = 8_192
ROOT_BYTES: Final = 32
_ED25519: Final = b"\x01"  # the algorithm, as signed-note numbers it
_HASH_BYTES: Final = 4
_SIGNATURE_BYTES: Final = 64
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SIGNATURE_LINE: Final = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/=]+)")


class Signer(Protocol):
    """A key that signs tree heads."""

    @property
    def public(self) -> bytes:
        """The 32 bytes of its public half."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes, by Ed25519."""


# (public key, signature, message): whether it holds.
Holds = Callable[[bytes, bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class Head:
    """What a checkpoint says: of which log, how many records, and their root (32 bytes)."""

    origin: str
    size: int
    root: bytes


class NotACheckpoint(ValueError):
    """The text is no checkpoint, or nobody who counts has signed it."""


def origin_of(log_id: str) -> str:
    """How checkpoints name the log with that id, in hex; also the name of the key that signs."""
    return f"pdp-decision-log/{log_id}"


def sign(head: Head, signer: Signer) -> str:
    """The checkpoint."""
    body = f"{head.origin}\n{head.size}\n{base64.b64encode(head.root).decode()}\n"
    signature = _key_hash(head.origin, signer.public) + signer.sign(body.encode())
    return f"{body}\n\u2014 {head.origin} {base64.b64encode(signature).decode()}\n"


def read(text: str) -> Head:
    """What a checkpoint says, whoever signed it. Raises NotACheckpoint."""
    return _split(text)[0]


def opened(text: str, public: bytes, holds: Holds) -> Head:
    """What a checkpoint says, signed by that key. Raises NotACheckpoint."""
    head, body, signatures = _split(text)
    expected = _key_hash(head.origin, public)
    for name, signature in signatures:
        if name != head.origin or signature[:_HASH_BYTES] != expected:
            continue
        given = signature[_HASH_BYTES:]
        if len(given) == _SIGNATURE_BYTES and holds(public, given, body.encode()):
            return head
        raise NotACheckpoint("the signature does not hold")
    raise NotACheckpoint("it is not signed by the key given")


def _split(text: str) -> tuple[Head, str, list[tuple[str, bytes]]]:
    if len(text.encode(errors="replace")) > NOTE_BYTES_MAX:
        raise NotACheckpoint(f"it is longer than {NOTE_BYTES_MAX} bytes")
    body, gap, after = text.rpartition("\n\n")
    lines = f"{body}\n".split("\n")[:-1]
    if not gap or len(lines) < 3 or not after.endswith("\n"):  # noqa: PLR2004 - the three lines
        raise NotACheckpoint("it has not the form of a checkpoint")
    origin, size, root = lines[:3]
    if not origin or _SIZE.fullmatch(size) is None:
        raise NotACheckpoint("it has not the form of a checkpoint")
    signatures = [_signature(line) for line in after[:-1].split("\n")]
    return Head(origin, int(size), _root(root)), f"{body}\n", signatures


def _signature(line: str) -> tuple[str, bytes]:
    match = _SIGNATURE_LINE.fullmatch(line)
    if match is None:
        raise NotACheckpoint("a line that is no signature stands among the signatures")
    return match[1], _base64(match[2])


def _root(text: str) -> bytes:
    root = _base64(text)
    if len(root) != ROOT_BYTES:
        raise NotACheckpoint("the root is not 32 bytes long")
    return root


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotACheckpoint("what should be base64 is not") from None
    # One spelling only: otherwise bits that no check covers could change.
    if base64.b64encode(data).decode() != text:
        raise NotACheckpoint("what should be base64 is not")
    return data


def _key_hash(name: str, public: bytes) -> bytes:
    """The key id of signed-note: the first four bytes of a hash over name, algorithm and key."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_HASH_BYTES]
