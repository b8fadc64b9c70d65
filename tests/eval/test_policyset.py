"""Whole decisions, from policy text and hand-built rules: effects, causes, duties, approvals.

Longer than most: one subject, the decision.
"""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any, Final

import pytest
from msgspec.structs import replace
from msgspec.structs import replace as with_fields

from pdp.eval.judging import leaf
from pdp.eval.policyset import PolicySet
from pdp.lang.checked import BundleInfo, CheckedPolicies, Rule
from pdp.model import Decision, DenyCause, Effect, Entity, NextAction, Obligation
from pdp.request import Request
from tests.eval import lab
from tests.eval.bank import (
    ACCOUNT,
    CONTEXT,
    DIRECTORY,
    NOW_US,
    TEXT,
    mail,
    policies,
    program,
    send,
    undo,
)

BANK: Final = policies()
ZOE: Final = Entity("User", "zoe", '{"grade":"high"}', ("Team::leads",))


def decide(request: Request, rules: PolicySet = BANK) -> Decision:
    return rules.decide(rules.bind(request), NOW_US)


def by(decision: Decision) -> str:
    return " ".join(rule.rule for rule in decision.rules)


# ---------------------------------------------------------------- effects and causes

ANSWERS: Final = [
    (send(), "allow", None, "pay.bots pay.people"),
    (send("100.0001"), "require_approval", None, "pay.big"),
    (send("2000"), "deny", "no_allow", ""),
    (send(chain="User::ann"), "allow", None, "pay.people"),
    (send(chain="Agent::loose User::ann"), "deny", "no_allow", ""),
    (send(chain="Agent::helper"), "allow", None, "pay.bots"),
    (send(chain="Agent::stray"), "deny", "unattributed", ""),
    (send(chain="Agent::nobody User::ann"), "deny", "unattributed", ""),
    (send(chain="Agent::bot User::nobody"), "deny", "unattributed", ""),
    (send(chain="User::ann Agent::bot"), "deny", "unattributed", ""),
    (send("2000", chain="Agent::stray"), "deny", "unattributed", ""),
    (send("950", chain="User::ann"), "require_approval", None, "pay.huge"),
    (send(via="gone"), "deny", "error", "extra.via pay.foreign"),
    (send("2000", chain="Agent::stray", via="gone"), "deny", "error", "extra.via pay.foreign"),
    (mail(), "allow", None, "mail.any mail.maybe"),
    (mail("x@evil.example"), "deny", "no_allow", ""),
    (mail("x@evil.example", "User::ann"), "allow", None, "mail.maybe"),
    (replace(mail(), action="misc.free", args="{}"), "deny", "no_allow", ""),
    (undo("4.99", "Visitor::v"), "allow", None, "pay.own"),
    (undo("5", "Visitor::v"), "deny", "no_allow", ""),
]


@pytest.mark.parametrize(("request_", "effect", "cause", "rules"), ANSWERS)
def test_answers(request_: Request, effect: str, cause: str | None, rules: str) -> None:
    decision = decide(request_)
    assert (decision.effect.value, by(decision)) == (effect, rules)
    assert (decision.cause.value if decision.cause else None) == cause


def test_a_deny_rule_wins_over_everything() -> None:
    night = CONTEXT.replace("false", "true")
    for request in (send("600"), send("2000", chain="Agent::stray"), send("600", via="gone")):
        decision = decide(replace(request, context=night))
        assert (decision.effect, decision.cause) == (Effect.DENY, DenyCause.RULE)
        assert by(decision) == "pay.frozen"
        assert decision.reasons.for_model == "Denied: No large payments at night."
        assert decision.next_action is NextAction.NONE


def test_everyone_in_the_chain_is_judged_as_principal() -> None:
    assert decide(send("300", chain="User::ann")).effect is Effect.ALLOW
    for chain in ("Agent::helper User::ann", "Agent::helper Agent::helper User::ann"):
        assert decide(send("300", chain=chain)).effect is Effect.REQUIRE_APPROVAL
    assert decide(send("300", chain="Agent::helper Agent::loose User::ann")).cause is (
        DenyCause.NO_ALLOW
    )


def test_attribution_names_who_answers() -> None:
    decision = decide(send(chain="Agent::helper Agent::bot User::ann"))
    assert decision.attribution.accountable == "User::ann"
    assert decision.attribution.agent == "Agent::helper"
    assert decision.attribution.chain == ("Agent::helper", "Agent::bot", "User::ann")
    assert decision.attribution.policy_owners == ("pay@acme.example",)
    assert decide(send(chain="Agent::helper")).attribution.accountable == "User::ann"
    assert decide(send("2000")).attribution.policy_owners == ()
    assert len(decision.request_digest) == 64


def test_an_error_names_the_rule_and_the_place() -> None:
    decision = decide(send(via="gone"))
    lines = TEXT.split("\n")
    for error, rule in zip(decision.errors, ("extra.via", "pay.foreign"), strict=True):
        assert (error.rule, error.kind, error.file) == (rule, "unknown_entity", "bank.charter")
        assert lines[error.line - 1][error.column - 1 :].startswith("args.via.balance")
    known = Entity("Account", "gone", '{"owner":"ann","balance":"-1","key":"k"}')
    decision = decide(replace(send(via="gone"), entities=(known,)))
    assert (decision.cause, by(decision), decision.errors) == (DenyCause.RULE, "pay.foreign", ())


def test_a_request_that_names_what_does_not_exist_is_not_evaluated() -> None:
    decision = decide(replace(send(), action="pay.sned"))
    assert (decision.effect, decision.cause) == (Effect.DENY, DenyCause.INVALID_REQUEST)
    assert (decision.rules, decision.obligations, decision.hidden_paths) == ((), (), ("*",))
    assert "pay.send" in decision.reasons.for_person
    assert "sned" not in decision.reasons.for_model
    assert decide(replace(send(), resource=None)).cause is DenyCause.INVALID_REQUEST
    assert decide(replace(mail(), resource=ACCOUNT)).cause is DenyCause.INVALID_REQUEST


# ---------------------------------------------------------------- obligations


def duties(decision: Decision) -> list[str]:
    return [f"{obligation.name} {obligation.value}" for obligation in decision.obligations]


def test_obligations_are_joined() -> None:
    assert duties(decide(send())) == ["log summary", "notify ops@acme.example"]
    assert duties(decide(send("60"))) == [
        "log full",
        "notify Team::risk",
        "notify ops@acme.example",
        "redact args.amount, resource.balance",
    ]
    assert duties(decide(undo())) == ["rate 30 per 1h by agent", "rate 5 per 90s by user"]
    assert duties(decide(undo("11"))) == ["rate 10 per 1h by agent", "rate 5 per 90s by user"]


def test_what_is_returned_depends_on_the_answer() -> None:
    approval = decide(send("101"))
    assert approval.effect is Effect.REQUIRE_APPROVAL
    assert duties(approval)[1:3] == ["notify Team::risk", "notify ops@acme.example"]
    assert duties(decide(send("2000"))) == ["log full", "redact args.amount, resource.balance"]
    assert duties(decide(undo("101"))) == []


def test_an_obligation_that_the_caller_cannot_perform_denies() -> None:
    decision = decide(replace(send("60"), supported_obligations=("rate",)))
    assert (decision.effect, decision.cause) == (Effect.DENY, DenyCause.UNSUPPORTED_OBLIGATION)
    assert by(decision) == "extra.fully"
    assert duties(decision) == ["log full", "redact args.amount, resource.balance"]
    decision = decide(replace(undo("11"), supported_obligations=("redact",)))
    assert by(decision) == "extra.slower extra.slowly"
    # With an approval no rate is returned, so none need be supported; nothing else must be.
    assert decide(replace(undo("101"), supported_obligations=())).effect is Effect.REQUIRE_APPROVAL
    assert decide(replace(send(), supported_obligations=())).effect is Effect.ALLOW
    # A deny for another cause is that deny.
    assert decide(replace(send("2000"), supported_obligations=())).cause is DenyCause.NO_ALLOW


def test_the_log_hides_secrets_and_redactions_whatever_the_answer() -> None:
    secrets = ("args.IBAN", "args.boxes.code", "context.trace", "entities.Account.key")
    assert decide(send()).hidden_paths == secrets
    redacted = {"args.amount", "entities.Account.balance"}
    assert set(decide(send("2000")).hidden_paths) == {*secrets, *redacted}
    # A redaction whose condition errs still hides.
    assert set(decide(send(via="gone")).hidden_paths) == {*secrets, "args.note"}
    assert decide(mail()).hidden_paths == ("context.trace", "entities.Account.key")


# ---------------------------------------------------------------- approvals


def test_an_approval_says_who_must_agree_and_what_they_see() -> None:
    decision = decide(send("150"))
    approval = decision.approval
    assert approval is not None
    assert approval.routes == ("leads_only",)
    assert [(need.group, need.where, need.count) for need in approval.needs] == [
        ("Team::leads", "", 1)
    ]
    assert approval.exclude == ("owner", "requester", "same_team")
    assert (approval.decide_within_s, approval.use_within_s) == (14_400, 3_600)
    assert dict(approval.show) == {
        "agent.owner": '"lea"',
        "args.amount": "150",
        "args.at": '"2026-03-02T10:30:00.25Z"',
        "args.wait": '"90m"',
        "context.grade": '"mid"',
        "resource.country": None,
        "resource.owner": '"ann"',
    }
    assert decision.next_action is NextAction.REQUEST_APPROVAL
    assert decision.reasons.for_model == (
        "Needs approval from route leads_only: Payments over 100.00 need a lead."
    )


def test_what_is_unknown_is_shown_as_absent() -> None:
    shown = decide(replace(send("150"), resource=Entity("Account", "a-2"))).approval
    assert shown is not None
    assert dict(shown.show)["resource.owner"] is None


def test_requirements_of_all_rules_and_members_are_joined() -> None:
    decision = decide(send("950"), BANK.with_fixtures([ZOE, replace(ZOE, id="zac")]))
    approval = decision.approval
    assert approval is not None
    assert by(decision) == "pay.big pay.huge"
    assert approval.routes == ("leads_only", "two_eyes")
    assert [(need.group, need.count) for need in approval.needs] == [
        ("Team::leads", 1),
        ("Team::leads", 2),
        ("Team::risk", 1),
    ]
    assert approval.needs[1].where != ""
    assert approval.decide_within_s == 14_400
    assert dict(approval.show)["args.lines"] == '[{"text":"for ann","cents":5}]'
    assert dict(approval.show)["args.note"] is None


def test_one_person_fills_one_need() -> None:
    # For ann: lea and max are leads of grade mid; max and kim are in the risk office.
    assert decide(send("950", chain="User::ann")).effect is Effect.REQUIRE_APPROVAL
    promoted = BANK.with_fixtures([Entity("User", "kim", '{"grade":"low"}', ("Team::leads",))])
    decision = decide(send("950", chain="User::ann"), promoted)
    assert (decision.effect, decision.cause) == (Effect.DENY, DenyCause.NO_ELIGIBLE_APPROVER)
    assert by(decision) == "pay.huge"
    assert decision.next_action is NextAction.HAND_OFF
    assert decision.approval is None


def only(*people: Entity) -> PolicySet:
    """The bank with no other leads than these."""
    gone = [Entity("User", name, '{"grade":"low"}') for name in ("lea", "max", "kim")]
    return BANK.with_fixtures([*gone, *people])


@pytest.mark.parametrize(
    ("request_", "lead", "fills"),
    [
        (send("150"), ZOE, True),
        (send("150", chain="Agent::bot User::zoe"), ZOE, False),
        (send("150", chain="Agent::helper Agent::bot User::ann"), replace(ZOE, id="lea"), False),
        (send("150"), replace(ZOE, groups=("Team::leads", "Team::staff")), False),
        (send("150"), replace(ZOE, groups=("Team::leads", "Team::bots")), False),
        (undo("150"), replace(ZOE, groups=("Team::leads", "Team::staff")), True),
        (undo("150"), replace(ZOE, id="lea"), False),
        (send("150"), replace(ZOE, groups=("Team::sub",)), True),
        (send("150"), replace(ZOE, groups=("Team::staff",)), False),
    ],
)
def test_who_is_excluded(request_: Request, lead: Entity, *, fills: bool) -> None:
    rules = only(lead, Entity("Team", "sub", "{}", ("Team::leads",)))
    decision = decide(request_, rules)
    assert (decision.effect is Effect.REQUIRE_APPROVAL) is fills
    assert fills or decision.cause is DenyCause.NO_ELIGIBLE_APPROVER


def test_the_owner_of_an_agent_never_approves_what_cannot_be_undone() -> None:
    # two_eyes excludes the requester only; lea owns bot, max and zoe are left, kim is for the risk.
    request = send("950", chain="User::ann")
    ownerless = replace(request, on_behalf_of=(), principal=Entity("User", "ann"))
    assert decide(ownerless).effect is Effect.REQUIRE_APPROVAL
    text = TEXT.replace("irreversible risk high", "reversible risk high").replace(
        "from leads_only for Agent", "from two_eyes for Agent"
    )
    assert decide(send("150"), policies(text)).effect is Effect.REQUIRE_APPROVAL
    grave = TEXT.replace("from leads_only for Agent", "from two_eyes for Agent")
    assert decide(send("150"), policies(grave)).cause is DenyCause.NO_ELIGIBLE_APPROVER


def test_grants_that_this_point_never_issued_do_not_fit() -> None:
    decision = decide(replace(send("150"), grants=(b"forged",)))
    assert (decision.effect, decision.cause) == (Effect.DENY, DenyCause.APPROVAL_MISMATCH)
    assert (by(decision), decision.approval) == ("pay.big", None)
    assert decision.next_action is NextAction.REQUEST_APPROVAL
    decision = decide(replace(send(), grants=(b"forged",)))
    assert (decision.cause, by(decision)) == (DenyCause.APPROVAL_MISMATCH, "pay.bots pay.people")
    assert decision.next_action is NextAction.NONE
    decision = decide(replace(send("950"), grants=(b"forged",)))
    assert decision.cause is DenyCause.NO_ELIGIBLE_APPROVER
    assert decide(replace(send("2000"), grants=(b"forged",))).cause is DenyCause.NO_ALLOW


# ---------------------------------------------------------------- reasons


def test_the_model_reads_no_value_of_the_request() -> None:
    values = ("DE00-very-secret", "a-1", "hush", "t-1", "150", "950", "2000", "ann", "v@evil")
    requests = [case[0] for case in ANSWERS]
    requests += [send("150"), send("950"), mail("v@evil.example"), replace(send(), action="a-1.x")]
    for request in requests:
        told = decide(request).reasons.for_model
        assert told
        assert not [value for value in values if value in told]


def test_people_and_auditors_are_told_where_to_turn() -> None:
    reasons = decide(send(via="gone")).reasons
    assert reasons.for_person.endswith("Ask #audit or #pay.")
    assert reasons.for_auditor.startswith("deny; causes: error; rules: extra.via, pay.foreign;")
    assert "pay.foreign unknown_entity at bank.charter:" in reasons.for_auditor
    both = decide(send("2000", chain="Agent::stray")).reasons
    assert "causes: unattributed, no_allow" in both.for_auditor
    assert both.for_person.endswith("Ask #bank.")


# ---------------------------------------------------------------- hand-built rules


def lab_set(*rules: Rule) -> PolicySet:
    info = BundleInfo("lab", "1", "lab@x", "#lab", ("lab",))
    checked = CheckedPolicies(info, lab.SCHEMA, rules, {}, {}, ())
    return PolicySet.build(checked, lab.DIRECTORY, {})


ALLOW: Final = lab.rule("p.allow", "allow", lab.TRUE)


@pytest.mark.parametrize(
    ("effect", "cause", "rules"),
    [
        ("allow", None, "p.allow"),
        ("deny", DenyCause.ERROR, "p.unknown"),
        ("require", DenyCause.ERROR, "p.unknown"),
        ("oblige", DenyCause.ERROR, "p.unknown"),
    ],
)
def test_errors_are_decided_by_effect(effect: str, cause: DenyCause | None, rules: str) -> None:
    unknown = lab.rule("p.unknown", effect, lab.unknown(17))
    decision = decide(lab.REQUEST, lab_set(ALLOW, unknown))
    assert (decision.cause, by(decision)) == (cause, rules)
    [error] = decision.errors
    assert (error.rule, error.kind, error.column) == ("p.unknown", "unknown_entity", 17)
    # A false conjunct settles it, whatever errs.
    settled = replace(unknown, when=lab.both(lab.unknown(17), lab.FALSE))
    decision = decide(lab.REQUEST, lab_set(ALLOW, settled))
    assert (decision.effect, decision.errors) == (Effect.ALLOW, ())


def test_an_allow_in_error_alone_allows_nothing() -> None:
    decision = decide(lab.REQUEST, lab_set(lab.rule("p.maybe", "allow", lab.unknown(3))))
    assert (decision.cause, by(decision)) == (DenyCause.NO_ALLOW, "")
    assert [error.rule for error in decision.errors] == ["p.maybe"]


def test_rules_for_others_are_no_candidates() -> None:
    elsewhere = lab.rule("p.stop", "deny", actions=("lab.stop",))
    guests = lab.rule("p.guests", "deny", who=(lab.who("Guest"),))
    teams = lab.rule("p.team", "deny", resources=(lab.on("Team"),))
    assert decide(lab.REQUEST, lab_set(ALLOW, elsewhere, guests, teams)).effect is Effect.ALLOW
    people = lab.rule("p.people", "deny", who=(lab.who("User"),))
    assert by(decide(lab.REQUEST, lab_set(ALLOW, people))) == "p.people"


def test_rules_from_several_files_are_one_set() -> None:
    other = replace(ALLOW, name="p.other", span=lab.span(file="other.charter"))
    decision = decide(lab.REQUEST, lab_set(ALLOW, other, lab.rule("p.no", "deny", lab.FALSE)))
    assert by(decision) == "p.allow p.other"


@pytest.mark.parametrize("count", [63, 64, 256, 300, 1_300])
def test_any_number_of_rules(count: int) -> None:
    rules = [
        lab.rule(f"p.r{number:04}", "allow", lab.TRUE if number % 3 else lab.FALSE)
        for number in range(count)
    ]
    expected = " ".join(rule.name for rule in rules if rule.when is lab.TRUE)
    maybe = lab.rule("p.z", "allow", lab.unknown(9))
    assert by(decide(lab.REQUEST, lab_set(*rules))) == expected
    decision = decide(lab.REQUEST, lab_set(*rules, maybe))
    assert (by(decision), [error.rule for error in decision.errors]) == (expected, ["p.z"])
    assert by(decide(lab.REQUEST, lab_set(*rules, lab.rule("p.zz", "deny")))) == "p.zz"


# ---------------------------------------------------------------- a set among threads and time


def test_the_order_of_rules_cannot_matter() -> None:
    checked = program()
    shuffled = replace(checked, rules=tuple(reversed(checked.rules)))
    mirrored = PolicySet.build(shuffled, DIRECTORY, {})
    for request, *_ in ANSWERS:
        assert decide(request, mirrored) == decide(request)


def test_a_bug_is_not_an_answer() -> None:
    bound = with_fields(BANK.bind(send()), args=object())
    with pytest.raises(AttributeError):
        BANK.decide(bound, NOW_US)


def test_fixtures_lie_on_top_and_leave_the_set_alone() -> None:
    lent = BANK.with_fixtures([Entity("Agent", "loose", '{"owner":"ann"}', ("Team::bots",))])
    request = send(chain="Agent::loose User::ann")
    assert decide(request, lent).effect is Effect.ALLOW
    assert decide(request).cause is DenyCause.NO_ALLOW


def test_kept_outcomes_never_cross_what_they_depend_on() -> None:
    fresh = policies()
    variants = [
        send("150"),
        replace(send("150"), grants=(b"x",)),
        replace(send("150"), supported_obligations=()),
        send("150", chain="Agent::stray"),
        send(),
        replace(send("60"), supported_obligations=("redact",)),
        send("150", chain="User::ann"),
    ]
    first = [decide(request, fresh) for request in variants]
    again = [decide(request, fresh) for request in reversed(variants)]
    assert again[::-1] == first
    assert len({(d.effect, d.cause, by(d)) for d in first}) >= 6


def test_the_memory_for_outcomes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaf, "OUTCOMES_KEPT_MAX", 1)
    fresh = policies()
    for _ in range(2):
        for request, effect, _, rules in ANSWERS:
            decision = decide(request, fresh)
            assert (decision.effect.value, by(decision)) == (effect, rules)
    judges: Any = fresh._judges._judges  # noqa: SLF001 - what is kept is the point
    assert len(judges) > 2
    assert max(len(judge._leaf.kept) for judge in judges.values()) == 1  # noqa: SLF001


def test_threads_may_meet_at_first_use() -> None:
    for _ in range(5):
        fresh = policies()
        answers: list[list[Decision]] = []
        gate = threading.Barrier(6)

        def work(rules: PolicySet, gate: threading.Barrier, answers: list[list[Decision]]) -> None:
            gate.wait()
            answers.append([decide(request, rules) for request, *_ in ANSWERS])

        threads = [threading.Thread(target=work, args=(fresh, gate, answers)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert len(answers) == 6
        assert all(answer == answers[0] for answer in answers)


def test_a_set_that_is_replaced_leaves_nothing_behind() -> None:
    class Watched(PolicySet):
        __slots__ = ("__weakref__",)

    fresh = Watched.build(program(), DIRECTORY, {})
    decide(send("150"), fresh)
    decide(send(via="gone"), fresh)
    watch = weakref.ref(fresh)
    del fresh
    gc.collect()
    assert watch() is None


def test_obligations_say_what_the_caller_must_do() -> None:
    made = {o.name: o.on_caller for o in decide(send("60")).obligations}
    assert made == {"log": False, "notify": False, "redact": True}
    assert Obligation("rate", "1 per 1h by user").on_caller
