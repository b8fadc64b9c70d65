"""Risk, shadow rules, routes and escalations: worked out by hand, asked of the reference."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from pdp.eval.reference import explain, not_candidate
from pdp.explanation import Explanation
from pdp.lang.checked import CheckedPolicies
from pdp.lang.checker import check
from pdp.model import (
    ApprovalRequirement,
    DenyCause,
    DeterminingRule,
    Effect,
    Entity,
    Escalation,
    Need,
    RiskAssessment,
    ShadowOutcome,
)
from pdp.request import Request
from tests.eval.depot import ANN, BOT, DIRECTORY, HEAD, ask, policy, program, request


def explained(checked: CheckedPolicies, asked: Request) -> Explanation:
    return explain(checked, DIRECTORY, asked, 0, ask(checked, asked), {})


# ---------------------------------------------------------------- risk

RISK: Final = """
risk {
    owner "risk@x.example"
    contact "#risk"
    reason "sized"
    points 2 "no host" when not has resource
    points 3 "old host" when has resource and has resource.at and resource.at < now
    points 5 "guessed" when has args.guess and args.guess > 4
    points 5 "stranger" when has user and user in crew
    tier medium from 5
    tier high from 10 requires one
}
route one { need 1 of leads exclude requester use within 10m }
"""


def test_points_add_and_reach_a_tier():
    decision = ask(program(RISK), request())
    assert decision.risk == RiskAssessment(5, ("stranger",), "medium")
    assert decision.effect is Effect.ALLOW
    assert ask(program(RISK), request(BOT)).risk == RiskAssessment(0, (), "low")
    lone = ask(program(RISK), request(BOT, action="job.ping"))
    assert lone.risk == RiskAssessment(2, ("no host",), "low")
    assert ask(program(), request()).risk is None


def test_a_factor_that_errs_counts():
    unknown_host = replace(request(BOT), resource=Entity("Host", "h"))
    decision = ask(program(RISK), unknown_host)
    assert decision.risk == RiskAssessment(3, ("old host",), "low")
    assert (decision.effect, decision.errors) == (Effect.ALLOW, ())


def test_a_tier_requires_its_routes_once():
    decision = ask(program(RISK), request(guess=5))
    assert decision.effect is Effect.REQUIRE_APPROVAL
    assert decision.risk == RiskAssessment(10, ("guessed", "stranger"), "high")
    assert decision.rules == (
        DeterminingRule(
            "risk.high", "risk@x.example", "#risk", "risk tier high: guessed; stranger"
        ),
    )
    assert decision.attribution.policy_owners == ("risk@x.example",)
    # lea owns the bot; at tier high she may not approve though the route would let her
    assert decision.approval == ApprovalRequirement(
        ("one",), (Need("Team::leads", "", 1),), ("requester",), 86_400, 600
    )


def test_the_owner_may_not_approve_from_tier_high_on():
    two = RISK.replace("need 1 of leads", "need 2 of leads")
    decision = ask(program(two), request(guess=5))
    assert (decision.cause, decision.rules[0].rule) == (
        DenyCause.NO_ELIGIBLE_APPROVER,
        "risk.high",
    )
    medium = two.replace("tier high from 10", "tier critical from 20").replace(
        "tier medium from 5", "tier medium from 5 requires one"
    )
    decision = ask(program(medium), request(guess=5))
    assert decision.effect is Effect.REQUIRE_APPROVAL
    assert decision.rules[0].rule == "risk.medium"


def test_rules_read_the_tier_and_the_answer_tells_it_also_when_it_is_no():
    checked = program(
        RISK, policy('rule d: deny anyone to job.run when risk.tier >= high because "x"')
    )
    decision = ask(checked, request(guess=5))
    assert (decision.cause, decision.risk) == (
        DenyCause.RULE,
        RiskAssessment(10, ("guessed", "stranger"), "high"),
    )
    assert ask(checked, request(guess=4)).effect is Effect.ALLOW


def test_explain_tells_each_factor():
    told = explained(program(RISK), request(guess=5)).risk
    assert told is not None
    assert (told.points, told.tier) == (10, "high")
    assert [(f.reason, f.points, f.outcome) for f in told.factors] == [
        ("no host", 2, "false"),
        ("old host", 3, "false"),
        ("guessed", 5, "held"),
        ("stranger", 5, "held"),
    ]
    unknown_host = replace(request(BOT), resource=Entity("Host", "h"))
    told = explained(program(RISK), unknown_host).risk
    assert told is not None
    old_host = told.factors[1]
    assert (old_host.outcome, old_host.condition.error) == ("error", "unknown_entity")
    assert (told.points, told.tier) == (3, "low")
    assert explained(program(), request()).risk is None


# ---------------------------------------------------------------- shadow rules

SHADOW: Final = "shadow until 2099-01-01"


def test_a_shadow_rule_changes_no_answer():
    rules = (
        'rule d: deny anyone to job.run because "x"',
        'rule e: deny anyone to job.run when resource.home == args.file because "x"',
        'rule f: deny anyone to job.run when 1 == 2 because "x"',
        "rule o: oblige Agent to job.run then rate 1 per 1h by agent, redact [args.text]",
    )
    checked = program(policy(*rules, more=SHADOW))
    bare = replace(request(), resource=Entity("Host", "h"))
    decision = ask(checked, bare)
    assert decision.effect is Effect.ALLOW
    assert [rule.rule for rule in decision.rules] == ["base.all"]
    assert (decision.errors, decision.obligations) == ((), ())
    assert decision.shadow == (
        ShadowOutcome("p.d", "deny", "held"),
        ShadowOutcome("p.e", "deny", "error"),
        ShadowOutcome("p.o", "oblige", "held"),
    )
    # hiding is the one thing that it does: hiding more never gives anything away
    assert "args.text" in decision.hidden_paths
    assert [(t.rule, t.shadow) for t in explained(checked, bare).outcomes][:2] == [
        ("base.all", False),
        ("p.d", True),
    ]


def test_a_shadow_allow_allows_nobody():
    text = HEAD.replace('reason "B"', f'reason "B" {SHADOW}')
    checked, diagnostics = check({"depot.charter": text.encode()})
    assert checked is not None, diagnostics
    decision = ask(checked, request())
    assert decision.cause is DenyCause.NO_ALLOW
    assert decision.shadow == (ShadowOutcome("base.all", "allow", "held"),)


# ---------------------------------------------------------------- routes

ROUTES: Final = """
route first {
    need 1 of leads exclude requester expires 4h use within 30m escalate to second after 1h
}
route second { need 2 of leads exclude requester, owner escalate to third after 2h }
route third {
    need 2 of leads
    need 1 of crew where (approver.grade >= mid)
    confirm user
    exclude requester, owner
    expires 2d
}
route plain { need 1 of crew exclude requester, owner expires 90m }
"""


def requiring(*routes: str) -> CheckedPolicies:
    rule = f"rule q: require approval from {', '.join(routes)} for anyone to any action"
    return program(ROUTES, policy(rule))


def test_escalations_join_the_base_with_the_route_reached():
    decision = ask(requiring("first"), request())
    one, two = Need("Team::leads", "", 1), Need("Team::leads", "", 2)
    where = Need("Team::crew", "approver.grade >= mid", 1)
    owner = ("owner", "requester")
    assert decision.approval == ApprovalRequirement(
        routes=("first",),
        needs=(one,),
        exclude=("requester",),
        decide_within_s=4 * 3600,
        use_within_s=1800,
        escalations=(
            Escalation(3600, "second", (two,), owner, 86_400, 1800, confirm_user=False),
            Escalation(3 * 3600, "third", (where, two), owner, 2 * 86_400, 1800, confirm_user=True),
        ),
    )


def test_every_route_of_a_requirement_is_the_base_of_each_escalation():
    decision = ask(requiring("first", "plain"), request())
    assert decision.approval is not None
    assert (decision.approval.decide_within_s, decision.approval.use_within_s) == (5400, 1800)
    crew = Need("Team::crew", "", 1)
    first, second = decision.approval.escalations
    assert first == Escalation(
        3600, "second", (crew, Need("Team::leads", "", 2)), ("owner", "requester"), 86_400, 1800
    )
    assert crew in second.needs
    assert len(second.needs) == 3


CONFIRM: Final = "route ask { confirm user }"


def test_a_confirmation_takes_a_person_at_the_end_of_the_chain():
    rule = "rule q: require approval from ask for anyone to job.run"
    checked = program(CONFIRM, policy(rule))
    decision = ask(checked, request())
    assert decision.effect is Effect.REQUIRE_APPROVAL
    assert decision.approval is not None
    assert (decision.approval.needs, decision.approval.confirm_user) == ((), True)
    decision = ask(checked, request(BOT))
    assert (decision.cause, decision.rules[0].rule) == (DenyCause.NO_ELIGIBLE_APPROVER, "p.q")
    assert ask(checked, request(ANN)).effect is Effect.REQUIRE_APPROVAL


def test_a_confirmation_fills_no_need():
    only_ann = "route ask { confirm user need 1 of crew where (approver.grade == low) }"
    checked = program(only_ann, policy("rule q: require approval from ask for anyone to job.run"))
    assert ask(checked, request()).cause is DenyCause.NO_ELIGIBLE_APPROVER


def test_a_route_shows_the_tier_and_what_is_absent():
    route = (
        "route one { need 1 of leads show risk.tier, args.opt, resource.at, args.region, args.net }"
    )
    text = RISK.replace("route one { need 1 of leads exclude requester use within 10m }", route)
    decision = ask(program(text), request(guess=5))
    assert decision.approval is not None
    assert decision.approval.show == (
        ("args.net", '"10.0.0.0/8"'),
        ("args.opt", None),
        ("args.region", '"us-east-1"'),
        ("resource.at", None),
        ("risk.tier", '"high"'),
    )


# ---------------------------------------------------------------- why a rule was not asked


def test_not_candidate_gives_the_first_reason():
    checked = program(
        policy(
            'rule agents: deny Agent to job.run because "x"',
            'rule drop: deny anyone to job.drop because "x"',
            'rule host: deny anyone to any action on Host because "x"',
        )
    )
    asked = request(ANN)
    assert not_candidate(checked, asked, "base.all") == ""
    assert not_candidate(checked, asked, "base.al") == (
        "unknown rule `base.al`; did you mean `base.all`?"
    )
    assert not_candidate(checked, asked, "p.drop") == (
        "`p.drop` does not cover `job.run`: it is for `job.drop`"
    )
    assert not_candidate(checked, asked, "p.agents") == (
        "`p.agents` is for `Agent`, and the chain is `User`"
    )
    assert not_candidate(checked, request(), "p.agents") == ""
    assert not_candidate(checked, asked, "p.host") == ""
    ping = request(action="job.ping")
    assert "does not cover `job.ping`" in not_candidate(checked, ping, "p.host")
    mistaken = replace(asked, action="job.rum")
    assert not_candidate(checked, mistaken, "base.all") == (
        "unknown action `job.rum`; did you mean `job.run`?"
    )
    other = replace(asked, resource=Entity("Team", "crew"))
    assert not_candidate(checked, other, "p.host") == (
        "`p.host` is for `Host`, and the resource is `Team`"
    )


def test_explain_shows_neither_secrets_nor_json():
    rule = (
        'rule d: deny anyone to job.run when has args.key and args.key == "x" and has args.any'
        ' because "x"'
    )
    checked = program(policy(rule))
    asked = request(key="y", any=1)
    told = [t for t in explained(checked, asked).outcomes if t.rule == "p.d"]
    assert [(t.outcome, t.unmet[0].values) for t in told] == [("false", ()), ("false", ())]
