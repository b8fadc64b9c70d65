"""Approval requirements: their join, and whether people can fill them. Pure; knows no policies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from msgspec.structs import replace

from pdp.model import ApprovalRequirement, Escalation, Need


def join(requirements: Iterable[ApprovalRequirement]) -> ApprovalRequirement | None:
    """The least requirement that is as strict as each one given; None when none is given.

    Routes, exclusions and what to show are united; needs are keyed by (group, where) and take the
    larger count; both clocks take the shorter time; one confirmation asked is asked. Escalations
    are united, each joined with what is required before it (see ``escalated``). Order, grouping
    and repetition do not matter. The result is in normal form: every part sorted, nothing twice.
    Source: approvals, "Joins".
    """
    given = tuple(requirements)
    if not given:
        return None
    joined = ApprovalRequirement(
        routes=_union(requirement.routes for requirement in given),
        needs=_needs(need for requirement in given for need in requirement.needs),
        exclude=_union(requirement.exclude for requirement in given),
        decide_within_s=min(requirement.decide_within_s for requirement in given),
        use_within_s=min(requirement.use_within_s for requirement in given),
        show=_show(shown for requirement in given for shown in requirement.show),
        confirm_user=any(requirement.confirm_user for requirement in given),
    )
    escalations = [step for requirement in given for step in requirement.escalations]
    return replace(joined, escalations=_escalations(escalations, joined)) if escalations else joined


def escalated(base: ApprovalRequirement, route: ApprovalRequirement, after_s: int) -> Escalation:
    """What is required ``after_s`` seconds after the request: ``base`` and one more route.

    The time to decide is that route's own. Earlier approvals count, so nothing is asked twice.
    """
    (name,) = route.routes
    return Escalation(
        after_s=after_s,
        route=name,
        needs=_needs((*base.needs, *route.needs)),
        exclude=_union((base.exclude, route.exclude)),
        decide_within_s=route.decide_within_s,
        use_within_s=min(base.use_within_s, route.use_within_s),
        confirm_user=base.confirm_user or route.confirm_user,
    )


def fillable(needs: Iterable[Need], eligible: Callable[[Need], Collection[str]]) -> bool:
    """Whether distinct people fill every need: one person fills one place of one need.

    ``eligible`` gives the uids of everyone who may fill a need. Matching by augmenting paths: each
    place takes a free person, or moves those who sit where it wants to sit.
    """
    places: list[Sequence[str]] = []
    for need in needs:
        people = sorted(eligible(need))
        if len(people) < need.count:
            return False
        places.extend([people] * need.count)
    seated: dict[str, int] = {}
    return all(_seat(place, places, seated, set()) for place in range(len(places)))


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


def _union(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({item for part in parts for item in part}))


def _needs(needs: Iterable[Need]) -> tuple[Need, ...]:
    counts: dict[tuple[str, str], int] = {}
    for need in needs:
        key = (need.group, need.where)
        counts[key] = max(need.count, counts.get(key, 0))
    return tuple(Need(*key, count) for key, count in sorted(counts.items()))


def _escalations(steps: Iterable[Escalation], base: ApprovalRequirement) -> tuple[Escalation, ...]:
    """By time and route: steps of one key are one, and each asks for all that ``base`` does."""
    by_key: dict[tuple[int, str], list[Escalation]] = {}
    for step in steps:
        by_key.setdefault((step.after_s, step.route), []).append(step)
    return tuple(
        Escalation(
            after_s=after_s,
            route=route,
            needs=_needs([*base.needs, *(need for step in same for need in step.needs)]),
            exclude=_union([base.exclude, *(step.exclude for step in same)]),
            decide_within_s=min(step.decide_within_s for step in same),
            use_within_s=min([base.use_within_s, *(step.use_within_s for step in same)]),
            confirm_user=base.confirm_user or any(step.confirm_user for step in same),
        )
        for (after_s, route), same in sorted(by_key.items())
    )


def _show(shown: Iterable[tuple[str, str | None]]) -> tuple[tuple[str, str | None], ...]:
    """By label. One request gives a label one value; if two ever differ, a value beats absent."""
    values: dict[str, str | None] = {}
    for label, value in shown:
        known = values.get(label)
        values[label] = value if known is None else known if value is None else min(known, value)
    return tuple(sorted(values.items()))


__all__ = ["escalated", "fillable", "join"]
