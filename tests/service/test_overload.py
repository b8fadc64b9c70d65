"""More calls than a server takes: shed or too late, counted in the log, never allowed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import grpc
import pytest

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.decisionlog.record import Kind
from tests.service import questions as ask
from tests.service import served
from tests.service.served import Served

CALLS: Final = 12
ADMITTED: Final = 3
UNTIL_S: Final = 20.0

# One decision takes a third of a second.
SLOW: Final = """
import time
from pdp.engine import Engine
decide = Engine.decide
def slow(self, bound, *moment):
    time.sleep(0.3)
    return decide(self, bound, *moment)
Engine.decide = slow
"""


@pytest.fixture
def server() -> Iterator[Served]:
    with (
        served.room() as directory,
        served.serving(
            directory, "--threads", "1", "--max-concurrent", str(ADMITTED), patch=SLOW
        ) as running,
    ):
        yield running


def summaries(server: Served) -> Counter[str]:
    """How many calls the log says ended with each status, without a record of their own."""
    counts: Counter[str] = Counter()
    for item in server.messages(Kind.SHED_SUMMARY):
        assert isinstance(item, log_pb2.ShedSummaryRecord)
        counts.update({count.status: count.count for count in item.counts})
    return counts


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it holds before the ceiling."""
    deadline = time.monotonic() + UNTIL_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def asked(server: Served, count: int, timeout_s: float) -> list[grpc.StatusCode | bytes]:
    """What that many calls at once came to: the answer or the status."""
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = server.channel().unary_unary(
        "/pdp.v1.DecisionService/Decide"
    )
    futures = [call.future(ask.data(ask.ALLOW), timeout=timeout_s) for _ in range(count)]
    results: list[grpc.StatusCode | bytes] = []
    for future in futures:
        try:
            results.append(future.result())
        except grpc.RpcError as error:
            results.append(error.code())
    return results


def test_what_is_shed_is_counted(server: Served) -> None:
    results = asked(server, CALLS, 20)
    answers = [pb.DecideResponse.FromString(r) for r in results if isinstance(r, bytes)]
    shed = results.count(grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert 0 < shed == CALLS - len(answers)
    logged = {
        item.decision_id
        for item in server.messages(Kind.DECISION)
        if isinstance(item, log_pb2.DecisionRecord)
    }
    assert {answer.decision_id for answer in answers} == logged
    assert eventually(lambda: summaries(server)["RESOURCE_EXHAUSTED"] == shed)
    asked(server, 1, 20)
    assert server.stop() == 0
    assert summaries(server) == {"RESOURCE_EXHAUSTED": shed}


def test_what_comes_too_late_is_neither_decided_nor_recorded(server: Served) -> None:
    results = asked(server, ADMITTED, 0.45)
    assert grpc.StatusCode.DEADLINE_EXCEEDED in results
    # The first is decided in time; the last was still waiting when its deadline passed.
    assert eventually(lambda: summaries(server)["DEADLINE_EXCEEDED"] == 1)
    assert len(server.messages(Kind.DECISION)) == ADMITTED - 1


def test_the_last_counts_are_written_before_the_end(server: Served) -> None:
    results = asked(server, CALLS, 20)
    assert server.stop() == 0
    shed = results.count(grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert shed > 0
    assert summaries(server) == {"RESOURCE_EXHAUSTED": shed}
    assert isinstance(server.messages()[-1], log_pb2.StopRecord)


def test_exception_text_stays_inside(tmp_path: Path) -> None:
    patch = """
from pdp.eval.policyset import PolicySet
from pdp.engine import Engine
def fail(*_):
    raise ValueError("sesame 4711")
Engine.bind = fail
"""
    with served.room() as directory, served.serving(directory, patch=patch) as server:
        with pytest.raises(grpc.RpcError) as found:
            server.call("Decide", ask.data(ask.ALLOW))
        assert found.value.code() is grpc.StatusCode.INTERNAL
        assert found.value.details() == "internal error"
        [kept] = server.messages(Kind.REFUSAL)
        assert isinstance(kept, log_pb2.RefusalRecord)
        assert (kept.status, kept.reason) == ("INTERNAL", "internal")
        assert "ValueError" in server.stderr()
        assert "4711" not in server.stderr()
