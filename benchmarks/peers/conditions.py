"""The conjuncts of a rule in the Common Expression Language, over flat variables."""

from __future__ import annotations

import json
from collections.abc import Sequence

from benchmarks.peers.workload import Ask, Rule


def condition(rule: Rule) -> str:
    """One CEL expression for ``rule``, without what the index has looked at already."""
    parts = []
    if rule.at_least is not None:
        parts.append(f"amount >= {rule.at_least}")
    if rule.below is not None:
        parts.append(f"amount < {rule.below}")
    if len(rule.envs) == 1:
        parts.append(f"env == {json.dumps(rule.envs[0])}")
    elif rule.envs:
        parts.append(f"env in {json.dumps(rule.envs)}")
    if rule.label is not None:
        parts.append(f"label == {json.dumps(rule.label)}")
    if rule.role is not None:
        parts.append(f"{json.dumps(rule.role)} in roles")
    if rule.is_owners:
        parts.append("owner == person")
    return " && ".join(parts)


def listed(rules: Sequence[Rule]) -> str:
    """One CEL expression for all ``rules``: a list of booleans, so one call evaluates them."""
    return f"[{', '.join(condition(rule) for rule in rules)}]"


def variables(ask: Ask) -> dict[str, object]:
    """What the expressions read."""
    return {
        "amount": ask.amount,
        "env": ask.env,
        "label": ask.label,
        "roles": sorted(ask.person_roles),
        "owner": ask.resource_owner,
        "person": ask.person,
    }


__all__ = ["condition", "listed", "variables"]
