"""Expectations worked out by hand from the prose, asked of the reference interpreter. No parser.

Longer than most files: one schema by hand, and every paragraph of the prose asked about it.
"""

# ruff: noqa: FBT001, FBT003 - flags of schema and tree are told apart by their place in the row

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from pdp.eval.reference import decide, explain
from pdp.explanation import RuleOutcome
from pdp.lang.checked import (
    And,
    Attr,
    Begins,
    BundleInfo,
    CheckedNeed,
    CheckedPolicies,
    Compare,
    Const,
    Count,
    Expr,
    Has,
    InCollection,
    InEntity,
    Like,
    LogLevel,
    Not,
    Notify,
    ObligationT,
    Or,
    Quantified,
    Rate,
    Redact,
    ResourceClause,
    Root,
    Route,
    Rule,
    Scale,
    Sum,
    Value,
    Var,
    WhoClause,
)
from pdp.lang.source import Span
from pdp.lang.types import (
    BOOL,
    DECIMAL,
    DURATION,
    INT,
    STRING,
    TIMESTAMP,
    ActionDef,
    CollT,
    EntityDef,
    EntityT,
    EnumT,
    FieldT,
    RecordT,
    Schema,
    Type,
)
from pdp.model import DenyCause, Effect, Entity, NextAction, Obligation, RuleError
from pdp.request import Request

TEAM, USER, AGENT, DOC = (EntityT(frozenset({n})) for n in ("Team", "User", "Agent", "Doc"))
LINE = RecordT("Line", (FieldT("price", "price", DECIMAL), FieldT("who", "who", USER, True)))
LINES = CollT("list", LINE, 0, 5)
ARGV = CollT("list", STRING, 0, 5)
SEVERITY = EnumT("Severity", ("low", "high"), ordered=True)
SCHEMA = Schema(
    entities={
        "Team": EntityDef("Team", False, False, True, ("Team",), ()),
        "Box": EntityDef("Box", False, False, False, (), ()),
        "User": EntityDef(
            "User", True, False, True, ("Team",), (FieldT("dept", "dept", STRING, True),)
        ),
        "Agent": EntityDef(
            "Agent", False, True, True, ("Team",), (FieldT("owner", "owner", USER, True),)
        ),
        "Bot": EntityDef("Bot", False, True, False, ("Team",), (FieldT("owner", "owner", USER),)),
        "Doc": EntityDef(
            "Doc",
            False,
            False,
            False,
            ("Box", "Doc"),
            (
                FieldT("size", "size", INT),
                FieldT("author", "author", USER, optional=True),
                FieldT("pin", "the-pin", STRING, optional=True, secret=True),
            ),
        ),
    },
    actions={
        "doc.read": ActionDef(
            "doc.read",
            "read",
            ("Doc",),
            True,
            "low",
            (
                FieldT("amount", "the-amount", DECIMAL, True),
                FieldT("lines", "lines", LINES, True),
                FieldT("argv", "argv", ARGV, True),
                FieldT("key", "key", STRING, True, secret=True),
                FieldT("at", "at", TIMESTAMP, True),
                FieldT("lasts", "lasts", DURATION, True),
                FieldT("severity", "severity", SEVERITY, True),
            ),
        ),
        "doc.list": ActionDef("doc.list", "doc.list", (), False, "high", ()),
    },
)
_line = 0


def _span() -> Span:
    """Every node gets a line of its own, so that a test can tell which one erred."""
    global _line  # noqa: PLW0603 - a counter for one file of tests
    _line += 1
    return Span("t.charter", _line, 1, _line, 2)


def const(value: Value, type_: Type) -> Const:
    return Const(value, type_, _span())


TRUE, FALSE = const(True, BOOL), const(False, BOOL)
PRINCIPAL = Root("principal", EntityT(frozenset({"User", "Agent", "Bot"})), _span())
RESOURCE = Root("resource", DOC, _span())
ARGS = Root("args", RecordT("", SCHEMA.actions["doc.read"].fields), _span())


def arg(name: str) -> Attr:
    field = SCHEMA.actions["doc.read"].field(name)
    assert field is not None
    return Attr(ARGS, name, field.type, field.optional, _span())


def rule(
    effect: str,
    when: Expr | None = None,
    *,
    name: str = "",
    who: tuple[str, ...] = ("User", "Agent", "Bot"),
    group: str | None = None,
    unless: Expr | None = None,
    routes: tuple[str, ...] = (),
    then: tuple[ObligationT, ...] = (),
    resources: tuple[ResourceClause, ...] | None = None,
    actions: tuple[str, ...] = ("doc.read", "doc.list"),
) -> Rule:
    return Rule(
        name=name or f"p.{effect}",
        owner="o@x",
        contact="#c",
        effect=effect,
        who=(WhoClause(frozenset(who), group, _span()),),
        actions=actions,
        resources=resources,
        routes=routes,
        when=when,
        unless=unless,
        because="b",
        obligations=then,
        span=_span(),
    )


ALLOW = rule("allow", name="p.allow")


def policies(*rules: Rule, routes: tuple[Route, ...] = ()) -> CheckedPolicies:
    return CheckedPolicies(
        BundleInfo("b", "1", "o", "c", ("doc",)),
        SCHEMA,
        tuple(sorted(rules, key=lambda r: r.name)),
        {route.name: route for route in routes},
        {},
        (),
    )


def entity(uid: str, groups: tuple[str, ...] = (), **attributes: object) -> Entity:
    type_, id_ = uid.split("::")
    return Entity(type_, id_, json.dumps(attributes), groups)


DIRECTORY = {
    e.uid: e
    for e in (
        entity("Team::root"),
        entity("Team::staff", ("Team::root",)),
        entity("User::ann", ("Team::staff",), dept="ops"),
        entity("User::bob", ("Team::staff",), dept="hr"),
        entity("User::cat", ("Team::root",)),
        entity("Agent::bot", ("Team::root",), owner="ann"),
        entity("Agent::stray"),
        entity("Agent::lost", owner="nobody"),
    )
}
BOT, ANN, BOB = Entity("Agent", "bot"), Entity("User", "ann"), Entity("User", "bob")
FILE = entity("Doc::d", size=3)


def request(
    *chain: Entity, args: dict[str, object] | None = None, resource: Entity | None = FILE, **more
) -> Request:
    first, *others = chain or (BOT, ANN)
    return Request(
        principal=first,
        on_behalf_of=tuple(others),
        action="doc.read" if resource else "doc.list",
        args=json.dumps(args or {}),
        resource=resource,
        **more,
    )


def ask(checked: CheckedPolicies, asked: Request, now_us: int = 0):
    return decide(checked, DIRECTORY, asked, now_us)


# ---------------------------------------------------------------- effects and causes


def test_the_default_is_deny():
    got = ask(policies(), request())
    assert (got.effect, got.cause, got.rules) == (Effect.DENY, DenyCause.NO_ALLOW, ())


def test_everyone_in_the_chain_needs_an_allow():
    agents_only = rule("allow", who=("Agent",))
    assert ask(policies(agents_only), request()).cause is DenyCause.NO_ALLOW
    both = (agents_only, rule("allow", who=("User",), name="p.people"))
    got = ask(policies(*both), request())
    assert got.effect is Effect.ALLOW
    assert [r.rule for r in got.rules] == ["p.allow", "p.people"]


def test_deny_beats_approval_beats_allow():
    need = rule("require", routes=("r",))
    route = _route(_need("Team::staff", None, "", 1))
    assert ask(policies(ALLOW, need, routes=(route,)), request()).effect is Effect.REQUIRE_APPROVAL
    got = ask(policies(ALLOW, need, rule("deny"), routes=(route,)), request())
    assert (got.effect, got.cause) == (Effect.DENY, DenyCause.RULE)
    assert [r.rule for r in got.rules] == ["p.deny"]
    assert got.approval is None


def test_a_deny_for_the_last_in_the_chain_denies():
    assert ask(policies(ALLOW, rule("deny", who=("User",))), request()).cause is DenyCause.RULE


def test_an_error_is_decided_by_effect():
    unknown = Compare(">", Attr(RESOURCE, "size", INT, False, _span()), const(1, INT), _span())
    bare = request(resource=Entity("Doc", "d"))
    for effect in ("deny", "require", "oblige"):
        got = ask(policies(ALLOW, rule(effect, unknown, routes=("r",))), bare)
        assert (got.effect, got.cause) == (Effect.DENY, DenyCause.ERROR)
        assert [r.rule for r in got.rules] == [f"p.{effect}"]
    got = ask(policies(ALLOW, rule("allow", unknown, name="p.other")), bare)
    assert got.effect is Effect.ALLOW
    assert got.errors == (
        RuleError("p.other", "unknown_entity", "t.charter", unknown.left.span.line, 1),
    )


def test_rule_comes_before_error_comes_before_unattributed():
    bad = InEntity(RESOURCE, const("Doc::e", DOC), _span())
    bare = request(BOT, Entity("User", "nobody"), resource=Entity("Doc", "d"))
    erring = rule("deny", bad, name="p.erring")
    assert ask(policies(ALLOW, erring, rule("deny")), bare).cause is DenyCause.RULE
    assert ask(policies(ALLOW, erring), bare).cause is DenyCause.ERROR
    assert ask(policies(), bare).cause is DenyCause.UNATTRIBUTED


# ---------------------------------------------------------------- attribution


@pytest.mark.parametrize(
    ("chain", "accountable", "cause"),
    [
        ((BOT, ANN), "User::ann", None),
        ((BOT,), "User::ann", None),
        ((Entity("Agent", "stray"),), "", DenyCause.UNATTRIBUTED),
        ((Entity("Agent", "lost"),), "", DenyCause.UNATTRIBUTED),
        ((Entity("Agent", "new"), ANN), "User::ann", DenyCause.UNATTRIBUTED),
        ((BOT, Entity("User", "new")), "User::new", DenyCause.UNATTRIBUTED),
        ((ANN, BOT), "", DenyCause.UNATTRIBUTED),
        ((entity("Bot::b", owner="bob"),), "User::bob", None),
        ((Entity("Bot", "b"),), "", DenyCause.UNATTRIBUTED),
    ],
)
def test_who_is_accountable(chain: tuple[Entity, ...], accountable: str, cause: DenyCause | None):
    got = ask(policies(ALLOW), request(*chain))
    assert (got.attribution.accountable, got.cause) == (accountable, cause)
    assert got.next_action is (NextAction.HAND_OFF if cause else NextAction.NONE)


def test_agent_is_the_first_agent_and_user_the_last_person():
    users = Has(Root("user", USER, _span()), _span())
    got = ask(policies(rule("allow", users)), request(ANN, BOT, BOB))
    assert got.effect is Effect.ALLOW
    assert got.attribution.agent == "Agent::bot"
    assert got.attribution.chain == ("User::ann", "Agent::bot", "User::bob")
    assert ask(policies(rule("allow", users)), request(BOT)).cause is DenyCause.NO_ALLOW


# ---------------------------------------------------------------- Kleene logic


UNKNOWN_USER = const("User::nobody", USER)
ERR = Compare("==", Attr(UNKNOWN_USER, "dept", STRING, False, _span()), const("x", STRING), _span())
OTHER_ERR = InEntity(UNKNOWN_USER, const("Team::root", TEAM), _span())
SOME = CollT("list", INT, 1, 2)


def explained(checked: CheckedPolicies, asked: Request, now_us: int = 0) -> tuple[RuleOutcome, ...]:
    decision = decide(checked, DIRECTORY, asked, now_us)
    return explain(checked, DIRECTORY, asked, now_us, decision, {}).outcomes


def outcome(when: Expr, asked: Request | None = None, now_us: int = 0) -> str:
    told = explained(policies(rule("oblige", when)), asked or request(ANN), now_us)
    assert len(told) == 1
    return told[0].outcome


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (And((ERR, FALSE), ERR.span), "false"),
        (And((FALSE, ERR), ERR.span), "false"),
        (And((TRUE, ERR), ERR.span), "error"),
        (Or((ERR, TRUE), ERR.span), "held"),
        (Or((TRUE, ERR), ERR.span), "held"),
        (Or((FALSE, ERR), ERR.span), "error"),
        (Not(ERR, ERR.span), "error"),
        (Not(FALSE, ERR.span), "held"),
    ],
)
def test_kleene(when: Expr, expected: str):
    assert outcome(when) == expected


def test_the_first_error_in_source_order_is_reported():
    for first, second in ((ERR, OTHER_ERR), (OTHER_ERR, ERR)):
        got = ask(policies(rule("deny", And((first, second), ERR.span))), request(ANN))
        where = first.left.span if isinstance(first, Compare) else first.span
        assert got.errors[0].line == where.line


def _quantified(quantifier: str, members: tuple[Value, ...], body: Expr | None = None) -> Expr:
    is_one = Compare("==", Var("x", INT, _span()), const(1, INT), _span())
    return Quantified(quantifier, "x", const(members, SOME), body or is_one, _span())


@pytest.mark.parametrize(
    ("quantifier", "members", "expected"),
    [
        ("some", (), "false"),
        ("every", (), "held"),
        ("no", (), "held"),
        ("some", (2, 1), "held"),
        ("every", (2, 1), "false"),
        ("no", (2, 1), "false"),
        ("every", (1, 1), "held"),
        ("no", (2, 3), "held"),
    ],
)
def test_quantifiers(quantifier: str, members: tuple[Value, ...], expected: str):
    assert outcome(_quantified(quantifier, members)) == expected


def test_quantifiers_are_kleene():
    is_one = Compare("==", Var("x", INT, _span()), const(1, INT), _span())
    true_at_1 = Or((is_one, ERR), ERR.span)
    false_at_2 = And((is_one, ERR), ERR.span)
    assert outcome(_quantified("some", (2, 1), true_at_1)) == "held"
    assert outcome(_quantified("no", (2, 1), true_at_1)) == "false"
    assert outcome(_quantified("every", (1, 2), false_at_2)) == "false"
    assert outcome(_quantified("every", (1,), false_at_2)) == "error"


def test_unless_is_negated_and_its_error_stays():
    assert ask(policies(ALLOW, rule("deny", unless=TRUE)), request()).effect is Effect.ALLOW
    assert ask(policies(ALLOW, rule("deny", unless=FALSE)), request()).cause is DenyCause.RULE
    assert ask(policies(ALLOW, rule("deny", unless=ERR)), request()).cause is DenyCause.ERROR


# ---------------------------------------------------------------- entities


def _in(item: Expr, ancestor: str) -> InEntity:
    type_ = EntityT(frozenset({ancestor.split("::", 1)[0]}))
    return InEntity(item, const(ancestor, type_), _span())


@pytest.mark.parametrize(
    ("item", "ancestor", "expected"),
    [
        ("User::ann", "User::ann", "held"),
        ("User::ann", "Team::staff", "held"),
        ("User::ann", "Team::root", "held"),
        ("User::ann", "Team::other", "false"),
        ("User::nobody", "Team::root", "error"),
        ("User::nobody", "User::nobody", "error"),
    ],
)
def test_in_an_entity(item: str, ancestor: str, expected: str):
    assert outcome(_in(const(item, USER), ancestor)) == expected


def test_unknown_ancestors_leave_the_question_open():
    below_unknown = request(ANN, resource=entity("Doc::d", ("Doc::folder",), size=1))
    assert outcome(_in(RESOURCE, "Doc::folder"), below_unknown) == "held"
    assert outcome(_in(RESOURCE, "Doc::top"), below_unknown) == "error"
    # a Box has no parents, so nothing can be above one that nobody describes
    in_a_box = request(ANN, resource=entity("Doc::d", ("Box::b",), size=1))
    assert outcome(_in(RESOURCE, "Doc::top"), in_a_box) == "false"
    cycle = request(
        ANN,
        resource=entity("Doc::d", ("Doc::e",), size=1),
        entities=(entity("Doc::e", ("Doc::d",), size=1),),
    )
    assert outcome(_in(RESOURCE, "Doc::top"), cycle) == "false"


def test_has_looks_at_bases_first_and_not_at_the_last_entity():
    author = Attr(RESOURCE, "author", USER, True, _span())
    dept = Attr(author, "dept", STRING, True, _span())

    def written_by(who: str) -> Request:
        return request(ANN, resource=entity("Doc::d", size=1, author=who))

    assert outcome(Has(author, _span()), request(ANN)) == "false"
    assert outcome(Has(dept, _span()), request(ANN)) == "false"
    assert outcome(Has(author, _span()), written_by("nobody")) == "held"
    assert outcome(Has(dept, _span()), written_by("nobody")) == "error"
    assert outcome(Has(dept, _span()), written_by("ann")) == "held"
    assert outcome(Has(dept, _span()), written_by("cat")) == "false"


def test_a_group_in_the_scope_errs_when_it_cannot_be_settled():
    clause = ResourceClause("Doc", "Doc::top", _span())
    denied = rule("deny", resources=(clause,))
    bare = request(resource=Entity("Doc", "d"))
    got = ask(policies(ALLOW, denied), bare)
    assert got.cause is DenyCause.ERROR
    assert got.errors == (RuleError("p.deny", "unknown_entity", "t.charter", clause.span.line, 1),)


def test_who_comes_before_the_resource_and_false_beats_error():
    clause = ResourceClause("Doc", "Doc::top", _span())
    denied = rule("deny", group="Team::elsewhere", resources=(clause,))
    assert ask(policies(ALLOW, denied), request(resource=Entity("Doc", "d"))).errors == ()


def test_rules_for_other_actions_types_and_resources_are_no_candidates():
    others = (
        rule("deny", name="p.a", actions=("doc.list",)),
        rule("deny", name="p.b", who=("Bot",)),
        rule("deny", name="p.c", resources=(ResourceClause("Box", None, _span()),)),
    )
    assert ask(policies(ALLOW, *others), request()).effect is Effect.ALLOW
    on_doc = rule("allow", resources=(ResourceClause("Doc", None, _span()),))
    assert ask(policies(on_doc), request(resource=None)).cause is DenyCause.NO_ALLOW


# ---------------------------------------------------------------- operators


@pytest.mark.parametrize(
    ("parts", "text", "expected"),
    [
        (("ab",), "ab", True),
        (("ab",), "abc", False),
        (("a", "c"), "abc", True),
        (("a", "c"), "abcd", False),
        (("a", "a"), "a", False),
        (("", "b", ""), "abc", True),
        (("", ""), "", True),
        (("a", "b", "b"), "abb", True),
        (("a", "b", "b"), "ab", False),
    ],
)
def test_like(parts: tuple[str, ...], text: str, expected: bool):
    told = outcome(Like(const(text, STRING), parts, _span()))
    assert told == ("held" if expected else "false")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["bash", "-c", "x"], "held"),
        (["sh", "-c"], "held"),
        (["sh"], "false"),
        (["zsh", "-c"], "false"),
        ([], "false"),
    ],
)
def test_begins(argv: list[str], expected: str):
    begins = Begins(arg("argv"), (("bash", "sh"), ("-c",)), _span())
    assert outcome(begins, request(ANN, args={"argv": argv})) == expected


def test_decimals_are_exact():
    doubled = Scale(arg("amount"), const(25_000, DECIMAL), DECIMAL, _span())
    total = Sum(((1, doubled), (-1, const(1, DECIMAL))), DECIMAL, _span())
    equal = Compare("==", total, const(2_499, DECIMAL), _span())
    assert outcome(equal, request(ANN, args={"the-amount": "0.1"})) == "held"
    assert outcome(equal, request(ANN, args={"the-amount": "0.1001"})) == "false"


def test_times_add_up():
    later = Sum(((1, arg("at")), (1, arg("lasts"))), TIMESTAMP, _span())
    due = Compare("<=", later, Root("now", TIMESTAMP, _span()), _span())
    asked = request(ANN, args={"at": "1970-01-01T01:00:00.000001+01:00", "lasts": "15m"})
    assert outcome(due, asked, 900_000_001) == "held"
    assert outcome(due, asked, 900_000_000) == "false"


def test_levels_compare_by_rank_and_collections_by_member():
    high = Compare(">=", arg("severity"), const(1, SEVERITY), _span())
    assert outcome(high, request(ANN, args={"severity": "high"})) == "held"
    assert outcome(high, request(ANN, args={"severity": "low"})) == "false"
    member = InCollection(arg("severity"), const((0,), CollT("set", SEVERITY, 0, 1)), _span())
    assert outcome(member, request(ANN, args={"severity": "low"})) == "held"
    chain = Root("chain", CollT("list", EntityT(frozenset({"User", "Agent"})), 1, 16), _span())
    two = Compare("==", Count(chain, _span()), const(2, INT), _span())
    assert outcome(two, request(ANN)) == "false"
    assert outcome(_in(PRINCIPAL, "Team::staff")) == "held"


def test_a_record_in_a_list_is_read_by_wire_name():
    total = Attr(Var("x", LINE, _span()), "price", DECIMAL, False, _span())
    dear = Compare(">", total, const(10_000, DECIMAL), _span())
    some = Quantified("some", "x", arg("lines"), dear, _span())
    assert outcome(some, request(ANN, args={"lines": [{"price": 1}, {"price": 1.5}]})) == "held"
    assert outcome(some, request(ANN, args={"lines": [{"price": "1.0000"}]})) == "false"


# ---------------------------------------------------------------- obligations


def _stating(name: str, *obligations: ObligationT) -> Rule:
    return rule("oblige", name=name, then=obligations)


def test_obligations_join():
    stated = policies(
        ALLOW,
        _stating(
            "p.a", LogLevel("full"), Rate(9, 3600, "agent"), Notify("Team::b"), Redact(("b",), ())
        ),
        _stating("p.b", LogLevel("summary"), Rate(5, 3600, "agent"), Rate(7, 90, "user")),
        _stating("p.c", Notify("Team::a"), Redact(("a", "b"), ())),
    )
    got = ask(stated, request(supported_obligations=("rate", "redact")))
    assert got.obligations == (
        Obligation("log", "full"),
        Obligation("notify", "Team::a"),
        Obligation("notify", "Team::b"),
        Obligation("rate", "5 per 1h by agent"),
        Obligation("rate", "7 per 90s by user"),
        Obligation("redact", "a, b"),
    )
    got = ask(replace(stated, rules=(*stated.rules, rule("deny"))), request())
    assert [o.name for o in got.obligations] == ["log", "redact"]


def test_an_unsupported_obligation_denies_and_names_its_rule():
    stated = policies(ALLOW, _stating("p.a", Rate(9, 60, "user")), _stating("p.b", Redact((), ())))
    got = ask(stated, request(supported_obligations=("redact",)))
    assert (got.effect, got.cause) == (Effect.DENY, DenyCause.UNSUPPORTED_OBLIGATION)
    assert [r.rule for r in got.rules] == ["p.a"]


def test_a_rate_is_not_returned_with_an_approval_so_it_need_not_be_supported():
    checked = policies(
        ALLOW,
        _stating("p.a", Rate(9, 60, "user")),
        rule("require", routes=("r",)),
        routes=(_route(_need("Team::staff", None, "", 1)),),
    )
    got = ask(checked, request())
    assert got.effect is Effect.REQUIRE_APPROVAL
    assert got.obligations == ()


def test_hidden_paths_are_secrets_and_redactions_that_held_or_erred():
    redact = lambda name, when: rule(  # noqa: E731
        "oblige", when, name=name, then=(Redact(("x",), (f"args.{name}",)),)
    )
    got = ask(policies(redact("p.a", TRUE), redact("p.b", FALSE), redact("p.c", ERR)), request())
    assert got.hidden_paths == ("args.key", "args.p.a", "args.p.c", "entities.Doc.the-pin")


# ---------------------------------------------------------------- approvals


def _need(group: str, where: Expr | None, text: str, count: int) -> CheckedNeed:
    return CheckedNeed(group, where, text, count, _span())


def _route(*needs: CheckedNeed, exclude: tuple[str, ...] = ("requester", "owner")) -> Route:
    shown = (("args.amount", arg("amount")), ("resource.author", _author()))
    return Route("r", needs, exclude, None, shown, _span())


def _author() -> Attr:
    return Attr(RESOURCE, "author", USER, True, _span())


def _needing(*needs: CheckedNeed, exclude: tuple[str, ...] = ("requester", "owner")):
    return policies(
        ALLOW, rule("require", routes=("r",)), routes=(_route(*needs, exclude=exclude),)
    )


def test_an_approval_says_who_and_what():
    checked = _needing(_need("Team::staff", None, "", 1))
    got = ask(checked, request(args={"the-amount": 12.50}))
    assert got.effect is Effect.REQUIRE_APPROVAL
    assert got.next_action is NextAction.REQUEST_APPROVAL
    assert got.approval is not None
    assert got.approval.show == (("args.amount", "12.5"), ("resource.author", None))
    assert (got.approval.decide_within_s, got.approval.use_within_s) == (86_400, 3_600)
    assert [r.rule for r in got.rules] == ["p.require"]


def test_requester_owner_and_team_are_excluded():
    two = _need("Team::root", None, "", 2)
    one = _need("Team::root", None, "", 1)
    # ann is the requester and the bot's owner: bob and cat are left
    assert ask(_needing(two), request()).effect is Effect.REQUIRE_APPROVAL
    # bob asks through the bot, ann owns it: only cat is left
    got = ask(_needing(two), request(BOT, BOB))
    assert (got.cause, got.next_action) == (DenyCause.NO_ELIGIBLE_APPROVER, NextAction.HAND_OFF)
    assert [r.rule for r in got.rules] == ["p.require"]
    # a reversible action may let the owner approve
    assert ask(_needing(two, exclude=("requester",)), request(BOT, BOB)).cause is None
    # an irreversible one may not, whatever the route says
    irreversible = request(BOT, BOB, resource=None)
    got = ask(_needing(two, exclude=("requester",)), irreversible)
    assert got.cause is DenyCause.NO_ELIGIBLE_APPROVER
    # the bot sits directly under root, like cat; ann and bob do not
    excluded = ("requester", "owner", "same_team")
    assert ask(_needing(one, exclude=excluded), request(BOT)).cause is None
    got = ask(_needing(one, exclude=excluded), request(BOT, BOB))
    assert got.cause is DenyCause.NO_ELIGIBLE_APPROVER


def test_where_must_be_true_of_the_approver():
    approver = Root("approver", USER, _span())
    dept = Attr(approver, "dept", STRING, True, _span())
    hr = Compare("==", dept, const("hr", STRING), _span())
    # cat has no dept: the error makes her ineligible
    assert ask(_needing(_need("Team::root", hr, "w", 1)), request()).cause is None
    got = ask(_needing(_need("Team::root", hr, "w", 2)), request())
    assert got.cause is DenyCause.NO_ELIGIBLE_APPROVER


def test_one_person_fills_one_need():
    needs = (_need("Team::staff", None, "", 1), _need("Team::root", None, "", 1))
    assert ask(_needing(*needs), request()).cause is None  # bob and cat
    got = ask(_needing(*needs), request(BOT, Entity("User", "cat")))  # only bob
    assert got.cause is DenyCause.NO_ELIGIBLE_APPROVER


def test_a_grant_that_nobody_issued_is_a_mismatch():
    got = ask(policies(ALLOW), request(grants=(b"x",)))
    assert (got.effect, got.cause) == (Effect.DENY, DenyCause.APPROVAL_MISMATCH)
    assert (got.next_action, [r.rule for r in got.rules]) == (NextAction.NONE, ["p.allow"])
    got = ask(_needing(_need("Team::staff", None, "", 1)), request(grants=(b"x",)))
    assert (got.effect, got.cause) == (Effect.DENY, DenyCause.APPROVAL_MISMATCH)
    assert got.next_action is NextAction.REQUEST_APPROVAL
    assert [r.rule for r in got.rules] == ["p.require"]
    assert ask(policies(), request(grants=(b"x",))).cause is DenyCause.NO_ALLOW


# ---------------------------------------------------------------- explanations


def test_explain_names_the_deciding_conjunct_and_its_values():
    size = Attr(RESOURCE, "size", INT, False, _span())
    small = Compare("<", size, const(3, INT), _span())
    told = explained(policies(rule("allow", And((TRUE, small), _span()))), request())
    assert [(t.principal, t.outcome) for t in told] == [
        ("Agent::bot", "false"),
        ("User::ann", "false"),
    ]
    (unmet,) = told[0].unmet
    assert (unmet.file, unmet.line, unmet.column) == ("t.charter", small.span.line, 1)
    assert unmet.values == (("resource.size", "3"),)


def test_explain_names_the_error_and_never_a_secret():
    pin = Attr(RESOURCE, "pin", STRING, True, _span())
    told = explained(policies(rule("deny", And((TRUE, ERR), _span()))), request(ANN))
    (unmet,) = told[0].unmet
    assert (told[0].outcome, unmet.error) == ("error", "unknown_entity")
    assert unmet.line == ERR.span.line
    is_zero = Compare("==", pin, const("0", STRING), _span())
    described = Entity("Doc", "d", '{"size": 1, "the-pin": "1"}')
    asked = request(ANN, resource=described)
    told = explained(policies(rule("deny", is_zero)), asked)
    assert told[0].outcome == "false"
    assert [unmet.values for unmet in told[0].unmet] == [()]


def test_explain_of_unless_names_the_alternative_that_held():
    told = explained(policies(rule("deny", unless=Or((FALSE, TRUE), _span()))), request(ANN))
    assert told[0].outcome == "false"
    assert [unmet.line for unmet in told[0].unmet] == [TRUE.span.line]
