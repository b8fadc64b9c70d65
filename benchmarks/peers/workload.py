"""What every engine is asked: rules as plain data, and requests. The same seed gives the same.

A rule is a list of conjuncts, so each engine can say it in its own words. Amounts are whole cents.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

AMOUNT_MAX: Final = 100_000
ENVS: Final = ("dev", "test", "staging", "prod")
LABELS: Final = ("public", "internal", "secret")
ROLES: Final = tuple(f"role{number}" for number in range(12))
PEOPLE: Final = tuple(f"person{number}" for number in range(200))
SPREAD: Final = 2_048
HOT: Final = 64

_TYPES_MAX: Final = 20
_MEETS_FIRST: Final = 0.6
_MEETS_LAST: Final = 0.2
_OWNER_IS_ASKING: Final = 0.3
# How many wildcard rules hold for one amount, about, whatever N is.
_BANDS_PER_AMOUNT: Final = 4


class Shape(enum.Enum):
    """How the rules lie: over many actions, on one action by tenant, or on everything."""

    ACTIONS = "actions"
    TENANT = "tenant"
    WILDCARD = "wildcard"


# No index tells wildcard rules apart, so every engine reads all of them: more only takes longer.
SIZE_MAX: Final = {Shape.ACTIONS: 100_000, Shape.TENANT: 100_000, Shape.WILDCARD: 1_000}


@dataclass(frozen=True, slots=True)
class Rule:
    """Conjuncts; one that is None or empty says nothing. ``name`` is ``group.rule``.

    ``action`` and ``resource_type`` are None together: the rule is for everything.
    ``at_least`` <= amount < ``below``. ``owner`` answers for the rule. ``is_owners``: the person
    asking owns the resource.
    """

    name: str
    owner: str
    denies: bool
    action: str | None = None
    resource_type: str | None = None
    tenant: str | None = None
    at_least: int | None = None
    below: int | None = None
    envs: tuple[str, ...] = ()
    role: str | None = None
    label: str | None = None
    is_owners: bool = False

    @property
    def group(self) -> str:
        """The part of the name before the dot: rules of one group have one owner."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, its facts typed: what a bound request is to the engine.

    ``person`` asks; ``resource_owner`` is one too. The agent acts for the person where the chain
    has two members.
    """

    action: str
    resource_type: str
    tenant: str
    amount: int
    env: str
    label: str
    person: str
    resource_owner: str
    person_roles: frozenset[str]
    agent_roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Workload:
    """Rules and the requests to them; ``asks`` has ``SPREAD`` of them, the first ``HOT`` are hot.

    ``targets`` are all pairs of action and resource type, those of the rules and no others.
    """

    shape: Shape
    size: int
    targets: tuple[tuple[str, str], ...]
    rules: tuple[Rule, ...]
    asks: tuple[Ask, ...]


def workload(shape: Shape, size: int, seed: int = 7) -> Workload:
    """``size`` rules of ``shape``, at least 4 and an even number, and requests to them."""
    random_ = random.Random(f"{shape.value} {size} {seed}")
    if shape is Shape.WILDCARD:
        targets = _targets(10)
        rules = tuple(_bands(size, random_))
        groups = [[rule] for rule in rules]
    else:
        places = size // 2
        targets = _targets(places if shape is Shape.ACTIONS else 1)
        groups = _groups(shape, places, targets, random_)
        rules = tuple(rule for group in groups for rule in group)
    asks = tuple(_ask(random_.choice(groups), targets, random_) for _ in range(SPREAD))
    return Workload(shape, size, targets, rules, asks)


# ---------------------------------------------------------------- rules


def _targets(count: int) -> tuple[tuple[str, str], ...]:
    types = max(1, min(_TYPES_MAX, count // 5))
    return tuple((f"act{n // types}", f"Type{n % types}") for n in range(count))


def _groups(
    shape: Shape, places: int, targets: tuple[tuple[str, str], ...], random_: random.Random
) -> list[list[Rule]]:
    """One to three rules for each place, two on average and ``2 * places`` altogether."""
    sizes = [2] * places
    for low, high in zip(range(0, places - 1, 4), range(1, places, 4), strict=False):
        sizes[low], sizes[high] = 1, 3
    random_.shuffle(sizes)
    groups = []
    for place, size in enumerate(sizes):
        action, resource_type = targets[place % len(targets)]
        tenant = f"t{place}" if shape is Shape.TENANT else None
        groups.append(list(_group(place, size, (action, resource_type, tenant), random_)))
    return groups


def _group(
    place: int, size: int, where: tuple[str, str, str | None], random_: random.Random
) -> Iterator[Rule]:
    action, resource_type, tenant = where
    owner = f"team{random_.randrange(40)}@bench.example"
    kinds = ["by_role", *random_.sample(["by_owner", "forbidden"], 2)][:size]
    for kind in kinds:
        rule = Rule(
            name=f"p{place}.{kind}",
            owner=owner,
            denies=kind == "forbidden",
            action=action,
            resource_type=resource_type,
            tenant=tenant,
        )
        yield _with_conjuncts(rule, kind, random_)


def _with_conjuncts(rule: Rule, kind: str, random_: random.Random) -> Rule:
    limit = random_.randrange(1_000, AMOUNT_MAX)
    if kind == "by_role":
        envs = tuple(random_.sample(ENVS, random_.choice((2, 3))))
        return replace(rule, below=limit, envs=envs, role=random_.choice(ROLES))
    if kind == "by_owner":
        return replace(rule, below=limit, is_owners=True)
    return replace(rule, at_least=limit, envs=(random_.choice(ENVS),), label="secret")


def _bands(size: int, random_: random.Random) -> Iterator[Rule]:
    """Rules for every action: bands of amounts, one in five a deny. A few hold at a time."""
    width = max(1, AMOUNT_MAX * _BANDS_PER_AMOUNT // size)
    for number in range(size):
        denies = number % 5 == 4
        low = random_.randrange(AMOUNT_MAX)
        yield Rule(
            name=f"w{number}.band",
            owner=f"team{random_.randrange(40)}@bench.example",
            denies=denies,
            at_least=low,
            below=low + (width if not denies else max(1, width // 4)),
            envs=tuple(random_.sample(ENVS, 1 if denies else random_.choice((2, 3)))),
        )


# ---------------------------------------------------------------- requests


def _ask(group: list[Rule], targets: tuple[tuple[str, str], ...], random_: random.Random) -> Ask:
    """A request near the rules of ``group``.

    Three in five meet the first of them, one in five the last, as far as amount, environment,
    label and roles go; the others are drawn freely.
    """
    first = group[0]
    action, resource_type = random_.choice(targets)
    person = random_.choice(PEOPLE)
    roles = set(random_.sample(ROLES, random_.randrange(1, 5)))
    agent_roles = set(random_.sample(ROLES, random_.randrange(1, 5)))
    amount, env = random_.randrange(AMOUNT_MAX), random_.choice(ENVS)
    label = random_.choice(LABELS)
    draw = random_.random()
    if draw < _MEETS_FIRST + _MEETS_LAST:
        met = first if draw < _MEETS_FIRST else group[-1]
        amount = random_.randrange(met.at_least or 0, met.below or AMOUNT_MAX)
        env = random_.choice(met.envs or ENVS)
        label = met.label or label
        if met.role is not None:
            roles.add(met.role)
            agent_roles.add(met.role)
    is_owner = random_.random() < _OWNER_IS_ASKING
    return Ask(
        action=first.action or action,
        resource_type=first.resource_type or resource_type,
        tenant=first.tenant or "t0",
        amount=amount,
        env=env,
        label=label,
        person=person,
        resource_owner=person if is_owner else random_.choice(PEOPLE),
        person_roles=frozenset(roles),
        agent_roles=frozenset(agent_roles),
    )


__all__ = ["HOT", "SIZE_MAX", "SPREAD", "Ask", "Rule", "Shape", "Workload", "workload"]
