"""Batches: items merged with defaults, answered in order, each recorded, by one bundle."""

from __future__ import annotations

from typing import Any

import pytest

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.engine import Engine
from pdp.request import Request
from pdp.service import batch
from pdp.service.activating.active import Active
from pdp.service.status import Status
from tests.service import questions as ask
from tests.service.desk import Desk, Stub
from tests.service.wrongs import UNKNOWN_FIELDS, many, nested, with_now


def items(*messages: pb.DecideRequest, defaults: pb.DecideRequest | None = None) -> Any:
    return pb.DecideBatchRequest(defaults=defaults, items=messages)


def test_an_item_replaces_a_default_whole(desk: Desk) -> None:
    defaults = ask.message(ask.RULE)
    defaults.supported_obligations.extend(["redact", "rate"])
    item = pb.DecideRequest(
        request_id="mine",
        resource=pb.Entity(type="Order", id="o-9", attributes='{"total":"9.00","disputed":false}'),
        supported_obligations=["rate"],
        on_behalf_of=[pb.Entity(type="User", id="ben")],
    )
    before, changed = desk.batch(items(pb.DecideRequest(), item, defaults=defaults))
    assert (before.cause, before.request_id) == (pb.DENY_CAUSE_RULE, "r-rule")
    assert (changed.cause, changed.request_id) == (pb.DENY_CAUSE_NO_ALLOW, "mine")
    first, second = desk.records()
    assert isinstance(first, log_pb2.DecisionRecord)
    assert isinstance(second, log_pb2.DecisionRecord)
    assert first.request == defaults
    assert second.request.resource == item.resource
    assert list(second.request.supported_obligations) == ["rate"]
    assert [entity.id for entity in second.request.on_behalf_of] == ["ben"]
    assert second.request.args == defaults.args
    assert second.request.principal == defaults.principal


def test_answers_come_in_order_with_a_record_each(desk: Desk) -> None:
    wanted = [ask.ALLOW, ask.REFUSED, ask.APPROVAL, ask.UNKNOWN_ACTION, ask.RULE]
    answers = desk.batch(items(*(ask.message(request) for request in wanted)))
    assert [answer.effect for answer in answers] == [
        pb.EFFECT_ALLOW,
        pb.EFFECT_DENY,
        pb.EFFECT_REQUIRE_APPROVAL,
        pb.EFFECT_DENY,
        pb.EFFECT_DENY,
    ]
    assert [answer.request_id for answer in answers] == [request.request_id for request in wanted]
    assert [answer.receipt.seq for answer in answers] == [1, 2, 3, 4, 5]
    kept = desk.records()
    assert [item.decision_id for item in kept if isinstance(item, log_pb2.DecisionRecord)] == [
        answer.decision_id for answer in answers
    ]


@pytest.mark.parametrize(
    "item",
    [
        ask.message(ask.REFUSED),
        pb.DecideRequest(),
        pb.DecideRequest.FromString(with_now()),
        pb.DecideRequest.FromString(nested("tool")),
        pb.DecideRequest.FromString(many("on_behalf_of", 20)),
    ],
    ids=["wrong type", "empty", "now", "unknown field", "over a limit"],
)
def test_an_item_that_would_be_refused_is_denied(desk: Desk, item: pb.DecideRequest) -> None:
    denied, allowed = desk.batch(items(item, ask.message(ask.ALLOW)))
    assert (denied.effect, denied.cause) == (pb.EFFECT_DENY, pb.DENY_CAUSE_INVALID_REQUEST)
    assert denied.reasons.for_person.startswith("invalid request: ")
    assert denied.bundle == allowed.bundle
    assert allowed.effect == pb.EFFECT_ALLOW
    kept, _ = desk.records()
    assert isinstance(kept, log_pb2.DecisionRecord)
    assert kept.answer.cause == pb.DENY_CAUSE_INVALID_REQUEST
    assert kept.request.args in ("", "{}")


def test_a_fault_of_the_defaults_refuses_the_batch(desk: Desk) -> None:
    defaults = pb.DecideRequest.FromString(nested("principal"))
    call = items(pb.DecideRequest(), defaults=defaults)
    refused = desk.refused(lambda: desk.batch(call))
    assert "defaults hold a field that this version does not know" in str(refused)


def _amplified() -> pb.DecideBatchRequest:
    defaults = ask.message(ask.ALLOW)
    defaults.grants.extend([b"g" * 10_000] * 16)
    return items(*[pb.DecideRequest()] * 100, defaults=defaults)


@pytest.mark.parametrize(
    ("call", "status", "words"),
    [
        (items(), Status.INVALID_ARGUMENT, "items: is empty"),
        (items(*[pb.DecideRequest()] * 1_001), Status.INVALID_ARGUMENT, "more than 1000 items"),
        (_amplified(), Status.INVALID_ARGUMENT, "send fewer at once"),
        (
            pb.DecideBatchRequest(items=[ask.message(ask.ALLOW)], joined=True),
            Status.UNIMPLEMENTED,
            "joined answers come in a later version",
        ),
        (
            pb.DecideBatchRequest.FromString(
                items(ask.message(ask.ALLOW)).SerializeToString() + UNKNOWN_FIELDS[0]
            ),
            Status.INVALID_ARGUMENT,
            "does not know",
        ),
    ],
    ids=["empty", "too many", "amplified", "joined", "unknown field"],
)
def test_a_refused_batch(
    desk: Desk, call: pb.DecideBatchRequest, status: Status, words: str
) -> None:
    refused = desk.refused(lambda: desk.batch(call))
    assert refused.status is status
    assert words in str(refused)
    [kept] = desk.records()
    assert isinstance(kept, log_pb2.RefusalRecord)
    assert kept.rpc == "/pdp.v1.DecisionService/DecideBatch"


def test_the_largest_batch(desk: Desk) -> None:
    answers = desk.batch(items(*[pb.DecideRequest()] * 1_000, defaults=ask.message(ask.ALLOW)))
    assert len(answers) == len(desk.records()) == 1_000
    assert {answer.effect for answer in answers} == {pb.EFFECT_ALLOW}
    assert len({answer.decision_id for answer in answers}) == 1_000
    assert desk.writer.batches == 1
    assert 1_000 * len(ask.data(ask.ALLOW)) < batch.MERGED_BYTES_MAX


def test_a_batch_is_answered_by_one_bundle(desk: Desk, engine: Engine) -> None:
    other = Stub(engine)

    def swap(request: Request) -> object:
        desk.handlers.active = Active(engine)
        return engine.bind(request)

    other.bind = swap  # type: ignore[method-assign]
    desk.handlers.active = Active(other)  # type: ignore[arg-type]
    answers = desk.batch(items(ask.message(ask.ALLOW), ask.message(ask.REFUSED)))
    assert other.bound == 0
    assert other.decided == 1
    assert len(answers) == 2
