"""Schema declarations to a ``Schema``: enums, levels, records, entities, context and actions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias, assert_never

from pdp.lang import complaints, nodes
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.types import (
    PRIMS,
    RISK,
    ActionDef,
    CollT,
    EntityDef,
    EntityT,
    EnumT,
    FieldT,
    Prim,
    RecordT,
    Schema,
    Type,
)

Report: TypeAlias = list[Diagnostic]

# Stands where a type could not be resolved: already reported, so everything accepts it silently.
BROKEN: Final = Prim("broken")
COLLECTION_MAX: Final = 1_000_000
RESERVED: Final = frozenset(
    "anyone any true false not has and or in some every no count within ip cidr"
    " principal agent user chain resource action args context tool now risk approver".split()
)


def check_reserved(name: nodes.Name, report: Report) -> None:
    """Report a name that the language keeps for itself."""
    if name.text in RESERVED:
        report.append(complaints.reserved(name.span, name.text))


class SchemaBuilder:
    """Collects every type name first, then resolves fields, so that order never matters."""

    def __init__(self, declarations: Iterable[nodes.Declaration], report: Report) -> None:
        self._report = report
        self.enums: dict[str, EnumT] = {"Risk": RISK}
        self.records: dict[str, RecordT] = {}
        self._record_decls: dict[str, nodes.TypeDecl] = {}
        self._resolving: list[str] = []
        self._entity_decls: dict[str, nodes.EntityDecl] = {}
        self._action_decls: list[nodes.ActionDecl] = []
        self._context: nodes.ContextDecl | None = None
        self._first: dict[str, nodes.Name] = {}
        self.schema = Schema()
        for declaration in declarations:
            self._collect(declaration)

    def build(self) -> Schema:
        """Resolve everything collected into ``schema``, usable even after mistakes."""
        for name in self._record_decls:
            self._record(name)
        schema = Schema()
        for name, decl in self._entity_decls.items():
            schema.entities[name] = self._entity(decl)
        for action in self._action_decls:
            self._add_action(schema, action)
        context = self._fields(self._context.record) if self._context else ()
        self._check_agents(schema)
        self.schema = Schema(schema.entities, schema.actions, context)
        return self.schema

    def type_names(self) -> list[str]:
        """Every type name declared."""
        return [*self.enums, *self._record_decls, *self._entity_decls]

    def resolve(self, node: nodes.TypeNode, *, bounded: bool = True) -> Type:
        """A written type to a resolved one; BROKEN when it was reported."""
        match node:
            case nodes.PrimType():
                if node.name not in PRIMS:
                    self._report.append(complaints.not_yet(node.span, f"type `{node.name}`"))
                    return BROKEN
                return PRIMS[node.name]
            case nodes.NamedType():
                return self._named(node)
            case nodes.CollType():
                return self._coll(node, bounded=bounded)
            case nodes.RecordType():
                return RecordT("", self._fields(node))
            case _:
                assert_never(node)

    def _collect(self, declaration: nodes.Declaration) -> None:
        match declaration:
            case nodes.EnumDecl():
                if self._is_new(declaration.name, "type"):
                    self.enums[declaration.name.text] = self._enum(declaration)
            case nodes.TypeDecl():
                if self._is_new(declaration.name, "type"):
                    self._record_decls[declaration.name.text] = declaration
            case nodes.EntityDecl():
                if self._is_new(declaration.name, "type"):
                    self._entity_decls[declaration.name.text] = declaration
            case nodes.ContextDecl():
                if self._context is None:
                    self._context = declaration
                else:
                    first = self._context.span
                    span = declaration.span
                    self._report.append(complaints.duplicate(span, "block", "context", first))
            case nodes.ActionDecl():
                if self._is_new(declaration.name, "action"):
                    self._action_decls.append(declaration)
            case _:
                pass  # not part of the schema

    def _is_new(self, name: nodes.Name, what: str) -> bool:
        key = f"{what} {name.text}"
        first = self._first.get(key)
        if first is None and name.text != "Risk":
            self._first[key] = name
            return True
        self._report.append(
            complaints.duplicate(name.span, what, name.text, first.span if first else None)
        )
        return False

    def _enum(self, decl: nodes.EnumDecl) -> EnumT:
        members: list[str] = []
        for member in decl.members:
            if member.wire is not None:
                self._report.append(
                    complaints.not_yet(member.wire.span, "a wire name of an enum member")
                )
            if member.name.text in members:
                span = member.name.span
                self._report.append(complaints.duplicate(span, "member", member.name.text))
                continue
            members.append(member.name.text)
        return EnumT(decl.name.text, tuple(members), decl.ordered)

    def _record(self, name: str) -> RecordT:
        if name in self.records:
            return self.records[name]
        decl = self._record_decls[name]
        if name in self._resolving:
            self._report.append(complaints.recursive(decl.name.span, "type", name))
            return RecordT(name, ())
        self._resolving.append(name)
        record = RecordT(name, self._fields(decl.record))
        self._resolving.pop()
        self.records[name] = record
        return record

    def _named(self, node: nodes.NamedType) -> Type:
        if node.name in self.enums:
            return self.enums[node.name]
        if node.name in self._record_decls:
            return self._record(node.name)
        if node.name in self._entity_decls:
            return EntityT(frozenset({node.name}))
        known = [*self.type_names(), *PRIMS]
        self._report.append(complaints.unknown_type(node.span, node.name, known))
        return BROKEN

    def _coll(self, node: nodes.CollType, *, bounded: bool) -> Type:
        item = self.resolve(node.item, bounded=bounded)
        if node.bounds is None:
            if bounded:
                self._report.append(complaints.unbounded(node.span, node.kind))
                return BROKEN
            return BROKEN if item is BROKEN else CollT(node.kind, item, 0, COLLECTION_MAX)
        lo, hi = node.bounds
        if hi < lo or hi == 0:
            self._report.append(complaints.bad_bounds(node.span, lo, hi))
            return BROKEN
        return BROKEN if item is BROKEN else CollT(node.kind, item, lo, hi)

    def _fields(self, record: nodes.RecordType) -> tuple[FieldT, ...]:
        fields: dict[str, FieldT] = {}
        wires: dict[str, nodes.Name] = {}
        for field in record.fields:
            name = field.name.text
            wire = field.wire.value if field.wire else name
            if name in fields or wire in wires:
                first = wires.get(wire)
                self._report.append(
                    complaints.duplicate(
                        field.name.span, "field", name, first.span if first else None
                    )
                )
                continue
            wires[wire] = field.name
            flags = {flag.text for flag in field.flags}
            for flag in field.flags:
                if flag.text in {"nullable", "binding"}:
                    self._report.append(complaints.not_yet(flag.span, f"flag `{flag.text}`"))
            fields[name] = FieldT(
                name,
                wire,
                self.resolve(field.type),
                optional=field.optional,
                untrusted="untrusted" in flags,
                secret="secret" in flags,
            )
        return tuple(fields.values())

    def _entity(self, decl: nodes.EntityDecl) -> EntityDef:
        marks = {mark.text for mark in decl.marks}
        parents = self._entity_names(decl.parents)
        if {"person", "agent"} <= marks:
            self._report.append(
                complaints.type_mismatch(decl.name.span, "a person or an agent", "both")
            )
        return EntityDef(
            decl.name.text,
            is_person="person" in marks,
            is_agent="agent" in marks,
            is_directory="directory" in marks,
            parents=parents,
            fields=self._fields(decl.record) if decl.record else (),
        )

    def _entity_names(self, names: Iterable[nodes.Name]) -> tuple[str, ...]:
        found: list[str] = []
        for name in names:
            if name.text not in self._entity_decls:
                self._report.append(
                    complaints.unknown_type(name.span, name.text, self._entity_decls)
                )
            elif name.text in found:
                self._report.append(complaints.duplicate(name.span, "type", name.text))
            else:
                found.append(name.text)
        return tuple(found)

    def _add_action(self, schema: Schema, decl: nodes.ActionDecl) -> None:
        wire = decl.wire.value if decl.wire else decl.name.text
        for other in schema.actions.values():
            if {wire, decl.name.text} & {other.wire, other.name}:
                self._report.append(complaints.duplicate(decl.name.span, "action name", wire))
        if decl.risk.text not in RISK.members:
            self._report.append(
                complaints.unknown_member(decl.risk.span, decl.risk.text, "Risk", RISK.members)
            )
        schema.actions[decl.name.text] = ActionDef(
            decl.name.text,
            wire,
            self._entity_names(decl.resources),
            decl.reversible,
            decl.risk.text,
            self._fields(decl.record) if decl.record else (),
        )

    def _check_agents(self, schema: Schema) -> None:
        for definition in schema.entities.values():
            if not definition.is_agent:
                continue
            owner = definition.field("owner")
            is_person = (
                owner is not None
                and not owner.optional
                and isinstance(owner.type, EntityT)
                and all(schema.entities[name].is_person for name in owner.type.names)
            )
            if not is_person:
                span = self._entity_decls[definition.name].name.span
                self._report.append(complaints.agent_without_owner(span, definition.name))
