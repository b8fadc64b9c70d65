"""LDIF (RFC 2849) to a roster: content records only, no change records, no URLs. No I/O."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pdp.authoring.people.roster import Roster, RosterError, Wanted, attribute

ID_DEFAULT: Final = "uid"
GROUPS_DEFAULT: Final = "memberOf"
_CLASS: Final = "objectclass"
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*", re.ASCII)
_PAIR: Final = re.compile(r"\\(?:([0-9A-Fa-f]{2})|(.))", re.DOTALL)
# Pictures and keys stand in many a list, and nobody has to ask for them.
_NO_TEXT: Final = "\0"
_CHANGES: Final = frozenset({"changetype", "control"})


@dataclass(slots=True)
class _Entry:
    line: int
    dn: str
    values: dict[str, list[str]] = field(default_factory=dict)

    def of(self, name: str) -> list[str]:
        """Raises ValueError where one of the values is no text."""
        values = self.values.get(name.lower(), [])
        if _NO_TEXT in values:
            raise ValueError(f"`{name}` is not UTF-8 text")
        return values


def roster_from_ldif(
    data: bytes, wanted: Wanted, groups: str = GROUPS_DEFAULT, object_class: str = ""
) -> Roster:
    """Everybody in the entries. ``groups`` holds names of groups (DN), whose first value is the id.

    With ``object_class``, entries that are not of it are left out, and said so. Raises RosterError
    for what is no LDIF; an entry that cannot be used stands in ``problems``.
    """
    roster = Roster()
    skipped = 0
    for entry in _entries(data):
        classes = {value.lower() for value in entry.of(_CLASS)}
        if object_class and object_class.lower() not in classes:
            skipped += 1
            continue
        try:
            _add(roster, entry, wanted, groups)
        except ValueError as error:
            roster.problems.append(f"line {entry.line}: {error}")
    if skipped:
        roster.left_out.append(f"{skipped} that are no `{object_class}`")
    roster.describe_groups()
    return roster


def _add(roster: Roster, entry: _Entry, wanted: Wanted, groups: str) -> None:
    ids = entry.of(wanted.id)
    if len(ids) != 1:
        raise ValueError(f"expected one `{wanted.id}`, and there are {len(ids)}")
    attributes = {
        name: attribute(wanted, name, entry.of(column))
        for name, column in wanted.attributes.items()
        if entry.of(column)
    }
    uids = []
    if wanted.group_type:
        uids = [f"{wanted.group_type}::{first_value(dn)}" for dn in entry.of(groups)]
    roster.add(f"line {entry.line}", wanted.type, ids[0], attributes, uids)


def first_value(dn: str) -> str:
    """The value of a name's first part: `support` of `cn=support,ou=groups`. Raises ValueError."""
    first = re.match(r"(?:[^\\,+]|\\.)*", dn, re.DOTALL)
    part = first[0] if first else ""
    following = dn[len(part) : len(part) + 1]
    if following == "+":
        raise ValueError("a group's name begins with several values")
    name, equals, value = part.partition("=")
    if (
        not equals
        or not _NAME.fullmatch(name.strip())
        or following == "\\"
        or not value
        or value[0] in '"#'
    ):
        raise ValueError("a group's name is no DN such as `cn=support,ou=groups`")
    return _unescaped(value)


def _unescaped(value: str) -> str:
    """A backslash and two digits are a byte of UTF-8; before anything else it is left out."""
    data = bytearray()
    at = 0
    for found in _PAIR.finditer(value):
        data += value[at : found.start()].encode()
        data += bytes.fromhex(found[1]) if found[1] else found[2].encode()
        at = found.end()
    data += value[at:].encode()
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError("a group's name is not UTF-8 text") from None


# ---------------------------------------------------------------- reading


def _entries(data: bytes) -> Iterator[_Entry]:
    """Entries, each with the line it begins at. Raises RosterError."""
    entry: _Entry | None = None
    is_first = True
    for line, text in _unfolded(data):
        if not text:
            if entry is not None:
                yield entry
            entry = None
            continue
        name, value = _pair(line, text)
        if is_first and name == "version":
            if value != "1":
                raise RosterError([f"line {line}: expected LDIF version 1"])
            is_first = False
            continue
        is_first = False
        if name in _CHANGES:
            raise RosterError([f"line {line}: this is a list of changes; export the entries"])
        if name == "dn":
            if entry is not None:
                raise RosterError([f"line {line}: expected an empty line before the next entry"])
            entry = _Entry(line, value)
        elif entry is None:
            raise RosterError([f"line {line}: expected `dn:` at the start of an entry"])
        else:
            entry.values.setdefault(name, []).append(value)
    if entry is not None:
        yield entry


def _unfolded(data: bytes) -> Iterator[tuple[int, str]]:
    """Lines put together again, each with its number; comments are left out."""
    try:
        lines = data.decode().replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError:
        raise RosterError(["the file is not UTF-8 text; expected other bytes in base64"]) from None
    whole: tuple[int, str] | None = None
    for number, text in enumerate(lines, 1):
        if text.startswith(" "):
            if whole is None or not whole[1]:
                raise RosterError([f"line {number}: it continues nothing"])
            whole = (whole[0], whole[1] + text[1:])
            continue
        if whole is not None and not whole[1].startswith("#"):
            yield whole
        whole = (number, text)
    if whole is not None and not whole[1].startswith("#"):
        yield whole


def _pair(line: int, text: str) -> tuple[str, str]:
    """An attribute's name, in lower case and without options, and its value."""
    described, colon, value = text.partition(":")
    name = described.partition(";")[0]
    if not colon or not _NAME.fullmatch(name):
        raise RosterError([f"line {line}: expected `name: value`"])
    if value.startswith("<"):
        raise RosterError([f"line {line}: a value that stands elsewhere is not fetched"])
    if not value.startswith(":"):
        return name.lower(), value.lstrip(" ")
    try:
        return name.lower(), base64.b64decode(value[1:].strip(" "), validate=True).decode()
    except UnicodeDecodeError:
        return name.lower(), _NO_TEXT
    except ValueError:
        raise RosterError([f"line {line}: the value is not base64"]) from None
