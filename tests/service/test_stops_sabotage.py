"""What must never happen to a stop, checked by name, and broken builds that are caught."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.decisionlog.errors import LogError
from pdp.decisionlog.record import Kind
from pdp.engine import Engine
from pdp.eval.facts import BoundRequest
from pdp.model import Decision, Effect
from pdp.overruling import orders as order_rules
from pdp.overruling.orders import InForce, StopKind, StopOrder
from pdp.protoform import request_from_proto
from pdp.service.activating.active import Active
from pdp.service.addresses import UnixAddress
from pdp.service.handlers import Handlers
from pdp.service.operating.door import AdminDoor
from pdp.service.status import Refused
from pdp.service.stopping.statedir import StateUnusable
from pdp.service.stopping.stops import Stops
from tests.service import questions as ask
from tests.service import served
from tests.service.office import WHY, Office, failing_disk, failing_log

AGENT: Final = log_pb2.STOP_KIND_AGENT
ACTION: Final = log_pb2.STOP_KIND_ACTION
HANDLERS: Final = "pdp.service.handlers.Handlers._item"
OVERRULE: Final = "pdp.overruling.orders.InForce.overrule"
SOCKET_MODE: Final = "pdp.service.operating.door.socket_mode"


@pytest.fixture
def directory() -> Iterator[Path]:
    with served.room() as path:
        yield path


# ---------------------------------------------------------------- what must not happen


def stops_what_only_begins_alike(office: Office) -> bool:
    office.stops.stop(StopKind.ACTION, "report.sen", "eva", WHY)
    return office.is_stopped(ask.REDACTED)


def evaded_by_the_other_name(office: Office) -> bool:
    assert ask.ALLOW.action == "pay__refund"
    office.stop(ACTION, "pay.refund")
    return not office.is_stopped(ask.ALLOW)


def lost_at_a_restart(office: Office) -> bool:
    office.stop(AGENT, "Agent::bot")
    office.restart()
    return not office.is_stopped(ask.ALLOW)


def lifted_with_the_file(office: Office) -> bool:
    office.stop(AGENT, "Agent::bot")
    office.file.unlink(missing_ok=True)
    office.restart()
    return not office.is_stopped(ask.ALLOW)


def lifted_with_the_log(office: Office) -> bool:
    office.stop(AGENT, "Agent::bot")
    office.log_dir.rename(office.directory / "moved")
    office.log_dir.mkdir()
    office.restart()
    return not office.is_stopped(ask.ALLOW)


def lifted_before_it_is_durable(office: Office) -> bool:
    order = office.stop(AGENT, "Agent::bot")
    with failing_log(office):
        office.is_done(lambda: office.resume(order.order_id))
    with failing_disk(office):
        office.is_done(lambda: office.resume(order.order_id))
    return not office.is_stopped(ask.ALLOW)


def waits_for_the_disk(office: Office) -> bool:
    """A stop that cannot be made durable denies all the same."""
    with failing_log(office):
        office.is_done(lambda: office.stop(AGENT, "Agent::bot"))
    return not office.is_stopped(ask.ALLOW)


def ignored_in_batches(office: Office) -> bool:
    office.stop(AGENT, "Agent::bot")
    answers = office.batch(ask.ALLOW, ask.APPROVAL, ask.SECRET)
    return any(answer.cause != pb.DENY_CAUSE_STOPPED for answer in answers)


def changes_a_deny(office: Office) -> bool:
    before = office.decide(ask.RULE)
    office.stop(AGENT, "Agent::bot")
    return office.decide(ask.RULE).cause != before.cause


def leaves_an_approval(office: Office) -> bool:
    office.stop(AGENT, "Agent::bot")
    answer = office.decide(ask.APPROVAL)
    return answer.HasField("approval") or answer.next_action != pb.NEXT_ACTION_NONE


def logs_what_policies_hide(office: Office) -> bool:
    office.stop(ACTION, "note.write")
    office.stop(AGENT, "Agent::bot")
    office.decide(ask.SUMMARY)
    office.decide(ask.SECRET)
    logged = [item.SerializeToString() for item in office.records(Kind.DECISION)]
    hidden = (b"a private note", ask.CARD.encode())
    return any(text in payload for text in hidden for payload in logged)


def open_to_others(office: Office) -> bool:
    path = office.directory / "admin.sock"
    door = AdminDoor(UnixAddress(path))
    try:
        return stat.S_IMODE(path.stat().st_mode) != 0o600
    finally:
        door.close()


def keeps_no_reason(office: Office) -> bool:
    order = office.stop(AGENT, "Agent::bot")
    office.resume(order.order_id, "ann", "all is well")
    given, ended = office.orders()
    return (given.order.why, ended.resumed_by, ended.resumed_why) != (WHY, "ann", "all is well")


def answers_before_the_record(office: Office) -> bool:
    with failing_log(office):
        return office.is_done(lambda: office.stop(AGENT, "Agent::bot"))


def answers_before_the_file(office: Office) -> bool:
    with failing_disk(office):
        return office.is_done(lambda: office.stop(AGENT, "Agent::bot"))


CHECKS: Final[tuple[Callable[[Office], bool], ...]] = (
    stops_what_only_begins_alike, evaded_by_the_other_name, lost_at_a_restart,
    lifted_with_the_file, lifted_with_the_log, lifted_before_it_is_durable, waits_for_the_disk,
    ignored_in_batches, changes_a_deny, leaves_an_approval, logs_what_policies_hide,
    open_to_others, keeps_no_reason, answers_before_the_record, answers_before_the_file,
)  # fmt: skip


def findings(engine: Engine, directory: Path) -> set[str]:
    """Everything that must not happen and does; each is looked for in an office of its own."""
    found = set()
    for check in CHECKS:
        room = directory / str(len(list(directory.iterdir())))
        room.mkdir()
        office = Office(engine, room)
        if check(office):
            found.add(check.__name__)
        office.close()
    return found


# ---------------------------------------------------------------- the broken builds

_stop, _resume, _settle = Stops.stop, Stops.resume, Stops._settle  # noqa: SLF001 - the seam
_overrule, _order_to_proto = InForce.overrule, order_rules.order_to_proto


def every_beginning(name: str) -> Iterator[str]:
    return (name[:end] for end in range(len(name), 0, -1))


def the_name_asked_for(bound: BoundRequest) -> Iterator[str]:
    return order_rules._beginnings(bound.request.action)  # noqa: SLF001 - the seam


def lifted_at_once(self: Stops, *given: str) -> object:
    self.in_force = None
    return _resume(self, *given)


def in_force_once_durable(self: Stops, *given: Any) -> object:
    before = self.in_force
    try:
        return _stop(self, *given)
    except Refused:
        self.in_force = before
        raise


def settled_or_not(self: Stops) -> None:
    with suppress(LogError, StateUnusable):
        _settle(self)


def item_without_stops(self: Handlers, active: Active, message: pb.DecideRequest) -> object:
    request = request_from_proto(message)
    return self._answered(request, active.engine.decide(active.engine.bind(request)), 0, 0)


def whatever_the_answer(self: InForce, bound: BoundRequest, decision: Decision) -> Decision:
    return _overrule(self, bound, replace(decision, effect=Effect.ALLOW))


def the_effect_alone(self: InForce, bound: BoundRequest, decision: Decision) -> Decision:
    made = _overrule(self, bound, decision)
    return replace(decision, effect=made.effect, cause=made.cause)


def without_obligations(self: InForce, bound: BoundRequest, decision: Decision) -> Decision:
    return replace(_overrule(self, bound, decision), obligations=())


def with_nothing_hidden(self: InForce, bound: BoundRequest, decision: Decision) -> Decision:
    return replace(_overrule(self, bound, decision), hidden_paths=())


def without_why(order: StopOrder) -> log_pb2.StopOrder:
    message = _order_to_proto(order)
    message.why = ""
    return message


@contextmanager
def for_everybody(**_: object) -> Iterator[None]:
    before = os.umask(0o111)
    yield
    os.umask(before)


TWINS: Final[dict[str, tuple[str, object, set[Callable[[Office], bool]]]]] = {
    "no boundary after the words": (
        "pdp.overruling.orders._beginnings", every_beginning, {stops_what_only_begins_alike},
    ),
    "one name of an action": (
        "pdp.overruling.orders._names_of", the_name_asked_for, {evaded_by_the_other_name},
    ),
    "nothing is restored": (
        "stops.Stops.restore", lambda *_: None,
        {lost_at_a_restart, lifted_with_the_file, lifted_with_the_log},
    ),
    "the log is not read": ("stops._logged", lambda _: {}, {lifted_with_the_file}),
    "the file is not read": ("stops.Stops._read", lambda _: (), {lifted_with_the_log}),
    "resumed before it is durable": (
        "stops.Stops.resume", lifted_at_once, {lifted_before_it_is_durable},
    ),
    "stopped once it is durable": (
        "stops.Stops.stop", in_force_once_durable, {waits_for_the_disk},
    ),
    "answered before it is durable": (
        "stops.Stops._settle", settled_or_not,
        {answers_before_the_record, answers_before_the_file},
    ),
    "batches are not looked at": (HANDLERS, item_without_stops, {ignored_in_batches}),
    "denies are overruled": (OVERRULE, whatever_the_answer, {changes_a_deny}),
    "the approval stays": (OVERRULE, the_effect_alone, {leaves_an_approval}),
    "log summary is dropped": (OVERRULE, without_obligations, {logs_what_policies_hide}),
    "hidden paths are dropped": (OVERRULE, with_nothing_hidden, {logs_what_policies_hide}),
    "why is not logged": ("pdp.overruling.orders.order_to_proto", without_why, {keeps_no_reason}),
    "the socket is everybody's": (SOCKET_MODE, for_everybody, {open_to_others}),
}  # fmt: skip


def test_the_real_build_has_no_findings(engine: Engine, directory: Path) -> None:
    assert findings(engine, directory) == set()


@pytest.mark.parametrize("name", TWINS)
def test_each_broken_build_is_caught(
    engine: Engine, directory: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    place, sabotage, seen_by = TWINS[name]
    whole = place if place.startswith("pdp.") else f"pdp.service.stopping.{place}"
    monkeypatch.setattr(whole, sabotage)
    assert findings(engine, directory) == {check.__name__ for check in seen_by}
