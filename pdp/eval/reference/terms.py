"""The reference meaning of an expression: a value, or one error. Nothing here may be clever.

The meaning is stated in the docstrings of ``pdp.lang.checked``; this file repeats it as code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias, assert_never

import re2

from pdp.eval.reference import windows
from pdp.eval.reference.facts import Plain, World, constant_of, expect
from pdp.lang.checked import (
    And,
    Attr,
    Begins,
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
    type_of,
)
from pdp.lang.source import Span
from pdp.lang.types import CollT, EntityT


@dataclass(frozen=True, slots=True)
class Err:
    """What could not be read: ``kind`` is unknown_entity or absent."""

    kind: str
    span: Span


Truth: TypeAlias = bool | Err


@dataclass(frozen=True, slots=True)
class Scope:
    """What a condition may read; ``roots`` leaves out what this request does not have."""

    world: World
    roots: Mapping[str, Plain]
    variables: Mapping[str, Plain] = field(default_factory=dict)


def truth(expr: Expr, scope: Scope) -> Truth:
    """The truth of a condition: true, false, or an error."""
    value = evaluate(expr, scope)
    return value if isinstance(value, Err) else expect(value, bool)


def evaluate(expr: Expr, scope: Scope) -> Plain | Err:
    """The value of any expression, or its error."""
    match expr:
        case And():
            return all_of(truth(operand, scope) for operand in expr.operands)
        case Or():
            return any_of(truth(operand, scope) for operand in expr.operands)
        case Not():
            return negated(truth(expr.operand, scope))
        case Const():
            return constant_of(expr.value, expr.type)
        case Root():
            return scope.roots[expr.name] if expr.name in scope.roots else Err("absent", expr.span)
        case Var():
            return scope.variables[expr.name]
        case Attr():
            return _attribute(expr, scope)
        case Has():
            return _present(expr.target, expr.span, scope)
        case Compare():
            return _with_values((expr.left, expr.right), scope, _COMPARISONS[expr.op])
        case InCollection():
            return _with_values((expr.item, expr.collection), scope, _is_member)
        case InEntity():
            return _in_entity(expr, scope)
        case Like():
            return _with_values((expr.subject,), scope, lambda text: _like(text, expr.parts))
        case Matches():
            return _with_values((expr.subject,), scope, lambda text: _matches(text, expr.pattern))
        case Under():
            return _with_values((expr.subject,), scope, lambda path: _under(path, expr.prefix))
        case InNetwork():
            return _with_values((expr.item, expr.networks), scope, _is_in_network)
        case InWindow():
            return _with_values(
                (expr.item,),
                scope,
                lambda instant: windows.is_inside(expect(instant, int), expr.window),
            )
        case Begins():
            return _with_values((expr.subject,), scope, lambda items: _begins(items, expr))
        case Count():
            return _with_values((expr.collection,), scope, lambda items: len(_items(items)))
        case Sum():
            operands = tuple(operand for _, operand in expr.terms)
            return _with_values(
                operands,
                scope,
                lambda *values: sum(
                    sign * _number(value)
                    for (sign, _), value in zip(expr.terms, values, strict=True)
                ),
            )
        case Scale():
            return _with_values(
                (expr.operand, expr.factor), scope, lambda a, b: _number(a) * _number(b)
            )
        case Quantified():
            return _quantified(expr, scope)
        case _:
            assert_never(expr)


# ---------------------------------------------------------------- Kleene logic


def all_of(truths: Iterable[Truth]) -> Truth:
    """False if any is false, else the first error, else true."""
    errors: list[Err] = []
    for item in truths:
        if item is False:
            return False
        errors += [item] if isinstance(item, Err) else []
    return errors[0] if errors else True


def any_of(truths: Iterable[Truth]) -> Truth:
    """True if any is true, else the first error, else false."""
    errors: list[Err] = []
    for item in truths:
        if item is True:
            return True
        errors += [item] if isinstance(item, Err) else []
    return errors[0] if errors else False


def negated(item: Truth) -> Truth:
    """An error stays an error."""
    return item if isinstance(item, Err) else not item


def _quantified(expr: Quantified, scope: Scope) -> Truth:
    collection = evaluate(expr.collection, scope)
    if isinstance(collection, Err):
        return collection
    bodies = (
        truth(expr.body, replace(scope, variables={expr.variable: item}))
        for item in _items(collection)
    )
    match expr.quantifier:
        case "some":
            return any_of(bodies)
        case "every":
            return all_of(bodies)
        case "no":
            return negated(any_of(bodies))
        case _:
            raise AssertionError(f"no quantifier `{expr.quantifier}`")


# ---------------------------------------------------------------- paths and entities


def _attribute(expr: Attr, scope: Scope) -> Plain | Err:
    base = evaluate(expr.base, scope)
    if isinstance(base, Err):
        return base
    fields = _fields(base, expr.base, expr.span, scope)
    if isinstance(fields, Err):
        return fields
    return fields[expr.name] if expr.name in fields else Err("absent", expr.span)


def _fields(value: Plain, expr: Expr, span: Span, scope: Scope) -> Mapping[str, Plain] | Err:
    """The fields of ``expr``'s value: a record, or the entity that it refers to."""
    if isinstance(type_of(expr), EntityT):
        known = scope.world.known.get(expect(value, str))
        return Err("unknown_entity", span) if known is None else known.attributes
    return expect(value, dict)


def _present(target: Expr, span: Span, scope: Scope) -> Truth:
    """Whether every segment is present, from the root on; ``span`` is that of the ``has``."""
    match target:
        case Root():
            return target.name in scope.roots
        case Var():
            return True
        case Attr():
            has_base = _present(target.base, span, scope)
            if has_base is not True:
                return has_base
            base = evaluate(target.base, scope)
            if isinstance(base, Err):
                return base
            fields = _fields(base, target.base, span, scope)
            return fields if isinstance(fields, Err) else target.name in fields
        case _:
            raise AssertionError("`has` takes a path")


def in_group(item: str, ancestor: str, span: Span, world: World) -> Truth:
    """``item`` is ``ancestor`` or below it; an error when what is known does not settle it."""
    if item not in world.known:
        return Err("unknown_entity", span)
    ancestors, is_open = world.ancestors(item)
    if ancestor in ancestors:
        return True
    return Err("unknown_entity", span) if is_open else False


def _in_entity(expr: InEntity, scope: Scope) -> Truth:
    item = evaluate(expr.item, scope)
    ancestor = evaluate(expr.ancestor, scope)
    if isinstance(item, Err):
        return item
    if isinstance(ancestor, Err):
        return ancestor
    return in_group(expect(item, str), expect(ancestor, str), expr.span, scope.world)


# ---------------------------------------------------------------- operators on values


def _with_values(
    operands: tuple[Expr, ...], scope: Scope, operator: Callable[..., Plain]
) -> Plain | Err:
    """The operator on its operands' values, or the first operand's error in source order."""
    values: list[Plain] = []
    for operand in operands:
        value = evaluate(operand, scope)
        if isinstance(value, Err):
            return value
        values.append(value)
    return operator(*values)


def _same(left: Plain, right: Plain) -> bool:
    """Equality within one type: true is not 1."""
    return type(left) is type(right) and left == right


def _less(left: Plain, right: Plain) -> bool:
    a, b = _number(left), _number(right)
    return a < b


_COMPARISONS: Final[dict[str, Callable[[Plain, Plain], bool]]] = {
    "==": _same,
    "!=": lambda left, right: not _same(left, right),
    "<": _less,
    "<=": lambda left, right: not _less(right, left),
    ">": lambda left, right: _less(right, left),
    ">=": lambda left, right: not _less(left, right),
}


def _is_member(item: Plain, collection: Plain) -> bool:
    return any(_same(item, member) for member in _items(collection))


def _like(text: Plain, parts: tuple[str, ...]) -> bool:
    """The first part at the start, the last at the end, and between them the others in order.

    Each of those is taken at the first place where it fits: what a star runs over is free, and so
    no later place could leave more room for the rest.
    """
    whole = expect(text, str)
    first, *others = parts
    if not others:
        return whole == first
    if not whole.startswith(first):
        return False
    end = len(first)
    *between, last = others
    for part in between:
        start = whole.find(part, end)
        if start < 0:
            return False
        end = start + len(part)
    return end + len(last) <= len(whole) and whole.endswith(last)


def _matches(text: Plain, pattern: str) -> bool:
    """RE2, the whole string."""
    return re2.fullmatch(pattern, expect(text, str)) is not None


def _under(path: Plain, prefix: str) -> bool:
    """The prefix's segments come first; the path may be the prefix itself."""
    above = [segment for segment in prefix.split("/") if segment]
    segments = [segment for segment in expect(path, str).split("/") if segment]
    return segments[: len(above)] == above


def _is_in_network(item: Plain, networks: Plain) -> bool:
    """In the network, or in some network of the collection; IPv4 is never in an IPv6 network."""
    if isinstance(networks, tuple):
        return any(_is_in_network(item, network) for network in networks)
    match item, networks:
        case IPv4Address(), IPv4Network():
            return item in networks
        case IPv6Address(), IPv6Network():
            return item in networks
        case ((IPv4Address() | IPv6Address()), (IPv4Network() | IPv6Network())):
            return False
        case _:
            raise AssertionError("not an address and a network")


def _begins(items: Plain, expr: Begins) -> bool:
    subject = _items(items)
    type_ = expect(type_of(expr.subject), CollT)
    if len(subject) < len(expr.prefix):
        return False
    return all(
        any(_same(item, constant_of(alternative, type_.item)) for alternative in alternatives)
        for item, alternatives in zip(subject, expr.prefix, strict=False)
    )


def _items(value: Plain) -> tuple[Plain, ...]:
    return expect(value, tuple)


def _number(value: Plain) -> int | Fraction:
    """An int, decimal, timestamp, duration or level; never a truth value."""
    if isinstance(value, bool) or not isinstance(value, (int, Fraction)):
        raise AssertionError("not a number")
    return value


__all__ = ["Err", "Scope", "Truth", "all_of", "any_of", "evaluate", "in_group", "negated", "truth"]
