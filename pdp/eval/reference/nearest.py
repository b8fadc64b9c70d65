"""The allow rules that came closest for those whom nothing allows. Evaluates nothing itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pdp.explanation import NEAREST_MAX, Nearest, RuleOutcome


def nearest(
    chain: Iterable[str], outcomes: Collection[RuleOutcome], unsure: Collection[str]
) -> tuple[Nearest, ...]:
    """For each member of the chain that no allow rule held for, those that lack least.

    A member of ``unsure`` has allow rules that are not among ``outcomes``: of it nothing is said.
    """
    found = []
    for principal in dict.fromkeys(chain):
        allows = [
            told
            for told in outcomes
            if told.principal == principal and told.effect == "allow" and not told.shadow
        ]
        if principal in unsure or any(told.outcome == "held" for told in allows):
            continue
        # Stable: of rules that lack as much, the first written comes first.
        closest = sorted(allows, key=lambda told: told.unmet_count)[:NEAREST_MAX]
        found.append(Nearest(principal, tuple(closest)))
    return tuple(found)


__all__ = ["nearest"]
