"""Points are counted once, tiers ask for routes, and nothing unknown makes a request less risky."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace

from pdp.eval.compiling import cell
from pdp.eval.judging import risk
from pdp.eval.judging.risk import LOW, RiskScale, Weighed, assess
from pdp.lang.checked import Const, RiskFactor, RiskModel, RiskTier
from pdp.lang.types import BOOL
from pdp.model import (
    ApprovalRequirement,
    DenyCause,
    DeterminingRule,
    Effect,
    Entity,
    Escalation,
    Need,
    NextAction,
    RiskAssessment,
)
from pdp.request import Request
from tests.eval.fleet import (
    HEAVY,
    HOST,
    NOW_US,
    TEXT,
    ask,
    decide,
    policies,
    vip,
)
from tests.eval.lab import span

EVENING_US: Final = NOW_US + 8 * 3_600_000_000
ORPHAN: Final = replace(HEAVY, attributes='{"owner":"ann","weight":101,"parent":"gone"}')
LEADS: Final = Need("Team::leads", "", 1)
HIGH: Final = ask("host.stop", 9, host=HEAVY)

# request, moment, points, tier
POINTS: Final = [
    (ask("note.write"), NOW_US, 0, "low"),
    (ask("host.tag"), NOW_US, 0, "low"),
    (ask("host.stop"), NOW_US, 5, "low"),
    (ask("host.tag", 5), NOW_US, 0, "low"),
    (ask("host.tag", 6), NOW_US, 10, "low"),
    (ask("host.stop", 6), NOW_US, 15, "low"),
    (ask("host.tag", host=HEAVY), NOW_US, 20, "medium"),
    (ask("host.tag", 6, host=HEAVY), NOW_US, 30, "medium"),
    (HIGH, NOW_US, 35, "high"),
    (ask("note.write"), EVENING_US, 30, "medium"),
    (ask("host.stop"), EVENING_US, 35, "high"),
    (HIGH, EVENING_US, 65, "high"),
    (ask("host.stop", 1, host=ORPHAN), NOW_US, 65, "high"),
    (ask("host.stop", 6, host=ORPHAN), EVENING_US, 105, "critical"),
]


@pytest.mark.parametrize(("request_", "now_us", "points", "tier"), POINTS)
def test_points_and_tier(request_: Request, now_us: int, points: int, tier: str) -> None:
    told = decide(request_, now_us=now_us).risk
    assert told is not None
    assert (told.points, told.tier) == (points, tier)


def test_reasons_stand_in_the_order_written() -> None:
    told = decide(ask("host.stop", 6, host=ORPHAN), now_us=EVENING_US).risk
    assert told is not None
    assert told.reasons == (
        "many at once",
        "a heavy host",
        "outside office hours",
        "its parent is heavy",
        "irreversible",
    )


def test_a_factor_that_cannot_be_evaluated_counts_and_denies_nothing() -> None:
    decision = decide(ask("host.tag", host=ORPHAN))
    assert decision.risk == RiskAssessment(60, ("a heavy host", "its parent is heavy"), "high")
    assert decision.effect is Effect.REQUIRE_APPROVAL
    assert decision.errors == ()
    light = Entity("Host", "gone", '{"owner":"ann","weight":1}')
    known = decide(replace(ask("host.tag", host=ORPHAN), entities=(light,)))
    assert known.risk == RiskAssessment(20, ("a heavy host",), "medium")
    assert known.effect is Effect.ALLOW


@pytest.mark.parametrize(
    "chain", ["User::ann", "Agent::bot User::ann", "Agent::bot Agent::bot Agent::bot User::ann"]
)
def test_points_count_once_whatever_the_chain(chain: str) -> None:
    told = decide(ask("host.tag", 6, chain=chain)).risk
    assert told is not None
    assert (told.points, told.tier) == (10, "low")


def test_a_tier_requires_its_routes_as_a_rule_would() -> None:
    decision = decide(HIGH)
    assert decision.effect is Effect.REQUIRE_APPROVAL
    assert decision.next_action is NextAction.REQUEST_APPROVAL
    because = "risk tier high: many at once; a heavy host; irreversible"
    assert decision.rules == (DeterminingRule("risk.high", "risk@acme.example", "#risk", because),)
    assert decision.attribution.policy_owners == ("risk@acme.example",)
    assert decision.reasons.for_model == f"Needs approval from route lead: {because}"
    # Every clock and step of route `lead`, joined with each route it escalates to.
    assert decision.approval == ApprovalRequirement(
        routes=("lead",),
        needs=(LEADS,),
        exclude=("requester",),
        decide_within_s=4 * 3_600,
        use_within_s=1_800,
        show=(("args.count", "9"), ("resource.weight", "101"), ("risk.tier", '"high"')),
        confirm_user=False,
        escalations=(
            Escalation(
                3_600,
                "both",
                (Need("Team::board", "", 1), LEADS),
                ("owner", "requester"),
                86_400,
                1_800,
                confirm_user=True,
            ),
            Escalation(
                3_600 + 5_400,
                "board_only",
                (Need("Team::board", "", 2), LEADS),
                ("owner", "requester"),
                172_800,
                600,
                confirm_user=True,
            ),
        ),
    )


def test_the_routes_of_rules_and_tier_are_joined() -> None:
    decision = decide(ask("host.tag", 3, host=HEAVY), now_us=EVENING_US)
    assert [rule.rule for rule in decision.rules] == ["hosts.ask", "risk.high"]
    assert decision.approval is not None
    assert decision.approval.routes == ("asked", "lead")
    assert decision.approval.confirm_user
    assert decision.approval.needs == (LEADS,)
    assert {step.confirm_user for step in decision.approval.escalations} == {True}


def test_only_the_tier_reached_requires() -> None:
    critical = decide(ask("host.stop", 6, host=ORPHAN), now_us=EVENING_US)
    assert critical.approval is not None
    assert critical.approval.routes == ("both", "lead")
    medium = decide(ask("host.tag", host=HEAVY))
    assert (medium.effect, medium.approval) == (Effect.ALLOW, None)


def test_a_deny_rule_reads_the_tier_and_wins() -> None:
    request = vip(ask("host.stop", 6, host=ORPHAN))
    decision = decide(request, now_us=EVENING_US)
    assert (decision.cause, decision.approval) == (DenyCause.RULE, None)
    assert [rule.rule for rule in decision.rules] == ["hosts.never"]
    assert decision.risk is not None
    assert decision.risk.tier == "critical"
    assert decide(request).cause is None


def test_every_decided_answer_tells_the_risk() -> None:
    nobody = decide(ask("host.tag", chain="Agent::gone User::ann"))
    assert (nobody.cause, nobody.risk) == (DenyCause.UNATTRIBUTED, RiskAssessment(0, (), "low"))
    invalid = decide(replace(ask("host.tag"), action="host.tga"))
    assert (invalid.cause, invalid.risk) == (DenyCause.INVALID_REQUEST, None)


def test_without_a_risk_block_nothing_is_told() -> None:
    start, end = TEXT.index("risk {"), TEXT.index("policy hosts")
    rule = TEXT.index("    rule never"), TEXT.index("    rule ask:")
    text = TEXT[:start] + TEXT[end : rule[0]] + TEXT[rule[1] :]
    text = text.replace("show args.count, risk.tier,", "show args.count,")
    decision = decide(HIGH, policies(text))
    assert (decision.effect, decision.risk) == (Effect.ALLOW, None)


# ---------------------------------------------------------------- who may approve


def test_the_owner_may_approve_up_to_tier_medium_only() -> None:
    # `lea` owns the bot and is the only lead left; route `lead` does not exclude owners.
    alone = policies(without="User::leo")
    assert decide(ask("host.tag", 4), alone).effect is Effect.REQUIRE_APPROVAL
    medium = decide(ask("host.tag", 4, host=HEAVY), alone)
    assert medium.risk is not None
    assert medium.risk.tier == "medium"
    assert medium.effect is Effect.REQUIRE_APPROVAL
    high = decide(ask("host.tag", 4, host=HEAVY), alone, EVENING_US)
    assert high.cause is DenyCause.NO_ELIGIBLE_APPROVER
    assert [rule.rule for rule in high.rules] == ["hosts.ask_lead", "risk.high"]
    assert high.next_action is NextAction.HAND_OFF
    both = decide(ask("host.tag", 4, host=HEAVY), now_us=EVENING_US)
    assert both.effect is Effect.REQUIRE_APPROVAL


def test_grants_that_fail_name_what_was_needed() -> None:
    decision = decide(replace(HIGH, grants=(b"g",)))
    assert decision.cause is DenyCause.APPROVAL_MISMATCH
    assert decision.next_action is NextAction.REQUEST_APPROVAL
    assert [rule.rule for rule in decision.rules] == ["risk.high"]


def test_unsupported_obligations_come_before_the_tier() -> None:
    rule = "rule ask: require approval from asked for Agent to host.tag when args.count == 3"
    duty = "    rule hide: oblige anyone to host.stop then redact [args.count]\n"
    demanding = policies(TEXT.replace(f"    {rule}\n", f"{duty}    {rule}\n"))
    decision = decide(replace(HIGH, supported_obligations=()), demanding)
    assert decision.cause is DenyCause.UNSUPPORTED_OBLIGATION
    assert [rule.rule for rule in decision.rules] == ["hosts.hide"]


# ---------------------------------------------------------------- confirmation


def test_a_confirmation_needs_a_person_at_the_end_of_the_chain() -> None:
    decision = decide(ask("host.tag", 3))
    assert decision.effect is Effect.REQUIRE_APPROVAL
    assert decision.approval is not None
    assert (decision.approval.needs, decision.approval.confirm_user) == ((), True)
    alone = decide(ask("host.tag", 3, chain="Agent::bot"))
    assert alone.cause is DenyCause.NO_ELIGIBLE_APPROVER
    assert alone.attribution.accountable == "User::lea"
    # Without a confirmation the agent's owner is enough of a person.
    assert decide(ask("host.tag", 4, chain="Agent::bot")).effect is Effect.REQUIRE_APPROVAL


def test_a_confirmation_fills_no_need() -> None:
    leaderless = policies(without="User::leo User::lea")
    bot = Entity("Agent", "bot", '{"owner":"ann"}', ("Team::bots",))
    rules = leaderless.with_fixtures([bot])
    decision = decide(ask("host.tag", 2, chain="Agent::bot User::ann"), rules)
    assert decision.cause is DenyCause.NO_ELIGIBLE_APPROVER
    lead = rules.with_fixtures([Entity("User", "ann", "{}", ("Team::leads",))])
    decision = decide(ask("host.tag", 2, chain="Agent::bot User::ann"), lead)
    assert decision.cause is DenyCause.NO_ELIGIBLE_APPROVER


def test_routes_join_and_keep_their_own_escalations() -> None:
    approval = decide(ask("host.tag", 2)).approval
    assert approval is not None
    assert approval.routes == ("both", "lead")
    assert approval.needs == (Need("Team::board", "", 1), LEADS)
    assert approval.exclude == ("owner", "requester")
    assert (approval.decide_within_s, approval.use_within_s) == (14_400, 1_800)
    assert approval.confirm_user
    steps = [(step.after_s, step.route, step.use_within_s) for step in approval.escalations]
    assert steps == [
        (3_600, "both", 1_800),
        (5_400, "board_only", 600),
        (9_000, "board_only", 600),
    ]


def test_what_comes_after_an_escalation_need_not_be_fillable_now() -> None:
    boardless = policies(without="User::bea User::ben")
    assert decide(ask("host.tag", 4), boardless).effect is Effect.REQUIRE_APPROVAL
    assert decide(ask("host.tag", 2), boardless).cause is DenyCause.NO_ELIGIBLE_APPROVER


# ---------------------------------------------------------------- tiers and sabotage


def model(*tiers: tuple[str, int, int]) -> RiskModel:
    yes = Const(value=True, type=BOOL, span=span())
    factors = tuple(RiskFactor(points, f"f{points}", yes, span()) for points in (1, 2, 4))
    return RiskModel(
        factors,
        tuple(RiskTier(name, rank, start, (), span()) for name, rank, start in tiers),
        "o",
        "c",
    )


def test_the_highest_tier_reached_counts() -> None:
    tiers = model(("high", 2, 5), ("medium", 1, 3), ("critical", 3, 8))
    ranks = [assess(tiers, factors).rank for factors in range(8)]
    assert ranks == [LOW, LOW, LOW, 1, 1, 2, 2, 2]
    assert assess(tiers, 0b101).told == RiskAssessment(5, ("f1", "f4"), "high")


def wrong() -> list[int]:
    """The rows of POINTS that the code under test does not agree with."""
    told = [decide(request, policies(), now_us).risk for request, now_us, _, _ in POINTS]
    return [
        index
        for index, found in enumerate(told)
        if found is None or (found.points, found.tier) != POINTS[index][2:]
    ]


def test_sabotage_tier_computed_per_principal(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = RiskScale.weigh

    def weigh(self: RiskScale, bound: object, now_us: int) -> Weighed:
        """Every member of the chain adds the points again."""
        found = honest(self, bound, now_us)  # type: ignore[arg-type]
        kind = self._model
        factors = tuple(replace(f, points=2 * f.points) for f in kind.factors)
        return assess(replace(kind, factors=factors), found.factors)

    assert wrong() == []
    monkeypatch.setattr(RiskScale, "weigh", weigh)
    assert len(wrong()) > 5


def test_sabotage_error_adds_no_points(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = cell.Cell.exactly
    monkeypatch.setattr(cell.Cell, "exactly", lambda *asked: (honest(*asked)[0], []))
    assert wrong() == [12, 13]


def test_sabotage_tier_below_its_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(risk, "sorted", lambda tiers, **_: list(tiers)[::-1], raising=False)
    assert wrong()


def test_the_host_of_the_table_is_light() -> None:
    assert '"weight":1}' in (HOST.attributes or "")
