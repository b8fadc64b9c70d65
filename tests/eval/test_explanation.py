"""Explanations: what came nearest, who could approve, what is left out, and what is never shown."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Final

import msgspec
import pytest

from pdp import explanation
from pdp.eval.reference import decide, explain, readings, terms
from pdp.eval.reference import explanation as under_test
from pdp.eval.reference.nearest import nearest
from pdp.explanation import Explanation, Nearest, RuleOutcome
from pdp.lang.checker import read_sources
from pdp.model import DenyCause, Effect
from pdp.request import Request
from tests.eval.bank import DIRECTORY, FILE, NOW_US, TEXT, mail, program, send, undo

LOOSE: Final = "Agent::loose User::ann"


def told(asked: Request, more: str = "") -> Explanation:
    text = TEXT + more
    checked = program(text)
    decision = decide(checked, DIRECTORY, asked, NOW_US)
    sources = read_sources({FILE: text.encode()})
    return explain(checked, DIRECTORY, asked, NOW_US, decision, sources)


def told_of(rule: str, asked: Request, more: str = "") -> RuleOutcome:
    """What one rule came to, for the first member of the chain that it is a candidate for."""
    return next(o for o in told(asked, more).outcomes if o.rule == rule)


def policy(*rules: str) -> str:
    lines = "\n".join(rules)
    return f'policy more "More" {{ owner "m@acme.example" contact "#m" reason "M-1"\n{lines}\n}}\n'


# ---------------------------------------------------------------- what came nearest


def test_the_nearest_allow_says_what_it_lacks() -> None:
    [near] = told(send("5_000.00".replace("_", ""), LOOSE)).nearest
    [rule] = near.rules
    assert (near.principal, rule.rule) == ("Agent::loose", "pay.bots")
    assert [(part.text, part.values) for part in rule.unmet] == [
        ("bots", ()),
        ("args.amount <= 1_000.00", (("args.amount", "5000"),)),
    ]
    place = rule.unmet[1]
    line = TEXT.split("\n")[place.line - 1]
    assert line[place.column - 1 :].startswith(place.text)
    assert place.file == FILE


NEARER: Final = policy(
    'rule four: allow Agent to mail.send when args.to == "a" and args.to == "b" and args.to == "c"'
    ' and args.to == "d"',
    'rule one: allow Agent to mail.send when args.to == "a" and 1 == 1',
    'rule two: allow Agent to mail.send when args.to == "a" and args.to == "b"',
    'rule also_one: allow Agent to mail.send when args.to == "e"',
)
FAR: Final = mail("x@elsewhere.example")


def names(near: Nearest) -> list[str]:
    return [rule.rule for rule in near.rules]


def misses_the_nearest() -> bool:
    """Whether the three that lack least are not told, least first."""
    near = {item.principal: names(item) for item in told(FAR, NEARER).nearest}
    return near != {"Agent::bot": ["mail.any", "more.also_one", "more.one"]}


def test_those_that_lack_least_come_first() -> None:
    assert not misses_the_nearest()


@pytest.mark.parametrize(
    "broken",
    [
        lambda chain, outcomes, _: tuple(
            Nearest(uid, tuple(o for o in outcomes if o.principal == uid)) for uid in chain
        ),
        lambda *_: (),
        lambda chain, outcomes, unsure: tuple(
            Nearest(item.principal, item.rules[::-1]) for item in nearest(chain, outcomes, unsure)
        ),
    ],
    ids=["all rules", "none", "furthest first"],
)
def test_a_broken_search_is_caught(
    monkeypatch: pytest.MonkeyPatch, broken: Callable[..., object]
) -> None:
    monkeypatch.setattr(under_test, "nearest", broken)
    assert misses_the_nearest()


def test_nothing_is_near_where_no_allow_is_a_candidate() -> None:
    [near] = told(send(chain="Agent::bot Visitor::v")).nearest
    assert near == Nearest("Visitor::v", ())


def test_nothing_is_near_where_something_else_denied() -> None:
    frozen = told(send("5000.00", LOOSE), policy('rule no: deny anyone to pay.send because "n"'))
    assert (frozen.decision.cause, frozen.nearest) == (DenyCause.RULE, ())
    assert told(send()).nearest == ()


# ---------------------------------------------------------------- who could approve


def test_those_who_could_approve_are_named_without_the_excluded() -> None:
    answer = told(send("200.00"))
    assert answer.decision.effect is Effect.REQUIRE_APPROVAL
    # lea owns the bot
    [item] = answer.approvers
    assert (item.need.group, item.count) == ("Team::leads", 2)
    assert item.people == ("User::kim", "User::max")
    assert [o.rule for o in answer.outcomes if o.determining] == ["pay.big"]


def test_too_few_approvers_are_told_as_well() -> None:
    answer = told(send("950.00"))
    assert answer.decision.cause is DenyCause.NO_ELIGIBLE_APPROVER
    found = {(item.need.group, item.need.where): item.people for item in answer.approvers}
    assert found["Team::leads", "approver.grade >= mid"] == ("User::max",)
    assert found["Team::risk", ""] == ("User::kim", "User::max")


def test_nobody_is_named_where_nobody_is_asked() -> None:
    assert told(send()).approvers == ()
    assert told(send("5000.00", LOOSE)).approvers == ()


# ---------------------------------------------------------------- outcomes


def test_a_guarded_absence_is_no_second_complaint() -> None:
    asked = send()
    via = [o for o in told(asked).outcomes if o.rule == "pay.foreign"]
    assert [[part.text for part in o.unmet] for o in via] == [["has args.via"]] * 2


def test_an_error_says_which_and_where() -> None:
    erring = told_of("pay.foreign", send(via="a-2"))
    assert erring.outcome == "error"
    assert erring.determining
    assert [(part.text, part.error) for part in erring.unmet] == [
        ("args.via.balance < 0.00", "unknown_entity")
    ]


def test_what_is_false_comes_before_what_erred() -> None:
    more = policy(
        "rule mixed: allow User to pay.send when has args.via and args.via.balance > 0.00"
        " and args.amount > 99.00"
    )
    mixed = told_of("more.mixed", send(via="a-2"), more)
    assert mixed.outcome == "false"
    assert [part.error for part in mixed.unmet] == ["", "unknown_entity"]


def test_words_over_several_lines_are_told_on_one() -> None:
    more = policy("rule wide: allow User to pay.send when (args.amount == 1.00\n    or 1 == 2)")
    wide = told_of("more.wide", send(), more)
    assert "args.amount == 1.00 or 1 == 2" in wide.unmet[0].text


def test_a_long_value_is_cut_and_still_json() -> None:
    more = policy('rule long: deny anyone to mail.send when args.raw == "x" because "x"')
    args = msgspec.json.encode({"to": "x@acme.example", "raw": "é\n" * 9_000}).decode()
    asked = msgspec.structs.replace(mail(), args=args)
    [path, value] = told_of("more.long", asked, more).unmet[0].values[0]
    assert path == "args.raw"
    assert len(value) < 3 * explanation.VALUE_CHARS_MAX
    assert msgspec.json.decode(value).endswith("…")


MANY: Final = policy(
    *(f"rule r{n}: allow User, Agent to misc.free when 1 == {n + 2}" for n in range(260)),
    'rule last: deny Agent to misc.free when 1 == 1 because "x"',
)


def test_of_too_many_rules_those_that_decided_are_told() -> None:
    asked = msgspec.structs.replace(mail(), action="misc.free", args="{}")
    answer = told(asked, MANY)
    assert len(answer.outcomes) == explanation.OUTCOMES_MAX
    assert answer.left_out == 2 * 260 + 1 - explanation.OUTCOMES_MAX
    assert [o.rule for o in answer.outcomes if o.determining] == ["more.last"]
    places = [(o.principal, o.rule) for o in answer.outcomes]
    assert places.index(("Agent::bot", "more.last")) < places.index(("User::ann", "more.r0"))


def test_of_too_many_allows_it_does_not_say_which_are_near() -> None:
    asked = msgspec.structs.replace(mail(), action="misc.free", args="{}")
    answer = told(asked, MANY.replace("when 1 == 1", "when 1 == 2"))
    assert (answer.decision.cause, answer.nearest) == (DenyCause.NO_ALLOW, ())
    assert answer.left_out > 0


# ---------------------------------------------------------------- what is never shown

SECRETS: Final = ("DE00-very-secret", "hush", "SALT-77", "KEY-9")
READING: Final = policy(
    'rule iban: deny anyone to pay.send when args.iban != "DE00-very-secret" because "x"',
    'rule near: deny anyone to pay.send when args.iban like "DE00*" and 1 == 2 because "x"',
    'rule box: deny anyone to pay.send when no b in args.boxes satisfies (b.code == "hush")'
    ' because "x"',
    'rule boxes: deny anyone to pay.send when count(args.boxes) > 5 because "x"',
    'rule trace: deny anyone to pay.send when context.trace == "SALT-78" because "x"',
    'rule key: deny anyone to pay.send unless resource.key == "KEY-9" because "x"',
)
RISK: Final = """
risk {
    owner "r@acme.example" contact "#r" reason "sized"
    points 2 "iban" when has args.iban and args.iban == "DE00-very-secret"
    tier medium from 50
}
"""


def shows_a_secret() -> list[str]:
    asked = send()
    context = asked.context.replace("t-1", "SALT-77")
    assert asked.resource is not None
    resource = msgspec.structs.replace(
        asked.resource, attributes=(asked.resource.attributes or "").replace('"k"', '"KEY-9"')
    )
    answer = told(
        msgspec.structs.replace(asked, context=context, resource=resource), READING + RISK
    )
    read = {o.rule for o in answer.outcomes}
    assert {"more.iban", "more.box", "more.boxes", "more.trace", "more.key"} <= read
    assert answer.risk is not None
    assert answer.risk.points == 2
    return [secret for secret in SECRETS if secret in repr((answer.outcomes, answer.risk))]


def test_no_secret_is_shown_nor_what_it_is_compared_with() -> None:
    assert shows_a_secret() == []


def test_a_secret_that_slips_through_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "_passes_secret", lambda *_: False)
    assert shows_a_secret() == ["DE00-very-secret", "hush", "SALT-77", "KEY-9"]


# ---------------------------------------------------------------- cost


def test_patterns_mean_what_they_say() -> None:
    texts = ["".join(text) for n in range(6) for text in itertools.product("ab", repeat=n)]
    pieces = ["", "a", "b", "ab", "aba"]
    for count in (1, 2, 3):
        for parts in itertools.product(pieces, repeat=count):
            pattern = re.compile(".*".join(map(re.escape, parts)))
            for text in texts:
                expected = pattern.fullmatch(text) is not None
                found = terms._like(text, parts)  # noqa: SLF001 - the seam
                assert found is expected, (text, parts)


def test_a_long_text_and_many_stars_end_soon() -> None:
    more = policy('rule stars: deny anyone to mail.send when args.raw like "*a*a*b*c" because "x"')
    args = msgspec.json.encode({"to": "x@acme.example", "raw": "a" * 65_000}).decode()
    answer = told(msgspec.structs.replace(mail(), args=args), more)
    assert [o.outcome for o in answer.outcomes if o.rule == "more.stars"] == ["false", "false"]


def test_a_held_rule_lacks_nothing() -> None:
    held = [o for o in told(undo("500.00")).outcomes if o.outcome == "held"]
    assert {o.rule for o in held} >= {"pay.bots", "pay.people", "pay.undo_big"}
    assert [o.unmet for o in held] == [()] * len(held)
