"""The process that fetches is ended in time whatever it does, and ends itself when left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from pdp.bundles.sources import confined
from pdp.bundles.sources.fetching import Failure
from pdp.bundles.sources.places import source_of
from tests.bundles.sources import broken
from tests.bundles.sources.asking import FETCHED, ask

# Children that never were ours: what they do, and what is said of it.
CHILDREN: Final = {
    "import time; time.sleep(60)": Failure.TIMEOUT,
    "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)": Failure.TIMEOUT,
    "": Failure.BAD_ANSWER,
    "import os; os.abort()": Failure.BAD_ANSWER,
    "import sys; sys.stdout.buffer.write(b'\\0' * 7 + b'\\1x')": Failure.BAD_ANSWER,
    "import sys; sys.stdout.buffer.write(b'\\xff' * 8)": Failure.BAD_ANSWER,
    "import sys; sys.stdin.read(1); sys.stdout.buffer.write(b'\\0' * 8)": Failure.BAD_ANSWER,
}
ORPHANED: Final = """
import sys
from pdp.bundles.sources import confined
from pdp.bundles.sources.places import source_of
from tests.bundles.sources import broken
confined.COMMAND = broken.command(*sys.argv[2:])
source_of(sys.argv[1]).fetch(None, 3)
"""


@pytest.mark.parametrize("script", CHILDREN)
def test_whatever_the_process_does(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(confined, "COMMAND", (sys.executable, "-c", script))
    cause = CHILDREN[script]
    timeout_s = 1.0 if cause is Failure.TIMEOUT else 30.0
    found = ask("http://127.0.0.1:1/x", timeout_s=timeout_s)
    assert found.word == cause, found.message
    assert found.took_s < timeout_s + 1


def test_memory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "COMMAND", broken.command("hungry"))
    found = ask("http://127.0.0.1:1/x")
    assert found.word == Failure.TOO_LARGE, found.message
    assert "bytes of memory" in found.message


def test_a_library_that_prints(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "COMMAND", broken.command("talkative"))
    assert ask(f"http://{bad}/good").word == FETCHED


def test_a_source_that_is_forgotten_leaves_no_process(bad: str) -> None:
    before = children_of(os.getpid())
    source = source_of(f"http://{bad}/good")
    source.fetch(None, 20)
    [child] = children_of(os.getpid()) - before
    del source
    assert not is_alive(child)


def test_the_same_process_fetches_again(bad: str) -> None:
    before = children_of(os.getpid())
    with closing(source_of(f"http://{bad}/good")) as source:
        source.fetch(None, 20)
        [child] = children_of(os.getpid()) - before
        source.fetch(None, 20)
        assert children_of(os.getpid()) - before == {child}


def test_an_orphan_ends(bad: str) -> None:
    assert orphan_ends(f"http://{bad}/drips-long")


def orphan_ends(uri: str, *broken_names: str) -> bool:
    """Whether the process that fetches ends after whoever asked was killed in the midst of it."""
    with subprocess.Popen([sys.executable, "-c", ORPHANED, uri, *broken_names]) as parent:
        deadline = time.monotonic() + 30
        while not (found := children_of(parent.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        [child] = found
        # It has taken its order by then, and waits for the place.
        time.sleep(1.5)
        parent.kill()
    deadline = time.monotonic() + 6
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    ended = not is_alive(child)
    if not ended:
        os.kill(child, 9)
    return ended


def children_of(pid: int) -> set[int]:
    tasks = Path(f"/proc/{pid}/task")
    try:
        return {
            int(one) for task in tasks.iterdir() for one in (task / "children").read_text().split()
        }
    except FileNotFoundError:
        return set()


def is_alive(pid: int) -> bool:
    """A process that only its parent still counts is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
