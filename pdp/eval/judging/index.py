"""Which rules can matter to an action and resource type: prepared at load, no fact enters."""

from __future__ import annotations

from typing import TypeAlias

from pdp.lang.checked import CheckedPolicies, Rule
from pdp.lang.types import ActionDef

# An action's Charter name, and the resource type sent with it; None for an action that takes none.
Target: TypeAlias = "tuple[str, str | None]"


def candidates(checked: CheckedPolicies) -> dict[Target, tuple[Rule, ...]]:
    """The rules of each action and resource type that a request can name, sorted by rule name.

    A rule left out is false there whatever the facts: its action or all its resource clauses are.
    """
    actions = checked.schema.actions
    found: dict[Target, list[Rule]] = {
        (action.name, resource): [] for action in actions.values() for resource in _takes(action)
    }
    for rule in sorted(checked.rules, key=lambda rule: rule.name):
        for name in rule.actions:
            for resource in _takes(actions[name]):
                if rule.resources is None or any(
                    clause.type == resource for clause in rule.resources
                ):
                    found[name, resource].append(rule)
    return {target: tuple(rules) for target, rules in found.items()}


def fits_principal(rule: Rule, principal_type: str) -> bool:
    """Whether some WHO clause of ``rule`` is for principals of that type."""
    return any(principal_type in clause.types for clause in rule.who)


def is_enforced(rule: Rule) -> bool:
    """Whether ``rule`` decides anything; a shadow rule is only watched."""
    return not rule.shadow


def _takes(action: ActionDef) -> tuple[str | None, ...]:
    return action.resources or (None,)


__all__ = ["Target", "candidates", "fits_principal", "is_enforced"]
