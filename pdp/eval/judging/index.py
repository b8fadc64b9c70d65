"""Which rules can matter to an action and resource type: prepared at load, no fact enters."""

from __future__ import annotations

from typing import Final, TypeAlias

from pdp.lang.checked import CheckedPolicies, Rule
from pdp.lang.packing.compact import heads_of
from pdp.lang.types import ActionDef
from pdp.slices import Sliced, in_slices

# An action's Charter name, and the resource type sent with it; None for an action that takes none.
Target: TypeAlias = "tuple[str, str | None]"

# Rules entered between two pauses.
_SLICE: Final = 500


def candidates(checked: CheckedPolicies) -> Sliced[dict[Target, list[int]]]:
    """The rules of each action and resource type that a request can name, sorted by rule name.

    Rules are places in ``checked.rules``. One left out is false there whatever the facts: its
    action or all its resource clauses are.
    """
    actions = checked.schema.actions
    takes = {name: _takes(action) for name, action in actions.items()}
    found: dict[Target, list[int]] = {
        (name, resource): [] for name, resources in takes.items() for resource in resources
    }
    heads = sorted(enumerate(heads_of(checked.rules)), key=lambda item: item[1].name)
    for is_last, (place, head) in in_slices(heads, _SLICE):
        for name in head.actions:
            for resource in takes[name]:
                if head.resources is None or resource in head.resources:
                    found[name, resource].append(place)
        if is_last:
            yield
    return found


def is_enforced(rule: Rule) -> bool:
    """Whether ``rule`` decides anything; a shadow rule is only watched."""
    return not rule.shadow


def _takes(action: ActionDef) -> tuple[str | None, ...]:
    return action.resources or (None,)


__all__ = ["Target", "candidates", "is_enforced"]
