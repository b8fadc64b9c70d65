"""Rules that another rule of the same or a wider scope makes superfluous or powerless."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeAlias

from pdp.lang.checked import Attr, InEntity, Rule, type_of
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.lints import complaints
from pdp.lang.lints.forms import Form, all_parts, form
from pdp.lang.lints.program import Program
from pdp.lang.types import EntityT, Schema

# A type and the group it must be below, or None: any of the type.
Pair: TypeAlias = "tuple[str, str | None]"
# What stands for the resource of an action that takes none.
_NO_RESOURCE: Final[Pair] = ("", None)

# The number of no condition.
ANY: Final = 0

# A rule is entered under so many keys at most; wider ones under fewer, broader keys.
_KEYS_MAX: Final = 64
# So many rules are compared with one at most: beyond that nothing is claimed.
_CANDIDATES_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom and what a rule covers. ``on`` is by action; a pair without group covers its groups."""

    who: frozenset[Pair]
    on: dict[str, frozenset[Pair]]

    def is_within(self, wider: Scope) -> bool:
        """Whether every request that this covers is covered by ``wider``."""
        return _covers(wider.who, self.who) and all(
            action in wider.on and _covers(wider.on[action], pairs)
            for action, pairs in self.on.items()
        )


def scope_of(rule: Rule, schema: Schema) -> Scope:
    """The scope of a rule. Groups are compared by name: who is in them is not asked."""
    who = frozenset((name, clause.group) for clause in rule.who for name in clause.types)
    return Scope(who, {action: _resources(rule, action, schema) for action in rule.actions})


def _resources(rule: Rule, action: str, schema: Schema) -> frozenset[Pair]:
    taken = schema.actions[action].resources
    if rule.resources is not None:
        return frozenset((c.type, c.group) for c in rule.resources if c.type in taken)
    return frozenset((name, None) for name in taken) or frozenset({_NO_RESOURCE})


def _covers(wide: frozenset[Pair], narrow: frozenset[Pair]) -> bool:
    return all(pair in wide or (pair[0], None) in wide for pair in narrow)


def is_unconditional(rule: Rule) -> bool:
    """Whether it holds wherever its scope fits."""
    return rule.when is None and rule.unless is None


@dataclass(slots=True)
class Index:
    """Rules by what they share with any rule that they could cover."""

    schema: Schema
    _scopes: dict[str, Scope] = field(default_factory=dict)
    _conditions: dict[str, int] = field(default_factory=dict)
    _numbers: dict[Form, int] = field(default_factory=dict)
    _rules: dict[tuple[str, int, tuple[Form, ...]], list[Rule]] = field(default_factory=dict)

    def scope(self, rule: Rule) -> Scope:
        """The rule's scope, made once."""
        if rule.name not in self._scopes:
            self._scopes[rule.name] = scope_of(rule, self.schema)
        return self._scopes[rule.name]

    def condition(self, rule: Rule) -> int:
        """The same number for the same condition; ANY when there is none."""
        if is_unconditional(rule):
            return ANY
        if rule.name not in self._conditions:
            asked = (rule.when and form(rule.when), rule.unless and form(rule.unless))
            self._conditions[rule.name] = self._numbers.setdefault(asked, len(self._numbers) + 1)
        return self._conditions[rule.name]

    def add(self, rule: Rule) -> None:
        """Enter a rule as one that may cover others."""
        scope, condition = self.scope(rule), self.condition(rule)
        count = len(scope.who) * sum(map(len, scope.on.values()))
        if count > _KEYS_MAX:
            keys: Iterable[tuple[Form, ...]] = ((pair,) for pair in scope.who)
        else:
            keys = (
                (pair, action, on)
                for pair in scope.who
                for action, pairs in scope.on.items()
                for on in pairs
            )
        for key in keys:
            self._rules.setdefault((rule.effect, condition, key), []).append(rule)

    def covering(self, rule: Rule, effect: str, conditions: Iterable[int]) -> Iterator[Rule]:
        """Other rules of that effect and one of the conditions whose scope holds the rule's."""
        keys = list(_keys(rule, self.schema))
        found = (
            other
            for condition in dict.fromkeys(conditions)
            for key in keys
            for other in self._rules.get((effect, condition, key), ())
        )
        for other in islice(found, _CANDIDATES_MAX):
            if other is not rule and self.scope(rule).is_within(self.scope(other)):
                yield other


def _keys(rule: Rule, schema: Schema) -> Iterator[tuple[Form, ...]]:
    """Under one of these is every rule that covers the scope: it must cover its first part too."""
    if not rule.who or not rule.actions:
        return  # a schema without principals, or `any action` where there is none
    clause, action = rule.who[0], rule.actions[0]
    name, on = min(clause.types), min(_resources(rule, action, schema), key=str)
    for pair in dict.fromkeys(((name, clause.group), (name, None))):
        yield (pair,)
        for resource in dict.fromkeys((on, (on[0], None))):
            yield (pair, action, resource)


def check(program: Program) -> Iterator[Diagnostic]:
    """Redundant rules, and allows that a deny always overrules. Shadow rules are left alone."""
    index = Index(program.policies.schema)
    shared = Counter(index.condition(rule) for rule in program.rules)
    for rule in program.rules:
        condition = index.condition(rule)
        if condition == ANY or shared[condition] > 1:  # nothing else has a rule to cover
            index.add(rule)
    for rule in program.rules:
        if rule.effect == "allow":
            deny = next(index.covering(rule, "deny", [ANY]), None)
            if deny is not None:
                yield complaints.shadowed_allow(rule.span, rule.name, deny.name, deny.span)
                continue
        conditions = [index.condition(rule), ANY]
        for other in index.covering(rule, rule.effect, conditions):
            if _adds_nothing(rule, other, index):
                yield complaints.redundant_rule(rule.span, rule.name, other.name, other.span)
                break


def _adds_nothing(rule: Rule, other: Rule, index: Index) -> bool:
    """Whether answers would be the same without ``rule``, in what they say as well.

    Of two that are the same in everything, the later one is superfluous.
    """
    if not set(rule.routes) <= set(other.routes):
        return False
    if not set(rule.obligations) <= set(other.obligations):
        return False
    if rule.because not in {"", other.because}:
        return False
    if rule.effect in {"require", "oblige"} and _errs_alone(rule, other, index):
        return False
    same = (
        index.condition(rule) == index.condition(other)
        and index.scope(other).is_within(index.scope(rule))
        and set(other.routes) <= set(rule.routes)
        and set(other.obligations) <= set(rule.obligations)
        and other.because in {"", rule.because}
    )
    return not same or (other.span, other.name) < (rule.span, rule.name)


def _errs_alone(rule: Rule, other: Rule, index: Index) -> bool:
    """Whether an unknown entity can make ``rule`` an error, and so a deny, but not ``other``.

    A deny that errs denies no more than one that holds, and an allow that errs allows nothing.
    """
    if index.condition(rule) != index.condition(other) and _can_err(rule):
        return True
    scope, wider = index.scope(rule), index.scope(other)
    # Of principals that the directory describes wholly, every group is known.
    who = frozenset(pair for pair in scope.who if not _is_closed(pair[0], index.schema))
    return not _asks_no_more(wider.who, who) or any(
        not _asks_no_more(wider.on[action], pairs) for action, pairs in scope.on.items()
    )


def _asks_no_more(wide: frozenset[Pair], narrow: frozenset[Pair]) -> bool:
    """Whether each group that ``narrow`` asks about is asked about by ``wide`` too."""
    return all(pair in wide for pair in narrow if pair[1] is not None)


def _is_closed(type_name: str, schema: Schema) -> bool:
    return all(schema.entities[name].is_directory for name in schema.parent_types(type_name))


def _can_err(rule: Rule) -> bool:
    """Whether a condition reads what is behind a reference."""
    return any(
        isinstance(part, InEntity)
        or (isinstance(part, Attr) and isinstance(type_of(part.base), EntityT))
        for condition in (rule.when, rule.unless)
        if condition is not None
        for part in all_parts(condition)
    )
