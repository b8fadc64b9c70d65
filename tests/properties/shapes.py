"""Random schemas: entity, record and enum types, actions, context. No rules and no facts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from pdp.lang.types import (
    BOOL,
    CIDR,
    DECIMAL,
    DURATION,
    INT,
    IP,
    JSON,
    PATH,
    STRING,
    TIMESTAMP,
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
    describe,
)
from tests.changed import replace
from tests.properties.values import maybe, some_of

_PRIMITIVES: dict[str, Prim] = {
    "open": BOOL,
    "done": BOOL,
    "size": INT,
    "rows": INT,
    "price": DECIMAL,
    "total": DECIMAL,
    "dept": STRING,
    "label": STRING,
    "since": TIMESTAMP,
    "due": TIMESTAMP,
    "lasts": DURATION,
    "pause": DURATION,
    "file": PATH,
    "home": PATH,
    "address": IP,
    "peer": IP,
    "network": CIDR,
    "blob": JSON,
}


@dataclass(frozen=True)
class Shape:
    """A schema and the declarations that say it. A field name means the same type everywhere.

    Only where types are mixed may it mean another in another action.
    """

    schema: Schema
    records: tuple[RecordT, ...]
    enums: tuple[EnumT, ...]
    declarations: tuple[str, ...]

    def people(self) -> list[str]:
        return [e.name for e in self.schema.entities.values() if e.is_person]

    def agents(self) -> list[str]:
        return [e.name for e in self.schema.entities.values() if e.is_agent]

    def principals(self) -> list[str]:
        return [e.name for e in self.schema.entities.values() if e.is_principal]


def shape_of(rng: Random, size: int, *, is_mixed: bool = False) -> Shape:
    """A schema; ``size`` 1 is the smallest that still has everything a decision needs.

    If ``is_mixed``, actions have more fields, and some names mean another type in another action.
    """
    enums = _enums(rng, size)
    names = _entity_names(rng, size)
    fields = _vocabulary(rng, enums, names)
    records = _records(rng, fields, size)
    for record in records:
        fields[record.name.lower()] = record
        fields[f"{record.name.lower()}s"] = CollT("list", record, 0, 3)
    entities = {name: _entity(rng, name, names, fields) for name in names}
    actions = _actions(rng, entities, fields, size)
    if is_mixed:
        actions = [_with_other_types(rng, action, fields) for action in actions]
    context = tuple(replace(f, binding=maybe(rng, 0.3)) for f in _fields(rng, fields, 1, 3))
    schema = Schema(entities, {action.name: action for action in actions}, context)
    declarations = [
        *(_enum_text(enum) for enum in enums),
        *(f"type {record.name} = {_record_text(record.fields)}" for record in records),
        *(_entity_text(entity) for entity in entities.values()),
        *(_action_text(action) for action in actions),
        f"context {_record_text(context)}",
    ]
    return Shape(schema, tuple(records), tuple(enums), tuple(declarations))


def _enums(rng: Random, size: int) -> list[EnumT]:
    spelled = maybe(rng, 0.5)
    enums = [
        EnumT(
            "Grade",
            ("low", "mid", "top"),
            ordered=True,
            wires=("L0", "mid", "low") if maybe(rng, 0.5) else (),
        ),
        EnumT("Color", ("red", "green", "Blue"), wires=("r-1", "red", "") if spelled else ()),
        EnumT("Light", ("red", "amber"), ordered=maybe(rng, 0.5)),
    ]
    return enums[: 1 + size]


def _entity_names(rng: Random, size: int) -> list[str]:
    """Always a team, a person, an agent and a thing; the rest by chance."""
    names = ["Team", "User", "Agent", "Doc"]
    if size > 1:
        names += [name for name in ("Guest", "Bot", "Folder", "Club") if maybe(rng, 0.6)]
    return names


def _vocabulary(rng: Random, enums: list[EnumT], entities: list[str]) -> dict[str, Type]:
    fields: dict[str, Type] = {**_PRIMITIVES}
    for enum in enums:
        fields[enum.name.lower()] = enum
    for name in entities:
        fields[f"its_{name.lower()}"] = EntityT(frozenset({name}))
    items: list[Type] = [STRING, INT, DECIMAL, DURATION, enums[0], enums[-1]]
    item = rng.choice(items)
    step: Type = rng.choice(items[1:2] + items[4:5])
    entity = EntityT(frozenset({rng.choice(entities)}))
    fields["tags"] = CollT("set", STRING, 0, 3)
    fields["marks"] = CollT("set", item, 0, rng.randint(1, 3))
    fields["words"] = CollT("list", STRING, rng.randint(0, 1), 4)
    fields["steps"] = CollT("list", step, 0, 3)
    fields["networks"] = CollT("set", CIDR, 0, 3)
    fields["files"] = CollT(rng.choice(("set", "list")), PATH, 0, 3)
    fields["peers"] = CollT(rng.choice(("set", "list")), IP, 0, 3)
    fields["readers"] = CollT(rng.choice(("set", "list")), entity, 0, 3)
    return fields


def _records(rng: Random, fields: dict[str, Type], size: int) -> list[RecordT]:
    simple: dict[str, Type] = {n: t for n, t in fields.items() if not isinstance(t, CollT)}
    records = [RecordT("Line", _fields(rng, simple, 2, 4))]
    if size > 1 and maybe(rng, 0.5):
        nested: dict[str, Type] = {**simple, "line": records[0]}
        records.append(RecordT("Page", _fields(rng, nested, 1, 3, always=("line",))))
    return records


def _fields(
    rng: Random, fields: dict[str, Type], lo: int, hi: int, always: Iterable[str] = ()
) -> tuple[FieldT, ...]:
    chosen = [*always, *some_of(rng, [name for name in fields if name not in always], lo, hi)]
    return tuple(
        FieldT(
            name,
            f"the-{name}" if maybe(rng, 0.15) else name,
            fields[name],
            optional=maybe(rng, 0.4),
            untrusted=maybe(rng, 0.06),
            secret=maybe(rng, 0.06),
            nullable=maybe(rng, 0.12),
        )
        for name in chosen
    )


def _entity(rng: Random, name: str, names: list[str], fields: dict[str, Type]) -> EntityDef:
    parents = {
        "Team": ["Team"],
        "User": ["Team", *(["Club"] if maybe(rng, 0.3) else [])],
        "Agent": ["Team", "Club"],
        "Guest": ["Club"],
        "Bot": ["Club", "Team"],
        "Doc": ["Folder", "Doc"],
        "Folder": ["Folder"],
        "Club": ["Club"],
    }[name]
    kept = [parent for parent in parents if parent in names]
    own = _fields(rng, fields, 0 if name in {"Team", "Club"} else 2, 4)
    if name in {"Agent", "Bot"}:
        person = EntityT(frozenset({"Guest" if "Guest" in names and maybe(rng, 0.3) else "User"}))
        own = (FieldT("owner", "owner", person), *own)
    return EntityDef(
        name,
        is_person=name in {"User", "Guest"},
        is_agent=name in {"Agent", "Bot"},
        # what may be in a team that approves must be a directory type; so must the team
        is_directory=name in {"Team", "User", "Agent"} or (name == "Folder" and maybe(rng, 0.3)),
        parents=tuple(kept),
        fields=own,
    )


def _actions(
    rng: Random, entities: dict[str, EntityDef], fields: dict[str, Type], size: int
) -> list[ActionDef]:
    things = [name for name in entities if name in {"Folder", "User", "Guest"}]
    actions: list[ActionDef] = []
    for name in ("ops.read", "ops.write", "ops.send", "ops.drop")[: 1 + size]:
        takes_none = maybe(rng, 0.25)
        resources = () if takes_none else ("Doc", *some_of(rng, things, 0, 1))
        actions.append(
            ActionDef(
                name,
                f"tool__{name[4:]}" if maybe(rng, 0.3) else name,
                resources,
                reversible=maybe(rng, 0.6),
                risk=rng.choice(("low", "medium", "high", "critical")),
                fields=_fields(rng, fields, 2, 6),
            )
        )
    return actions


def _with_other_types(rng: Random, action: ActionDef, fields: dict[str, Type]) -> ActionDef:
    """``action`` with more fields: of network types, some by each other's names, and of others."""
    names = ["network", "networks"]
    types = [fields[name] for name in names]
    rng.shuffle(types)
    more: dict[str, Type] = dict(zip(names, types, strict=True))
    more |= {name: fields[name] for name in ("label", "size", "done", "price", "grade", "address")}
    own = {name: type_ for name, type_ in more.items() if maybe(rng, 0.7)}
    kept = tuple(field for field in action.fields if field.name not in own)
    added = tuple(FieldT(n, n, t, optional=maybe(rng, 0.2)) for n, t in own.items())
    return replace(action, fields=(*kept, *added))


# ---------------------------------------------------------------- text


def type_text(type_: Type, *, bounded: bool = True) -> str:
    if isinstance(type_, CollT):
        bounds = f"[{type_.lo}..{type_.hi}]" if bounded else ""
        return f"{type_.kind}<{type_text(type_.item)}>{bounds}"
    return describe(type_)


def _record_text(fields: Iterable[FieldT]) -> str:
    return "{ " + ", ".join(_field_text(field) for field in fields) + " }"


def _field_text(field: FieldT) -> str:
    wire = "" if field.wire == field.name else f' "{field.wire}"'
    flags = [
        flag for flag in ("untrusted", "secret", "nullable", "binding") if getattr(field, flag)
    ]
    mark = "?" if field.optional else ""
    return " ".join((f"{field.name}{wire}{mark}: {type_text(field.type)}", *flags))


def _enum_text(enum: EnumT) -> str:
    members = [
        name if name == wire else f'{name} "{wire}"'
        for name, wire in zip(enum.members, enum.spellings, strict=True)
    ]
    if enum.ordered:
        return f"level {enum.name} {{ {' < '.join(members)} }}"
    return f"enum {enum.name} {{ {', '.join(members)} }}"


def _entity_text(entity: EntityDef) -> str:
    words = ["entity", entity.name]
    words += ["person"] if entity.is_person else []
    words += ["agent"] if entity.is_agent else []
    words += ["directory"] if entity.is_directory else []
    if entity.parents:
        words += ["in", ", ".join(entity.parents)]
    if entity.fields:
        words.append(_record_text(entity.fields))
    return " ".join(words)


def _action_text(action: ActionDef) -> str:
    words = ["action", action.name]
    words += [f'"{action.wire}"'] if action.wire != action.name else []
    words += ["on", ", ".join(action.resources)] if action.resources else []
    words += ["reversible" if action.reversible else "irreversible", "risk", action.risk]
    if action.fields:
        words.append(_record_text(action.fields))
    return " ".join(words)
