"""Values for generated programs and requests: one small pool, so that both meet at boundaries.

A program draws its literals from the pool and a request its facts from the same pool, moved by the
smallest step now and then. Knows types, not programs.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import TypeVar

from pdp.canonical import Number, Tree
from pdp.lang.types import (
    BOOL,
    CIDR,
    DECIMAL,
    DECIMAL_UNITS_MAX,
    DURATION,
    INT,
    IP,
    JSON,
    PATH,
    STRING,
    TIMESTAMP,
    CollT,
    EntityT,
    EnumT,
    FieldT,
    Prim,
    RecordT,
    Type,
)

_T = TypeVar("_T")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INT_EXACT_MAX = 2**53 - 1
TEXTS = ("", "a", "ab", "abab", "aba", "b", "ops", "a*b", "é", 'q"q', "a\\b", "ops.eu", "Ops")
FILES = ("/", "/srv", "/srv/app", "/srv/app/x", "/srv/application", "/etc", "/srv/é")
ADDRESSES = (
    *("10.0.0.0", "10.0.0.1", "10.255.255.255", "11.0.0.0", "0.0.0.1", "255.255.255.255"),
    *("::", "::1", "2001:db8::1", "2001:db8:ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
)
NETWORKS = (
    *("10.0.0.0/8", "10.0.0.0/31", "10.0.0.1/32", "0.0.0.0/0", "128.0.0.0/1"),
    *("::/0", "::/127", "::1/128", "2001:db8::/32"),
)
PATTERNS = (
    *("a+", "(ab)*", "a|ab", ".*", "", "[^a]*", "(?i)OPS(\\.eu)?", r"\p{L}+", "a.b", "^ab$"),
    *(r"\w*\.\w+", "a{2}|b", r"a\\b", "(?s).b?", "q.q."),
)
JSON_VALUES: tuple[Tree, ...] = (
    Number("1.50"),
    "a",
    False,
    [],
    [None, Number("0")],
    {"k": [{"a": None}], "": "é"},
)
UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True)
class Pool:
    """The values that one program and its requests keep coming back to."""

    ints: tuple[int, ...]
    units: tuple[int, ...]
    texts: tuple[str, ...]
    moments_s: tuple[int, ...]
    durations_ms: tuple[int, ...]
    files: tuple[str, ...]
    addresses: tuple[str, ...]
    networks: tuple[str, ...]


def maybe(rng: Random, chance: float) -> bool:
    """Whether to do what is done with this chance; a draw of nothing, the simplest, means no."""
    return rng.random() >= 1 - chance


def some_of(rng: Random, items: Sequence[_T], lo: int, hi: int) -> list[_T]:
    """Between ``lo`` and ``hi`` different items, in any order."""
    return rng.sample(list(items), min(len(items), rng.randint(lo, hi)))


def pool_of(rng: Random) -> Pool:
    # The last three: clocks change in Berlin, in New York and, by half an hour, on Lord Howe.
    start_s = rng.choice(
        (
            *(0, 951_782_400, 1_772_445_600, 1_772_445_600, 253_400_000_000),
            *(1_774_746_000, 1_793_512_800, 1_775_314_800),
        )
    )
    return Pool(
        ints=(*some_of(rng, (0, 1, -1, 2, 3, 10, 100, INT_EXACT_MAX, -INT_EXACT_MAX), 3, 4),),
        units=(
            *some_of(
                rng,
                (0, 1, -1, 9_999, 10_000, 10_001, 125_000, 2_000_000, DECIMAL_UNITS_MAX),
                3,
                4,
            ),
        ),
        texts=(*some_of(rng, TEXTS, 4, 5),),
        moments_s=(start_s, start_s + rng.choice((1, 60, 900, 86_400))),
        durations_ms=(*some_of(rng, (0, 1, 999, 1_000, 60_000, 900_000, 86_400_000), 3, 4),),
        files=(*some_of(rng, FILES, 3, 4),),
        addresses=(*some_of(rng, ADDRESSES, 3, 5),),
        networks=(*some_of(rng, NETWORKS, 3, 4),),
    )


# ---------------------------------------------------------------- literals


def literal(rng: Random, type_: Type, pool: Pool) -> str:
    """A literal of a primitive type, enum or level as Charter writes it; never a bare bool."""
    match type_:
        case EnumT():
            member = rng.choice(type_.members)
            return f"{type_.name}.{member}" if maybe(rng, 0.2) else member
        case Prim():
            return _PRIMITIVES[type_.name](rng, pool)
        case _:
            raise AssertionError(f"no literal of {type_}")


def closed_value(rng: Random, type_: Type, pool: Pool) -> str:
    """As ``literal``, for the place after ``const x: T =``, where members stand alone."""
    return rng.choice(type_.members) if isinstance(type_, EnumT) else literal(rng, type_, pool)


def pattern(rng: Random, pool: Pool) -> str:
    """A ``like`` pattern cut from texts of the pool; its parts may overlap in the text they fit."""
    text = rng.choice([text for text in pool.texts if "\\" not in text])
    if maybe(rng, 0.1):
        return text_of(text).replace("*", "\\*")
    parts = [text[: rng.randint(0, len(text))], text[rng.randint(0, len(text)) :]]
    if maybe(rng, 0.4):
        start = rng.randint(0, len(text))
        parts.insert(1, text[start : start + rng.randint(0, 2)])
    if maybe(rng, 0.2):
        parts.insert(1, rng.choice("ab"))
    return "*".join(text_of(part).replace("*", "\\*")[1:-1] for part in parts).join('""')


def digits_of(units: int, rng: Random) -> str:
    """Decimal digits, at times with zeros that mean nothing."""
    whole, rest = divmod(abs(units), 10_000)
    fraction = f"{rest:04}"
    if maybe(rng, 0.7):
        fraction = fraction.rstrip("0") or "0"
    return f"{'-' if units < 0 else ''}{whole}.{fraction}"


def text_of(value: str, *, raw: bool = False) -> str:
    """A string literal."""
    if raw and '"' not in value:
        return f'r"{value}"'
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def duration_of(ms: int, rng: Random) -> str:
    """A duration in any unit that divides it."""
    fitting = [unit for unit, size in UNITS_MS.items() if ms % size == 0]
    unit = rng.choice(fitting)
    return f"{ms // UNITS_MS[unit]}{unit}"


def moment_of(seconds: int) -> str:
    return (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def _int(rng: Random, pool: Pool) -> str:
    value = rng.choice(pool.ints)
    return f"{value:_}" if maybe(rng, 0.2) else str(value)


_PRIMITIVES: dict[str, Callable[[Random, Pool], str]] = {
    "bool": lambda rng, _: rng.choice(("true", "false")),
    "int": _int,
    "decimal": lambda rng, pool: digits_of(rng.choice(pool.units), rng),
    "string": lambda rng, pool: text_of(rng.choice(pool.texts), raw=maybe(rng, 0.1)),
    "timestamp": lambda rng, pool: moment_of(rng.choice(pool.moments_s)),
    "duration": lambda rng, pool: duration_of(rng.choice(pool.durations_ms), rng),
    "path": lambda rng, pool: text_of(rng.choice(pool.files)),
    "ip": lambda rng, pool: f'ip "{rng.choice(pool.addresses)}"',
    "cidr": lambda rng, pool: f'cidr "{rng.choice(pool.networks)}"',
}


# ---------------------------------------------------------------- facts


def fact(rng: Random, type_: Type, pool: Pool, reference: Callable[[str], str]) -> Tree:
    """A JSON value of a type; ``reference`` chooses an id of an entity type."""
    match type_:
        case Prim():
            return _primitive_fact(rng, type_, pool)
        case EnumT():
            return rng.choice(type_.spellings)
        case EntityT():
            (name,) = type_.names
            return reference(name)
        case CollT():
            return _collection_fact(rng, type_, pool, reference)
        case RecordT():
            return members_fact(rng, type_.fields, pool, reference)


def members_fact(
    rng: Random, fields: Sequence[FieldT], pool: Pool, reference: Callable[[str], str]
) -> dict[str, Tree]:
    """A JSON object for the fields: an optional one may be left out, a nullable one be null."""
    return {
        field.wire: None
        if field.nullable and maybe(rng, 0.3)
        else fact(rng, field.type, pool, reference)
        for field in fields
        if not field.optional or maybe(rng, 0.65)
    }


def _collection_fact(
    rng: Random, type_: CollT, pool: Pool, reference: Callable[[str], str]
) -> Tree:
    length = rng.randint(type_.lo, type_.hi)
    items = [fact(rng, type_.item, pool, reference) for _ in range(length)]
    if type_.kind == "list":
        return items
    distinct: dict[str, Tree] = {_sameness(item, type_.item): item for item in items}
    while len(distinct) < type_.lo:
        item = fact(rng, type_.item, pool, reference)
        distinct[_sameness(item, type_.item)] = item
    return list(distinct.values())


def _sameness(item: Tree, type_: Type) -> str:
    """Equal for values that a set would call duplicates."""
    if type_ == DECIMAL and isinstance(item, str):
        return str(Fraction(item))
    if type_ == TIMESTAMP and isinstance(item, str):
        return str(datetime.fromisoformat(item).timestamp())
    if type_ == DURATION and isinstance(item, str):
        unit = item.lstrip("0123456789")
        return str(int(item.removesuffix(unit)) * UNITS_MS[unit])
    return json.dumps(item)


def _primitive_fact(rng: Random, type_: Prim, pool: Pool) -> Tree:
    step = rng.choice((0, 0, 0, 1, -1))
    if type_ == BOOL:
        return maybe(rng, 0.5)
    if type_ == INT:
        value = rng.choice(pool.ints) + step
        return Number(max(-INT_EXACT_MAX, min(INT_EXACT_MAX, value)))
    if type_ == DECIMAL:
        units = max(-DECIMAL_UNITS_MAX, min(DECIMAL_UNITS_MAX, rng.choice(pool.units) + step))
        digits = digits_of(units, rng)
        if digits.endswith(".0") and maybe(rng, 0.3):
            digits = digits.removesuffix(".0")
        if units == 0 and maybe(rng, 0.2):
            digits = rng.choice(("-0", "-0.0", "0", "0.0000"))
        return digits if maybe(rng, 0.5) else Number(digits)
    if type_ == STRING:
        return rng.choice(pool.texts) if maybe(rng, 0.8) else rng.choice(TEXTS)
    if type_ == TIMESTAMP:
        return _moment_fact(rng, pool)
    if type_ == PATH:
        file = rng.choice(pool.files)
        return file if file == "/" else file + rng.choice(("", "", "", "/x", "lication"))
    if type_ == IP:
        return _address_fact(rng, pool, step)
    if type_ == CIDR:
        return rng.choice(pool.networks)
    if type_ == JSON:
        return rng.choice(JSON_VALUES)
    ms = max(0, rng.choice(pool.durations_ms) + step)
    return duration_of(ms, rng)


def _address_fact(rng: Random, pool: Pool, step: int) -> str:
    address = ipaddress.ip_address(rng.choice(pool.addresses))
    number = max(0, min(2**address.max_prefixlen - 1, int(address) + step))
    return str(type(address)(number))


def _moment_fact(rng: Random, pool: Pool) -> str:
    moment = EPOCH + timedelta(seconds=rng.choice(pool.moments_s))
    moment += timedelta(microseconds=rng.choice((0, 0, 0, 1, 999_999, 900_000_000)))
    hours = rng.choice((0, 0, 1, -5))
    local = (moment + timedelta(hours=hours)).replace(tzinfo=None)
    text = local.isoformat()
    return text + ("Z" if hours == 0 else f"{hours:+03}:00")
