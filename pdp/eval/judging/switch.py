"""The rules of one action and resource type told apart by one fact of the request. Judges none.

A rule whose condition demands that a path equals a constant, or one of several, cannot hold where
the path has another value: one false conjunct makes the whole condition false, whatever else errs.
So once the value is known, all rules that demand another can be left out. When it is not known,
none is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pdp.eval.compiling.shapes import members, plain
from pdp.eval.emit.expressions import scale_of
from pdp.eval.emit.paths import Scope
from pdp.lang.checked import And, Attr, Compare, Expr, InCollection, Root, Rule, Value, type_of

# Fewer rules are judged faster than they are told apart.
RULES_MIN: Final = 6
# A rule that demands nothing of the path belongs to every value: this many at most, for each.
COPIES_MAX: Final = 4
# What does not differ by principal. ``now``, ``chain`` and ``risk`` are never compared for this.
_ROOTS: Final = frozenset({"args", "context", "resource", "agent", "user", "tool"})

_Words: TypeAlias = "tuple[str, ...]"


@dataclass(slots=True)
class Switch:
    """``path`` tells the rules apart: by value the places of those that demand it, then the rest.

    Places are indexes into the rules given.
    """

    path: Attr
    by_value: Mapping[Value, Sequence[int]]
    rest: Sequence[int]


@dataclass(slots=True)
class _Demands:
    """What rules demand of one path: for each rule that does, the values that it allows."""

    path: Attr
    by_rule: dict[int, frozenset[Value]] = field(default_factory=dict)


def switch_of(rules: Sequence[Rule], scope: Scope, used: frozenset[_Words]) -> Switch | None:
    """The best path to tell ``rules`` apart by, if one is worth it; none of those ``used``."""
    if len(rules) < RULES_MIN:
        return None
    demands: dict[_Words, _Demands] = {}
    for place, rule in enumerate(rules):
        for path, values in _demanded(rule.when, scope):
            words = words_of(path)
            if words not in used:
                demanded = demands.setdefault(words, _Demands(path))
                known = demanded.by_rule.get(place)
                demanded.by_rule[place] = values if known is None else known & values
    best = min(
        (words for words in demands),
        key=lambda words: (_cost(demands[words], len(rules)), words),
        default=None,
    )
    if best is None or _cost(demands[best], len(rules)) > len(rules) / 2:
        return None
    return _switch(demands[best], len(rules))


def words_of(path: Attr) -> _Words:
    """The names of a path, its root first."""
    words: list[str] = []
    base: Expr = path
    while isinstance(base, Attr):
        words.append(base.name)
        base = base.base
    if not isinstance(base, Root):
        raise AssertionError("only paths from a root are demanded")
    return (base.name, *reversed(words))


def _cost(demands: _Demands, count: int) -> float:
    """The rules left to judge, at the mean over the values; endless if there are too many copies.

    A path whose values each bring a copy of many other rules would need too much memory.
    """
    sizes: dict[Value, int] = defaultdict(int)
    for values in demands.by_rule.values():
        for value in values:
            sizes[value] += 1
    if not sizes:
        return float("inf")
    rest = count - len(demands.by_rule)
    if sum(sizes.values()) + rest * len(sizes) > COPIES_MAX * count:
        return float("inf")
    return rest + sum(sizes.values()) / len(sizes)


def _switch(demands: _Demands, count: int) -> Switch:
    by_value: dict[Value, list[int]] = defaultdict(list)
    for place, values in demands.by_rule.items():
        for value in values:
            by_value[value].append(place)
    rest = [place for place in range(count) if place not in demands.by_rule]
    return Switch(demands.path, by_value, rest)


def _demanded(expr: Expr | None, scope: Scope) -> Iterator[tuple[Attr, frozenset[Value]]]:
    """The paths of which a condition demands a value, with the values that may be."""
    match expr:
        case And():
            for operand in expr.operands:
                yield from _demanded(operand, scope)
        case Compare(op="=="):
            for path, other in ((expr.left, expr.right), (expr.right, expr.left)):
                value = plain(other)
                if isinstance(path, Attr) and value is not None and _is_readable(path, scope):
                    yield path, frozenset((value,))  # type: ignore[arg-type]
        case InCollection(item=Attr() as path) if not scale_of(path) and _is_readable(path, scope):
            values = members(expr.collection)
            if values is not None:
                yield path, values
        case _:
            return


def _is_readable(path: Attr, scope: Scope) -> bool:
    """Whether a path is the same for every member of the chain, and always there."""
    base: Expr = path
    while isinstance(base, Attr):
        if type_of(base) is None:
            return False
        declared = _declared(base, scope)
        if not declared:
            return False
        base = base.base
    return isinstance(base, Root) and base.name in _ROOTS


def _declared(path: Attr, scope: Scope) -> bool:
    """Whether whatever the path goes through declares it, and does not let it be absent."""
    if isinstance(path.base, Root) and path.base.name == "tool":
        return True
    fields = scope.declared(path.base, path.name)
    return all(field is not None and not field.may_be_absent for field in fields)


__all__ = ["RULES_MIN", "Switch", "switch_of", "words_of"]
