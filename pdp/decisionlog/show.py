"""Records for people and programs: find one, follow the newest, render as JSON. Reads only.

Queries by person, policy, cause or time, and exports, are in ``pdp.audit``.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeAlias

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from pdp import canonical
from pdp._proto import log_pb2
from pdp.canonical import CanonicalError, Number, Tree
from pdp.decisionlog import reader, record
from pdp.decisionlog.reader import Cursor
from pdp.decisionlog.record import Kind, Record

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

POLL_S: Final = 0.2
# What makes text look other than it is, and surrogates.
_HIDDEN: Final = re.compile(f"[{canonical.HIDDEN_CHARACTERS}\ud800-\udfff]")
_BMP_MAX: Final = 0xFFFF
# Fields whose text is JSON: shown as what it says.
_JSON_FIELDS: Final = frozenset(
    {
        "pdp.v1.DecideRequest.args",
        "pdp.v1.DecideRequest.context",
        "pdp.v1.Entity.attributes",
        "pdp.v1.ShownValue.value",
        "pdp.v1.Setting.value",
    }
)
ENUM_PREFIXES: Final = {
    "pdp.v1.Effect": "EFFECT_",
    "pdp.v1.DenyCause": "DENY_CAUSE_",
    "pdp.v1.NextAction": "NEXT_ACTION_",
    "pdp.v1.StopKind": "STOP_KIND_",
    "pdp.v1.OutcomeStatus": "OUTCOME_STATUS_",
}


def find(directory: Path, wanted: str | int) -> Record | None:
    """The record with that decision id or sequence number (also as digits), or None.

    Raises LogCorrupt if damage stands before it, LogMissing without a log.
    """
    if isinstance(wanted, int) or (wanted.isascii() and wanted.isdigit()):
        return _find_seq(directory, int(wanted))
    needle = wanted.encode(errors="replace")
    for item in reader.records(directory):
        if item.kind is Kind.DECISION and needle in item.payload:
            message = record.parse(item.kind, item.payload)
            if isinstance(message, log_pb2.DecisionRecord) and message.decision_id == wanted:
                return item
    return None


def tail(directory: Path, count: int, *, follow: bool = False) -> Iterator[Record]:
    """The last ``count`` records, oldest first; then, with ``follow``, each new one, without end.

    Raises LogCorrupt, LogMissing.
    """
    if not follow:
        yield from reader.last_records(directory, count)
        return
    last = reader.last_records(directory, max(count, 1))
    yield from last if count > 0 else ()
    seen = last[-1].seq if last else 0
    with Cursor(directory, reader.segment_of(directory, seen)) as cursor:
        while True:
            batch = cursor.advance()
            if batch is None:
                time.sleep(POLL_S)
                continue
            yield from (item for item in batch if item.seq > seen)


def record_to_json(item: Record) -> dict[str, Json]:
    r"""One record as JSON-able data: the names of the contract, enum members in lower case.

    JSON text inside a request is given as what it says, if it parses; a number that a float would
    change is given as a string of its digits. Control and bidirectional characters are written as
    ``\u202e`` is here, so any way of printing the result is safe for a terminal.
    """
    shown: dict[str, Json] = {
        "seq": item.seq,
        "kind": item.kind.name.lower(),
        "leaf_hash": item.leaf_hash,
        "segment": item.segment,
        "offset": item.offset,
    }
    try:
        message = record.parse(item.kind, item.payload)
    except ValueError:
        return {**shown, "payload_hex": item.payload.hex()}
    shown["time"] = time_text(message.time_unix_ns)
    return shown | message_to_json(message)


def time_text(unix_ns: int) -> str:
    """Nanoseconds since 1970 as RFC 3339 in UTC, all nine digits; digits alone beyond year 9999."""
    seconds, rest = divmod(unix_ns, 1_000_000_000)
    try:
        date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    except (ValueError, OverflowError, OSError):
        return str(unix_ns)
    return f"{date}.{rest:09d}Z"


def escaped(text: str) -> str:
    """``text`` with every control, invisible and bidirectional character as its code point."""
    return _HIDDEN.sub(lambda match: _code_point(ord(match[0])), text)


def _code_point(number: int) -> str:
    return f"\\u{number:04x}" if number <= _BMP_MAX else f"\\U{number:08x}"


def _find_seq(directory: Path, seq: int) -> Record | None:
    if seq < 1:
        return None
    for item in reader.records(directory, reader.segment_of(directory, seq)):
        if item.seq >= seq:
            return item if item.seq == seq else None
    return None


def message_to_json(message: Message) -> dict[str, Json]:
    """The fields that are set, in the order of their numbers."""
    shown: dict[str, Json] = {}
    for field, value in message.ListFields():
        if field.is_repeated:
            shown[field.name] = [_value(field, item) for item in value]
        else:
            shown[field.name] = _value(field, value)
    return shown


def _value(field: FieldDescriptor, value: object) -> Json:
    match value:
        case Message():
            return message_to_json(value)
        case bytes():
            return base64.b64encode(value).decode()
        case str() if field.full_name in _JSON_FIELDS:
            return _inlined(value)
        case str():
            return escaped(value)
        case int() if field.enum_type is not None:
            return _enum_name(field.enum_type, value)
        case bool() | int() | float():
            return value
        case _:
            raise AssertionError(f"a field of an unexpected type: {field.full_name}")


def _enum_name(enum_type: EnumDescriptor, number: int) -> Json:
    """``allow`` for EFFECT_ALLOW; the number itself where this version has no name for it."""
    member = enum_type.values_by_number.get(number)
    if member is None:
        return number
    return member.name.removeprefix(ENUM_PREFIXES[enum_type.full_name]).lower()


def _inlined(text: str) -> Json:
    try:
        return _tree(canonical.parse(text))
    except CanonicalError:
        return escaped(text)


def _tree(tree: Tree) -> Json:
    match tree:
        case Number():
            return _number(tree)
        case str():
            return escaped(tree)
        case list():
            return [_tree(item) for item in tree]
        case dict():
            return {escaped(key): _tree(item) for key, item in tree.items()}
        case None | bool():
            return tree


def _number(digits: Number) -> int | float | str:
    text = str(digits)
    if "." not in text:
        return int(text)
    value = float(text)
    return value if Decimal(repr(value)) == Decimal(text) else text
