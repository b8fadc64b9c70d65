"""Compiled equals reference: many seeded cases, and the same generator under Hypothesis to shrink.

``CASES`` in the environment sets how many cases run in all (default 1,000,000).
"""

from __future__ import annotations

import os
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.properties.differential import (
    REQUESTS_PER_PROGRAM,
    Tally,
    compare_program,
    compare_seed,
)
from tests.properties.generate import program, requests

CASES = int(os.environ.get("CASES", "1000000"))
SEEDS_PER_ITEM = 20
# Spoiled requests are refused and so are no cases: a little more is asked than counted.
SEEDS = max(1, CASES * 101 // (100 * REQUESTS_PER_PROGRAM) + 1)
CEILING_S = 300  # against hanging: an item takes 5 to 20 seconds
ITEMS = range(0, SEEDS, SEEDS_PER_ITEM)


@pytest.mark.timeout(CEILING_S)
@pytest.mark.parametrize("first", ITEMS[::2])
def test_compiled_equals_reference(first: int):
    assert_seeds_agree(first)


def assert_seeds_agree(first: int) -> None:
    """One item's share of the cases."""
    tally = Tally()
    seeds = range(first, min(first + SEEDS_PER_ITEM, SEEDS))
    for seed in seeds:
        compare_seed(seed, tally)
    asked = tally.cases + tally.refused
    assert asked == len(seeds) * REQUESTS_PER_PROGRAM
    assert tally.refused < asked / 20, tally


def test_every_answer_occurs():
    """A generator that never leads to some answer would prove nothing about it."""
    tally = Tally()
    for seed in range(60):
        compare_seed(seed, tally, count=50)
    rare = {name for name, count in tally.answers.items() if count < 10}
    assert not rare, tally
    assert set(tally.answers) == {
        "allow",
        "require_approval",
        "rule",
        "error",
        "unattributed",
        "no_allow",
        "unsupported_obligation",
        "no_eligible_approver",
        "approval_mismatch",
    }
    assert set(tally.parts) == {
        "tier low",
        "tier medium",
        "tier high",
        "tier critical",
        "shadow held",
        "shadow error",
        "required by a tier",
        "confirmation",
        "confirmation alone",
        "escalation",
        "second escalation",
    }
    assert min(tally.parts.values()) > 0, tally.parts


def assert_drawn_agrees(rng: Random) -> None:
    """A small program and a few requests, all drawn from ``rng``."""
    made = program(rng, size=1)
    compare_program(made, requests(made, rng, 3), Tally(), label="found by Hypothesis")


HYPOTHESIS = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow],
)


@pytest.mark.timeout(600)  # finding nothing takes seconds; shrinking what was found takes minutes
@HYPOTHESIS
@given(st.randoms(use_true_random=False))
def test_compiled_equals_reference_and_shrinks(rng: Random):
    assert_drawn_agrees(rng)
