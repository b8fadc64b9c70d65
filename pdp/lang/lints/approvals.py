"""Routes that nobody can fill, or that ask too little for what they are used for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pdp.lang.checked import (
    CheckedNeed,
    CheckedPolicies,
    Compare,
    Expr,
    InCollection,
    InEntity,
    ResourceClause,
    Root,
    Route,
    Rule,
    WhoClause,
)
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.lints import complaints
from pdp.lang.lints.forms import all_parts, parts
from pdp.lang.lints.scopes import ANY, Index, is_unconditional
from pdp.lang.types import RISK, ActionDef
from pdp.model import Entity

_GRAVE: Final = frozenset({"high", "critical"})
_PEOPLE: Final = frozenset({"principal", "user", "chain"})
_GRAVE_RANK: Final = RISK.members.index("high")


def check(policies: CheckedPolicies) -> Iterator[Diagnostic]:
    """What can be seen without the directory."""
    yield from _check_tiers(policies)
    enforced = [rule for rule in policies.rules if not rule.shadow]
    requires = [rule for rule in enforced if rule.effect == "require"]
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
                yield complaints.owner_may_approve(route.span, name, action, rule.span)


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


# ---------------------------------------------------------------- with the directory


def check_directory(
    policies: CheckedPolicies, directory: Mapping[str, Entity]
) -> Iterator[Diagnostic]:
    """What the directory decides. Conditions of needs (`where`) count as true.

    Without any entity there is nothing to count: missing groups are said elsewhere.
    """
    if not directory:
        return
    people = _Members(policies, directory)
    yield from _check_candidates(policies, people)
    requires = [rule for rule in policies.rules if rule.effect == "require"]
    yield from _check_fillable(policies, requires, people)
    yield from _check_requesters(policies, requires, people)


@dataclass(slots=True)
class _Members:
    """Who is below which group, transitively, by the directory alone."""

    policies: CheckedPolicies
    directory: Mapping[str, Entity]
    _above: dict[str, frozenset[str]] = field(default_factory=dict)
    _below: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for uid in self.directory:
            for group in self.above(uid):
                self._below.setdefault(group, []).append(uid)

    def above(self, uid: str) -> frozenset[str]:
        """The entity and all groups it is in, through other groups too."""
        known = self._above.get(uid)
        if known is None:
            entity = self.directory.get(uid)
            groups = entity.groups if entity is not None else ()
            known = frozenset({uid}).union(*map(self.above, groups))
            self._above[uid] = known
        return known

    def of(self, group: str, types: Collection[str]) -> list[str]:
        """The entities of these types in the group."""
        return [uid for uid in self._below.get(group, ()) if self.directory[uid].type in types]

    def people(self, group: str) -> list[str]:
        """The people in the group."""
        entities = self.policies.schema.entities
        return self.of(group, {e.name for e in entities.values() if e.is_person})

    def is_closed(self, types: Iterable[str]) -> bool:
        """Whether nobody but the directory says what entities of these types are below."""
        schema = self.policies.schema
        return all(
            schema.entities[above].is_directory
            for name in types
            for above in schema.parent_types(name)
        )


def _check_candidates(policies: CheckedPolicies, people: _Members) -> Iterator[Diagnostic]:
    """Deny and require rules over groups in which the directory has nobody."""
    names = {group.uid: group.name for group in policies.groups}
    for rule in policies.rules:
        if rule.effect not in {"deny", "require"} or rule.shadow:
            continue
        clauses: Sequence[WhoClause | ResourceClause]
        for clauses in (rule.who, rule.resources or ()):
            if clauses and all(_has_nobody(clause, people) for clause in clauses):
                clause = clauses[0]
                group = names.get(str(clause.group), str(clause.group))
                yield complaints.no_member(clause.span, rule.name, _types(clause), group)


def _types(clause: WhoClause | ResourceClause) -> list[str]:
    return sorted(clause.types) if isinstance(clause, WhoClause) else [clause.type]


def _has_nobody(clause: WhoClause | ResourceClause, people: _Members) -> bool:
    types = _types(clause)
    return (
        clause.group is not None
        and clause.group in people.directory  # otherwise the group itself is complained about
        and people.is_closed(types)
        and not people.of(clause.group, types)
    )


def _check_fillable(
    policies: CheckedPolicies, requires: Sequence[Rule], people: _Members
) -> Iterator[Diagnostic]:
    """Routes that are asked for and that all people together cannot fill."""
    names = {group.uid: group.name for group in policies.groups}
    hopeless: set[str] = set()
    for route in policies.routes.values():
        if route.name in _asked(policies, requires):
            short = _unfillable(route.needs, people, frozenset())
            if short is not None:
                hopeless.add(route.name)
                need = f"{short.count} of {names.get(short.group, short.group)}"
                yield complaints.no_eligible_approver(route.span, f"route `{route.name}`", need)
    for rule in requires:
        if len(rule.routes) > 1 and not hopeless & set(rule.routes):
            short = _unfillable(_joined(rule.routes, policies), people, frozenset())
            if short is not None:
                need = f"{short.count} of {names.get(short.group, short.group)}, all at once"
                yield complaints.no_eligible_approver(rule.span, f"rule `{rule.name}`", need)


def _asked(policies: CheckedPolicies, requires: Sequence[Rule]) -> set[str]:
    """The routes that some rule or tier asks for, and those that these escalate to."""
    todo = [name for rule in requires for name in rule.routes]
    todo += [name for t in (policies.risk.tiers if policies.risk else ()) for name in t.routes]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            escalate = policies.routes[name].escalate
            todo += [escalate[0]] if escalate else []
    return found


def _joined(routes: Iterable[str], policies: CheckedPolicies) -> list[CheckedNeed]:
    """The needs of all the routes together: the same need counts once, with its larger number."""
    needs: dict[tuple[str, str], CheckedNeed] = {}
    for name in routes:
        for need in policies.routes[name].needs:
            key = (need.group, need.where_text)
            if key not in needs or needs[key].count < need.count:
                needs[key] = need
    return [needs[key] for key in sorted(needs)]


def _unfillable(
    needs: Iterable[CheckedNeed], people: _Members, barred: frozenset[str]
) -> CheckedNeed | None:
    """The first need for which distinct people are missing; None if all can be filled.

    One person fills one place. Each place takes a free person, or moves those who sit where it
    wants to sit (augmenting paths).
    """
    places: list[list[str]] = []
    seated: dict[str, int] = {}
    for need in needs:
        eligible = sorted(set(people.people(need.group)) - barred)
        for _ in range(need.count):
            places.append(eligible)
            if not _seat(len(places) - 1, places, seated, set()):
                return need
    return None


def _seat(
    place: int, places: Sequence[Sequence[str]], seated: dict[str, int], tried: set[str]
) -> bool:
    for person in places[place]:
        if person in tried:
            continue
        tried.add(person)
        if person not in seated or _seat(seated[person], places, seated, tried):
            seated[person] = place
            return True
    return False


def _check_requesters(
    policies: CheckedPolicies, requires: Sequence[Rule], people: _Members
) -> Iterator[Diagnostic]:
    """Routes that lack somebody as soon as one of those who may ask is excluded as requester.

    Silent where a condition tells people apart, and about tiers: whom points reach is not plain.
    """
    asking: dict[str, set[str]] = {}
    may = _Askers(policies, people)
    for rule in requires:
        for name in rule.routes if not (rule.shadow or _reads_people(rule)) else ():
            asking.setdefault(name, set()).update(may.ask(rule))
    for name in sorted(asking):
        route = policies.routes[name]
        if not route.needs or _unfillable(route.needs, people, frozenset()) is not None:
            continue
        stuck = [
            uid.partition("::")[2]
            for uid in sorted(asking[name] & _relevant(route, people))
            if _unfillable(route.needs, people, _barred(uid, route, people)) is not None
        ]
        if stuck:
            yield complaints.nobody_left(route.span, name, stuck)


def _relevant(route: Route, people: _Members) -> set[str]:
    """The people whose absence could matter: those in a group that is asked."""
    return {uid for need in route.needs for uid in people.people(need.group)}


def _barred(uid: str, route: Route, people: _Members) -> frozenset[str]:
    """Whom the route excludes when this person asks."""
    barred = {uid}
    if "same_team" in route.exclude:
        mine = set(people.directory[uid].groups)
        barred |= {
            other for other in _relevant(route, people)
            if mine & set(people.directory[other].groups)
        }  # fmt: skip
    return frozenset(barred)


def _reads_people(rule: Rule) -> bool:
    """Whether a condition may hold for some people and not for others."""
    return any(isinstance(p, Root) and p.name in _PEOPLE for p in _parts(rule))


def _chooses_people(rule: Rule) -> bool:
    """Whether a condition names a person, or a group of people, outright."""
    return any(
        isinstance(part, InEntity | InCollection | Compare)
        and any(isinstance(side, Root) and side.name in _PEOPLE for side in parts(part))
        for part in _parts(rule)
    )


def _parts(rule: Rule) -> Iterator[Expr]:
    for condition in (rule.when, rule.unless):
        if condition is not None:
            yield from all_parts(condition)


@dataclass(slots=True)
class _Askers:
    """Who may be the person in a chain that asks, by action: allowed to, and not denied."""

    policies: CheckedPolicies
    people: _Members
    _allowed: dict[str, set[str]] = field(default_factory=dict)
    _rules: dict[tuple[str, str], list[Rule]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for rule in self.policies.rules:
            is_plain = not _reads_people(rule)
            if rule.effect == "deny":
                is_plain = _chooses_people(rule) or is_unconditional(rule)
            if is_plain and not rule.shadow:
                for action in rule.actions:
                    self._rules.setdefault((rule.effect, action), []).append(rule)

    def ask(self, rule: Rule) -> set[str]:
        """The people who may do some action of a require rule, and of whom it asks approval."""
        allowed: set[str] = set()
        for action in rule.actions:
            allowed |= self._may(action)
        agents = {e.name for e in self.policies.schema.entities.values() if e.is_agent}
        if any(clause.types & agents and clause.group is None for clause in rule.who):
            return allowed  # whoever sends an agent
        return {uid for uid in allowed if self._matches(uid, rule)}

    def _may(self, action: str) -> set[str]:
        if action not in self._allowed:
            denies = self._rules.get(("deny", action), [])
            allowed = self._covered(self._rules.get(("allow", action), ()))
            is_plain = all(map(is_unconditional, denies))
            self._allowed[action] = allowed - self._covered(denies) if is_plain else set()
        return self._allowed[action]

    def _covered(self, rules: Iterable[Rule]) -> set[str]:
        clauses = {(clause.types, clause.group) for rule in rules for clause in rule.who}
        entities = self.policies.schema.entities
        found: set[str] = set()
        for types, group in clauses:
            people = {name for name in types if entities[name].is_person}
            if group is not None:
                found.update(self.people.of(group, people))
            elif people:
                found.update(u for u, e in self.people.directory.items() if e.type in people)
        return found

    def _matches(self, uid: str, rule: Rule) -> bool:
        type_name = self.people.directory[uid].type
        return any(
            type_name in clause.types
            and (clause.group is None or clause.group in self.people.above(uid))
            for clause in rule.who
        )
