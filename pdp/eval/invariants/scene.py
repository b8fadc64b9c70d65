"""A made-up request in typed values: easy to change, to write as JSON and as Charter. No chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pdp import canonical
from pdp.canonical import Tree
from pdp.eval.reference.facts import Plain, expect, wire_tree
from pdp.lang.types import ActionDef, CollT, EntityT, FieldT, RecordT, Schema, Type
from pdp.model import Entity
from pdp.request import Request

# As in tests beside policies: they are about who may do what, so the caller can do everything.
SUPPORTED: Final = ("log", "notify", "rate", "redact")
Record = dict[str, Plain]


@dataclass(frozen=True, slots=True)
class Thing:
    """An entity as it is sent. ``attributes`` is None for a bare reference.

    Bare is also what the directory knows: there is nothing to send, and nothing to change.
    """

    type: str
    id: str
    attributes: Record | None = None
    groups: tuple[str, ...] = ()

    @property
    def uid(self) -> str:
        return f"{self.type}::{self.id}"


@dataclass(frozen=True, slots=True)
class Scene:
    """One request and the time it is judged at; ``third`` are the entities that it only speaks of.

    The chain is one that a test can write: agents, acting one first, then at most one person.
    """

    chain: tuple[Thing, ...]
    action: ActionDef
    resource: Thing | None
    args: Record
    context: Record
    third: tuple[Thing, ...]
    now_us: int

    def request(self, schema: Schema) -> Request:
        """As a caller would send it."""
        sent = [_entity(thing, schema) for thing in self.chain]
        return Request(
            principal=sent[0],
            on_behalf_of=tuple(sent[1:]),
            action=self.action.name,
            args=_text(self.args, self.action.fields),
            resource=None if self.resource is None else _entity(self.resource, schema),
            context=_text(self.context, schema.context),
            entities=tuple(_entity(thing, schema) for thing in self.third),
            supported_obligations=SUPPORTED,
        )

    def things(self) -> tuple[Thing, ...]:
        """Everyone and everything that is sent."""
        resource = () if self.resource is None else (self.resource,)
        return (*self.chain, *resource, *self.third)


def references(value: Plain, type_: Type) -> Iterable[str]:
    """The uids that a value names."""
    match type_:
        case EntityT():
            yield expect(value, str)
        case CollT():
            for item in expect(value, tuple):
                yield from references(item, type_.item)
        case RecordT():
            yield from references_in(expect(value, dict), type_.fields)
        case _:
            return


def references_in(record: Mapping[str, Plain], fields: Iterable[FieldT]) -> Iterable[str]:
    """The uids that a record's present fields name."""
    for field in fields:
        if field.name in record:
            yield from references(record[field.name], field.type)


def _entity(thing: Thing, schema: Schema) -> Entity:
    if thing.attributes is None:
        return Entity(thing.type, thing.id)
    fields = schema.entities[thing.type].fields
    return Entity(thing.type, thing.id, _text(thing.attributes, fields), thing.groups)


def entity_text(record: Mapping[str, Plain], fields: Iterable[FieldT]) -> str:
    """Attributes as JSON object text in wire names."""
    return _text(record, fields)


def _text(record: Mapping[str, Plain], fields: Iterable[FieldT]) -> str:
    return canonical.write(_members(record, fields))


def _members(record: Mapping[str, Plain], fields: Iterable[FieldT]) -> dict[str, Tree]:
    """What is absent is left out, or null where a member must be sent."""
    return {
        field.wire: _tree(record[field.name], field.type) if field.name in record else None
        for field in fields
        if field.name in record or not field.optional
    }


def _tree(value: Plain, type_: Type) -> Tree:
    match type_:
        case CollT():
            return [_tree(item, type_.item) for item in expect(value, tuple)]
        case RecordT():
            return _members(expect(value, dict), type_.fields)
        case _:
            return wire_tree(value, type_)


__all__ = ["Record", "Scene", "Thing", "entity_text", "references", "references_in"]
