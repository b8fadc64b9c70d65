"""Who is allowed what, and who is asked about it; conditions and the directory are not weighed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pdp.lang.checked import CheckedPolicies, Rule
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.lints import complaints
from pdp.lang.lints.constraints import Conflict, Domain, assume
from pdp.lang.lints.program import Program
from pdp.lang.lints.scopes import ANY, Index, is_unconditional
from pdp.lang.types import RISK, ActionDef

_GRAVE: Final = frozenset({"high", "critical"})
_GRAVE_RANK: Final = RISK.members.index("high")
_HAS_USER: Final = ("has", ("Root", "user"))


@dataclass(slots=True)
class Effect:
    """The rules of one effect by their actions: many rules have the same ones."""

    _groups: dict[tuple[str, ...], list[Rule]] = field(default_factory=dict)
    _by_action: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    _types: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict)

    def add(self, rule: Rule) -> None:
        if rule.actions not in self._groups:
            self._groups[rule.actions] = []
            for action in rule.actions:
                self._by_action.setdefault(action, []).append(rule.actions)
        self._groups[rule.actions].append(rule)

    @property
    def is_empty(self) -> bool:
        return not self._groups

    def rules(self, action: str) -> list[Rule]:
        """The rules that cover the action, in the order written."""
        found = [r for group in self._by_action.get(action, ()) for r in self._groups[group]]
        return sorted(found, key=lambda rule: rule.span)

    def types(self, action: str) -> frozenset[str]:
        """The principal types that some of them cover."""
        groups = self._by_action.get(action, ())
        return frozenset[str]().union(*(self._types_of(group) for group in groups))

    def _types_of(self, group: tuple[str, ...]) -> frozenset[str]:
        if group not in self._types:
            clauses = {clause.types for rule in self._groups[group] for clause in rule.who}
            self._types[group] = frozenset[str]().union(*clauses)
        return self._types[group]


def _effect(rules: Iterable[Rule], effect: str) -> Effect:
    found = Effect()
    for rule in rules:
        if rule.effect == effect:
            found.add(rule)
    return found


def check(program: Program) -> Iterator[Diagnostic]:
    """Actions allowed to nobody or to agents only, and approvals that leave somebody out."""
    # What is only in shadow so far will be allowed: no word about it yet.
    allows = _effect(program.policies.rules, "allow")
    if allows.is_empty:
        return  # declarations for others, or a guard: nothing is allowed here in any case
    denies = _effect(program.rules, "deny")
    requires = _effect(program.rules, "require")
    for action in program.policies.schema.actions.values():
        if program.governed(action.name):
            yield from _check_allowed(action, allows, denies, program)
            if not action.reversible and not _is_asked_by_tier(program):
                yield from _check_asked(action, allows, denies, requires, program)
    yield from _check_candidates(allows, program)


def check_actions(program: Program) -> Iterator[Diagnostic]:
    """Rules and claims over `any action` where there is none: their conditions mean nothing."""
    for rule in program.policies.rules:
        if not rule.actions:
            yield complaints.no_action(rule.span, f"rule `{rule.name}`")
    for claim in program.policies.invariants:
        if not claim.actions:
            yield complaints.no_action(claim.span, f"invariant `{claim.title}`")


def _check_allowed(
    action: ActionDef, allows: Effect, denies: Effect, program: Program
) -> Iterator[Diagnostic]:
    place = program.action_decls[action.name].name.span
    types = allows.types(action.name)
    people, agents = _principals(program)
    if not types:
        if not _denied(action.name, denies, program, by_name=True) >= people | agents:
            yield complaints.action_nobody_allows(place, action.name)
        return
    if types & people:
        return
    rules = allows.rules(action.name)
    if not all(map(_is_for_nobody_else, rules)):
        yield complaints.action_for_agents_only(place, action.name, sorted(people), rules[0].span)


def _check_asked(
    action: ActionDef, allows: Effect, denies: Effect, requires: Effect, program: Program
) -> Iterator[Diagnostic]:
    """Of an irreversible action: who may do it without anybody being asked."""
    people, agents = _principals(program)
    denied = _denied(action.name, denies, program)
    allowed = allows.types(action.name) - denied
    asked = requires.types(action.name)
    decl = program.action_decls[action.name].name.span
    if allowed & people and asked & agents and not asked & people:
        rule = requires.rules(action.name)[0]
        yield complaints.only_agents_asked(rule.span, rule.name, action.name, decl)
    if action.risk in _GRAVE and allowed & agents and not asked & agents:
        rule = next(r for r in allows.rules(action.name) if _types(r) & agents)
        yield complaints.grave_and_unasked(rule.span, rule.name, action.name, action.risk, decl)


def _check_candidates(allows: Effect, program: Program) -> Iterator[Diagnostic]:
    """Require rules over principals to whom nothing is allowed: they never come to ask."""
    allowed: dict[tuple[str, ...], frozenset[str]] = {}
    for rule in program.rules:
        if rule.effect != "require":
            continue
        if rule.actions not in allowed:
            types = (allows.types(action) for action in rule.actions)
            allowed[rule.actions] = frozenset().union(*types)
        # Where nobody is allowed anything, the action itself is the better place to say so.
        if allowed[rule.actions] and not allowed[rule.actions] & _types(rule):
            yield complaints.nobody_to_ask(rule.span, rule.name, sorted(_types(rule)))


def _types(rule: Rule) -> frozenset[str]:
    return frozenset(name for clause in rule.who for name in clause.types)


def _principals(program: Program) -> tuple[frozenset[str], frozenset[str]]:
    """The types of people and those of agents."""
    entities = program.policies.schema.entities.values()
    people = frozenset(e.name for e in entities if e.is_person)
    return people, frozenset(e.name for e in entities if e.is_agent)


def _denied(
    action: str, denies: Effect, program: Program, *, by_name: bool = False
) -> frozenset[str]:
    """The types that are always denied the action; ``by_name``: not just with `any action`."""
    return frozenset(
        name
        for rule in denies.rules(action)
        if is_unconditional(rule) and rule.resources is None
        and (not by_name or program.rule_decls[rule.name].effect.target.actions)
        for clause in rule.who
        if clause.group is None
        for name in clause.types
    )  # fmt: skip


def _is_asked_by_tier(program: Program) -> bool:
    """Whether a tier demands routes: then points may ask anybody about anything."""
    risk = program.policies.risk
    return risk is not None and any(tier.routes for tier in risk.tiers)


def _is_for_nobody_else(rule: Rule) -> bool:
    """Whether the rule itself says that the agent acts for nobody."""
    facts = assume(rule.when, {}) if rule.when is not None else {}
    if isinstance(facts, Conflict):
        return False
    return facts.get(_HAS_USER, Domain()).among == frozenset({False})


# ---------------------------------------------------------------- routes


def check_routes(program: Program) -> Iterator[Diagnostic]:
    """Tiers that nothing reaches, and routes that ask too little for what they are used for."""
    policies = program.policies
    requires = [rule for rule in program.rules if rule.effect == "require"]
    yield from _check_tiers(policies)
    yield from _check_owners(policies, requires)
    yield from _check_confirmations(policies, requires)


def _check_tiers(policies: CheckedPolicies) -> Iterator[Diagnostic]:
    if policies.risk is None:
        return
    total = sum(factor.points for factor in policies.risk.factors)
    for tier in policies.risk.tiers:
        if tier.from_points > total:
            yield complaints.unreachable_tier(tier.span, tier.name, tier.from_points, total)
        routes = [policies.routes[name] for name in tier.routes]
        if routes and tier.rank >= _GRAVE_RANK and not any(route.needs for route in routes):
            yield complaints.confirmation_alone(
                tier.span, f"tier `{tier.name}`", f"a {tier.name} risk"
            )


def _check_owners(policies: CheckedPolicies, requires: Sequence[Rule]) -> Iterator[Diagnostic]:
    """Routes that do not exclude the owner, for what an owner may never approve."""
    said: set[str] = set()
    for rule in sorted(requires, key=lambda rule: rule.span):
        action = _irreversible(rule.actions, policies)
        for name in rule.routes if action else ():
            route = policies.routes[name]
            if route.needs and "owner" not in route.exclude and name not in said:
                said.add(name)
                first = min(need.span for need in route.needs)
                yield complaints.owner_may_approve(first, name, action, rule.span)


def _irreversible(actions: Iterable[str], policies: CheckedPolicies) -> str:
    """The first action that cannot be undone, or ''."""
    return next((a for a in actions if not policies.schema.actions[a].reversible), "")


def _check_confirmations(
    policies: CheckedPolicies, requires: Sequence[Rule]
) -> Iterator[Diagnostic]:
    """Rules whose routes only have the asking person confirm, for what cannot be undone and harms.

    Unless another rule asks others for the same in any case.
    """
    others: Index | None = None
    for rule in requires:
        grave = [a for a in rule.actions if _is_grave(policies.schema.actions[a])]
        if not grave or _asks_others(rule, policies):
            continue
        if others is None:
            others = Index(policies.schema)
            for other in requires:
                if is_unconditional(other) and _asks_others(other, policies):
                    others.add(other)
        if next(others.covering(rule, "require", [ANY]), None) is None:
            yield complaints.confirmation_alone(rule.span, f"rule `{rule.name}`", f"`{grave[0]}`")


def _asks_others(rule: Rule, policies: CheckedPolicies) -> bool:
    return any(policies.routes[name].needs for name in rule.routes)


def _is_grave(action: ActionDef) -> bool:
    return not action.reversible and action.risk in _GRAVE
