"""Installing revision 2 where revision 1 decides, step by step, and a start on whatever is left.

For tests that interrupt it. The parts are the real ones; what was proven is proven once.
"""

from __future__ import annotations

import datetime
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pdp.activation import spool
from pdp.activation.errand import Places, Setup, Task
from pdp.activation.preparing import Offer
from pdp.activation.release import Release
from pdp.activation.spool import Index, read_index, read_offer, reading_release
from pdp.activation.state import READY, ReleaseStore, State
from pdp.activation.worker import Worker
from pdp.bundles.refusal import BundleRefused
from pdp.decisionlog.appender import Setup as LogSetup
from pdp.decisionlog.writer import Writer
from pdp.service.activating.active import Active
from pdp.service.activating.installing import Installed, Installer
from pdp.slices import finished
from tests.service.activating import signed

ENGINE: Final = "0.1.0"
TZDATA: Final = "2026.1"
CASES: Final = 20
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a fresh private directory is made in it

UNREADABLE: Final = "the state cannot be read"
LOWERED: Final = "the floor is lower than what decided"
NOT_GOOD: Final = "the last good release cannot start"
HALF: Final = "what starts is neither revision"
STUCK: Final = "the next revision is not taken"


@dataclass(frozen=True, slots=True)
class Proved:
    """All that the child writes for one revision."""

    offer: Offer
    release: Release
    index: Index

    def write(self, folder: Path) -> None:
        spool.write_folder(folder, self.offer, self.release, self.index)


def setup(trust: Path, state: Path, source: Path) -> Setup:
    return Setup(
        places=Places(str(source)),
        name=signed.NAME,
        directory_name=None,
        trust_store=str(trust),
        state_dir=str(state),
        require_freshness=False,
        engine_version=ENGINE,
        tzdata_version=TZDATA,
        self_test_cases=CASES,
        fetch_timeout_s=20.0,
    )


def task(state: State, kind: str, folder: str, offered: str = "") -> Task:
    asked: dict[str, Any] = {
        "kind": kind,
        "now": datetime.datetime.now(datetime.UTC),
        "floors": dict(state.floors),
        "trust_store_version": state.trust_store_version,
        "folder": folder,
        "offered": offered,
    }
    return Task(**asked)


def proved(revision: int, room: Path) -> Proved:
    """What the real child makes of a revision."""
    room.mkdir(mode=0o700)
    source, trust = room / "source", room / "trust"
    source.write_bytes(signed.bundle(revision))
    trust.write_bytes(signed.store())
    outcome = Worker(setup(trust, room, source)).do(task(State(), "look", "ready-1"))
    assert outcome.kind == "ready", outcome
    index = read_index(room / "ready-1")
    release = finished(reading_release(room / "ready-1", index))
    return Proved(read_offer(room / "ready-1"), release, index)


class Ground:
    """``disk`` holds the state directory, ``log`` the decision log; ``trust`` stands beside."""

    def __init__(self, room: Path) -> None:
        self.disk: Final = room / "disk"
        self.log: Final = room / "log"
        self.trust: Final = room / "trust"
        self.source: Final = room / "source"
        self.disk.mkdir(parents=True, exist_ok=True)
        self.trust.write_bytes(signed.store())

    @property
    def state(self) -> Path:
        return self.disk / "state"

    def install(self, what: Proved, told: Callable[[int], None]) -> None:
        """As the child and then the server do it; ``told`` gets the revision that decides."""
        self._install(ReleaseStore(self.state), what, told)

    def _install(
        self, releases: ReleaseStore, what: Proved, told: Callable[[int], None]
    ) -> Installed:
        state = releases.read() or State()
        name = f"{READY}-{uuid.uuid4().hex}"
        what.write(releases.path / name)
        return self._installed(releases, state, name, told)

    def _installed(
        self, releases: ReleaseStore, state: State, name: str, told: Callable[[int], None]
    ) -> Installed:
        def swap(active: Active) -> None:
            told(active.engine.bundle.revision or 0)

        with Writer.open(self.log, LogSetup("test", segment_bytes=1 << 16)) as log:
            installer = Installer(releases, log, lambda: time.time_ns() // 1_000, ENGINE)
            installed, _ = installer.install(releases.path / name, state, None, (), swap)
        return installed

    def findings(self, reported: int, known: tuple[Proved, ...]) -> set[str]:
        """Start as the next process does, and name what must not be: nothing.

        ``reported`` is the highest revision that decided before, 0 for none; ``known`` are the
        revisions that may be found, the last of them the next to be taken.
        """
        releases = ReleaseStore(self.state)
        try:
            state = releases.read() or State()
        except BundleRefused:
            return {UNREADABLE}
        found: set[str] = set()
        floor = state.floors.get(signed.NAME)
        if reported and (floor is None or floor.revision < reported):
            found.add(LOWERED)
        releases.tidy(state, at_start=True)
        if state.good is not None:
            found |= self._restarted(releases, state, known)
        elif reported:
            found.add(NOT_GOOD)
        if not found and not self._takes(releases, known[-1]):
            found.add(STUCK)
        return found

    def _restarted(
        self, releases: ReleaseStore, state: State, known: tuple[Proved, ...]
    ) -> set[str]:
        assert state.good is not None
        worker = Worker(setup(self.trust, self.state, self.source))
        name = f"{READY}-{uuid.uuid4().hex}"
        outcome = worker.do(task(state, "again", name, state.good))
        if outcome.kind != "ready":
            return {NOT_GOOD}
        try:
            installed = self._installed(releases, state, name, lambda _: None)
        except (BundleRefused, OSError):
            return {NOT_GOOD}
        engine = installed.active.engine
        is_known = any(
            (engine.bundle.digest, engine.compact()) == (one.index.content, one.release.program)
            for one in known
        )
        return set() if is_known else {HALF}

    def _takes(self, releases: ReleaseStore, what: Proved) -> bool:
        told: list[int] = []
        try:
            self._install(releases, what, told.append)
        except (BundleRefused, OSError):
            return False
        return bool(told)


@contextmanager
def room() -> Iterator[Path]:
    """A fresh directory, in memory if possible: small files are synced there by the thousand."""
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory, prefix="pdp-") as directory:
        yield Path(directory)
