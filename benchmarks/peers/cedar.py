"""Cedar through cedarpy: a parsed policy set, entities parsed beforehand for each request."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.peers.answer import ALLOW, Answer, concluded
from benchmarks.peers.engine import Peer, Tells, alone
from benchmarks.peers.workload import Ask, Rule, Workload


class Cedar(Peer):
    name = "Cedar, parsed set"
    package = "cedarpy"
    tells = Tells.ALL
    idiom = "scopes name action and resource type; policy set and entities parsed beforehand"

    def __init__(self, work: Workload) -> None:
        # Not on top of the file: it must be readable where this engine is not installed.
        cedarpy: Any = importlib.import_module("cedarpy")
        self._cedar: Final = cedarpy
        # A set that is parsed from one text names its policies by their place in it.
        self._alone: Final = {
            f"policy{place}": alone(rule) for place, rule in enumerate(work.rules)
        }
        self._policies: Final = cedarpy.PolicySet.from_str(
            "\n".join(policy(rule) for rule in work.rules)
        )

    def given(self, ask: Ask) -> tuple[dict[str, Any], str]:
        person = {"type": "User", "id": ask.person}
        resource = {"type": ask.resource_type, "id": "r1"}
        request = {
            "principal": person,
            "action": {"type": "Action", "id": ask.action},
            "resource": resource,
            "context": {"amount": ask.amount, "env": ask.env},
        }
        owner = {"__entity": {"type": "User", "id": ask.resource_owner}}
        attributes = {"owner": owner, "label": ask.label, "tenant": ask.tenant}
        entities = [
            {"uid": person, "attrs": {"roles": sorted(ask.person_roles)}, "parents": []},
            {"uid": resource, "attrs": attributes, "parents": []},
        ]
        return request, json.dumps(entities)

    def bind(self, given: tuple[dict[str, Any], str]) -> tuple[dict[str, Any], Any]:
        request, entities = given
        return request, self._cedar.Entities.from_json_str(entities)

    def decide(self, bound: tuple[dict[str, Any], Any]) -> Answer:
        request, entities = bound
        found = self._cedar.is_authorized(request, self._policies, entities)
        answer = concluded([self._alone[place] for place in found.diagnostics.reasons])
        if found.allowed is not (answer[0] == ALLOW):
            raise AssertionError("Cedar's reasons are not of its decision")
        return answer


def policy(rule: Rule) -> str:
    """The rule in Cedar."""
    effect = "forbid" if rule.denies else "permit"
    action, resource = "action", "resource"
    if rule.action is not None:
        action = f'action == Action::"{rule.action}"'
        resource = f"resource is {rule.resource_type}"
    condition = " && ".join(_conjuncts(rule))
    return f"{effect} (principal, {action}, {resource}) when {{ {condition} }};"


def _conjuncts(rule: Rule) -> Iterator[str]:
    if rule.tenant is not None:
        yield f'resource.tenant == "{rule.tenant}"'
    if rule.at_least is not None:
        yield f"context.amount >= {rule.at_least}"
    if rule.below is not None:
        yield f"context.amount < {rule.below}"
    if len(rule.envs) == 1:
        yield f'context.env == "{rule.envs[0]}"'
    elif rule.envs:
        yield f"{json.dumps(rule.envs)}.contains(context.env)"
    if rule.label is not None:
        yield f'resource.label == "{rule.label}"'
    if rule.role is not None:
        yield f'principal.roles.contains("{rule.role}")'
    if rule.is_owners:
        yield "resource.owner == principal"


__all__ = ["Cedar", "policy"]
