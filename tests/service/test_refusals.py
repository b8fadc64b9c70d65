"""What is refused: by name, recorded, in words of ours, and counted beyond a caller's share."""

from __future__ import annotations

import hashlib

import pytest

from pdp import model
from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.service import refusals
from pdp.service.status import Status
from tests.service import questions as ask
from tests.service.desk import NOW_NS, PEER, SECOND_NS, Desk
from tests.service.wrongs import REFUSED, wrong


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_named_and_recorded(desk: Desk, name: str) -> None:
    data, cause, words = REFUSED[name]
    refused = desk.refused(lambda: desk.handlers.decide(data, PEER))
    assert (refused.status, refused.cause) == (Status.INVALID_ARGUMENT, cause)
    assert str(refused).startswith("invalid request: ")
    assert words in str(refused)
    [kept] = desk.records()
    assert isinstance(kept, log_pb2.RefusalRecord)
    assert (kept.status, kept.reason) == ("INVALID_ARGUMENT", cause)
    assert (kept.peer, kept.rpc) == (PEER, "/pdp.v1.DecisionService/Decide")
    assert kept.request_bytes == len(data)
    assert kept.request_sha256 == hashlib.sha256(data).hexdigest()
    assert (kept.time_unix_ns, kept.engine_version) == (NOW_NS, "1.2.3")
    assert desk.counted("pdp_refusals_total", status="INVALID_ARGUMENT", cause=cause) == 1


def padded(size_bytes: int) -> bytes:
    """A valid request of exactly that many bytes; what fills it are approvals that fit nothing."""
    message = ask.message(ask.ALLOW)
    message.grants.extend([b"g" * 17_000] * 14)
    message.grants[-1] += b"g" * (size_bytes - message.ByteSize())
    return message.SerializeToString()


def test_a_request_as_large_as_may_be(desk: Desk) -> None:
    assert len(padded(model.REQUEST_BYTES_MAX)) == model.REQUEST_BYTES_MAX
    answer = desk.decide(padded(model.REQUEST_BYTES_MAX))
    assert answer.cause == pb.DENY_CAUSE_APPROVAL_MISMATCH
    refused = desk.refused(lambda: desk.handlers.decide(padded(model.REQUEST_BYTES_MAX + 1), PEER))
    assert refused.cause == "request_too_large"


def test_a_refusal_knows_who_asked_for_what(desk: Desk) -> None:
    desk.refused(lambda: desk.handlers.decide(ask.data(ask.REFUSED), PEER))
    [kept] = desk.records()
    assert isinstance(kept, log_pb2.RefusalRecord)
    assert (kept.principal, kept.action) == ("Agent::bot", "pay__refund")
    assert kept.field == "args.amount"


def test_what_a_refusal_quotes_cannot_hide_itself(desk: Desk) -> None:
    name = "x\u202e\n" + "a" * 5_000
    data = wrong(args=f'{{"amount":"1.00",{_json(name)}:1}}')
    refused = desk.refused(lambda: desk.handlers.decide(data, PEER))
    assert str(refused).isprintable()
    assert len(str(refused)) < 600
    [kept] = desk.records()
    assert isinstance(kept, log_pb2.RefusalRecord)
    assert "a" * 100 not in kept.field


def _json(text: str) -> str:
    return '"' + text.replace("\n", "\\n") + '"'


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("report_outcome", Status.INVALID_ARGUMENT, "invalid_request"),
        ("get_receipt", Status.FAILED_PRECONDITION, "log_not_signed"),
    ],
)
def test_calls_about_nothing(desk: Desk, name: str, status: Status, reason: str) -> None:
    refused = desk.refused(lambda: getattr(desk.handlers, name)(b"", PEER))
    assert refused.status is status
    [kept] = desk.records()
    assert isinstance(kept, log_pb2.RefusalRecord)
    assert kept.reason == reason


def test_refusals_beyond_a_callers_share_are_counted(desk: Desk) -> None:
    share = refusals.RECORDS_PER_SECOND_MAX
    for _ in range(share + 7):
        desk.refused(lambda: desk.handlers.decide(b"", "ipv4:127.0.0.1"))
    desk.refused(lambda: desk.handlers.decide(b"", PEER))
    assert len(desk.records()) == share + 1
    desk.handlers.summarise()
    summary = desk.records()[-1]
    assert isinstance(summary, log_pb2.ShedSummaryRecord)
    [count] = summary.counts
    assert (count.peer, count.status, count.count) == ("ipv4:127.0.0.1", "INVALID_ARGUMENT", 7)
    desk.handlers.summarise()
    assert len(desk.records()) == share + 2, "nothing new to say, and yet a record"
    desk.clock.now_ns += SECOND_NS
    desk.refused(lambda: desk.handlers.decide(b"", "ipv4:127.0.0.1"))
    assert len(desk.records()) == share + 3


def test_many_callers_share_what_one_may_have(desk: Desk) -> None:
    tally = refusals.RefusalTally()
    admitted = sum(tally.admit(f"peer-{number}", NOW_NS) for number in range(5_000))
    assert admitted == refusals.CALLERS_MAX + refusals.RECORDS_PER_SECOND_MAX
    for number in range(5_000):
        tally.count(f"peer-{number}", "RESOURCE_EXHAUSTED")
    counts = tally.take()
    assert len(counts) == refusals.CALLERS_MAX + 1
    assert sum(count for _, _, count in counts) == 5_000
