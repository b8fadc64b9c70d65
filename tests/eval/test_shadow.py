"""Shadow rules are watched and told to the log; no answer ever follows from one."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace

from pdp.eval.judging import judge
from pdp.model import Decision, Effect, ShadowOutcome
from pdp.request import Request
from tests.eval.fleet import (
    FLEET,
    HEAVY,
    HOST,
    NOW_US,
    TEXT,
    ask,
    decide,
    policies,
)

PLAIN: Final = policies(TEXT[: TEXT.index("policy trial")])
ORPHAN: Final = replace(HOST, attributes='{"owner":"ann","weight":1,"parent":"gone"}')
REQUESTS: Final = [
    *[ask(action, count) for action in ("host.stop", "host.tag") for count in (1, 2, 3, 6)],
    *[ask("host.tag", chain=chain) for chain in ("User::ann", "Agent::bot", "Agent::x User::ann")],
    *[ask("note.write", chain=chain) for chain in ("User::ann", "Agent::bot User::ann")],
    ask("host.tag", 99),
    ask("host.stop", 9, host=HEAVY),
    ask("host.tag", host=ORPHAN),
    replace(ask("host.tag"), supported_obligations=()),
    replace(ask("note.write"), supported_obligations=(), grants=(b"g",)),
    replace(ask("host.tag"), action="host.tga"),
]


def told(request: Request) -> list[str]:
    found = decide(request).shadow
    assert list(found) == sorted(found)
    return [f"{item.rule} {item.effect} {item.outcome}" for item in found]


def bare(decision: Decision) -> Decision:
    return replace(decision, shadow=())


def test_what_held_is_told_sorted() -> None:
    assert told(ask("host.stop")) == ["trial.stop deny held"]
    assert told(ask("host.tag")) == ["trial.ask require held", "trial.tell oblige held"]
    assert told(ask("host.tag", 99)) == [
        "trial.ask require held",
        "trial.idle deny held",
        "trial.tell oblige held",
    ]
    assert told(ask("host.tag", chain="User::ann")) == []
    assert told(ask("note.write")) == [
        "trial.ask require held",
        "trial.more allow held",
        "trial.stop deny held",
    ]


def test_an_error_is_told_and_is_no_error_of_the_decision() -> None:
    decision = decide(ask("host.tag", host=ORPHAN, chain="User::ann"))
    assert decision.shadow == (ShadowOutcome("trial.odd", "oblige", "error"),)
    assert decision.errors == ()


@pytest.mark.parametrize("request_", REQUESTS)
def test_shadow_rules_change_nothing_but_what_is_told(request_: Request) -> None:
    with_shadow, without = decide(request_), decide(request_, PLAIN)
    assert without.shadow == ()
    assert bare(with_shadow) == without
    assert set(with_shadow.hidden_paths) >= set(without.hidden_paths)


def test_what_a_shadow_rule_would_hide_is_hidden() -> None:
    assert decide(ask("host.tag"), PLAIN).hidden_paths == ()
    assert decide(ask("host.tag")).hidden_paths == ("args.count",)
    hidden = decide(ask("host.tag", host=ORPHAN, chain="User::ann")).hidden_paths
    assert hidden != ()
    assert all(path.endswith("weight") for path in hidden)
    assert decide(ask("note.write")).hidden_paths == ("args.text",)


def test_an_invalid_request_is_not_watched() -> None:
    assert decide(replace(ask("host.tag"), action="host.tga")).shadow == ()


def test_a_rule_can_hold_for_one_and_err_for_another() -> None:
    rule = "rule idle: deny anyone to host.tag when args.count == 99"
    mixed = "rule idle: deny anyone to host.tag when principal in bots or resource in bots"
    rules = policies(TEXT.replace(rule, mixed))
    far = replace(HOST, groups=("Team::somewhere",))
    shadow = decide(ask("host.tag", host=replace(HOST, attributes=None)), rules).shadow
    assert [(item.rule, item.outcome) for item in shadow if item.rule == "trial.idle"] == [
        ("trial.idle", "error"),
        ("trial.idle", "held"),
    ]
    assert decide(ask("host.tag", host=far), rules).effect is Effect.ALLOW


def test_sabotage_shadow_enforced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "is_enforced", lambda _: True)
    broken = policies()
    wrong = [
        request for request in REQUESTS if bare(decide(request, broken)) != decide(request, PLAIN)
    ]
    assert len(wrong) > 5
    assert decide(ask("host.stop"), broken).effect is Effect.DENY
    assert decide(ask("host.stop"), FLEET, NOW_US).effect is Effect.ALLOW
