"""The state file and the folders beside it: what is read back, and that damage is never guessed."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.activation.state import (
    STATE_BYTES_MAX,
    STATE_FILE,
    ReleaseStore,
    State,
    raised,
    state_from_bytes,
    state_to_bytes,
)
from pdp.activation.worker import Worker
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.bundles.verification import Floor
from tests.activation import installation as i

DIGESTS: Final = ("1" * 64, "2" * 64)
FULL: Final = State(
    {"acme": Floor(7, DIGESTS[0]), "acme.people": Floor(40, DIGESTS[1])}, "good-1", 3
)


def cause_of(data: bytes) -> Cause:
    with pytest.raises(BundleRefused) as refused:
        state_from_bytes(data)
    return refused.value.cause


@pytest.mark.parametrize("state", [State(), FULL, State({}, "good-x", 0)])
def test_what_is_committed_is_read(room: Path, state: State) -> None:
    store = ReleaseStore(room / "state")
    assert store.read() is None
    store.commit(state)
    assert ReleaseStore(room / "state").read() == state
    assert [path.name for path in (room / "state").iterdir()] == [STATE_FILE]


def test_a_floor_that_is_only_demanded_is_not_kept() -> None:
    state = State({"acme": Floor(7, None)})
    assert state_from_bytes(state_to_bytes(state)) == State()


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"type": "pdp.state.v2"}, Cause.WRONG_TYPE),
        ({"good": 1}, Cause.MALFORMED),
        ({"good": ""}, Cause.MALFORMED),
        ({"good": "ready-1"}, Cause.MALFORMED),
        ({"good": "good-/../../etc"}, Cause.MALFORMED),
        ({"trust_store_version": -1}, Cause.MALFORMED),
        ({"trust_store_version": 1.0}, Cause.MALFORMED),
        ({"floors": None}, Cause.MALFORMED),
        ({"floors": [{"name": "acme", "revision": 0, "digest": "1" * 64}]}, Cause.MALFORMED),
        ({"floors": [{"name": "acme", "revision": 7, "digest": "1" * 63}]}, Cause.MALFORMED),
        ({"floors": [{"name": "acme", "revision": 7, "digest": None}]}, Cause.MALFORMED),
        ({"floors": [{"name": "acme", "revision": 7, "digest": "1" * 64}] * 2}, Cause.MALFORMED),
        ({"more": 1}, Cause.MALFORMED),
    ],
)
def test_a_state_that_nobody_wrote_is_refused(changes: dict[str, Any], cause: Cause) -> None:
    tree = {**json.loads(state_to_bytes(FULL)), **changes}
    data = json.dumps(tree, sort_keys=True, separators=(",", ":")).encode()
    assert cause_of(data) is cause


def test_an_endless_state_is_refused() -> None:
    assert cause_of(b" " * (STATE_BYTES_MAX + 1)) is Cause.TOO_LARGE


def test_a_cut_state_is_refused_and_says_what_to_do(room: Path) -> None:
    whole = state_to_bytes(FULL)
    store = ReleaseStore(room / "state")
    for length in range(len(whole)):
        (store.path / STATE_FILE).write_bytes(whole[:length])
        with pytest.raises(BundleRefused, match="restore it from a backup, or remove it") as found:
            store.read()
        assert found.value.cause is Cause.STATE_CORRUPT


def test_a_directory_that_others_may_write_to_is_refused(room: Path) -> None:
    path = room / "state"
    path.mkdir(mode=0o700)
    for bit in (stat.S_IRGRP, stat.S_IWGRP, stat.S_IROTH, stat.S_IWOTH, stat.S_IXOTH):
        path.chmod(0o700 | bit)
        with pytest.raises(BundleRefused, match="chmod 700") as found:
            ReleaseStore(path)
        assert found.value.cause is Cause.STATE_CORRUPT
    path.chmod(0o700)
    assert ReleaseStore(path).read() is None


def test_a_new_directory_is_nobody_elses(room: Path) -> None:
    ReleaseStore(room / "above" / "state")
    assert stat.S_IMODE((room / "above" / "state").stat().st_mode) == 0o700


def test_a_floor_only_rises() -> None:
    floors = {"acme": Floor(7, DIGESTS[0])}
    assert raised(floors, "acme", Floor(6, DIGESTS[1])) == floors
    assert raised(floors, "acme", Floor(8, DIGESTS[1])) == {"acme": Floor(8, DIGESTS[1])}
    assert raised(floors, "other", Floor(1, DIGESTS[1])).keys() == {"acme", "other"}


def test_only_what_the_state_names_is_left(room: Path) -> None:
    store = ReleaseStore(room / "state")
    for name in ("good-1", "good-2", "ready-1", "shadow"):
        store.new_folder(name)
    store.tidy(FULL)
    # What is being made ready belongs to whoever makes it.
    left = ["good-1", "ready-1", "shadow"]
    assert sorted(path.name for path in store.path.iterdir()) == left
    store.tidy(FULL, at_start=True)
    assert sorted(path.name for path in store.path.iterdir()) == ["good-1", "shadow"]
    store.drop("good-1")
    assert (store.path / "good-1").is_dir()


# ---------------------------------------------------------------- the good folder


def damages(folder: Path) -> Iterator[tuple[str, bytes | None]]:
    """Each file of a folder missing, empty, cut by half and with one bit the other way."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            name = path.relative_to(folder).as_posix()
            yield name, None
            yield name, b""
            yield name, data[: len(data) // 2]
            for at in range(0, len(data), 1 + len(data) // 40):
                yield name, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_damaged_good_folder_starts_as_it_was_or_not_at_all(room: Path) -> None:
    one = i.proved(1, room / "1")
    ground = i.Ground(room / "ground")
    ground.install(one, lambda _: None)
    store = ReleaseStore(ground.state)
    state = store.read()
    assert state is not None
    assert state.good is not None
    good = ground.state / state.good
    refused = tried = 0
    for name, data in list(damages(good)):
        before = (good / name).read_bytes()
        (good / name).unlink()
        if data is not None:
            (good / name).write_bytes(data)
        worker = Worker(i.setup(ground.trust, ground.state, ground.source))
        outcome = worker.do(i.task(state, "again", "ready-1", state.good))
        if outcome.kind == "ready":
            # What was signed was whole, and what was made of it was made again, or is not used.
            made = (ground.state / "ready-1" / "program").read_bytes()
            assert made == one.release.program, name
        else:
            assert outcome.kind == "refused"
            assert Cause(outcome.cause), name
            refused += 1
        store.drop("ready-1")
        (good / name).write_bytes(before)
        tried += 1
    assert 40 < refused < tried


def test_a_damaged_good_folder_is_left_by_the_next_installation(room: Path) -> None:
    one = i.proved(1, room / "1")
    ground = i.Ground(room / "ground")
    ground.install(one, lambda _: None)
    [good] = ground.state.glob("good-*")
    (good / "program").write_bytes(b"")
    ground.install(one, lambda _: None)
    assert not good.exists()
    assert ground.findings(1, (one,)) == set()
