"""What the names of one bundle stand for, before any expression is typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pdp.lang import complaints, nodes
from pdp.lang.checked import Const
from pdp.lang.checking import values
from pdp.lang.checking.schema import BROKEN, Report, SchemaBuilder, check_reserved
from pdp.lang.types import EntityT, EnumT, Schema, Type


@dataclass(slots=True)
class Names(values.Constants):
    """Every declaration by name. ``values`` holds groups, consts and data."""

    schema: Schema = field(default_factory=Schema)
    enums: Mapping[str, EnumT] = field(default_factory=dict)
    governs: tuple[str, ...] = ()
    group_decls: dict[str, nodes.GroupDecl] = field(default_factory=dict)
    predicates: dict[str, nodes.PredicateDecl] = field(default_factory=dict)
    predicate_params: dict[str, dict[str, Type]] = field(default_factory=dict)
    action_sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    routes: dict[str, nodes.RouteDecl] = field(default_factory=dict)

    def governed(self, action: str) -> bool:
        """Whether the bundle line covers this action: itself or a dotted prefix of it."""
        return any(action == word or action.startswith(f"{word}.") for word in self.governs)

    def groups(self) -> list[str]:
        return list(self.group_decls)


def collect(
    declarations: Iterable[nodes.Declaration],
    builder: SchemaBuilder,
    governs: tuple[str, ...],
    files: Mapping[str, bytes],
    report: Report,
) -> Names:
    """Enter every named declaration; values are read and typed here. The schema is built."""
    schema = builder.schema
    names = Names(schema.entities, schema=schema, enums=builder.enums, governs=governs)
    first: dict[tuple[str, str], nodes.Name] = {}
    for decl in declarations:
        match decl:
            case nodes.GroupDecl():
                if _enter(first, "value", decl.name, report):
                    _add_group(names, decl, report)
            case nodes.ConstDecl():
                if _enter(first, "value", decl.name, report):
                    declared = builder.resolve(decl.type, bounded=False)
                    value = values.read(decl.value, declared, names, report)
                    if value is None or declared is BROKEN:
                        names.refused.add(decl.name.text)
                    else:
                        names.values[decl.name.text] = Const(value, declared, decl.name.span)
            case nodes.DataDecl():
                if _enter(first, "value", decl.name, report):
                    declared = builder.resolve(decl.type)
                    value = values.read_data(decl.file, declared, files, report)
                    if value is None or declared is BROKEN:
                        names.refused.add(decl.name.text)
                    else:
                        names.values[decl.name.text] = Const(value, declared, decl.name.span)
            case nodes.PredicateDecl():
                if _enter(first, "value", decl.name, report):
                    _add_predicate(names, decl, builder, report)
            case nodes.WindowDecl():
                if _enter(first, "value", decl.name, report):
                    report.append(complaints.not_yet(decl.name.span, "`window`"))
                    names.refused.add(decl.name.text)
            case nodes.RouteDecl():
                if _enter(first, "route", decl.name, report):
                    names.routes[decl.name.text] = decl
            case nodes.ActionsDecl():
                if _enter(first, "action set", decl.name, report):
                    _add_action_set(names, decl, report)
            case _:
                pass  # the other declarations name nothing that expressions can use
    return names


def _enter(
    first: dict[tuple[str, str], nodes.Name], space: str, name: nodes.Name, report: Report
) -> bool:
    check_reserved(name, report)
    before = first.setdefault((space, name.text), name)
    if before is not name:
        report.append(complaints.duplicate(name.span, space, name.text, before.span))
    return before is name


def _add_group(names: Names, decl: nodes.GroupDecl, report: Report) -> None:
    type_name = decl.entity.type.text
    names.group_decls[decl.name.text] = decl
    if type_name not in names.schema.entities:
        report.append(
            complaints.unknown_type(decl.entity.type.span, type_name, names.schema.entities)
        )
        names.refused.add(decl.name.text)
        return
    values.check_id(decl.entity.id, report)
    uid = f"{type_name}::{decl.entity.id.value}"
    names.values[decl.name.text] = Const(uid, EntityT(frozenset({type_name})), decl.name.span)


def _add_predicate(
    names: Names, decl: nodes.PredicateDecl, builder: SchemaBuilder, report: Report
) -> None:
    if decl.params is None:
        report.append(
            complaints.not_yet(
                decl.name.span,
                "a predicate without parameters",
                f"give it what it reads: `predicate {decl.name.text}(x: TYPE) = …`",
            )
        )
        names.refused.add(decl.name.text)
        return
    params: dict[str, Type] = {}
    for param in decl.params:
        check_reserved(param.name, report)
        if param.name.text in params:
            report.append(complaints.duplicate(param.name.span, "parameter", param.name.text))
        params[param.name.text] = builder.resolve(param.type, bounded=False)
    names.predicates[decl.name.text] = decl
    names.predicate_params[decl.name.text] = params


def _add_action_set(names: Names, decl: nodes.ActionsDecl, report: Report) -> None:
    if decl.name.text in names.schema.actions:
        report.append(complaints.duplicate(decl.name.span, "action", decl.name.text))
    members: list[str] = []
    for member in decl.members:
        if member.text in names.schema.actions:
            members.append(member.text)
        elif "." not in member.text and (
            member.text in names.action_sets or member.text == decl.name.text
        ):
            report.append(complaints.not_yet(member.span, "an action set inside an action set"))
        else:
            report.append(complaints.unknown_action(member.span, member.text, names.schema.actions))
    names.action_sets[decl.name.text] = tuple(members)
