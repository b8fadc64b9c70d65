"""``matches``, ``under`` and ``in`` a network mean what the language says, in both forms."""

from __future__ import annotations

import ipaddress
import random
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from pdp.eval import runtime
from pdp.eval.binding.binder import Binder
from pdp.eval.compiling import code
from pdp.eval.compiling.cell import Cell
from pdp.eval.compiling.conditions import condition_of
from pdp.eval.compiling.places import Places
from pdp.eval.emit import matchers
from pdp.eval.emit.paths import Scope
from pdp.eval.facts import Directory
from pdp.eval.reading.decoder import Decoders
from pdp.eval.reading.values import cidr_range, ip_number
from pdp.eval.runtime import EvalError
from pdp.lang.checked import (
    Attr,
    Compare,
    Const,
    Expr,
    Has,
    InCollection,
    InNetwork,
    Matches,
    Under,
)
from pdp.lang.types import (
    CIDR,
    IP,
    JSON,
    PATH,
    STRING,
    ActionDef,
    CollT,
    EnumT,
    FieldT,
    Schema,
    Type,
)
from tests.eval.lab import DIRECTORY, LOW, NOW_US, REQUEST, SCHEMA, attr, root, rule, span

REGION: Final = EnumT("Region", ("us", "eu"), wires=("us-east-1", "eu-1"))
CIDRS: Final = CollT("set", CIDR, 0, 9)
FIELDS: Final = (
    FieldT("s", "s", STRING),
    FieldT("p", "p", PATH),
    FieldT("a", "a", IP),
    FieldT("net", "net", CIDR),
    FieldT("nets", "nets", CIDRS),
    FieldT("region", "region", REGION),
    FieldT("any", "any", JSON, optional=True),
    FieldT("gone", "gone", IP, nullable=True),
)
ACTION: Final = ActionDef("lab.net", "lab.net", (), reversible=True, risk="low", fields=FIELDS)
NETS: Final = Schema(SCHEMA.entities, {"lab.net": ACTION}, SCHEMA.context)
ARGS: Final[dict[str, Any]] = {
    "s": "abc",
    "p": "/srv/app",
    "a": "10.1.2.3",
    "net": "10.0.0.0/8",
    "nets": ["192.168.0.0/16", "10.1.0.0/16", "2001:db8::/32"],
    "region": "eu-1",
    "gone": None,
}


def arg(name: str) -> Attr:
    type_: Type = next(field.type for field in FIELDS if field.name == name)
    return attr(root("args"), name, type_)


def answer(expr: Expr, **args: Any) -> bool:
    """The answer with some arguments replaced; both forms must agree on it."""
    decoders = Decoders(NETS)
    body = msgspec.json.encode(ARGS | args).decode()
    request = replace(REQUEST, action="lab.net", args=body, resource=None)
    bound = Binder(NETS, Directory(DIRECTORY, NETS, decoders), decoders).bind(request)
    scope = Scope(NETS, ACTION, None, "Bot")
    condition = condition_of(rule("r", "deny", expr), scope)
    cell = Cell([(0, condition)], scope, Places({}))
    held, erred = cell.exactly(bound, "Bot::b1", NOW_US, LOW)
    assert not erred
    fast = cell.held(bound, "Bot::b1", NOW_US, LOW)
    function = cell._functions[0]  # noqa: SLF001 - the exact form, which a calm request skips
    assert (
        function.exactly(bound, "Bot::b1", bound.lookup("Bot::b1"), NOW_US, LOW)
        == (fast, [])
        == (held, [])
    )
    return held == 1


# ---------------------------------------------------------------- patterns

PATTERNS: Final = [
    ("abc", "abc", True),
    ("abc", "abcd", False),
    ("abc", "xabc", False),
    ("b", "abc", False),
    ("a|ab", "ab", True),
    ("a|ab", "abc", False),
    ("", "", True),
    ("", "a", False),
    ("a*", "", True),
    (".*", "a\nb", False),
    ("(?s).*", "a\nb", True),
    ("^abc$", "abc", True),
    ("abc$", "abc\n", False),
    ("(?m)^a$", "a\nb", False),
    ("(?i)ABC", "abc", True),
    (r"\d+", "123", True),
    (r"\d+", "\u0661", False),
    (r"[^/]+", "ü😀", True),
    (".", "😀", True),
    ("..", "😀", False),
    (r"\x00", "\x00", True),
    (r"(a+)+$", "a" * 5_000 + "!", False),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), PATTERNS, ids=range(len(PATTERNS)))
def test_a_pattern_must_match_the_whole_string(pattern: str, text: str, expected: object) -> None:
    assert answer(Matches(arg("s"), pattern, span()), s=text) is expected


def test_sabotage_re_match_for_a_whole_string_match(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        code.NAMES, "matches", lambda text, pattern: pattern.match(text) is not None
    )
    wrong = [p for p, text, right in PATTERNS if answer(_matches(p), s=text) is not right]
    assert "a|ab" in wrong
    monkeypatch.setitem(
        code.NAMES, "matches", lambda text, pattern: pattern.search(text) is not None
    )
    wrong = [p for p, text, right in PATTERNS if answer(_matches(p), s=text) is not right]
    assert {"b", "abc"} <= set(wrong)


def _matches(pattern: str) -> Matches:
    return Matches(arg("s"), pattern, span())


def test_a_pattern_that_needs_too_much_is_refused_when_compiled() -> None:
    with pytest.raises(Exception, match="too large"):
        matchers.pattern(".{999}" * 40)


# ---------------------------------------------------------------- paths

UNDER: Final = [
    ("/srv/app", "/srv/app", True),
    ("/srv/app", "/srv/app/x", True),
    ("/srv/app", "/srv/app/x/y", True),
    ("/srv/app", "/srv/apple", False),
    ("/srv/app", "/srv/app.bak", False),
    ("/srv/app", "/srv", False),
    ("/srv/app", "/", False),
    ("/srv/app", "/x/srv/app", False),
    ("/srv/app", "/SRV/app", False),
    ("/", "/", True),
    ("/", "/etc/passwd", True),
    ("/ä", "/ä/ö", True),
]


@pytest.mark.parametrize(("prefix", "path", "expected"), UNDER)
def test_under_takes_whole_segments(prefix: str, path: str, expected: object) -> None:
    assert answer(Under(arg("p"), prefix, span()), p=path) is expected


def test_sabotage_prefix_without_a_separator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matchers, "closed", lambda prefix: prefix)
    assert answer(Under(arg("p"), "/srv/app", span()), p="/srv/apple")


# ---------------------------------------------------------------- networks


def const(*networks: str) -> Const:
    if len(networks) == 1:
        return Const(cidr_range(networks[0]), CIDR, span())
    return Const(tuple(cidr_range(network) for network in networks), CIDRS, span())


IN: Final = [
    ("10.0.0.0", ["10.0.0.0/8"], True),
    ("10.255.255.255", ["10.0.0.0/8"], True),
    ("9.255.255.255", ["10.0.0.0/8"], False),
    ("11.0.0.0", ["10.0.0.0/8"], False),
    ("10.1.2.3", ["10.1.2.3/32"], True),
    ("10.1.2.2", ["10.1.2.3/32"], False),
    ("10.1.2.4", ["10.1.2.3/32"], False),
    ("0.0.0.1", ["0.0.0.0/0"], True),
    ("255.255.255.255", ["0.0.0.0/0"], True),
    ("::", ["0.0.0.0/0"], False),
    ("::a01:203", ["10.0.0.0/8"], False),
    ("10.1.2.3", ["::/0"], False),
    ("::1", ["::1/128"], True),
    ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", ["2001:db8::/32"], True),
    ("2001:db9::", ["2001:db8::/32"], False),
    ("10.128.0.0", ["10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8"], True),
    ("10.1.2.3", ["10.1.0.0/16", "10.0.0.0/8"], True),
    ("12.0.0.0", ["10.0.0.0/8", "11.0.0.0/8"], False),
    ("11.255.255.255", ["10.0.0.0/8", "11.0.0.0/8"], True),
    ("::2", ["10.0.0.0/8", "::/127"], False),
    ("10.0.0.0", [], False),
]


@pytest.mark.parametrize(("address", "networks", "expected"), IN, ids=range(len(IN)))
def test_an_address_in_networks(address: str, networks: list[str], expected: object) -> None:
    assert answer(InNetwork(arg("a"), const(*networks), span()), a=address) is expected
    told = InNetwork(arg("a"), arg("nets"), span())
    assert answer(told, a=address, nets=networks) is expected
    if len(networks) == 1:
        one = InNetwork(arg("a"), arg("net"), span())
        assert answer(one, a=address, net=networks[0]) is expected


def test_ranges_of_many_networks_cover_what_the_networks_cover() -> None:
    chance = random.Random(5)
    for _ in range(200):
        networks = [cidr_range(f"10.0.{chance.randrange(4)}.0/24")]
        for _ in range(chance.randrange(9)):
            bits = chance.randint(22, 32)
            base = ipaddress.ip_network((f"10.0.{chance.randrange(4)}.77", bits), strict=False)
            networks.append(cidr_range(str(base)))
        firsts, lasts = matchers.merged(networks)
        assert list(firsts) == sorted(firsts)
        assert all(last < first for last, first in zip(lasts, firsts[1:], strict=False))
        for _ in range(50):
            address = ip_number(f"10.0.{chance.randrange(5)}.{chance.randrange(256)}")
            is_in = any(first <= address <= last for first, last in networks)
            assert runtime.in_ranges(address, firsts, lasts) is is_in


def test_sabotage_nested_networks_not_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matchers, "max", lambda last, _: last, raising=False)
    networks = const("10.0.0.0/8", "10.1.0.0/16")
    assert not answer(InNetwork(arg("a"), networks, span()), a="10.128.0.0")


def test_addresses_and_networks_are_compared_by_value() -> None:
    other = Const(ip_number("10.1.2.4"), IP, span())
    assert answer(Compare("!=", arg("a"), other, span()))
    assert not answer(Compare("==", arg("a"), other, span()))
    assert answer(Compare("==", arg("net"), const("10.0.0.0/8"), span()))
    assert not answer(Compare("==", arg("net"), const("10.0.0.0/9"), span()))
    some = const("10.0.0.0/9", "10.0.0.0/8")
    assert answer(InCollection(arg("net"), some, span()))
    assert not answer(InCollection(arg("net"), some, span()), net="10.0.0.0/16")
    assert answer(InCollection(arg("net"), arg("nets"), span()), net="10.1.0.0/16")


# ---------------------------------------------------------------- the rest


def test_members_are_compared_by_their_charter_names() -> None:
    assert answer(Compare("==", arg("region"), Const("eu", REGION, span()), span()))
    assert not answer(Compare("==", arg("region"), Const("us", REGION, span()), span()))


def test_of_any_json_only_presence_can_be_asked() -> None:
    maybe = replace(arg("any"), optional=True)
    assert not answer(Has(maybe, span()))
    values: tuple[Any, ...] = (0, False, "", [], {}, {"a": [1]})
    for value in values:
        assert answer(Has(maybe, span()), any=value)


def test_null_is_absent() -> None:
    gone = replace(arg("gone"), optional=True)
    assert not answer(Has(gone, span()))
    assert answer(Has(gone, span()), gone="::1")
    one = Const(ip_number("::1"), IP, span())
    with pytest.raises((AssertionError, EvalError)):
        answer(Compare("==", gone, one, span()))
    assert answer(Compare("==", gone, one, span()), gone="::1")
