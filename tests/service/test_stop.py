"""How a server ends: a drain, a second signal, a log that fails for good. Real processes."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import grpc
import pytest
from grpc_health.v1 import (  # type: ignore[import-untyped]
    health_pb2,
    health_pb2_grpc,
)

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.decisionlog.record import Kind
from tests.service import questions as ask
from tests.service import served
from tests.service.served import Served

CLIENTS: Final = 4
ROUNDS: Final = 3

# Runs in the server's process before it starts: a decision takes as long as its request id says.
SLOW: Final = """
import time
from pdp.engine import Engine
decide = Engine.decide
def slow(self, bound, *moment):
    time.sleep(float(bound.request.request_id or 0))
    return decide(self, bound, *moment)
Engine.decide = slow
"""
# The disk fails once the request `break` has been decided.
BROKEN_DISK: Final = """
from pdp.decisionlog import disk
from pdp.engine import Engine
decide = Engine.decide
def fail(*_):
    raise disk.SyncFailed("injected")
def breaking(self, bound, *moment):
    if bound.request.request_id == "break":
        disk.sync = fail
    return decide(self, bound, *moment)
Engine.decide = breaking
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    with served.room() as path:
        yield path


def slow(seconds: float) -> bytes:
    message = ask.message(ask.ALLOW)
    message.request_id = str(seconds)
    return message.SerializeToString()


class Client(threading.Thread):
    """Asks until the server is gone; keeps the ids of what it was answered."""

    def __init__(self, server: Served) -> None:
        super().__init__()
        self.answered: list[str] = []
        self.ends: set[str] = set()
        channel = server.channel()
        self._call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/pdp.v1.DecisionService/Decide"
        )

    def run(self) -> None:
        while True:
            try:
                data = self._call(ask.data(ask.ALLOW), timeout=20)
            except grpc.RpcError as error:
                self.ends.add(error.code().name)
                return
            self.answered.append(pb.DecideResponse.FromString(data).decision_id)


def test_a_drain_at_a_random_moment_loses_nothing_answered(directory: Path) -> None:
    rng = random.Random(20_260_302)
    answered: list[str] = []
    for _ in range(ROUNDS):
        with served.serving(directory) as server:
            clients = [Client(server) for _ in range(CLIENTS)]
            for client in clients:
                client.start()
            time.sleep(rng.uniform(0.05, 0.5))
            assert server.stop(rng.choice([signal.SIGTERM, signal.SIGINT])) == 0
            for client in clients:
                client.join(20)
            answered += [name for client in clients for name in client.answered]
            ends = {end for client in clients for end in client.ends}
            assert ends <= {"UNAVAILABLE", "CANCELLED"}
            *_, last = server.messages()
            assert isinstance(last, log_pb2.StopRecord)
            assert last.reason in ("sigterm", "sigint")
            assert server.messages(Kind.RECOVERY) == []
            assert not (directory / "pdp.sock").exists()
    logged = [
        item.decision_id
        for item in server.messages(Kind.DECISION)
        if isinstance(item, log_pb2.DecisionRecord)
    ]
    assert answered
    assert set(answered) <= set(logged)
    assert len(set(logged)) == len(logged)


def test_calls_in_flight_are_finished(directory: Path) -> None:
    with served.serving(directory, patch=SLOW) as server:
        channel = server.channel()
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/pdp.v1.DecisionService/Decide"
        )
        waiting = call.future(slow(1.0), timeout=20)
        time.sleep(0.4)
        assert server.stop() == 0
        answer = pb.DecideResponse.FromString(waiting.result())
        [kept] = server.messages(Kind.DECISION)
        assert isinstance(kept, log_pb2.DecisionRecord)
        assert answer.decision_id == kept.decision_id
        assert isinstance(server.messages()[-1], log_pb2.StopRecord)


def test_a_watcher_is_told_and_does_not_hold_the_drain_up(directory: Path) -> None:
    with served.serving(directory, "--grace-s", "60") as server:
        stub = health_pb2_grpc.HealthStub(server.channel())
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=50)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        assert server.stop() == 0
        assert [item.status for item in watch] == [health_pb2.HealthCheckResponse.NOT_SERVING]
        assert "Exception" not in server.stderr()


def test_what_outlives_its_grace_is_cut_off(directory: Path) -> None:
    with served.serving(directory, "--grace-s", "0", patch=SLOW) as server:
        channel = server.channel()
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/pdp.v1.DecisionService/Decide"
        )
        waiting = call.future(slow(600.0), timeout=60)
        time.sleep(0.5)
        assert server.stop() == 0
        with pytest.raises(grpc.RpcError):
            waiting.result()
        assert server.messages(Kind.DECISION) == []
        assert isinstance(server.messages()[-1], log_pb2.StopRecord)


def test_a_second_signal_ends_it_at_once(directory: Path) -> None:
    with served.serving(directory, "--grace-s", "600", patch=SLOW) as server:
        channel = server.channel()
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/pdp.v1.DecisionService/Decide"
        )
        waiting = call.future(slow(600.0), timeout=600)
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert server.process.poll() is None
        assert server.stop() == 1
        assert not waiting.cancelled()


def test_a_log_that_fails_for_good_ends_the_server(directory: Path) -> None:
    with served.serving(directory, patch=BROKEN_DISK) as server:
        before = pb.DecideResponse.FromString(server.call("Decide", ask.data(ask.ALLOW)))
        message = ask.message(ask.ALLOW)
        message.request_id = "break"
        with pytest.raises(grpc.RpcError) as found:
            server.call("Decide", message.SerializeToString())
        assert found.value.code() is grpc.StatusCode.UNAVAILABLE
        assert found.value.details() == "unavailable"
        assert server.process.wait(served.END_S) == 1
        assert "the decision log could not be synced" in server.stderr()
        assert "injected" not in server.stderr()
    with served.serving(directory) as after:
        logged = [
            item.decision_id
            for item in after.messages(Kind.DECISION)
            if isinstance(item, log_pb2.DecisionRecord)
        ]
        assert before.decision_id in logged
