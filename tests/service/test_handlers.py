"""The handlers' answers and their records, and what is left of both when something breaks."""

from __future__ import annotations

import itertools
import uuid
from typing import Any, Final

import pytest

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.decisionlog import reader
from pdp.decisionlog.appender import unavailable
from pdp.decisionlog.errors import Trouble
from pdp.engine import Engine
from pdp.model import Decision, Entity
from pdp.request import Request
from pdp.service import refusals
from pdp.service.activating.active import Active
from pdp.service.status import Status
from tests.service import questions as ask
from tests.service.desk import NOW_NS, PEER, Clock, Desk, Stub, broken

# ---------------------------------------------------------------- answers and their records

TICK_NS: Final = 1_000_000


class Ticking(Stub):
    """Notes the time that it is asked to decide at, in microseconds since 1970."""

    asked_us = 0

    def decide(self, bound: Any, now_us: int) -> Decision:
        self.asked_us = now_us
        return super().decide(bound, now_us)


def is_time_as_recorded(desk: Desk, engine: Engine) -> bool:
    """Whether a record gives the time that was decided at, though time goes on at each look."""
    stub, looks = Ticking(engine), itertools.count(NOW_NS, TICK_NS)
    desk.handlers.active = Active(stub)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Clock, "__call__", lambda _: next(looks))
        desk.decide(ask.data(ask.ALLOW))
    kept = desk.records()[-1]
    return stub.asked_us == kept.time_unix_ns // 1_000


def test_a_record_gives_the_time_that_was_decided_at(desk: Desk, engine: Engine) -> None:
    assert is_time_as_recorded(desk, engine)


def test_a_build_that_looks_at_the_clock_twice_is_caught(
    desk: Desk, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(self: Active, bound: Any, _: int) -> Decision:
        return self.engine.decide(bound, desk.clock() // 1_000)

    monkeypatch.setattr(Active, "decide", again)
    assert not is_time_as_recorded(desk, engine)


def test_an_answer_is_recorded_before_it_leaves(desk: Desk, engine: Engine) -> None:
    answer = desk.decide(ask.data(ask.ALLOW))
    [stored] = reader.records(desk.directory)
    assert answer.effect == pb.EFFECT_ALLOW
    assert (answer.receipt.log_id, answer.receipt.seq) == (desk.writer.log_id, stored.seq)
    assert answer.receipt.leaf_hash == stored.leaf_hash
    [kept] = desk.records()
    assert isinstance(kept, log_pb2.DecisionRecord)
    assert kept.request == ask.message(ask.ALLOW)
    answer.ClearField("receipt")
    assert kept.answer == answer
    assert kept.decision_id == answer.decision_id
    assert kept.request_digest == answer.request_digest != ""
    assert kept.bundle.digest == engine.bundle.digest
    assert kept.time_unix_ns == NOW_NS
    assert (kept.engine_version, kept.tzdata_version) == ("1.2.3", "2026a")
    assert not kept.omitted_paths


def test_a_decision_id_is_a_uuid_of_version_7_and_new_each_time(desk: Desk) -> None:
    ids = [desk.decide(ask.data(ask.ALLOW)).decision_id for _ in range(50)]
    desk.clock.now_ns += 1_000_000
    later = desk.decide(ask.data(ask.ALLOW)).decision_id
    assert len({*ids}) == 50
    for text in ids:
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
        assert parsed.int >> 80 == NOW_NS // 1_000_000
        assert text < later


@pytest.mark.parametrize(
    ("request_", "effect", "cause"),
    [
        (ask.ALLOW, pb.EFFECT_ALLOW, pb.DENY_CAUSE_UNSPECIFIED),
        (ask.APPROVAL, pb.EFFECT_REQUIRE_APPROVAL, pb.DENY_CAUSE_UNSPECIFIED),
        (ask.RULE, pb.EFFECT_DENY, pb.DENY_CAUSE_RULE),
        (ask.ERROR, pb.EFFECT_DENY, pb.DENY_CAUSE_ERROR),
        (ask.UNATTRIBUTED, pb.EFFECT_DENY, pb.DENY_CAUSE_UNATTRIBUTED),
        (ask.NO_ALLOW, pb.EFFECT_DENY, pb.DENY_CAUSE_NO_ALLOW),
        (ask.UNSUPPORTED, pb.EFFECT_DENY, pb.DENY_CAUSE_UNSUPPORTED_OBLIGATION),
        (ask.UNKNOWN_ACTION, pb.EFFECT_DENY, pb.DENY_CAUSE_INVALID_REQUEST),
        (ask.UNKNOWN_TYPE, pb.EFFECT_DENY, pb.DENY_CAUSE_INVALID_REQUEST),
        (ask.NO_RESOURCE, pb.EFFECT_DENY, pb.DENY_CAUSE_INVALID_REQUEST),
        (ask.RESOURCE_TOO_MANY, pb.EFFECT_DENY, pb.DENY_CAUSE_INVALID_REQUEST),
    ],
    ids=lambda value: value.request_id if isinstance(value, Request) else "",
)
def test_effects_and_causes(desk: Desk, request_: Request, effect: int, cause: int) -> None:
    answer = desk.decide(ask.data(request_))
    assert (answer.effect, answer.cause) == (effect, cause)
    assert answer.request_id == request_.request_id
    [kept] = desk.records()
    assert isinstance(kept, log_pb2.DecisionRecord)
    assert (kept.answer.effect, kept.answer.cause) == (effect, cause)


def test_errors_are_recorded_with_their_place(desk: Desk) -> None:
    desk.decide(ask.data(ask.ERROR))
    [kept] = desk.records()
    assert isinstance(kept, log_pb2.DecisionRecord)
    [error] = kept.errors
    assert (error.rule, error.file) == ("refunds.own_account", "shop.charter")
    assert error.line > 1


@pytest.mark.parametrize(
    ("request_", "hidden", "omitted"),
    [
        (ask.SECRET, ask.CARD, {"args.card"}),
        (ask.REDACTED, "a@b.example", {"args.to"}),
        # The caller cannot redact, and so is denied; the log leaves it out all the same.
        (ask.UNSUPPORTED, "a@b.example", {"args.to"}),
        (ask.SUMMARY, "a private note", {"args"}),
        (ask.UNKNOWN_ACTION, ask.CARD, {"args"}),
        (ask.UNKNOWN_TYPE, ask.CARD, {"args"}),
        (ask.NO_RESOURCE, ask.CARD, {"args"}),
        (ask.REFUSED, ask.CARD, None),
    ],
    ids=lambda value: value.request_id if isinstance(value, Request) else "",
)
def test_what_must_not_be_logged_is_not(
    desk: Desk, request_: Request, hidden: str, omitted: set[str] | None
) -> None:
    if omitted is None:
        assert hidden not in str(desk.refused(lambda: desk.decide(ask.data(request_))))
    else:
        desk.decide(ask.data(request_))
    [kept] = desk.records()
    for path in desk.directory.iterdir():
        assert hidden.encode() not in path.read_bytes()
    if omitted is None:
        assert isinstance(kept, log_pb2.RefusalRecord)
        return
    assert isinstance(kept, log_pb2.DecisionRecord)
    assert omitted <= set(kept.omitted_paths)
    assert kept.request.principal.id == request_.principal.id


def test_of_a_request_with_unknown_names_no_json_text_is_logged(desk: Desk) -> None:
    text = '{"k":"hide-me"}'
    entity = Entity("Thing", "t", text)
    request = Request(
        principal=Entity("Robot", "r", text),
        on_behalf_of=(Entity("Human", "h", text),),
        action="no.such",
        args=text,
        resource=entity,
        context=text,
        entities=(entity, Entity("Other.Thing", "t", text)),
    )
    assert desk.decide(ask.data(request)).cause == pb.DENY_CAUSE_INVALID_REQUEST
    [kept] = desk.records()
    assert b"hide-me" not in kept.SerializeToString()


# ---------------------------------------------------------------- when something breaks

BUGS: Final = [
    ValueError("sesame 4711"),
    KeyError("sesame 4711"),
    RecursionError("sesame 4711"),
    MemoryError("sesame 4711"),
    AssertionError("sesame 4711"),
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: type(bug).__name__)
@pytest.mark.parametrize("part", ["bind", "decide"])
@pytest.mark.parametrize("method", ["decide", "decide_batch"])
def test_a_bug_is_an_internal_error_without_its_text(  # noqa: PLR0917
    desk: Desk,
    engine: Engine,
    caplog: pytest.LogCaptureFixture,
    bug: Exception,
    part: str,
    method: str,
) -> None:
    stub = Stub(engine)
    setattr(stub, part, broken(bug))
    desk.handlers.active = Active(stub)  # type: ignore[arg-type]
    message = ask.message(ask.ALLOW)
    data = (
        message if method == "decide" else pb.DecideBatchRequest(items=[message])
    ).SerializeToString()
    refused = desk.refused(lambda: getattr(desk.handlers, method)(data, PEER))
    assert (refused.status, str(refused)) == (Status.INTERNAL, "internal error")
    [kept] = desk.records()
    assert isinstance(kept, log_pb2.RefusalRecord)
    assert (kept.status, kept.reason) == ("INTERNAL", "internal")
    assert b"4711" not in kept.SerializeToString()
    assert type(bug).__name__ in caplog.text
    assert "4711" not in caplog.text
    assert desk.counted("pdp_refusals_total", status="INTERNAL", cause="internal") == 1
    assert desk.counted("pdp_decisions_total", effect="allow", cause="") == 0


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: type(bug).__name__)
def test_a_bug_in_evaluation_is_a_deny(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, bug: Exception
) -> None:
    monkeypatch.setattr("pdp.eval.judging.judge.TargetJudge.decide", broken(bug))
    answer = desk.decide(ask.data(ask.SECRET))
    assert (answer.effect, answer.cause) == (pb.EFFECT_DENY, pb.DENY_CAUSE_ERROR)
    assert b"4711" not in answer.SerializeToString()
    [kept] = desk.records()
    assert isinstance(kept, log_pb2.DecisionRecord)
    assert b"4711" not in kept.SerializeToString()
    assert ask.CARD.encode() not in kept.SerializeToString()


@pytest.mark.parametrize(
    "seam",
    [
        "pdp.service.handlers.request_from_proto",
        "pdp.answerform.Answers.message",
        "pdp.service.handlers.identity.decision_id",
        "pdp.service.handlers.redact.omit",
        "pdp.service.handlers.record.decision_record",
        "pdp.service.handlers.receipt_to_proto",
    ],
)
def test_a_bug_at_each_step_is_an_internal_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, seam: str
) -> None:
    monkeypatch.setattr(seam, broken(ValueError("sesame 4711")))
    refused = desk.refused(lambda: desk.handlers.decide(ask.data(ask.ALLOW), PEER))
    assert (refused.status, str(refused)) == (Status.INTERNAL, "internal error")
    assert any(isinstance(item, log_pb2.RefusalRecord) for item in desk.records())


def test_a_bug_in_the_record_of_a_refusal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pdp.service.handlers.record.refusal_record", broken(ValueError("4711")))
    refused = desk.refused(lambda: desk.handlers.decide(b"", PEER))
    assert (refused.status, str(refused)) == (Status.INTERNAL, "internal error")


def full(*_: object) -> Any:
    raise unavailable(Trouble.NO_SPACE)


@pytest.mark.parametrize(
    "data",
    [ask.data(ask.ALLOW), ask.data(ask.RULE), ask.data(ask.REFUSED), b"", b"\xff"],
    ids=["allow", "deny", "refused", "empty", "malformed"],
)
def test_without_a_log_there_is_no_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr(desk.writer, "append_many", full)
    for _ in range(2 * refusals.RECORDS_PER_SECOND_MAX):
        monkeypatch.setattr(desk.writer, "_trouble", Trouble.NO_SPACE)
        refused = desk.refused(lambda: desk.handlers.decide(data, PEER))
        assert (refused.status, str(refused)) == (Status.UNAVAILABLE, "unavailable")
    assert not desk.handlers.available
    assert desk.counted("pdp_audit_unavailable") == 1
    assert desk.records() == []
    desk.handlers.summarise()
    monkeypatch.undo()
    desk.handlers.summarise()
    [summary] = desk.records()
    assert isinstance(summary, log_pb2.ShedSummaryRecord)
    [count] = summary.counts
    assert (count.status, count.count) == ("UNAVAILABLE", 2 * refusals.RECORDS_PER_SECOND_MAX)
    assert desk.counted("pdp_audit_unavailable") == 0
    assert desk.counted("pdp_log_failures_total") > 0


def test_a_closed_log_is_no_log(desk: Desk) -> None:
    desk.writer.close()
    refused = desk.refused(lambda: desk.handlers.decide(ask.data(ask.ALLOW), PEER))
    assert refused.status is Status.UNAVAILABLE


def test_what_is_counted(desk: Desk) -> None:
    desk.decide(ask.data(ask.ALLOW))
    desk.batch(pb.DecideBatchRequest(items=[ask.message(ask.ALLOW), ask.message(ask.RULE)]))
    assert desk.counted("pdp_decisions_total", effect="allow", cause="") == 2
    assert desk.counted("pdp_decisions_total", effect="deny", cause="rule") == 1
    assert desk.counted("pdp_log_records_total") == 3
    assert desk.counted("pdp_log_batches_total") == 2
    assert desk.counted("pdp_call_seconds_count", rpc="Decide") == 1
