"""Decisions and the operator's calls on a real log and state directory, for tests. Checks nothing.

``restart`` is what a new process finds: the same directories, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from pdp._proto import admin_pb2, log_pb2
from pdp._proto import decision_pb2 as pb
from pdp.decisionlog import reader, record
from pdp.decisionlog.appender import Setup, unavailable
from pdp.decisionlog.errors import Trouble
from pdp.decisionlog.record import Kind, Message
from pdp.decisionlog.writer import Writer
from pdp.engine import Engine
from pdp.request import Request
from pdp.service.activating.active import Active
from pdp.service.handlers import Handlers, Surroundings
from pdp.service.metrics import Metrics
from pdp.service.operating.admin import AdminHandlers, Desk
from pdp.service.operating.board import StatusBoard
from pdp.service.status import Refused
from pdp.service.stopping.statedir import StateDirectory, StateUnusable
from pdp.service.stopping.stops import Stops
from tests.service import questions as ask
from tests.service.desk import PEER, Clock, broken

WHO: Final = "eva@shop.example"
WHY: Final = "it sends the same refund again and again"


class Office:
    """One server without its doors."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self.engine = engine
        self.directory = directory
        self.clock = Clock()
        self._open()

    @property
    def log_dir(self) -> Path:
        return self.directory / "log"

    @property
    def file(self) -> Path:
        return self.directory / "state" / "stops.json"

    def _open(self) -> None:
        self.around = Surroundings(self.clock, self.clock, os.urandom, "1.2.3", "2026a")
        self.log = Writer.open(self.log_dir, Setup("test", segment_bytes=1 << 20))
        self.state = StateDirectory(self.directory / "state")
        self.stops = Stops(self.log, self.state, self.clock, os.urandom, "1.2.3")
        self.handlers = Handlers(Active(self.engine), self.log, Metrics(), self.around, self.stops)
        self.board = StatusBoard("here", "1.2.3", ("unsafe_any_caller",))
        desk = Desk(self.stops, self.board, lambda: self.engine.checked.schema, lambda: "")
        self.admin = AdminHandlers(desk, self.log, self.around)

    def close(self) -> None:
        self.state.close()
        self.log.close()

    def restart(self) -> None:
        self.close()
        self._open()
        self.stops.restore(self.log_dir)
        self.stops.keep()

    # ---------------------------------------------------------------- calls

    def decide(self, request: Request) -> pb.DecideResponse:
        return pb.DecideResponse.FromString(self.handlers.decide(ask.data(request), PEER))

    def batch(self, *requests: Request) -> list[pb.DecideResponse]:
        message = pb.DecideBatchRequest(items=[ask.message(request) for request in requests])
        data = self.handlers.decide_batch(message.SerializeToString(), PEER)
        return list(pb.DecideBatchResponse.FromString(data).answers)

    def stop(
        self, kind: log_pb2.StopKind, target: str, who: str = WHO, why: str = WHY
    ) -> log_pb2.StopOrder:
        request = admin_pb2.StopRequest(kind=kind, target=target, who=who, why=why)
        data = self.admin.stop(request.SerializeToString(), PEER)
        return admin_pb2.StopResponse.FromString(data).order

    def resume(self, order_id: str, who: str = WHO, why: str = WHY) -> log_pb2.StopOrder:
        request = admin_pb2.ResumeRequest(order_id=order_id, who=who, why=why)
        data = self.admin.resume(request.SerializeToString(), PEER)
        return admin_pb2.ResumeResponse.FromString(data).order

    def status(self) -> admin_pb2.StatusResponse:
        return admin_pb2.StatusResponse.FromString(self.admin.status(b"", PEER))

    # ---------------------------------------------------------------- what is seen

    def is_stopped(self, request: Request) -> bool:
        answer = self.decide(request)
        return (answer.effect, answer.cause) == (pb.EFFECT_DENY, pb.DENY_CAUSE_STOPPED)

    def is_done(self, call: object) -> bool:
        """Whether a call (``lambda: office.stop(…)``) is answered."""
        assert callable(call)
        with suppress(Refused):
            call()
            return True
        return False

    def records(self, *kinds: Kind) -> list[Message]:
        return [
            record.parse(item.kind, item.payload)
            for item in reader.records(self.log_dir)
            if not kinds or item.kind in kinds
        ]

    def orders(self) -> list[log_pb2.StopOrderRecord]:
        found = self.records(Kind.STOP_ORDER)
        return [item for item in found if isinstance(item, log_pb2.StopOrderRecord)]


@contextmanager
def failing_log(office: Office) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(office.log, "append_many", broken(unavailable(Trouble.NO_SPACE)))
        patch.setattr(office.log, "append", broken(unavailable(Trouble.NO_SPACE)))
        yield


@contextmanager
def failing_disk(office: Office) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(office.state, "write", broken(StateUnusable("full")))
        yield
