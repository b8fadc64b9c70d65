"""JSON to values by declared type, carefully: what is accepted, and what each refusal says.

The definition that ``decoder`` beside it must agree with wherever it answers. Never shows a value.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar, assert_never

from msgspec import UNSET

from pdp import canonical
from pdp.canonical import CanonicalError, Number, Tree
from pdp.eval.facts import attribute_name
from pdp.eval.reading.records import RecordTypes
from pdp.lang.types import (
    DECIMAL_DIGITS,
    DECIMAL_UNITS_MAX,
    INT_MAX,
    INT_MIN,
    IPV6_BASE,
    CollT,
    EntityT,
    EnumT,
    FieldT,
    Prim,
    RecordT,
    Type,
)
from pdp.model import ID_CHARS_MAX, RequestError

ValueT = TypeVar("ValueT")

# Every pattern is ASCII and matches the whole text.
DECIMAL_TEXT: Final = re.compile(r"(-?(?:0|[1-9][0-9]{0,13}))(?:\.([0-9]{1,4}))?", re.ASCII)
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
DURATION_TEXT: Final = re.compile(r"([0-9]{1,19})(ms|s|m|h|d)", re.ASCII)
TIMESTAMP_TEXT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(?:\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])",
    re.ASCII,
)
_UNIT_US: Final = {
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TIMESTAMP_US_MIN: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_TIMESTAMP_US_MAX: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_MEMBERS_SHOWN_MAX: Final = 8
_NO_SEGMENTS: Final = frozenset({"", ".", ".."})
# The longest network is eight groups of four digits, a slash and three digits.
_ADDRESS_CHARS_MAX: Final = 43


def decimal_units(text: str) -> int:
    """``12.5`` to 125_000 units of 1/10,000. ValueError unless plain digits within 14 + 4."""
    match = DECIMAL_TEXT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    units = int(match[1] + (match[2] or "").ljust(DECIMAL_DIGITS, "0"))
    if abs(units) > DECIMAL_UNITS_MAX:
        raise ValueError(text)
    return units


def timestamp_us(text: str) -> int:
    """RFC 3339 with zone to microseconds since 1970 UTC. ValueError for any other spelling.

    ``T`` and ``Z`` are capitals, a second is 00..59, the instant lies in the years 1..9999 of UTC.
    """
    if not TIMESTAMP_TEXT.fullmatch(text):
        raise ValueError(text)
    us = (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    if not _TIMESTAMP_US_MIN <= us <= _TIMESTAMP_US_MAX:
        raise ValueError(text)
    return us


def duration_us(text: str) -> int:
    """``15m`` to microseconds. ValueError past int64 or for other units than ms, s, m, h, d."""
    match = DURATION_TEXT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    us = int(match[1]) * _UNIT_US[match[2]]
    if us > INT_MAX:
        raise ValueError(text)
    return us


def path_text(text: str) -> str:
    """A normalised absolute path, as it is. ValueError for any other spelling, or a NUL in it."""
    if text != "/":
        root, *segments = text.split("/")
        if root or not segments or not _NO_SEGMENTS.isdisjoint(segments) or "\0" in text:
            raise ValueError(text)
    return text


def ip_number(text: str) -> int:
    """An address to its number, IPv6 from 2**128 on. ValueError unless in canonical form.

    IPv4-mapped IPv6 and zone ids are refused: both are second names of something else.
    """
    if len(text) > _ADDRESS_CHARS_MAX:
        raise ValueError(text)
    address = ipaddress.ip_address(text)
    if not is_canonical(address, text):
        raise ValueError(text)
    return _number(address)


def cidr_range(text: str) -> tuple[int, int]:
    """A network to its first and last address number. ValueError unless in canonical form."""
    if len(text) > _ADDRESS_CHARS_MAX:
        raise ValueError(text)
    network = ipaddress.ip_network(text)
    if not is_canonical(network, text):
        raise ValueError(text)
    first = _number(network.network_address)
    return first, first + network.num_addresses - 1


def is_canonical(found: object, text: str) -> bool:
    """Whether ``text`` is the one spelling of what was found in it."""
    return str(found) == text


def _number(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    if isinstance(address, ipaddress.IPv4Address):
        return int(address)
    if address.ipv4_mapped is not None or address.scope_id is not None:
        raise ValueError(str(address))
    return IPV6_BASE + int(address)


def entity_uid(type_name: str, id_: str) -> str:
    """``Type::id`` for a reference. ValueError unless ``id_`` is an identifier (never empty)."""
    if not id_:
        raise ValueError(id_)
    if not (id_.isascii() and id_.isprintable() and len(id_) <= ID_CHARS_MAX):
        canonical.check_identifier(id_, "", ID_CHARS_MAX)
    return f"{type_name}::{id_}"


def identity(value: Any) -> Any:
    """Something hashable that is equal for equal values of one declared type."""
    if isinstance(value, tuple):
        return tuple([identity(item) for item in value])
    if hasattr(value, "__struct_fields__"):
        return tuple([identity(getattr(value, name)) for name in value.__struct_fields__])
    return value


def strict_object(text: str, path: str) -> dict[str, Tree]:
    """Strict JSON object text to a tree. Raises RequestError with the path below ``path``."""
    try:
        return canonical.parse_object(text)
    except CanonicalError as error:
        raise RequestError(str(error), _below(path, error.path)) from None


def read_record(
    tree: dict[str, Tree], fields: tuple[FieldT, ...], types: RecordTypes, path: str, name: str = ""
) -> Any:
    """A record of ``fields`` from a strict tree. Raises RequestError naming the place at fault."""
    wires = {field.wire for field in fields}
    for member in tree:
        if member not in wires:
            raise RequestError("unknown member", _below(path, member))
    values = {}
    for field in fields:
        where = _below(path, field.wire)
        if field.wire in tree:
            values[attribute_name(field.name)] = (
                UNSET
                if tree[field.wire] is None and field.nullable
                else read_value(tree[field.wire], field.type, types, where)
            )
        elif not field.optional:
            raise RequestError("is missing", where)
    return types.of(fields, name)(**values)


def read_value(tree: Tree, type_: Type, types: RecordTypes, path: str) -> Any:
    """One value of ``type_``. Raises RequestError."""
    if tree is None:
        raise RequestError("is null; leave it out instead", path)
    match type_:
        case Prim():
            return READERS[type_.name](tree, path)
        case EnumT():
            return _member(tree, type_, path)
        case EntityT():
            (name,) = type_.names
            return _reference(tree, name, path)
        case CollT():
            return _collection(tree, type_, types, path)
        case RecordT():
            if not isinstance(tree, dict):
                raise RequestError("expected an object", path)
            return read_record(tree, type_.fields, types, path, type_.name)
        case _:
            assert_never(type_)


def _bool(tree: Tree, path: str) -> bool:
    if not isinstance(tree, bool):
        raise RequestError("expected true or false", path)
    return tree


def _int(tree: Tree, path: str) -> int:
    if not isinstance(tree, Number) or "." in tree:
        raise RequestError("expected an integer", path)
    if not _INTEGER.fullmatch(tree) or not INT_MIN <= int(tree) <= INT_MAX:
        raise RequestError("an integer past 64 bits", path)
    return int(tree)


def _decimal(tree: Tree, path: str) -> int:
    if not isinstance(tree, str):
        raise RequestError(_EXPECTED_DECIMAL, path)
    return _converted(decimal_units, str(tree), _EXPECTED_DECIMAL, path)


def _text(tree: Tree, path: str) -> str:
    if not isinstance(tree, str) or isinstance(tree, Number):
        raise RequestError("expected a string", path)
    return tree


def _timestamp(tree: Tree, path: str) -> int:
    return _converted(timestamp_us, _text(tree, path), _EXPECTED_TIMESTAMP, path)


def _duration(tree: Tree, path: str) -> int:
    return _converted(duration_us, _text(tree, path), _EXPECTED_DURATION, path)


def _path(tree: Tree, path: str) -> str:
    return _converted(path_text, _text(tree, path), _EXPECTED_PATH, path)


def _ip(tree: Tree, path: str) -> int:
    return _converted(ip_number, _text(tree, path), _EXPECTED_IP, path)


def _cidr(tree: Tree, path: str) -> tuple[int, int]:
    return _converted(cidr_range, _text(tree, path), _EXPECTED_CIDR, path)


def _json(_tree: Tree, _path: str) -> bool:
    """Any strict value but null; nothing can be asked of it but that it is there."""
    return True


def _reference(tree: Tree, type_name: str, path: str) -> str:
    try:
        return entity_uid(type_name, _text(tree, path))
    except CanonicalError as error:
        raise RequestError(str(error), path) from None
    except ValueError:
        raise RequestError("is empty", path) from None


def _member(tree: Tree, type_: EnumT, path: str) -> str | int:
    text = _text(tree, path)
    spellings = type_.spellings
    if text not in spellings:
        shown = ", ".join([f"`{name}`" for name in spellings[:_MEMBERS_SHOWN_MAX]])
        more = ", …" if len(spellings) > _MEMBERS_SHOWN_MAX else ""
        raise RequestError(f"expected one of {shown}{more}", path)
    rank = spellings.index(text)
    return rank if type_.ordered else type_.members[rank]


def _collection(tree: Tree, type_: CollT, types: RecordTypes, path: str) -> tuple[Any, ...]:
    if not isinstance(tree, list):
        raise RequestError("expected an array", path)
    if len(tree) < type_.lo:
        raise RequestError(f"has fewer than {type_.lo} items", path)
    if len(tree) > type_.hi:
        raise RequestError(f"has more than {type_.hi} items", path)
    items = tuple(
        [read_value(item, type_.item, types, f"{path}[{n}]") for n, item in enumerate(tree)]
    )
    if type_.kind == "set" and not all_distinct(items):
        raise RequestError("holds an item twice", path)
    return items


def all_distinct(items: Iterable[Any]) -> bool:
    """Whether no two items, values of one declared type, are equal."""
    keys = [identity(item) for item in items]
    return len(set(keys)) == len(keys)


def _converted(convert: Callable[[str], ValueT], text: str, expected: str, path: str) -> ValueT:
    try:
        return convert(text)
    except ValueError:
        raise RequestError(expected, path) from None


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


_EXPECTED_DECIMAL: Final = (
    "expected a decimal: a number, or a string of its digits, with at most 14 digits before"
    " and 4 after the point"
)
_EXPECTED_TIMESTAMP: Final = "expected a timestamp with zone such as `2026-03-02T10:00:00Z`"
_EXPECTED_DURATION: Final = "expected a duration such as `15m` (ms, s, m, h, d)"
_EXPECTED_PATH: Final = (
    "expected a path: absolute, and normalised (no empty, `.` or `..` segment), such as `/srv/app`"
)
_EXPECTED_IP: Final = (
    "expected an IP address in its canonical form such as `10.1.2.3` or `2001:db8::1`"
)
_EXPECTED_CIDR: Final = (
    "expected a network in its canonical form such as `10.0.0.0/8` or `2001:db8::/32`"
)
READERS: Final[dict[str, Callable[[Tree, str], Any]]] = {
    "bool": _bool,
    "int": _int,
    "decimal": _decimal,
    "string": _text,
    "timestamp": _timestamp,
    "duration": _duration,
    "path": _path,
    "ip": _ip,
    "cidr": _cidr,
    "json": _json,
}
