"""What an adapter is, and the parts that several of them share."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Final

from benchmarks.peers.answer import ALLOW, DENY, Answer
from benchmarks.peers.workload import Ask, Rule, Shape, Workload


class Tells(enum.Enum):
    """How much of the answer an engine can give."""

    ALL = "all determining rules"
    ONE = "one determining rule"
    EFFECT = "the effect only"


class Peer(ABC):
    """One engine with the policies of one workload loaded.

    ``given`` makes what a caller holds in its hands, ``bind`` turns that into what the engine likes
    best, and ``decide`` is what is measured. Answers hold as much as ``tells`` says.
    """

    name: ClassVar[str]
    package: ClassVar[str]
    tells: ClassVar[Tells]
    idiom: ClassVar[str]

    @abstractmethod
    def __init__(self, work: Workload) -> None:
        """Load. Raises ImportError where the engine is not installed."""

    @abstractmethod
    def given(self, ask: Ask) -> Any: ...

    @abstractmethod
    def bind(self, given: Any) -> Any: ...

    @abstractmethod
    def decide(self, bound: Any) -> Answer: ...


ALWAYS: Final = "*"


def key_of_rule(rule: Rule) -> str:
    """The best key of an index over the rules: what every request that meets the rule has."""
    if rule.action is None:
        return ALWAYS
    parts = [rule.action, str(rule.resource_type)]
    return "/".join(parts if rule.tenant is None else [*parts, rule.tenant])


def key_of_ask(shape: Shape, ask: Ask) -> str:
    """The key under which the rules for ``ask`` are found."""
    if shape is Shape.WILDCARD:
        return ALWAYS
    parts = [ask.action, ask.resource_type]
    return "/".join([*parts, ask.tenant] if shape is Shape.TENANT else parts)


def cells(work: Workload) -> dict[str, list[Rule]]:
    """The rules by their best key, each list sorted by name."""
    found: dict[str, list[Rule]] = {}
    for rule in sorted(work.rules, key=lambda rule: rule.name):
        found.setdefault(key_of_rule(rule), []).append(rule)
    return found


def alone(rule: Rule) -> tuple[bool, Answer]:
    """Whether ``rule`` denies, and the answer if it alone holds."""
    return rule.denies, (DENY if rule.denies else ALLOW, (rule.name,), (rule.owner,))


def agrees(tells: Tells, answer: Answer, expected: Answer) -> bool:
    """Whether ``answer`` is right as far as it can tell."""
    if tells is Tells.ALL:
        return answer == expected
    if answer[0] != expected[0]:
        return False
    return tells is Tells.EFFECT or set(answer[1]) <= set(expected[1])


__all__ = [
    "Peer",
    "Tells",
    "agrees",
    "alone",
    "cells",
    "key_of_ask",
    "key_of_rule",
]
