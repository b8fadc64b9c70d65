"""What was meant is found as a search of all names finds it, and no names make that search long."""

from __future__ import annotations

import random
from collections.abc import Sequence
from difflib import SequenceMatcher, get_close_matches

import pytest

from pdp.lang import nearest as module
from pdp.lang.nearest import nearest

WORDS = "amount order customer note total country refund large small people limit Team User".split()


def sought(name: str, known: Sequence[str]) -> str | None:
    """By comparing everything with everything."""
    found = get_close_matches(name, sorted(set(known)), n=1, cutoff=0.7)
    found += [other for other in sorted(known, reverse=True) if other.lower() == name.lower()]
    return found[0] if found else None


def misspelt(name: str, chance: random.Random) -> str:
    letters = list(name)
    for _ in range(chance.randint(0, 4)):
        letters[chance.randrange(len(letters))] = chance.choice(["", "x", "E", "_", "a"])
    return "".join(letters) or "q"


def test_it_finds_what_comparing_everything_finds() -> None:
    chance = random.Random(7)
    found = 0
    for _ in range(1_000):
        known = ["_".join(chance.choices(WORDS, k=chance.randint(1, 3))) for _ in range(40)]
        name = misspelt(chance.choice(known), chance)
        expected = sought(name, known)
        assert nearest(name, known) == expected, (name, known)
        found += expected is not None
    assert found > 500


def test_of_very_many_names_those_with_the_same_first_letter_are_looked_at() -> None:
    known = [f"x{number}" for number in range(600)] + ["amount"]
    assert nearest("amuont", known) == "amount"
    assert nearest("ymount", known) is None
    assert nearest("ymount", known[-100:]) == "amount"


@pytest.mark.parametrize("letters", [10, 40, 90, 5_000])
def test_names_made_to_be_compared_are_not_all_compared(
    letters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anagrams of one another: nothing but the whole comparison tells them apart."""
    compared = 0

    class Counting(SequenceMatcher[str]):
        def ratio(self) -> float:
            nonlocal compared
            compared += letters * letters
            return super().ratio()

    monkeypatch.setattr(module, "SequenceMatcher", Counting)
    chance = random.Random(1)
    anagrams = ["".join(chance.sample("ab" * (letters // 2), letters)) for _ in range(500)]
    nearest(anagrams[0], anagrams[1:])
    assert compared <= 20_000
