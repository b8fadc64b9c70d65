"""The reference meaning of routes: what they require, and who could fill it. Never fast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pdp import canonical
from pdp.eval.reference.facts import type_name, wire_tree
from pdp.eval.reference.risk import HIGH
from pdp.eval.reference.rules import Case
from pdp.eval.reference.terms import Err, evaluate, in_group, truth
from pdp.lang.checked import CheckedNeed, Route
from pdp.model import ApprovalRequirement, Escalation, Need

_DECIDE_WITHIN_S: Final = 24 * 3600
_USE_WITHIN_S: Final = 3600


@dataclass(frozen=True, slots=True)
class _Stated:
    """A need and the route that states it."""

    route: Route
    need: CheckedNeed


def requirement(case: Case, names: Iterable[str]) -> ApprovalRequirement:
    """The join of the named routes for this request."""
    routes = [case.checked.routes[name] for name in sorted(set(names))]
    return ApprovalRequirement(
        routes=tuple(route.name for route in routes),
        needs=_needs(routes),
        exclude=_exclude(routes),
        decide_within_s=min(_decide_within_s(route) for route in routes),
        use_within_s=_use_within_s(routes),
        show=tuple(sorted({shown for route in routes for shown in _shown(route, case)})),
        confirm_user=any(route.confirm_user for route in routes),
        escalations=tuple(
            sorted({step for route in routes for step in _steps(route, case, routes)})
        ),
    )


def _needs(routes: Sequence[Route]) -> tuple[Need, ...]:
    needs = [need for route in routes for need in route.needs]
    keys = sorted({(need.group, need.where_text) for need in needs})
    return tuple(
        Need(*key, max(n.count for n in needs if (n.group, n.where_text) == key)) for key in keys
    )


def _exclude(routes: Sequence[Route]) -> tuple[str, ...]:
    return tuple(sorted({who for route in routes for who in route.exclude}))


def _decide_within_s(route: Route) -> int:
    return _DECIDE_WITHIN_S if route.expires_s is None else route.expires_s


def _use_within_s(routes: Sequence[Route]) -> int:
    return min(
        _USE_WITHIN_S if route.use_within_s is None else route.use_within_s for route in routes
    )


def _steps(route: Route, case: Case, base: Sequence[Route]) -> Iterable[Escalation]:
    """What the route turns into as time passes: the base joined with the route then reached.

    All times count from the request; the time to decide is that of the route then reached.
    """
    after_s = 0
    while route.escalate is not None:
        name, later_s = route.escalate
        route = case.checked.routes[name]
        after_s += later_s
        joined = [*base, route]
        yield Escalation(
            after_s=after_s,
            route=name,
            needs=_needs(joined),
            exclude=_exclude(joined),
            decide_within_s=_decide_within_s(route),
            use_within_s=_use_within_s(joined),
            confirm_user=any(r.confirm_user for r in joined),
        )


def can_be_filled(case: Case, required: ApprovalRequirement) -> bool:
    """Whether distinct eligible people of the directory fill every need: tries every seating.

    A confirmation fills no need; it takes a person at the end of the chain.
    """
    if required.confirm_user and "user" not in case.scope.roots:
        return False
    places: list[frozenset[str]] = []
    for need, people in eligible(case, required):
        places.extend([people] * need.count)
    return _can_seat(places, frozenset())


def eligible(case: Case, required: ApprovalRequirement) -> Iterator[tuple[Need, frozenset[str]]]:
    """For each need, everyone of the directory who could fill it; nobody is seated yet."""
    excluded = _excluded(case, required)
    routes = [case.checked.routes[name] for name in required.routes]
    for need in required.needs:
        stated = next(
            _Stated(route, checked_need)
            for route in routes
            for checked_need in route.needs
            if (checked_need.group, checked_need.where_text) == (need.group, need.where)
        )
        yield (
            need,
            frozenset(
                uid
                for uid in case.world.directory
                if uid not in excluded and _is_eligible(uid, stated, case)
            ),
        )


def _can_seat(places: Sequence[frozenset[str]], seated: frozenset[str]) -> bool:
    if not places:
        return True
    return any(_can_seat(places[1:], seated | {person}) for person in places[0] - seated)


def _is_eligible(uid: str, stated: _Stated, case: Case) -> bool:
    need = stated.need
    if not case.checked.schema.entities[type_name(uid)].is_person:
        return False
    if in_group(uid, need.group, stated.route.span, case.world) is not True:
        return False
    if need.where is None:
        return True
    scope = replace(case.scope, roots={**case.scope.roots, "approver": uid})
    return truth(need.where, scope) is True


def _excluded(case: Case, required: ApprovalRequirement) -> set[str]:
    excluded: set[str] = set()
    known = case.world.known
    members = [uid for uid in case.chain if uid in known]
    if "requester" in required.exclude:
        excluded.update(case.chain)
    is_grave = not case.action.reversible or (case.risk is not None and case.risk.rank >= HIGH)
    if "owner" in required.exclude or is_grave:
        agents = [uid for uid in members if case.checked.schema.entities[type_name(uid)].is_agent]
        owners = [known[uid].attributes.get("owner") for uid in agents]
        excluded.update(owner for owner in owners if isinstance(owner, str))
    if "same_team" in required.exclude:
        teams = {group for uid in members for group in known[uid].groups}
        excluded.update(uid for uid in known if teams & set(known[uid].groups))
    return excluded


def _shown(route: Route, case: Case) -> Iterable[tuple[str, str | None]]:
    for label, path in route.show:
        value = evaluate(path, case.scope)
        if isinstance(value, Err):
            yield label, None
        else:
            yield label, canonical.write(wire_tree(value, path.type))


__all__ = ["can_be_filled", "eligible", "requirement"]
