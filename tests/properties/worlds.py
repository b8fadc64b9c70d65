"""Random directories and requests for a schema: known, unknown, at the boundaries. No rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from pdp import canonical
from pdp.canonical import Number, Tree
from pdp.lang.types import (
    CollT,
    EntityDef,
    EntityT,
    EnumT,
    FieldT,
    Prim,
    RecordT,
    Schema,
    Type,
    describe,
)
from pdp.model import Entity
from tests.properties.shapes import Shape
from tests.properties.values import Pool, maybe, members_fact, some_of

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
# Agents and people from the acting principal on; most often an agent for a person.
_CHAINS = ("au",) * 6 + ("u", "u", "u", "a", "aau", "aau", "aaau", "uu", "ua", "aua")


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
    return members_fact(rng, fields, pool, lambda name: _reference(rng, name))


def _reference(rng: Random, name: str) -> str:
    return rng.choice(_IDS[name]) if maybe(rng, 0.95) else "ghost"


@dataclass(frozen=True)
class Asked:
    """A request in its JSON form, and the clock, in microseconds, that it is judged at.

    ``spoiled`` says why the door must refuse it; empty for a request that it must accept.
    """

    body: dict[str, object]
    now_us: int
    spoiled: str = ""


@dataclass
class Requests:
    """Writes requests for one program; the JSON form, as a caller would send it.

    Most are about the action ``favourite``, if there is one.
    """

    rng: Random
    shape: Shape
    pool: Pool
    favourite: str = ""
    described: dict[str, dict[str, Tree]] = field(default_factory=dict)

    def one(self) -> Asked:
        """A request by itself: one in fifty is spoiled."""
        self.described = {}
        return self._one()

    def batch(self, count: int) -> list[Asked]:
        """Requests that describe an entity in the same words, if at all."""
        self.described = {}
        return [self._one() for _ in range(count)]

    def _one(self) -> Asked:
        rng = self.rng
        actions = self.shape.schema.actions
        if self.favourite and maybe(rng, 0.85):
            action = actions[self.favourite]
        else:
            action = rng.choice(list(actions.values()))
        chain = self._chain()
        args = _members(rng, action.fields, self.pool)
        request: dict[str, object] = {
            "principal": chain[0],
            "action": rng.choice((action.name, action.wire)),
            "args": args,
            "context": _members(rng, self.shape.schema.context, self.pool),
        }
        if chain[1:]:
            request["on_behalf_of"] = chain[1:]
        if action.resources:
            request["resource"] = self._entity(rng.choice(action.resources), 0.93)
        third = self._third()
        if third:
            request["entities"] = third
        names = ("redact", "rate") if maybe(rng, 0.75) else ("redact", "rate", "other")
        request["supported_obligations"] = some_of(rng, names, 2 if len(names) == 2 else 0, 3)
        if maybe(rng, 0.04):
            request["grants"] = ["YQ=="]
        if maybe(rng, 0.4):
            request["tool"] = {
                "server": rng.choice(self.pool.texts),
                "name": rng.choice(self.pool.texts),
                "definition_digest": rng.choice(("", "0" * 64)),
            }
        spoiled = _spoil(rng, args, action.fields) if maybe(rng, 0.02) else ""
        return Asked(request, self.now_us(), spoiled)

    def now_us(self) -> int:
        """A moment to be judged at, often just beside one that the program names."""
        step_us = self.rng.choice((0, 0, 1, -1, 60_000_000, 900_000_000, 43_200_000_000))
        return max(0, self.rng.choice(self.pool.moments_s) * 1_000_000 + step_us)

    def _chain(self) -> list[dict[str, Tree]]:
        rng = self.rng
        people, agents = self.shape.people(), self.shape.agents()
        kinds = rng.choice(_CHAINS)
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


def _spoil(rng: Random, args: dict[str, Tree], fields: tuple[FieldT, ...]) -> str:
    """Make ``args`` wrong in one place, for certain; says how."""
    present = [f for f in fields if f.wire in args]
    mandatory = [f for f in present if not f.optional]
    chosen = rng.choice(present) if present else None
    if chosen is None or not _wrong(chosen.type) or maybe(rng, 0.15):
        args["no-such-field"] = True
        return "unknown member"
    if mandatory and maybe(rng, 0.15):
        del args[rng.choice(mandatory).wire]
        return "missing member"
    if not chosen.nullable and maybe(rng, 0.15):
        args[chosen.wire] = None
        return "null"
    args[chosen.wire] = rng.choice(_wrong(chosen.type))
    return f"not of type {describe(chosen.type)}"


def _wrong(type_: Type) -> list[Tree]:
    """Values that no value of the type can be taken for."""
    match type_:
        case Prim():
            return _WRONG[type_.name]
        case EnumT():
            named = set(type_.members) - set(type_.spellings)
            return ["nope", "r-2", Number("0"), True, *sorted(named)]
        case EntityT():
            return [Number("1"), "", True, "a\u202eb"]
        case CollT():
            long: list[Tree] = ["a"] * (type_.hi + 1)
            return [{}, "a", Number("1"), long]
        case RecordT():
            return [[], "a", {"no-such-field": True}]


_WRONG: dict[str, list[Tree]] = {
    "bool": [Number("1"), Number("0"), "true"],
    "int": [True, False, Number("1.0"), "1", Number(str(2**53))],
    "decimal": [True, "1.00001", "1_0", " 1", "+1", "1e3", "NaN", "\u0661", "", Number(10**14)],
    "string": [Number("1"), True, ["a"]],
    "timestamp": ["2026-03-02", "2026-03-02T10:00:00", Number("0"), "2026-03-02T10:00:00.0000001Z"],
    "path": ["a", "", "/a/", "//", "/a/../b", "/./a", "/a//b", Number("1"), "/a\0"],
    "ip": ["10.0.0.01", "10.0.0.256", "::ffff:1.2.3.4", "fe80::1%eth0", "1", "0::1", True, "::A"],
    "cidr": ["10.0.0.1/8", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/08", "::/129", "0::/0", "::/+1"],
    "json": [],
    "duration": ["15", "m", "1.5h", "-1m", Number("1"), "\u0661m", "1h30m"],
}
