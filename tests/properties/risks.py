"""A random risk block, as Charter text: points that only add, tiers that only rise."""

from __future__ import annotations

from random import Random

from tests.properties.conditions import Conditions
from tests.properties.roots import everywhere, paths_of
from tests.properties.routes import RouteText
from tests.properties.scopes import Words
from tests.properties.shapes import Shape
from tests.properties.values import maybe, some_of

_TIERS = ("medium", "high", "critical")


def risk_text(rng: Random, shape: Shape, words: Words, gates: list[RouteText]) -> str:
    """The block; says in ``words`` whether a claimed value can add points."""
    paths = paths_of(shape, words, everywhere(shape))
    conditions = Conditions(rng, words, paths)
    lines = ['owner "risk@x.example"', 'reason "GEN"']
    if maybe(rng, 0.5):
        lines.append('contact "#risk"')
    words.claims_risk = False
    total = 0
    for index in range(rng.randint(1, 4)):
        when = conditions.operand(rng.randint(0, 2), frozenset())
        claimed = conditions.claimed_test() if maybe(rng, 0.2) else None
        if claimed:
            words.claims_risk = True
            when = f"{when} and {claimed}" if maybe(rng, 0.5) else claimed
        points = rng.choice((1, 1, 2, 3, 10))
        total += points
        lines.append(f'points {points} "because of {index}" when {when}')
    starts = sorted(some_of(rng, range(1, total + 2), 1, 3))
    named = sorted(some_of(rng, _TIERS, len(starts), len(starts)), key=_TIERS.index)
    for name, start in zip(named, starts, strict=False):
        asked = some_of(rng, [gate.name for gate in gates], 1, 2) if gates else []
        requires = f" requires {', '.join(asked)}" if asked and maybe(rng, 0.7) else ""
        lines.append(f"tier {name} from {start}{requires}")
    return "risk {\n" + "".join(f"    {line}\n" for line in lines) + "}"


__all__ = ["risk_text"]
