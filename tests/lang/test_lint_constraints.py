"""No conflict is claimed where some request fits: random conditions against plain evaluation."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from random import Random
from typing import Any, Final

import pytest

from pdp.lang.checked import (
    And,
    Attr,
    Compare,
    Const,
    Count,
    Expr,
    Has,
    InCollection,
    Not,
    Or,
    Quantified,
    Root,
    Scale,
    Value,
    Var,
)
from pdp.lang.checker import check
from pdp.lang.lints import constraints
from pdp.lang.lints.conditions import could_conflict
from pdp.lang.lints.constraints import Conflict, Domain, assume, interval
from pdp.lang.lints.forms import all_parts

ASKED = """
bundle b { version "1" language 1 owner "o" contact "c" governs t }
enum S { x, y, z }
level L { low < mid < high }
entity Team directory in Team
entity User person directory in Team { name: string }
action t.do reversible risk low {
    a: int, b: int, s: S, l: L, o: bool, n?: int, d: decimal, to: set<string>[0..2],
}
policy p { owner "o" contact "c" reason "r"
"""
OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
VALUES: Final[dict[str, tuple[Value | None, ...]]] = {
    "a": (-1, 0, 1, 2, 3),
    "b": (0, 2),
    "s": ("x", "y", "z"),
    "l": (0, 1, 2),
    "o": (False, True),
    "n": (None, 0, 1),
    "d": (0, 5_000, 10_000),
    "to": ((), ("a",), ("b",), ("a", "b")),
}
ATOMS: Final = (
    *(f"args.a {op} {n}" for op in ("==", "!=", "<", "<=", ">", ">=") for n in (0, 1, 2)),
    "args.a in [0, 2]",
    "args.a not in [1, 3]",
    *(f"args.a {op} args.b" for op in ("==", "<", ">=")),
    "args.b > args.a",
    *(f"args.s {op} {m}" for op in ("==", "!=") for m in "xyz"),
    "args.s in [x, y]",
    *(f"args.l {op} {m}" for op in ("==", "!=", "<", "<=", ">", ">=") for m in ("low", "mid")),
    "args.o",
    "not args.o",
    "has args.n",
    "not has args.n",
    "(has args.n and args.n > 0)",
    "(not has args.n or args.n == 1)",
    "args.d > 0.00",
    "args.d < 1.00",
    "args.d * 0.5 > 0.2000",
    "args.d * 0.5 < 0.2001",
    "count(args.to) == 0",
    "count(args.to) >= 2",
    "count(args.to) > 2",
    '"a" in args.to',
    *(f'{q} t in args.to satisfies (t == "a")' for q in ("some", "every", "no")),
    'not (every t in args.to satisfies (t != "b"))',
    "true",
)


def condition(rng: Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(ATOMS)
    if rng.random() < 0.15:
        return f"not ({condition(rng, depth - 1)})"
    word = rng.choice((" and ", " and ", " or "))
    return "(" + word.join(condition(rng, depth - 1) for _ in range(rng.randint(2, 3))) + ")"


def asked(seed: int, count: int) -> list[Expr]:
    """Random conditions, checked."""
    rng = Random(seed)
    rules = (
        f'rule r{i}: deny User to t.do when {condition(rng, 3)} because "{i}"' for i in range(count)
    )
    program, found = check({"a.charter": (ASKED + "\n".join(rules) + "}").encode()})
    assert program is not None, found
    return [rule.when for rule in program.rules if rule.when is not None]


def holds(expr: Expr, args: dict[str, Value | None]) -> Any:
    """Plain evaluation, written for these conditions alone."""
    match expr:
        case And():
            return all(holds(part, args) for part in expr.operands)
        case Or():
            return any(holds(part, args) for part in expr.operands)
        case Not():
            return not holds(expr.operand, args)
        case Const():
            return expr.value
        case Has(target=Attr(name=name)):
            return args[name] is not None
        case Attr() | Var():
            return args[expr.name]
        case Count():
            return len(holds(expr.collection, args))
        case Compare():
            return OPERATORS[expr.op](holds(expr.left, args), holds(expr.right, args))
        case Scale(factor=Const(value=int() as factor)):
            return holds(expr.operand, args) * factor / 10_000
        case InCollection():
            return holds(expr.item, args) in holds(expr.collection, args)
        case Quantified():
            members = holds(expr.collection, args)
            found = [holds(expr.body, {**args, expr.variable: member}) for member in members]
            return {"some": any(found), "every": all(found), "no": not any(found)}[expr.quantifier]
        case _:
            raise AssertionError(type(expr).__name__)


def requests(expr: Expr) -> Iterator[dict[str, Value | None]]:
    """Every choice of values for the arguments that the condition reads."""
    read = {
        part.name
        for part in all_parts(expr)
        if isinstance(part, Attr) and isinstance(part.base, Root)
    }
    names = sorted(read)
    for chosen in product(*(VALUES[name] for name in names)):
        yield dict(zip(names, chosen, strict=True))


def claims(seed: int, count: int) -> Iterator[tuple[str, bool]]:
    """Each conflict that is claimed, and whether some request contradicts it."""
    for expr in asked(seed, count):
        for truth in (True, False):
            if isinstance(assume(expr, {}, truth=truth), Conflict):
                fits = any(bool(holds(expr, args)) is truth for args in requests(expr))
                yield f"never {truth}: {expr}", fits


def test_no_conflict_is_claimed_where_some_request_fits() -> None:
    found = list(claims(seed=1, count=600))
    assert [claim for claim, fits in found if fits] == []
    assert len(found) > 30


def test_an_interval_that_is_one_short_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(op: str, value: int, step: int) -> Domain:
        return interval(op, value - 1 if op == "<=" else value, step)

    monkeypatch.setattr(constraints, "interval", short)
    assert any(fits for _, fits in claims(seed=1, count=600))


def test_whole_units_are_not_taken_for_computed_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constraints, "_step", lambda _subject: 2)
    text = ASKED + "rule r: deny User to t.do when args.d * 0.5 > 0.2000 and args.d * 0.5 < 0.2001"
    _, found = check({"a.charter": (text + ' because "x" }').encode()})
    assert "C0604" in {d.code.code for d in found}


def test_the_short_way_never_misses_a_conflict() -> None:
    skipped = 0
    for expr in asked(seed=2, count=600):
        if could_conflict([expr], {}):
            continue
        skipped += 1
        for part in all_parts(expr):
            if isinstance(part, And | Or | Not | Quantified | Compare | Has | InCollection):
                for truth in (True, False):
                    assert not isinstance(assume(part, {}, truth=truth), Conflict), part
    assert skipped > 20
