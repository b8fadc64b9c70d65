"""A real server process and a real gRPC client: what gets which answer, and its record."""

from __future__ import annotations

import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import (  # type: ignore[import-untyped]
    health_pb2,
    health_pb2_grpc,
)

from pdp._proto import decision_pb2 as pb
from pdp._proto import decision_pb2_grpc, log_pb2
from pdp.decisionlog.record import Kind
from pdp.request import Request
from pdp.service.addresses import parse_tcp
from pdp.service.metrics import Metrics, MetricsDoor, MetricsError
from tests.service import questions as ask
from tests.service import served
from tests.service.served import Served
from tests.service.wrongs import REFUSED


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served.room() as directory, served.serving(directory) as running:
        yield running


def failed(server: Served, method: str, data: bytes) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as found:
        server.call(method, data)
    return found.value.code().name, found.value.details() or ""


def newest(server: Served) -> object:
    return server.messages()[-1]


def test_the_first_records_say_what_serves(server: Served) -> None:
    start, settings, activation = server.messages(Kind.START, Kind.SETTINGS, Kind.BUNDLE_ACTIVATION)
    assert isinstance(start, log_pb2.StartRecord)
    assert isinstance(settings, log_pb2.SettingsRecord)
    assert isinstance(activation, log_pb2.BundleActivationRecord)
    assert start.pid == server.process.pid
    assert list(start.unsafe) == ["unsafe_accept_unsigned", "unsafe_any_caller"]
    assert start.settings_digest == settings.digest
    assert {item.name: item.value for item in settings.settings}["log_mode"] == '"fsync"'
    assert [item.name for item in activation.files] == ["people.directory.json", "shop.charter"]
    assert (activation.bundle.name, activation.bundle.is_signed) == ("test.shop", False)
    assert activation.bundle.digest[:12] in server.line
    assert str(server.log_dir) in server.line


def test_danger_is_said_out_loud(server: Served) -> None:
    assert "unsafe: unsafe_accept_unsigned is on: nobody signed the policies" in server.stderr()
    assert "unsafe: unsafe_any_caller is on: whoever can connect is answered" in server.stderr()


def test_only_owner_and_group_may_connect(server: Served) -> None:
    mode = (server.directory / "pdp.sock").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


@pytest.mark.parametrize(
    ("request_", "effect", "cause"),
    [
        (ask.ALLOW, pb.EFFECT_ALLOW, 0),
        (ask.APPROVAL, pb.EFFECT_REQUIRE_APPROVAL, 0),
        (ask.RULE, pb.EFFECT_DENY, pb.DENY_CAUSE_RULE),
        (ask.ERROR, pb.EFFECT_DENY, pb.DENY_CAUSE_ERROR),
        (ask.UNKNOWN_ACTION, pb.EFFECT_DENY, pb.DENY_CAUSE_INVALID_REQUEST),
        (ask.UNKNOWN_TYPE, pb.EFFECT_DENY, pb.DENY_CAUSE_INVALID_REQUEST),
        (ask.NO_RESOURCE, pb.EFFECT_DENY, pb.DENY_CAUSE_INVALID_REQUEST),
        (ask.RESOURCE_TOO_MANY, pb.EFFECT_DENY, pb.DENY_CAUSE_INVALID_REQUEST),
    ],
    ids=lambda value: value.request_id if isinstance(value, Request) else "",
)
@pytest.mark.parametrize("door", ["unix", "tcp"])
def test_an_answer(server: Served, door: str, request_: Request, effect: int, cause: int) -> None:
    stub = decision_pb2_grpc.DecisionServiceStub(server.channel(getattr(server, door)))
    answer = stub.Decide(ask.message(request_), timeout=10)
    assert (answer.effect, answer.cause) == (effect, cause)
    kept = newest(server)
    assert isinstance(kept, log_pb2.DecisionRecord)
    assert kept.decision_id == answer.decision_id
    assert kept.answer.effect == effect


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal(server: Served, name: str) -> None:
    data, cause, words = REFUSED[name]
    status, text = failed(server, "Decide", data)
    assert status == "INVALID_ARGUMENT"
    assert words in text
    kept = newest(server)
    assert isinstance(kept, log_pb2.RefusalRecord)
    assert (kept.status, kept.reason, kept.peer) == ("INVALID_ARGUMENT", cause, "unix")


def test_a_refusal_over_tcp_names_the_address_without_the_port(server: Served) -> None:
    stub = decision_pb2_grpc.DecisionServiceStub(server.channel(server.tcp))
    with pytest.raises(grpc.RpcError):
        stub.Decide(pb.DecideRequest(), timeout=10)
    kept = newest(server)
    assert isinstance(kept, log_pb2.RefusalRecord)
    assert kept.peer == "ipv4:127.0.0.1"


def test_a_message_of_300_kib_is_refused_by_us(server: Served) -> None:
    data = pb.DecideRequest(args="a" * 300 * 1024).SerializeToString()
    status, text = failed(server, "Decide", data)
    assert (status, text) == ("INVALID_ARGUMENT", "invalid request: larger than 262144 bytes")
    kept = newest(server)
    assert isinstance(kept, log_pb2.RefusalRecord)
    assert (kept.reason, kept.request_bytes) == ("request_too_large", len(data))


def test_a_message_beyond_that_is_refused_by_the_transport(server: Served) -> None:
    status, _ = failed(server, "Decide", bytes(600 * 1024))
    assert status == "RESOURCE_EXHAUSTED"


def test_compressed_messages_are_refused(server: Served) -> None:
    channel = server.channel(server.unix, ("grpc.default_compression_algorithm", 2))
    stub = decision_pb2_grpc.DecisionServiceStub(channel)
    with pytest.raises(grpc.RpcError) as found:
        stub.Decide(pb.DecideRequest(args="a" * 10_000), timeout=10)
    assert found.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_call_that_does_not_exist(server: Served) -> None:
    assert failed(server, "Allow", b"")[0] == "UNIMPLEMENTED"


def test_a_batch(server: Served) -> None:
    batch = pb.DecideBatchRequest(
        defaults=ask.message(ask.ALLOW),
        items=[pb.DecideRequest(), ask.message(ask.REFUSED), ask.message(ask.RULE)],
    )
    data = server.call("DecideBatch", batch.SerializeToString())
    answers = pb.DecideBatchResponse.FromString(data).answers
    assert [answer.cause for answer in answers] == [
        0,
        pb.DENY_CAUSE_INVALID_REQUEST,
        pb.DENY_CAUSE_RULE,
    ]
    kept = server.messages(Kind.DECISION)[-3:]
    assert [item.decision_id for item in kept if isinstance(item, log_pb2.DecisionRecord)] == [
        answer.decision_id for answer in answers
    ]


def test_a_joined_batch_comes_later(server: Served) -> None:
    batch = pb.DecideBatchRequest(items=[ask.message(ask.ALLOW)], joined=True)
    status, text = failed(server, "DecideBatch", batch.SerializeToString())
    assert (status, text) == ("UNIMPLEMENTED", "joined answers come in a later version")


@pytest.mark.parametrize("service", ["", "pdp.v1.DecisionService"])
def test_health(server: Served, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(server.channel())
    answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_metrics(server: Served) -> None:
    server.call("Decide", ask.data(ask.ALLOW))
    with urllib.request.urlopen(server.metrics, timeout=10) as response:  # noqa: S310 - our own
        text = response.read().decode()
    assert 'pdp_decisions_total{cause="",effect="allow"}' in text
    assert "pdp_audit_unavailable 0.0" in text
    assert 'name="test.shop"' in text


# ---------------------------------------------------------------- a second server


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    with served.room() as directory:
        yield directory


def test_a_socket_in_use_stays_whose_it_is(server: Served, elsewhere: Path) -> None:
    run = served.run(
        "serve", *served.UNSAFE, "--policies", str(served.POLICIES), "--grpc", server.unix,
        "--log-dir", "log", cwd=elsewhere,
    )  # fmt: skip
    assert run.returncode == 1
    assert f"`{server.unix}` is in use by another server" in run.stderr
    assert not (elsewhere / "log").exists()
    assert pb.DecideResponse.FromString(server.call("Decide", ask.data(ask.ALLOW))).effect == 1


def test_a_port_in_use_is_not_shared(server: Served, elsewhere: Path) -> None:
    run = served.run(
        "serve", *served.UNSAFE, "--policies", str(served.POLICIES), "--grpc", server.tcp,
        "--log-dir", "log", cwd=elsewhere,
    )  # fmt: skip
    assert run.returncode == 1
    assert f"cannot serve on `{server.tcp}`: it is in use" in run.stderr
    assert run.stdout == ""


def test_a_metrics_port_in_use(server: Served) -> None:
    address = server.metrics.removeprefix("http://").removesuffix("/metrics")
    with pytest.raises(MetricsError, match=f"cannot serve metrics on `{address}`"):
        MetricsDoor(Metrics(), parse_tcp(address))


def test_a_log_has_one_writer(server: Served, elsewhere: Path) -> None:
    run = served.run(
        "serve", *served.UNSAFE, "--policies", str(served.POLICIES), "--grpc", "unix:pdp.sock",
        "--log-dir", str(server.log_dir), cwd=elsewhere,
    )  # fmt: skip
    assert run.returncode == 1
    assert "another process writes to the log" in run.stderr
    assert run.stdout == ""
