"""Entities on their way into a directory file, each with the place it was read from. No I/O.

Every complaint names its line, or its place in a document without lines; with any of them there is
no file: whoever is left out of a list could be who must be denied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pdp import canonical
from pdp.canonical import CanonicalError, Number, Tree, check_identifier
from pdp.model import GROUPS_MAX, ID_CHARS_MAX, PdpError

INPUT_BYTES_MAX: Final = 64 * 1024 * 1024
PROBLEMS_MAX: Final = 100


class RosterError(PdpError):
    """What is wrong with a list, one line each, at most 100 of them."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems: Final = tuple(problems)[:PROBLEMS_MAX]
        super().__init__(self.problems[0])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What becomes of a list: the type of its people, and of the groups they are in.

    ``attributes`` are names in the schema to names in the list; ``id`` is the latter, too.
    ``group_type`` is empty where groups are left out. ``bools`` and ``ints`` are attributes that
    the schema declares so, ``lists`` those that take several values.
    """

    type: str
    id: str
    attributes: Mapping[str, str]
    group_type: str = ""
    bools: frozenset[str] = frozenset()
    ints: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()


@dataclass(slots=True)
class Roster:
    """Entities by type and id; ``left_out`` says of what was skipped on purpose, one line each."""

    entities: dict[tuple[str, str], dict[str, Tree]] = field(default_factory=dict)
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(
        self, place: str, type_: str, id_: str, attributes: dict[str, Tree], groups: Iterable[str]
    ) -> None:
        """One entity; ``groups`` are written ``Type::id``. What is wrong goes to ``problems``."""
        key = (type_, id_)
        listed = list(groups)
        problem = _id_problem(id_) or _groups_problem(listed)
        if key in self.places:
            problem = problem or f"`{type_}::{id_}` stands at {self.places[key]} already"
        if problem:
            self.problems.append(f"{place}: {problem}")
            return
        entry: dict[str, Tree] = {}
        if attributes:
            entry["attributes"] = dict(sorted(attributes.items()))
        if listed:
            entry["groups"] = list[Tree](sorted(listed))
        self.entities[key] = entry
        self.places[key] = place

    def describe_groups(self) -> None:
        """Add every group that somebody is in and nothing describes."""
        named = {
            str(uid) for entry in self.entities.values() for uid in _listed(entry.get("groups"))
        }
        for uid in sorted(named):
            type_, _, id_ = uid.partition("::")
            self.entities.setdefault((type_, id_), {})


def roster_to_bytes(roster: Roster) -> bytes:
    """The directory file: sorted, the same for the same people. Raises RosterError."""
    if roster.problems:
        raise RosterError(roster.problems)
    if not roster.entities:
        raise RosterError(["the list names nobody"])
    tree: dict[str, dict[str, Tree]] = {}
    for type_, id_ in sorted(roster.entities):
        tree.setdefault(type_, {})[id_] = roster.entities[(type_, id_)]
    return _spelled(tree).encode()


def attribute(wanted: Wanted, name: str, values: list[str]) -> Tree:
    """The values of one attribute as the schema types it. Raises ValueError, with what is wrong."""
    if name in wanted.lists:
        return [_value(wanted, name, value) for value in values]
    if len(values) != 1:
        raise ValueError(f"`{name}` has {len(values)} values, and takes one")
    return _value(wanted, name, values[0])


def checked_text(text: str) -> str:
    """A text that may stand in a directory file. Raises ValueError, with what is wrong."""
    try:
        canonical.check_text(text, "")
    except CanonicalError as error:
        raise ValueError(str(error)) from None
    return text


def _value(wanted: Wanted, name: str, text: str) -> Tree:
    if name in wanted.bools:
        if text not in {"true", "false"}:
            raise ValueError(f"`{name}`: expected true or false")
        return text == "true"
    if name in wanted.ints:
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()) or (digits != "0" and digits[0] == "0"):
            raise ValueError(f"`{name}`: expected a whole number")
        return Number(text)
    try:
        return checked_text(text)
    except ValueError as error:
        raise ValueError(f"`{name}` {error}") from None


def _id_problem(id_: str) -> str:
    if not id_:
        return "the id is empty"
    try:
        check_identifier(id_, "", ID_CHARS_MAX)
    except CanonicalError as error:
        return f"the id {error}"
    return ""


def _groups_problem(groups: list[str]) -> str:
    if len(groups) > GROUPS_MAX:
        return f"it is in more than {GROUPS_MAX} groups"
    if len(set(groups)) != len(groups):
        return "it names a group twice"
    for uid in groups:
        problem = _id_problem(uid.partition("::")[2])
        if problem:
            return f"a group: {problem}"
    return ""


def _listed(tree: Tree) -> list[Tree]:
    return tree if isinstance(tree, list) else []


def _spelled(tree: dict[str, dict[str, Tree]]) -> str:
    """One line an entity, so that a review shows who changed."""
    types = []
    for type_, entities in tree.items():
        lines = ",\n".join(
            f"    {canonical.write(id_)}: {canonical.write(entry)}"
            for id_, entry in entities.items()
        )
        types.append(f"  {canonical.write(type_)}: {{\n{lines}\n  }}")
    return "{\n" + ",\n".join(types) + "\n}\n"
