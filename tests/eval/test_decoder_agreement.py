"""The quick reader answers as the careful one does, on generated schemas and mangled texts."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pytest

from pdp.eval.reading import decoder, records
from pdp.eval.reading.decoder import ObjectDecoder
from pdp.eval.reading.records import RecordTypes
from pdp.lang.types import PRIMS, CollT, EnumT, FieldT, RecordT, Type
from tests.changed import replace
from tests.eval.mangled import mangled
from tests.eval.outcome import outcome, plain
from tests.eval.shop import TYPES, field


@dataclass(frozen=True, slots=True)
class Sample:
    """A type, and text that is mostly a value of it."""

    fields: tuple[FieldT, ...]
    text: str


ATOMS: Final[Mapping[str, tuple[str, ...]]] = {
    "bool": ("true", "false"),
    "int": ("0", "-1", "9223372036854775807", "9223372036854775808", "1.0"),
    "decimal": ("1", "1.50", '"2.5"', "-0.0", '"1e3"'),
    "string": ('"a"', '"a:b"', '"é"', '"e\u0301"', '"\\u00e9"', '""'),
    "timestamp": ('"2026-03-02T10:00:00Z"', '"2026-03-02T10:00:00+01:00"', '"2026-03-02"'),
    "duration": ('"15m"', '"0s"', '"15"'),
    "enum": ('"email"', '"a:b"'),
    "level": ('"gold"', '"bronze"', '"x"'),
    "reference": ('"ann"', '"a:b"', '""', '"\u202e"'),
    "path": ('"/"', '"/srv/a:b"', '"/srv/"', '"/a/../b"'),
    "ip": ('"10.1.2.3"', '"2001:db8::1"', '"::ffff:1.2.3.4"', '"1"'),
    "cidr": ('"10.0.0.0/8"', '"::/0"', '"10.0.0.1/8"'),
    "json": ('{"a":1}', '{"a":{"b:":"x:y"},"c":[{}]}', '{"a":1,"a":2}', "1e3", '"x"', "[1.50]"),
}
LABEL: Final = EnumT("Label", ("email", "a:b"))
WIRED: Final = EnumT("Wired", ("mail", "colons"), wires=("email", "a:b"))


def sample_type(chance: random.Random, depth: int) -> Type:
    kind = chance.choice([*ATOMS, "record", "list", "set"] if depth else [*ATOMS])
    if kind == "record":
        return RecordT("", sample_fields(chance, depth - 1))
    if kind in {"list", "set"}:
        return CollT(kind, sample_type(chance, depth - 1), chance.randint(0, 1), 3)
    if kind in {"path", "ip", "cidr", "json"}:
        return PRIMS[kind]
    return chance.choice([LABEL, WIRED]) if kind == "enum" else TYPES[kind]


def sample_fields(chance: random.Random, depth: int) -> tuple[FieldT, ...]:
    names = chance.sample(["a", "b", "a:b", "é", "x"], chance.randint(1, 3))
    return tuple(
        replace(
            field(f"n{index}", sample_type(chance, depth), wire, optional=chance.random() < 0.4),
            nullable=chance.random() < 0.3,
        )
        for index, wire in enumerate(names)
    )


def sample_text(type_: Type, chance: random.Random) -> str:
    match type_:
        case RecordT():
            return sample_object(type_.fields, chance)
        case CollT():
            items = [sample_text(type_.item, chance) for _ in range(chance.randint(0, 3))]
            return "[" + ",".join(items) + "]"
        case EnumT():
            return chance.choice(ATOMS["level" if type_.ordered else "enum"])
        case _:
            return chance.choice(ATOMS[getattr(type_, "name", "reference")])


def sample_object(fields: tuple[FieldT, ...], chance: random.Random) -> str:
    present = [item for item in fields if not item.optional or chance.random() < 0.6]
    chance.shuffle(present)
    members = [f'"{item.wire}":{_member_text(item, chance)}' for item in present]
    if members and chance.random() < 0.1:
        members.append(chance.choice(members))
    return "{" + ",".join(members) + "}"


def _member_text(item: FieldT, chance: random.Random) -> str:
    if chance.random() < (0.3 if item.nullable else 0.02):
        return chance.choice(["null", " null "])
    return sample_text(item.type, chance)


def differences(seed: int, schemas: int, texts: int) -> tuple[list[Sample], int]:
    """Texts that the quick path reads otherwise than the careful reader, and how many it read."""
    chance = random.Random(seed)
    found = []
    answered = 0
    for _ in range(schemas):
        fields = sample_fields(chance, depth=2)
        reader = ObjectDecoder(fields, RecordTypes())
        for _ in range(texts):
            text = sample_object(fields, chance)
            if chance.random() < 0.5:
                text = mangled(text, chance)
            quick = reader.read_quickly(text)
            if quick is not None:
                answered += 1
                if outcome(reader, text, ObjectDecoder.read_carefully) != f"= {plain(quick)!r}":
                    found.append(Sample(fields, text))
    return found, answered


def test_both_readers_agree() -> None:
    found, answered = differences(seed=7, schemas=300, texts=40)
    assert found == []
    assert answered > 3_000


def test_sabotage_duplicate_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "has_duplicate_keys", lambda *_: False)
    found, _ = differences(seed=7, schemas=100, texts=40)
    assert any(sample.text.count(":") > 1 for sample in found)


def test_sabotage_duplicate_keys_inside_any_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "_raw_json", lambda *_: True)
    found, _ = differences(seed=7, schemas=100, texts=40)
    assert any('{"a":1,"a":2}' in sample.text for sample in found)


def null_kept(step: decoder.Convert | None) -> decoder.Convert:
    return lambda value: value if value is None or step is None else step(value)


def test_sabotage_null_is_present(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "_or_absent", null_kept)
    found, _ = differences(seed=7, schemas=100, texts=40)
    assert any("null" in sample.text for sample in found)


def test_sabotage_unbounded_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(records.PRIMITIVES, "int", int)
    found, _ = differences(seed=7, schemas=100, texts=40)
    assert any("9223372036854775808" in sample.text for sample in found)
