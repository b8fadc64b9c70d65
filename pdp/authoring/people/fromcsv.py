"""CSV (RFC 4180, UTF-8, a header row) to a roster. No I/O."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from pdp.authoring.people.roster import Roster, RosterError, Wanted, attribute

SEPARATOR: Final = ";"


def roster_from_csv(data: bytes, wanted: Wanted, groups: str = "") -> Roster:
    """Everybody in the rows. ``groups`` is the column of groups' ids, with `;` between them.

    An empty cell is an attribute that is absent. Raises RosterError for what is no such table; a
    bad row stands in ``problems``.
    """
    roster = Roster()
    rows = _rows(data)
    header = next(rows, None)
    if header is None:
        raise RosterError(["the file is empty; expected a header row"])
    columns = _columns(header[1], wanted, groups)
    for line, row in rows:
        place = f"line {line}"
        if len(row) != len(header[1]):
            roster.problems.append(f"{place}: {len(row)} cells, and the header has {len(columns)}")
            continue
        cells = dict(zip(header[1], row, strict=True))
        _add(roster, place, cells, wanted, groups)
    roster.describe_groups()
    return roster


def _add(roster: Roster, place: str, cells: dict[str, str], wanted: Wanted, groups: str) -> None:
    attributes = {}
    for name, column in wanted.attributes.items():
        if cells[column]:
            values = cells[column].split(SEPARATOR) if name in wanted.lists else [cells[column]]
            try:
                attributes[name] = attribute(wanted, name, values)
            except ValueError as error:
                roster.problems.append(f"{place}: {error}")
                return
    listed = cells[groups].split(SEPARATOR) if groups and cells[groups] else []
    uids = [f"{wanted.group_type}::{id_}" for id_ in listed]
    roster.add(place, wanted.type, cells[wanted.id], attributes, uids)


def _rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Rows, each with the number of its first line."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise RosterError(["the file is not UTF-8 text"]) from None
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            what = "a quote in the wrong place, or a cell that is too long"
            raise RosterError([f"line {line}: not CSV: {what}"]) from None
        if row:
            yield line, row


def _columns(header: list[str], wanted: Wanted, groups: str) -> list[str]:
    if len(set(header)) != len(header):
        raise RosterError(["line 1: a column stands there twice"])
    for column in (wanted.id, *wanted.attributes.values(), *([groups] if groups else [])):
        if column not in header:
            known = ", ".join(f"`{name}`" for name in header)
            raise RosterError([f"line 1: there is no column `{column}`; there are {known}"])
    return header
