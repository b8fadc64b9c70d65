"""Resolved types and the schema made of them: data that the checker builds, everyone reads."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

DECIMAL_SCALE: Final = 10_000
DECIMAL_DIGITS: Final = 4
DECIMAL_UNITS_MAX: Final = 10**14 * DECIMAL_SCALE - 1
INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
US_PER_MS: Final = 1_000


class Node(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="node"):
    """Base of what a checked program is made of; tagged, so it can be written and read back."""


class Prim(Node, frozen=True):
    """bool, int, decimal, string, timestamp, duration, path, ip, cidr or json."""

    name: str


class EnumT(Node, frozen=True):
    """A closed set of members; ``ordered`` (a level) in rising order.

    ``wires`` are the members as JSON spells them, in the same order; empty: as they are named.
    """

    name: str
    members: tuple[str, ...]
    ordered: bool = False
    wires: tuple[str, ...] = ()

    @property
    def spellings(self) -> tuple[str, ...]:
        """How JSON spells each member, parallel to ``members``."""
        return self.wires or self.members


class EntityT(Node, frozen=True):
    """A reference to an entity of one of ``names``. A declared attribute has exactly one."""

    names: frozenset[str]


class CollT(Node, frozen=True):
    """A set or list (``kind``) of ``item``; at the door its length is within ``lo``..``hi``."""

    kind: str
    item: Type
    lo: int
    hi: int


class FieldT(Node, frozen=True):
    """One attribute, parameter or record field. ``wire`` is its name in JSON.

    ``optional`` (written ``?``): may be left out. ``nullable``: null is accepted and counts as
    absent. ``binding`` (context): part of the request digest.
    """

    name: str
    wire: str
    type: Type
    optional: bool = False
    untrusted: bool = False
    secret: bool = False
    nullable: bool = False
    binding: bool = False

    @property
    def may_be_absent(self) -> bool:
        """Whether reading it needs a guard."""
        return self.optional or self.nullable


class RecordT(Node, frozen=True):
    """A named record type; ``name`` is empty for the record of an inline ``{…}`` type."""

    name: str
    fields: tuple[FieldT, ...]

    def field(self, name: str) -> FieldT | None:
        """The field of that Charter name, if declared."""
        return next((f for f in self.fields if f.name == name), None)


Type: TypeAlias = Prim | EnumT | EntityT | CollT | RecordT

BOOL: Final = Prim("bool")
INT: Final = Prim("int")
DECIMAL: Final = Prim("decimal")
STRING: Final = Prim("string")
TIMESTAMP: Final = Prim("timestamp")
DURATION: Final = Prim("duration")
PATH: Final = Prim("path")
IP: Final = Prim("ip")
CIDR: Final = Prim("cidr")
JSON: Final = Prim("json")
PRIMS: Final = {
    t.name: t for t in (BOOL, INT, DECIMAL, STRING, TIMESTAMP, DURATION, PATH, IP, CIDR, JSON)
}
IPV6_BASE: Final = 2**128
RISK: Final = EnumT("Risk", ("low", "medium", "high", "critical"), ordered=True)


class EntityDef(Node, frozen=True):
    """An entity type. ``parents`` are the types its direct parents may have."""

    name: str
    is_person: bool
    is_agent: bool
    is_directory: bool
    parents: tuple[str, ...]
    fields: tuple[FieldT, ...]

    @property
    def is_principal(self) -> bool:
        return self.is_person or self.is_agent

    def field(self, name: str) -> FieldT | None:
        """The attribute of that Charter name, if declared."""
        return next((f for f in self.fields if f.name == name), None)


class ActionDef(Node, frozen=True):
    """An action. ``resources`` are the resource types it takes; empty means it takes none."""

    name: str
    wire: str
    resources: tuple[str, ...]
    reversible: bool
    risk: str
    fields: tuple[FieldT, ...]

    def field(self, name: str) -> FieldT | None:
        """The parameter of that Charter name, if declared."""
        return next((f for f in self.fields if f.name == name), None)


class Schema(Node, frozen=True):
    """All a request can be made of. Maps are keyed by Charter name; never changed once built."""

    entities: dict[str, EntityDef] = msgspec.field(default_factory=dict)
    actions: dict[str, ActionDef] = msgspec.field(default_factory=dict)
    context: tuple[FieldT, ...] = ()

    def action_by_wire(self) -> dict[str, ActionDef]:
        """Every name a request may use for an action: wire names and Charter names."""
        named = {action.wire: action for action in self.actions.values()}
        return {**self.actions, **named}

    def parent_types(self, name: str) -> frozenset[str]:
        """Types that can be above an entity of type ``name``, itself included (transitive)."""
        seen: set[str] = set()
        todo = [name]
        while todo:
            current = todo.pop()
            if current not in seen:
                seen.add(current)
                todo.extend(self.entities[current].parents)
        return frozenset(seen)


def describe(t: Type) -> str:
    """A type as an author writes it."""
    match t:
        case Prim() | EnumT():
            return t.name
        case EntityT():
            return " or ".join(sorted(t.names))
        case CollT():
            return f"{t.kind}<{describe(t.item)}>"
        case RecordT():
            return t.name or "record"
