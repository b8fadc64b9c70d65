"""The reference interpreter's facts: JSON by type to plain values and back, entities, ancestors.

Written to be read beside the prose, not to be fast; shares no code with the compiled evaluator.
Values are those of ``pdp.lang.checked``, except that a decimal is a ``Fraction``, so that no scale
can be forgotten, and that addresses and networks are those of ``ipaddress``.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias, TypeVar, assert_never

from pdp import canonical
from pdp.canonical import Number, Tree
from pdp.lang import checked
from pdp.lang.types import (
    DECIMAL,
    DECIMAL_SCALE,
    DURATION,
    IPV6_BASE,
    TIMESTAMP,
    CollT,
    EntityT,
    EnumT,
    FieldT,
    Prim,
    RecordT,
    Schema,
    Type,
)
from pdp.model import Entity
from pdp.request import Request

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Plain: TypeAlias = (
    "bool | int | str | Fraction | Address | Network | tuple[Plain, ...] | dict[str, Plain]"
)

_T = TypeVar("_T")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_UNIT_US: Final = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
}  # largest first
_DURATION: Final = re.compile(r"([0-9]+)(ms|s|m|h|d)")


def expect(value: object, kind: type[_T]) -> _T:
    """``value``, which the checker and the binder have promised to be a ``kind``."""
    if not isinstance(value, kind):
        raise AssertionError(f"a {type(value).__name__} where a {kind.__name__} was promised")
    return value


# ---------------------------------------------------------------- JSON to values


@functools.lru_cache(maxsize=128)
def tree_of(text: str) -> dict[str, Tree]:
    """The members of a JSON object, to be read only: the same text is read again and again."""
    return canonical.parse_object(text)


def value_of(tree: Tree, type_: Type) -> Plain:
    """A JSON value, already accepted by the binder, as a plain value of its declared type."""
    match type_:
        case Prim():
            return _primitive(tree, type_.name)
        case EnumT():
            rank = type_.spellings.index(_text(tree))
            return rank if type_.ordered else type_.members[rank]
        case EntityT():
            (name,) = type_.names
            return f"{name}::{_text(tree)}"
        case CollT():
            return tuple(value_of(item, type_.item) for item in expect(tree, list))
        case RecordT():
            return record_of(expect(tree, dict), type_.fields)
        case _:
            assert_never(type_)


def record_of(members: dict[str, Tree], fields: Iterable[FieldT]) -> dict[str, Plain]:
    """JSON members by wire name to fields by Charter name; what is absent or null is left out."""
    return {
        field.name: value_of(members[field.wire], field.type)
        for field in fields
        if members.get(field.wire) is not None
    }


def constant_of(value: checked.Value, type_: Type) -> Plain:
    """A constant of the checked program: the same value, decimals no longer in units."""
    match type_:
        case Prim() if type_ == DECIMAL:
            return Fraction(expect(value, int), DECIMAL_SCALE)
        case CollT():
            return tuple(constant_of(item, type_.item) for item in expect(value, tuple))
        case RecordT():
            members = expect(value, dict)
            return {
                field.name: constant_of(members[field.name], field.type)
                for field in type_.fields
                if field.name in members
            }
        case Prim(name="bool"):
            return expect(value, bool)
        case Prim(name="string" | "path") | EntityT() | EnumT(ordered=False):
            return expect(value, str)
        case Prim(name="ip"):
            return _address(expect(value, int))
        case Prim(name="cidr"):
            first, last = expect(value, tuple)
            return _network(_address(expect(first, int)), _address(expect(last, int)))
        case Prim() | EnumT():
            return expect(value, int)
        case _:
            assert_never(type_)


def _address(number: int) -> Address:
    if number >= IPV6_BASE:
        return IPv6Address(number - IPV6_BASE)
    return IPv4Address(number)


def _network(first: Address, last: Address) -> Network:
    """The one network from ``first`` to ``last``, both included."""
    if isinstance(first, IPv4Address):
        (network4,) = ipaddress.summarize_address_range(first, expect(last, IPv4Address))
        return network4
    (network6,) = ipaddress.summarize_address_range(first, expect(last, IPv6Address))
    return network6


def _primitive(tree: Tree, name: str) -> Plain:
    match name:
        case "json":
            return True  # only its presence can be asked
        case "bool":
            return expect(tree, bool)
        case "int":
            return int(expect(tree, Number))
        case "decimal":
            return Fraction(expect(tree, str))  # a number, or a string of the same digits
        case "string" | "path":
            return _text(tree)
        case "ip":
            return ipaddress.ip_address(_text(tree))
        case "cidr":
            return ipaddress.ip_network(_text(tree))
        case "timestamp":
            return (datetime.fromisoformat(_text(tree)) - _EPOCH) // _MICROSECOND
        case "duration":
            matched = expect(_DURATION.fullmatch(_text(tree)), re.Match)
            return int(matched[1]) * _UNIT_US[matched[2]]
        case _:
            raise AssertionError(f"no primitive `{name}`")


def _text(tree: Tree) -> str:
    if isinstance(tree, Number):
        raise AssertionError("a number where a string was declared")
    return expect(tree, str)


# ---------------------------------------------------------------- values to JSON


def wire_tree(value: Plain, type_: Type) -> Tree:
    """A value in its wire form: what the request would have said."""
    match type_:
        case CollT():
            return [wire_tree(item, type_.item) for item in expect(value, tuple)]
        case RecordT():
            members = expect(value, dict)
            return {
                field.wire: wire_tree(members[field.name], field.type)
                for field in type_.fields
                if field.name in members
            }
        case EntityT():
            return expect(value, str).split("::", 1)[1]
        case EnumT():
            rank = expect(value, int) if type_.ordered else type_.members.index(expect(value, str))
            return type_.spellings[rank]
        case Prim():
            return _primitive_tree(value, type_)
        case _:
            assert_never(type_)


def _primitive_tree(value: Plain, type_: Prim) -> Tree:
    match value:
        case bool() | str():
            return value
        case Fraction():
            return Number(_digits(value))
        case int() if type_ == TIMESTAMP:
            return _timestamp(value)
        case int() if type_ == DURATION:
            return _duration(value)
        case int():
            return Number(value)
        case IPv4Address() | IPv6Address() | IPv4Network() | IPv6Network():
            return str(value)
        case _:
            raise AssertionError(f"a {type_.name} is not a {type(value).__name__}")


def _digits(value: Fraction) -> str:
    units = abs(value) * DECIMAL_SCALE
    whole, rest = divmod(units.numerator, DECIMAL_SCALE)  # four digits at most: a whole number
    sign = "-" if value < 0 else ""
    return canonical.normalised_number(f"{sign}{whole}.{rest:04}")


def _timestamp(value: int) -> str:
    moment = _EPOCH + value * _MICROSECOND
    fraction = f".{moment.microsecond:06}".rstrip("0").rstrip(".")
    return moment.replace(tzinfo=None, microsecond=0).isoformat() + fraction + "Z"


def _duration(value: int) -> str:
    unit = next(unit for unit, size_us in _UNIT_US.items() if value % size_us == 0)
    return f"{value // _UNIT_US[unit]}{unit}"


# ---------------------------------------------------------------- entities


@dataclass(frozen=True, slots=True)
class Known:
    """An entity that something describes. ``groups`` are its direct parents, as uids."""

    attributes: dict[str, Plain]
    groups: tuple[str, ...]


class Described(Mapping[str, Known]):
    """Every entity that something describes, by uid; its JSON is read when it is first asked for.

    A directory may hold thousands, of which one request touches few.
    """

    def __init__(self, schema: Schema, entities: Mapping[str, Entity]) -> None:
        self._schema = schema
        self._entities = entities
        self._read: dict[str, Known] = {}

    def __getitem__(self, uid: str) -> Known:
        if uid not in self._read:
            entity = self._entities[uid]
            members = tree_of(entity.attributes or "{}")
            fields = self._schema.entities[entity.type].fields
            self._read[uid] = Known(record_of(members, fields), entity.groups)
        return self._read[uid]

    def __contains__(self, uid: object) -> bool:
        return uid in self._entities

    def __iter__(self) -> Iterator[str]:
        return iter(self._entities)

    def __len__(self) -> int:
        return len(self._entities)


@dataclass(frozen=True, slots=True)
class World:
    """Every entity that is described: by the directory first, else by the request."""

    schema: Schema
    directory: frozenset[str]
    known: Described

    def ancestors(self, uid: str) -> tuple[frozenset[str], bool]:
        """``uid`` and everything above it, and whether more could be above what is known.

        Open when something met on the way is unknown and its type has parents.
        """
        seen: set[str] = set()
        is_open = False
        to_do = [uid]
        while to_do:
            current = to_do.pop()
            if current in seen:
                continue
            seen.add(current)
            if current in self.known:
                to_do.extend(self.known[current].groups)
            elif self.schema.entities[type_name(current)].parents:
                is_open = True
        return frozenset(seen), is_open


def type_name(uid: str) -> str:
    """``Type`` of ``Type::id``."""
    return uid.split("::", 1)[0]


def world_of(schema: Schema, directory: Mapping[str, Entity], request: Request) -> World:
    """What is known when this request is judged."""
    described = [*request.chain, *request.entities]
    if request.resource is not None:
        described.append(request.resource)
    known = {entity.uid: entity for entity in described if entity.attributes is not None}
    known.update(directory)
    return World(schema, frozenset(directory), Described(schema, known))


__all__ = [
    "Address", "Described", "Known", "Network", "Plain", "World", "constant_of", "expect",
    "record_of", "tree_of", "type_name", "value_of", "wire_tree", "world_of",
]  # fmt: skip
