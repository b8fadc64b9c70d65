"""A process that dies at any write of a stop or a resume: what was answered holds afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from pdp._proto import log_pb2
from pdp.decisionlog import disk
from pdp.engine import Engine
from tests.service import questions as ask
from tests.service import served
from tests.service.office import WHO, WHY, Office

KILLED: Final = 9
ANSWERED: Final = 0
# More than either call writes; the loop ends at the first run that is not killed.
STEPS_MAX: Final = 100
CALLS: Final = ("write_all", "sync", "sync_directory", "create_whole")


@pytest.fixture
def directory() -> Iterator[Path]:
    with served.room() as path:
        yield path


def dying_at(step: int) -> None:
    """From here on the process ends before its ``step``-th call that changes a file."""
    left = [step]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def count(*given: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os._exit(KILLED)
            return call(*given)

        return count

    for name in CALLS:
        setattr(disk, name, counted(getattr(disk, name)))


def child(engine: Engine, room: Path, step: int, call: Callable[[Office], object]) -> int:
    """The exit code of a process that opens an office and dies, or is answered."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            office = Office(engine, room)
            office.stops.restore(office.log_dir)
            dying_at(step)
            call(office)
            code = ANSWERED
        finally:
            # Without closing anything: as if killed right after the answer.
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def reopened(engine: Engine, room: Path) -> tuple[bool, list[log_pb2.StopOrderRecord]]:
    """Whether the bot is stopped for whoever starts next, and what the log says."""
    office = Office(engine, room)
    try:
        office.stops.restore(office.log_dir)
        logged = office.orders()
        office.stops.keep()
        return office.is_stopped(ask.ALLOW), logged
    finally:
        office.close()


def stop(office: Office) -> None:
    office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot", WHO, WHY)


def resume(office: Office) -> None:
    office.resume(office.stops.orders[0].order_id)


def rooms(directory: Path) -> Iterator[tuple[int, Path]]:
    for step in range(1, STEPS_MAX):
        room = directory / str(step)
        room.mkdir()
        yield step, room
    raise AssertionError("the call never came to its end")


def test_a_stop_that_was_answered_is_in_force(engine: Engine, directory: Path) -> None:
    in_force = []
    for step, room in rooms(directory):
        code = child(engine, room, step, stop)
        in_force.append(reopened(engine, room)[0])
        if code == ANSWERED:
            break
        assert code == KILLED
    # Lost at first, then kept by the file alone, then answered.
    assert in_force[0] is False
    assert in_force == sorted(in_force)
    assert in_force.count(True) > 1


def test_a_resume_that_was_not_recorded_lifts_nothing(engine: Engine, directory: Path) -> None:
    lifted = []
    for step, room in rooms(directory):
        office = Office(engine, room)
        stop(office)
        office.close()
        code = child(engine, room, step, resume)
        is_stopped, logged = reopened(engine, room)
        assert is_stopped or logged[-1].is_resumed
        lifted.append(not is_stopped)
        if code == ANSWERED:
            break
        assert code == KILLED
    assert lifted == sorted(lifted)
    assert lifted[-1] is True
    assert lifted.count(False) > 1


def resumed_in_the_file_alone(self: Any, order: Any, *_: str) -> None:
    self._write([one for one in self.orders if one is not order])


def test_a_resume_without_its_record_is_caught(
    engine: Engine, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken build: the answer says that the order is over, and the log does not."""
    monkeypatch.setattr("pdp.service.stopping.stops.Stops._end", resumed_in_the_file_alone)
    office = Office(engine, directory)
    stop(office)
    office.close()
    assert child(engine, directory, STEPS_MAX, resume) == ANSWERED
    assert reopened(engine, directory)[0] is True
