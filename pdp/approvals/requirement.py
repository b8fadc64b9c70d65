"""Approval requirements: their join, and whether people can fill them. Pure; knows no policies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from pdp.model import ApprovalRequirement, Need


def join(requirements: Iterable[ApprovalRequirement]) -> ApprovalRequirement | None:
    """The least requirement that is as strict as each one given; None when none is given.

    Routes, exclusions and what to show are united; needs are keyed by (group, where) and take the
    larger count; both clocks take the shorter time. Order, grouping and repetition do not matter.
    The result is in normal form: every part sorted, nothing twice. Source: approvals, "Joins".
    """
    given = tuple(requirements)
    if not given:
        return None
    return ApprovalRequirement(
        routes=_union(requirement.routes for requirement in given),
        needs=_needs(need for requirement in given for need in requirement.needs),
        exclude=_union(requirement.exclude for requirement in given),
        decide_within_s=min(requirement.decide_within_s for requirement in given),
        use_within_s=min(requirement.use_within_s for requirement in given),
        show=_show(shown for requirement in given for shown in requirement.show),
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


def _show(shown: Iterable[tuple[str, str | None]]) -> tuple[tuple[str, str | None], ...]:
    """By label. One request gives a label one value; if two ever differ, a value beats absent."""
    values: dict[str, str | None] = {}
    for label, value in shown:
        known = values.get(label)
        values[label] = value if known is None else known if value is None else min(known, value)
    return tuple(sorted(values.items()))


__all__ = ["fillable", "join"]
