"""Random groups, constants, predicates, windows, action sets, as Charter text. No rules."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from zoneinfo import ZoneInfo

from pdp.lang.types import (
    BOOL,
    CIDR,
    IP,
    JSON,
    PATH,
    STRING,
    TIMESTAMP,
    CollT,
    EntityT,
    EnumT,
    Prim,
    RecordT,
    Type,
)
from tests.properties.conditions import Conditions
from tests.properties.scopes import Path, Predicate, Words, paths_from
from tests.properties.shapes import Shape, type_text
from tests.properties.values import (
    EPOCH,
    Pool,
    closed_value,
    digits_of,
    maybe,
    some_of,
    text_of,
)

# name of a group to the uid it stands for; only those whose type the schema has are declared
_GROUPS = {
    "crew": ("Team", "t0"),
    "leads": ("Team", "t1"),
    "night": ("Team", "t2"),
    "shelf": ("Folder", "f0"),
    "binder": ("Doc", "d0"),
    "members": ("Club", "c0"),
}
_ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"),
    *("Pacific/Kiritimati", "Africa/Casablanca"),
)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


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
    if names[2:]:
        words.action_sets["more"] = tuple(names[:3])
        text.append(f"actions more = {names[2]}, pair")
    text += _windows(rng, words)
    for index in range(rng.randint(0, 2)):
        text.append(_fact(rng, words, shape, f"fact_{index}"))
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


def _fact(rng: Random, words: Words, shape: Shape, name: str) -> str:
    """A predicate without parameters: of the roots, only what every scope has alike."""
    people, agents = frozenset(shape.people()), frozenset(shape.agents())
    roots = [
        Path("context", RecordT("context", words.schema.context)),
        Path("agent", EntityT(agents), ("agent",)),
        Path("user", EntityT(people), ("user",)),
        Path("now", TIMESTAMP),
        Path("chain", CollT("set", EntityT(people | agents), 1, 16)),
    ]
    paths = (*paths_from(words.schema, roots, 2), *words.fixed)
    body = Conditions(rng, words, paths, in_predicate=True).condition(1)
    words.facts[name] = Predicate((), "satisfies" in body)
    return f"predicate {name} = {body}"


def _windows(rng: Random, words: Words) -> list[str]:
    """Windows whose edges lie at the moments that everything else keeps coming back to."""
    text: list[str] = []
    for index in range(rng.randint(0, 2)):
        zone = rng.choice(_ZONES)
        spans = ", ".join(_span(rng, zone, words.pool) for _ in range(rng.choice((1, 1, 2))))
        window = f'window w_{index} = {spans} in "{zone}"'
        if maybe(rng, 0.4):
            dates = {_local(rng, zone, words.pool)[0] for _ in range(2)}
            listed = ", ".join(f'"{date}"' for date in sorted(dates))
            text.append(f"const free_{index}: set<string> = [{listed}]")
            window += f" except free_{index}"
        words.windows.append(f"w_{index}")
        text.append(window)
    return text


def _span(rng: Random, zone: str, pool: Pool) -> str:
    _, day, minute = _local(rng, zone, pool)
    other = rng.choice((0, minute, (minute + rng.choice((1, 59, 60, 720))) % 1_440))
    start, end = (minute, other) if maybe(rng, 0.5) else (other, minute)
    if end == 0 and maybe(rng, 0.7):
        end = 1_440
    first = (day + rng.choice((0, 0, -1, 1, 3))) % 7
    days = _DAYS[first] + (f"..{rng.choice(_DAYS)}" if maybe(rng, 0.4) else "")
    return f"{days} {start // 60:02}:{start % 60:02}..{end // 60:02}:{end % 60:02}"


def _local(rng: Random, zone: str, pool: Pool) -> tuple[str, int, int]:
    """Date, weekday and minute of the day in the zone, of a moment of the pool."""
    moment = EPOCH + timedelta(seconds=rng.choice(pool.moments_s))
    local = moment.astimezone(ZoneInfo(zone))
    return local.date().isoformat(), local.weekday(), local.hour * 60 + local.minute


def _fixed_collections(rng: Random, words: Words) -> list[str]:
    """Constants that are sets or lists; some may be quantified over, like any other collection."""
    user = EntityT(frozenset({"User"}))
    types = {
        "c_names": CollT("set", STRING, 0, 9),
        "c_sizes": CollT("list", Prim("int"), 0, 9),
        "c_prices": CollT("set", Prim("decimal"), 0, 9),
        "c_people": CollT("set", user, 0, 9),
        "c_files": CollT("set", PATH, 0, 9),
        "c_networks": CollT("set", CIDR, 0, 9),
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
    if name == "c_files":
        return [text_of(value) for value in some_of(rng, pool.files, 0, 3)]
    if name == "c_networks":
        return [f'cidr "{value}"' for value in some_of(rng, pool.networks, 0, 3)]
    return [f'User::"{id_}"' for id_ in some_of(rng, ("u0", "u1", "u2", "ghost"), 0, 3)]


def _fixed_record(rng: Random, words: Words, record: RecordT) -> list[str]:
    """A constant record and a constant list of such records, where its fields have literals."""
    has_literals = all(isinstance(f.type, Prim | EnumT) and f.type != JSON for f in record.fields)
    if maybe(rng, 0.5) or not has_literals:
        return []
    written: list[str] = []
    for _ in range(2):
        present = [f for f in record.fields if not f.may_be_absent or maybe(rng, 0.5)]
        pairs = [f"{f.name}: {closed_value(rng, f.type, words.pool)}" for f in present]
        written.append("{ " + ", ".join(pairs) + " }")
    words.fixed.extend(Path(f"c_line.{f.name}", f.type, (), f.untrusted) for f in present)
    words.fixed.append(Path("c_lines", CollT("list", record, 0, 9)))
    return [
        f"const c_line: {record.name} = {written[-1]}",
        f"const c_lines: list<{record.name}> = [{', '.join(written)}]",
    ]


def _primitive_types(shape: Shape) -> list[tuple[str, Type]]:
    named = ("int", "decimal", "string", "timestamp", "duration", "path", "ip", "cidr")
    primitives: list[tuple[str, Type]] = [(f"c_{name}", Prim(name)) for name in named]
    return [*primitives, ("c_grade", shape.enums[0])]


def _parameter_types(shape: Shape) -> list[Type]:
    people = EntityT(frozenset({shape.people()[0]}))
    enums: list[EnumT] = list(shape.enums)
    collections: list[Type] = [CollT("set", STRING, 0, 3), CollT("list", STRING, 0, 3)]
    simple: list[Type] = [Prim("int"), Prim("decimal"), STRING, TIMESTAMP, PATH, IP, people]
    return [*simple, *collections, *enums, *shape.records]
