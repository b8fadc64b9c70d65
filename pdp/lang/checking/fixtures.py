"""Fixtures to typed entities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pdp import canonical
from pdp.canonical import CanonicalError
from pdp.lang import complaints, nodes
from pdp.lang.checked import Const, Fixture
from pdp.lang.declared import values, wirevalues
from pdp.lang.declared.names import Names
from pdp.lang.declared.report import Report, check_reserved
from pdp.lang.types import EntityT, FieldT

# The clock of a test that does not set one: 2026-01-01T00:00:00Z.


def check_fixtures(
    decls: Iterable[nodes.FixtureDecl], names: Names, report: Report
) -> dict[str, Fixture]:
    """Every fixture by name. A fixture may use any other as a parent or a value."""
    declared: dict[str, nodes.FixtureDecl] = {}
    types: dict[str, str] = {}
    for decl in decls:
        check_reserved(decl.name, report)
        before = declared.get(decl.name.text)
        if before is not None:
            report.append(
                complaints.duplicate(decl.name.span, "fixture", decl.name.text, before.name.span)
            )
        else:
            type_name = names.builder.declared_entity(decl.entity.type)
            if type_name is not None:
                declared[decl.name.text] = decl
                types[decl.name.text] = type_name
    consts = {
        name: Const(
            f"{types[name]}::{decl.entity.id.value}",
            EntityT(frozenset({types[name]})),
            decl.name.span,
        )
        for name, decl in declared.items()
    }
    known = replace(names, values={**names.values, **consts})
    return {name: _fixture(decl, types[name], known, report) for name, decl in declared.items()}


def _fixture(decl: nodes.FixtureDecl, type_name: str, names: Names, report: Report) -> Fixture:
    values.check_id(decl.entity.id, report)
    definition = names.schema.entities[type_name]
    parents: list[str] = []
    for name in decl.parents:
        const = names.values.get(name.text)
        if name.text in names.refused or names.is_ambiguous(name, report):
            continue
        if const is None or not isinstance(const.type, EntityT):
            report.append(complaints.unknown_group(name.span, name.text, names.groups()))
            continue
        (parent_type,) = const.type.names
        if parent_type not in definition.parents:
            report.append(
                complaints.bad_parent(name.span, definition.name, parent_type, definition.parents)
            )
            continue
        parents.append(str(const.value))
    attributes = None
    if decl.record is not None:
        attributes = object_text(decl.record, definition.fields, definition.name, names, report)
    elif any(not f.may_be_absent for f in definition.fields) and parents:
        report.append(complaints.missing_field(decl.span, "attributes", definition.name))
    elif parents:
        attributes = "{}"
    return Fixture(
        decl.name.text,
        type_name,
        decl.entity.id.value,
        tuple(parents),
        attributes,
        names.bundle.name,
    )


def object_text(
    record: nodes.RecordValue,
    fields: Sequence[FieldT],
    what: str,
    names: Names,
    report: Report,
) -> str | None:
    """A record value as JSON object text in wire names; None after reporting."""
    members = values.read_record(record, fields, f"`{what}`", names, report)
    if members is None:
        return None
    text = canonical.write(wirevalues.record_tree(members, fields))
    try:
        canonical.parse_object(text)
    except CanonicalError as error:
        report.append(complaints.bad_value(record.span, f"no request could say this: {error}"))
        return None
    return text
