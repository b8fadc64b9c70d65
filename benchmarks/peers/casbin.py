"""casbin's FastEnforcer with its cache on the best key: policies as rows, one matcher for all.

Numbers and sets are columns, so the matcher is parsed once and never evaluated from text. The
effect "allow and no deny" makes casbin read on after an allow; it names at most one rule and its
fast form none.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any, Final

from benchmarks.peers.answer import ALLOW, DENY, Answer
from benchmarks.peers.engine import Peer, Tells, key_of_ask, key_of_rule
from benchmarks.peers.workload import AMOUNT_MAX, ENVS, Ask, Rule, Workload

MODEL: Final = """\
[request_definition]
r = action, object, amount, env, label, roles, is_owner

[policy_definition]
p = action, object, at_least, below, envs, label, role, for_owner, eft

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = r.action == p.action && r.object == p.object && r.amount >= p.at_least && r.amount < p.below \
&& r.env in p.envs && (p.label == "" || r.label == p.label) \
&& (p.role == "" || p.role in r.roles) && (r.is_owner || !p.for_owner)
"""


class Casbin(Peer):
    name = "casbin FastEnforcer"
    package = "casbin"
    tells = Tells.EFFECT
    idiom = "rows with typed columns, one matcher, the fast cache on the best key"

    def __init__(self, work: Workload) -> None:
        # Not on top of the file: it must be readable where this engine is not installed.
        casbin: Any = importlib.import_module("casbin")
        models: Any = importlib.import_module("casbin.model")

        logging.getLogger("casbin").setLevel(logging.ERROR)
        self._shape: Final = work.shape
        # The fast cache wants two columns.
        model = models.FastModel([0, 1])
        model.load_model_from_text(MODEL)
        self._enforcer: Final = casbin.FastEnforcer(model, cache_key_order=[0, 1])
        # As adapters of casbin do it: `add_policy` takes texts only.
        rows = self._enforcer.model.model["p"]["p"].policy
        for rule in work.rules:
            rows.append(_row(rule))

    def given(self, ask: Ask) -> tuple[Any, ...]:
        return (
            *_columns(key_of_ask(self._shape, ask)),
            ask.amount,
            ask.env,
            ask.label,
            ask.person_roles,
            ask.resource_owner == ask.person,
        )

    def bind(self, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return given

    def decide(self, bound: tuple[Any, ...]) -> Answer:
        return ALLOW if self._enforcer.enforce(*bound) else DENY, (), ()


def _columns(key: str) -> tuple[str, str]:
    action, _, of = key.partition("/")
    return action, of


def _row(rule: Rule) -> list[Any]:
    return [
        *_columns(key_of_rule(rule)),
        rule.at_least or 0,
        rule.below or AMOUNT_MAX,
        rule.envs or ENVS,
        rule.label or "",
        rule.role or "",
        rule.is_owners,
        "deny" if rule.denies else "allow",
    ]


__all__ = ["Casbin"]
