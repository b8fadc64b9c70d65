"""Closed values to checked values and to wire JSON: constants, data, fixtures, test records."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from pdp import canonical
from pdp.canonical import CanonicalError
from pdp.lang import complaints, nodes
from pdp.lang.checked import Const, Value
from pdp.lang.declared import scalars, wirevalues
from pdp.lang.declared.report import BROKEN, Report
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.source import Span
from pdp.lang.types import (
    DECIMAL_DIGITS,
    INT_MAX,
    INT_MIN,
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


@dataclass(slots=True)
class Constants:
    """Names that stand for values. ``refused`` were declared, but reported: uses stay silent."""

    entity_types: Collection[str]
    values: dict[str, Const] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)


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
            units = scalars.decimal_units(str(node.value))
            if units is None:
                message = f"a decimal has at most {DECIMAL_DIGITS} decimals and is under 10^14"
                report.append(complaints.out_of_range(node.span, message))
                return None
            return sign * units
        case "timestamp":
            us = scalars.timestamp_us(str(node.value))
            if us is None:
                message = f"`{node.value}` is not a time"
                report.append(complaints.bad_value(node.span, message))
            return us
        case "duration":
            return int(node.value) * US_PER_MS
        case "ip":
            number = scalars.ip_number(str(node.value))
            if number is None:
                report.append(_bad_network(node, "address", '`ip "10.1.2.3"`'))
            return number
        case "cidr":
            network = scalars.cidr_range(str(node.value))
            if network is None:
                report.append(_bad_network(node, "network", '`cidr "10.0.0.0/8"`'))
            return network
        case "string":
            return node.value if _can_occur(str(node.value), node.span, report) else None
        case "bool":
            return node.value
        case kind:
            raise AssertionError(f"a literal of an unexpected kind: {kind}")


def path_value(text: str, span: Span, report: Report) -> Value | None:
    """A path literal: absolute and normalised, or None after reporting."""
    if scalars.is_normalised_path(text):
        return text if _can_occur(text, span, report) else None
    report.append(
        complaints.bad_value(
            span, f"`{text}` is not a normalised absolute path", "write it as `/srv/app`"
        )
    )
    return None


def _can_occur(text: str, span: Span, report: Report) -> bool:
    """Whether a request could carry the text: what none can would never be equal to anything."""
    try:
        canonical.check_text(text, "")
    except CanonicalError as error:
        report.append(complaints.bad_value(span, f"no request can carry this text: {error}"))
        return False
    return True


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
    again = wirevalues.first_duplicate(found) if expected.kind == "set" else None
    if again is not None:
        report.append(complaints.bad_value(node.items[again].span, "a set holds each member once"))
        return None
    return found


def _mismatch(node: nodes.Value, expected: Type, found: str) -> Diagnostic:
    return complaints.type_mismatch(node.span, describe(expected), found)
