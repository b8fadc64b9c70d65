"""Conditions in words: every kind of expression, its opposite, and sentences read one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from pdp.describing.conditions import Phrase, Speaker
from pdp.engine import Engine
from pdp.lang.checked import Expr
from pdp.lang.checker import read_sources
from pdp.lang.lints.forms import all_parts
from tests.describing.clinic import engine_of

SCHEMA = """
bundle t.shop { version "1" language 1 owner "o" contact "c" governs pay }
enum Currency { EUR, us_dollar "USD" }
level Care { low < high }
type Item = { sku: string, gift: bool }
context { frozen?: bool, mood?: string untrusted }
entity Team directory in Team
entity User person directory in Team { level: Care, limit?: decimal, left_at?: timestamp }
entity Agent agent directory in Team { owner: User }
entity Order in Team { total: decimal, disputed: bool, tests_passed: bool, tags: set<string>[0..9] }
action pay.refund on Order reversible risk low {
    amount: decimal, currency: Currency, rows: int, items: set<Item>[0..9], is_public: bool,
}
group clerks = Team::"clerks"
const limit: decimal = 200.00
const banned: set<string> = ["x", "y"]
"""
POLICY = """
policy p "P" { owner "o" contact "c" reason "r"
    rule a: deny Agent in clerks to pay.refund when %s because "b"
}
"""


def said(condition: str, *, holds: bool = True) -> str:
    files = {"a.charter": (SCHEMA + POLICY % condition).encode()}
    engine = Engine(files)
    [rule] = engine.checked.rules
    assert rule.when is not None
    groups = {group.uid: group.name for group in engine.checked.groups}
    claimed = frozenset({("context", "mood")})
    speaker = Speaker(groups, read_sources(files), claimed, principal="the agent")
    return speaker.say(rule.when, holds=holds)


SENTENCES = [
    # condition, in words, and that it is false
    (
        "args.amount <= 200.00 and not resource.disputed",
        "the amount is at most 200.00 and the order is not disputed",
        "the amount is more than 200.00 or the order is disputed",
    ),
    (
        "args.amount > limit",
        "the amount is more than the limit (200.00)",
        "the amount is at most the limit (200.00)",
    ),
    (
        "args.currency == us_dollar",
        "the currency is us dollar",
        "the currency is not us dollar",
    ),
    (
        "resource.tests_passed == false",
        "“tests passed” is not true for the order",
        "“tests passed” is true for the order",
    ),
    ("args.is_public", "“is public” is true", "“is public” is not true"),
    ("not has user", "no person asks", "a person asks"),
    (
        "has principal.owner.left_at and now >= principal.owner.left_at",
        (
            "the agent's owner has a value for “left at” and the time of the request is not before"
            " the agent's owner's left at"
        ),
        (
            "the agent's owner has no value for “left at” or the time of the request is before"
            " the agent's owner's left at"
        ),
    ),
    (
        '(args.rows > 1_000 or args.rows < 1) and "vip" in resource.tags',
        (
            "(the number of rows is more than 1,000 or the number of rows is less than 1)"
            " and “vip” is among the order's tags"
        ),
        (
            "(the number of rows is at most 1,000 and the number of rows is at least 1)"
            " or “vip” is not among the order's tags"
        ),
    ),
    (
        "some i in args.items satisfies (i.sku in banned or i.gift)",
        "for at least one of the items, (its sku is on the list “banned” or “gift” is true for it)",
        (
            "for every one of the items,"
            " (its sku is not on the list “banned” and “gift” is not true for it)"
        ),
    ),
    (
        'no i in args.items satisfies (i.sku like "A*")',
        "for every one of the items, its sku does not begin with “A”",
        "for at least one of the items, its sku begins with “A”",
    ),
    (
        'has context.mood and context.mood like "*rush*"',
        "the mood (as claimed) is stated and the mood (as claimed) contains “rush”",
        "the mood (as claimed) is not stated or the mood (as claimed) does not contain “rush”",
    ),
    (
        "principal in clerks or resource in clerks",
        "the agent is in “clerks” or the order is in “clerks”",
        "the agent is not in “clerks” and the order is not in “clerks”",
    ),
    (
        "principal.owner.level >= high",
        "the agent's owner's level is at least high",
        "the agent's owner's level is less than high",
    ),
]


@pytest.mark.parametrize(("condition", "words", "opposite"), SENTENCES)
def test_a_condition_and_its_opposite(condition: str, words: str, opposite: str) -> None:
    assert said(condition) == words
    assert said(condition, holds=False) == opposite
    if "mood" not in condition:  # an untrusted value never stands under `not`
        assert said(f"not ({condition})") == opposite


def _conditions() -> Iterator[Expr]:
    checked = engine_of().checked
    for rule in checked.rules:
        yield from (expr for expr in (rule.when, rule.unless) if expr is not None)
    for route in checked.routes.values():
        yield from (need.where for need in route.needs if need.where is not None)
    if checked.risk is not None:
        yield from (factor.when for factor in checked.risk.factors)


def test_the_clinic_has_every_kind_of_expression() -> None:
    kinds = {type(part) for condition in _conditions() for part in all_parts(condition)}
    assert set(get_args(Expr)) - kinds == set()


def test_a_condition_and_its_opposite_are_never_the_same() -> None:
    speaker = Speaker({}, {}, frozenset())
    for condition in _conditions():
        assert speaker.say(condition) != speaker.say(condition, holds=False)


def test_a_long_condition_is_a_list_that_loses_nothing() -> None:
    """The words of the list, its leads and brackets apart, are those of the one line."""
    speaker = Speaker({}, {}, frozenset())
    listed = 0
    for condition in _conditions():
        phrase = speaker.phrase(condition)
        listed += bool(phrase.parts)
        line = speaker.say(condition).replace("(", "").replace(")", "")
        for leaf in _leaves(phrase):
            assert leaf.replace("(", "").replace(")", "") in line
    assert listed > 1


def _leaves(phrase: Phrase) -> Iterator[str]:
    if not phrase.parts:
        yield phrase.text
    for part in phrase.parts:
        yield from _leaves(part)
