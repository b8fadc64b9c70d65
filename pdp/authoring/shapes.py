"""The types that tools need, before they have names; identical ones are one. No text is made."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pdp.authoring.naming import type_name, words


@dataclass(frozen=True, slots=True)
class Plain:
    """A primitive by its word, such as ``string`` or ``json``."""

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
        # What one declaration refers to stands before it.
        self.declarations: list[Declaration] = []

    def add(self, declaration: Declaration, place: Place) -> Declared:
        """The number of ``declaration``, which is new or has been used before."""
        index = self._indices.setdefault(declaration, len(self.declarations))
        if index == len(self.declarations):
            self.declarations.append(declaration)
            self._places.append(place)
        return Declared(index)

    def is_enum(self, type_: TypeRef) -> bool:
        return isinstance(type_, Declared) and isinstance(self.declarations[type_.index], Enum)

    def names(self) -> list[str]:
        """A name for each: the server and the field, with the tool where that is not enough."""
        short = [type_name([*words(p.server), *words(p.path[-1])]) for p in self._places]
        counts = Counter(short)
        tried: Counter[str] = Counter()
        names: dict[str, None] = {}
        for place, wanted in zip(self._places, short, strict=True):
            parts = (place.server, place.tool, *place.path)
            long = type_name(word for part in parts for word in words(part))
            first = found = wanted if counts[wanted] == 1 else long
            while found in names or found == "Risk" or (found in counts and found != wanted):
                tried[first] += 1
                found = f"{first}{tried[first] + 1}"
            names[found] = None
        return list(names)
