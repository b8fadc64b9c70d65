"""A power cut at every step of an installation: whatever is left starts, and no floor is lower."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.activation import spool, state
from pdp.activation.spool import read_index
from pdp.activation.state import STATE_FILE, ReleaseStore, State
from pdp.service.activating.installing import Installer
from tests.activation import installation as i
from tests.activation.powercut import Recorder, rebuild
from tests.changed import replace


def cut(
    room: Path, revisions: tuple[i.Proved, i.Proved], *, is_first: bool = False, sought: str = ""
) -> tuple[set[str], int]:
    """Install the second revision over the first, or the first over nothing, and cut the power.

    What must not be, in any of the trees that could be left, up to the first where that is
    ``sought``; and how many trees there were.
    """
    ground = i.Ground(room / "ground")
    if not is_first:
        ground.install(revisions[0], lambda _: None)
    recorder = Recorder(ground.disk)
    with recorder.watching():
        ground.install(revisions[0 if is_first else 1], recorder.report)
    before = 0 if is_first else 1
    found: set[str] = set()
    trees = list(recorder.left())
    for tree, reported in trees:
        left = i.Ground(room / "left")
        rebuild(tree, left.disk)
        found |= left.findings(max(before, reported), revisions)
        shutil.rmtree(room / "left")
        if sought in found:
            break
    return found, len(trees)


def test_whatever_a_power_cut_leaves_starts(
    room: Path, revisions: tuple[i.Proved, i.Proved]
) -> None:
    found, count = cut(room, revisions)
    assert found == set()
    assert count > 100, "too few trees to have tested anything"


def test_whatever_a_power_cut_leaves_of_the_first_start_starts(
    room: Path, revisions: tuple[i.Proved, i.Proved]
) -> None:
    found, count = cut(room, revisions, is_first=True)
    assert found == set()
    assert count > 50, "too few trees to have tested anything"


# ---------------------------------------------------------------- the broken builds


def _nothing(*_: object) -> None:
    return None


def _state_not_synced(self: ReleaseStore, after: State, *_: object) -> None:
    temporary = self.path / "state.json.new"
    temporary.write_bytes(state.state_to_bytes(after))
    temporary.replace(self.path / STATE_FILE)
    state.sync_directory(self.path)


def _state_in_place(self: ReleaseStore, after: State, *_: object) -> None:
    with (self.path / STATE_FILE).open("wb") as file:
        file.write(state.state_to_bytes(after))
        file.flush()
        os.fsync(file.fileno())
    state.sync_directory(self.path)


def _files_not_synced(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _swapped_first(self: Any, ready: Path, before: State, *rest: Any) -> Any:
    *others, swap = rest
    swap(_ActiveOf(read_index(ready).parts[0].revision))
    return _install(self, ready, before, *others, _nothing)


def _floor_forgotten(after: State) -> bytes:
    return _state_to_bytes(replace(after, floors={}))


class _ActiveOf:
    """As much of what decides as is looked at here."""

    def __init__(self, revision: int) -> None:
        self.engine = self.bundle = self
        self.revision = revision


_install: Any = Installer.install
_state_to_bytes = state.state_to_bytes

TWINS: Final[dict[str, tuple[Any, str, Callable[..., Any], str]]] = {
    "state_is_not_synced": (ReleaseStore, "commit", _state_not_synced, i.UNREADABLE),
    "state_is_written_in_place": (ReleaseStore, "commit", _state_in_place, i.UNREADABLE),
    "directory_is_not_synced": (state, "sync_directory", _nothing, i.LOWERED),
    "good_folder_is_not_synced": (spool, "sync_directory", _nothing, i.NOT_GOOD),
    "good_files_are_not_synced": (spool, "_write", _files_not_synced, i.NOT_GOOD),
    "swapped_before_the_commit": (Installer, "install", _swapped_first, i.LOWERED),
    "floor_is_not_persisted": (state, "state_to_bytes", _floor_forgotten, i.LOWERED),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(
    name: str,
    room: Path,
    revisions: tuple[i.Proved, i.Proved],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner, attribute, broken, seen = TWINS[name]
    monkeypatch.setattr(owner, attribute, broken)
    assert seen in cut(room, revisions, sought=seen)[0]


def test_a_new_state_directory_that_is_not_synced_is_caught(
    room: Path, revisions: tuple[i.Proved, i.Proved], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "make_directory", lambda path: path.mkdir(exist_ok=True, mode=0o700))
    assert i.LOWERED in cut(room, revisions, is_first=True, sought=i.LOWERED)[0]
