"""Groups and routes by the directory: who is there to ask; `where` of a need counts as true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeAlias

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
from pdp.lang.lints.scopes import is_unconditional
from pdp.model import Entity

# Types, and the group that they must be below, if any.
_Clause: TypeAlias = "tuple[frozenset[str], str | None]"

_PEOPLE: Final = frozenset({"principal", "user", "chain"})
# Of more people than this, nobody is looked at one by one.
_CRITICAL_MAX: Final = 1_000


def check(policies: CheckedPolicies, directory: Mapping[str, Entity]) -> Iterator[Diagnostic]:
    """Rules about nobody, and routes that too few people can fill.

    ``directory`` is entities by uid, without cycles. When it is empty there is nothing to count:
    missing groups are complained about elsewhere.
    """
    if not directory:
        return
    members = _Members(policies, directory)
    requires = [rule for rule in policies.rules if rule.effect == "require"]
    yield from _check_candidates(members)
    yield from _check_fillable(requires, members)
    yield from _check_requesters(requires, members)


class _Members:
    """Who is below which group, transitively, by the directory alone."""

    def __init__(self, policies: CheckedPolicies, directory: Mapping[str, Entity]) -> None:
        self.policies = policies
        self.directory = directory
        self._above: dict[str, frozenset[str]] = {}
        self._below: dict[str, list[str]] = {}
        self._people: dict[str, list[str]] = {}
        self._types: dict[str, set[str]] = {}
        for uid, entity in directory.items():
            for group in self.above(uid):
                self._below.setdefault(group, []).append(uid)
                self._types.setdefault(group, set()).add(entity.type)

    @cached_property
    def names(self) -> dict[str, str]:
        """Groups as they are called, by uid."""
        return {group.uid: group.name for group in self.policies.groups}

    def above(self, uid: str) -> frozenset[str]:
        """The entity and all groups it is in, through other groups too."""
        todo = [uid]
        while todo:
            current = todo[-1]
            entity = self.directory.get(current)
            groups = entity.groups if entity is not None else ()
            missing = [group for group in groups if group not in self._above]
            if missing and current not in self._above:
                todo.extend(missing)
                continue
            todo.pop()
            self._above[current] = frozenset({current}).union(*(self._above[g] for g in groups))
        return self._above[uid]

    def has(self, group: str, types: Iterable[str]) -> bool:
        """Whether an entity of some of the types is in the group."""
        return not self._types.get(group, set()).isdisjoint(types)

    def people(self, group: str) -> list[str]:
        """The people in the group."""
        if group not in self._people:
            entities = self.policies.schema.entities
            self._people[group] = [
                uid
                for uid in self._below.get(group, ())
                if entities[self.directory[uid].type].is_person
            ]
        return self._people[group]

    def is_closed(self, types: Iterable[str]) -> bool:
        """Whether nobody but the directory says what entities of these types are below."""
        schema = self.policies.schema
        return all(
            schema.entities[above].is_directory
            for name in types
            for above in schema.parent_types(name)
        )


def _check_candidates(members: _Members) -> Iterator[Diagnostic]:
    """Deny and require rules over groups in which the directory has nobody."""
    for rule in members.policies.rules:
        if rule.effect not in {"deny", "require"} or rule.shadow:
            continue
        clauses: Sequence[WhoClause | ResourceClause]
        for clauses in (rule.who, rule.resources or ()):
            if clauses and all(_has_nobody(clause, members) for clause in clauses):
                clause = clauses[0]
                group = members.names.get(str(clause.group), str(clause.group))
                yield complaints.no_member(clause.span, rule.name, _types(clause), group)


def _types(clause: WhoClause | ResourceClause) -> list[str]:
    return sorted(clause.types) if isinstance(clause, WhoClause) else [clause.type]


def _has_nobody(clause: WhoClause | ResourceClause, members: _Members) -> bool:
    return (
        clause.group is not None
        and clause.group in members.directory  # otherwise the group itself is complained about
        and not members.has(clause.group, _types(clause))
        and members.is_closed(_types(clause))
    )


# ---------------------------------------------------------------- with nobody excluded


def _check_fillable(requires: Sequence[Rule], members: _Members) -> Iterator[Diagnostic]:
    """Routes that are asked for and that all people together cannot fill."""
    policies = members.policies
    hopeless: set[str] = set()
    for name in sorted(_asked(policies, requires)):
        route = policies.routes[name]
        short = _unfillable(route.needs, members)
        if short is not None:
            hopeless.add(name)
            need = _described(short, members)
            yield complaints.no_eligible_approver(short.span, f"route `{name}`", need)
    for rule in requires:
        if len(rule.routes) > 1 and hopeless.isdisjoint(rule.routes):
            short = _unfillable(_joined(rule.routes, policies), members)
            if short is not None:
                need = f"{_described(short, members)}, beside all others"
                yield complaints.no_eligible_approver(rule.span, f"rule `{rule.name}`", need)


def _described(need: CheckedNeed, members: _Members) -> str:
    return f"{need.count} of {members.names.get(need.group, need.group)}"


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
    needs: Iterable[CheckedNeed], members: _Members, barred: frozenset[str] = frozenset()
) -> CheckedNeed | None:
    """The first need for which distinct people are missing; None if all can be filled.

    One person fills one place. Each place takes a free person, or moves those who sit where it
    wants to sit (augmenting paths).
    """
    places: list[list[str]] = []
    seated: dict[str, int] = {}
    for need in needs:
        eligible = members.people(need.group)
        if barred:
            eligible = [person for person in eligible if person not in barred]
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


# ---------------------------------------------------------------- with the requester excluded


def _check_requesters(requires: Sequence[Rule], members: _Members) -> Iterator[Diagnostic]:
    """Routes that lack somebody as soon as one of those who may ask is excluded as requester.

    Silent where a condition tells people apart, and about tiers: whom points reach is not plain.
    """
    users: dict[str, list[Rule]] = {}
    for rule in requires:
        for name in rule.routes if not (rule.shadow or _reads_people(rule)) else ():
            users.setdefault(name, []).append(rule)
    askers = _Askers(members)
    for name in sorted(users):
        route = members.policies.routes[name]
        stuck = {
            uid.partition("::")[2]: need
            for uid, need in _critical(route, members)
            if any(askers.may_ask(uid, rule) for rule in users[name])
        }
        if stuck:
            first = next(iter(stuck.values()))
            yield complaints.nobody_left(first.span, name, list(stuck))


def _critical(route: Route, members: _Members) -> list[tuple[str, CheckedNeed]]:
    """The people without whom the route cannot be filled when they ask; it can be otherwise.

    Each with the need that lacks somebody then.
    """
    groups = [members.people(need.group) for need in route.needs]
    places = sum(need.count for need in route.needs)
    is_wide = "same_team" in route.exclude
    if not is_wide and all(len(group) > places for group in groups):
        return []  # whoever is left out, each need still has enough people for all places
    people = sorted({uid for group in groups for uid in group})
    if len(people) > _CRITICAL_MAX or _unfillable(route.needs, members) is not None:
        return []
    found: list[tuple[str, CheckedNeed]] = []
    for uid in people:
        barred = _barred(uid, people, members, is_wide=is_wide)
        need = _unfillable(route.needs, members, barred)
        if need is not None:
            found.append((uid, need))
    return found


def _barred(uid: str, people: Iterable[str], members: _Members, *, is_wide: bool) -> frozenset[str]:
    """Whom the route excludes when this person asks; ``is_wide``: with all of the same team."""
    if not is_wide:
        return frozenset({uid})
    mine = set(members.directory[uid].groups)
    team = {other for other in people if not mine.isdisjoint(members.directory[other].groups)}
    return frozenset({uid, *team})


def _reads_people(rule: Rule) -> bool:
    """Whether a condition may hold for some people and not for others."""
    return any(isinstance(part, Root) and part.name in _PEOPLE for part in _parts(rule))


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
class _Allowed:
    """Whom the rules over one action cover; ``is_plain`` unless a deny tells people apart."""

    allowed: set[_Clause] = field(default_factory=set)
    denied: set[_Clause] = field(default_factory=set)
    is_plain: bool = True


class _Askers:
    """Who may be the person in a chain that asks: allowed to, and not denied."""

    def __init__(self, members: _Members) -> None:
        self._members = members
        entities = members.policies.schema.entities.values()
        self._agents = frozenset(e.name for e in entities if e.is_agent)
        self._actions: dict[str, _Allowed] = {}
        self._known: dict[tuple[str, str], bool] = {}
        for rule in members.policies.rules:
            if not rule.shadow:
                self._add(rule)

    def _add(self, rule: Rule) -> None:
        clauses = [(clause.types, clause.group) for clause in rule.who]
        if rule.effect == "allow" and not _reads_people(rule):
            for action in rule.actions:
                self._actions.setdefault(action, _Allowed()).allowed.update(clauses)
        elif rule.effect == "deny" and is_unconditional(rule):
            for action in rule.actions if rule.resources is None else ():
                self._actions.setdefault(action, _Allowed()).denied.update(clauses)
        elif rule.effect == "deny" and _chooses_people(rule):
            for action in rule.actions:
                self._actions.setdefault(action, _Allowed()).is_plain = False

    def may_ask(self, uid: str, rule: Rule) -> bool:
        """Whether the person may do some action of a require rule that is about their chain."""
        clauses = [(clause.types, clause.group) for clause in rule.who]
        # An agent that anybody may send, or the person directly.
        by_agent = any(types & self._agents and group is None for types, group in clauses)
        if not by_agent and not self._is_in(uid, clauses):
            return False
        return any(self._may(uid, action) for action in rule.actions)

    def _may(self, uid: str, action: str) -> bool:
        key = (uid, action)
        if key not in self._known:
            found = self._actions.get(action, _Allowed())
            self._known[key] = (
                found.is_plain
                and self._is_in(uid, found.allowed)
                and not self._is_in(uid, found.denied)
            )
        return self._known[key]

    def _is_in(self, uid: str, clauses: Iterable[_Clause]) -> bool:
        above, type_name = self._members.above(uid), self._members.directory[uid].type
        return any(
            type_name in types and (group is None or group in above) for types, group in clauses
        )
