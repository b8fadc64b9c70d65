"""The operator's calls: what is refused and recorded, what is shown, and that no error speaks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pdp import model
from pdp._proto import admin_pb2 as pb
from pdp._proto import log_pb2
from pdp.decisionlog.record import Kind
from pdp.engine import Engine
from pdp.model import BundleIdentity
from pdp.service.operating.admin import AdminHandlers, Desk
from pdp.service.operating.board import ShadowState
from pdp.service.status import Refused, Status
from tests.service import served
from tests.service.desk import NOW_NS, PEER, SECOND_NS, broken
from tests.service.office import WHO, WHY, Office, failing_log
from tests.service.wrongs import UNKNOWN_FIELDS

BUNDLE: Final = BundleIdentity("shop", "1.2.0", "ab" * 32, signed=True, revision=7)
PART: Final = log_pb2.SignedPart(kind="bundle", name="shop", revision=7, signers=["k1", "k2"])


@pytest.fixture
def directory() -> Iterator[Path]:
    with served.room() as path:
        yield path


@pytest.fixture
def office(engine: Engine, directory: Path) -> Iterator[Office]:
    office = Office(engine, directory)
    yield office
    office.close()


def stop(**changes: object) -> bytes:
    given: dict[str, object] = {
        "kind": log_pb2.STOP_KIND_TOOL, "target": "refund", "who": WHO, "why": WHY,
    }  # fmt: skip
    request = pb.StopRequest()
    for name, value in (given | changes).items():
        setattr(request, name, value)
    return request.SerializeToString()


# call, bytes, our name for the cause, words, field
WRONG: Final = [
    ("stop", b"\xff", "malformed_message", "the bytes are no StopRequest message", ""),
    ("stop", stop() + UNKNOWN_FIELDS[0], "invalid_request", "does not know", ""),
    ("stop", stop(kind=0), "invalid_request", "expected agent, person, action or tool", "kind"),
    ("stop", stop(kind=9), "invalid_request", "expected agent, person, action or tool", "kind"),
    ("stop", stop(target=""), "invalid_request", "`target` is missing", "target"),
    ("stop", stop(who=""), "invalid_request", "`who` is missing", "who"),
    ("stop", stop(why=""), "invalid_request", "`why` is missing", "why"),
    ("stop", stop(why="a\x1b[2J"), "invalid_request", "`why` holds a control", "why"),
    ("stop", stop(why="x" * 513), "invalid_request", "longer than 512 characters", "why"),
    ("stop", bytes(model.REQUEST_BYTES_MAX + 1), "request_too_large", "larger than", ""),
    ("resume", b"", "invalid_request", "`order_id` is missing", "order_id"),
    (
        "resume",
        pb.ResumeRequest(order_id="o", who="w", why="y").SerializeToString(),
        "invalid_request",
        "no order `o` is in force",
        "order_id",
    ),
    ("status", UNKNOWN_FIELDS[1], "invalid_request", "does not know", ""),
    ("activate", b"\xff", "malformed_message", "no ActivateRequest message", ""),
]


@pytest.mark.parametrize(("call", "data", "cause", "words", "field"), WRONG)
def test_what_is_wrong_is_refused_and_recorded(
    office: Office, *, call: str, data: bytes, cause: str, words: str, field: str
) -> None:
    with pytest.raises(Refused) as found:
        getattr(office.admin, call)(data, PEER)
    assert (found.value.status, found.value.cause) == (Status.INVALID_ARGUMENT, cause)
    assert words in str(found.value)
    assert str(found.value).isprintable()
    [kept] = office.records()
    assert isinstance(kept, log_pb2.RefusalRecord)
    assert (kept.reason, kept.field, kept.peer) == (cause, field, PEER)
    assert kept.rpc == f"/pdp.v1.AdminService/{call.capitalize()}"
    assert office.stops.in_force is None


def test_a_stop_and_its_end_are_recorded_with_who_and_why(office: Office) -> None:
    order = office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
    office.clock.now_ns += SECOND_NS
    office.resume(order.order_id, "ann", "all is well")
    given, ended = office.orders()
    assert given.order == ended.order == order
    assert (order.who, order.why, order.time_unix_ns) == (WHO, WHY, NOW_NS)
    assert (given.is_resumed, ended.is_resumed) == (False, True)
    assert (ended.resumed_by, ended.resumed_why) == ("ann", "all is well")
    assert (given.time_unix_ns, ended.time_unix_ns) == (NOW_NS, NOW_NS + SECOND_NS)


def test_no_error_speaks(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office.stops, "stop", broken(ValueError("sesame 4711")))
    with pytest.raises(Refused) as found:
        office.admin.stop(stop(), PEER)
    assert (found.value.status, str(found.value)) == (Status.INTERNAL, "internal error")
    assert b"4711" not in office.records(Kind.REFUSAL)[-1].SerializeToString()


def test_status_works_while_the_log_does_not(office: Office) -> None:
    with failing_log(office):
        assert office.status().node == "here"
        with pytest.raises(Refused) as found:
            office.admin.stop(stop(kind=0), PEER)
    assert (found.value.status, found.value.cause) == (Status.UNAVAILABLE, "log_unavailable")


# ---------------------------------------------------------------- activation


def test_a_server_of_a_directory_activates_nothing(office: Office) -> None:
    with pytest.raises(Refused, match="serves a directory") as found:
        office.admin.activate(b"", PEER)
    assert (found.value.status, found.value.cause) == (
        Status.UNIMPLEMENTED,
        "not_in_this_version",
    )


def test_one_activation_at_a_time_and_a_stop_beside_it(office: Office) -> None:
    begun, may_end = threading.Event(), threading.Event()
    answers: list[bytes] = []

    def activate(request: pb.ActivateRequest) -> pb.ActivateResponse:
        begun.set()
        may_end.wait(30)
        return pb.ActivateResponse(is_activated=request.bundle == b"x" * 1_000_000)

    desk = Desk(office.stops, office.board, lambda: office.engine.checked.schema, str, activate)
    admin = AdminHandlers(desk, office.log, office.around)
    data = pb.ActivateRequest(bundle=b"x" * 1_000_000).SerializeToString()
    thread = threading.Thread(target=lambda: answers.append(admin.activate(data, PEER)))
    thread.start()
    assert begun.wait(30)
    with pytest.raises(Refused, match="another activation is under way") as found:
        admin.activate(b"", PEER)
    assert found.value.status is Status.RESOURCE_EXHAUSTED
    assert pb.StopResponse.FromString(admin.stop(stop(), PEER)).order.target == "refund"
    may_end.set()
    thread.join(30)
    assert pb.ActivateResponse.FromString(answers[0]).is_activated
    assert pb.ActivateResponse.FromString(admin.activate(data, PEER)).is_activated


def test_a_bug_in_an_activation_lets_the_next_one_in(office: Office) -> None:
    desk = Desk(
        office.stops, office.board, lambda: office.engine.checked.schema, str,
        broken(ValueError("sesame 4711")),
    )  # fmt: skip
    admin = AdminHandlers(desk, office.log, office.around)
    for _ in range(2):
        with pytest.raises(Refused) as found:
            admin.activate(b"", PEER)
        assert (found.value.status, str(found.value)) == (Status.INTERNAL, "internal error")


# ---------------------------------------------------------------- status


def test_a_server_without_a_bundle_serves_nothing(office: Office) -> None:
    found = office.status()
    assert (found.is_serving, found.trouble) == (False, "no bundle decides yet")
    assert found.now_unix_ns == NOW_NS
    assert list(found.unsafe) == ["unsafe_any_caller"]
    assert not found.HasField("refused")
    assert not found.HasField("shadow")


def test_what_is_known_is_shown(office: Office) -> None:
    board = office.board
    board.activated(BUNDLE, NOW_NS - 1, [PART], NOW_NS + SECOND_NS)
    board.source_failed("https://b.example/x", "bundle", "it did not answer")
    board.source_read("https://b.example/x", "freshness", NOW_NS - 5)
    board.source_failed("https://b.example/x", "freshness", "it answered 500")
    board.refused(NOW_NS, "https://b.example/x", "rollback", "revision 6 is older than 7")
    board.shadowed(ShadowState(BUNDLE, 10, 1, 2, 3))
    order = office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
    found = office.status()
    assert (found.is_serving, found.trouble) == (True, "")
    assert (found.bundle.name, found.bundle.revision, found.bundle.is_signed) == ("shop", 7, True)
    assert list(found.parts) == [PART]
    assert found.activated_unix_ns == NOW_NS - 1
    assert [(one.use, one.read_unix_ns, one.trouble) for one in found.sources] == [
        ("bundle", 0, "it did not answer"),
        ("freshness", NOW_NS - 5, "it answered 500"),
    ]
    assert (found.refused.cause, found.refused.message) == (
        "rollback",
        "revision 6 is older than 7",
    )
    shadow = found.shadow
    assert (shadow.decisions, shadow.stricter, shadow.looser, shadow.asked) == (10, 1, 2, 3)
    assert list(found.stops) == [order]


def test_trouble_passes_when_it_is_read_again(office: Office) -> None:
    office.board.source_failed("s", "bundle", "it did not answer")
    office.board.source_read("s", "bundle", NOW_NS)
    [source] = office.status().sources
    assert (source.read_unix_ns, source.trouble) == (NOW_NS, "")


def test_what_is_no_longer_valid_does_not_serve(office: Office) -> None:
    office.board.activated(BUNDLE, NOW_NS - 1, [PART], NOW_NS)
    found = office.status()
    assert not found.is_serving
    assert "no longer valid" in found.trouble
    office.board.renewed([PART], NOW_NS + 1)
    assert office.status().is_serving
    office.board.activated(BUNDLE, NOW_NS)
    assert office.status().is_serving
