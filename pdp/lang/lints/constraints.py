"""What can still be true once some conditions hold: intervals and sets per value, along one path.

Sound, not complete: a ``Conflict`` means that no request makes all of it true together; without
one, nothing is claimed. Pure set arithmetic, nothing is searched or solved.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from pdp.lang.checked import (
    And,
    Attr,
    Begins,
    CheckedPolicies,
    Compare,
    Const,
    Count,
    Expr,
    Has,
    InCollection,
    InEntity,
    InNetwork,
    InWindow,
    Like,
    Matches,
    Not,
    Or,
    Quantified,
    Root,
    Scale,
    Sum,
    Under,
    Value,
    Var,
    type_of,
)
from pdp.lang.lints.forms import Form, form, words
from pdp.lang.source import Span
from pdp.lang.types import DECIMAL, DURATION, INT, TIMESTAMP, CollT, EnumT, Type

_ORDERED: Final = frozenset({INT, DECIMAL, TIMESTAMP, DURATION})
_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
# How two values of one request may compare, for each operator: -1 less, 0 equal, 1 greater.
_OUTCOMES: Final[Mapping[str, frozenset[Hashable]]] = {
    "==": frozenset({0}), "!=": frozenset({-1, 1}), "<": frozenset({-1}),
    "<=": frozenset({-1, 0}), ">": frozenset({1}), ">=": frozenset({0, 1}),
}  # fmt: skip
# Of larger constant sets only the answer is followed, not the members.
_MEMBERS_MAX: Final = 1_000
_TIER: Final = ("attr", ("Root", "risk"), "tier")


@dataclass(frozen=True, slots=True)
class Domain:
    """What one value can still be. ``because`` are the places that say so.

    ``low`` and ``high`` are twice the number, plus or minus 1 where the bound itself is left out:
    5 < x is ``low`` 11. None: no bound. ``among`` None: anything, but not what is in ``but``.
    """

    low: int | None = None
    high: int | None = None
    among: frozenset[Hashable] | None = None
    but: frozenset[Hashable] = frozenset()
    because: tuple[Span, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether no value is left."""
        if self.among is not None:
            return not any(self._admits(value) for value in self.among)
        if self.low is None or self.high is None:
            return False
        if self.low == self.high and self.low % 2 == 0:
            return self.low // 2 in self.but
        return self.low > self.high

    def _admits(self, value: Hashable) -> bool:
        if value in self.but:
            return False
        if not isinstance(value, int):
            return True
        return (self.low is None or self.low <= 2 * value) and (
            self.high is None or 2 * value <= self.high
        )

    def meet(self, other: Domain, *because: Span) -> Domain:
        """Only what both leave; ``because`` adds the place of ``other``."""
        lows = [low for low in (self.low, other.low) if low is not None]
        highs = [high for high in (self.high, other.high) if high is not None]
        among = self.among if other.among is None else other.among
        if self.among is not None and other.among is not None:
            among = self.among & other.among
        return Domain(
            max(lows, default=None),
            min(highs, default=None),
            among,
            self.but | other.but if self.but and other.but else self.but or other.but,
            (*self.because, *other.because, *because),
        )


# By the form of a value: its domain. ``("has", form)`` and other truths have domains of bools.
Facts: TypeAlias = "dict[Form, Domain]"


@dataclass(frozen=True, slots=True)
class Conflict:
    """``expr`` cannot be (as asked) true or false after what ``because`` points at.

    ``subject`` is the value that nothing is left for, as written, or ''.
    """

    expr: Expr
    subject: str
    because: tuple[Span, ...]


def known(policies: CheckedPolicies) -> Facts:
    """What holds for every request: no tier above those that the points can reach."""
    if policies.risk is None:
        return {}
    total = sum(factor.points for factor in policies.risk.factors)
    reached = [tier.rank for tier in policies.risk.tiers if tier.from_points <= total]
    return {_TIER: Domain(0, 2 * max(reached, default=0))}


def assume(expr: Expr, facts: Facts, *, truth: bool = True) -> Facts | Conflict:
    """What is known once ``expr`` is true (or false, with ``truth=False``) as well."""
    match expr:
        case And() if truth:
            return _all(expr.operands, facts, truth=True)
        case Or() if not truth:
            return _all(expr.operands, facts, truth=False)
        case And() | Or():
            return _any(expr, facts, truth=truth)
        case Not():
            return assume(expr.operand, facts, truth=not truth)
        case Compare():
            return _compare(expr, facts, expr.op if truth else _OPPOSITE[expr.op])
        case Quantified():
            return _quantified(expr, facts, truth=truth)
        case Has():
            return _has(expr, facts, truth=truth)
        case InCollection():
            return _member(expr, facts, truth=truth)
        case Begins():
            return _begins(expr, facts, truth=truth)
        case Like() if len(expr.parts) == 1:
            return _narrow(expr.subject, _one_of(expr.parts, truth=truth), expr, facts)
        case Const():
            return facts if expr.value is truth else Conflict(expr, "", ())
        case (
            Root() | Var() | Attr() | InEntity() | InNetwork() | InWindow() | Like() | Matches()
            | Under()
        ):  # fmt: skip
            return _answered(expr, facts, truth=truth)
        case Count() | Sum() | Scale():
            raise AssertionError(f"{type(expr).__name__} is not a condition")
        case _:
            assert_never(expr)


def _all(operands: Iterable[Expr], facts: Facts, *, truth: bool) -> Facts | Conflict:
    for operand in operands:
        found = assume(operand, facts, truth=truth)
        if isinstance(found, Conflict):
            return found
        facts = found
    return facts


def _any(expr: And | Or, facts: Facts, *, truth: bool) -> Facts | Conflict:
    """One operand suffices: what only one of several leaves is not followed further."""
    results = [assume(operand, facts, truth=truth) for operand in expr.operands]
    alive = [result for result in results if not isinstance(result, Conflict)]
    if not alive:
        because = [s for result in results if isinstance(result, Conflict) for s in result.because]
        return Conflict(expr, "", tuple(dict.fromkeys(because)))
    return alive[0] if len(alive) == 1 else facts


def _answered(expr: Expr, facts: Facts, *, truth: bool) -> Facts | Conflict:
    """A test of which only the answer is known: it is the same wherever it is asked."""
    return _narrow(expr, Domain(among=frozenset({truth})), expr, facts)


def _one_of(values: Iterable[Hashable], *, truth: bool) -> Domain:
    return Domain(among=frozenset(values)) if truth else Domain(but=frozenset(values))


def _member(expr: InCollection, facts: Facts, *, truth: bool) -> Facts | Conflict:
    match expr.collection:
        case Const(value=tuple() as members):
            if len(members) > _MEMBERS_MAX or any(isinstance(m, tuple | dict) for m in members):
                return _answered(expr, facts, truth=truth)
            return _narrow(expr.item, _one_of(map(_scalar, members), truth=truth), expr, facts)
        case collection:
            found = _answered(expr, facts, truth=truth)
            if isinstance(found, Conflict) or not truth:
                return found
            return _at_least(1, collection, expr, found)


def _begins(expr: Begins, facts: Facts, *, truth: bool) -> Facts | Conflict:
    found = _answered(expr, facts, truth=truth)
    if isinstance(found, Conflict) or not truth:
        return found
    return _at_least(len(expr.prefix), expr.subject, expr, found)


def _at_least(count: int, collection: Expr, expr: Expr, facts: Facts) -> Facts | Conflict:
    size = Count(collection, collection.span)
    return _narrow(size, Domain(low=2 * count), expr, facts)


def _quantified(expr: Quantified, facts: Facts, *, truth: bool) -> Facts | Conflict:
    """Some member fits the body, or all do: then it matters only if there is one for certain."""
    is_some = (expr.quantifier == "some") is truth if expr.quantifier != "no" else not truth
    wanted = truth if expr.quantifier != "no" else not truth
    if is_some:
        counted = _at_least(1, expr.collection, expr, facts)
        if isinstance(counted, Conflict):
            return counted
        facts = counted
    if is_some or is_filled(expr.collection, facts):
        found = assume(expr.body, facts, truth=wanted)
        if isinstance(found, Conflict):
            return found
    # `no` is `not some`: both ask the same question of the same members.
    same = replace(expr, quantifier="some") if expr.quantifier == "no" else expr
    answer = truth if expr.quantifier != "no" else not truth
    return _set(form(same), Domain(among=frozenset({answer}), because=(expr.span,)), expr, facts)


def _has(expr: Has, facts: Facts, *, truth: bool) -> Facts | Conflict:
    """A present path has present beginnings; an absent one may have them."""
    subject = words(expr.target)
    wanted = Domain(among=frozenset({truth}), because=(expr.span,))
    target: Expr = expr.target
    while True:
        found = _set(("has", form(target)), wanted, expr, facts, subject)
        if isinstance(found, Conflict):
            return found
        facts = found
        if not truth or not isinstance(target, Attr):
            return facts
        target = target.base


def _compare(expr: Compare, facts: Facts, op: str) -> Facts | Conflict:
    left, right = expr.left, expr.right
    if isinstance(left, Const) and not isinstance(right, Const):
        left, right, op = right, left, _MIRRORED.get(op, op)
    if not isinstance(right, Const):
        return _between(expr, left, right, op, facts)
    if isinstance(left, Const):
        return facts if _holds(op, left.value, right.value) else Conflict(expr, "", ())
    value = right.value
    if not isinstance(value, str | int | bool):
        return facts  # records and collections: nothing is followed
    if op in {"==", "!="} and not _is_ordered(right.type):
        only: frozenset[Hashable] = frozenset({value})
        return _narrow(left, Domain(among=only) if op == "==" else Domain(but=only), expr, facts)
    assert isinstance(value, int), op
    return _narrow(left, interval(op, value, _step(left)), expr, facts)


def interval(op: str, value: int, step: int) -> Domain:
    """The numbers that compare so with ``value``; ``step`` is 2 for whole units, else 1."""
    match op:
        case "==":
            return Domain(2 * value, 2 * value)
        case "!=":
            return Domain(but=frozenset({value}))
        case "<":
            return Domain(high=2 * value - step)
        case "<=":
            return Domain(high=2 * value)
        case ">":
            return Domain(low=2 * value + step)
        case _:
            assert op == ">=", op
            return Domain(low=2 * value)


def _step(subject: Expr) -> int:
    """Facts and counts are whole units; what is computed may be finer than the literal's."""
    return 1 if isinstance(subject, Sum | Scale) else 2


def _between(expr: Compare, left: Expr, right: Expr, op: str, facts: Facts) -> Facts | Conflict:
    """Two values of the request: which of less, equal and greater are left."""
    one, other = form(left), form(right)
    if ("between", other, one) in facts:
        one, other, op = other, one, _MIRRORED.get(op, op)
    wanted = Domain(among=_OUTCOMES[op], because=(expr.span,))
    if one == other:
        wanted = wanted.meet(Domain(among=frozenset({0})))
    return _set(("between", one, other), wanted, expr, facts)


def _holds(op: str, left: Value, right: Value) -> bool:
    if op in {"==", "!="} or not (isinstance(left, int) and isinstance(right, int)):
        return (left == right) is (op == "==")
    return (left > right) - (left < right) in _OUTCOMES[op]


def _narrow(subject: Expr, wanted: Domain, expr: Expr, facts: Facts) -> Facts | Conflict:
    """The facts with one value narrowed to ``wanted``."""
    if isinstance(subject, Const):
        return facts if not _narrowed_const(subject, wanted).is_empty else Conflict(expr, "", ())
    key = form(subject)
    before = facts.get(key) or _declared(subject)
    after = before.meet(wanted, expr.span)
    if after.is_empty:
        return Conflict(expr, words(subject), before.because)
    return {**facts, key: after}


def _narrowed_const(const: Const, wanted: Domain) -> Domain:
    value = const.value
    if isinstance(value, tuple | dict):
        return Domain()  # nothing is followed
    return wanted.meet(Domain(among=frozenset({value})))


def _scalar(value: Value) -> Hashable:
    assert not isinstance(value, tuple | dict), value
    return value


def _set(
    key: Form, wanted: Domain, expr: Expr, facts: Facts, subject: str = ""
) -> Facts | Conflict:
    before = facts.get(key, Domain())
    after = before.meet(wanted)
    if after.is_empty:
        return Conflict(expr, subject, before.because)
    return {**facts, key: after}


def is_filled(collection: Expr, facts: Facts) -> bool:
    """Whether the collection has a member for certain."""
    size = Count(collection, collection.span)
    domain = facts.get(form(size)) or _declared(size)
    return domain.meet(Domain(high=0)).is_empty


def _declared(subject: Expr) -> Domain:
    """What the declaration leaves: members of an enum, ranks of a level, the size of a set."""
    if isinstance(subject, Count):
        return _size(subject.collection)
    match type_of(subject):
        case EnumT(ordered=True) as level:
            return Domain(among=frozenset(range(len(level.members))))
        case EnumT() as enum:
            return Domain(among=frozenset(enum.members))
        case _:
            return Domain()


def _size(collection: Expr) -> Domain:
    if isinstance(collection, Const) and isinstance(collection.value, tuple):
        return Domain(2 * len(collection.value), 2 * len(collection.value))
    declared = type_of(collection)
    return Domain(2 * declared.lo, 2 * declared.hi) if isinstance(declared, CollT) else Domain()


def _is_ordered(type_: Type) -> bool:
    return type_ in _ORDERED or (isinstance(type_, EnumT) and type_.ordered)
