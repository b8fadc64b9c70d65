"""How names and values of policies are spelt in sentences. Knows no expressions and no rules."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Sequence
from typing import Final

from pdp.lang.checked import Value
from pdp.lang.types import (
    DECIMAL_DIGITS,
    DECIMAL_SCALE,
    IPV6_BASE,
    CollT,
    EntityT,
    EnumT,
    Prim,
    Type,
)

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_US_PER_S: Final = 1_000_000
_CENTS: Final = 2
_UNITS_S: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PLURAL_VERBS: Final = {
    "is": "are", "has": "have", "does": "do", "begins": "begin", "ends": "end",
    "contains": "contain", "matches": "match",
}  # fmt: skip
_NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def words(name: str) -> str:
    """A declared name as words: ``refund_limit``, ``InvoiceState`` and ``payment.refund``."""
    return " ".join(_CAMEL.sub(" ", name).replace("_", " ").replace(".", " ").split())


def noun(type_name: str) -> str:
    """A type as a noun in a sentence: ``InvoiceState`` is `invoice state`."""
    return words(type_name).lower()


def with_article(text: str) -> str:
    return f"{'an' if text[:1].lower() in 'aeiou' else 'a'} {text}"


def plural(text: str) -> str:
    if text.endswith(("s", "x", "ch", "sh")):
        return f"{text}es"
    if text.endswith("y") and text[-2:-1] not in "aeiou":
        return f"{text[:-1]}ies"
    return f"{text}s"


def is_plural(text: str) -> bool:
    """A guess, good enough to choose between two right sentences."""
    return text.endswith("s") and not text.endswith(("ss", "us", "is"))


def agreed(subject: str, predicate: str) -> str:
    """A sentence whose verb, the first word of ``predicate``, fits its subject in number."""
    verb, _, rest = predicate.partition(" ")
    if is_plural(subject) and "number of" not in subject:
        verb = _PLURAL_VERBS[verb]
    return f"{subject} {verb} {rest}"


def possessive(text: str) -> str:
    return f"{text}'" if text.endswith("s") else f"{text}'s"


def quoted(text: str) -> str:
    return f"“{text}”"


def listed(items: Sequence[str], last: str = "and") -> str:
    """``a, b and c``."""
    if len(items) < 2:  # noqa: PLR2004 - one needs no word between
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def counted(count: int, thing: str) -> str:
    return f"{count:,} {thing if count == 1 else plural(thing)}"


def number_word(count: int) -> str:
    """Small numbers as words."""
    return _NUMBERS[count] if count < len(_NUMBERS) else f"{count:,}"


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!", ":")) else f"{text}."


def seconds(count: int) -> str:
    """``4 hours``, in the largest unit that divides it."""
    size, unit = next((size, unit) for size, unit in _UNITS_S if count % size == 0)
    return counted(count // size, unit)


def value(found: Value, type_: Type) -> str:
    """A constant of the checked program as people write it."""
    match found, type_:
        case bool(), _:
            return "true" if found else "false"
        case int(), EnumT() as level:
            return words(level.members[found])
        case str(), EnumT():
            return words(found)
        case int(), Prim(name=name):
            return _number(found, name)
        case str(), EntityT():
            return quoted(found.partition("::")[2])
        case str(), _:
            return quoted(found)
        case (int() as first, int() as last), Prim(name="cidr"):
            return _network(first, last)
        case tuple(), CollT() as collection:
            return listed([value(item, collection.item) for item in found])
        case _:
            return "a record"


def _number(found: int, kind: str) -> str:
    match kind:
        case "decimal":
            return decimal(found)
        case "timestamp":
            moment = _EPOCH + datetime.timedelta(microseconds=found)
            return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
        case "duration" if found % _US_PER_S == 0 and found:
            return seconds(found // _US_PER_S)
        case "duration":
            return f"{found / _US_PER_S:g} seconds"
        case "ip":
            return _address(found)
        case _:
            return f"{found:,}"


def decimal(units: int) -> str:
    """Units of 1/10,000 with at least two digits after the point."""
    whole, rest = divmod(abs(units), DECIMAL_SCALE)
    digits = f"{rest:0{DECIMAL_DIGITS}}".rstrip("0").ljust(_CENTS, "0")
    return f"{'-' if units < 0 else ''}{whole:,}.{digits}"


def _address(number: int) -> str:
    if number >= IPV6_BASE:
        return str(ipaddress.IPv6Address(number - IPV6_BASE))
    return str(ipaddress.IPv4Address(number))


def _network(first: int, last: int) -> str:
    bits = 128 if first >= IPV6_BASE else 32
    return f"{_address(first)}/{bits - (last - first).bit_length()}"


def weekdays(days: frozenset[int]) -> str:
    """``Monday to Friday`` for a run of days, else each."""
    found = sorted(days)
    if len(found) > 2 and found == list(range(found[0], found[-1] + 1)):  # noqa: PLR2004 - a run
        return f"{_DAYS[found[0]]} to {_DAYS[found[-1]]}"
    return listed([_DAYS[day] for day in found])


def clock(minutes: int) -> str:
    """Minutes after midnight as ``09:30``."""
    return f"{minutes // 60:02}:{minutes % 60:02}"
