"""Scalar values and their one spelling: decimals, times, durations, paths, networks. Pure."""

from __future__ import annotations

import datetime
import ipaddress
import re
from typing import Final

from pdp import canonical
from pdp.lang.types import (
    DECIMAL_DIGITS,
    DECIMAL_SCALE,
    DECIMAL_UNITS_MAX,
    IPV6_BASE,
    US_PER_MS,
)

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND: Final = datetime.timedelta(microseconds=1)
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
_PREFIX: Final = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
INT_DIGITS: Final = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)


def decimal_units(digits: str) -> int | None:
    """Decimal digits to units of 1/10,000, or None: too many digits, or out of range."""
    if not _DECIMAL.fullmatch(digits):
        return None
    whole, _, fraction = digits.partition(".")
    if len(fraction) > DECIMAL_DIGITS or len(whole) > len(str(DECIMAL_UNITS_MAX)):
        return None
    units = abs(int(whole)) * DECIMAL_SCALE + int(fraction.ljust(DECIMAL_DIGITS, "0"))
    if units > DECIMAL_UNITS_MAX:
        return None
    return -units if digits.startswith("-") else units


def decimal_digits(units: int) -> str:
    """Units of 1/10,000 to the shortest decimal digits."""
    whole, fraction = divmod(abs(units), DECIMAL_SCALE)
    text = f"{whole}.{fraction:0{DECIMAL_DIGITS}d}"
    return ("-" if units < 0 else "") + canonical.normalised_number(text)


def timestamp_us(text: str) -> int | None:
    """RFC 3339 text with a zone to microseconds since 1970, or None if there is no such time."""
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if when.tzinfo is None else (when - _EPOCH) // _MICROSECOND


def timestamp_text(us: int) -> str:
    """Microseconds since 1970 to RFC 3339 in UTC."""
    return (_EPOCH + us * _MICROSECOND).isoformat().replace("+00:00", "Z")


def is_normalised_path(text: str) -> bool:
    """Whether a path starts at the root and has no empty, `.` or `..` segment, and no NUL."""
    if text == "/":
        return True
    if "\0" in text:
        return False
    segments = text.split("/")
    wrong = {"", ".", ".."}
    return segments[0] == "" and len(segments) > 1 and not wrong & set(segments[1:])


def ip_number(text: str) -> int | None:
    """An address in canonical form to its number (IPv6 from 2**128 on), or None.

    IPv4-mapped IPv6 and zone ids are refused: they are second spellings of something else.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if str(address) != text or not text.isascii():
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return int(address)
    if address.ipv4_mapped is not None or address.scope_id is not None:
        return None
    return IPV6_BASE + int(address)


def ip_text(number: int) -> str:
    """The canonical form of an address number."""
    if number >= IPV6_BASE:
        return str(ipaddress.IPv6Address(number - IPV6_BASE))
    return str(ipaddress.IPv4Address(number))


def cidr_range(text: str) -> tuple[int, int] | None:
    """A network in canonical form to its first and last address number, or None."""
    base, _, prefix = text.partition("/")
    first = ip_number(base)
    if first is None or not _PREFIX.fullmatch(prefix):
        return None
    bits = 128 if first >= IPV6_BASE else 32
    size = 1 << (bits - int(prefix)) if int(prefix) <= bits else 0
    start = first - (IPV6_BASE if first >= IPV6_BASE else 0)
    if not size or start % size:
        return None
    return first, first + size - 1


def cidr_text(network: tuple[int, int]) -> str:
    """The canonical form of a network."""
    first, last = network
    bits = 128 if first >= IPV6_BASE else 32
    return f"{ip_text(first)}/{bits - (last - first).bit_length()}"


def duration_text(us: int) -> str:
    """Microseconds (whole milliseconds) as Charter writes a duration, in its largest exact unit."""
    ms = us // US_PER_MS
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"
