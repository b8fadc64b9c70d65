"""Random values of declared types, near those that the program mentions. Knows no requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from ipaddress import ip_address, ip_network
from random import Random
from typing import Final, assert_never

from pdp.eval.invariants.cast import Cast
from pdp.eval.invariants.hints import Hints
from pdp.eval.invariants.scene import Record
from pdp.eval.reference import windows
from pdp.eval.reference.facts import Plain, expect, type_name
from pdp.lang.checked import Window
from pdp.lang.types import (
    DECIMAL_SCALE,
    DECIMAL_UNITS_MAX,
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

# Where no window or timestamp says otherwise it is 2026-01-01T00:00:00Z, as in tests.
USUAL_NOW_US: Final = 1_767_225_600_000_000
_SECOND_US: Final = 1_000_000
_LAST_SECOND: Final = 253_370_764_800  # 9999-01-01
_INT_MAX: Final = 2**53 - 1
_MEMBERS_MAX: Final = 12
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ATTEMPTS: Final = 20


@dataclass
class Palette:
    """Draws values; all chance comes from ``rng``. ``cast`` is whom a reference may name."""

    rng: Random
    schema: Schema
    hints: Hints
    cast: Cast

    def record(self, fields: Iterable[FieldT], now_us: int) -> Record:
        """Values for the fields; what may be absent is, now and then."""
        return {
            field.name: self._value(field.type, field.name, now_us)
            for field in fields
            if not field.may_be_absent or self.maybe(0.6)
        }

    def redrawn(self, record: Record, fields: Iterable[FieldT], now_us: int) -> Record:
        """The record with one field drawn again."""
        field = self.rng.choice(list(fields))
        rest = {name: value for name, value in record.items() if name != field.name}
        return {**rest, **self.record((field,), now_us)}

    def _value(self, type_: Type, name: str, now_us: int) -> Plain:
        hinted = self.hints.of(name, type_)
        if hinted and self.maybe(0.75):
            return self._near(self.rng.choice(hinted), type_)
        match type_:
            case Prim():
                return self._primitive(type_.name, now_us)
            case EnumT():
                rank = self.rng.randrange(len(type_.members))
                return rank if type_.ordered else type_.members[rank]
            case EntityT():
                (referred,) = type_.names
                return self._reference(referred)
            case CollT():
                return self._collection(type_, name, now_us)
            case RecordT():
                return self.record(type_.fields, now_us)
            case _:
                assert_never(type_)

    def _collection(self, type_: CollT, name: str, now_us: int) -> Plain:
        most = min(type_.hi, max(type_.lo, _MEMBERS_MAX))
        lengths = [
            length + step for length in self.hints.lengths.get(name, ()) for step in (-1, 0, 1)
        ]
        fitting = [n for n in (type_.lo, type_.lo + 1, 3, most, *lengths) if type_.lo <= n <= most]
        length = self.rng.choice(fitting)
        items: list[Plain] = []
        for _ in range(length * _ATTEMPTS):
            if len(items) == length:
                break
            item = self._value(type_.item, name, now_us)
            if type_.kind == "list" or item not in items:
                items.append(item)
        return tuple(items)

    def _reference(self, type_: str) -> str:
        """Someone known, or something that will be described beside the request."""
        known = self.cast.of(type_)
        known += [uid for uid in self.cast.groups.values() if type_name(uid) == type_]
        if known and (self.schema.entities[type_].is_directory or self.maybe(0.5)):
            return self.rng.choice(known)
        return f"{type_}::{fresh_id(type_, self.rng.randint(1, 2))}"

    def _near(self, value: Plain, type_: Type) -> Plain:
        """The value itself, or the next one on either side where there is such a thing."""
        step = self.rng.choice((0, 0, 1, -1))
        match type_, value:
            case Prim(name="int"), int():
                return max(-_INT_MAX, min(_INT_MAX, value + step))
            case Prim(name="decimal"), Fraction():
                most = Fraction(DECIMAL_UNITS_MAX, DECIMAL_SCALE)
                return max(-most, min(most, value + Fraction(step, DECIMAL_SCALE)))
            case Prim(name="duration"), int():
                return max(0, value + step * _SECOND_US)
            case Prim(name="timestamp"), int():
                return _whole_second(value + step * _SECOND_US)
            case _:
                return value

    def _primitive(self, name: str, now_us: int) -> Plain:
        rng = self.rng
        match name:
            case "bool":
                return self.maybe(0.5)
            case "int":
                return rng.choice((0, 1, 2, 10, 100, 10_000, 1_000_000, -1))
            case "decimal":
                return Fraction(
                    rng.choice((0, 1, 10_000, 100_000, 5_000_000, 10**11, -10_000)), 10**4
                )
            case "string":
                return rng.choice(("", "other", "x"))
            case "timestamp":
                offset_us = rng.choice((0, *self.hints.durations)) * rng.choice((1, -1))
                return _whole_second(now_us + offset_us + rng.choice((0, 1, -1)) * _SECOND_US)
            case "duration":
                near = rng.choice((0, 60 * _SECOND_US, *self.hints.durations))
                return max(0, near + rng.choice((0, 1, -1)) * _SECOND_US)
            case "path":
                return rng.choice(("/", "/srv", "/srv/app/x", "/etc/passwd"))
            case "ip":
                return ip_address(rng.choice(("10.0.0.1", "192.0.2.1", "8.8.8.8", "::1")))
            case "cidr":
                return ip_network(rng.choice(("10.0.0.0/8", "0.0.0.0/0", "192.0.2.0/24", "::/0")))
            case "json":
                return True
            case _:
                raise AssertionError(f"no primitive `{name}`")

    def now(self) -> int:
        """The usual time, an edge of a window, or a moment that conditions mention."""
        moments = [USUAL_NOW_US, *(expect(v, int) for v in self._mentioned_moments())]
        if self.hints.windows and self.maybe(0.7):
            return self._edge(self.rng.choice(self.hints.windows))
        step = self.rng.choice((0, 0, 1, -1, 43_200, 3_600 * 24 * 3)) * _SECOND_US
        return _whole_second(self.rng.choice(moments) + step)

    def _mentioned_moments(self) -> Iterator[Plain]:
        for (_, type_), values in self.hints.values.items():
            if type_ == TIMESTAMP:
                yield from values

    def _edge(self, window: Window) -> int:
        """Where a span of the window begins or ends, on some day of the year, or just beside."""
        span = self.rng.choice(window.spans)
        day = date(2026, 1, 1) + timedelta(days=self.rng.randrange(365))
        if window.holidays and self.maybe(0.3):
            day = date.fromisoformat(self.rng.choice(sorted(window.holidays)))
        minutes = self.rng.choice((span.start_min, span.end_min, 0))
        local = datetime(day.year, day.month, day.day, tzinfo=windows.zone_of(window.zone))
        instant = local + timedelta(minutes=minutes, seconds=self.rng.choice((0, 0, -1, 60, 3_600)))
        return _whole_second(round((instant - _EPOCH).total_seconds()) * _SECOND_US)

    def maybe(self, chance: float) -> bool:
        """Whether to do what is done with this chance."""
        return self.rng.random() < chance


def fresh_id(type_: str, number: int = 1) -> str:
    """An id that is made up: no fixture and no directory has it."""
    return f"made-up-{type_.lower()}-{number}"


def _whole_second(instant_us: int) -> int:
    """Charter writes times in whole seconds."""
    return max(0, min(_LAST_SECOND, instant_us // _SECOND_US)) * _SECOND_US


__all__ = ["USUAL_NOW_US", "Palette", "fresh_id"]
