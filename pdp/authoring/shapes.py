"""The types that tools need, before they have names; identical ones are one. No text is made."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pdp.authoring.naming import type_name, words


@dataclass(frozen=True, slots=True)
class Plain:
    """A primitive by its word: ``string``, ``json`` …"""

    name: str


@dataclass(frozen=True, slots=True)
class Declared:
    """An enum or record, by its number in the ``Registry``."""

    index: int


@dataclass(frozen=True, slots=True)
class Collection:
    """``kind`` is set or list."""

    kind: str
    item: TypeRef
    lo: int
    hi: int


TypeRef: TypeAlias = Plain | Declared | Collection

JSON: Final = Plain("json")


@dataclass(frozen=True, slots=True)
class Field:
    """An argument or a field of a record. What is said about it does not make it another type.

    ``description`` are the server's words, not yet harmless; ``notes`` are ours.
    """

    name: str
    wire: str
    type: TypeRef
    optional: bool
    flags: tuple[str, ...]
    description: str = field(default="", compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Enum:
    """A closed list of texts, as they are on the wire."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Named fields. ``notes`` are ours."""

    fields: tuple[Field, ...]
    notes: tuple[str, ...] = field(default=(), compare=False)


Declaration: TypeAlias = Enum | Record


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a tool's arguments a type is used: the path's wire names, outermost first."""

    server: str
    tool: str
    path: tuple[str, ...]


class Registry:
    """Every enum and record once, in the order first used, with the place of that first use."""

    def __init__(self) -> None:
        self._indices: dict[Declaration, int] = {}
        self._places: list[Place] = []

    def add(self, declaration: Declaration, place: Place) -> Declared:
        """The number of ``declaration``, which is new or has been used before."""
        index = self._indices.setdefault(declaration, len(self._places))
        if index == len(self._places):
            self._places.append(place)
        return Declared(index)

    def declarations(self) -> list[Declaration]:
        """All of them; what one refers to stands before it."""
        return list(self._indices)

    def is_enum(self, type_: TypeRef) -> bool:
        return isinstance(type_, Declared) and isinstance(self.declarations()[type_.index], Enum)

    def names(self) -> list[str]:
        """A name for each: the server and the field, with the tool where that is not enough."""
        short = [type_name([place.server, *words(place.path[-1])]) for place in self._places]
        counts = Counter(short)
        names: list[str] = []
        for place, wanted in zip(self._places, short, strict=True):
            path = [word for part in place.path for word in words(part)]
            long = type_name([place.server, place.tool, *path])
            first = wanted if counts[wanted] == 1 else long
            found, number = first, 1
            while found in names or found == "Risk" or (found in counts and found != wanted):
                number += 1
                found = f"{first}{number}"
            names.append(found)
        return names
