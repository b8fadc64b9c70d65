"""Compiled expressions mean what the language says, in both forms, and point into the policy.

Longer than most: one table holds every expression.
"""

from __future__ import annotations

import ast
import random
import re
import traceback
from typing import Any, Final

import pytest
from msgspec.structs import replace as with_fields

from pdp.eval import runtime
from pdp.eval.compiling import code
from pdp.eval.compiling.places import Places
from pdp.eval.compiling.values import compile_test, compile_value
from pdp.eval.emit.expressions import Emitter
from pdp.eval.emit.paths import Scope
from pdp.eval.runtime import EvalError
from pdp.lang.checked import (
    And,
    Begins,
    Compare,
    Const,
    Count,
    Expr,
    Has,
    InCollection,
    InEntity,
    Like,
    Not,
    Or,
    Quantified,
    Scale,
    Sum,
)
from pdp.lang.source import Source
from pdp.lang.types import (
    BOOL,
    DECIMAL,
    DURATION,
    INT,
    RISK,
    STRING,
    TIMESTAMP,
    CollT,
    RecordT,
)
from pdp.model import Entity, ToolIdentity
from tests.changed import replace
from tests.eval.lab import (
    ARGS,
    CASE,
    CHANNEL,
    FALSE,
    LOW,
    NOW_US,
    REQUEST,
    RUN,
    SCHEMA,
    STEP,
    TEAM,
    TIER,
    TRUE,
    USER,
    answer,
    answer_of,
    arg,
    attr,
    bind,
    both,
    cell,
    compare,
    const,
    either,
    negated,
    on,
    root,
    rule,
    span,
    unknown,
    var,
    who,
    with_args,
)
from tests.properties.differential import CROWDED_EVERY, Tally, compare_seed

UNKNOWN: Final = runtime.UNKNOWN_ENTITY
ABSENT: Final = runtime.ABSENT


def decimal(text: str) -> Const:
    whole, _, digits = text.partition(".")
    units = abs(int(whole)) * 10_000 + int(digits.ljust(4, "0"))
    return const(-units if text.startswith("-") else units, DECIMAL)


def strings(*values: str) -> Const:
    return const(values, CollT("set", STRING, 0, 9))


def in_group(item: Expr, group: str, column: int = 1) -> InEntity:
    return InEntity(item, const(group, TEAM), span(column))


def like(*parts: str) -> Like:
    return Like(arg("s"), parts, span())


def begins(*prefix: tuple[str, ...]) -> Begins:
    return Begins(arg("argv"), prefix, span())


def times(operand: Expr, factor: str) -> Scale:
    return Scale(operand, decimal(factor), DECIMAL, span())


def plus(*operands: Expr, type_: Any = INT) -> Sum:
    return Sum(tuple((1, operand) for operand in operands), type_, span())


def minus(left: Expr, right: Expr, type_: Any = INT) -> Sum:
    return Sum(((1, left), (-1, right)), type_, span())


def over(quantifier: str, collection: Expr, body: Expr) -> Quantified:
    return Quantified(quantifier, "x", collection, body, span())


def has(target: Any, column: int = 7) -> Has:
    return Has(target, span(column))


RESOURCE_PARENT: Final = attr(root("resource"), "parent", CASE, optional=True)
LIMITS: Final = Const(
    {"low": 3, "steps": ({"name": "a"}, {"name": "b", "cost": 9})},
    RecordT(
        "Limits",
        (ARGS[2], replace(ARGS[2], name="low"), replace(ARGS[14], name="steps")),
    ),
    span(),
)

# Every expression with what it must be for the usual request of the lab.
MEANING: Final[list[tuple[Expr, object]]] = [
    # comparisons, by type
    (compare(arg("n"), "==", const(5)), True),
    (compare(arg("n"), "!=", const(5)), False),
    (compare(arg("n"), "<", const(5)), False),
    (compare(arg("n"), "<=", const(5)), True),
    (compare(arg("n"), ">", const(4)), True),
    (compare(arg("n"), ">=", const(6)), False),
    (compare(arg("d"), "==", decimal("12.5")), True),
    (compare(arg("d"), "<", decimal("12.5001")), True),
    (compare(arg("s"), "==", const("refund late order", STRING)), True),
    (compare(arg("yes"), "==", const(value=True, type_=BOOL)), True),
    (compare(arg("yes"), "==", arg("no")), False),
    (compare(TRUE, "==", both(TRUE, FALSE)), False),
    (compare(arg("channel"), "==", const("web", CHANNEL)), True),
    (compare(arg("tier"), ">=", const(1, TIER)), True),
    (compare(arg("tier"), ">", const(1, TIER)), False),
    (compare(arg("known"), "==", const("User::ann", USER)), True),
    (compare(arg("stranger"), "==", const("Case::nobody", CASE)), True),
    (compare(root("now"), ">=", arg("at")), True),
    (compare(root("principal"), "==", root("agent")), True),
    (compare(root("user"), "==", arg("known")), True),
    (compare(attr(root("action"), "risk", RISK), ">=", const(2, RISK)), True),
    (attr(root("action"), "reversible", BOOL), False),
    (attr(root("context"), "night", BOOL), True),
    # arithmetic
    (compare(plus(arg("n"), arg("n")), "==", const(10)), True),
    (compare(minus(const(2), arg("n")), "==", const(-3)), True),
    (compare(Sum(((-1, arg("n")),), INT, span()), "<", const(0)), True),
    (compare(Scale(arg("n"), const(3), INT, span()), "==", const(15)), True),
    (compare(times(arg("d"), "0.5"), "==", decimal("6.25")), True),
    (compare(times(arg("d"), "0.0001"), ">", decimal("0.0012")), True),
    (compare(times(arg("d"), "0.0001"), "==", decimal("0.0013")), False),
    (compare(times(times(arg("d"), "0.1"), "0.1"), "==", decimal("0.125")), True),
    (compare(times(times(arg("d"), "-0.1"), "0.1"), "<", decimal("0.0")), True),
    (compare(plus(times(arg("d"), "2.0"), arg("d"), type_=DECIMAL), "==", decimal("37.5")), True),
    (compare(decimal("6.25"), "==", times(arg("d"), "0.5")), True),
    (
        compare(
            attr(root("resource"), "total", DECIMAL), "==", times(times(arg("d"), "2.0"), "4.0")
        ),
        True,
    ),
    (compare(plus(arg("at"), arg("gap"), type_=TIMESTAMP), ">", root("now")), True),
    (compare(minus(root("now"), arg("gap"), TIMESTAMP), "<", arg("at")), True),
    (compare(Scale(arg("gap"), const(4), DURATION, span()), "==", const(3_600_000_000)), True),
    (compare(Count(arg("argv"), span()), "==", const(3)), True),
    (compare(Count(root("chain"), span()), "==", const(2)), True),
    # collections
    (InCollection(arg("s"), strings("a", "refund late order"), span()), True),
    (InCollection(arg("s"), strings(), span()), False),
    (InCollection(arg("n"), arg("v"), span()), False),
    (InCollection(const(2), arg("v"), span()), True),
    (InCollection(root("principal"), root("chain"), span()), True),
    (InCollection(times(arg("d"), "0.12"), arg("amounts"), span()), True),
    (InCollection(times(arg("d"), "0.1201"), arg("amounts"), span()), False),
    (
        InCollection(
            times(arg("d"), "-0.12"), const((-15_000,), CollT("set", DECIMAL, 0, 9)), span()
        ),
        True,
    ),
    (InCollection(arg("tier"), const((0, 1), CollT("set", TIER, 0, 9)), span()), True),
    # text and lists
    (like("refund late order"), True),
    (like("refund late orde"), False),
    (like("refund", ""), True),
    (like("", "order"), True),
    (like("", "late", ""), True),
    (like("", "early", ""), False),
    (like("refund", "order"), True),
    (like("refund late ", "te order"), False),
    (like("refund ", " late", ""), False),
    (like("", "fun", "late", "er"), True),
    (like("", "late", "fun", ""), False),
    (like("", ""), True),
    (like("", "", ""), True),
    (like("r", "", "r"), True),
    (begins(("git",), ("push",)), True),
    (begins(("git",), ("pull", "push"), ("--force",)), True),
    (begins(("git",), ("pull",)), False),
    (begins(("git",), ("push",), ("--force",), ("origin",)), False),
    (begins(), True),
    # quantifiers
    (over("some", arg("v"), compare(var("x", INT), ">", const(2))), True),
    (over("every", arg("v"), compare(var("x", INT), ">", const(2))), False),
    (over("no", arg("v"), compare(var("x", INT), ">", const(3))), True),
    (over("some", arg("v"), both(compare(var("x", INT), "<", arg("n")), TRUE)), True),
    (over("some", arg("steps"), has(attr(var("x", STEP), "cost", INT, optional=True))), True),
    (over("every", arg("steps"), has(attr(var("x", STEP), "cost", INT, optional=True))), False),
    (
        over(
            "some",
            arg("steps"),
            both(
                has(attr(var("x", STEP), "cost", INT, optional=True)),
                compare(attr(var("x", STEP), "cost", INT, optional=True), "==", const(3)),
            ),
        ),
        True,
    ),
    (over("some", root("chain"), in_group(var("x", USER), "Team::support")), True),
    (
        over(
            "every",
            attr(LIMITS, "steps", CollT("list", STEP, 0, 9)),
            negated(compare(attr(var("x", STEP), "name", STRING), "==", const("c", STRING))),
        ),
        True,
    ),
    # entities
    (in_group(root("principal"), "Team::all"), True),
    (in_group(root("principal"), "Team::other"), False),
    (InEntity(root("principal"), const("Bot::b1", USER), span()), True),
    (in_group(arg("known"), "Team::all"), True),
    (in_group(root("agent"), "Team::support"), True),
    (in_group(root("resource"), "Team::all"), True),
    (InEntity(root("resource"), const("Case::c-2", CASE), span()), True),
    (compare(attr(arg("known"), "level", TIER), "==", const(2, TIER)), True),
    (compare(attr(root("agent"), "owner", USER), "==", root("user")), True),
    (compare(attr(attr(root("agent"), "owner", USER), "level", TIER), "==", const(2, TIER)), True),
    # has
    (has(root("user")), True),
    (has(root("tool")), False),
    (has(attr(root("tool"), "name", STRING)), False),
    (has(arg("maybe")), False),
    (has(arg("n")), True),
    (has(RESOURCE_PARENT), False),
    (has(attr(RESOURCE_PARENT, "total", DECIMAL)), False),
    (has(attr(root("resource"), "total", DECIMAL)), True),
    (has(attr(arg("step"), "cost", INT, optional=True)), False),
    (has(attr(arg("step"), "name", STRING)), True),
    (has(attr(root("args"), "undeclared", INT, optional=True)), False),
    (has(attr(attr(root("args"), "gone", STEP, optional=True), "name", STRING)), False),
    (has(attr(root("action"), "risk", RISK)), True),
    (has(attr(LIMITS, "low", INT)), True),
    (has(attr(LIMITS, "n", INT)), False),
    (has(attr(arg("known"), "level", TIER)), True),
    (compare(attr(LIMITS, "low", INT), "==", const(3)), True),
    # what guards make safe
    (either(negated(has(arg("maybe"))), compare(arg("maybe"), ">", const(1))), True),
    (both(has(arg("maybe")), compare(arg("maybe"), ">", const(1))), False),
    # unknown facts: kind, and the column of the part in error
    (unknown(30), (UNKNOWN, 30)),
    (attr(arg("stranger"), "total", DECIMAL, 31), (UNKNOWN, 31)),
    (compare(attr(arg("stranger", 2), "total", DECIMAL, 8), "==", decimal("1.0")), (UNKNOWN, 8)),
    (has(attr(arg("stranger"), "total", DECIMAL), 9), (UNKNOWN, 9)),
    (has(attr(arg("stranger"), "parent", CASE, optional=True), 9), (UNKNOWN, 9)),
    (InEntity(arg("stranger"), arg("stranger"), span(12)), (UNKNOWN, 12)),
    (
        compare(attr(arg("stranger"), "total", DECIMAL, 40), "==", attr(
            arg("stranger"), "total", DECIMAL, 20)),
        (UNKNOWN, 40),
    ),
    (
        InEntity(attr(arg("stranger"), "parent", CASE, 5), arg("known"), span(3)),
        (UNKNOWN, 5),
    ),
    (both(unknown(50), unknown(40)), (UNKNOWN, 50)),
    (both(unknown(50), FALSE), False),
    (both(FALSE, unknown(50)), False),
    (both(TRUE, unknown(50), unknown(2)), (UNKNOWN, 50)),
    (either(unknown(50), TRUE), True),
    (either(FALSE, unknown(50)), (UNKNOWN, 50)),
    (negated(unknown(50)), (UNKNOWN, 50)),
    (negated(both(unknown(50), FALSE)), True),
    (compare(both(unknown(50), FALSE), "==", FALSE), True),
    (compare(both(unknown(50), TRUE), "==", FALSE), (UNKNOWN, 50)),
    (over("some", arg("cases"), in_group(var("x", CASE), "Team::all")), True),
    (over("some", attr(arg("stranger"), "tags", CASE, 4), TRUE), (UNKNOWN, 4)),
    # the safety net below flow typing
    (compare(arg("maybe", 21), ">", const(1)), (ABSENT, 21)),
    (over("some", arg("maybe_tags", 22), TRUE), (ABSENT, 22)),
    (compare(attr(root("tool", 23), "name", STRING), "==", const("x", STRING)), (ABSENT, 23)),
    (compare(attr(root("args"), "undeclared", INT, 24), "==", const(1)), (ABSENT, 24)),
    (compare(attr(RESOURCE_PARENT, "total", DECIMAL), "==", decimal("1.0")), (ABSENT, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "expected"), MEANING)
def test_expressions_mean_what_the_language_says(expr: Expr, expected: object) -> None:
    assert answer(expr) == expected


def test_members_that_err_do_not_hide_one_that_decides() -> None:
    request = with_args(cases=["gone", "c-2"])
    member = in_group(var("x", CASE), "Team::support", 33)
    assert answer(over("some", arg("cases"), member), request) is True
    assert answer(over("no", arg("cases"), member), request) is False
    assert answer(over("every", arg("cases"), member), request) == (UNKNOWN, 33)
    elsewhere = in_group(var("x", CASE), "Team::other", 34)
    assert answer(over("every", arg("cases"), elsewhere), request) is False
    assert answer(over("some", arg("cases"), elsewhere), request) == (UNKNOWN, 34)


def test_nothing_holds_of_an_empty_collection() -> None:
    request = with_args(cases=[])
    for quantifier, expected in (("some", False), ("every", True), ("no", True)):
        assert answer(over(quantifier, arg("cases"), unknown(1)), request) is expected


def test_ancestors_that_are_not_all_known_settle_only_what_they_hold() -> None:
    resource = Entity("Case", "c-1", '{"total":1}', ("Case::c-9", "Team::support"))
    request = replace(REQUEST, resource=resource)
    assert answer(in_group(root("resource"), "Team::all", 5), request) is True
    assert answer(in_group(root("resource"), "Team::other", 5), request) == (UNKNOWN, 5)
    bare = replace(REQUEST, resource=Entity("Case", "c-1"))
    itself = InEntity(root("resource"), const("Case::c-1", CASE), span(6))
    assert answer(itself, bare) == (UNKNOWN, 6)


def test_an_absent_root_reads_as_absent() -> None:
    request = replace(REQUEST, principal=Entity("Guest", "g", "{}"), on_behalf_of=())
    owner = attr(root("agent", 3), "owner", USER, 4)
    assert answer(has(root("agent")), request, "Guest::g") is False
    assert answer(has(owner), request, "Guest::g") is False
    assert answer(compare(owner, "==", arg("known")), request, "Guest::g") == (ABSENT, 3)
    assert answer(in_group(root("agent", 8), "Team::all"), request, "Guest::g") == (ABSENT, 8)


def test_the_tool_is_read_as_claimed() -> None:
    request = replace(REQUEST, tool=ToolIdentity("mcp", "refund"))
    name = attr(root("tool"), "name", STRING)
    assert answer(compare(name, "==", const("refund", STRING)), request) is True
    assert answer(has(attr(root("tool"), "digest", STRING)), request) is True


# ---------------------------------------------------------------- scope of rules


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"who": (who("Bot", "Team::support"),)}, True),
        ({"who": (who("Bot", "Team::other"), who("Bot"))}, True),
        ({"who": (who("Bot", "Team::other"), who("User"))}, False),
        ({"resources": (on("Case"),)}, True),
        ({"resources": (on("Case", "Team::other"), on("Case", "Team::all"))}, True),
        ({"resources": (on("Case", "Team::other"),)}, False),
        ({"unless": TRUE}, False),
        ({"unless": unknown(44)}, (UNKNOWN, 44)),
        ({"when": FALSE, "unless": unknown(44)}, False),
        ({"when": unknown(43), "unless": unknown(44)}, (UNKNOWN, 43)),
        ({"when": unknown(43), "unless": TRUE}, False),
    ],
)
def test_a_rule_holds_where_its_clauses_do(fields: dict[str, Any], expected: object) -> None:
    assert answer_of(rule("r", "deny", **{"when": None, **fields})) == expected


def test_errors_of_scope_come_first_and_name_their_clause() -> None:
    request = replace(REQUEST, principal=Entity("Bot", "gone"), resource=Entity("Case", "c-7"))
    scoped = rule(
        "r",
        "deny",
        unknown(60),
        who=(who("User", "Team::all", 10), who("Bot", "Team::all", 11)),
        resources=(on("Case", "Team::all", 20),),
    )
    assert answer_of(scoped, request, "Bot::gone") == (UNKNOWN, 11)
    unscoped = replace(scoped, who=(who("Bot", None, 10), who("Bot", "Team::all", 11)))
    assert answer_of(unscoped, request, "Bot::gone") == (UNKNOWN, 20)
    assert answer_of(replace(unscoped, resources=None), request, "Bot::gone") == (UNKNOWN, 60)


def test_sums_and_products_longer_than_python_nests() -> None:
    terms = tuple((-1 if i % 3 == 1 else 1, const(i)) for i in range(5_000))
    total = sum(sign * i for i, (sign, _) in enumerate(terms))
    plus = Sum((*terms, (-1, arg("n"))), INT, span())
    minus = Sum(((-1, arg("n")), *terms), INT, span())
    for long in (plus, minus):
        assert answer(compare(long, "==", const(total - 5)))
        assert not answer(compare(long, "==", const(total - 4)))
    product: Expr = arg("n")
    decimal: Expr = arg("d")
    for _ in range(1_200):
        product = Scale(product, Const(-1, INT, span()), INT, span())
        decimal = Scale(decimal, Const(10_000, DECIMAL, span()), DECIMAL, span())
    assert answer(compare(product, "==", const(5)))
    assert answer(compare(decimal, "==", Const(125_000, DECIMAL, span())))
    unlike = Sum(((1, decimal), (1, arg("d"))), DECIMAL, span())
    assert answer(compare(unlike, "==", Const(250_000, DECIMAL, span())))


def test_the_first_error_of_a_long_sum_is_the_first_in_source_order() -> None:
    gone = attr(arg("stranger"), "total", DECIMAL, 7)
    later = attr(arg("stranger"), "total", DECIMAL, 8)
    long = Sum(((1, arg("d")), (-1, gone), *[(1, later)] * 20), DECIMAL, span())
    assert answer(compare(long, ">", Const(0, DECIMAL, span()))) == (UNKNOWN, 7)


def test_a_cell_of_many_rules_compiles() -> None:
    full = cell(*[rule(f"r{i}", "deny", compare(arg("n"), "==", const(i))) for i in range(8_000)])
    assert full.held(bind(), "Bot::b1", NOW_US, LOW) == 1 << 5
    assert full.held(bind(with_args(n=7_777)), "Bot::b1", NOW_US, LOW) == 1 << 7_777


def test_rules_of_one_cell_answer_together_and_err_alone() -> None:
    compiled = cell(
        rule("a", "allow", TRUE),
        rule("b", "deny", unknown(5)),
        rule("c", "allow", FALSE),
        rule("d", "allow", TRUE, span=span(file="other.charter")),
    )
    bound = bind()
    with pytest.raises(EvalError):
        compiled.held(bound, "Bot::b1", NOW_US, LOW)
    assert compiled.exactly(bound, "Bot::b1", NOW_US, LOW) == (0b1001, [(1, UNKNOWN, span(5))])
    calm = cell(rule("a", "allow", TRUE), rule("d", "allow", TRUE, span=span(file="other.charter")))
    assert calm.held(bound, "Bot::b1", NOW_US, LOW) == 0b11
    assert cell().held(bound, "Bot::b1", NOW_US, LOW) == 0


# ---------------------------------------------------------------- routes


def test_an_approver_for_whom_the_condition_errs_is_not_eligible() -> None:
    scope = Scope(SCHEMA, RUN, "Case", None)
    gold = compare(attr(root("approver"), "level", TIER), "==", const(2, TIER))
    test = compile_test(gold, scope, Places({}))
    bound = bind()
    assert [test(bound, uid, NOW_US, LOW) for uid in ("User::ann", "User::bob", "User::gone")] == [
        True,
        False,
        False,
    ]
    assert compile_test(either(unknown(1), TRUE), scope, Places({}))(
        bound, "User::ann", NOW_US, LOW
    )


def test_values_are_read_or_raise() -> None:
    scope = Scope(SCHEMA, RUN, "Case", None)
    bound = bind()
    read = compile_value(arg("tier"), scope, Places({}))
    assert read(bound, "", NOW_US, LOW) == 1
    with pytest.raises(EvalError):
        compile_value(arg("maybe"), scope, Places({}))(bound, "", NOW_US, LOW)


# ---------------------------------------------------------------- both forms


def random_tree(rng: random.Random, depth: int, *, inside: bool = False) -> Expr:
    if depth == 0:
        leaves: list[Expr] = [TRUE, FALSE, unknown(rng.randrange(1, 1000))]
        if inside:
            leaves += [compare(var("x", INT), ">", const(rng.randrange(4)))] * 2
        return rng.choice(leaves)
    kind = rng.randrange(4 if inside else 5)
    if kind == 4:
        body = random_tree(rng, depth - 1, inside=True)
        return over(rng.choice(["some", "every", "no"]), arg("v"), body)
    parts = [random_tree(rng, depth - 1, inside=inside) for _ in range(rng.randrange(1, 4))]
    if kind == 0:
        return negated(parts[0])
    if kind == 1:
        return compare(parts[0], rng.choice(["==", "!="]), parts[-1])
    return both(*parts) if kind == 2 else either(*parts)


def kleene(expr: Expr, member: int = 0) -> bool | tuple[str, int]:
    """The three-valued answer, from the words of the language alone."""
    match expr:
        case And():
            return settled([kleene(operand, member) for operand in expr.operands], by=False)
        case Or():
            return settled([kleene(operand, member) for operand in expr.operands], by=True)
        case Not():
            inner = kleene(expr.operand, member)
            return inner if isinstance(inner, tuple) else not inner
        case Quantified():
            answers = [kleene(expr.body, member) for member in (1, 2, 3)]
            whole = settled(answers, by=expr.quantifier != "every")
            return not whole if expr.quantifier == "no" and isinstance(whole, bool) else whole
        case Compare(right=Const(value=int() as limit)):
            return member > limit
        case Compare():
            left, right = kleene(expr.left, member), kleene(expr.right, member)
            if isinstance(left, tuple):
                return left
            return right if isinstance(right, tuple) else (left == right) == (expr.op == "==")
        case InEntity():
            return (UNKNOWN, expr.span.column)
        case _:
            return expr is TRUE


def settled(answers: list[bool | tuple[str, int]], *, by: bool) -> bool | tuple[str, int]:
    if by in answers:
        return by
    return next((answer for answer in answers if isinstance(answer, tuple)), not by)


def first_difference(seed: int, count: int) -> Expr | None:
    rng = random.Random(seed)
    bound = bind()
    for _ in range(count):
        expr = random_tree(rng, rng.randrange(1, 5))
        try:
            if answer(expr, bound) != kleene(expr):
                return expr
        except AssertionError:
            return expr
    return None


def test_random_trees_follow_three_valued_logic_in_both_forms() -> None:
    assert first_difference(seed=7, count=1500) is None


def _careless_or(*thunks: Any) -> Any:
    return next((t for t in map(runtime.settle, thunks) if t is not False), False)


def _keep_not(self: Emitter, node: ast.expr) -> ast.expr:
    del self
    return node


def test_sabotage_a_form_that_differs_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setitem(code.NAMES, "k_or", _careless_or)
        assert first_difference(seed=7, count=300) is not None, "error won over true"
    with monkeypatch.context() as broken:
        broken.setattr(Emitter, "_negated", _keep_not)
        assert first_difference(seed=7, count=300) is not None, "not was dropped"
    with monkeypatch.context() as broken:
        broken.setitem(code.NAMES, "all", any)
        assert first_difference(seed=7, count=1500) is not None, "every became some"


# ---------------------------------------------------------------- what is generated

ALLOWED: Final = frozenset(
    "Module FunctionDef arguments arg Assign AugAssign For If Return Pass Name Load Store Constant"
    " Attribute Subscript Call Compare BoolOp UnaryOp BinOp IfExp NamedExpr Lambda GeneratorExp"
    " comprehension Tuple And Or Not USub Add Sub Mult BitAnd BitOr LShift Eq NotEq Lt LtE Gt GtE"
    " In Is IsNot".split()
)  # fmt: skip
FIELDS: Final = frozenset(
    "args context chain agent user tool resource resource_facts resource_attributes lookup"
    " attributes startswith endswith chain_facts chain_attributes flags get".split()
)


def emitted(monkeypatch: pytest.MonkeyPatch) -> list[ast.AST]:
    """Every node of every function that the expressions of this file compile to, and policies.

    Those are generated: loops, shared functions and what tells rules apart come from many rules.
    """
    modules: list[ast.Module] = []

    def compile_and_keep(module: ast.Module, filename: str, mode: str) -> Any:
        modules.append(module)
        return compile(module, filename, mode)

    monkeypatch.setattr(code, "compile", compile_and_keep, raising=False)
    for expr, _ in MEANING:
        answer(expr)
    answer_of(rule("r", "deny", who=(who("Bot", "Team::all"),), resources=(on("Case", "Team::x"),)))
    for seed in range(0, 12 * CROWDED_EVERY, CROWDED_EVERY):
        compare_seed(seed, Tally(), count=40)
    return [node for module in modules for node in ast.walk(module)]


def test_only_a_few_kinds_of_node_are_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = emitted(monkeypatch)
    kinds = {type(node).__name__ for node in nodes}
    assert kinds <= ALLOWED
    rare = {"Is", "Pass"}
    assert kinds | rare == ALLOWED, "a kind that nothing generates should not be allowed"


def test_generated_code_names_only_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = emitted(monkeypatch)
    fields = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert {field for field in fields if not field.startswith("f_")} <= FIELDS
    read = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    params = {node.arg for node in nodes if isinstance(node, ast.arg)}
    rest = read - stored - params - set(code.NAMES)
    assert {name for name in rest if not re.fullmatch(r"(s\d+_)?constant_\d+", name)} == set()
    assert code.NAMES["__builtins__"] == {}


@pytest.mark.parametrize(
    "text", ['"', "'", "\\", "\n", "{0}", "__import__('os')", "\u2028", "\U0001f600"]
)
def test_texts_are_constants_whatever_they_hold(text: str) -> None:
    request = with_args(s=text)
    assert answer(compare(arg("s"), "==", const(text, STRING)), request) is True
    assert answer(Like(arg("s"), ("", text, ""), span()), request) is True
    assert answer(InCollection(arg("s"), strings(text), span()), request) is True


# ---------------------------------------------------------------- tracebacks

POLICY: Final = Source(
    "team/lab.charter",
    "# \x0b form feeds and such are no line breaks here\n"
    "policy p {\n"
    "    rule r:\n"
    "        deny anyone to lab.run\n"
    '        when args.s == "käse" and args.n > 5\n'
    "}\n",
)


def broken_traceback(*, is_exact: bool) -> list[traceback.FrameSummary]:
    """The frames of a bug inside the rule above: the arguments are no record at all."""
    file = POLICY.name
    subject = attr(root("args"), "s", STRING)
    text = replace(compare(subject, "==", const("käse", STRING)), span=span(14, 5, file))
    at = replace(span(36, 5, file), end_column=42)
    number = replace(compare(replace(arg("n"), span=at), ">", const(5)), span=at)
    when = replace(either(text, number), span=span(14, 5, file))
    judged = rule("p.r", "deny", when, span=span(5, 3, file))
    compiled = cell(judged, sources={file: POLICY})

    class Args:
        f_s = "no"

    bound = with_fields(bind(), args=Args())
    judge: Any = compiled.exactly if is_exact else compiled.held
    with pytest.raises(AttributeError) as caught:
        judge(bound, "Bot::b1", NOW_US, LOW)
    return list(traceback.extract_tb(caught.value.__traceback__))


@pytest.mark.parametrize("is_exact", [False, True])
def test_a_bug_inside_generated_code_points_into_the_policy(*, is_exact: bool) -> None:
    frames = broken_traceback(is_exact=is_exact)
    [frame] = [f for f in frames if f.filename.endswith("/team/lab.charter")][-1:]
    assert frame.lineno == 5
    assert frame.line == 'when args.s == "käse" and args.n > 5'
    # Columns of code count bytes; `ä` has two.
    assert (frame.colno, frame.end_colno) == (36, 42)
    shown = "".join(traceback.format_list([frame]))
    assert "team/lab.charter" in shown
    assert 'when args.s == "käse" and args.n > 5' in shown


def test_two_versions_of_a_file_do_not_mix() -> None:
    old = Places({POLICY.name: POLICY}).text(POLICY.name).filename
    changed = Source(POLICY.name, POLICY.text + "# more\n")
    assert Places({POLICY.name: changed}).text(POLICY.name).filename != old
    assert Places({POLICY.name: POLICY}).text(POLICY.name).filename == old


def test_what_comes_from_another_file_is_shown_where_it_is_used() -> None:
    """A predicate of another file has lines of that file; the rule's own line is shown instead."""
    foreign = replace(arg("n"), span=span(2, 99, "other.charter"))
    text = Source("lab.charter", "a\nb\nrule\n")
    when = replace(compare(foreign, ">", const(1)), span=span(1, 3))
    judged = rule("r", "deny", when, span=span(1, 3))
    compiled = cell(judged, sources={"lab.charter": text})
    with pytest.raises(AttributeError) as caught:
        compiled.held(with_fields(bind(), args=object()), "Bot::b1", NOW_US, LOW)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.lineno, last.line) == (3, "rule")
