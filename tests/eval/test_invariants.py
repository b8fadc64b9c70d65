"""Claims that hold survive, others are broken, and what breaks them is a test that fails."""

from __future__ import annotations

import re
from fractions import Fraction
from random import Random
from typing import Final

import pytest

from pdp.eval import invariants, policytest
from pdp.eval.invariants import InvariantResult, trial
from pdp.eval.invariants.cast import cast_of
from pdp.eval.invariants.drawing import Artist
from pdp.eval.invariants.hints import hints_of
from pdp.eval.policyset import PolicySet
from pdp.eval.reference.facts import expect
from pdp.lang.checked import CheckedPolicies
from pdp.lang.checker import check, read_sources
from pdp.model import Entity
from tests.changed import replace

HEAD: Final = """
bundle shop {
    version "1" language 1 owner "shop@x.example" contact "#shop" governs pay, host
}
level Size { small < large }
enum Region { eu "eu-1", us "us-1" }
type Line = { sku: string, cents: int, note: string nullable }
context { freeze: bool, from?: ip, region: Region nullable }
entity Team directory in Team
entity User person directory in Team { size: Size }
entity Agent agent directory in Team { owner: User }
entity Visitor person { age: int }
entity Shelf in Shelf { owner: User }
entity Order in Shelf { total: decimal, buyer: User, stage: Region, shelf?: Shelf, at: timestamp }
action pay.refund on Order reversible risk low {
    amount: decimal, lines: list<Line>[0..5], tags: set<string>[0..4], note?: string untrusted
}
action pay.wire on Order irreversible risk high { amount: decimal, to: path, blob?: json }
action host.stop reversible risk low { file: path, address: ip, argv: list<string>[0..9] }
group bots = Team::"bots"
group leads = Team::"leads"
group vault = Shelf::"vault"
window office = mon..fri 09:00..17:00 in "Europe/Berlin"
route lead { need 1 of leads exclude requester }
"""
DIRECTORY: Final = {
    entity.uid: entity
    for entity in (
        Entity("Team", "bots", "{}"),
        Entity("Team", "leads", "{}"),
        Entity("User", "ann", '{"size":"small"}'),
        Entity("User", "lea", '{"size":"large"}', ("Team::leads",)),
        Entity("User", "max", '{"size":"large"}', ("Team::leads",)),
        Entity("Agent", "bot", '{"owner":"ann"}', ("Team::bots",)),
        Entity("Agent", "loose", '{"owner":"ann"}'),
    )
}
SEED: Final = 7
COUNT: Final = 300


def _files(rules: str, claims: str, more: str) -> dict[str, bytes]:
    policy = f'policy p {{ owner "p@x.example" contact "#p" reason "R"\n{rules}\n}}'
    claim = f'invariant "the claim" {{ owner "c@x.example"\n{claims}\n}}' if claims else ""
    return {"shop.charter": f"{HEAD}\n{policy}\n{claim}\n{more}".encode()}


def _checked(files: dict[str, bytes]) -> CheckedPolicies:
    checked, diagnostics = check(files)
    assert checked is not None, [(d.message, d.span.line) for d in diagnostics if d.is_error]
    return checked


def ask(
    rules: str, claims: str, more: str = "", directory: dict[str, Entity] = DIRECTORY
) -> tuple[InvariantResult, ...]:
    files = _files(rules, claims, more)
    checked = _checked(files)
    policies = PolicySet.build(checked, directory, read_sources(files))
    results = invariants.run(checked, policies, directory, SEED, COUNT)
    assert all(result.refused == 0 for result in results)
    for result in results:
        if not result.passed:
            _assert_reproduced(rules, more, result, directory)
    return results


def _assert_reproduced(
    rules: str, more: str, result: InvariantResult, directory: dict[str, Entity]
) -> None:
    """Pasted beside the policies, the counterexample is a test, and it fails as it was found."""
    files = _files(rules, "", f"{more}\n{result.counterexample}")
    checked = _checked(files)
    policies = PolicySet.build(checked, directory, read_sources(files))
    found = [*policytest.run(checked, policies)][-1]
    assert not found.passed, result.counterexample
    assert found.decision is not None
    assert result.decision is not None
    assert (found.decision.effect, found.decision.cause, found.decision.rules) == (
        result.decision.effect,
        result.decision.cause,
        result.decision.rules,
    ), result.counterexample


def body(result: InvariantResult) -> str:
    """The test without its fixtures, on one line."""
    text = result.counterexample
    return re.sub(r"\s+", " ", text[text.index("test ") :]).strip()


ALLOW: Final = "rule all: allow anyone to pay.refund, pay.wire, host.stop"


RULES: Final = """
    rule ok: allow Agent, User, Visitor to pay.refund
    rule loose: deny Agent to pay.refund unless principal in bots because "x"
    rule office: deny anyone to pay.refund when now not in office because "x"
    rule big: require approval from lead for anyone to pay.refund when args.amount > 1_000.00
    rule young: deny Visitor to pay.refund when principal.age < 18 because "x"
    rule freeze: deny anyone to pay.refund when context.freeze because "x"
"""
OPEN: Final = "not context.freeze and now in office"
HOLDS: Final = (
    "never allow anyone to pay.refund when args.amount > 1_000.00",
    "never approval anyone to pay.refund when args.amount <= 1_000.00",
    "never approval from lead anyone to pay.refund when args.amount <= 1_000.00",
    "always deny Visitor to pay.refund when principal.age < 18",
    "always deny anyone to pay.refund when now not in office",
    "never allow anyone to pay.refund on Order in vault when context.freeze",
    f"never deny User to pay.refund when {OPEN} and args.amount <= 1_000.00",
    f"always allow User to pay.refund when {OPEN} and args.amount <= 1_000.00",
    f"always approval from lead User to pay.refund when {OPEN} and args.amount > 1_000.00",
)


@pytest.mark.parametrize("claim", HOLDS, ids=range(len(HOLDS)))
def test_a_claim_that_holds_survives_and_was_tested(claim: str):
    (result,) = ask(RULES, claim)
    assert result.passed, result.counterexample
    assert result.tested > 20, result
    assert result.summary() == f"tested on {result.tested} requests, not proved"


BROKEN: Final = (
    # off by the smallest step
    (
        "deny anyone to pay.refund when args.amount > 1_000.00",
        "never allow anyone to pay.refund when args.amount >= 1_000.00",
    ),
    (
        'deny anyone to host.stop when args.file under "/srv"',
        'never allow anyone to host.stop when args.file under "/srv" or args.file under "/etc"',
    ),
    (
        'deny anyone to host.stop when args.address in cidr "10.0.0.0/9"',
        'never allow anyone to host.stop when args.address in cidr "10.0.0.0/8"',
    ),
    (
        'deny anyone to host.stop when args.argv begins ["rm", "-rf"]',
        'never allow anyone to host.stop when args.argv begins ["rm"]',
    ),
    # an edge of a window
    (
        "deny anyone to pay.refund when now in office",
        "always deny anyone to pay.refund when now in office or now + 1h in office",
    ),
    # an optional value that is not there
    (
        "deny anyone to pay.refund when has resource.shelf and resource.shelf in vault",
        "never allow anyone to pay.refund when resource.stage == us",
    ),
    # sets at their bounds
    (
        "deny anyone to pay.refund when count(args.tags) > 3",
        "never allow anyone to pay.refund when count(args.tags) >= 3",
    ),
    (
        "deny anyone to pay.refund when some l in args.lines satisfies (l.cents > 100)",
        "never allow anyone to pay.refund when some l in args.lines satisfies (l.cents >= 100)",
    ),
    # the person behind the agent
    (
        "deny User to pay.refund when principal.size == small",
        "never allow Agent to pay.refund when has user",
    ),
    # an agent alone
    ("deny anyone to pay.refund when has user", "never allow Agent to pay.refund"),
    # enum members, null, references
    (
        "deny anyone to pay.refund when has context.region",
        "never allow anyone to pay.refund when resource.stage == eu",
    ),
    (
        "deny anyone to pay.refund unless has user and resource.buyer == user",
        "never allow anyone to pay.refund when has user and resource.buyer == user",
    ),
    (
        "deny anyone to pay.refund when resource.at > now - 30d",
        "never allow anyone to pay.refund when resource.at >= now - 30d",
    ),
    (
        "deny Visitor to pay.refund when principal.age < 18",
        "always deny Visitor to pay.refund when principal.age <= 18",
    ),
    # approval
    (
        "require approval from lead for anyone to pay.wire when args.amount > 5.00",
        "always approval from lead anyone to pay.wire when args.amount >= 5.00",
    ),
    (
        "require approval from lead for anyone to pay.wire when args.amount > 5.00",
        "never approval anyone to pay.wire when args.amount < 10.00",
    ),
)


@pytest.mark.parametrize(("rule", "claim"), BROKEN, ids=range(len(BROKEN)))
def test_a_claim_that_does_not_hold_is_broken(rule: str, claim: str):
    (result,) = ask(f'{ALLOW}\nrule d: {rule} because "x"', claim)
    assert not result.passed, result
    assert result.summary() == "a request breaks it"


def test_a_counterexample_is_small_and_says_what_was_found():
    rules = f'{ALLOW}\nrule d: deny anyone to pay.refund when args.amount > 1_000.00 because "x"'
    claim = "never allow Agent in bots to pay.refund when args.amount >= 1_000.00"
    (result,) = ask(rules, claim)
    assert body(result) == (
        'test "counterexample: the claim" { agent found_agent'
        " do pay.refund on found_resource { amount: 1000.00, lines: [], tags: [] }"
        " context { now: 2026-01-01T00:00:00Z, freeze: false }"
        " # found: allow, by p.all expect deny }"
    )
    fixtures = result.counterexample.split("test ", maxsplit=1)[0]
    assert 'fixture found_agent = Agent::"bot"\n' in fixtures
    assert "shelf" not in fixtures


def test_the_same_seed_gives_the_same_answer_and_another_may_not():
    rules = f'{ALLOW}\nrule d: deny anyone to pay.refund when args.amount > 1_000.00 because "x"'
    claim = "never allow anyone to pay.refund when args.amount >= 1_000.00"
    assert ask(rules, claim) == ask(rules, claim)


def test_a_claim_that_never_applies_is_idle():
    claim = "never allow anyone to pay.refund when args.amount > 5.00 and args.amount < 4.00"
    (result,) = ask(ALLOW, claim)
    assert (result.passed, result.is_idle, result.tested) == (True, True, 0)
    assert result.summary() == "not tested: it applied to none of 300 requests"


def test_several_claims_are_told_apart():
    claims = "never allow anyone to pay.refund\nnever deny User to host.stop"
    first, second = ask(ALLOW, claims)
    assert (first.passed, second.passed) == (False, True)


def test_fixtures_play_their_part():
    more = 'fixture eve = User::"eve" in [bots] { size: large }'
    rules = "rule u: allow User in bots to host.stop"
    (result,) = ask(rules, "never allow User to host.stop", more)
    assert 'fixture found_user = User::"eve" in [bots] { size: large }' in result.counterexample


def test_without_a_directory_there_are_stand_ins():
    claim = "never allow Agent in bots to pay.refund when args.amount >= 1_000.00"
    rules = f'{ALLOW}\nrule d: deny anyone to pay.refund when args.amount > 1_000.00 because "x"'
    (result,) = ask(rules, claim, directory={})
    assert not result.passed
    assert 'Agent::"stand-in-' in result.counterexample


def test_an_unknown_entity_breaks_no_claim_that_something_is_not_denied():
    rules = f'{ALLOW}\nrule d: deny anyone to pay.refund when resource.total > 5.00 because "x"'
    (result,) = ask(rules, "never deny anyone to pay.refund when args.amount > 1.00")
    assert result.decision is not None
    assert [rule.rule for rule in result.decision.rules] == ["p.d"]
    (result,) = ask(ALLOW, "never deny Agent, User, Visitor to pay.refund")
    assert result.passed, result.counterexample


def test_requests_are_drawn_at_the_edges():
    """What the generator is for: constants and their neighbours, bounds, absence, all chains."""
    rules = f"{ALLOW}\nrule d: oblige anyone to pay.refund when args.amount > 77.00 then log full"
    files = _files(rules, "never allow anyone to pay.refund", "")
    checked = _checked(files)
    artist = Artist(Random(1), checked, cast_of(checked, DIRECTORY), hints_of(checked))
    artist.fill_cast()
    scenes = [artist.scene(checked.invariants[0]) for _ in range(400)]
    amounts = {str(scene.args["amount"]) for scene in scenes}
    assert {"77", "770001/10000", "769999/10000"} <= amounts
    assert {len(expect(scene.args["lines"], tuple)) for scene in scenes} >= {0, 1, 5}
    assert {"note" in scene.args for scene in scenes} == {True, False}
    assert {tuple(thing.type for thing in scene.chain) for scene in scenes} >= {
        ("Agent",),
        ("Agent", "User"),
        ("Agent", "Visitor"),
        ("Agent", "Agent", "User"),
        ("User",),
        ("Visitor",),
    }


def test_sabotage_a_shrinker_that_changes_the_answer_is_caught(monkeypatch: pytest.MonkeyPatch):
    """The harness above would notice a counterexample that is none."""

    def careless(scene, _still_fails, _schema):
        return replace(scene, args={**scene.args, "amount": Fraction(0)})

    monkeypatch.setattr(trial, "shrunk", careless)
    rules = f'{ALLOW}\nrule d: deny anyone to pay.refund when args.amount < 1_000.00 because "x"'
    with pytest.raises(AssertionError, match="counterexample"):
        ask(rules, "never allow anyone to pay.refund when args.amount >= 1_000.00")
