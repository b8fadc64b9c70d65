"""What one caller can do to a server and to other callers: hold threads, descriptors, answers."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final

import grpc
import pytest

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.decisionlog.record import Kind
from tests.service import questions as ask
from tests.service import served
from tests.service.served import Served

ASK: Final = ask.data(ask.ALLOW)
THREADS: Final = 4
# A small limit of descriptors, and segments so small that the log soon needs one.
FEW_DESCRIPTORS: Final = """
import functools, resource
import pdp.service.server as server
from pdp.decisionlog.appender import Setup
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
server.Setup = functools.partial(Setup, segment_bytes=1 << 15)
"""
# The first call in a worker's thread ends in {error}.
BREAK_ONCE: Final = """
import pdp.eval.policyset as policyset
good, calls = policyset.PolicySet.bind, []
def bind(self, request):
    calls.append(1)
    if len(calls) == 1:
        raise {error}
    return good(self, request)
policyset.PolicySet.bind = bind
"""


def status(server: Served, timeout_s: float = 10.0) -> str:
    try:
        data = server.call("Decide", ASK, timeout_s)
    except grpc.RpcError as error:
        return str(error.code().name)
    return pb.Effect.Name(pb.DecideResponse.FromString(data).effect)


def test_calls_that_send_no_request_hold_no_thread() -> None:
    done = threading.Event()

    def nothing() -> Iterator[bytes]:
        done.wait(60)
        yield from ()

    with served.room() as directory, served.serving(directory, "--threads", str(THREADS)) as server:
        silent = server.channel(server.unix, ("of", "the silent one"))
        server.channels.reverse()
        server.channels.insert(0, server.channel(server.unix, ("of", "others")))
        call: grpc.StreamUnaryMultiCallable[bytes, bytes] = silent.stream_unary(
            "/pdp.v1.DecisionService/Decide"
        )
        held = [call.future(nothing()) for _ in range(THREADS)]
        time.sleep(0.2)
        try:
            assert status(server, 20.0) == "EFFECT_ALLOW"
            for item in held:
                error = item.exception(20)
                assert isinstance(error, grpc.RpcError)
                assert error.code() is grpc.StatusCode.CANCELLED
        finally:
            done.set()


def test_whoever_takes_all_descriptors_does_not_end_the_log() -> None:
    with (
        served.room() as directory,
        served.serving(directory, patch=FEW_DESCRIPTORS) as server,
        contextlib.ExitStack() as held,
    ):
        assert status(server) == "EFFECT_ALLOW"
        for _ in range(200):
            connection = held.enter_context(socket.socket(socket.AF_UNIX))
            connection.settimeout(1)
            try:
                connection.connect(str(directory / "pdp.sock"))
            except OSError:
                break
        time.sleep(0.5)
        assert "UNAVAILABLE" in [status(server) for _ in range(60)]
        held.close()
        deadline = time.monotonic() + 20
        while status(server) != "EFFECT_ALLOW" and time.monotonic() < deadline:
            time.sleep(0.2)
        assert status(server) == "EFFECT_ALLOW"
        assert server.stop() == 0


@pytest.mark.parametrize("error", ["SystemExit('4111')", "KeyboardInterrupt('4111')"])
def test_what_ends_a_thread_ends_one_call_and_is_recorded(error: str) -> None:
    patch = BREAK_ONCE.format(error=error)
    with served.room() as directory, served.serving(directory, patch=patch) as server:
        assert [status(server), status(server)] == ["INTERNAL", "EFFECT_ALLOW"]
        (refusal,) = server.messages(Kind.REFUSAL)
        assert isinstance(refusal, log_pb2.RefusalRecord)
        assert refusal.reason == "internal"
        assert server.stop() == 0
        assert "4111" not in server.stderr()
