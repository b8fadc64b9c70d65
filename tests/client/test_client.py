"""The client, against a real server and against ones that break the contract: it fails closed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import pytest
from msgspec.structs import replace

from pdp import client as public
from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.client import NoAnswer, PdpClient
from pdp.client import grpcio as under_test
from pdp.decisionlog.record import Kind
from pdp.model import DenyCause, Effect, Entity, NextAction, PdpError, RequestError
from pdp.request import Request
from tests.service import questions as ask
from tests.service import served
from tests.service.served import Served


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served.room() as directory, served.serving(directory) as running:
        yield running


@pytest.fixture(scope="module", params=["unix", "tcp"])
def client(server: Served, request: pytest.FixtureRequest) -> Iterator[PdpClient]:
    with PdpClient(getattr(server, request.param)) as client:
        yield client


# ---------------------------------------------------------------- a real server


def test_an_allow_says_where_its_record_is(client: PdpClient, server: Served) -> None:
    decision = client.decide(ask.ALLOW)
    assert (decision.effect, decision.cause) == (Effect.ALLOW, None)
    assert [rule.rule for rule in decision.rules] == ["refunds.small"]
    assert decision.attribution.accountable == "User::ann"
    kept = server.messages(Kind.DECISION)[-1]
    assert isinstance(kept, log_pb2.DecisionRecord)
    assert kept.decision_id == decision.decision_id
    assert kept.request_digest == decision.request_digest
    assert decision.receipt is not None
    assert decision.receipt.seq > 0


@pytest.mark.parametrize(
    ("request_", "effect", "cause"),
    [
        (ask.RULE, Effect.DENY, DenyCause.RULE),
        (ask.ERROR, Effect.DENY, DenyCause.ERROR),
        (ask.UNKNOWN_ACTION, Effect.DENY, DenyCause.INVALID_REQUEST),
        (ask.APPROVAL, Effect.REQUIRE_APPROVAL, None),
    ],
    ids=["rule", "error", "unknown action", "approval"],
)
def test_other_answers(
    client: PdpClient, request_: Request, effect: Effect, cause: DenyCause | None
) -> None:
    decision = client.decide(request_)
    assert (decision.effect, decision.cause) == (effect, cause)
    assert decision.decision_id
    assert (decision.approval is not None) == (effect is Effect.REQUIRE_APPROVAL)
    if decision.approval is not None:
        assert decision.approval.routes == ("lead",)
        assert decision.next_action is NextAction.REQUEST_APPROVAL


def test_a_refused_request(client: PdpClient) -> None:
    with pytest.raises(RequestError, match=r"^args\.amount: expected a decimal"):
        client.decide(ask.REFUSED)


def test_a_batch_keeps_its_order(client: PdpClient) -> None:
    requests = [ask.ALLOW, ask.REFUSED, ask.RULE, ask.SUMMARY, ask.APPROVAL]
    decisions = client.decide_batch(requests)
    assert [decision.effect for decision in decisions] == [
        Effect.ALLOW,
        Effect.DENY,
        Effect.DENY,
        Effect.ALLOW,
        Effect.REQUIRE_APPROVAL,
    ]
    assert [decision.cause for decision in decisions][1:3] == [
        DenyCause.INVALID_REQUEST,
        DenyCause.RULE,
    ]


def test_a_batch_arrives_as_it_was_asked(client: PdpClient, server: Served) -> None:
    """What the client moves into the defaults makes no difference."""
    bare = replace(ask.ALLOW, resource=None, on_behalf_of=())
    requests = [
        replace(ask.ALLOW, request_id=f"r-{number}", args=f'{{"amount":"{number}.00"}}')
        for number in range(1, 4)
    ] + [replace(ask.ALLOW, principal=Entity("User", "ann")), bare, ask.SUMMARY]
    client.decide_batch(requests)
    client.decide_batch(requests[:3])
    client.decide_batch(requests[:1])
    kept = server.messages(Kind.DECISION)[-10:]
    sent = [ask.message(request) for request in [*requests, *requests[:3], requests[0]]]
    # Without its resource one is not valid, and of the last one a summary is kept: no arguments.
    for message in sent[4:6]:
        message.args = "{}"
    assert [item.request for item in kept if isinstance(item, log_pb2.DecisionRecord)] == sent


def test_a_thousand_at_once(client: PdpClient) -> None:
    requests = [replace(ask.ALLOW, request_id=f"r-{number}") for number in range(1_000)]
    decisions = client.decide_batch(requests, timeout_s=30)
    assert {decision.effect for decision in decisions} == {Effect.ALLOW}
    assert len({decision.decision_id for decision in decisions}) == 1_000
    with pytest.raises(RequestError, match="more than 1000 items"):
        client.decide_batch([*requests, ask.ALLOW])


def test_an_empty_batch_is_refused(client: PdpClient) -> None:
    with pytest.raises(RequestError, match="items: is empty"):
        client.decide_batch([])


def test_nobody_there() -> None:
    with PdpClient("unix:/nonexistent/pdp.sock") as client:
        with pytest.raises(public.PdpUnavailable) as found:
            client.decide(ask.ALLOW)
        assert found.value.status == "UNAVAILABLE"


def test_a_closed_client() -> None:
    client = PdpClient("127.0.0.1:1")
    client.close()
    with pytest.raises(NoAnswer, match="this client is closed"):
        client.decide(ask.ALLOW)


@pytest.mark.parametrize("target", ["192.0.2.1:8181", "example.org:8181", "[2001:db8::1]:1", ""])
def test_another_machine_is_not_asked(target: str) -> None:
    with pytest.raises(PdpError):
        PdpClient(target)


def test_every_error_is_public_and_means_no() -> None:
    named = {getattr(public, name) for name in public.__all__} - {PdpClient}
    assert set(under_test._ERRORS.values()) < named  # noqa: SLF001 - the table is what is tested
    assert all(issubclass(error, NoAnswer) for error in named)
    assert issubclass(NoAnswer, PdpError)


# ---------------------------------------------------------------- servers that break the contract


Behaviour = Callable[[bytes, grpc.ServicerContext], bytes]
GOOD: Final = pb.DecideResponse(
    effect=pb.EFFECT_ALLOW,
    decision_id="d",
    request_id=ask.ALLOW.request_id,
    receipt=pb.ReceiptPointer(log_id="l", seq=1, leaf_hash="h"),
)


@contextmanager
def answering(behaviour: Behaviour) -> Iterator[PdpClient]:
    """A client of a server that answers every call with ``behaviour``."""
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(behaviour)
    methods = {"Decide": handler, "DecideBatch": handler}
    other = grpc.server(futures.ThreadPoolExecutor(2))
    other.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("pdp.v1.DecisionService", methods)]
    )
    port = other.add_insecure_port("127.0.0.1:0")
    other.start()
    try:
        with PdpClient(f"127.0.0.1:{port}", timeout_s=10) as client:
            yield client
    finally:
        other.stop(None).wait()


def changed(**values: object) -> bytes:
    message = pb.DecideResponse()
    message.CopyFrom(GOOD)
    for name, value in values.items():
        if value is None:
            message.ClearField(name)
        else:
            setattr(message, name, value)
    return message.SerializeToString()


def test_the_good_answer_is_trusted() -> None:
    with answering(lambda *_: changed()) as client:
        assert client.decide(ask.ALLOW).effect is Effect.ALLOW


@pytest.mark.parametrize(
    "data",
    [
        changed(effect=pb.EFFECT_UNSPECIFIED),
        changed(effect=17),
        changed(cause=pb.DENY_CAUSE_RULE),
        changed(cause=99),
    ],
    ids=["unspecified", "unknown", "an allow with a cause", "an allow with an unknown cause"],
)
def test_an_effect_it_does_not_know_is_a_deny(data: bytes) -> None:
    with answering(lambda *_: data) as client:
        assert client.decide(ask.ALLOW).effect is Effect.DENY


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"",
        changed(decision_id=None),
        changed(receipt=None),
        changed(request_id="another"),
        changed(request_id=None),
    ],
    ids=["no message", "nothing", "no id", "no receipt", "another request", "no request"],
)
def test_an_answer_that_breaks_the_contract_is_none(data: bytes) -> None:
    with answering(lambda *_: data) as client, pytest.raises(public.PdpBroken):
        client.decide(ask.ALLOW)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_batch_with_the_wrong_number_of_answers_is_none(count: int) -> None:
    answer = pb.DecideResponse.FromString(changed())
    data = pb.DecideBatchResponse(answers=[answer] * count).SerializeToString()
    with answering(lambda *_: data) as client, pytest.raises(public.PdpBroken):
        client.decide_batch([ask.ALLOW, ask.ALLOW])


@pytest.mark.parametrize(
    "code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
)
def test_every_status_is_an_error(code: grpc.StatusCode) -> None:
    def end(_data: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(code, "why")
        raise AssertionError("abort returned")

    with answering(end) as client, pytest.raises(PdpError, match="why") as found:
        client.decide(ask.ALLOW)
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        assert isinstance(found.value, RequestError)
    else:
        assert isinstance(found.value, NoAnswer)
        assert found.value.status == code.name


def test_the_server_is_told_the_deadline() -> None:
    seen: list[float | None] = []

    def slow(_data: bytes, context: grpc.ServicerContext) -> bytes:
        seen.append(context.time_remaining())
        time.sleep(0.5)
        return changed()

    with answering(slow) as client:
        with pytest.raises(public.PdpTooLate):
            client.decide(ask.ALLOW, timeout_s=0.2)
        client.decide(ask.ALLOW)
    first, second = seen
    assert first is not None
    assert second is not None
    assert first <= 1
    assert 1 < second < 11


def test_a_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "grpc_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with answering(lambda *_: changed()) as client:
        assert client.decide(ask.ALLOW).effect is Effect.ALLOW
