"""The values that a program's conditions, fixtures and tests mention: where answers may change.

Kept by the last word of a path and its type: a value for ``args.amount`` is one for any ``amount``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias, assert_never

from pdp import canonical
from pdp.eval.reference.facts import Plain, constant_of, expect, record_of
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
    Var,
    Window,
    type_of,
)
from pdp.lang.types import DECIMAL, DECIMAL_SCALE, DURATION, INT, CollT, FieldT, Type

_Key: TypeAlias = "tuple[str, Type]"


@dataclass
class Hints:
    """Values by place, lengths of collections by name, durations, and windows."""

    values: dict[_Key, list[Plain]] = field(default_factory=dict)
    lengths: dict[str, list[int]] = field(default_factory=dict)
    durations: list[int] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)

    def of(self, name: str, type_: Type) -> list[Plain]:
        """What the program mentions for that place; each once, in the order found."""
        return self.values.get((name, type_), [])

    def add(self, name: str, type_: Type, value: Plain) -> None:
        """Keep a value for a place. One for a collection also gives its members."""
        known = self.values.setdefault((name, type_), [])
        if value not in known:
            known.append(value)
        if isinstance(type_, CollT):
            for item in expect(value, tuple):
                self.add(name, type_.item, item)


def hints_of(checked: CheckedPolicies) -> Hints:
    """Everything that rules, routes, risk factors, invariants, fixtures and tests mention."""
    hints = Hints()
    reader = _Reader(hints)
    for condition in _conditions(checked):
        reader.read(condition, {})
    schema = checked.schema
    for fixture in checked.fixtures.values():
        if fixture.attributes is not None:
            _add_members(hints, fixture.attributes, schema.entities[fixture.type].fields)
    for test in checked.tests:
        _add_members(hints, test.args, schema.action_by_wire()[test.action].fields)
        _add_members(hints, test.context, schema.context)
    return hints


def _conditions(checked: CheckedPolicies) -> Iterator[Expr]:
    for invariant in checked.invariants:
        if invariant.when is not None:
            yield invariant.when
    for rule in checked.rules:
        yield from (part for part in (rule.when, rule.unless) if part is not None)
    if checked.risk is not None:
        yield from (factor.when for factor in checked.risk.factors)
    for route in checked.routes.values():
        yield from (need.where for need in route.needs if need.where is not None)


def _add_members(hints: Hints, text: str, fields: Iterable[FieldT]) -> None:
    listed = tuple(fields)
    record = record_of(canonical.parse_object(text), listed)
    for declared in listed:
        if declared.name in record:
            hints.add(declared.name, declared.type, record[declared.name])


@dataclass
class _Reader:
    """Reads conditions. ``names`` says which collection a quantifier's variable stands for."""

    hints: Hints

    def read(self, expr: Expr, names: dict[str, str]) -> None:
        match expr:
            case And() | Or():
                for operand in expr.operands:
                    self.read(operand, names)
            case Not():
                self.read(expr.operand, names)
            case Quantified():
                inside = {**names, expr.variable: _name(expr.collection, names)}
                self.read(expr.body, inside)
            case Compare():
                self._compare(expr, names)
            case InCollection():
                self._membership(expr, names)
            case InWindow():
                self.hints.windows.append(expr.window)
            case Like() | Matches() | Under() | InNetwork() | Begins():
                self._test(expr, names)
            case Has() | InEntity() | Count() | Sum() | Scale():
                return
            case Const() | Root() | Var() | Attr():
                return
            case _:
                assert_never(expr)

    def _compare(self, expr: Compare, names: dict[str, str]) -> None:
        leaves = [*_leaves(expr.left), *_leaves(expr.right)]
        consts = [leaf for leaf in leaves if isinstance(leaf, Const)]
        values = [(constant_of(const.value, const.type), const.type) for const in consts]
        factors = [*_factors(expr.left), *_factors(expr.right)]
        for value, type_ in values:
            if type_ == DURATION:
                self.hints.durations.append(expect(value, int))
        for leaf in leaves:
            match leaf:
                case Count():
                    lengths = [expect(v, int) for v, t in values if t == INT]
                    name = _name(leaf.collection, names)
                    self.hints.lengths.setdefault(name, []).extend(lengths)
                case Attr() | Root() | Var():
                    for value, type_ in values:
                        if type_ == leaf.type:
                            self.hints.add(_name(leaf, names), type_, value)
                            for part in _divided(value, type_, factors):
                                self.hints.add(_name(leaf, names), type_, part)
                case _:
                    pass

    def _membership(self, expr: InCollection, names: dict[str, str]) -> None:
        item, collection = expr.item, expr.collection
        if isinstance(collection, Const):
            members = constant_of(collection.value, collection.type)
            item_type = expect(collection.type, CollT).item
            for leaf in _leaves(item):
                if not isinstance(leaf, Const | Count):
                    for member in expect(members, tuple):
                        self.hints.add(_name(leaf, names), item_type, member)
        elif isinstance(item, Const):
            value = constant_of(item.value, item.type)
            self.hints.add(_name(collection, names), item.type, value)

    def _test(
        self, expr: Like | Matches | Under | InNetwork | Begins, names: dict[str, str]
    ) -> None:
        subject = expr.item if isinstance(expr, InNetwork) else expr.subject
        type_ = type_of(subject)
        if type_ is None or isinstance(subject, Const):
            return
        for value in _around(expr, type_):
            self.hints.add(_name(subject, names), type_, value)


def _around(expr: Like | Matches | Under | InNetwork | Begins, type_: Type) -> Iterator[Plain]:
    """Values that pass the test, and near misses."""
    match expr:
        case Like():
            yield "".join(expr.parts)
            yield "x".join(expr.parts)
            yield "x" + "".join(expr.parts) + "x"
        case Matches():
            yield expr.pattern.strip("^$")
        case Under():
            yield expr.prefix
            yield expr.prefix.rstrip("/") + "/x"
            yield expr.prefix.rstrip("/") + "x" if expr.prefix != "/" else "/x"
        case InNetwork():
            if isinstance(expr.networks, Const):
                found = constant_of(expr.networks.value, expr.networks.type)
                for network in found if isinstance(found, tuple) else (found,):
                    yield from _edges(network)
        case Begins():
            item_type = expect(type_, CollT).item
            prefix = [[constant_of(v, item_type) for v in place] for place in expr.prefix]
            if all(prefix):
                yield tuple(place[0] for place in prefix)
                yield tuple(place[-1] for place in prefix)
                yield tuple(place[0] for place in prefix[:-1])
        case _:
            assert_never(expr)


def _edges(network: Plain) -> Iterator[Plain]:
    if not isinstance(network, IPv4Network | IPv6Network):
        raise AssertionError("not a network")
    yield network.network_address
    yield network.broadcast_address
    if int(network.network_address) > 0:
        yield network.network_address - 1
    if int(network.broadcast_address) < 2**network.max_prefixlen - 1:
        yield network.broadcast_address + 1


def _leaves(expr: Expr) -> Iterator[Const | Root | Var | Attr | Count]:
    """What a value is calculated from."""
    match expr:
        case Const() | Root() | Var() | Attr() | Count():
            yield expr
        case Sum():
            for _, operand in expr.terms:
                yield from _leaves(operand)
        case Scale():
            yield from _leaves(expr.operand)
        case _:
            return


def _factors(expr: Expr) -> Iterator[Fraction]:
    match expr:
        case Scale():
            value = constant_of(expr.factor.value, expr.factor.type)
            if isinstance(value, int | Fraction) and value != 0:
                yield Fraction(value)
            yield from _factors(expr.operand)
        case Sum():
            for _, operand in expr.terms:
                yield from _factors(operand)
        case _:
            return


def _divided(value: Plain, type_: Type, factors: Iterable[Fraction]) -> Iterator[Plain]:
    """What, multiplied, comes to about the value: ``amount * 3 > 100`` changes near 33."""
    for factor in factors:
        if type_ == INT:
            yield int(Fraction(expect(value, int)) / factor)
        elif type_ == DECIMAL:
            yield Fraction(int(expect(value, Fraction) / factor * DECIMAL_SCALE), DECIMAL_SCALE)


def _name(expr: Expr, names: dict[str, str]) -> str:
    match expr:
        case Attr() | Root():
            return expr.name
        case Var():
            return names[expr.name]
        case _:
            return ""


__all__ = ["Hints", "hints_of"]
