"""Which known name a wrong one was meant to be, at a cost that no policy file can raise."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

# The share of letters that two names must have in common, in order.
_LIKE: Final = 0.7
# A search is made for every mistake, and what it may cost is counted: names to look at, letters of
# a name, and pairs of letters of names that have about the same letters.
_NAMES_MAX: Final = 500
_LETTERS_MAX: Final = 100
_PAIRS_MAX: Final = 20_000


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name``; None when none is like it, or finding it costs too much.

    Of more than 500 names those that begin as ``name`` does are looked at, 500 at most. ``known``
    has an order then, and the answer may depend on it.
    """
    if len(name) > _LETTERS_MAX:
        return None
    names = list(known)
    if len(names) > _NAMES_MAX:  # typing errors seldom change the first letter
        names = [other for other in names if other[:1] == name[:1]][:_NAMES_MAX]
    names = sorted({other for other in names if len(other) <= _LETTERS_MAX})
    found = _most_alike(name, names)
    if found is None:
        lowered = {other.lower(): other for other in names}
        found = lowered.get(name.lower())
    return found


def _most_alike(name: str, names: Iterable[str]) -> str | None:
    """The name with most letters in common, the last in order of several."""
    matcher = SequenceMatcher(b=name)
    candidates: list[tuple[float, str]] = []
    for other in names:
        matcher.set_seq1(other)
        if matcher.real_quick_ratio() >= _LIKE and (most := matcher.quick_ratio()) >= _LIKE:
            candidates.append((most, other))
    best = (0.0, "")
    pairs = 0
    # Those that can be most alike come first: mostly the first is the one.
    for most, other in sorted(candidates, reverse=True):
        pairs += len(name) * len(other)
        if most < best[0] or pairs > _PAIRS_MAX:
            break
        matcher.set_seq1(other)
        ratio = matcher.ratio()
        if ratio >= _LIKE:
            best = max(best, (ratio, other))
    return best[1] or None
