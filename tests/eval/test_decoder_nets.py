"""Paths, addresses, any JSON, null and wire spellings at the door: each row is one claim."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, Final

import pytest

from pdp import digest
from pdp.eval.reading import decoder, values
from pdp.eval.reading.decoder import ObjectDecoder
from pdp.eval.reading.records import RecordTypes
from pdp.lang.declared import scalars as literals
from pdp.lang.types import (
    BOOL,
    CIDR,
    DECIMAL,
    INT,
    IP,
    IPV6_BASE,
    JSON,
    PATH,
    STRING,
    TIMESTAMP,
    CollT,
    EntityT,
    EnumT,
    FieldT,
    RecordT,
    Type,
)
from tests.eval.outcome import outcome

READ: Final = ObjectDecoder.read
CAREFUL: Final = ObjectDecoder.read_carefully
REGION: Final = EnumT("Region", ("us_east", "eu"), wires=("us-east-1", "eu:1"))
GRADE: Final = EnumT("Grade", ("low", "high"), ordered=True, wires=("L", "H"))
BOX: Final = RecordT("Box", (FieldT("any", "any", JSON), FieldT("n", "n", INT, nullable=True)))
TYPES: Final[dict[str, Type]] = {
    "path": PATH,
    "ip": IP,
    "cidr": CIDR,
    "json": JSON,
    "region": REGION,
    "grade": GRADE,
    "cidrs": CollT("set", CIDR, 0, 3),
    "paths": CollT("set", PATH, 0, 3),
    "anything": CollT("list", JSON, 0, 3),
    "box": BOX,
}
_PATH: Final = "args.x: expected a path: absolute, and normalised"
_IP: Final = "args.x: expected an IP address in its canonical form"
_CIDR: Final = "args.x: expected a network in its canonical form"
_TEN: Final = 10 * 2**24
_DEEP: Final = "[" * 16 + "]" * 16
_FIRST_DOC: Final = IPV6_BASE + int(ipaddress.IPv6Address("2001:db8::"))

# type, JSON of the value, value or the beginning of the complaint
EDGES: Final[list[tuple[str, str, Any]]] = [
    ("path", '"/"', "/"),
    ("path", '"/srv/app"', "/srv/app"),
    ("path", '"/a:b/..c/d."', "/a:b/..c/d."),
    ("path", '"/ü"', "/ü"),
    ("path", '"\\u002fsrv"', "/srv"),
    *[
        ("path", f'"{text}"', _PATH)
        for text in (
            *("", "srv", ".", "..", "./srv", "/srv/", "//", "//srv", "/srv//app", "/.", "/.."),
            *("/srv/.", "/srv/..", "/srv/../etc", "/./srv", "/srv\\u0000", " /srv", "C:/x", "~"),
        )
    ],
    ("path", "1", "args.x: expected a string"),
    ("path", "null", "args.x: is null"),
    ("ip", '"0.0.0.0"', 0),
    ("ip", '"10.1.2.3"', _TEN + 65_536 + 512 + 3),
    ("ip", '"255.255.255.255"', 2**32 - 1),
    ("ip", '"::"', IPV6_BASE),
    ("ip", '"::1"', IPV6_BASE + 1),
    ("ip", '"2001:db8::"', _FIRST_DOC),
    ("ip", '"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"', 2 * IPV6_BASE - 1),
    *[
        ("ip", f'"{text}"', _IP)
        for text in (
            *("", "10.1.2", "010.1.2.3", "10.1.2.3 ", "10.1.2.256", "10.1.2.3/32", "1", "\u0661"),
            *("::FFFF", "2001:DB8::", "0:0::1", "2001:db8:0::", "::ffff:10.1.2.3", "fe80::1%eth0"),
            *("::ffff:a01:203", "::ffff:0:0", "[::1]", "1" * 5_000),
        )
    ],
    ("ip", "167837955", "args.x: expected a string"),
    ("cidr", '"10.0.0.0/8"', (_TEN, _TEN + 2**24 - 1)),
    ("cidr", '"0.0.0.0/0"', (0, 2**32 - 1)),
    ("cidr", '"10.1.2.3/32"', (_TEN + 66_051, _TEN + 66_051)),
    ("cidr", '"::/0"', (IPV6_BASE, 2 * IPV6_BASE - 1)),
    ("cidr", '"2001:db8::/32"', (_FIRST_DOC, _FIRST_DOC + 2**96 - 1)),
    *[
        ("cidr", f'"{text}"', _CIDR)
        for text in (
            *("", "10.0.0.0", "10.0.0.1/8", "10.0.0.0/08", "10.0.0.0/33", "10.0.0.0/-1", "10/8"),
            *("10.0.0.0/255.0.0.0", "10.0.0.0/8/8", "10.0.0.0/", "2001:DB8::/32", "2001:db8::1/32"),
            *("::ffff:0:0/96", "::ffff:a00:0/104", "fe80::%1/64", "::/129", "10.0.0.0/ 8"),
        )
    ],
    ("json", "0", True),
    ("json", "false", True),
    ("json", '""', True),
    ("json", "[]", True),
    ("json", '{"a":[1,{"b":null}],"c":"x:y"}', True),
    ("json", "9007199254740993", True),
    ("json", _DEEP, True),
    ("json", f"[{_DEEP}]", "args.x: nested deeper than 16"),
    ("json", "null", "args.x: is null; leave it out instead"),
    ("json", " null ", "args.x: is null; leave it out instead"),
    ("json", '{"a":1,"a":1}', "args: a duplicate key"),
    ("json", '{"b":{"a":1,"a":2}}', "args: a duplicate key"),
    ("json", '{"a":1,"\\u0061":2}', "args: a duplicate key"),
    ("json", "1e3", "args: a number with an exponent"),
    ("json", '{"a":[1e400]}', "args: a number with an exponent"),
    ("json", '{"a":NaN}', "args: `NaN` is not a JSON number"),
    ("json", '"e\u0301"', "args.x: is not in Unicode normal form NFC"),
    ("json", '{"a":"\\ud800"}', "args.x.a: holds a lone surrogate"),
    ("json", '{"a":tru}', "args: not valid JSON"),
    ("region", '"us-east-1"', "us_east"),
    ("region", '"eu:1"', "eu"),
    ("region", '"us_east"', "args.x: expected one of `us-east-1`, `eu:1`"),
    ("grade", '"H"', 1),
    ("grade", '"high"', "args.x: expected one of `L`, `H`"),
    ("cidrs", '["10.0.0.0/8","10.0.0.0/9"]', ((_TEN, _TEN + 2**24 - 1), (_TEN, _TEN + 2**23 - 1))),
    ("cidrs", '["::/0","::/0"]', "args.x: holds an item twice"),
    ("cidrs", '["::/0","10.0.0.1/8"]', "args.x[1]: expected a network"),
    ("paths", '["/a","/b","/a"]', "args.x: holds an item twice"),
    ("anything", "[1,{},[]]", (True, True, True)),
    ("anything", "[1,null]", "args.x[1]: is null"),
    ("anything", _DEEP, (True,)),
    ("anything", f"[{_DEEP}]", "args.x: nested deeper than 16"),
    ("box", '{"any":{"k":1},"n":null}', {"any": True}),
    ("box", '{"any":[],"n":3}', {"any": True, "n": 3}),
    ("box", '{"any":1}', "args.x.n: is missing"),
    ("box", '{"any":null,"n":1}', "args.x.any: is null"),
]


def of(*fields: FieldT) -> ObjectDecoder:
    return ObjectDecoder(fields, RecordTypes())


def wrong_edges(read: Callable[..., Any] = READ) -> set[str]:
    """The rows that the code under test does not agree with."""
    found = set()
    for name, text, expected in EDGES:
        seen = outcome(of(FieldT("x", "x", TYPES[name])), f'{{"x":{text}}}', read)
        if isinstance(expected, str) and expected.startswith("args"):
            is_fine = seen.startswith(expected)
        else:
            is_fine = seen == "= " + repr({"x": expected})
        if not is_fine:
            found.add(f"{name}: {text} gave {seen}")
    return found


def test_edges() -> None:
    assert wrong_edges() == set()
    assert wrong_edges(CAREFUL) == set()


def test_literals_and_requests_spell_values_alike() -> None:
    for name, text, _ in EDGES:
        if name not in {"ip", "cidr", "path"} or not text.startswith('"') or "\\" in text:
            continue
        read = {"ip": values.ip_number, "cidr": values.cidr_range, "path": values.path_text}[name]
        try:
            here: Any = read(text[1:-1])
        except ValueError:
            here = None
        told: dict[str, Callable[[str], Any]] = {
            "ip": literals.ip_number,
            "cidr": literals.cidr_range,
            "path": lambda text: text if literals.is_normalised_path(text) else None,
        }
        assert told[name](text[1:-1]) == here, text


# ---------------------------------------------------------------- null

USER: Final = EntityT(frozenset({"User"}))
NULLABLE: Final[list[tuple[Type, str, Any]]] = [
    (BOOL, "false", False),
    (INT, "0", 0),
    (DECIMAL, "0.5", 5_000),
    (STRING, '""', ""),
    (TIMESTAMP, '"1970-01-01T00:00:00Z"', 0),
    (PATH, '"/"', "/"),
    (IP, '"0.0.0.0"', 0),
    (CIDR, '"0.0.0.0/32"', (0, 0)),
    (JSON, "[]", True),
    (REGION, '"eu:1"', "eu"),
    (GRADE, '"L"', 0),
    (USER, '"ann"', "User::ann"),
    (CollT("list", INT, 0, 3), "[]", ()),
    (CollT("set", STRING, 0, 3), '["a"]', ("a",)),
    (RecordT("R", (FieldT("a", "a", INT),)), '{"a":1}', {"a": 1}),
]


@pytest.mark.parametrize(("type_", "text", "value"), NULLABLE, ids=range(len(NULLABLE)))
@pytest.mark.parametrize("read", [READ, CAREFUL, ObjectDecoder.read_quickly])
def test_null_counts_as_absent_only_where_nullable(
    type_: Type, text: str, value: Any, read: Callable[..., Any]
) -> None:
    must = of(FieldT("x", "x", type_, nullable=True))
    may = of(FieldT("x", "x", type_, nullable=True, optional=True))
    never = of(FieldT("x", "x", type_, optional=True))
    is_quick = read is ObjectDecoder.read_quickly

    def seen(reader: ObjectDecoder, text: str) -> str:
        if is_quick:
            return outcome(reader, text, lambda reader, text, _: reader.read_quickly(text))
        return outcome(reader, text, read)

    there = f'{{"x":{text}}}'
    assert seen(must, there) == seen(may, there) == seen(never, there) == f"= {{'x': {value!r}}}"
    assert seen(must, '{"x": null }') == seen(may, '{"x":null}') == seen(may, "{}") == "= {}"
    if is_quick:
        assert never.read_quickly('{"x":null}') is None
        assert must.read_quickly("{}") is None
    else:
        assert seen(never, '{"x":null}') == "args.x: is null; leave it out instead"
        assert seen(must, "{}") == "args.x: is missing"


def test_usual_texts_take_the_quick_path() -> None:
    reader = of(*(FieldT(name, name, type_) for name, type_ in TYPES.items()))
    text = (
        '{"path":"/srv/a:b","ip":"2001:db8::1","cidr":"10.0.0.0/8","json":{"a":["b:c",1.50]},'
        '"region":"eu:1","grade":"H","cidrs":["::/0"],"paths":[],"anything":[{}],'
        '"box":{"any":"x:","n":null}}'
    )
    assert reader.read_quickly(text) is not None


# ---------------------------------------------------------------- sabotage


def test_sabotage_null_is_present(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "_or_absent", lambda step: step)
    assert any(row.startswith("box: ") for row in wrong_edges())
    monkeypatch.undo()
    honest = values.read_value
    monkeypatch.setattr(values, "UNSET", 0)
    assert any(row.startswith("box: ") for row in wrong_edges(CAREFUL))
    monkeypatch.undo()
    assert honest is values.read_value


@pytest.mark.parametrize(
    ("module", "seam", "broken", "caught"),
    [
        (values, "_NO_SEGMENTS", frozenset({"", "."}), 'path: "/srv/../etc"'),
        (values, "_number", int, 'ip: "::1"'),
        (values, "is_canonical", lambda *_: True, 'ip: "2001:DB8::"'),
        (decoder, "_raw_json", lambda *_: True, 'json: {"b":{"a":1,"a":2}}'),
        (digest, "_has_duplicate_key", lambda *_: False, 'json: {"a":1,"a":1}'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sabotage(
    monkeypatch: pytest.MonkeyPatch, module: Any, seam: str, broken: Any, caught: str
) -> None:
    monkeypatch.setattr(module, seam, broken)
    assert any(row.startswith(caught) for row in wrong_edges())
