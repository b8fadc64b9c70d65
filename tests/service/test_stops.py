"""Stop orders: whom each denies, what is answered then, and that they last. No server process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.decisionlog.record import Kind
from pdp.engine import Engine
from pdp.model import Entity, ToolIdentity
from pdp.overruling.orders import (
    KIND_TO_NUMBER,
    OrderError,
    StopKind,
    StopOrder,
    check_target,
)
from pdp.request import Request
from pdp.service.status import Refused, Status
from pdp.service.stopping.orderfile import orders_from_bytes, orders_to_bytes
from tests.service import questions as ask
from tests.service import served
from tests.service.desk import NOW_NS, SECOND_NS
from tests.service.office import WHO, WHY, Office, failing_disk, failing_log

ORDER: Final = StopOrder("o-1", StopKind.AGENT, "Agent::bot", "eva", "why", NOW_NS)
# The bot for nobody: its owner `ben` answers for it.
ALONE: Final = replace(ask.ALLOW, on_behalf_of=())
TOOL: Final = replace(ask.ALLOW, tool=ToolIdentity("files", "refund"))


@pytest.fixture
def directory() -> Iterator[Path]:
    with served.room() as path:
        yield path


@pytest.fixture
def office(engine: Engine, directory: Path) -> Iterator[Office]:
    office = Office(engine, directory)
    yield office
    office.close()


# ---------------------------------------------------------------- whom it denies


@pytest.mark.parametrize(
    ("kind", "target", "request_", "stopped"),
    [
        (StopKind.AGENT, "Agent::bot", ask.ALLOW, True),
        (StopKind.AGENT, "Agent::bot", ask.REDACTED, False),
        (StopKind.AGENT, "Agent::bo", ask.ALLOW, False),
        (StopKind.AGENT, "Agent::Bot", ask.ALLOW, False),
        (StopKind.AGENT, "Order::o-1", ask.ALLOW, False),
        (StopKind.PERSON, "User::ann", ask.ALLOW, True),
        (StopKind.PERSON, "User::ann", ask.REDACTED, True),
        (StopKind.PERSON, "User::ben", ask.ALLOW, False),
        (StopKind.PERSON, "User::ben", ALONE, True),
        (StopKind.PERSON, "User::ann", ALONE, False),
        (StopKind.ACTION, "pay.refund", ask.ALLOW, True),
        (StopKind.ACTION, "pay__refund", ask.ALLOW, True),
        (StopKind.ACTION, "pay__refund", replace(ask.ALLOW, action="pay.refund"), True),
        (StopKind.ACTION, "pay", ask.ALLOW, True),
        (StopKind.ACTION, "pay", replace(ask.ALLOW, action="pay.refund"), True),
        (StopKind.ACTION, "pa", ask.ALLOW, False),
        (StopKind.ACTION, "pay.", ask.ALLOW, False),
        (StopKind.ACTION, "refund", ask.ALLOW, False),
        (StopKind.ACTION, "report", ask.REDACTED, True),
        (StopKind.ACTION, "report.print", ask.REDACTED, False),
        (StopKind.TOOL, "refund", TOOL, True),
        (StopKind.TOOL, "files/refund", TOOL, True),
        (StopKind.TOOL, "other/refund", TOOL, False),
        (StopKind.TOOL, "files", TOOL, False),
        (StopKind.TOOL, "refund", ask.ALLOW, False),
    ],
)
def test_whom_an_order_is_for(
    office: Office, kind: StopKind, target: str, request_: Request, *, stopped: bool
) -> None:
    assert office.decide(request_).effect == pb.EFFECT_ALLOW
    office.stops.stop(kind, target, WHO, WHY)
    assert office.is_stopped(request_) == stopped
    assert [a.effect == pb.EFFECT_DENY for a in office.batch(request_, request_)] == [stopped] * 2


@pytest.mark.parametrize(
    ("kind", "target", "words"),
    [
        (StopKind.AGENT, "Agnt::bot", "no agent type is named `Agnt`; did you mean `Agent`?"),
        (StopKind.AGENT, "User::ann", "no agent type is named `User`"),
        (StopKind.PERSON, "Agent::bot", "no person type is named `Agent`"),
        (StopKind.AGENT, "bot", "expected `Type::id`, not `bot`"),
        (StopKind.AGENT, "Agent::", "expected `Type::id`, not `Agent::`"),
        (StopKind.ACTION, "pay.refnd", "no declared action is it or begins with it; did you mean"),
        (StopKind.ACTION, "pay.", "no declared action"),
    ],
)
def test_a_target_that_stops_nothing_is_refused(
    office: Office, kind: StopKind, target: str, words: str
) -> None:
    with pytest.raises(Refused) as found:
        office.stop(KIND_TO_NUMBER[kind], target)
    assert found.value.status is Status.INVALID_ARGUMENT
    assert words in str(found.value)
    assert office.stops.in_force is None


def test_without_policies_only_the_form_is_looked_at() -> None:
    for kind, target in (
        (StopKind.AGENT, "Bot::b"),
        (StopKind.ACTION, "a.b"),
        (StopKind.TOOL, "t"),
    ):
        check_target(kind, target, None)
    with pytest.raises(OrderError, match="expected `Type::id`, not `b`"):
        check_target(StopKind.PERSON, "b", None)


# ---------------------------------------------------------------- what is answered


def test_the_answer_is_a_deny_that_says_so(office: Office) -> None:
    before = office.decide(ask.APPROVAL)
    order = office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
    answer = office.decide(ask.APPROVAL)
    assert (answer.effect, answer.cause) == (pb.EFFECT_DENY, pb.DENY_CAUSE_STOPPED)
    assert (answer.next_action, list(answer.rules)) == (pb.NEXT_ACTION_NONE, [])
    assert not answer.HasField("approval")
    assert answer.attribution.chain == before.attribution.chain == ["Agent::bot", "User::ann"]
    assert answer.attribution.accountable == before.attribution.accountable == "User::ann"
    assert list(answer.attribution.policy_owners) == []
    assert answer.bundle == before.bundle
    assert answer.request_digest == before.request_digest != ""
    told = answer.reasons
    assert "Do not try again" in told.for_model
    assert told.for_person == f"Stopped by an operator since 2026-03-02T10:00:00Z. Ask {WHO}."
    assert told.for_auditor == f"cause stopped: order {order.order_id}, agent Agent::bot"
    assert WHY not in str(told)
    assert WHO not in told.for_model
    kept = office.records(Kind.DECISION)[-1]
    assert isinstance(kept, log_pb2.DecisionRecord)
    assert kept.answer.cause == pb.DENY_CAUSE_STOPPED
    assert kept.decision_id == answer.decision_id


@pytest.mark.parametrize(
    "request_", [ask.RULE, ask.NO_ALLOW, ask.ERROR, ask.UNKNOWN_ACTION], ids=lambda r: r.request_id
)
def test_a_deny_stays_what_it_is(office: Office, request_: Request) -> None:
    before = office.decide(request_)
    office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
    after = office.decide(request_)
    assert (after.cause, after.reasons) == (before.cause, before.reasons)


def test_an_explanation_notes_it(office: Office) -> None:
    order = office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
    data = office.handlers.explain(ask.data(ask.ALLOW), "unix")
    told = pb.ExplainResponse.FromString(data).decision
    assert told.effect == pb.EFFECT_ALLOW
    assert told.reasons.for_person.startswith("Allowed. Stopped by an operator since ")
    assert told.reasons.for_auditor.endswith(
        f"; cause stopped: order {order.order_id}, agent Agent::bot"
    )
    assert "Do not try again" in told.reasons.for_model


# ---------------------------------------------------------------- given and taken back


def test_each_order_is_taken_back_by_itself(office: Office) -> None:
    first = office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
    office.clock.now_ns += SECOND_NS
    second = office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
    assert [order.order_id for order in office.stops.orders] == [first.order_id, second.order_id]
    assert office.resume(second.order_id) == second
    assert office.is_stopped(ask.ALLOW)
    office.resume(first.order_id)
    assert office.decide(ask.ALLOW).effect == pb.EFFECT_ALLOW
    assert office.stops.in_force is None
    with pytest.raises(Refused, match="no order `"):
        office.resume(first.order_id)


def test_what_was_taken_back_stays_so_through_restarts(office: Office) -> None:
    kept = office.stop(log_pb2.STOP_KIND_ACTION, "note")
    ended = office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
    office.resume(ended.order_id)
    office.restart()
    assert [order.order_id for order in office.stops.orders] == [kept.order_id]
    assert office.is_stopped(ask.SUMMARY)
    assert not office.is_stopped(ask.ALLOW)


def test_an_order_that_only_the_file_knows_is_logged_again(office: Office) -> None:
    office.state.write("stops.json", orders_to_bytes([ORDER]))
    office.restart()
    assert [item.order.order_id for item in office.orders()] == ["o-1"]
    office.restart()
    assert len(office.orders()) == 1
    office.file.unlink()
    office.restart()
    assert office.stops.orders == (ORDER,)
    assert orders_from_bytes(office.file.read_bytes()) == (ORDER,)


def test_an_old_file_denies_more_and_never_less(office: Office) -> None:
    order = office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
    old = office.file.read_bytes()
    office.resume(order.order_id)
    office.file.write_bytes(old)
    office.restart()
    assert office.is_stopped(ask.ALLOW)
    assert not office.orders()[-1].is_resumed


@pytest.mark.parametrize("failing", [failing_log, failing_disk])
def test_what_could_not_be_made_durable_is_later(office: Office, failing: Any) -> None:
    with failing(office):
        with pytest.raises(Refused) as found:
            office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
        assert not office.stops.settle()
    [order] = office.stops.orders
    assert found.value.status is Status.UNAVAILABLE
    assert f"in force as `{order.order_id}`" in str(found.value)
    assert office.stops.settle()
    assert [item.order.order_id for item in office.orders()] == [order.order_id]
    assert orders_from_bytes(office.file.read_bytes()) == (order,)


@pytest.mark.parametrize("failing", [failing_log, failing_disk])
def test_an_end_that_is_not_durable_is_none(office: Office, failing: Any) -> None:
    order = office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
    with failing(office), pytest.raises(Refused, match="goes on") as found:
        office.resume(order.order_id)
    assert found.value.status is Status.UNAVAILABLE
    office.restart()
    assert office.is_stopped(ask.ALLOW)
    office.resume(order.order_id)
    office.restart()
    assert not office.is_stopped(ask.ALLOW)


def test_there_is_a_limit_that_lifts_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pdp.service.stopping.stops.ORDERS_MAX", 2)
    for name in ("a", "b"):
        office.stop(log_pb2.STOP_KIND_TOOL, name)
    with pytest.raises(Refused, match="2 orders are in force") as found:
        office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
    assert found.value.status is Status.RESOURCE_EXHAUSTED
    assert [order.target for order in office.stops.orders] == ["a", "b"]


def test_no_allow_after_a_stop_was_answered(office: Office) -> None:
    """Four threads ask while orders come and go: what was asked after a stop is denied."""
    asked: list[tuple[int, int]] = []
    epoch = [0]
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            before = epoch[0]
            answer = office.decide(ask.ALLOW)
            # Asked and answered within one stop: odd, and the same before and after.
            if before % 2 and epoch[0] == before:
                asked.append((before, answer.cause))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len({stop for stop, _ in asked}) < 10:
        order = office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
        epoch[0] += 1
        done.wait(0.02)
        epoch[0] += 1
        office.resume(order.order_id)
    done.set()
    for thread in threads:
        thread.join()
    assert {cause for _, cause in asked} == {pb.DENY_CAUSE_STOPPED}


def test_nobody_in_the_chain_is_found_by_accident(office: Office) -> None:
    """A tool, an action and an id of the same name are three different things."""
    office.stop(log_pb2.STOP_KIND_TOOL, "bot")
    office.stop(log_pb2.STOP_KIND_TOOL, "Agent::bot")
    office.stop(log_pb2.STOP_KIND_TOOL, "pay.refund")
    assert office.decide(ask.ALLOW).effect == pb.EFFECT_ALLOW
    nameless = replace(ask.ALLOW, tool=ToolIdentity())
    assert office.decide(nameless).effect == pb.EFFECT_ALLOW
    stranger = replace(ask.ALLOW, principal=Entity("User", "ann"), on_behalf_of=())
    assert office.decide(stranger).effect == pb.EFFECT_ALLOW
