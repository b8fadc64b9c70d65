"""Killed, or without power, at any step: what an activation record names is there to be read."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.bundles.refusal import BundleRefused
from pdp.decisionlog import disk, reader, record
from pdp.decisionlog.errors import LogError, LogMissing
from pdp.decisionlog.keeping.filestore import FileStore
from pdp.decisionlog.record import Kind
from pdp.service.activating.installing import Installer
from tests.activation import installation as i
from tests.activation.dying import DONE, STEPS_MAX, dying_at
from tests.activation.powercut import Recorder, rebuild

NOT_KEPT: Final = "a record names a file that is not kept"


def findings(log_dir: Path) -> tuple[set[str], int]:
    """What must not be in a log that somebody left, and how many activations it holds."""
    found, count = set[str](), 0
    store = FileStore(log_dir)
    try:
        for item in reader.records(log_dir):
            if item.kind is not Kind.BUNDLE_ACTIVATION:
                continue
            count += 1
            message: Any = record.parse(item.kind, item.payload)
            for file in message.files:
                store.read(file.sha256)
    except LogMissing:
        return found, count
    except LogError:
        found.add(NOT_KEPT)
    return found, count


def killed(room: Path, revisions: tuple[i.Proved, i.Proved]) -> tuple[set[str], int]:
    """After dying at each step of taking the second revision: what must not be, and the steps."""
    template, found = room / "template", set[str]()
    i.Ground(template).install(revisions[0], lambda _: None)
    for step in range(1, STEPS_MAX):
        ground = i.Ground(shutil.copytree(template, room / "left"))
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                dying_at(step)
                ground.install(revisions[1], lambda _: None)
                code = DONE
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code in (DONE, -signal.SIGKILL), "the child found a bug"
        found |= findings(ground.log)[0]
        shutil.rmtree(room / "left")
        if code == DONE or found:
            return found, step
    raise AssertionError("the installation never came to its end")


def cut(room: Path, revisions: tuple[i.Proved, i.Proved]) -> tuple[set[str], int]:
    """In each tree that a power cut could leave of it: what must not be, and how many had both."""
    ground = i.Ground(room / "ground")
    ground.install(revisions[0], lambda _: None)
    recorder = Recorder(room / "ground")
    with recorder.watching():
        ground.install(revisions[1], recorder.report)
    found, complete = set[str](), 0
    for tree, _ in recorder.left():
        left = room / "left"
        left.mkdir()
        rebuild(tree, left)
        bad, count = findings(left / "log")
        found |= bad
        complete += count > 1
        shutil.rmtree(left)
    return found, complete


def test_whoever_is_killed_leaves_no_record_without_its_files(
    room: Path, revisions: tuple[i.Proved, i.Proved]
) -> None:
    found, steps = killed(room, revisions)
    assert found == set()
    assert steps > 40, "too few steps to have tested anything"


def test_a_power_cut_leaves_no_record_without_its_files(
    room: Path, revisions: tuple[i.Proved, i.Proved]
) -> None:
    found, complete = cut(room, revisions)
    assert found == set()
    assert complete > 5, "too few trees hold both records to have tested anything"


# ---------------------------------------------------------------- the broken builds


def _recorded_first(patch: pytest.MonkeyPatch) -> None:
    keep, write = vars(Installer)["_keep_files"], vars(Installer)["_record"]
    owed: list[Callable[[], None]] = []

    def later(self: Installer, *given: Any, **named: Any) -> None:
        ready, *rest = given
        # The folder is under another name by then; what is in it is not looked at here.
        kept = ready.with_name(f"{ready.name}-copy")
        shutil.copytree(ready, kept)
        owed.append(lambda: keep(self, kept, *rest, **named))

    def first(self: Installer, payload: bytes) -> None:
        write(self, payload)
        owed.pop()()

    patch.setattr(Installer, "_keep_files", later)
    patch.setattr(Installer, "_record", first)


def _never(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FileStore, "keep", lambda *_: None)


def _not_synced(patch: pytest.MonkeyPatch) -> None:
    """Files are written and named, and so are the directories' names; no content is synced."""
    whole = disk.create_whole

    def quick(directory: Path, name: str, data: bytes, size_bytes: int = 0) -> int:
        if directory.name != "files":
            return whole(directory, name, data, size_bytes)
        scratch = directory / f"{name}.new"
        scratch.write_bytes(data)
        scratch.rename(directory / name)
        disk.sync_directory(directory)
        return os.open(directory / name, os.O_RDONLY)

    patch.setattr(disk, "create_whole", quick)


def _names_not_synced(patch: pytest.MonkeyPatch) -> None:
    sync = disk.sync_directory

    def some(directory: Path) -> None:
        if directory.name != "files":
            sync(directory)

    patch.setattr(disk, "sync_directory", some)


Broken = Callable[[pytest.MonkeyPatch], None]
TWINS: Final[dict[str, tuple[Broken, Callable[..., tuple[set[str], int]]]]] = {
    "never_kept": (_never, killed),
    "recorded_before_it_is_kept": (_recorded_first, killed),
    "contents_are_not_synced": (_not_synced, cut),
    "names_are_not_synced": (_names_not_synced, cut),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(
    name: str,
    room: Path,
    revisions: tuple[i.Proved, i.Proved],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken, harness = TWINS[name]
    broken(monkeypatch)
    assert harness(room, revisions)[0] == {NOT_KEPT}


# ---------------------------------------------------------------- the store by itself


def kept(log_dir: Path, *contents: bytes) -> FileStore:
    store = FileStore(log_dir)
    store.keep(contents)
    return store


def names(contents: Iterable[Path]) -> list[str]:
    return sorted(path.name for path in contents)


def test_only_its_user_reads_the_files(tmp_path: Path) -> None:
    store = kept(tmp_path, b"one", b"two")
    assert store.path.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in store.path.iterdir()} == {0o600}


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    store = kept(tmp_path, b"one")
    before = [path.stat() for path in store.path.iterdir()]
    store.keep([b"one", b"one"])
    assert [path.stat() for path in store.path.iterdir()] == before


def test_a_file_that_was_cut_is_written_again(tmp_path: Path) -> None:
    store = kept(tmp_path, b"one")
    (path,) = store.path.iterdir()
    path.write_bytes(b"o")
    store.keep([b"one"])
    assert store.read(path.name) == b"one"


def test_what_somebody_left_who_died_writing_goes(tmp_path: Path) -> None:
    store = kept(tmp_path, b"one")
    whole = names(store.path.iterdir())
    (store.path / f"{'0' * 64}.new").write_bytes(b"half")
    store.keep([b"one"])
    assert names(store.path.iterdir()) == whole


def test_what_cannot_be_kept_does_not_decide(
    room: Path, revisions: tuple[i.Proved, i.Proved], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    ground, told = i.Ground(room), list[int]()
    monkeypatch.setattr(FileStore, "keep", full)
    with pytest.raises(BundleRefused, match="decision log cannot be written"):
        ground.install(revisions[0], told.append)
    assert told == []
    assert findings(ground.log) == (set(), 0)
