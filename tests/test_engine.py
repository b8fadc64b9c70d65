"""The engine as its users see it: loading, deciding, explaining, and failing closed."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import pdp
from pdp import BundleError, DenyCause, Effect, Engine, PolicyError, Request, RequestError
from pdp.eval.judging.judge import TargetJudge
from pdp.lang.diagnostics import Diagnostic

ROOT = Path(__file__).parent.parent
NOW_US = 1_772_445_600_000_000  # 2026-03-02T10:00:00Z

POLICY = b"""
bundle shop { version "2.1" language 1 owner "o" contact "c" governs pay }
entity Team directory
entity User person directory in Team { name: string }
entity Robot agent directory in Team { owner: User }
action pay.out reversible risk low { amount: decimal }
group people = Team::"people"
policy p {
    owner "o@shop.example" contact "#o" reason "r"
    rule small: allow Robot, User to pay.out when args.amount <= 5.00
    rule large:
        require approval from two for Robot to pay.out when args.amount > 3.00 because "ask"
    rule never: deny anyone to pay.out when args.amount < 0.00 because "no"
}
route two { need 1 of people exclude requester }
test "5" { agent r user a do pay.out { amount: 5.00 } expect approval from two by p.large }
fixture a = User::"a" { name: "a" }
fixture r = Robot::"r" { owner: a }
"""
DIRECTORY = b"""{"Team": {"people": {}}, "Robot": {"r": {"attributes": {"owner": "a"}}}, "User": {
    "a": {"attributes": {"name": "a"}},
    "b": {"attributes": {"name": "b"}, "groups": ["Team::people"]}}}
"""
FILES = {"p.charter": POLICY, "d.directory.json": DIRECTORY}


def request(amount: str, **more: object) -> Request:
    return Request.from_json(
        {
            "principal": {"type": "Robot", "id": "r"},
            "on_behalf_of": [{"type": "User", "id": "a"}],
            "action": "pay.out",
            "args": {"amount": amount},
            **more,
        }
    )


def engine() -> Engine:
    return Engine(FILES, clock=lambda: NOW_US)


def test_every_public_name_is_there() -> None:
    assert sorted(pdp.__all__) == list(pdp.__all__)
    assert all(getattr(pdp, name) is not None for name in pdp.__all__)


def test_the_starter_bundle_loads_only_where_unsigned_is_accepted() -> None:
    with pytest.raises(BundleError, match="--unsafe-accept-unsigned"):
        Engine.from_directory(ROOT / "policies")
    loaded = Engine.from_directory(ROOT / "policies", unsafe_accept_unsigned=True)
    assert not loaded.bundle.signed
    assert len(loaded.files) > 10


def test_policies_that_do_not_check_bring_every_diagnostic() -> None:
    broken = POLICY.replace(b"to pay.out when args.amount <= 5.00", b"to pay.ot")
    broken = broken.replace(b"from two", b"from tow")
    with pytest.raises(PolicyError, match="errors in the policies") as caught:
        Engine({"p.charter": broken})
    found = [d for d in caught.value.diagnostics if isinstance(d, Diagnostic)]
    codes = {diagnostic.code.code for diagnostic in found}
    assert {"C0202", "C0207"} <= codes


def test_the_three_answers_with_their_rules_and_owners() -> None:
    loaded = engine()
    allowed = loaded.decide(request("2.00"))
    assert allowed.effect is Effect.ALLOW
    assert [rule.rule for rule in allowed.rules] == ["p.small"]
    assert allowed.rules[0].owner == "o@shop.example"
    assert allowed.attribution.accountable == "User::a"
    asked = loaded.decide(request("4.00"))
    assert asked.effect is Effect.REQUIRE_APPROVAL
    assert asked.approval is not None
    assert asked.approval.routes == ("two",)
    assert [(need.group, need.count) for need in asked.approval.needs] == [("Team::people", 1)]
    denied = loaded.decide(request("-1.00"))
    assert (denied.effect, denied.cause) == (Effect.DENY, DenyCause.RULE)
    assert [rule.because for rule in denied.rules] == ["no"]
    assert (loaded.bundle.name, loaded.bundle.version) == ("shop", "2.1")
    assert {d.bundle for d in (allowed, asked, denied)} == {loaded.bundle}


def test_a_bound_request_decides_like_the_request() -> None:
    loaded = engine()
    bound = loaded.bind(request("4.00"))
    assert loaded.decide(bound) == loaded.decide(request("4.00"))


def test_a_presented_grant_is_never_one_of_ours_yet() -> None:
    for amount in ("2.00", "4.00"):
        decision = engine().decide(request(amount, grants=["AAAA"]))
        assert (decision.effect, decision.cause) == (Effect.DENY, DenyCause.APPROVAL_MISMATCH)


def test_a_refused_request_names_the_place() -> None:
    with pytest.raises(RequestError) as caught:
        engine().decide(request("2.00001"))
    assert caught.value.field == "args.amount"


@pytest.mark.parametrize("bug", [AssertionError, KeyError, RecursionError, MemoryError])
def test_a_bug_in_evaluation_denies_and_says_nothing_of_itself(
    bug: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: object) -> None:
        raise bug("a secret value")

    loaded = engine()
    monkeypatch.setattr(TargetJudge, "decide", broken)
    with caplog.at_level(logging.ERROR, "pdp.engine"):
        decision = loaded.decide(request("2.00"))
    assert (decision.effect, decision.cause) == (Effect.DENY, DenyCause.ERROR)
    assert decision.hidden_paths == ("*",)
    assert "secret" not in repr(decision)
    assert "secret" not in caplog.text
    assert "test_engine.py" in caplog.text


def test_explain_names_every_candidate_for_everyone() -> None:
    told = engine().explain(request("4.00"))
    found = {(outcome.principal, outcome.rule): outcome.outcome for outcome in told.outcomes}
    assert found["Robot::r", "p.large"] == "held"
    assert found["User::a", "p.small"] == "held"
    assert found["User::a", "p.never"] == "false"
    unknown = engine().explain(request("4.00", action="pay.in"))
    assert (unknown.decision.cause, unknown.outcomes) == (DenyCause.INVALID_REQUEST, ())


def test_explain_answers_as_decide_does_and_at_any_time() -> None:
    loaded = engine()
    told = loaded.explain(request("4.00"))
    assert (told.decision, told.now_us) == (loaded.decide(request("4.00")), NOW_US)
    assert loaded.explain(request("4.00"), NOW_US + 1).now_us == NOW_US + 1
    with pytest.raises(RequestError):
        loaded.explain(request("2.00001"))


def test_why_a_rule_is_not_asked() -> None:
    asked = request("4.00", on_behalf_of=[], principal={"type": "User", "id": "a"})
    assert engine().why_not(asked, "p.small") == ""
    assert engine().why_not(asked, "p.large") == "`p.large` is for `Robot`, and the chain is `User`"
    assert "did you mean `p.small`?" in engine().why_not(asked, "p.smal")


def test_the_tests_beside_the_policies_run() -> None:
    (result,) = engine().run_tests()
    assert result.passed
    wrong = FILES | {"p.charter": POLICY.replace(b"approval from two by p.large }", b"allow }")}
    (failed,) = Engine(wrong).run_tests()
    assert failed.problems == ("expected allow, found require_approval",)


def test_an_engine_starts_from_the_compact_form() -> None:
    first = engine()
    again = Engine(FILES, compact=first.compact(), clock=lambda: NOW_US)
    assert again.bundle == first.bundle
    assert again.compact() == first.compact()
    for amount in ("2.00", "20000.00"):
        assert again.decide(request(amount)) == first.decide(request(amount))
    with pytest.raises(PolicyError, match="build the bundle again"):
        Engine(FILES, compact=first.compact()[:-1])
