"""Bound values to the JSON text that approvers read; ``pdp.eval.reading`` reads it. Writes only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, assert_never

from msgspec import UNSET

from pdp import canonical
from pdp.canonical import Number, Tree
from pdp.eval.facts import attribute_name
from pdp.lang.types import (
    DECIMAL_DIGITS,
    DECIMAL_SCALE,
    IPV6_BASE,
    CollT,
    EntityT,
    EnumT,
    Prim,
    RecordT,
    Type,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS_US: Final = (
    (86_400_000_000, "d"),
    (3_600_000_000, "h"),
    (60_000_000, "m"),
    (1_000_000, "s"),
    (1_000, "ms"),
)


def shown_text(value: Any, type_: Type) -> str:
    """A bound value as JSON text, in the form in which requests carry its type."""
    return canonical.write(_tree(value, type_))


def _tree(value: Any, type_: Type) -> Tree:
    match type_:
        case Prim():
            return _primitive(value, type_.name)
        case EnumT():
            rank = value if type_.ordered else type_.members.index(value)
            return type_.spellings[rank]
        case EntityT():
            identifier: str = value.partition("::")[2]
            return identifier
        case CollT():
            return [_tree(item, type_.item) for item in value]
        case RecordT():
            members = [
                (field, getattr(value, attribute_name(field.name))) for field in type_.fields
            ]
            return {
                field.wire or field.name: _tree(member, field.type)
                for field, member in members
                if member is not UNSET
            }
        case _:
            assert_never(type_)


def _primitive(value: Any, name: str) -> Tree:
    match name:
        case "bool" | "json":
            # Of any JSON only its presence is known: that it is there is all that can be shown.
            return bool(value)
        case "int":
            return Number(value)
        case "decimal":
            return Number(_decimal(value))
        case "timestamp":
            return _timestamp(value)
        case "duration":
            return _duration(value)
        case "ip":
            return str(_address(value))
        case "cidr":
            first, last = value
            address = _address(first)
            return f"{address}/{address.max_prefixlen - (last - first).bit_length()}"
        case "string" | "path":
            return str(value)
        case _:
            raise AssertionError(f"a {name} cannot be shown")


def _address(number: int) -> IPv4Address | IPv6Address:
    return IPv4Address(number) if number < IPV6_BASE else IPv6Address(number - IPV6_BASE)


def _decimal(units: int) -> str:
    """Units of 1/10,000 as digits: 125000 is ``12.5``."""
    whole, rest = divmod(abs(units), DECIMAL_SCALE)
    sign = "-" if units < 0 else ""
    return canonical.normalised_number(f"{sign}{whole}.{rest:0{DECIMAL_DIGITS}}")


def _timestamp(us: int) -> str:
    """RFC 3339 in UTC, with as many fractional digits as needed."""
    moment = _EPOCH + timedelta(microseconds=us)
    text = f"{moment.replace(tzinfo=None, microsecond=0).isoformat()}"
    fraction = f".{moment.microsecond:06}".rstrip("0") if moment.microsecond else ""
    return f"{text}{fraction}Z"


def _duration(us: int) -> str:
    """In the largest exact unit: 900 s is ``15m``."""
    size, unit = next((size, unit) for size, unit in _UNITS_US if us % size == 0)
    return f"{us // size}{unit}"


__all__ = ["shown_text"]
