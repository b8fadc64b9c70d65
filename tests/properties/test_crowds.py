"""Programs of many rules: what they reach, without the index, and with little that is near."""

from __future__ import annotations

from random import Random

import pytest

from pdp.eval.compiling import cell, quick
from pdp.eval.facts import BoundRequest
from pdp.eval.judging import switch
from pdp.model import RequestError
from tests.properties import differential
from tests.properties.crowds import crowded
from tests.properties.differential import (
    CROWDED_EVERY,
    Comparison,
    Tally,
    built,
    checked_of,
    compare_seed,
    program_of,
)
from tests.properties.laws import cases
from tests.properties.reached import Reached

CROWDS = range(0, 90 * CROWDED_EVERY, CROWDED_EVERY)
# The least share of the cases of crowds that must take each way, in thousandths.
LEAST = {
    "switched": 150,
    "twice": 8,
    "rest": 20,
    "unknown": 3,
    "quick": 120,
    "quick chain": 80,
    "exact": 15,
    "loop": 30,
    "long": 20,
    "files": 100,
}


def test_every_way_is_taken(monkeypatch: pytest.MonkeyPatch):
    """A generator that hardly led through the index or a loop would prove nothing about them."""
    reached, tally = Reached(), Tally()

    class Watched(Comparison):
        def _judge(self, bound: BoundRequest, now_us: int) -> None:
            super()._judge(bound, now_us)
            reached.note(bound, now_us)

    monkeypatch.setattr(differential, "Comparison", Watched)
    for seed in CROWDS:
        compare_seed(seed, tally, count=60)
    rare = {
        way: (reached.ways[way], least * tally.cases // 1_000)
        for way, least in LEAST.items()
        if reached.ways[way] < least * tally.cases // 1_000
    }
    assert not rare, reached.ways


def test_the_index_changes_nothing():
    """Told apart or all judged: the same answers, whatever is in them."""
    switched = 0
    for seed in CROWDS[:40]:
        made = program_of(seed)
        checked = checked_of(made)
        with_index, without = built(made, checked), built(made, checked, is_indexed=False)
        for request, now_us in cases(made, seed, 40):
            try:
                bound, other = with_index.bind(request), without.bind(request)
            except RequestError:
                continue
            for _ in range(2):
                first = with_index.decide(bound, now_us)
                assert first == without.decide(other, now_us), f"{made.text()}\n{request}"
            switched += is_switched(bound)
            assert not is_switched(other)
    assert switched > 200


def is_switched(bound: BoundRequest) -> bool:
    judge = bound.judge
    return judge._root.switch is not None  # type: ignore[attr-defined]  # noqa: SLF001


SMALL = {
    "bits are far": [(cell, "NEAR_BITS", 3)],
    "functions are short": [(cell, "INLINE_MAX", 2), (cell, "LOOP_MAX", 3), (cell, "LOOP_MIN", 2)],
    "all of it": [(cell, "NEAR_BITS", 2), (cell, "LOOP_MIN", 2), (cell, "INLINE_MAX", 3)],
    "few are many": [(switch, "RULES_MIN", 2), (switch, "COPIES_MAX", 50)],
    "no quick way": [(quick, "CHAIN_MAX", 0)],
}


@pytest.mark.parametrize("changed", SMALL.values(), ids=SMALL)
def test_compiled_equals_reference_with_other_limits(
    changed: list[tuple[object, str, int]], monkeypatch: pytest.MonkeyPatch
):
    """What only large programs reach, on small ones: no answer may depend on a limit."""
    for module, name, value in changed:
        assert hasattr(module, name)
        monkeypatch.setattr(module, name, value)
    tally = Tally()
    for seed in range(5_000, 5_040):
        compare_seed(seed, tally, count=80)
    for seed in range(6_000, 6_000 + 20 * CROWDED_EVERY, CROWDED_EVERY):
        compare_seed(seed, tally, count=80)
    assert tally.cases > 4_500


def test_a_crowd_is_the_same_for_the_same_seed():
    assert crowded(Random(5), 2).files == crowded(Random(5), 2).files
