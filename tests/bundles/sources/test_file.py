"""Bundles in files: what is no plain, steady file is refused; a change wakes whoever waits."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from pdp.bundles.sources.fetching import BYTES_MAX, Failure, SourceFailed
from pdp.bundles.sources.places import put, source_of
from pdp.bundles.sources.watching import watch_of_directory
from tests.bundles.sources.asking import FETCHED, UNCHANGED, ask

WAIT_S: Final = 30.0
# Of a wait that should end at once: it neither ran to its end nor found the change only there.
SOON_S: Final = 10.0
APPENDING: Final = """
import sys
with open(sys.argv[1], "ab", buffering=0) as file:
    print(flush=True)
    while True:
        file.write(b"x" * 100)
"""


@contextmanager
def later(change: Callable[[], object]) -> Iterator[None]:
    """``change`` happens half a second from now, and has happened in the end."""
    timer = threading.Timer(0.5, change)
    timer.start()
    try:
        yield
    finally:
        timer.join()


def woken(path: Path, change: Callable[[], object]) -> bool:
    """Whether a source that has looked is woken by ``change``."""
    with closing(source_of(str(path))) as source:
        with suppress(SourceFailed):
            source.fetch(None, 5)
        started = time.monotonic()
        with later(change):
            source.wait(WAIT_S)
        return time.monotonic() - started < SOON_S


@pytest.mark.parametrize("form", ["{}", "file:{}", "file://{}", "file://localhost{}"])
def test_a_file_is_fetched(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a bundle"
    path.write_bytes(b"one")
    found = ask(form.format(path))
    assert found.fetched is not None
    assert found.fetched.data == b"one"
    assert ask(str(path), known=found.fetched.version).word == UNCHANGED
    # The same size, and perhaps the same time.
    path.write_bytes(b"two")
    assert ask(str(path), known=found.fetched.version).word == FETCHED


def test_a_file_as_large_as_may_be(tmp_path: Path) -> None:
    with (tmp_path / "bundle").open("wb") as file:
        file.truncate(BYTES_MAX)
    assert ask(str(tmp_path / "bundle")).word == FETCHED


def test_a_file_of_a_byte_more(tmp_path: Path) -> None:
    with (tmp_path / "bundle").open("wb") as file:
        file.truncate(BYTES_MAX + 1)
    assert ask(str(tmp_path / "bundle")).word == Failure.TOO_LARGE


def test_no_file(tmp_path: Path) -> None:
    assert ask(str(tmp_path / "nothing")).word == Failure.NOT_FOUND
    assert ask(str(tmp_path / "nothing" / "below")).word == Failure.NOT_FOUND


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    path = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path}[kind]
    found = ask(str(path))
    assert found.word == Failure.BAD_ANSWER
    words = "Is a directory" if kind == "folder" else "is not a regular file"
    assert words in found.message
    assert found.took_s < SOON_S


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    found = ask(str(tmp_path / "loop"))
    assert found.word == Failure.SERVER_ERROR
    assert "symbolic links" in found.message


def test_a_file_that_others_may_not_read(tmp_path: Path) -> None:
    """As somebody else, since root may read everything."""
    if os.geteuid() != 0:
        pytest.skip("elsewhere: only root can become somebody else")
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    secret.chmod(0)
    script = (
        "import os, sys; from tests.bundles.sources.asking import ask; os.setuid(65534);"
        " print(ask(sys.argv[1]).word)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(secret)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == Failure.FORBIDDEN


def test_a_file_that_grows_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    with path.open("wb") as file:
        file.truncate(BYTES_MAX // 2)
    with subprocess.Popen(
        [sys.executable, "-c", APPENDING, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        found = ask(str(path))
        writer.kill()
    assert found.word in (Failure.BAD_ANSWER, Failure.TOO_LARGE)
    assert found.took_s < 21


def test_a_file_replaced_again_and_again_is_never_a_mix(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    kinds = [bytes([value]) * 300_000 for value in (1, 2)]
    put(str(path), kinds[0], timeout_s=5)
    stopped = threading.Event()

    def replace() -> None:
        while not stopped.is_set():
            for data in kinds:
                put(str(path), data, timeout_s=5)

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        fetched = [ask(str(path)).fetched for _ in range(200)]
    finally:
        stopped.set()
        writer.join()
    found = {one.data for one in fetched if one is not None}
    assert found == set(kinds)
    assert None not in fetched
    assert [entry.name for entry in tmp_path.iterdir()] == ["bundle"]


# ---------------------------------------------------------------- waiting


def test_waiting_ends_when_the_file_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    path.write_bytes(b"one")
    assert woken(path, lambda: path.write_bytes(b"three"))


def test_waiting_ends_when_the_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    path.write_bytes(b"one")
    assert woken(path, lambda: put(str(path), b"two", timeout_s=5))


def test_waiting_ends_when_the_file_comes_to_be(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    assert woken(path, lambda: path.write_bytes(b"one"))


def test_waiting_ends_when_the_folder_comes_to_be(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "bundle"

    def make() -> None:
        path.parent.mkdir()
        path.write_bytes(b"one")

    assert woken(path, make)


def test_waiting_ends_when_a_mount_swaps_its_link(tmp_path: Path) -> None:
    """As Kubernetes does: the file's link leads through a link to a folder, which is replaced."""
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "bundle").write_text(version)
    (tmp_path / "data").symlink_to("v1")
    (tmp_path / "bundle").symlink_to("data/bundle")
    (tmp_path / "new").symlink_to("v2")
    assert woken(tmp_path / "bundle", lambda: (tmp_path / "new").rename(tmp_path / "data"))


def test_what_changed_before_the_wait_ends_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    path.write_bytes(b"one")
    with closing(source_of(str(path))) as source:
        source.fetch(None, 5)
        path.write_bytes(b"three")
        started = time.monotonic()
        source.wait(WAIT_S)
        assert time.monotonic() - started < SOON_S


def test_a_neighbour_does_not_end_the_wait(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    path.write_bytes(b"one")
    with closing(source_of(str(path))) as source:
        source.fetch(None, 5)
        started = time.monotonic()
        with later(lambda: (tmp_path / "other").write_bytes(b"x")):
            source.wait(2)
        assert time.monotonic() - started >= 2


@pytest.mark.parametrize("change", ["write", "new", "remove", "rename", "below"])
def test_a_policy_directory_is_watched(tmp_path: Path, change: str) -> None:
    (tmp_path / "a.charter").write_text("one")
    (tmp_path / "folder").mkdir()
    watch = watch_of_directory(tmp_path)
    changes: dict[str, Callable[[], object]] = {
        "write": lambda: (tmp_path / "a.charter").write_text("three"),
        "new": lambda: (tmp_path / "b.json").write_text("{}"),
        "remove": (tmp_path / "a.charter").unlink,
        "rename": lambda: (tmp_path / "a.charter").rename(tmp_path / "b.charter"),
        "below": lambda: (tmp_path / "folder" / "c.charter").write_text("x"),
    }
    with later(changes[change]):
        assert watch.wait(WAIT_S)
    assert not watch.wait(0)


def test_what_is_no_policy_does_not_end_the_wait(tmp_path: Path) -> None:
    watch = watch_of_directory(tmp_path)
    (tmp_path / ".hidden.charter").write_text("x")
    (tmp_path / "notes.txt").write_text("x")
    assert not watch.wait(1)


# ---------------------------------------------------------------- writing


def test_put_leaves_the_old_file_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(SourceFailed) as failed:
        put(str(path), b"x", timeout_s=5)
    assert failed.value.cause is Failure.BAD_ANSWER
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_put_into_no_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed) as failed:
        put(str(tmp_path / "no" / "bundle"), b"x", timeout_s=5)
    assert failed.value.cause is Failure.NOT_FOUND


def test_put_of_too_much(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed) as failed:
        put(str(tmp_path / "bundle"), bytes(BYTES_MAX + 1), timeout_s=5)
    assert failed.value.cause is Failure.TOO_LARGE
    assert list(tmp_path.iterdir()) == []
