"""Checked values to wire JSON and back: data files, fixtures and test records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from pdp import canonical
from pdp.canonical import CanonicalError, Number, Tree
from pdp.lang import complaints, nodes
from pdp.lang.checked import Value
from pdp.lang.declared import scalars
from pdp.lang.declared.report import BROKEN, Report
from pdp.lang.types import (
    INT_MAX,
    INT_MIN,
    CollT,
    EntityT,
    EnumT,
    FieldT,
    Prim,
    RecordT,
    Type,
    describe,
)


def to_tree(value: Value, type_: Type) -> Tree:
    """A checked value as the JSON a caller would send (wire names)."""
    match type_:
        case Prim(name="decimal"):
            return Number(scalars.decimal_digits(_whole(value)))
        case Prim(name="timestamp"):
            return scalars.timestamp_text(_whole(value))
        case Prim(name="duration"):
            return scalars.duration_text(_whole(value))
        case Prim(name="int"):
            return Number(_whole(value))
        case Prim(name="ip"):
            return scalars.ip_text(_whole(value))
        case Prim(name="cidr"):
            assert isinstance(value, tuple)
            return scalars.cidr_text((_whole(value[0]), _whole(value[1])))
        case Prim():
            assert isinstance(value, bool | str)
            return value
        case EnumT():
            rank = _whole(value) if type_.ordered else type_.members.index(str(value))
            return type_.spellings[rank]
        case EntityT():
            return str(value).partition("::")[2]
        case CollT():
            assert isinstance(value, tuple)
            return [to_tree(item, type_.item) for item in value]
        case RecordT():
            assert isinstance(value, dict)
            return record_tree(value, type_.fields)
        case _:
            assert_never(type_)


def record_tree(members: Mapping[str, Value], fields: Sequence[FieldT]) -> dict[str, Tree]:
    """The present members of a record as a JSON object in wire names."""
    return {
        f.wire: to_tree(members[f.name], f.type) if f.name in members else None
        for f in fields
        if f.name in members or (f.nullable and not f.optional)
    }


def read_data(
    file: nodes.Text, expected: Type, files: Mapping[str, bytes], report: Report
) -> Value | None:
    """A data file's value, typed; reports a file that is absent or does not fit."""
    data = files.get(file.value)
    if data is None:
        report.append(complaints.data_file(file.span, file.value, "does not exist"))
        return None
    if expected is BROKEN:
        return None
    try:
        return from_tree(canonical.parse(data.decode()), expected, "")
    except UnicodeDecodeError:
        report.append(complaints.data_file(file.span, file.value, "is not UTF-8 text"))
    except CanonicalError as error:
        where = f" at `{error.path}`" if error.path else ""
        report.append(complaints.data_file(file.span, file.value, f"does not fit: {error}{where}"))
    return None


def from_tree(tree: Tree, expected: Type, path: str) -> Value:
    """A JSON value of the expected type; raises CanonicalError with the path that does not fit."""
    found: Value | None = None
    match expected, tree:
        case Prim(name="bool"), bool():
            found = tree
        case Prim(name="int"), Number() if scalars.INT_DIGITS.fullmatch(tree):
            found = int(tree) if INT_MIN <= int(tree) <= INT_MAX else None
        case Prim(name="decimal"), str():
            found = scalars.decimal_units(tree)
        case Prim(name="string"), str() if not isinstance(tree, Number):
            found = tree
        case Prim(name="timestamp"), str() if not isinstance(tree, Number):
            found = scalars.timestamp_us(tree)
        case Prim(name="path"), str() if not isinstance(tree, Number):
            found = tree if scalars.is_normalised_path(tree) else None
        case Prim(name="ip"), str() if not isinstance(tree, Number):
            found = scalars.ip_number(tree)
        case Prim(name="cidr"), str() if not isinstance(tree, Number):
            found = scalars.cidr_range(tree)
        case EnumT(), str() if not isinstance(tree, Number) and tree in expected.spellings:
            rank = expected.spellings.index(tree)
            found = rank if expected.ordered else expected.members[rank]
        case CollT(), list():
            found = _collection(tree, expected, path)
        case RecordT(), dict():
            found = _record(tree, expected, path)
        case _:
            found = None
    if found is None:
        raise CanonicalError(f"expected {describe(expected)}", path)
    return found


def first_duplicate(items: Sequence[Value]) -> int | None:
    """The index of the first item that an earlier one equals, or None. All are of one type."""
    seen: set[str] = set()
    for index, item in enumerate(items):
        key = repr(item)  # records are dicts, which cannot be hashed
        if key in seen:
            return index
        seen.add(key)
    return None


def _collection(tree: list[Tree], expected: CollT, path: str) -> Value:
    items = tuple(from_tree(item, expected.item, f"{path}[{n}]") for n, item in enumerate(tree))
    if not expected.lo <= len(items) <= expected.hi:
        raise CanonicalError(f"expected {expected.lo} to {expected.hi} items", path)
    if expected.kind == "set" and first_duplicate(items) is not None:
        raise CanonicalError("a set with a duplicate", path)
    return items


def _record(tree: dict[str, Tree], expected: RecordT, path: str) -> Value:
    by_wire = {declared.wire: declared for declared in expected.fields}
    members: dict[str, Value] = {}
    for wire, item in tree.items():
        if wire not in by_wire:
            raise CanonicalError(f"unknown member `{wire}`", path)
        target = by_wire[wire]
        if item is None and target.nullable:
            continue
        members[target.name] = from_tree(item, target.type, f"{path}.{wire}".lstrip("."))
    for declared in expected.fields:
        if not declared.optional and declared.wire not in tree:
            raise CanonicalError(f"`{declared.wire}` is missing", path)
    return members


def _whole(value: Value) -> int:
    assert isinstance(value, int)
    assert not isinstance(value, bool)
    return value
