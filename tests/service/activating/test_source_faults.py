"""A source that hangs, streams, drips, flips bits or fails: decisions go on, and it is said why."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from pdp.bundles.refusal import Cause
from pdp.bundles.sources.fetching import Failure
from tests.service.activating import moody, signed
from tests.service.activating.signed import Shop, bundle, decided
from tests.service.served import Served

ROOT: Final = Path(__file__).resolve().parents[3]
# Against hanging: no decision waits for anything that a source does.
DECISION_S: Final = 5.0
# The child is nice, so on a busy machine it may take long to prove even a small shop.
until: Final = partial(signed.until, ceiling_s=90.0)
FETCH: Final = ("--fetch-timeout-s", "3")
CAUSES: Final[dict[str, set[str]]] = {
    "hangs": {Failure.TIMEOUT},
    # Whichever comes first: the most that is taken, or the end of the time.
    "streams forever": {Failure.TOO_LARGE, Failure.TIMEOUT},
    "drips": {Failure.TIMEOUT},
    "fails": {Failure.SERVER_ERROR},
    moody.FLIPS: {Cause.BAD_FILE_HASH},
}
WORKER: Final = "pdp.activation.worker"


class Source:
    """The bad server, and what mood it is in."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.uri = f"http://127.0.0.1:{port}/bundle"

    def become(self, mood: str) -> None:
        new = self.directory / "new"
        new.write_text(mood)
        new.replace(self.directory / "mood")

    def put(self, data: bytes) -> None:
        new = self.directory / "new"
        new.write_bytes(data)
        new.replace(self.directory / "bundle")

    def asked(self, mood: str) -> int:
        """How often it was asked in that mood."""
        path = self.directory / "asked"
        return path.read_text().splitlines().count(mood) if path.exists() else 0


@contextmanager
def source(shop: Shop) -> Iterator[Source]:
    directory = shop.directory / "moody"
    directory.mkdir()
    command = [sys.executable, "-m", "tests.service.activating.moody", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            made = Source(directory, int(process.stdout.readline()))
            made.become(moody.WELL)
            made.put(bundle(1))
            yield made
        finally:
            process.kill()


@contextmanager
def asking(server: Served) -> Iterator[Callable[[], set[int]]]:
    """Asks again and again meanwhile; what is given tells the revisions that answered so far.

    Every answer must come in time, and be that of its revision.
    """
    revisions: set[int] = set()
    problems: list[str] = []
    ending = threading.Event()

    def ask() -> None:
        while not ending.is_set():
            started_s = time.monotonic()
            answer = decided(server)
            took_s = time.monotonic() - started_s
            if took_s > DECISION_S:
                problems.append(f"a decision took {took_s:.1f} s")
            if not signed.is_of_one_version(answer):
                problems.append("an answer that is of no revision")
            revisions.add(answer.bundle.revision)
            time.sleep(0.005)

    def asked() -> None:
        try:
            ask()
        except Exception as error:  # noqa: BLE001 - told to the test's own thread
            problems.append(repr(error))

    thread = threading.Thread(target=asked)
    thread.start()
    try:
        yield lambda: set(revisions)
    finally:
        ending.set()
        thread.join(signed.CEILING_S)
    assert problems == []


@pytest.fixture
def shop() -> Iterator[Shop]:
    with signed.shop() as made:
        yield made


def cause(shop: Shop, server: Served) -> str:
    return str(shop.status(server).refused.cause)


def is_refused_for(shop: Shop, server: Served, mood: str, since_ns: int) -> bool:
    refused = shop.status(server).refused
    return refused.time_unix_ns > since_ns and refused.cause in CAUSES[mood]


def is_serving(shop: Shop, server: Served) -> bool:
    return bool(shop.status(server).is_serving)


def workers(server: Served) -> list[int]:
    """The processes that the server started to look for bundles."""
    pids = []
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        with suppress(FileNotFoundError):
            pids += [int(pid) for pid in (task / "children").read_text().split()]
    return [pid for pid in pids if is_worker(pid)]


def is_worker(pid: int) -> bool:
    try:
        return WORKER in Path(f"/proc/{pid}/cmdline").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_decisions_go_on_whatever_the_source_does(shop: Shop) -> None:
    with source(shop) as place, shop.serving(*FETCH, source=place.uri) as server:
        until(partial(is_serving, shop, server), "the first revision")
        for number, mood in enumerate(CAUSES, 2):
            with asking(server) as answered:
                place.become(mood)
                place.put(bundle(number))
                said = partial(is_refused_for, shop, server, mood, time.time_ns())
                until(said, f"why, while it {mood}")
                assert answered() == {number - 1}
                place.become(moody.WELL)
                until(lambda: len(answered()) == 2, f"revision {number}")
                assert answered() == {number - 1, number}
        status = shop.status(server)
        assert status.is_serving
        assert [one.trouble for one in status.sources] == [""]
        assert server.stop() == 0


# How long a child may take to end once it was told to: longer than any test waits.
PATIENT: Final = "import pdp.activation.child\npdp.activation.child._END_S = 60.0\n"


@pytest.mark.slow
def test_a_server_ends_in_time_while_its_source_hangs(shop: Shop) -> None:
    with source(shop) as place:
        patch = PATIENT
        with shop.serving("--fetch-timeout-s", "60", source=place.uri, patch=patch) as server:
            place.become("hangs")
            until(lambda: place.asked("hangs") > 0, "a look while it hangs")
            [worker] = workers(server)
            # The child ends when it is told to, not when its grace is over.
            assert server.stop() == 0
            until(lambda: not is_worker(worker), "the end of the child")
        assert "internal error" not in (shop.directory / "stderr").read_text()


@pytest.mark.slow
def test_a_child_that_is_killed_while_it_looks_is_replaced(shop: Shop) -> None:
    with source(shop) as place, shop.serving(*FETCH, source=place.uri) as server:
        until(partial(is_serving, shop, server), "the first revision")
        with asking(server) as answered:
            place.become("hangs")
            place.put(bundle(2))
            until(lambda: place.asked("hangs") > 0, "a look while it hangs")
            for worker in workers(server):
                os.kill(worker, signal.SIGKILL)
            until(lambda: cause(shop, server) == Cause.NOT_LOADED, "that it ended is said")
            assert answered() == {1}
            place.become(moody.WELL)
            until(lambda: 2 in answered(), "revision 2")
        assert len(workers(server)) == 1


# The longest that a task may take, here.
IMPATIENT: Final = "import pdp.activation.child\npdp.activation.child.WORK_S = 8.0\n"


@pytest.mark.slow
def test_a_child_that_stands_still_is_ended(shop: Shop) -> None:
    with (
        source(shop) as place,
        shop.serving(*FETCH, source=place.uri, patch=IMPATIENT) as server,
    ):
        until(partial(is_serving, shop, server), "the first revision")
        with asking(server) as answered:
            place.become("hangs")
            place.put(bundle(2))
            until(lambda: place.asked("hangs") > 0, "a look while it hangs")
            [worker] = workers(server)
            os.kill(worker, signal.SIGSTOP)
            place.become(moody.WELL)
            until(lambda: cause(shop, server) == Cause.NOT_LOADED, "that it was ended is said")
            assert "was ended" in shop.status(server).refused.message
            assert not is_worker(worker)
            until(lambda: 2 in answered(), "revision 2")


# Whoever decides waits until nobody looks at the source.
WAITING: Final = """
import threading
from pdp.activation.child import Child
from pdp.service.handlers import Handlers
lock, do, judged = threading.Lock(), Child.do, Handlers._judged
def looking(self, task):
    with lock:
        return do(self, task)
def deciding(self, *given):
    with lock:
        return judged(self, *given)
Child.do, Handlers._judged = looking, deciding
"""


@pytest.mark.slow
def test_a_build_that_waits_for_its_source_is_caught(shop: Shop) -> None:
    more = ("--fetch-timeout-s", "8")
    with source(shop) as place, shop.serving(*more, source=place.uri, patch=WAITING) as server:
        until(partial(is_serving, shop, server), "the first revision")
        place.become("hangs")
        until(lambda: place.asked("hangs") > 0, "a look while it hangs")
        with pytest.raises(AssertionError, match=r"a decision took|DEADLINE"), asking(server):
            time.sleep(DECISION_S)
