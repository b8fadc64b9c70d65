"""Changed bytes of everything that is signed: nothing else is accepted, and nothing else raised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest

from pdp.bundles import composing, envelope, verification
from pdp.bundles.refusal import Cause
from tests.activation import mutated as m

COUNT: Final = 10_000


def test_the_originals_are_accepted() -> None:
    for kind in m.KINDS.values():
        for original in kind.originals:
            assert m.outcome_of(kind, original) == (m.SAME, "")


@pytest.mark.slow
def test_nothing_that_was_changed_is_accepted() -> None:
    counts, wrong = m.tried(range(COUNT))
    assert wrong == []
    assert sum(counts.values()) == COUNT
    causes = {name.partition(": ")[2] for name in counts} - {m.SAME, m.RESPELLED}
    assert causes <= set(Cause)
    # Each defence is reached: were one gone, there would be something to see.
    assert causes >= {
        Cause.MALFORMED,
        Cause.WRONG_LENGTH,
        Cause.BAD_FILE_HASH,
        Cause.BAD_SIGNATURE,
        Cause.UNKNOWN_KEY,
        Cause.TOO_FEW_SIGNATURES,
    }


def test_a_seed_makes_the_same_bytes_again() -> None:
    assert [m.made(seed) for seed in range(50)] == [m.made(seed) for seed in range(50)]


def test_other_spellings_are_told_from_other_content() -> None:
    """Were what is the same taken for a finding, or a finding for the same, nothing would hold."""
    kind = m.KINDS["freshness"]
    one, other = kind.originals
    assert m.outcome_of(kind, b" " + one)[0] == m.RESPELLED
    lenient = m.Kind((one,), kind.taken, 0)
    assert m.outcome_of(lenient, other)[0] == m.ACCEPTED


# ---------------------------------------------------------------- the broken builds


def _nothing(*_: object) -> None:
    return None


def _crashes(*_: object) -> None:
    raise KeyError("payload")


TWINS: Final[dict[str, tuple[Any, str, Callable[..., Any], str]]] = {
    "signatures_are_not_checked": (envelope, "signature_holds", lambda *_: True, m.ACCEPTED),
    "hashes_of_files_are_not_checked": (verification, "check_hashes", _nothing, m.ACCEPTED),
    "hash_of_a_program_is_not_checked": (composing, "check_hashes", _nothing, m.ACCEPTED),
    "what_is_malformed_raises": (envelope, "_malformed", _crashes, m.CRASHED),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, attribute, broken, seen = TWINS[name]
    assert m.tried(range(1_000))[1] == []
    monkeypatch.setattr(owner, attribute, broken)
    found = Counter(wrong.what for wrong in m.tried(range(1_000))[1])
    assert found[seen]
