"""A process killed at every call that changes a file: what decided is what a new start finds."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.activation.state import GOOD, ReleaseStore, State, state_to_bytes, sync_directory
from tests.activation import installation as i
from tests.activation.dying import DONE, STEPS_MAX, dying_at


def installed(ground: i.Ground, what: i.Proved, step: int) -> tuple[int, int]:
    """How a process that installs it ended, and the highest revision that it said decides."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            dying_at(step)
            ground.install(what, lambda revision: _say(writing, revision))
            code = DONE
        finally:
            # Without closing anything: as if killed right after the swap.
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code, max(said, default=0)


def _say(descriptor: int, revision: int) -> None:
    os.write(descriptor, bytes([revision]))


def killed(
    room: Path, revisions: tuple[i.Proved, i.Proved], *, is_first: bool = False, sought: str = ""
) -> tuple[set[str], int]:
    """What must not be, after dying at each step in turn; and how many steps there were.

    It ends at the first step after which that is ``sought``.
    """
    found: set[str] = set()
    template = room / "template"
    i.Ground(template)
    if not is_first:
        i.Ground(room / "made").install(revisions[0], lambda _: None)
        shutil.copytree(room / "made", template, dirs_exist_ok=True)
    what, before = revisions[0 if is_first else 1], 0 if is_first else 1
    for step in range(1, STEPS_MAX):
        shutil.copytree(template, room / "left")
        ground = i.Ground(room / "left")
        code, reported = installed(ground, what, step)
        assert code in (DONE, -signal.SIGKILL), "the child found a bug"
        found |= ground.findings(max(before, reported), revisions)
        shutil.rmtree(room / "left")
        if code == DONE or sought in found:
            return found, step
    raise AssertionError("the installation never came to its end")


def test_whatever_a_killed_process_leaves_starts(
    room: Path, revisions: tuple[i.Proved, i.Proved]
) -> None:
    found, steps = killed(room, revisions)
    assert found == set()
    assert steps > 40, "too few steps to have tested anything"


def test_whatever_a_killed_process_leaves_of_the_first_start_starts(
    room: Path, revisions: tuple[i.Proved, i.Proved]
) -> None:
    found, steps = killed(room, revisions, is_first=True)
    assert found == set()
    assert steps > 30, "too few steps to have tested anything"


# ---------------------------------------------------------------- the broken builds


def _in_place(self: ReleaseStore, after: State, *_: object) -> None:
    (self.path / "state.json").write_bytes(state_to_bytes(after))
    sync_directory(self.path)


def _committed_first(self: ReleaseStore, ready: Path) -> str:
    """The state names the folder before it is there."""
    known = self.read() or State()
    name = f"{GOOD}-{ready.name}"
    self.commit(State(known.floors, name, known.trust_store_version))
    ready.rename(self.path / name)
    return name


def _tidied_first(self: ReleaseStore, after: State, *_: object) -> None:
    self.tidy(after)
    _commit(self, after)


_commit = ReleaseStore.commit

TWINS: Final[dict[str, tuple[str, Callable[..., Any], str]]] = {
    "state_is_written_in_place": ("commit", _in_place, i.UNREADABLE),
    "committed_before_it_is_kept": ("keep", _committed_first, i.NOT_GOOD),
    "tidied_before_the_commit": ("commit", _tidied_first, i.NOT_GOOD),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(
    name: str,
    room: Path,
    revisions: tuple[i.Proved, i.Proved],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attribute, broken, seen = TWINS[name]
    monkeypatch.setattr(ReleaseStore, attribute, broken)
    assert seen in killed(room, revisions, sought=seen)[0]
