"""The worker in this process: what it makes ready, what it refuses, what it proves only once."""

from __future__ import annotations

import datetime
import io
from pathlib import Path
from typing import Final

import msgspec
import pytest

from pdp.activation.building import unverified
from pdp.activation.errand import Outcome, Places, Setup, Task, to_line
from pdp.activation.preparing import Offer
from pdp.activation.release import PROGRAM_FILE
from pdp.activation.spool import PROGRAM_NAME, read_offer
from pdp.activation.worker import serve
from pdp.bundles.refusal import Cause
from pdp.bundles.sources.fetching import Failure
from tests.activation import installation as i
from tests.activation import workshop as w
from tests.activation.workshop import Workshop, bundle, counted_proofs, floor
from tests.bundles import samples as s
from tests.service.activating import signed

FAILS: Final = signed.TESTS.replace(b"expect allow", b"expect deny")
SECOND: Final = datetime.timedelta(seconds=1)


def refused(outcome: Outcome, cause: Cause) -> bool:
    return (outcome.kind, outcome.cause) == ("refused", cause)


def failed(outcome: Outcome, cause: Failure) -> bool:
    return (outcome.kind, outcome.cause) == ("failed", cause)


def with_a_failing_test() -> bytes:
    changed = {"shop_tests.charter": FAILS, PROGRAM_FILE: None}
    return bundle(changed=changed)


# ---------------------------------------------------------------- looking


def test_what_is_new_is_made_ready_and_what_is_not_is_left(room: Path) -> None:
    shop = Workshop(room, bundle(1))
    with counted_proofs() as proofs:
        assert shop.look().kind == "ready"
        made = shop.folder
        assert read_offer(made) == Offer(bundle(1))
        assert (made / PROGRAM_NAME).read_bytes() == w.program(1)
        assert [(part.name, part.revision) for part in shop.index.parts] == [(signed.NAME, 1)]
        assert shop.index.trust_store_version == 1
        assert shop.look().kind == "unchanged"
        assert not shop.folder.exists()
        # The same bytes in another file are nothing new.
        shop.put(bundle(1))
        assert shop.look().kind == "unchanged"
        shop.put(bundle(2))
        assert shop.look().kind == "ready"
        assert shop.index.parts[0].revision == 2
    assert len(proofs) == 2


def test_what_did_not_come_to_decide_is_made_ready_again(room: Path) -> None:
    shop = Workshop(room, bundle(1))
    with counted_proofs() as proofs:
        assert shop.look().kind == "ready"
        assert shop.look(is_untaken=True).kind == "ready"
        assert (shop.folder / PROGRAM_NAME).read_bytes() == w.program(1)
    assert len(proofs) == 1


def test_a_refusal_is_repeated_without_proving_again(room: Path) -> None:
    shop = Workshop(room, with_a_failing_test())
    with counted_proofs() as proofs:
        first = shop.look()
        assert refused(first, Cause.SELF_TEST_FAILED)
        assert "a small refund" in first.message
        assert shop.look() == first
        assert len(proofs) == 1
        # Something else in between, and it is looked at anew.
        shop.put(bundle(2))
        assert shop.look().kind == "ready"
        shop.put(with_a_failing_test())
        assert shop.look(floors=floor(1)) == first
    assert len(set(proofs)) == 2


def test_a_source_that_is_away_fails_and_comes_back(room: Path) -> None:
    shop = Workshop(room, bundle(1))
    assert shop.look().kind == "ready"
    shop.source.unlink()
    outcome = shop.look()
    assert failed(outcome, Failure.NOT_FOUND)
    assert [bool(read.trouble) for read in outcome.reads] == [True]
    shop.put(bundle(1))
    assert shop.look().kind == "unchanged"


# ---------------------------------------------------------------- what a proof speaks of


def test_the_same_files_under_another_manifest_are_proven_anew(room: Path) -> None:
    shop = Workshop(room, bundle(1))
    with counted_proofs() as proofs:
        assert shop.look().kind == "ready"
        shop.put(
            bundle(1, revision=2, governs=["note", "pay", "report"], owners=["else@x.example"])
        )
        outcome = shop.look()
        assert refused(outcome, Cause.GOVERNS_MORE_THAN_SIGNED)
        assert "owns" in outcome.message
        shop.put(bundle(1, revision=2, governs=["pay"]))
        outcome = shop.look()
        assert refused(outcome, Cause.GOVERNS_MORE_THAN_SIGNED)
        assert "governs" in outcome.message
    assert len(set(proofs)) == 3


def test_a_newer_statement_needs_no_new_proof(room: Path) -> None:
    fresh = room / "fresh"
    places = Places(str(room / "source"), freshness=str(fresh))
    shop = Workshop(room, bundle(1), places=places, require_freshness=True)
    with counted_proofs() as proofs:
        for minutes in (10, 20):
            fresh.write_bytes(statement(minutes))
            assert shop.look().kind == "ready"
            until = s.NOW + datetime.timedelta(minutes=minutes)
            assert shop.index.parts[0].fresh_until == until
        fresh.unlink()
        assert failed(shop.look(), Failure.NOT_FOUND)
    assert len(proofs) == 1


def statement(minutes: int) -> bytes:
    found = unverified(bundle(1))
    tree = {
        "type": "pdp.freshness.v1",
        "name": signed.NAME,
        "revision": 1,
        "manifest_digest": found.digest,
        "expires": s.moment(60 * minutes),
    }
    return s.signed(s.spelled(tree), ("robot",), s.FRESHNESS_TYPE)


def test_a_program_of_another_version_is_made_again_from_what_was_signed(room: Path) -> None:
    shop = Workshop(room, bundle(changed={PROGRAM_FILE: w.of_another_version(w.program())}))
    assert shop.look().kind == "ready"
    assert (shop.folder / PROGRAM_NAME).read_bytes() == w.program()


@pytest.mark.parametrize("other", [w.program(2), b"", b"\x90", w.program(1) + b"\x00"])
def test_a_program_that_differs_is_refused(room: Path, other: bytes) -> None:
    shop = Workshop(room, bundle(1, changed={PROGRAM_FILE: other}))
    assert refused(shop.look(), Cause.PROGRAM_DIFFERS)


def test_a_bundle_without_a_program_gets_one(room: Path) -> None:
    shop = Workshop(room, bundle(1, changed={PROGRAM_FILE: None}))
    assert shop.look().kind == "ready"
    assert (shop.folder / PROGRAM_NAME).read_bytes() == w.program(1)


# ---------------------------------------------------------------- starting again


def test_a_start_proves_nothing_again_but_after_an_upgrade(room: Path) -> None:
    shop = Workshop(room, bundle(1))
    assert shop.look().kind == "ready"
    with counted_proofs() as proofs:
        shop.restart()
        assert shop.again().kind == "ready"
        assert (shop.folder / PROGRAM_NAME).read_bytes() == w.program(1)
        assert proofs == []
        shop.restart(engine_version="0.2.0")
        assert shop.again().kind == "ready"
        assert shop.index.proof.engine_version == "0.2.0"
        assert len(proofs) == 1
        shop.restart(engine_version="0.2.0", tzdata_version="2026.2")
        assert shop.again().kind == "ready"
        assert len(proofs) == 2
        shop.restart(engine_version="0.0.9")
        assert refused(shop.again(), Cause.NEEDS_NEWER_ENGINE)


def test_the_last_good_release_is_checked_like_any_other(room: Path) -> None:
    shop = Workshop(room, bundle(2))
    assert shop.look().kind == "ready"
    good = shop.folder.name
    digest = shop.index.parts[0].digest
    shop.restart()
    assert shop.do("again", good, floors=floor(2, digest)).kind == "ready"
    assert shop.do("again", good, now=s.NOW + w.HOUR - SECOND).kind == "ready"
    assert refused(shop.do("again", good, now=s.NOW + w.HOUR), Cause.EXPIRED)
    assert refused(shop.do("again", good, floors=floor(3)), Cause.ROLLBACK)
    other = floor(2, "0" * 64)
    assert refused(shop.do("again", good, floors=other), Cause.SAME_REVISION_OTHER_DIGEST)
    shop.restart(require_freshness=True)
    assert refused(shop.do("again", good), Cause.FROZEN)
    shop.trust.write_bytes(w.store(signers=s.signers_of(("cid", "dan", "eve"), 2)))
    shop.restart()
    assert refused(shop.do("again", good), Cause.UNKNOWN_KEY)
    (shop.state / "good-empty").mkdir()
    assert refused(shop.do("again", "good-empty"), Cause.STATE_CORRUPT)


# ---------------------------------------------------------------- trust and people


def test_a_trust_store_is_read_at_each_look_and_never_an_older_one(room: Path) -> None:
    shop = Workshop(room, bundle(1))
    shop.trust.write_bytes(w.store(version=2))
    assert shop.look().kind == "ready"
    assert shop.index.trust_store_version == 2
    assert shop.look(trust_store_version=2).kind == "unchanged"
    shop.trust.write_bytes(w.store(version=1))
    outcome = shop.look(trust_store_version=2)
    assert refused(outcome, Cause.ROLLBACK)
    assert "trust store" in outcome.message
    # Of the same version with other keys: the bundle is looked at anew.
    shop.trust.write_bytes(w.store(version=2, signers=s.signers_of(("ben", "dan"), 2)))
    assert refused(shop.look(trust_store_version=2), Cause.UNKNOWN_KEY)
    shop.trust.write_bytes(b"{}")
    assert refused(shop.look(trust_store_version=2), Cause.WRONG_TYPE)
    shop.trust.unlink()
    assert refused(shop.look(trust_store_version=2), Cause.SOURCE_FAILED)


def with_people(room: Path, data: bytes) -> Workshop:
    directory = room / "people"
    places = Places(str(room / "source"), directory=str(directory))
    return Workshop(room, data, places=places, directory_name=w.PEOPLE)


def shop_alone(revision: int = 1) -> bytes:
    """Without people of its own."""
    return bundle(revision, changed={w.PEOPLE_FILE: None, PROGRAM_FILE: None})


def test_people_come_from_their_own_source_or_nothing_decides(room: Path) -> None:
    shop = with_people(room, shop_alone())
    outcome = shop.look()
    assert failed(outcome, Failure.NOT_FOUND)
    assert [read.use for read in outcome.reads if read.trouble] == ["directory"]
    (room / "people").write_bytes(w.people(1))
    assert shop.look().kind == "ready"
    parts = [(part.kind, part.name, part.revision) for part in shop.index.parts]
    assert parts == [("bundle", signed.NAME, 1), ("directory", w.PEOPLE, 1)]
    (room / "people").write_bytes(w.people(2))
    assert shop.look().kind == "ready"
    assert shop.index.parts[1].revision == 2
    shop.restart(directory_name=w.PEOPLE)
    assert refused(shop.look(), Cause.PART_MISSING)


def test_what_is_pushed_gets_its_people_from_their_source(room: Path) -> None:
    shop = with_people(room, shop_alone(1))
    (room / "people").write_bytes(w.people(1))
    assert shop.take(Offer(shop_alone(2))).kind == "ready"
    assert [part.revision for part in shop.index.parts] == [2, 1]
    assert read_offer(shop.folder) == Offer(shop_alone(2), directory=w.people(1))
    (room / "people").unlink()
    assert failed(shop.take(Offer(shop_alone(3))), Failure.NOT_FOUND)
    assert not shop.folder.exists()


# ---------------------------------------------------------------- lines


def test_each_task_gets_one_line(room: Path) -> None:
    shop = Workshop(room, bundle(1))
    setup = i.setup(shop.trust, shop.state, shop.source)
    tasks = [Task("look", s.NOW, folder="ready-1"), Task("look", s.NOW, folder="ready-2")]
    assert [outcome.kind for outcome in served(setup, tasks)] == ["ready", "unchanged"]


def test_a_place_that_cannot_be_used_is_said_at_each_task(room: Path) -> None:
    shop = Workshop(room)
    setup = i.setup(shop.trust, shop.state, Path("ftp://x.example/bundle"))
    setup = msgspec.structs.replace(setup, places=Places("oci://no tag"))
    found = served(setup, [Task("look", s.NOW), Task("wait", s.NOW)])
    assert {(outcome.kind, outcome.cause) for outcome in found} == {("failed", Failure.UNUSABLE)}


def served(setup: Setup, tasks: list[Task]) -> list[Outcome]:
    lines = io.BytesIO(b"".join([to_line(setup), *map(to_line, tasks)]))
    answers = io.BytesIO()
    serve(lines, answers, lambda: None)
    return [msgspec.json.decode(line, type=Outcome) for line in answers.getvalue().splitlines()]
