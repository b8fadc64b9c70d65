"""Broken builds of the server's part of an activation, each noticed by the try with its name."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from pdp._proto import decision_pb2 as pb
from pdp.activation.errand import Task
from pdp.activation.spool import read_index, reading_release
from pdp.activation.state import ReleaseStore, State
from pdp.bundles.refusal import BundleRefused
from pdp.bundles.verification import Floor
from pdp.decisionlog.appender import Setup as LogSetup
from pdp.decisionlog.appender import unavailable
from pdp.decisionlog.errors import Trouble
from pdp.decisionlog.writer import Writer
from pdp.engine import Engine
from pdp.service.activating import clock, installing
from pdp.service.activating.activator import Activator, Surroundings
from pdp.service.activating.active import Active
from pdp.service.activating.clock import SteadyClock
from pdp.service.activating.installing import Installer
from pdp.service.activating.samples import Samples
from pdp.service.operating.board import StatusBoard
from pdp.slices import finished
from tests.activation import installation as i
from tests.changed import replace
from tests.service import questions as ask
from tests.service.activating import signed
from tests.service.activating.signed import Shop, bundle, decided
from tests.service.desk import NOW_NS, Desk, broken

LOOKS: Final = 5


class CountingBoard(StatusBoard):
    """Also knows how often the source was read."""

    looks = 0

    def source_read(self, source: str, use: str, time_unix_ns: int) -> None:
        self.looks += 1
        super().source_read(source, use, time_unix_ns)


class Bench:
    """A real log and state directory, revisions that are proven, and what was swapped in."""

    def __init__(self, room: Path, made: dict[int, i.Proved]) -> None:
        self.ground: Final = i.Ground(room)
        self.releases: Final = ReleaseStore(self.ground.state)
        self.log: Final = Writer.open(self.ground.log, LogSetup("test", segment_bytes=1 << 16))
        self.swapped: list[int] = []
        self._made: Final = made

    def install(self, revision: int, state: State, later_s: int = 0) -> str:
        """The cause of the refusal, or that it is installed, so many seconds from now."""
        ready = self.releases.path / f"ready-{revision}"
        self._made[revision].write(ready)
        now_us = time.time_ns() // 1_000 + later_s * 1_000_000
        installer = Installer(self.releases, self.log, lambda: now_us, i.ENGINE)
        try:
            installer.install(ready, state, None, (), self._swap)
        except BundleRefused as error:
            return str(error.cause)
        return "installed"

    def _swap(self, active: Active) -> None:
        self.swapped.append(active.engine.bundle.revision or 0)

    def activator(self, board: StatusBoard) -> Activator:
        """With a real child, which looks at the source."""
        around = Surroundings(self.log, board, SteadyClock(), Samples(), self._swap, _nothing)
        setup = i.setup(self.ground.trust, self.ground.state, self.ground.source)
        return Activator(setup, 0.1, State(), around)


def _nothing(*_: object, **__: object) -> None:
    return None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[int, i.Proved]:
    room = tmp_path_factory.mktemp("proved")
    return {revision: i.proved(revision, room / str(revision)) for revision in (1, 2)}


@pytest.fixture
def rooms() -> Iterator[tuple[Path, Path]]:
    with i.room() as one, i.room() as other:
        yield one, other


# ---------------------------------------------------------------- what is tried


def not_recorded(room: Path, made: dict[int, i.Proved]) -> str:
    """The log is full: what is not recorded does not decide."""
    bench = Bench(room, made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.log, "append", broken(unavailable(Trouble.NO_SPACE)))
        cause = bench.install(1, State())
    bench.log.close()
    return f"{cause}, swapped {bench.swapped}"


def overtaken(room: Path, made: dict[int, i.Proved]) -> str:
    """While it was proven, a newer one came to decide."""
    bench = Bench(room, made)
    cause = bench.install(1, State({signed.NAME: Floor(2, "0" * 64)}))
    bench.log.close()
    return f"{cause}, swapped {bench.swapped}"


def expired_meanwhile(room: Path, made: dict[int, i.Proved]) -> str:
    """It was proven for longer than it was valid."""
    bench = Bench(room, made)
    cause = bench.install(1, State(), later_s=7_200)
    bench.log.close()
    return f"{cause}, swapped {bench.swapped}"


def changed_on_disk(room: Path, made: dict[int, i.Proved]) -> str:
    """A file is not what was proven."""
    one = made[1]
    changed = {**one.release.files, "shop_tests.charter": b"# nothing\n"}
    release = replace(one.release, files=changed)
    bench = Bench(room, {1: replace(one, release=release)})
    cause = bench.install(1, State())
    bench.log.close()
    return f"{cause}, swapped {bench.swapped}"


def expired(room: Path, made: dict[int, i.Proved]) -> str:
    """The moment has come until which it was valid."""
    desk = Desk(None, room / "log")
    desk.handlers.active = Active(_engine(made[1]), valid_until_ns=NOW_NS)
    answer = desk.decide(ask.data(ask.ALLOW))
    desk.writer.close()
    return pb.DenyCause.Name(answer.cause)


def set_back(_: Path, __: dict[int, i.Proved]) -> str:
    """Somebody sets the machine's clock back by an hour."""
    wall, rising = [10**18], [0]
    steady = SteadyClock(lambda: wall[0], lambda: rising[0])
    wall[0] -= 3_600 * 10**9
    rising[0] += 10**9
    return "goes on" if steady.now_ns() == 10**18 + 10**9 else "went back"


def not_taken(room: Path, _: dict[int, i.Proved]) -> str:
    """The log was full for a moment: one of the next looks makes it ready again."""
    bench = Bench(room, {})
    bench.ground.source.write_bytes(bundle(1))
    board = CountingBoard("here", i.ENGINE, ())
    server = bench.activator(board)
    with pytest.MonkeyPatch.context() as full:
        full.setattr(bench.log, "append", broken(unavailable(Trouble.NO_SPACE)))
        server.begin()
    before = list(bench.swapped)
    server.start()
    signed.until(lambda: bool(bench.swapped) or board.looks > LOOKS, "enough looks", 90.0)
    server.close()
    bench.log.close()
    return f"swapped {before}, then {bench.swapped}"


def _engine(what: i.Proved) -> Engine:
    return Engine(what.release.files, compact=what.release.program)


# ---------------------------------------------------------------- the broken builds


def _swapped_first(self: Any, ready: Path, state: State, *rest: Any) -> Any:
    before, samples, swap = rest
    early = self._engine(ready, read_index(ready), before, samples)
    swap(Active(early))
    return _install(self, ready, state, before, samples, _nothing)


def _unrecorded(self: Any, *_: object) -> None:
    """The log's trouble is not this one's."""


def _going_on(self: Active, bound: Any, _: int) -> Any:
    return self.engine.decide(bound)


def _any_content(self: Any, ready: Path, index: Any, *rest: Any) -> Any:
    release = finished(reading_release(ready, index))
    return Engine(release.files, compact=release.program)


_install: Any = Installer.install


def _following(self: SteadyClock) -> int:
    return self._wall()


def _forgetting(self: Activator, kind: str, **more: Any) -> Task:
    self._is_untaken = False
    found: Task = _task(self, kind, **more)
    return found


_task: Any = Activator._task  # noqa: SLF001 - the seam


@dataclass(frozen=True, slots=True)
class Twin:
    """``owner``'s ``name`` becomes ``broken``; ``seen_by`` must say something else than before."""

    owner: Any
    name: str
    broken: Any
    seen_by: Callable[[Path, dict[int, i.Proved]], str]
    honest: str


_LATE: Final = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
_KEPT: Final = "not_loaded, swapped []"
TWINS: Final = {
    "swapped_before_the_record": Twin(Installer, "install", _swapped_first, not_recorded, _KEPT),
    "decides_without_a_record": Twin(Installer, "_record", _unrecorded, not_recorded, _KEPT),
    "overtaken_is_not_noticed": Twin(
        installing, "check_floors", _nothing, overtaken, "rollback, swapped []"
    ),
    "expired_meanwhile_is_not_noticed": Twin(
        installing, "valid_until", lambda _: _LATE, expired_meanwhile, "expired, swapped []"
    ),
    "content_is_not_compared": Twin(
        Installer, "_engine", _any_content, changed_on_disk, "state_corrupt, swapped []"
    ),
    "expired_goes_on_deciding": Twin(
        Active, "decide", _going_on, expired, "DENY_CAUSE_BUNDLE_EXPIRED"
    ),
    "time_goes_back": Twin(clock.SteadyClock, "now_ns", _following, set_back, "goes on"),
    "what_is_not_taken_is_forgotten": Twin(
        Activator, "_task", _forgetting, not_taken, "swapped [], then [1]"
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(
    name: str,
    rooms: tuple[Path, Path],
    made: dict[int, i.Proved],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    twin = TWINS[name]
    assert twin.seen_by(rooms[0], made) == twin.honest
    monkeypatch.setattr(twin.owner, twin.name, twin.broken)
    assert twin.seen_by(rooms[1], made) != twin.honest


# ---------------------------------------------------------------- what is on trial

# All bundles of a server are swapped in alike.
ONE_SWAP: Final = """
import dataclasses
from pdp.service.activating import activator
swaps, real = [], activator.Activator.__init__
def begun(self, setup, poll_s, floors, around):
    swaps.append(around.swap)
    real(self, setup, poll_s, floors, dataclasses.replace(around, swap=swaps[0]))
activator.Activator.__init__ = begun
"""


def answered_beside_a_trial(shop: Shop, patch: str) -> set[int]:
    """The revisions that answer once another one is on trial, by the log."""
    shop.put(bundle(1))
    shop.put(bundle(2), "trial.bundle")
    trial = str(shop.directory / "trial.bundle")
    with shop.serving("--shadow", trial, patch=patch) as server:
        signed.until(lambda: _is_on_trial(shop), "the trial", 90.0)
        return {decided(server).bundle.revision for _ in range(20)}


def _is_on_trial(shop: Shop) -> bool:
    """Its state is committed, and so what it does is done."""
    return any((shop.directory / "state" / "shadow").glob("state.json"))


@pytest.mark.slow
def test_a_trial_that_answers_is_caught() -> None:
    with signed.shop() as shop:
        assert answered_beside_a_trial(shop, "") == {1}
    with signed.shop() as shop:
        assert 2 in answered_beside_a_trial(shop, ONE_SWAP)
