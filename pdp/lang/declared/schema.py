"""Schema declarations to a ``Schema``: enums, levels, records, entities, context and actions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, assert_never

from pdp.lang import complaints, nodes
from pdp.lang.codes import NESTING_MAX
from pdp.lang.declared.bundles import Bundle, Bundles
from pdp.lang.declared.report import BROKEN, Report
from pdp.lang.source import Span
from pdp.lang.types import (
    JSON,
    PRIMS,
    RISK,
    ActionDef,
    CollT,
    EntityDef,
    EntityT,
    EnumT,
    FieldT,
    RecordT,
    Schema,
    Type,
)

COLLECTION_MAX: Final = 1_000_000
# Of one record, entity or action, records in records written out: what a value can hold at most.
FIELDS_MAX: Final = 1_000
_LEVELS: Final = "records, sets and lists in one another"


class SchemaBuilder:
    """Collects every type name first, then resolves fields, so that order never matters."""

    def __init__(self, bundles: Bundles, report: Report) -> None:
        self._report = report
        self._bundles = bundles
        self.owners: dict[str, str] = {}
        self.enums: dict[str, EnumT] = {"Risk": RISK}
        self.records: dict[str, RecordT] = {}
        self._record_decls: dict[str, nodes.TypeDecl] = {}
        self._resolving: list[str] = []
        self._extents: dict[str, tuple[int, int]] = {}
        self._used_names: set[str] = set()
        self._entity_decls: dict[str, nodes.EntityDecl] = {}
        self._action_decls: list[nodes.ActionDecl] = []
        self._contexts: dict[str, nodes.ContextDecl] = {}
        self.context_of: dict[str, tuple[FieldT, ...]] = {}
        self._first: dict[str, nodes.Name] = {}
        self._visible_to: dict[str, list[str]] = {}
        self.schema = Schema()
        for bundle in bundles.all:
            for declaration in bundle.declarations:
                self._collect(declaration, bundle)

    def build(self) -> Schema:
        """Resolve everything collected into ``schema``, usable even after mistakes."""
        for name in self._record_decls:
            self._record(name)
        schema = Schema()
        for name, decl in self._entity_decls.items():
            schema.entities[name] = self._entity(decl)
        for action in self._action_decls:
            self._add_action(schema, action)
        context = self._context()
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
                return PRIMS[node.name]
            case nodes.NamedType():
                return self._named(node)
            case nodes.CollType():
                return self._coll(node, bounded=bounded)
            case nodes.RecordType():
                return RecordT("", self._fields(node))
            case _:
                assert_never(node)

    def declared(self, name: nodes.Name | nodes.NamedType) -> str | None:
        """The plain name of a declared type, if the bundle it is used in may use it.

        None after reporting a type that is unknown, or of a bundle that is not imported.
        """
        text = name.text if isinstance(name, nodes.Name) else name.name
        plain, qualifier = self._bundles.plain(text)
        owner = self.owners.get(plain, "")
        home = self._bundles.at(name.span)
        known = plain in self.owners or plain in self.enums
        if not known or (qualifier and qualifier != owner):
            self._report.append(complaints.unknown_type(name.span, text, self._visible(home)))
            return None
        if plain in self.owners and not home.sees(owner):
            self._report.append(complaints.not_imported(name.span, text, owner))
            return None
        return plain

    def _visible(self, home: Bundle) -> list[str]:
        """The type names that a bundle may use, for did-you-mean."""
        if home.name not in self._visible_to:
            self._visible_to[home.name] = [
                name for name in self.type_names() if home.sees(self.owners.get(name, home.name))
            ]
        return self._visible_to[home.name]

    def declared_entity(self, name: nodes.Name) -> str | None:
        """As ``declared``, and the type must be an entity type."""
        plain = self.declared(name)
        if plain is not None and plain not in self._entity_decls:
            self._report.append(
                complaints.type_mismatch(name.span, "an entity type", f"`{name.text}`")
            )
            return None
        return plain

    def _collect(self, declaration: nodes.Declaration, bundle: Bundle) -> None:
        match declaration:
            case nodes.EnumDecl():
                if self._is_new(declaration.name, "type"):
                    self.enums[declaration.name.text] = self._enum(declaration)
                    self.owners[declaration.name.text] = bundle.name
            case nodes.TypeDecl():
                if self._is_new(declaration.name, "type"):
                    self._record_decls[declaration.name.text] = declaration
                    self.owners[declaration.name.text] = bundle.name
            case nodes.EntityDecl():
                if self._is_new(declaration.name, "type"):
                    self._entity_decls[declaration.name.text] = declaration
                    self.owners[declaration.name.text] = bundle.name
            case nodes.ContextDecl():
                first = self._contexts.setdefault(bundle.name, declaration).span
                if first is not declaration.span:
                    span = declaration.span
                    self._report.append(complaints.duplicate(span, "block", "context", first))
            case nodes.ActionDecl():
                if self._is_new(declaration.name, "action"):
                    self._action_decls.append(declaration)
                    self.owners[declaration.name.text] = bundle.name
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
        members: dict[str, str] = {}
        used: set[str] = set()
        for member in decl.members:
            wire = member.wire.value if member.wire else member.name.text
            if member.name.text in members or wire in used:
                span = member.name.span
                self._report.append(complaints.duplicate(span, "member", member.name.text))
                continue
            members[member.name.text] = wire
            used.add(wire)
        wires = tuple(members.values())
        names = tuple(members)
        return EnumT(decl.name.text, names, decl.ordered, () if wires == names else wires)

    def _context(self) -> tuple[FieldT, ...]:
        """The context fields of all bundles together, and of each for itself."""
        merged: dict[str, FieldT] = {}
        wires: set[str] = set()
        for name, decl in self._contexts.items():
            fields = self._fields(decl.record, in_context=True)
            self.context_of[name] = fields
            for declared in fields:
                if declared.name in merged or declared.wire in wires:
                    self._report.append(
                        complaints.duplicate(decl.span, "context field", declared.name)
                    )
                merged[declared.name] = declared
                wires.add(declared.wire)
        return tuple(merged.values())

    def _record(self, name: str) -> RecordT:
        if name in self.records:
            return self.records[name]
        decl = self._record_decls[name]
        if name in self._resolving:
            self._report.append(complaints.recursive(decl.name.span, "type", name))
            return RecordT(name, ())
        if len(self._resolving) >= NESTING_MAX:
            self._report.append(complaints.too_many(decl.name.span, _LEVELS, NESTING_MAX))
            return RecordT(name, ())
        self._resolving.append(name)
        record = RecordT(name, self._fields(decl.record))
        self._resolving.pop()
        self.records[name] = record
        return record

    def _named(self, node: nodes.NamedType) -> Type:
        name = self.declared(node)
        if name is None:
            return BROKEN
        if name in self.enums:
            return self.enums[name]
        if name in self._record_decls:
            return self._record(name)
        return EntityT(frozenset({name}))

    def _coll(self, node: nodes.CollType, *, bounded: bool) -> Type:
        item = self.resolve(node.item, bounded=bounded)
        if item == JSON:
            message = f"members of a {node.kind} with a declared type"
            self._report.append(complaints.type_mismatch(node.item.span, message, "json"))
            return BROKEN
        if node.bounds is None:
            if bounded:
                self._report.append(complaints.unbounded(node.span, node.kind))
                return BROKEN
            return BROKEN if item is BROKEN else CollT(node.kind, item, 0, COLLECTION_MAX)
        lo, hi = node.bounds
        if hi > COLLECTION_MAX:
            what = f"bounds go up to {COLLECTION_MAX:,}"
            self._report.append(complaints.out_of_range(node.span, what))
            return BROKEN
        if hi < lo or hi == 0:
            self._report.append(complaints.bad_bounds(node.span, lo, hi))
            return BROKEN
        return BROKEN if item is BROKEN else CollT(node.kind, item, lo, hi)

    def _fields(self, record: nodes.RecordType, *, in_context: bool = False) -> tuple[FieldT, ...]:
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
                if flag.text == "binding" and not in_context:
                    self._report.append(complaints.misplaced_flag(flag.span, flag.text))
            fields[name] = FieldT(
                name,
                wire,
                self.resolve(field.type),
                optional=field.optional,
                untrusted="untrusted" in flags,
                secret="secret" in flags,
                nullable="nullable" in flags,
                binding="binding" in flags,
            )
        found = tuple(fields.values())
        return found if self._is_small(found, record.span) else ()

    def _is_small(self, fields: tuple[FieldT, ...], span: Span) -> bool:
        """Whether values stay within reason; a record used twice counts twice. Reports it."""
        count, depth = self._extent(RecordT("", fields))
        if count > FIELDS_MAX:
            self._report.append(complaints.too_many(span, "fields in all", FIELDS_MAX))
        elif depth > NESTING_MAX:
            self._report.append(complaints.too_many(span, _LEVELS, NESTING_MAX))
        return count <= FIELDS_MAX and depth <= NESTING_MAX

    def _extent(self, of: Type) -> tuple[int, int]:
        """How many fields a value can have, those of records in it counted, and how deep it is."""
        match of:
            case RecordT() if of.name in self._extents:
                return self._extents[of.name]
            case RecordT():
                within = [self._extent(declared.type) for declared in of.fields]
                count = sum(1 + fields for fields, _ in within)
                found = (count, 1 + max((depth for _, depth in within), default=0))
                if of.name:
                    self._extents[of.name] = found
                return found
            case CollT():
                count, depth = self._extent(of.item)
                return count, depth + 1
            case _:
                return 0, 0

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
            plain = self.declared_entity(name)
            if plain is None:
                continue
            if plain in found:
                self._report.append(complaints.duplicate(name.span, "type", name.text))
            else:
                found.append(plain)
        return tuple(found)

    def _add_action(self, schema: Schema, decl: nodes.ActionDecl) -> None:
        wire = decl.wire.value if decl.wire else decl.name.text
        names = {wire, decl.name.text}
        if names & self._used_names:
            self._report.append(complaints.duplicate(decl.name.span, "action name", wire))
        self._used_names |= names
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
