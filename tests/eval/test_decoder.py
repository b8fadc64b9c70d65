"""Typed values at the door: every type against every kind of JSON, and the edges.

Longer than most for its tables: each row is one claim.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from pdp import canonical
from pdp.eval.reading import decoder, records, values
from pdp.eval.reading.decoder import Decoders, ObjectDecoder
from pdp.eval.reading.records import RecordTypes
from pdp.lang.types import (
    BOOL,
    INT,
    STRING,
    CollT,
    Type,
)
from tests.eval import shop
from tests.eval.outcome import outcome
from tests.eval.shop import TYPES, field

READ: Final = ObjectDecoder.read
CAREFUL: Final = ObjectDecoder.read_carefully


def of_type(type_: Type) -> ObjectDecoder:
    return ObjectDecoder((field("x", type_),), RecordTypes())


# ---------------------------------------------------------------- every type, every JSON kind

KINDS: Final = [
    *("null", "true", "false", "0", "1", "-1", "1.0", "1.5", "1e0", "NaN", '""', '"1"', '"true"'),
    *('"a"', '"null"', "[]", "[1]", "[true]", '["a"]', '["ann"]', "[[]]", "[null]", "{}", "[{}]"),
    *('{"city":"x"}', '[{"city":"x"}]', '"gold"', '["gold"]', '"email"', '"15m"'),
    *('"2026-03-02T10:00:00Z"', '["2026-03-02T10:00:00Z"]', '["1"]'),
]
EVENING: Final = 1_772_445_600_000_000
STRINGS: Final = {
    kind: json.loads(kind) for kind in KINDS if kind.startswith('"')
}  # what strings, and ids, may be
ACCEPTED: Final[dict[str, dict[str, Any]]] = {
    "bool": {"true": True, "false": False},
    "int": {"0": 0, "1": 1, "-1": -1},
    "decimal": {"0": 0, "1": 10_000, "-1": -10_000, "1.0": 10_000, "1.5": 15_000, '"1"': 10_000},
    "string": STRINGS,
    "timestamp": {'"2026-03-02T10:00:00Z"': EVENING},
    "duration": {'"15m"': 900_000_000},
    "enum": {'"email"': "email"},
    "level": {'"gold"': 2},
    "reference": {kind: f"User::{text}" for kind, text in STRINGS.items() if text},
    "record": {'{"city":"x"}': {"city": "x"}},
    "list": {"[1]": (1,)},
    "set": {
        kind: tuple(json.loads(kind)) for kind in KINDS if kind == "[]" or kind.startswith('["')
    },
    "set of decimals": {"[]": (), "[1]": (10_000,), '["1"]': (10_000,)},
    "set of ids": {
        kind: tuple(f"User::{id_}" for id_ in json.loads(kind))
        for kind in KINDS
        if kind == "[]" or kind.startswith('["')
    },
    "set of levels": {"[]": (), '["gold"]': (2,)},
    "set of times": {"[]": (), '["2026-03-02T10:00:00Z"]': (EVENING,)},
    "list of records": {"[]": (), '[{"city":"x"}]': ({"city": "x"},)},
}


def wrong_cells(read: Callable[..., Any] = READ) -> set[str]:
    """The cells of the matrix where the code under test and the table disagree."""
    found = set()
    for name, type_ in TYPES.items():
        reader = of_type(type_)
        for kind in KINDS:
            seen = outcome(reader, f'{{"x":{kind}}}', read)
            if kind in ACCEPTED[name]:
                if seen != "= " + repr({"x": ACCEPTED[name][kind]}):
                    found.add(f"{name}: {kind}")
            elif not re.match(r"args(\.x(\[0\])?(\.city)?)?: ", seen):
                found.add(f"{name}: {kind}")
    return found


def test_every_type_against_every_kind() -> None:
    assert TYPES.keys() == ACCEPTED.keys()
    assert wrong_cells() == set()
    assert wrong_cells(CAREFUL) == set()


# ---------------------------------------------------------------- edges

_INT = "args.x: expected an integer"
_BITS = "args.x: an integer past 64 bits"
_DECIMAL = "args.x: expected a decimal: a number, or a string of its digits"
_TIME = "args.x: expected a timestamp with zone"
_SPAN = "args.x: expected a duration such as `15m`"
_LONG_ID: Final = "a" * 512
# name of the type, JSON text of the value, value or beginning of the complaint
EDGES: Final[list[tuple[str, str, Any]]] = [
    ("bool", '"yes"', "args.x: expected true or false"),
    ("bool", "null", "args.x: is null; leave it out instead"),
    ("int", str(2**63 - 1), 2**63 - 1),
    ("int", str(2**63), _BITS),
    ("int", str(-(2**63)), -(2**63)),
    ("int", str(-(2**63) - 1), _BITS),
    ("int", "9007199254740993", 9007199254740993),
    ("int", "9" * 40, _BITS),
    ("int", "9" * 41, "args: a number longer than 40 digits"),
    ("int", "1" + "0" * 400, "args: a number longer than 40 digits"),
    ("int", "-0", 0),
    ("int", "true", _INT),
    ("int", "1.0", _INT),
    ("int", '"1"', _INT),
    ("int", "1e2", "args: a number with an exponent"),
    ("int", "1E400", "args: a number with an exponent"),
    ("int", "NaN", "args: `NaN` is not a JSON number"),
    ("int", "-Infinity", "args: `-Infinity` is not a JSON number"),
    ("int", "01", "args: not valid JSON"),
    ("int", "1_000", "args: not valid JSON"),
    ("int", "\u0661", "args: not valid JSON"),
    ("decimal", "99999999999999.9999", 10**18 - 1),
    ("decimal", '"99999999999999.9999"', 10**18 - 1),
    ("decimal", "-99999999999999.9999", -(10**18) + 1),
    ("decimal", "100000000000000", _DECIMAL),
    ("decimal", "100000000000000.0", _DECIMAL),
    ("decimal", '"-100000000000000"', _DECIMAL),
    ("decimal", "0.0001", 1),
    ("decimal", "-0.0001", -1),
    ("decimal", "0.00001", _DECIMAL),
    ("decimal", "1.00000", _DECIMAL),
    ("decimal", '"1.00000"', _DECIMAL),
    ("decimal", "-0.0", 0),
    ("decimal", "12.5", 125_000),
    ("decimal", '"12.5000"', 125_000),
    ("decimal", '"\\u0031\\u0032"', 120_000),
    ("decimal", "0.1", 1_000),
    ("decimal", "true", _DECIMAL),
    ("decimal", "1e400", "args: a number with an exponent"),
    ("decimal", '"1e4"', _DECIMAL),
    ("decimal", '"NaN"', _DECIMAL),
    ("decimal", '"Infinity"', _DECIMAL),
    ("decimal", '"-Infinity"', _DECIMAL),
    ("decimal", "Infinity", "args: `Infinity` is not a JSON number"),
    ("decimal", '"1_000"', _DECIMAL),
    ("decimal", '" 1 "', _DECIMAL),
    ("decimal", '"1\\n"', _DECIMAL),
    ("decimal", '"+1"', _DECIMAL),
    ("decimal", '"1."', _DECIMAL),
    ("decimal", '".5"', _DECIMAL),
    ("decimal", '"01"', _DECIMAL),
    ("decimal", '""', _DECIMAL),
    ("decimal", '"\\"1\\""', _DECIMAL),
    ("decimal", '"1:2"', _DECIMAL),
    ("decimal", '"\u0661"', _DECIMAL),
    ("decimal", '"\uff11"', _DECIMAL),
    ("decimal", "[1]", _DECIMAL),
    ("string", '"a\\u0000b"', "a\x00b"),
    ("string", '"' + "a" * 65_536 + '"', "a" * 65_536),
    ("string", '"' + "a" * 65_537 + '"', "args.x: longer than 65536 characters"),
    ("string", '"e\u0301"', "args.x: is not in Unicode normal form NFC"),
    ("string", '"e\\u0301"', "args.x: is not in Unicode normal form NFC"),
    ("string", '"\\ud800"', "args.x: holds a lone surrogate"),
    ("string", '"\ud800"', "args.x: holds a lone surrogate"),
    ("string", '"\\ud83d\\ude00"', "😀"),
    ("string", '"😀:ü"', "😀:ü"),
    ("string", '"a\nb"', "args: not valid JSON"),
    ("timestamp", '"1970-01-01T00:00:00Z"', 0),
    ("timestamp", '"1969-12-31T23:59:59.999999Z"', -1),
    ("timestamp", '"2026-03-02T11:00:00+01:00"', EVENING),
    ("timestamp", '"2026-03-02T04:30:00-05:30"', EVENING),
    ("timestamp", '"2026-03-02T10:00:00-00:00"', EVENING),
    ("timestamp", '"2026-03-02T10:00:00.000001Z"', EVENING + 1),
    ("timestamp", '"2026-03-02T10:00:00.5Z"', EVENING + 500_000),
    ("timestamp", '"2026-03-02T10:00:00.0000001Z"', _TIME),
    ("timestamp", '"2026-03-02T10:00:00."', _TIME),
    ("timestamp", '"2026-03-02T10:00:00"', _TIME),
    ("timestamp", '"2026-03-02T10:00Z"', _TIME),
    ("timestamp", '"2026-03-02"', _TIME),
    ("timestamp", '"2026-03-02 10:00:00Z"', _TIME),
    ("timestamp", '"2026-03-02t10:00:00z"', _TIME),
    ("timestamp", '"20260302T100000Z"', _TIME),
    ("timestamp", '"2026-W10-1T10:00:00Z"', _TIME),
    ("timestamp", '"2026-03-02T10:00:00,5Z"', _TIME),
    ("timestamp", '"2026-03-02T10:00:00+0100"', _TIME),
    ("timestamp", '"2026-03-02T10:00:00+01"', _TIME),
    ("timestamp", '"2026-03-02T10:00:00+24:00"', _TIME),
    ("timestamp", '"2026-03-02T10:00:00+01:60"', _TIME),
    ("timestamp", '"2026-03-02T10:00:00+01:00:00"', _TIME),
    ("timestamp", '"2026-02-29T10:00:00Z"', _TIME),
    ("timestamp", '"2024-02-29T00:00:00Z"', 1_709_164_800_000_000),
    ("timestamp", '"2026-13-01T10:00:00Z"', _TIME),
    ("timestamp", '"2026-03-02T24:00:00Z"', _TIME),
    ("timestamp", '"2026-03-02T23:60:00Z"', _TIME),
    ("timestamp", '"2026-06-30T23:59:60Z"', _TIME),
    ("timestamp", '"0000-01-01T00:00:00Z"', _TIME),
    ("timestamp", '"0001-01-01T00:00:00Z"', -62_135_596_800_000_000),
    ("timestamp", '"0001-01-01T00:59:59+01:00"', _TIME),
    ("timestamp", '"9999-12-31T23:59:59.999999Z"', 253_402_300_799_999_999),
    ("timestamp", '"9999-12-31T23:59:59.999999-00:01"', _TIME),
    ("timestamp", '"10000-01-01T00:00:00Z"', _TIME),
    ("timestamp", '" 2026-03-02T10:00:00Z"', _TIME),
    ("timestamp", '"2026-03-02T10:00:00Z\\n"', _TIME),
    ("timestamp", '"\u0662026-03-02T10:00:00Z"', _TIME),
    ("timestamp", "1772445600", "args.x: expected a string"),
    ("duration", '"0s"', 0),
    ("duration", '"250ms"', 250_000),
    ("duration", '"90s"', 90_000_000),
    ("duration", '"2h"', 7_200_000_000),
    ("duration", '"1d"', 86_400_000_000),
    ("duration", '"007m"', 420_000_000),
    ("duration", '"9223372036854s"', 9_223_372_036_854_000_000),
    ("duration", '"9223372036855s"', _SPAN),
    ("duration", '"' + "9" * 5_000 + 's"', _SPAN),
    ("duration", '"15"', _SPAN),
    ("duration", '"m"', _SPAN),
    ("duration", '"-15m"', _SPAN),
    ("duration", '"+15m"', _SPAN),
    ("duration", '"1.5h"', _SPAN),
    ("duration", '"1h30m"', _SPAN),
    ("duration", '"15 m"', _SPAN),
    ("duration", '"15M"', _SPAN),
    ("duration", '"PT15M"', _SPAN),
    ("duration", '"1_0m"', _SPAN),
    ("duration", '"15m\\n"', _SPAN),
    ("duration", '"\u0661m"', _SPAN),
    ("duration", "15", "args.x: expected a string"),
    ("enum", '"fax"', "args.x: expected one of `email`, `phone`, `web`"),
    ("enum", '"EMAIL"', "args.x: expected one of"),
    ("enum", '"\\u0065mail"', "email"),
    ("enum", "0", "args.x: expected a string"),
    ("level", '"bronze"', 0),
    ("level", '"platinum"', "args.x: expected one of `bronze`, `silver`, `gold`"),
    ("level", "2", "args.x: expected a string"),
    ("reference", f'"{_LONG_ID}"', f"User::{_LONG_ID}"),
    ("reference", f'"{_LONG_ID}a"', "args.x: longer than 512 characters"),
    ("reference", '""', "args.x: is empty"),
    ("reference", '"User::ann"', "User::User::ann"),
    ("reference", '"a:b c"', "User::a:b c"),
    ("reference", '"Jürgen"', "User::Jürgen"),
    ("reference", '"a\\u0000"', "args.x: holds a control, invisible or bidirectional character"),
    ("reference", '"a\x7f"', "args.x: holds a control, invisible or bidirectional character"),
    ("reference", '"a\u202eb"', "args.x: holds a control, invisible or bidirectional character"),
    ("reference", '"a\u2066b"', "args.x: holds a control, invisible or bidirectional character"),
    ("reference", '"a\\u0085b"', "args.x: holds a control, invisible or bidirectional character"),
    ("reference", '{"type":"User","id":"ann"}', "args.x: expected a string"),
    ("record", '{"city":"x","Zip-Code":1}', {"city": "x", "zip": 1}),
    ("record", '{"Zip-Code":1}', "args.x.city: is missing"),
    ("record", '{"city":"x","zip":1}', "args.x.zip: unknown member"),
    ("record", '{"city":"x","Zip-Code":null}', "args.x.Zip-Code: is null"),
    ("record", '{"city":"x","Zip-Code":"1"}', "args.x.Zip-Code: expected an integer"),
    ("record", '{"city":"a","city":"b"}', "args: a duplicate key"),
    ("record", '{"city":"a:b","city":"b"}', "args: a duplicate key"),
    ("record", '{"city":"a","\\u0063ity":"b"}', "args: a duplicate key"),
    ("record", '{"city":"::"}', {"city": "::"}),
    ("record", "[]", "args.x: expected an object"),
    ("list", "[]", "args.x: has fewer than 1 items"),
    ("list", "[1,1,1]", (1, 1, 1)),
    ("list", "[3,1]", (3, 1)),
    ("list", "[1,2,3,4]", "args.x: has more than 3 items"),
    ("list", "[1,true]", "args.x[1]: expected an integer"),
    ("list", "[1,null]", "args.x[1]: is null"),
    ("list", "[1,]", "args: not valid JSON"),
    ("list", "[[1]]", "args.x[0]: expected an integer"),
    ("list", "1", "args.x: expected an array"),
    ("set", '["b","a"]', ("b", "a")),
    ("set", '["a","b","a"]', "args.x: holds an item twice"),
    ("set", '["a","\\u0061"]', "args.x: holds an item twice"),
    ("set", '["a","A"]', ("a", "A")),
    ("set", '["a","b","c","d"]', "args.x: has more than 3 items"),
    ("set of decimals", '[1,"2.5"]', (10_000, 25_000)),
    ("set of decimals", "[1,1.0]", "args.x: holds an item twice"),
    ("set of decimals", '[1.5,"1.50"]', "args.x: holds an item twice"),
    ("set of decimals", "[0,-0.0]", "args.x: holds an item twice"),
    ("set of decimals", '[1,"x"]', "args.x[1]: expected a decimal"),
    ("set of ids", '["ann","bob"]', ("User::ann", "User::bob")),
    ("set of ids", '["ann","ann"]', "args.x: holds an item twice"),
    ("set of ids", '["ann",""]', "args.x[1]: is empty"),
    ("set of levels", '["gold","bronze"]', (2, 0)),
    ("set of levels", '["gold","gold"]', "args.x: holds an item twice"),
    (
        "set of times",
        '["2026-03-02T10:00:00Z","2026-03-02T11:00:00+01:00"]',
        "args.x: holds an item twice",
    ),
    ("list of records", '[{"city":"x"},{"city":"y","Zip-Code":"1"}]', "args.x[1].Zip-Code: "),
    ("list of records", '[{"city":"x"},{"city":"y","city":"z"}]', "args: a duplicate key"),
    ("list of records", '[{"city":"x"},{"city":"x"}]', ({"city": "x"}, {"city": "x"})),
]


def wrong_edges(read: Callable[..., Any] = READ) -> set[str]:
    """The rows that the code under test does not keep, as ``type: JSON``."""
    found = set()
    readers = {name: of_type(type_) for name, type_ in TYPES.items()}
    for name, text, expected in EDGES:
        seen = outcome(readers[name], f'{{"x":{text}}}', read)
        is_complaint = isinstance(expected, str) and re.match(r"args[^ ]*: ", expected)
        wanted = expected if is_complaint else f"= { {'x': expected}!r}"
        if not (seen.startswith(wanted) if is_complaint else seen == wanted):
            found.add(f"{name}: {text}")
    return found


def test_edges() -> None:
    assert wrong_edges() == set()


def test_edges_by_the_careful_reader() -> None:
    assert wrong_edges(CAREFUL) == set()


# ---------------------------------------------------------------- whole objects

OBJECT: Final = (
    field("a", INT),
    field("b", STRING, "B:b", optional=True),
    field("c", BOOL, optional=True),
)
OBJECTS: Final = [
    ('{"a":1}', "= {'a': 1}"),
    (' {\n"a" : 1 ,\t"c":true}\r\n', "= {'a': 1, 'c': True}"),
    ('{"B:b":"x:y","a":1}', "= {'a': 1, 'b': 'x:y'}"),
    ("{}", "args.a: is missing"),
    ('{"a":1,"d":2}', "args.d: unknown member"),
    ('{"a":1,"f_b":"x"}', "args.f_b: unknown member"),
    ('{"a":1,"b":"x"}', "args.b: unknown member"),
    ('{"a":1,"c":null}', "args.c: is null; leave it out instead"),
    ('{"a":1,"a":1}', "args: a duplicate key"),
    ('{"a":1,"B:b":"x","a":1}', "args: a duplicate key"),
    ('{"a":1,"\\u0061":1}', "args: a duplicate key"),
    ('{"d":{"e":1,"e":2},"a":1}', "args: a duplicate key"),
    ("[]", "args: expected a JSON object"),
    ("null", "args: expected a JSON object"),
    ("", "args: not valid JSON"),
    ('{"a":1}{"a":1}', "args: not valid JSON"),
    ('{"a":1,}', "args: not valid JSON"),
    ('\ufeff{"a":1}', "args: not valid JSON"),
    ('{"a":1,"e\u0301":1}', "args: is not in Unicode normal form NFC"),
    ('{"a":' + "[" * 17 + "]" * 17 + "}", "args.a: nested deeper than 16"),
    ("[" * 100_000, "args: nested deeper than 16"),
    ('{"a":' * 100_000, "args: nested deeper than 16"),
]


@pytest.mark.parametrize(("text", "expected"), OBJECTS, ids=range(len(OBJECTS)))
@pytest.mark.parametrize("read", [READ, CAREFUL], ids=["read", "careful"])
def test_whole_objects(text: str, expected: str, read: Callable[..., Any]) -> None:
    assert outcome(ObjectDecoder(OBJECT, RecordTypes()), text, read) == expected


def test_refusals_never_show_values() -> None:
    word = "hunter2"
    for type_ in TYPES.values():
        for text in (f'"{word}"', f'["{word}","{word}"]', f'{{"city":"{word}","city":1}}'):
            seen = outcome(of_type(type_), f'{{"x":{text}}}')
            assert seen.startswith("= ") or word not in seen


def test_usual_texts_take_the_quick_path() -> None:
    decoders = Decoders(shop.SCHEMA)
    assert decoders.context.read_quickly(shop.CONTEXT) is not None
    order = ObjectDecoder(shop.SCHEMA.entities["Order"].fields, RecordTypes())
    assert shop.REFUND.resource is not None
    assert order.read_quickly(shop.REFUND.resource.attributes or "") is not None
    street = ObjectDecoder((field("x", STRING),), RecordTypes())
    assert street.read_quickly('{"x":"Hauptstraße 1: links"}') is not None


def test_equal_records_have_one_type() -> None:
    decoders = Decoders(shop.SCHEMA)
    types = decoders.types
    assert types.of(shop.ADDRESS.fields, "Address") is types.of(shop.ADDRESS.fields)
    user = decoders.attributes("User", '{"department":"x"}', "")
    assert type(user) is decoders.attributes_type("User")
    assert user == decoders.attributes("User", '{ "department" : "x" }', "")
    assert user != decoders.attributes("User", '{"department":"y"}', "")


def test_member_names_that_need_escapes() -> None:
    reader = ObjectDecoder((field("x", INT, 'a"b\\c\n'),), RecordTypes())
    assert outcome(reader, '{"a\\"b\\\\c\\n":1}') == "= {'x': 1}"
    assert outcome(reader, '{"f_x":1}') == "args.f_x: unknown member"


def test_types_deeper_than_json_may_be() -> None:
    type_: Type = INT
    for _ in range(17):
        type_ = CollT("list", type_, 0, 1)
    reader = of_type(type_)
    assert outcome(reader, '{"x":' + "[" * 17 + "]" * 17 + "}").endswith("nested deeper than 16")
    assert outcome(reader, '{"x":[[]]}') == "= {'x': ((),)}"


# ---------------------------------------------------------------- sabotage


class Loose:
    """A pattern that matches only the beginning of a text: `re.match` for a whole-string match."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.fullmatch = pattern.match


def test_sabotage_duplicate_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "has_duplicate_keys", lambda *_: False)
    assert 'record: {"city":"a","city":"b"}' in wrong_edges()


def test_sabotage_duplicate_keys_with_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    keeps_last = json.JSONDecoder(parse_float=canonical.Number, parse_int=canonical.Number)
    monkeypatch.setattr(canonical, "_DECODER", keeps_last)
    assert 'record: {"city":"a","\\u0063ity":"b"}' in wrong_edges()


def test_sabotage_true_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(records.PRIMITIVES, "int", int | bool)
    assert "int: true" in wrong_cells()
    monkeypatch.undo()
    whole = values.READERS["int"]
    monkeypatch.setitem(
        values.READERS, "int", lambda tree, path: 1 if tree is True else whole(tree, path)
    )
    assert "int: true" in wrong_cells()


@pytest.mark.parametrize(
    ("module", "seam", "broken", "caught"),
    [
        (values, "DECIMAL_TEXT", Loose(values.DECIMAL_TEXT), 'decimal: "1_000"'),
        (
            values,
            "TIMESTAMP_TEXT",
            Loose(values.TIMESTAMP_TEXT),
            'timestamp: "2026-03-02T10:00:00+01:00:00"',
        ),
        (values, "DURATION_TEXT", Loose(values.DURATION_TEXT), 'duration: "1h30m"'),
        (values, "all_distinct", lambda _: True, "set of decimals: [1,1.0]"),
        (values, "entity_uid", "{}::{}".format, 'reference: ""'),
        (values, "ID_CHARS_MAX", 9_999, f'reference: "{_LONG_ID}a"'),
        (values, "INT_MAX", 2**80, f"int: {2**63}"),
        (canonical, "check_text", lambda *_: None, 'string: "e\u0301"'),
        (canonical, "_HIDDEN", re.compile("(?!)"), 'reference: "a\u202eb"'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sabotage(
    monkeypatch: pytest.MonkeyPatch, module: Any, seam: str, broken: Any, caught: str
) -> None:
    monkeypatch.setattr(module, seam, broken)
    if seam in {"ID_CHARS_MAX", "INT_MAX"}:
        monkeypatch.setattr(ObjectDecoder, "read_quickly", lambda *_: None)
    assert caught in wrong_edges()
