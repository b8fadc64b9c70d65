"""Requests that are refused, as bytes, each with our name for the cause and words of the reason."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from pdp import model
from pdp._proto import decision_pb2 as pb
from pdp.model import Entity
from tests.service import questions as ask

# A field of each wire type, with a number that no message has.
UNKNOWN_FIELDS: Final = [b"\xc0>\x01", b"\xc2>\x01x", b"\xc5>\0\0\0\0", b"\xc1>" + bytes(8)]


def wrong(**changes: Any) -> bytes:
    message = ask.message(ask.ALLOW)
    for name, value in changes.items():
        setattr(message, name, value)
    return message.SerializeToString()


def nested(name: str) -> bytes:
    """The allowed request with an unknown field inside one of its messages."""
    message = ask.message(replace(ask.ALLOW, tool=model.ToolIdentity("s", "t")))
    message.session.session_id = "s"
    message.entities.add(type="Account", id="a-1")
    inner = getattr(message, name)
    (inner[0] if name in ("on_behalf_of", "entities") else inner).MergeFromString(UNKNOWN_FIELDS[0])
    return message.SerializeToString()


def with_now() -> bytes:
    message = ask.message(ask.ALLOW)
    message.now.GetCurrentTime()
    return message.SerializeToString()


def many(name: str, count: int) -> bytes:
    message = ask.message(ask.ALLOW)
    for index in range(count):
        getattr(message, name).add(type="User", id=f"u{index}")
    return message.SerializeToString()


REFUSED: Final = {
    "nothing": (b"", "invalid_request", "principal: is missing"),
    "no protobuf": (b"\xff\xff", "malformed_message", "no DecideRequest message"),
    "text that is not UTF-8": (b"\x0a\x01\xff", "malformed_message", "no DecideRequest message"),
    "too large": (
        wrong(args='{"note":"' + "a" * model.REQUEST_BYTES_MAX + '"}'),
        "request_too_large",
        "larger than 262144 bytes",
    ),
    "now": (with_now(), "invalid_request", "now: is the PDP's to say; leave it out"),
    "no action": (wrong(action=""), "invalid_request", "action: is missing"),
    "no principal": (
        pb.DecideRequest(action="pay__refund").SerializeToString(),
        "invalid_request",
        "principal: is missing",
    ),
    "missing field": (wrong(args="{}"), "invalid_request", "args.amount: "),
    "unknown member": (
        wrong(args='{"amount":"1.00","amout":1}'),
        "invalid_request",
        "args",
    ),
    "null": (wrong(args='{"amount":null}'), "invalid_request", "args.amount: "),
    "not JSON": (wrong(args="{"), "invalid_request", "args: not valid JSON"),
    "duplicate key": (wrong(args='{"amount":1,"amount":2}'), "invalid_request", "duplicate"),
    "attributes of a directory type": (
        ask.data(replace(ask.ALLOW, principal=Entity("Agent", "bot", '{"owner":"ann"}'))),
        "invalid_request",
        "principal: `Agent` is described by the directory only",
    ),
    "groups of a directory type": (
        ask.data(replace(ask.ALLOW, principal=Entity("Agent", "bot", "{}", ("Team::leads",)))),
        "invalid_request",
        "principal: `Agent` is described by the directory only",
    ),
    "chain too long": (many("on_behalf_of", 20), "invalid_request", "on_behalf_of: has more than"),
    "too many entities": (many("entities", 257), "invalid_request", "entities: has more than 256"),
    "bidirectional control": (
        wrong(request_id="a\u202eb"),
        "invalid_request",
        "request_id: holds a control, invisible or bidirectional character",
    ),
    "salt too short": (wrong(digest_salt=b"1"), "invalid_request", "digest_salt: must be 16"),
    **{
        f"unknown field {index}": (ask.data(ask.ALLOW) + field, "invalid_request", "does not know")
        for index, field in enumerate(UNKNOWN_FIELDS)
    },
    **{
        f"unknown field in {name}": (nested(name), "invalid_request", "does not know")
        for name in ("principal", "on_behalf_of", "resource", "session", "tool", "entities")
    },
    # `action` sent as a number.
    "known field, wrong wire type": (
        ask.data(ask.ALLOW) + b"\x20\x01",
        "invalid_request",
        "does not know",
    ),
}  # fmt: skip
