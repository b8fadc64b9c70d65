"""Random directories and requests for a schema: known and unknown entities, boundary values. No rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from pdp import canonical
from pdp.canonical import Tree
from pdp.lang.types import EntityDef, FieldT, Schema
from pdp.model import Entity
from tests.properties.shapes import Shape
from tests.properties.values import EPOCH, Pool, fact, maybe, some_of

_IDS = {
    "Team": ("t0", "t1", "t2", "t3"),
    "User": ("u0", "u1", "u2", "u3", "u4"),
    "Agent": ("a0", "a1", "a2"),
    "Guest": ("g0", "g1"),
    "Bot": ("b0", "b1"),
    "Doc": ("d0", "d1", "d2"),
    "Folder": ("f0", "f1"),
    "Club": ("c0", "c1"),
}
assert EPOCH.year == 1970


def directory_of(rng: Random, shape: Shape, pool: Pool) -> dict[str, Entity]:
    """Every directory type's entities, most of them; parents only before children: no cycles."""
    schema = shape.schema
    described: dict[str, Entity] = {}
    for name, definition in schema.entities.items():
        # an entity of any type may be in the directory, which then is believed first
        if not definition.is_directory and not maybe(rng, 0.1):
            continue
        for index, id_ in enumerate(_IDS[name]):
            # the groups that policies name are always there; others may be missing
            if name != "Team" and maybe(rng, 0.06):
                continue
            attributes = _attributes(rng, schema, definition, pool)
            groups = _directory_groups(rng, schema, definition, index)
            described[f"{name}::{id_}"] = Entity(name, id_, canonical.write(attributes), groups)
    return described


def directory_text(directory: dict[str, Entity]) -> bytes:
    """The directory as a ``*.directory.json`` file."""
    types: dict[str, Tree] = {}
    for entity in directory.values():
        attributes = canonical.parse(entity.attributes or "{}")
        groups: list[Tree] = [*entity.groups]
        members = types.setdefault(entity.type, {})
        if isinstance(members, dict):
            members[entity.id] = {"attributes": attributes, "groups": groups}
    return canonical.write(types).encode()


def _directory_groups(
    rng: Random, schema: Schema, definition: EntityDef, index: int
) -> tuple[str, ...]:
    above = [
        f"{parent}::{id_}"
        for parent in definition.parents
        for id_ in (_IDS[parent][:index] if parent == definition.name else _IDS[parent])
    ]
    lo = 1 if definition.is_person or (definition.name == "Team" and maybe(rng, 0.8)) else 0
    return tuple(some_of(rng, above, lo, 3))


def _attributes(rng: Random, schema: Schema, definition: EntityDef, pool: Pool) -> dict[str, Tree]:
    return _members(rng, definition.fields, pool)


def _members(rng: Random, fields: tuple[FieldT, ...], pool: Pool) -> dict[str, Tree]:
    return {
        f.wire: fact(rng, f.type, pool, lambda name: _reference(rng, name))
        for f in fields
        if not f.optional or maybe(rng, 0.65)
    }


def _reference(rng: Random, name: str) -> str:
    return rng.choice(_IDS[name]) if maybe(rng, 0.95) else "ghost"


@dataclass
class Requests:
    """Writes requests for one program; the JSON form, as a caller would send it."""

    rng: Random
    shape: Shape
    pool: Pool
    described: dict[str, dict[str, Tree]] = field(default_factory=dict)

    def one(self) -> tuple[dict[str, object], int]:
        """A request and the clock it is judged at, in microseconds."""
        rng = self.rng
        self.described = {}
        action = rng.choice(list(self.shape.schema.actions.values()))
        chain = self._chain()
        request: dict[str, object] = {
            "principal": chain[0],
            "action": rng.choice((action.name, action.wire)),
            "args": _members(rng, action.fields, self.pool),
            "context": _members(rng, self.shape.schema.context, self.pool),
        }
        if chain[1:]:
            request["on_behalf_of"] = chain[1:]
        if action.resources:
            request["resource"] = self._entity(rng.choice(action.resources), 0.93)
        third = self._third()
        if third:
            request["entities"] = third
        if maybe(rng, 0.9):
            request["supported_obligations"] = some_of(rng, ("redact", "rate", "other"), 2, 3)
        if maybe(rng, 0.04):
            request["grants"] = ["YQ=="]
        if maybe(rng, 0.4):
            request["tool"] = {
                "server": rng.choice(self.pool.texts),
                "name": rng.choice(self.pool.texts),
                "definition_digest": rng.choice(("", "0" * 64)),
            }
        if maybe(rng, 0.01):
            self._spoil(request)
        return request, self._now_us()

    def _now_us(self) -> int:
        step_us = self.rng.choice((0, 0, 1, -1, 900_000_000))
        return max(0, self.rng.choice(self.pool.moments_s) * 1_000_000 + step_us)

    def _chain(self) -> list[dict[str, Tree]]:
        rng = self.rng
        people, agents = self.shape.people(), self.shape.agents()
        kinds = rng.choice(("au",) * 6 + ("u", "u", "u", "a", "aau", "aau", "aaau", "uu", "ua", "aua"))
        chosen = [rng.choice(agents if kind == "a" else people) for kind in kinds]
        return [self._entity(name, 0.95) for name in chosen]

    def _entity(self, name: str, known: float) -> dict[str, Tree]:
        """An entity as sent; the same uid is always described in the same words."""
        rng = self.rng
        id_ = rng.choice(_IDS[name]) if maybe(rng, 0.985) else "ghost"
        uid = f"{name}::{id_}"
        definition = self.shape.schema.entities[name]
        bare: dict[str, Tree] = {"type": name, "id": id_}
        if definition.is_directory or not maybe(rng, known):
            return bare
        if uid not in self.described:
            schema = self.shape.schema
            described = {**bare, "attributes": _attributes(rng, schema, definition, self.pool)}
            above = [f"{parent}::{i}" for parent in definition.parents for i in _IDS[parent]]
            groups: list[Tree] = [*some_of(rng, above, 0, 2)]
            if groups or maybe(rng, 0.5):
                described["groups"] = groups
            self.described[uid] = described
        return self.described[uid]

    def _third(self) -> list[dict[str, Tree]]:
        rng = self.rng
        names = [e.name for e in self.shape.schema.entities.values() if not e.is_directory]
        count = rng.choice((0, 0, 1, 2, 4)) if names else 0
        return [self._entity(rng.choice(names), 0.9) for _ in range(count)]

    def _spoil(self, request: dict[str, object]) -> None:
        """Make the request invalid, most likely: both sides must not be asked then."""
        args = request["args"]
        if isinstance(args, dict):
            args["no-such-field"] = True
