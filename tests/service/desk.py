"""Handlers on a real engine and a real log, for tests: what they were given, answered and wrote."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from pdp._proto import decision_pb2 as pb
from pdp.decisionlog import reader, record
from pdp.decisionlog.appender import Setup
from pdp.decisionlog.record import Message
from pdp.decisionlog.writer import Writer
from pdp.engine import Engine
from pdp.model import Decision
from pdp.request import Request
from pdp.service.activating.active import Active
from pdp.service.handlers import Handlers, Surroundings
from pdp.service.metrics import Metrics
from pdp.service.status import Refused

PEER: Final = "unix"
NOW_NS: Final = 1_772_445_600_123_456_789
SECOND_NS: Final = 1_000_000_000


class Clock:
    """Nanoseconds, moved by tests."""

    def __init__(self) -> None:
        self.now_ns = NOW_NS

    def __call__(self) -> int:
        return self.now_ns


class Desk:
    """Handlers with all they stand on."""

    def __init__(self, engine: Any, directory: Path) -> None:
        self.directory = directory
        self.clock = Clock()
        self.metrics = Metrics()
        self.writer = Writer.open(directory, Setup("test", segment_bytes=1 << 20))
        self.handlers = Handlers(
            Active(engine),
            self.writer,
            self.metrics,
            Surroundings(self.clock, self.clock, os.urandom, "1.2.3", "2026a"),
        )

    def decide(self, data: bytes) -> pb.DecideResponse:
        return pb.DecideResponse.FromString(self.handlers.decide(data, PEER))

    def batch(self, message: pb.DecideBatchRequest) -> list[pb.DecideResponse]:
        data = self.handlers.decide_batch(message.SerializeToString(), PEER)
        return list(pb.DecideBatchResponse.FromString(data).answers)

    def refused(self, call: Callable[[], object]) -> Refused:
        with pytest.raises(Refused) as found:
            call()
        return found.value

    def records(self) -> list[Message]:
        return [record.parse(r.kind, r.payload) for r in reader.records(self.directory)]

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


class Stub:
    """An engine whose parts tests can break."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.bundle = engine.bundle
        self.bound = self.decided = 0

    def bind(self, request: Request) -> Any:
        self.bound += 1
        return self.engine.bind(request)

    def decide(self, bound: Any, now_us: int) -> Decision:
        self.decided += 1
        return self.engine.decide(bound, now_us)


def broken(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail
