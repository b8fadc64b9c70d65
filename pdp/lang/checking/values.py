"""Closed values to checked values and to wire JSON: constants, data, fixtures, test records."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from pdp import canonical
from pdp.canonical import CanonicalError, Number, Tree
from pdp.lang import complaints, nodes
from pdp.lang.checked import Const, Value
from pdp.lang.checking.report import BROKEN, Report
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.source import Span
from pdp.lang.types import (
    DECIMAL_DIGITS,
    DECIMAL_SCALE,
    DECIMAL_UNITS_MAX,
    INT_MAX,
    INT_MIN,
    IPV6_BASE,
    PATH,
    US_PER_MS,
    CollT,
    EntityT,
    EnumT,
    FieldT,
    Prim,
    RecordT,
    Type,
    describe,
)

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND: Final = datetime.timedelta(microseconds=1)
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
_INT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)


@dataclass(slots=True)
class Constants:
    """Names that stand for values. ``refused`` were declared, but reported: uses stay silent."""

    entity_types: Collection[str]
    values: dict[str, Const] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)


def decimal_units(digits: str) -> int | None:
    """Decimal digits to units of 1/10,000, or None: too many digits, or out of range."""
    if not _DECIMAL.fullmatch(digits):
        return None
    whole, _, fraction = digits.partition(".")
    if len(fraction) > DECIMAL_DIGITS or len(whole) > len(str(DECIMAL_UNITS_MAX)):
        return None
    units = abs(int(whole)) * DECIMAL_SCALE + int(fraction.ljust(DECIMAL_DIGITS, "0"))
    if units > DECIMAL_UNITS_MAX:
        return None
    return -units if digits.startswith("-") else units


def decimal_digits(units: int) -> str:
    """Units of 1/10,000 to the shortest decimal digits."""
    whole, fraction = divmod(abs(units), DECIMAL_SCALE)
    text = f"{whole}.{fraction:0{DECIMAL_DIGITS}d}"
    return ("-" if units < 0 else "") + canonical.normalised_number(text)


def timestamp_us(text: str) -> int | None:
    """RFC 3339 text with a zone to microseconds since 1970, or None if there is no such time."""
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if when.tzinfo is None else (when - _EPOCH) // _MICROSECOND


def timestamp_text(us: int) -> str:
    """Microseconds since 1970 to RFC 3339 in UTC."""
    return (_EPOCH + us * _MICROSECOND).isoformat().replace("+00:00", "Z")


def check_id(text: nodes.Text, report: Report) -> None:
    """Report an entity id that no request could carry."""
    try:
        canonical.check_identifier(text.value, "")
    except CanonicalError as error:
        report.append(complaints.bad_value(text.span, f"the id {error}"))
    if not text.value:
        report.append(complaints.bad_value(text.span, "the id is empty"))


def literal_value(node: nodes.Literal, report: Report, *, negative: bool = False) -> Value | None:
    """A literal's checked value; its range is checked here."""
    sign = -1 if negative else 1
    match node.kind:
        case "int":
            value = sign * int(node.value)
            if not INT_MIN <= value <= INT_MAX:
                report.append(complaints.out_of_range(node.span, "an int has at most 64 bits"))
                return None
            return value
        case "decimal":
            units = decimal_units(str(node.value))
            if units is None:
                message = f"a decimal has at most {DECIMAL_DIGITS} decimals and is under 10^14"
                report.append(complaints.out_of_range(node.span, message))
                return None
            return sign * units
        case "timestamp":
            us = timestamp_us(str(node.value))
            if us is None:
                message = f"`{node.value}` is not a time"
                report.append(complaints.bad_value(node.span, message))
            return us
        case "duration":
            return int(node.value) * US_PER_MS
        case "ip":
            number = ip_number(str(node.value))
            if number is None:
                report.append(_bad_network(node, "address", '`ip "10.1.2.3"`'))
            return number
        case "cidr":
            network = cidr_range(str(node.value))
            if network is None:
                report.append(_bad_network(node, "network", '`cidr "10.0.0.0/8"`'))
            return network
        case "string" | "bool":
            return node.value
        case kind:
            raise AssertionError(f"a literal of an unexpected kind: {kind}")


def path_value(text: str, span: Span, report: Report) -> Value | None:
    """A path literal: absolute and normalised, or None after reporting."""
    if is_normalised_path(text):
        return text
    report.append(
        complaints.bad_value(
            span, f"`{text}` is not a normalised absolute path", "write it as `/srv/app`"
        )
    )
    return None


def is_normalised_path(text: str) -> bool:
    """Whether a path starts at the root and has no empty, `.` or `..` segment, and no NUL."""
    if text == "/":
        return True
    segments = text.split("/")
    wrong = {"", ".", ".."}
    return segments[0] == "" and len(segments) > 1 and not wrong & set(segments[1:])


def ip_number(text: str) -> int | None:
    """An address in canonical form to its number (IPv6 from 2**128 on), or None.

    IPv4-mapped IPv6 and zone ids are refused: they are second spellings of something else.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if str(address) != text or not text.isascii():
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return int(address)
    if address.ipv4_mapped is not None or address.scope_id is not None:
        return None
    return IPV6_BASE + int(address)


def ip_text(number: int) -> str:
    """The canonical form of an address number."""
    if number >= IPV6_BASE:
        return str(ipaddress.IPv6Address(number - IPV6_BASE))
    return str(ipaddress.IPv4Address(number))


def cidr_range(text: str) -> tuple[int, int] | None:
    """A network in canonical form to its first and last address number, or None."""
    base, _, prefix = text.partition("/")
    first = ip_number(base)
    if first is None or not _INT.fullmatch(prefix) or prefix.startswith("-"):
        return None
    bits = 128 if first >= IPV6_BASE else 32
    size = 1 << (bits - int(prefix)) if int(prefix) <= bits else 0
    start = first - (IPV6_BASE if first >= IPV6_BASE else 0)
    if not size or start % size:
        return None
    return first, first + size - 1


def cidr_text(network: tuple[int, int]) -> str:
    """The canonical form of a network."""
    first, last = network
    bits = 128 if first >= IPV6_BASE else 32
    return f"{ip_text(first)}/{bits - (last - first).bit_length()}"


def _bad_network(node: nodes.Literal, what: str, example: str) -> Diagnostic:
    message = f"`{node.value}` is not a network {what} in its canonical form"
    return complaints.bad_value(node.span, message, f"write it as {example}")


def read(node: nodes.Value, expected: Type, names: Constants, report: Report) -> Value | None:
    """A closed value of the expected type, or None after reporting why not."""
    if expected is BROKEN:
        return None
    match node:
        case nodes.Literal():
            if expected == Prim(node.kind):
                return literal_value(node, report)
            if expected == PATH and node.kind == "string":
                return path_value(str(node.value), node.span, report)
            if Prim(node.kind) == Prim("int") and expected == Prim("decimal"):
                hint = f"write `{node.value}.00`"
                report.append(complaints.type_mismatch(node.span, "decimal", "int", hint))
                return None
            report.append(_mismatch(node, expected, node.kind))
            return None
        case nodes.Negative(operand=nodes.Literal() as literal):
            if literal.kind in {"int", "decimal"} and expected == Prim(literal.kind):
                return literal_value(literal, report, negative=True)
            report.append(_mismatch(node, expected, literal.kind))
            return None
        case nodes.Negative():
            report.append(_mismatch(node, expected, "a negated value"))
            return None
        case nodes.EntityLiteral():
            return _entity(node, expected, names, report)
        case nodes.Name():
            return _name(node, expected, names, report)
        case nodes.ListValue():
            return _list(node, expected, names, report)
        case nodes.RecordValue():
            if isinstance(expected, RecordT):
                return read_record(node, expected.fields, describe(expected), names, report)
            report.append(_mismatch(node, expected, "a record"))
            return None
        case _:
            assert_never(node)


def read_record(
    node: nodes.RecordValue, fields: Sequence[FieldT], what: str, names: Constants, report: Report
) -> dict[str, Value] | None:
    """The members of a record value by Charter name; every mandatory field must be there."""
    known = {declared.name: declared for declared in fields}
    members: dict[str, Value] = {}
    fine = True
    for name, value_node in node.pairs:
        target = known.get(name.text)
        if target is None:
            report.append(complaints.unknown_attribute(name.span, name.text, what, list(known)))
            fine = False
            continue
        if name.text in members:
            report.append(complaints.duplicate(name.span, "field", name.text))
        value = read(value_node, target.type, names, report)
        if value is None:
            fine = False
        members[name.text] = value if value is not None else False
    for declared in fields:
        if not declared.may_be_absent and declared.name not in members:
            report.append(complaints.missing_field(node.span, declared.name, what))
            fine = False
    return members if fine else None


def to_tree(value: Value, type_: Type) -> Tree:
    """A checked value as the JSON a caller would send (wire names)."""
    match type_:
        case Prim(name="decimal"):
            return Number(decimal_digits(_whole(value)))
        case Prim(name="timestamp"):
            return timestamp_text(_whole(value))
        case Prim(name="duration"):
            return duration_text(_whole(value))
        case Prim(name="int"):
            return Number(_whole(value))
        case Prim(name="ip"):
            return ip_text(_whole(value))
        case Prim(name="cidr"):
            assert isinstance(value, tuple)
            return cidr_text((_whole(value[0]), _whole(value[1])))
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


def duration_text(us: int) -> str:
    """Microseconds (whole milliseconds) as Charter writes a duration, in its largest exact unit."""
    ms = us // US_PER_MS
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"


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
        case Prim(name="int"), Number() if _INT.fullmatch(tree):
            found = int(tree) if INT_MIN <= int(tree) <= INT_MAX else None
        case Prim(name="decimal"), str():
            found = decimal_units(tree)
        case Prim(name="string"), str() if not isinstance(tree, Number):
            found = tree
        case Prim(name="timestamp"), str() if not isinstance(tree, Number):
            found = timestamp_us(tree)
        case Prim(name="path"), str() if not isinstance(tree, Number):
            found = tree if is_normalised_path(tree) else None
        case Prim(name="ip"), str() if not isinstance(tree, Number):
            found = ip_number(tree)
        case Prim(name="cidr"), str() if not isinstance(tree, Number):
            found = cidr_range(tree)
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
        members[target.name] = from_tree(item, target.type, f"{path}.{wire}".lstrip("."))
    for declared in expected.fields:
        if not declared.optional and declared.name not in members:
            raise CanonicalError(f"`{declared.wire}` is missing", path)
    return members


def _entity(
    node: nodes.EntityLiteral, expected: Type, names: Constants, report: Report
) -> Value | None:
    check_id(node.id, report)
    if node.type.text not in names.entity_types:
        report.append(complaints.unknown_type(node.type.span, node.type.text, names.entity_types))
        return None
    if not isinstance(expected, EntityT) or node.type.text not in expected.names:
        report.append(_mismatch(node, expected, node.type.text))
        return None
    return f"{node.type.text}::{node.id.value}"


def _name(node: nodes.Name, expected: Type, names: Constants, report: Report) -> Value | None:
    if isinstance(expected, EnumT):
        if node.text in expected.members:
            return expected.members.index(node.text) if expected.ordered else node.text
        report.append(
            complaints.unknown_member(node.span, node.text, expected.name, expected.members)
        )
        return None
    const = names.values.get(node.text)
    if const is None:
        if node.text not in names.refused:
            report.append(complaints.unknown_name(node.span, node.text, names.values))
        return None
    if isinstance(expected, EntityT) and isinstance(const.type, EntityT):
        if const.type.names <= expected.names:
            return const.value
    elif const.type == expected:
        return const.value
    report.append(_mismatch(node, expected, describe(const.type)))
    return None


def _list(node: nodes.ListValue, expected: Type, names: Constants, report: Report) -> Value | None:
    if not isinstance(expected, CollT):
        report.append(_mismatch(node, expected, "a list"))
        return None
    items = [read(item, expected.item, names, report) for item in node.items]
    if any(item is None for item in items):
        return None
    found = tuple(item for item in items if item is not None)
    if not expected.lo <= len(found) <= expected.hi:
        what = f"{expected.lo} to {expected.hi} items"
        report.append(complaints.type_mismatch(node.span, what, str(len(found))))
        return None
    again = first_duplicate(found) if expected.kind == "set" else None
    if again is not None:
        report.append(complaints.bad_value(node.items[again].span, "a set holds each member once"))
        return None
    return found


def _mismatch(node: nodes.Value, expected: Type, found: str) -> Diagnostic:
    return complaints.type_mismatch(node.span, describe(expected), found)


def _whole(value: Value) -> int:
    assert isinstance(value, int)
    assert not isinstance(value, bool)
    return value
