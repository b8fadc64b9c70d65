"""Microsoft's agent-governance-toolkit: its declarative policy engine, where a deny overrides.

Its conditions know neither sets nor two fields beside each other, so the caller states roles as
booleans and says itself whether the person owns the resource.
"""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.peers.answer import NO_ALLOW, Answer
from benchmarks.peers.engine import Peer, Tells, alone
from benchmarks.peers.workload import Ask, Rule, Workload


class Toolkit(Peer):
    name = "Microsoft agent-governance-toolkit"
    package = "agent-governance-toolkit-core"
    tells = Tells.ONE
    idiom = "one policy, deny_overrides, the most selective comparison first in each rule"

    def __init__(self, work: Workload) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            # Not on top of the file: it must be readable where this engine is not installed.
            policy: Any = importlib.import_module("agentmesh.governance.policy")
        self._alone: Final = {rule.name: alone(rule)[1] for rule in work.rules}
        self._engine: Final = policy.PolicyEngine(conflict_strategy="deny_overrides")
        rules = [
            policy.PolicyRule(
                name=rule.name,
                condition=" and ".join(_conjuncts(rule)),
                action="deny" if rule.denies else "allow",
            )
            for rule in work.rules
        ]
        self._engine.load_policy(
            policy.Policy(name="bench", agents=["*"], rules=rules, default_action="deny")
        )

    def given(self, ask: Ask) -> dict[str, Any]:
        return {
            "action": ask.action,
            "resource_type": ask.resource_type,
            "tenant": ask.tenant,
            "amount": ask.amount,
            "env": ask.env,
            "label": ask.label,
            "roles": dict.fromkeys(ask.person_roles, True),
            "is_owner": ask.resource_owner == ask.person,
        }

    def bind(self, given: dict[str, Any]) -> dict[str, Any]:
        return given

    def decide(self, bound: dict[str, Any]) -> Answer:
        found = self._engine.evaluate("did:mesh:bench", bound)
        return NO_ALLOW if found.matched_rule is None else self._alone[found.matched_rule]


def _conjuncts(rule: Rule) -> Iterator[str]:
    if rule.tenant is not None:
        yield f"tenant == '{rule.tenant}'"
    if rule.action is not None:
        yield f"action == '{rule.action}'"
        yield f"resource_type == '{rule.resource_type}'"
    if rule.at_least is not None:
        yield f"amount >= {rule.at_least}"
    if rule.below is not None:
        yield f"amount < {rule.below}"
    if rule.envs:
        yield f"env in {json.dumps(rule.envs)}"
    if rule.label is not None:
        yield f"label == '{rule.label}'"
    if rule.role is not None:
        yield f"roles.{rule.role}"
    if rule.is_owners:
        yield "is_owner"


__all__ = ["Toolkit"]
