"""The engine of this project on the workload: policies as Charter text, requests as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from benchmarks.peers.answer import Answer
from benchmarks.peers.workload import ENVS, LABELS, Ask, Rule, Workload
from pdp import Engine, Request
from pdp.eval import reference
from pdp.eval.facts import BoundRequest
from pdp.model import Decision

# A file may have 1 MiB; these stay well below.
_FILE_CHARS: Final = 800_000
_NOW_US: Final = 1_772_445_600_000_000  # 2026-03-02T10:00:00Z


class Charter:
    """``decide`` takes what ``bind`` makes. ``chain`` is 1 (a person) or 2 (an agent for one)."""

    name: Final = "charter-pdp"

    def __init__(self, work: Workload) -> None:
        self.engine: Final = Engine(files(work), clock=lambda: _NOW_US)
        # The engine's own method: a method around it would be measured too.
        self.decide: Final[Callable[[BoundRequest], Decision]] = self.engine.decide

    def bind(self, ask: Ask, chain: int) -> BoundRequest:
        """The request, bound as ``Engine.bind`` does it."""
        return self.engine.bind(request_of(ask, chain))

    def answer(self, decision: Decision) -> Answer:
        return answer_of(decision)

    def reference(self, ask: Ask, chain: int) -> Answer:
        """What the reference interpreter says; it reads every rule, and so takes its time."""
        engine = self.engine
        request = request_of(ask, chain)
        decision = reference.decide(engine.checked, engine.directory, request, _NOW_US)
        return answer_of(decision)


def answer_of(decision: Decision) -> Answer:
    rules = tuple(rule.rule for rule in decision.rules)
    return decision.effect.value, rules, decision.attribution.policy_owners


def request_of(ask: Ask, chain: int) -> Request:
    """The request: of the person alone, or of an agent on behalf of the person."""
    person: dict[str, object] = {
        "type": "User",
        "id": ask.person,
        "attributes": {"roles": sorted(ask.person_roles)},
    }
    agent: dict[str, object] = {
        "type": "Agent",
        "id": "agent7",
        "attributes": {"roles": sorted(ask.agent_roles), "owner": ask.person},
    }
    members = {
        "principal": person if chain == 1 else agent,
        "on_behalf_of": [] if chain == 1 else [person],
        "action": f"bench.{ask.action}",
        "args": {"amount": ask.amount},
        "resource": {
            "type": ask.resource_type,
            "id": "r1",
            "attributes": {
                "owner": ask.resource_owner,
                "label": ask.label,
                "tenant": ask.tenant,
            },
        },
        "context": {"env": ask.env},
    }
    return Request.from_json(json.dumps(members))


# ---------------------------------------------------------------- policies as text


def files(work: Workload) -> dict[str, bytes]:
    """The workload as the files of a bundle."""
    found = {"schema.charter": _schema(work).encode()}
    part: list[str] = []
    length = 0
    for text in _policies(work):
        if length + len(text) > _FILE_CHARS:
            found[f"rules{len(found)}.charter"] = "\n".join(part).encode()
            part, length = [], 0
        part.append(text)
        length += len(text) + 1
    found[f"rules{len(found)}.charter"] = "\n".join(part).encode()
    return found


def _schema(work: Workload) -> str:
    types_by_action: dict[str, list[str]] = {}
    for action, resource_type in work.targets:
        types_by_action.setdefault(action, []).append(resource_type)
    types = dict.fromkeys(resource_type for _, resource_type in work.targets)
    lines = [
        'bundle bench { version "1" language 1 owner "o" contact "#o" governs bench }',
        f"enum Env {{ {', '.join(ENVS)} }}",
        f"enum Label {{ {', '.join(LABELS)} }}",
        "context { env: Env }",
        "entity User person { roles: set<string>[0..16] }",
        "entity Agent agent { owner: User, roles: set<string>[0..16] }",
        *(f"entity {name} {{ owner: User, label: Label, tenant: string }}" for name in types),
        *(
            f"action bench.{action} on {', '.join(on)} reversible risk low {{ amount: int }}"
            for action, on in types_by_action.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _policies(work: Workload) -> Iterator[str]:
    groups: dict[str, list[Rule]] = {}
    for rule in work.rules:
        groups.setdefault(rule.group, []).append(rule)
    all_types = sorted({resource_type for _, resource_type in work.targets})
    for name, rules in groups.items():
        head = f'policy {name} "{name}" {{ owner "{rules[0].owner}" contact "#c" reason "r"'
        yield "\n".join([head, *(_rule(rule, all_types) for rule in rules), "}"])


def _rule(rule: Rule, all_types: Iterable[str]) -> str:
    effect = "deny" if rule.denies else "allow"
    because = ' because "no"' if rule.denies else ""
    if rule.action is None:
        target = f"any action on {', '.join(all_types)}"
    else:
        target = f"bench.{rule.action} on {rule.resource_type}"
    name = rule.name.partition(".")[2]
    condition = " and ".join(_conjuncts(rule))
    return f"    rule {name}: {effect} User, Agent to {target} when {condition}{because}"


def _conjuncts(rule: Rule) -> Iterator[str]:
    if rule.tenant is not None:
        yield f'resource.tenant == "{rule.tenant}"'
    if rule.at_least is not None:
        yield f"args.amount >= {rule.at_least}"
    if rule.below is not None:
        yield f"args.amount < {rule.below}"
    if len(rule.envs) == 1:
        yield f"context.env == {rule.envs[0]}"
    elif rule.envs:
        yield f"context.env in [{', '.join(rule.envs)}]"
    if rule.label is not None:
        yield f"resource.label == {rule.label}"
    if rule.role is not None:
        yield f'"{rule.role}" in principal.roles'
    if rule.is_owners:
        yield "has user and resource.owner == user"


__all__ = ["Charter", "answer_of", "files", "request_of"]
