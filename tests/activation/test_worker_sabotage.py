"""Broken builds of the worker, one check less in each, that a try must notice by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.activation import preparing, spool, worker
from pdp.activation.errand import Outcome, Places, Task
from pdp.activation.preparing import Offer, Trusted
from pdp.activation.release import PROGRAM_FILE
from pdp.activation.spool import Proof
from pdp.activation.worker import Worker
from pdp.bundles import verification
from pdp.bundles.documents.truststore import TrustStore
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.slices import finished
from tests.activation import installation as i
from tests.activation import workshop as w
from tests.activation.test_worker import with_a_failing_test
from tests.activation.workshop import Workshop, bundle, counted_proofs, floor
from tests.bundles import samples as s
from tests.changed import replace

READY: Final = "ready"


@dataclass(frozen=True, slots=True)
class Twin:
    """``owner``'s ``name`` becomes ``broken``; ``seen_by`` must say something else than before."""

    owner: Any
    name: str
    broken: Any
    seen_by: Callable[[Path], str]
    honest: str


def said(outcome: Outcome) -> str:
    return outcome.cause or outcome.kind


# ---------------------------------------------------------------- what is tried


def started_after_expiry(room: Path) -> str:
    shop = Workshop(room, bundle(1))
    assert shop.look().kind == READY
    shop.restart()
    return said(shop.again(now=s.NOW + w.HOUR))


def older_revision(room: Path) -> str:
    return said(Workshop(room, bundle(1)).look(floors=floor(2)))


def other_program(room: Path) -> str:
    return said(Workshop(room, bundle(1, changed={PROGRAM_FILE: w.program(2)})).look())


def older_program(room: Path) -> str:
    data = bundle(1, changed={PROGRAM_FILE: w.of_another_version(w.program(1))})
    return said(Workshop(room, data).look())


def failing_test(room: Path) -> str:
    return said(Workshop(room, with_a_failing_test()).look())


def refused_twice(room: Path) -> str:
    shop = Workshop(room, with_a_failing_test())
    with counted_proofs() as proofs:
        assert shop.look() == shop.look()
    return str(len(proofs))


def governs_more(room: Path) -> str:
    return said(Workshop(room, bundle(1, governs=["pay"])).look())


def same_files_govern_more(room: Path) -> str:
    shop = Workshop(room, bundle(1))
    assert shop.look().kind == READY
    shop.put(bundle(1, revision=2, governs=["pay"]))
    return said(shop.look())


def older_trust_store(room: Path) -> str:
    return said(Workshop(room, bundle(1)).look(trust_store_version=2))


def key_withdrawn(room: Path) -> str:
    """Of what decides: the trust store says so, and the bundle is what it was."""
    shop = Workshop(room, bundle(1))
    assert shop.look().kind == READY
    shop.trust.write_bytes(w.store(version=2, signers=s.signers_of(("ben", "cid"), 2)))
    return said(shop.look())


def upgraded(room: Path) -> str:
    shop = Workshop(room, bundle(1))
    assert shop.look().kind == READY
    shop.restart(engine_version="0.2.0")
    with counted_proofs() as proofs:
        assert shop.again().kind == READY
    return "proven" if proofs else "reused"


def damaged_program(room: Path) -> str:
    shop = Workshop(room, bundle(1))
    assert shop.look().kind == READY
    (shop.folder / spool.PROGRAM_NAME).write_bytes(w.program(2))
    try:
        finished(spool.reading_release(shop.folder, shop.index))
    except BundleRefused as refused:
        return str(refused.cause)
    return "read"


def not_taken(room: Path) -> str:
    shop = Workshop(room, bundle(1))
    assert shop.look().kind == READY
    return said(shop.look(is_untaken=True))


def engine_too_old(room: Path) -> str:
    return said(Workshop(room, bundle(1, minimum_engine="0.2.0")).look())


def pushed_without_people(room: Path) -> str:
    """What the sources hold of people goes with what is pushed."""
    places = Places(str(room / "source"), directory=str(room / "people"))
    shop = Workshop(room, places=places, directory_name=w.PEOPLE)
    (room / "people").write_bytes(w.people())
    data = bundle(1, changed={w.PEOPLE_FILE: None, PROGRAM_FILE: None})
    return said(shop.take(Offer(data)))


# ---------------------------------------------------------------- the broken builds


def _nothing(*_: object, **__: object) -> None:
    return None


def _any_trust_store(self: Worker, _: int) -> TrustStore:
    return _store(self, 0)


def _forgetting(self: Worker, task: Task) -> Outcome:
    return _do(self, replace(task, is_untaken=False))


def _settled_by_bytes(self: Worker, task: Task) -> Outcome:
    """A new trust store changes nothing of a bundle that is the same."""
    source = self._watched["main"]
    before = source.data
    found = _do(self, task)
    is_same = before is not None and source.data == before
    return Outcome("unchanged") if task.kind == "look" and is_same else found


def _proving_always(self: Worker, *given: Any) -> Any:
    self._unproven = {}
    return _proved(self, *given)


_store: Any = Worker._store  # noqa: SLF001 - the seam
_proved: Any = Worker._proved  # noqa: SLF001 - the seam
_do = Worker.do
_CONTENT: Any = Trusted.content
_ONE_PROOF: Final = Proof("any", "any")

TWINS: Final = {
    "expiry_is_skipped": Twin(
        verification, "check_is_valid", _nothing, started_after_expiry, Cause.EXPIRED
    ),
    "floor_is_skipped": Twin(verification, "check_floor", _nothing, older_revision, Cause.ROLLBACK),
    "program_is_not_compared": Twin(
        preparing, "check_equal", _nothing, other_program, Cause.PROGRAM_DIFFERS
    ),
    "program_of_another_version_is_compared": Twin(
        preparing, "is_of_this_version", lambda _: True, older_program, READY
    ),
    "self_test_is_ignored": Twin(
        preparing, "check_self_test", _nothing, failing_test, Cause.SELF_TEST_FAILED
    ),
    "refusals_are_proven_again": Twin(Worker, "_proved", _proving_always, refused_twice, "1"),
    "governs_is_not_checked": Twin(
        preparing, "check_governs", _nothing, governs_more, Cause.GOVERNS_MORE_THAN_SIGNED
    ),
    "fingerprint_is_of_the_content_only": Twin(
        Trusted,
        "fingerprint",
        _CONTENT,
        same_files_govern_more,
        Cause.GOVERNS_MORE_THAN_SIGNED,
    ),
    "trust_store_version_is_ignored": Twin(
        Worker, "_store", _any_trust_store, older_trust_store, Cause.ROLLBACK
    ),
    "trust_store_changes_nothing": Twin(
        Worker, "do", _settled_by_bytes, key_withdrawn, Cause.UNKNOWN_KEY
    ),
    "proof_of_another_version_is_reused": Twin(
        worker, "Proof", lambda *_: _ONE_PROOF, upgraded, "proven"
    ),
    "program_is_not_looked_at": Twin(
        spool,
        "read_program",
        lambda folder, _: (folder / spool.PROGRAM_NAME).read_bytes(),
        damaged_program,
        Cause.STATE_CORRUPT,
    ),
    "what_is_not_taken_is_forgotten": Twin(Worker, "do", _forgetting, not_taken, READY),
    "engine_is_not_compared": Twin(
        preparing, "check_compatible", _nothing, engine_too_old, Cause.NEEDS_NEWER_ENGINE
    ),
    "people_are_not_fetched": Twin(
        Worker, "_completed", lambda _self, offer, *_: offer, pushed_without_people, READY
    ),
}


@pytest.fixture
def rooms() -> Iterator[tuple[Path, Path]]:
    with i.room() as one, i.room() as other:
        yield one, other


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(
    name: str, rooms: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = TWINS[name]
    assert twin.seen_by(rooms[0]) == twin.honest
    monkeypatch.setattr(twin.owner, twin.name, twin.broken)
    assert twin.seen_by(rooms[1]) != twin.honest
