"""Routes made ready for one action and resource type: who may approve, and what they are shown.

The join and the matching are those of ``pdp.approvals.requirement``; here are the facts for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from pdp.approvals.requirement import escalated, fillable, join
from pdp.eval.compiling.places import Places
from pdp.eval.compiling.values import Read, Test, compile_test, compile_value
from pdp.eval.consequences.shown import shown_text
from pdp.eval.emit.paths import Scope
from pdp.eval.facts import BoundRequest, Facts, attribute_name
from pdp.eval.runtime import EvalError
from pdp.lang.checked import Attr, Root, Route
from pdp.lang.types import RISK, Type
from pdp.model import ApprovalRequirement, Need

DECIDE_WITHIN_DEFAULT_S: Final = 86_400
USE_WITHIN_DEFAULT_S: Final = 3_600
# From this risk tier on, an agent's owner may not approve what the agent does.
GRAVE: Final = RISK.members.index("high")
_OWNER: Final = attribute_name("owner")


class Requirement:
    """The joined requirement of some routes. Immutable; made once, asked per request."""

    __slots__ = (
        "_is_owner_barred",
        "_is_same_team_barred",
        "_joined",
        "_schema",
        "_shown",
        "_tests",
        "_tier",
    )

    def __init__(
        self,
        names: Iterable[str],
        routes: Mapping[str, Route],
        scope: Scope,
        places: Places,
        tier: int,
    ) -> None:
        """``names`` are the routes required, of all ``routes``; ``tier`` is its rank in Risk."""
        required = [routes[name] for name in sorted(set(names))]
        joined = required_of(required, routes)
        self._joined: Final = joined
        self._tier: Final = tier
        self._schema: Final = scope.schema
        self._tests: Final[dict[tuple[str, str], Test]] = {}
        self._shown: Final[dict[str, tuple[Read, Type]]] = {}
        for route in required:
            for need in route.needs:
                # One key, one condition: equal text in one program means the same.
                if need.where is not None:
                    self._tests[need.group, need.where_text] = compile_test(
                        need.where, scope, places
                    )
            for label, path in route.show:
                self._shown[label] = (compile_value(path, scope, places), _type(path, scope))
        # An agent's owner never signs what is grave or cannot be undone, whatever the routes say.
        self._is_owner_barred: Final = (
            "owner" in joined.exclude or not scope.action.reversible or tier >= GRAVE
        )
        self._is_same_team_barred: Final = "same_team" in joined.exclude

    def is_fillable(self, bound: BoundRequest, now_us: int) -> bool:
        """Whether distinct eligible people of the directory can fill every need.

        And, where the last person in the chain is to confirm, whether there is one. That fills no
        need. What is required after an escalation is not looked at.
        """
        if self._joined.confirm_user and bound.user is None:
            return False
        barred = self._barred(bound)
        barred_groups = self._barred_groups(bound)

        def eligible(need: Need) -> list[str]:
            test = self._tests.get((need.group, need.where))
            return [
                person.uid
                for person in self._people(bound, need.group)
                if person.uid not in barred
                and barred_groups.isdisjoint(person.groups)
                and (test is None or test(bound, person.uid, now_us, self._tier))
            ]

        return fillable(self._joined.needs, eligible)

    def of(self, bound: BoundRequest, now_us: int) -> ApprovalRequirement:
        """The requirement with the values that approvers of this request are shown."""
        if not self._shown:
            return self._joined
        shown = [
            (label, _shown_value(read, type_, bound, now_us, self._tier))
            for label, (read, type_) in sorted(self._shown.items())
        ]
        return replace(self._joined, show=tuple(shown))

    def _people(self, bound: BoundRequest, group: str) -> list[Facts]:
        """The people of the directory that are ``group`` or below it for certain."""
        directory = bound.directory
        completed = bound.entities
        people = [person for person in directory.people_below(group) if person.uid not in completed]
        # What the request describes can complete the ancestors of a directory entry.
        people += [
            facts
            for uid, facts in completed.items()
            if uid in directory.facts
            and group in facts.ancestors
            and self._schema.entities[facts.type].is_person
        ]
        return people

    def _barred(self, bound: BoundRequest) -> set[str]:
        """Whom the exclusions name: everyone in the chain, and the owners of its agents."""
        barred = set(bound.chain)
        if self._is_owner_barred:
            for uid, type_name in zip(bound.chain, bound.chain_types, strict=True):
                facts = bound.lookup(uid)
                if facts is not None and self._schema.entities[type_name].is_agent:
                    owner: Any = getattr(facts.attributes, _OWNER, UNSET)
                    if owner is not UNSET:
                        barred.add(owner)
        return barred

    def _barred_groups(self, bound: BoundRequest) -> frozenset[str]:
        """The direct groups of the chain, if whoever shares one is excluded."""
        if not self._is_same_team_barred:
            return frozenset()
        known = [bound.lookup(uid) for uid in bound.chain]
        return frozenset(group for facts in known if facts is not None for group in facts.groups)


def required_of(required: Iterable[Route], routes: Mapping[str, Route]) -> ApprovalRequirement:
    """The join of the ``required`` routes, and of all that with each route they escalate to.

    The escalations of an escalation follow, counted from the request.
    """
    required = tuple(required)
    base = join([_requirement(route) for route in required])
    if base is None:
        raise AssertionError("a requirement without routes")
    steps = {
        (after_s, name): escalated(base, _requirement(routes[name]), after_s)
        for route in required
        for name, after_s in _steps(route, routes)
    }
    return replace(base, escalations=tuple(steps[key] for key in sorted(steps)))


def _steps(route: Route, routes: Mapping[str, Route]) -> Iterator[tuple[str, int]]:
    """The routes that ``route`` escalates to in turn, and after how long; the checker ends it."""
    total_s = 0
    step = route.escalate
    while step is not None:
        name, after_s = step
        total_s += after_s
        yield name, total_s
        step = routes[name].escalate


def _requirement(route: Route) -> ApprovalRequirement:
    return ApprovalRequirement(
        routes=(route.name,),
        needs=tuple(Need(need.group, need.where_text, need.count) for need in route.needs),
        exclude=route.exclude,
        decide_within_s=DECIDE_WITHIN_DEFAULT_S if route.expires_s is None else route.expires_s,
        use_within_s=USE_WITHIN_DEFAULT_S if route.use_within_s is None else route.use_within_s,
        confirm_user=route.confirm_user,
    )


def _type(path: Attr | Root, scope: Scope) -> Type:
    # The declared type is that of a root such as args in every action; only this one's is shown.
    narrowed = scope.type_of(path)
    return path.type if narrowed is None else narrowed


def _shown_value(
    read: Read, type_: Type, bound: BoundRequest, now_us: int, tier: int
) -> str | None:
    try:
        value = read(bound, "", now_us, tier)
    except EvalError:
        return None
    return shown_text(value, type_)


__all__ = ["DECIDE_WITHIN_DEFAULT_S", "USE_WITHIN_DEFAULT_S", "Requirement", "required_of"]
