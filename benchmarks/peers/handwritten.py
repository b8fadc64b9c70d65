"""The same policies as a Python programmer writes them for speed: a dict of tuples of lambdas.

It is the limit for this language, and so the measure for every engine here. It does what a complete
decision asks for: walks the chain, lets a deny win, and names all determining rules and owners.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from benchmarks.peers.answer import NO_ALLOW, Answer
from benchmarks.peers.engine import alone
from benchmarks.peers.workload import Ask, Rule, Shape, Workload


@dataclass(frozen=True, slots=True)
class Member:
    """Someone in the chain."""

    uid: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Bound:
    """A request whose facts are typed Python values. ``user`` is the person of the chain."""

    action: str
    resource_type: str
    tenant: str
    amount: int
    env: str
    label: str
    resource_owner: str
    user: str
    chain: tuple[Member, ...]


Condition: TypeAlias = Callable[[Bound, Member], bool]
# Whether it denies, the answer if it alone decides, its condition.
Entry: TypeAlias = "tuple[bool, Answer, Condition]"
Decide: TypeAlias = Callable[[Bound], Answer]


class HandWritten:
    """``decide`` takes what ``bind`` makes."""

    name: Final = "hand-written Python"

    def __init__(self, work: Workload) -> None:
        self.decide: Final[Decide] = _deciding(work)

    def bind(self, ask: Ask, chain: int) -> Bound:
        person = Member(ask.person, ask.person_roles)
        agent = Member("agent7", ask.agent_roles)
        return Bound(
            ask.action,
            ask.resource_type,
            ask.tenant,
            ask.amount,
            ask.env,
            ask.label,
            ask.resource_owner,
            ask.person,
            (person,) if chain == 1 else (agent, person),
        )

    def answer(self, answer: Answer) -> Answer:
        return answer


def _deciding(work: Workload) -> Decide:
    """The function for the shape: by action and type, with the tenant, or no index at all."""
    rules = sorted(work.rules, key=lambda rule: rule.name)
    entries = dict(zip((rule.name for rule in rules), _entries(rules), strict=True))
    if work.shape is Shape.WILDCARD:
        every = tuple(entries.values())
        return lambda bound: _judged(every, bound)
    index: dict[tuple[str, ...], list[Entry]] = {}
    for rule in rules:
        key = (str(rule.action), str(rule.resource_type))
        full = key if rule.tenant is None else (*key, rule.tenant)
        index.setdefault(full, []).append(entries[rule.name])
    found = {key: tuple(entries) for key, entries in index.items()}
    if work.shape is Shape.TENANT:
        return lambda bound: _judged(
            found.get((bound.action, bound.resource_type, bound.tenant), ()), bound
        )
    return lambda bound: _judged(found.get((bound.action, bound.resource_type), ()), bound)


def _judged(entries: tuple[Entry, ...], bound: Bound) -> Answer:
    denied: list[Entry] = []
    allowed: list[Entry] = []
    everyone = True
    for member in bound.chain:
        before = len(allowed)
        for entry in entries:
            if entry[2](bound, member):
                (denied if entry[0] else allowed).append(entry)
        if len(allowed) == before:
            everyone = False
    if denied:
        return _joined(denied)
    return _joined(allowed) if everyone else NO_ALLOW


def _joined(held: list[Entry]) -> Answer:
    """The answer of these entries together: one for each member at which it held."""
    first = held[0]
    if len(held) > 1:
        for entry in held:
            if entry is not first:
                names = {entry[1][1][0] for entry in held}
                owners = {entry[1][2][0] for entry in held}
                return first[1][0], tuple(sorted(names)), tuple(sorted(owners))
    return first[1]


# ---------------------------------------------------------------- the lambdas


def _entries(rules: list[Rule]) -> list[Entry]:
    """The rules as the tuples that somebody would have typed."""
    found: list[Entry] = []
    for start in range(0, len(rules), 1_000):
        lines = [
            f"({rule.denies}, {alone(rule)[1]!r}, lambda a, m: {_condition(rule)}),"
            for rule in rules[start : start + 1_000]
        ]
        text = "[\n" + "\n".join(lines) + "\n]"
        found += eval(text, {"__builtins__": {}})  # noqa: S307 - text of our own making
    return found


def _condition(rule: Rule) -> str:
    parts = []
    if rule.at_least is not None:
        parts.append(f"a.amount >= {rule.at_least}")
    if rule.below is not None:
        parts.append(f"a.amount < {rule.below}")
    if len(rule.envs) == 1:
        parts.append(f"a.env == {rule.envs[0]!r}")
    elif rule.envs:
        parts.append(f"a.env in {rule.envs!r}")
    if rule.label is not None:
        parts.append(f"a.label == {rule.label!r}")
    if rule.role is not None:
        parts.append(f"{rule.role!r} in m.roles")
    if rule.is_owners:
        parts.append("a.resource_owner == a.user")
    return " and ".join(parts)


__all__ = ["Bound", "HandWritten", "Member"]
