"""Random groups, constants, predicates and action sets, as Charter text. No rules and no facts."""

from __future__ import annotations

from random import Random

from pdp.lang.types import BOOL, STRING, TIMESTAMP, CollT, EntityT, EnumT, Prim, RecordT, Type
from tests.properties.conditions import Conditions
from tests.properties.scopes import Path, Predicate, Words, paths_from
from tests.properties.shapes import Shape, type_text
from tests.properties.values import Pool, closed_value, digits_of, maybe, some_of, text_of

# name of a group to the uid it stands for; only those whose type the schema has are declared
_GROUPS = {
    "crew": ("Team", "t0"),
    "leads": ("Team", "t1"),
    "night": ("Team", "t2"),
    "shelf": ("Folder", "f0"),
    "binder": ("Doc", "d0"),
    "members": ("Club", "c0"),
}


def words_of(rng: Random, shape: Shape, pool: Pool) -> tuple[Words, list[str]]:
    """Groups, constants and predicates, and the text that declares them."""
    entities = shape.schema.entities
    groups = {name: kind for name, (kind, _) in _GROUPS.items() if kind in entities}
    text = [f'group {name} = {kind}::"{_GROUPS[name][1]}"' for name, kind in groups.items()]
    consts: dict[str, Type] = {}
    for name, type_ in _primitive_types(shape):
        if maybe(rng, 0.5):
            consts[name] = type_
            text.append(f"const {name}: {type_text(type_)} = {closed_value(rng, type_, pool)}")
    words = Words(shape.schema, pool, groups, consts)
    text += _fixed_collections(rng, words) + _fixed_record(rng, words, shape.records[0])
    names = list(shape.schema.actions)
    words.action_sets["pair"] = tuple(names[:2])
    text.append(f"actions pair = {', '.join(names[:2])}")
    for index, first in enumerate(some_of(rng, _parameter_types(shape), 0, 4)):
        second = rng.choice((STRING, BOOL))
        params: tuple[Type, ...] = (first,) if maybe(rng, 0.7) else (first, second)
        text.append(_predicate(rng, words, f"is_{index}", params))
    return words, text


def _predicate(rng: Random, words: Words, name: str, params: tuple[Type, ...]) -> str:
    typed = list(zip(("v", "w"), params, strict=False))
    paths = paths_from(words.schema, [Path(n, t) for n, t in typed], 1)
    body = Conditions(rng, words, paths, in_predicate=True).condition(1)
    quantifies = "satisfies" in body
    words.predicates[name] = Predicate(params, quantifies)
    declared = ", ".join(f"{n}: {type_text(t, bounded=False)}" for n, t in typed)
    return f"predicate {name}({declared}) = {body}"


def _fixed_collections(rng: Random, words: Words) -> list[str]:
    """Constants that are sets or lists; some may be quantified over, like any other collection."""
    user = EntityT(frozenset({"User"}))
    types = {
        "c_names": CollT("set", STRING, 0, 9),
        "c_sizes": CollT("list", Prim("int"), 0, 9),
        "c_prices": CollT("set", Prim("decimal"), 0, 9),
        "c_people": CollT("set", user, 0, 9),
    }
    text: list[str] = []
    for name, type_ in types.items():
        if maybe(rng, 0.6):
            continue
        written = ", ".join(_items(rng, name, words.pool))
        text.append(f"const {name}: {type_text(type_, bounded=False)} = [{written}]")
        words.fixed.append(Path(name, type_))
    return text


def _items(rng: Random, name: str, pool: Pool) -> list[str]:
    """Members of one of the constant collections, each once."""
    if name == "c_names":
        return [text_of(value) for value in some_of(rng, pool.texts, 0, 3)]
    if name == "c_sizes":
        return [str(value) for value in some_of(rng, pool.ints, 0, 3)]
    if name == "c_prices":
        return [digits_of(units, rng) for units in some_of(rng, pool.units, 0, 3)]
    return [f'User::"{id_}"' for id_ in some_of(rng, ("u0", "u1", "u2", "ghost"), 0, 3)]


def _fixed_record(rng: Random, words: Words, record: RecordT) -> list[str]:
    """A constant record and a constant list of such records, where its fields have literals."""
    if maybe(rng, 0.5) or not all(isinstance(f.type, Prim | EnumT) for f in record.fields):
        return []
    written: list[str] = []
    for _ in range(2):
        present = [f for f in record.fields if not f.optional or maybe(rng, 0.5)]
        pairs = [f"{f.name}: {closed_value(rng, f.type, words.pool)}" for f in present]
        written.append("{ " + ", ".join(pairs) + " }")
    words.fixed.extend(Path(f"c_line.{f.name}", f.type, (), f.untrusted) for f in present)
    words.fixed.append(Path("c_lines", CollT("list", record, 0, 9)))
    return [
        f"const c_line: {record.name} = {written[-1]}",
        f"const c_lines: list<{record.name}> = [{', '.join(written)}]",
    ]


def _primitive_types(shape: Shape) -> list[tuple[str, Type]]:
    named = ("int", "decimal", "string", "timestamp", "duration")
    primitives: list[tuple[str, Type]] = [(f"c_{name}", Prim(name)) for name in named]
    return [*primitives, ("c_grade", shape.enums[0])]


def _parameter_types(shape: Shape) -> list[Type]:
    people = EntityT(frozenset({shape.people()[0]}))
    enums: list[EnumT] = list(shape.enums)
    collections: list[Type] = [CollT("set", STRING, 0, 3), CollT("list", STRING, 0, 3)]
    simple: list[Type] = [Prim("int"), Prim("decimal"), STRING, TIMESTAMP, people]
    return [*simple, *collections, *enums, *shape.records]
