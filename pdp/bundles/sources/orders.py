"""What is said to the process that fetches, and what it says back: frames of bytes, both ways.

A frame is its length, 8 bytes, big-endian, and then MessagePack.
"""

from __future__ import annotations

import struct
from typing import Final, Protocol, TypeAlias

import msgspec

from pdp.bundles.sources.fetching import BYTES_MAX, Failure, Fetched, Options
from pdp.bundles.sources.uri import Kind

_LENGTH: Final = struct.Struct(">Q")
LENGTH_BYTES: Final = _LENGTH.size
# A bundle file, and what is said with it.
FRAME_BYTES_MAX: Final = BYTES_MAX + 65_536


class Order(msgspec.Struct, frozen=True):
    """Bring what is at ``uri``, or put ``data`` there, within ``timeout_s``.

    With ``poll_s``, the place may take that long to answer that nothing changed.
    """

    kind: Kind
    uri: str
    shown: str
    options: Options
    timeout_s: float
    known: str | None = None
    poll_s: int | None = None
    data: bytes | None = None


class Brought(msgspec.Struct, frozen=True, tag=True):
    data: bytes
    version: str


class NothingNew(msgspec.Struct, frozen=True, tag=True):
    """It is still the known version."""


class Stored(msgspec.Struct, frozen=True, tag=True):
    """What was to be put is there."""


class NotDone(msgspec.Struct, frozen=True, tag=True):
    cause: Failure
    message: str


Answer: TypeAlias = Brought | NothingNew | Stored | NotDone


class Carrier(Protocol):
    """A module of one kind of place: ``http``, ``objects`` or ``oci``."""

    def fetch(self, order: Order) -> Fetched | None: ...

    def put(self, order: Order, data: bytes) -> None: ...


class BadFrame(Exception):
    """Bytes that the other side never sends."""


def frame_of(message: Order | Answer) -> bytes:
    body = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(body)) + body


def length_of(head: bytes) -> int:
    """The length of the body that follows. Raises BadFrame."""
    if len(head) != LENGTH_BYTES:
        raise BadFrame
    (length,) = _LENGTH.unpack(head)
    if length > FRAME_BYTES_MAX:
        raise BadFrame
    return int(length)


def order_from(body: bytes) -> Order:
    """Raises BadFrame."""
    try:
        return msgspec.msgpack.decode(body, type=Order)
    except msgspec.MsgspecError:
        raise BadFrame from None


def answer_from(body: bytes | bytearray) -> Answer:
    """Raises BadFrame."""
    try:
        answer: Answer = msgspec.msgpack.decode(body, type=Answer)
    except msgspec.MsgspecError:
        raise BadFrame from None
    return answer
