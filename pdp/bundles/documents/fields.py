"""Typed reading of strict JSON documents: exactly the named members, each of exactly its type.

What is not as declared is refused as malformed; nothing is converted, defaulted or left over.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from pdp.bundles.refusal import Cause, refuse
from pdp.canonical import CanonicalError, Number, Tree, check_identifier, parse_object

TEXT_CHARS_MAX: Final = 512
_YEAR_MIN: Final = 1970
_YEAR_END: Final = 2200
LIST_MAX: Final = 256
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)
_HEX_32: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)


def members_of(data: bytes, what: str) -> dict[str, Tree]:
    """The members of a strict JSON object. Raises BundleRefused (malformed)."""
    try:
        return parse_object(data.decode())
    except UnicodeDecodeError:
        refuse(Cause.MALFORMED, f"the {what} is not UTF-8 text")
    except CanonicalError as error:
        refuse(Cause.MALFORMED, f"the {what} is not strict JSON: {error}")


def fields_of(tree: Tree, what: str, names: frozenset[str]) -> Fields:
    """An object that has exactly the members ``names``. Raises BundleRefused (malformed)."""
    if not isinstance(tree, dict):
        refuse(Cause.MALFORMED, f"{what}: expected an object")
    if tree.keys() != names:
        missing = sorted(names - tree.keys())
        wrong = f"`{missing[0]}` is missing" if missing else "it holds an unknown member"
        refuse(Cause.MALFORMED, f"{what}: {wrong}")
    return Fields(what, tree)


def time_to_text(moment: datetime.datetime) -> str:
    """RFC 3339 in UTC, to the second. ``moment`` must be aware."""
    assert moment.tzinfo is not None, "a time without its zone is no moment"
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Fields:
    """An object's members. Each method raises BundleRefused (malformed) for another type."""

    what: str
    members: dict[str, Tree]

    def text(self, name: str) -> str:
        """1 to 512 characters: NFC, nothing hidden."""
        return self._text(self.members[name], name)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of at most 256 texts, none twice."""
        found = tuple(self._text(item, name) for item in self._items(name))
        if len(set(found)) != len(found):
            self._refuse(name, "names something twice")
        return found

    def whole(self, name: str, least: int) -> int:
        """A whole number of at most 15 digits, written without point; neither a text nor true."""
        value = self.members[name]
        if not isinstance(value, Number) or not _WHOLE.fullmatch(value) or int(value) < least:
            self._refuse(name, f"expected a whole number of at least {least}")
        return int(value)

    def truth(self, name: str) -> bool:
        value = self.members[name]
        if not isinstance(value, bool):
            self._refuse(name, "expected true or false")
        return value

    def hex_32(self, name: str) -> str:
        """32 bytes as lower-case hex."""
        value = self.text(name)
        if not _HEX_32.fullmatch(value):
            self._refuse(name, "expected 64 lower-case hex digits")
        return value

    def hex_32_or_null(self, name: str) -> str | None:
        return None if self.members[name] is None else self.hex_32(name)

    def time(self, name: str) -> datetime.datetime:
        """RFC 3339 in UTC, to the second: ``2026-01-31T09:00:00Z``; the years 1970 to 2199."""
        value = self.text(name)
        try:
            moment = datetime.datetime.fromisoformat(value if _TIME.fullmatch(value) else "")
        except ValueError:
            self._refuse(name, "expected a time such as 2026-01-31T09:00:00Z")
        # Whoever counts nanoseconds in 64 bits comes as far as 2262.
        if not _YEAR_MIN <= moment.year < _YEAR_END:
            self._refuse(name, f"expected a year from {_YEAR_MIN} to {_YEAR_END - 1}")
        return moment

    def objects(self, name: str, names: frozenset[str]) -> Iterator[Fields]:
        """A list of at most 256 objects with exactly the members ``names``."""
        for at, item in enumerate(self._items(name)):
            yield fields_of(item, f"{self.what}: {name}[{at}]", names)

    def inner(self, name: str, names: frozenset[str]) -> Fields:
        """An object with exactly the members ``names``."""
        return fields_of(self.members[name], f"{self.what}: {name}", names)

    def _items(self, name: str) -> list[Tree]:
        value = self.members[name]
        if not isinstance(value, list) or len(value) > LIST_MAX:
            self._refuse(name, f"expected a list of at most {LIST_MAX} items")
        return value

    def _text(self, value: Tree, name: str) -> str:
        if not isinstance(value, str) or isinstance(value, Number) or not value:
            self._refuse(name, "expected a text that is not empty")
        try:
            check_identifier(value, name, TEXT_CHARS_MAX)
        except CanonicalError as error:
            self._refuse(name, str(error))
        return value

    def _refuse(self, name: str, message: str) -> NoReturn:
        refuse(Cause.MALFORMED, f"{self.what}: `{name}`: {message}")
