"""The laws hold on generated programs, and decisions do not depend on the hash seed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.properties.generate import Program
from tests.properties.laws import LAWS, must_keep

ROOT = Path(__file__).parents[2]
_TRANSCRIPT = """
import sys
from tests.properties.laws import transcript
{sabotage}
sys.stdout.write(transcript([*range(900, 906), *range(910, 950, 10)], 40))
"""


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law(law: Callable[[Program, int, int], None]):
    must_keep(law, range(500, 580), count=40)


def _transcript(hash_seed: str, sabotage: str = "") -> bytes:
    done = subprocess.run(
        [sys.executable, "-c", _TRANSCRIPT.format(sabotage=sabotage)],
        cwd=ROOT,
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        timeout=100,
    )
    return done.stdout


def test_the_hash_seed_changes_nothing():
    """Nor do loops, indexes and what they are made from: four of the programs are crowds."""
    first = _transcript("1")
    assert first.count(b"\n") > 300
    assert first == _transcript("2")


def test_sabotage_an_order_that_comes_from_a_set_is_caught():
    unsorted = "from pdp.eval.judging import answer; answer.sorted = lambda items, **_: list(items)"
    assert _transcript("1", unsorted) != _transcript("2", unsorted)
