"""Rego with the policies as data under their best key, and one small module that reads them.

This is what Rego's engines do well: a rule for each policy makes them read every rule. Two engines:
regorus (Rust, on its virtual machine) and rego-cpp (C++).
"""

from __future__ import annotations

import importlib
import json
from typing import Any, Final

from benchmarks.peers.answer import Answer, concluded
from benchmarks.peers.engine import Peer, Tells, alone, cells, key_of_ask
from benchmarks.peers.workload import Ask, Rule, Workload

ENTRY: Final = "data.bench.answer"

# One rule of Rego for each kind of policy, so that none tests for what its kind never says.
MODULE: Final = """\
package bench

import rego.v1

found := data.index[input.key]

allow contains r.name if {
    some r in found.by_role
    input.amount < r.below
    input.env in r.envs
    input.roles[r.role]
}

allow contains r.name if {
    some r in found.by_owner
    input.amount < r.below
    input.owner == input.person
}

deny contains r.name if {
    some r in found.forbidden
    input.amount >= r.at_least
    input.env in r.envs
    input.label == r.label
}

allow contains r.name if {
    some r in found.allow_band
    input.amount >= r.at_least
    input.amount < r.below
    input.env in r.envs
}

deny contains r.name if {
    some r in found.deny_band
    input.amount >= r.at_least
    input.amount < r.below
    input.env in r.envs
}

answer := {"allow": allow, "deny": deny}
"""


class _Rego(Peer):
    tells = Tells.ALL

    def __init__(self, work: Workload) -> None:
        self._shape: Final = work.shape
        self._alone: Final = {rule.name: alone(rule) for rule in work.rules}

    def given(self, ask: Ask) -> dict[str, object]:
        return {
            "key": key_of_ask(self._shape, ask),
            "amount": ask.amount,
            "env": ask.env,
            "label": ask.label,
            "roles": dict.fromkeys(sorted(ask.person_roles), True),
            "owner": ask.resource_owner,
            "person": ask.person,
        }

    def bind(self, given: dict[str, object]) -> str:
        return json.dumps(given)

    def answer(self, found: dict[str, list[str]]) -> Answer:
        """The answer from the names of the rules that held, by effect."""
        return concluded([self._alone[name] for name in found["deny"] or found["allow"]])


class Regorus(_Rego):
    name = "regorus RVM, indexed data"
    package = "gordon-to-regorus"
    idiom = "policies as data by key; compiled for the virtual machine; input as JSON text"

    def __init__(self, work: Workload) -> None:
        super().__init__(work)
        # Not on top of the file: it must be readable where this engine is not installed.
        regorus: Any = importlib.import_module("regorus")
        data = data_text(work)
        program = regorus.Program.compile_from_modules(data, [("bench.rego", MODULE)], [ENTRY])
        self._vm: Final = regorus.Rvm()
        self._vm.load_program(program)
        self._vm.set_data_json(data)

    def decide(self, bound: str) -> Answer:
        self._vm.set_input_json(bound)
        found = json.loads(self._vm.execute())
        return self.answer(found)


class RegoCpp(_Rego):
    name = "rego-cpp, indexed data"
    package = "regopy"
    idiom = "policies as data by key; a bundle built beforehand; input as a term"

    def __init__(self, work: Workload) -> None:
        super().__init__(work)
        regopy: Any = importlib.import_module("regopy")
        self._rego: Final = regopy.Interpreter()
        self._rego.add_module("bench", MODULE)
        self._rego.add_data_json(data_text(work))
        self._bundle: Final = self._rego.build(ENTRY)

    def decide(self, bound: str) -> Answer:
        self._rego.set_input_term(bound)
        found = json.loads(str(self._rego.query_bundle(self._bundle)))["expressions"][0]
        return self.answer(found)


def data_text(work: Workload) -> str:
    """The rules as JSON: by key, then by kind."""
    index: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for key, rules in cells(work).items():
        kinds = index.setdefault(key, {})
        for rule in rules:
            kinds.setdefault(_kind(rule), []).append(
                {
                    "name": rule.name,
                    "below": rule.below,
                    "at_least": rule.at_least,
                    "envs": rule.envs,
                    "role": rule.role,
                    "label": rule.label,
                }
            )
    return json.dumps({"index": index})


def _kind(rule: Rule) -> str:
    if rule.role is not None:
        return "by_role"
    if rule.is_owners:
        return "by_owner"
    if rule.label is not None:
        return "forbidden"
    return "deny_band" if rule.denies else "allow_band"


__all__ = ["RegoCpp", "Regorus", "data_text"]
