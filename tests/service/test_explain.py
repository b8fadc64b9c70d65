"""``Explain``: what is told and what is recorded of it, by handlers and through a real server."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

import pytest

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.client import PdpClient, PdpOverloaded
from pdp.decisionlog import reader
from pdp.decisionlog.appender import unavailable
from pdp.decisionlog.errors import Trouble
from pdp.decisionlog.record import Kind
from pdp.engine import Engine
from pdp.explanation import Explanation
from pdp.model import DenyCause, Effect, RequestError
from pdp.request import Request
from pdp.service.activating.active import Active
from pdp.service.explaining import AT_ONCE_MAX, Explainer
from pdp.service.status import Refused, Status
from tests.service import questions as ask
from tests.service import served
from tests.service.desk import NOW_NS, PEER, Desk, Stub, broken
from tests.service.served import Served
from tests.service.wrongs import REFUSED, UNKNOWN_FIELDS

NOW_US: Final = 1_769_857_200_123_456  # 2026-01-31T11:00:00.123456Z


class Explaining(Stub):
    """An engine of which tests can break the explaining."""

    def explain(self, request: Request, now_us: int | None) -> Explanation:
        return self.engine.explain(request, now_us)


def explained(desk: Desk, data: bytes) -> pb.ExplainResponse:
    return pb.ExplainResponse.FromString(desk.handlers.explain(data, PEER))


def at(request: Request, now_us: int) -> pb.DecideRequest:
    message = ask.message(request)
    message.now.FromMicroseconds(now_us)
    return message


# ---------------------------------------------------------------- what is told


@pytest.mark.parametrize(
    "request_",
    [
        ask.ALLOW, ask.APPROVAL, ask.RULE, ask.ERROR, ask.UNATTRIBUTED, ask.NO_ALLOW,
        ask.UNSUPPORTED, ask.UNKNOWN_ACTION, ask.NO_RESOURCE,
    ],
    ids=lambda value: value.request_id,
)  # fmt: skip
def test_it_tells_the_answer_that_decide_gives_and_is_none(desk: Desk, request_: Request) -> None:
    decided = desk.decide(ask.data(request_))
    answer = explained(desk, ask.data(request_))
    for name in ("decision_id", "receipt"):
        decided.ClearField(name)
    assert answer.decision == decided
    assert not answer.decision.decision_id
    assert not answer.decision.HasField("receipt")
    assert bool(answer.outcomes) == (decided.cause != pb.DENY_CAUSE_INVALID_REQUEST)
    assert bool(answer.nearest) == (decided.cause == pb.DENY_CAUSE_NO_ALLOW)
    assert bool(answer.approvers) == (decided.effect == pb.EFFECT_REQUIRE_APPROVAL)
    assert desk.counted("pdp_decisions_total", effect="allow", cause="") == (request_ is ask.ALLOW)


def test_a_default_deny_says_what_was_missing(desk: Desk) -> None:
    answer = explained(desk, ask.data(ask.NO_ALLOW))
    assert [near.principal for near in answer.nearest] == ["Agent::bot", "User::ann"]
    [small] = answer.nearest[0].rules
    [unmet] = small.unmet
    assert (small.rule, unmet.text) == ("refunds.small", "args.amount <= 500.00")
    assert [(value.path, value.value) for value in unmet.values] == [("args.amount", "900")]


# ---------------------------------------------------------------- what is recorded


def test_who_asked_about_what_is_recorded_before_the_answer_leaves(desk: Desk) -> None:
    answer = explained(desk, ask.data(ask.APPROVAL))
    [stored] = reader.records(desk.directory)
    assert stored.kind is Kind.EXPLANATION
    assert (answer.receipt.log_id, answer.receipt.seq) == (desk.writer.log_id, stored.seq)
    assert answer.receipt.leaf_hash == stored.leaf_hash
    [kept] = desk.records()
    assert isinstance(kept, log_pb2.ExplanationRecord)
    assert (kept.time_unix_ns, kept.peer) == (NOW_NS, PEER)
    assert (kept.request_id, list(kept.chain)) == ("r-approval", ["Agent::bot", "User::ann"])
    assert (kept.action, kept.resource) == ("pay__refund", "Order::o-1")
    assert kept.effect == pb.EFFECT_REQUIRE_APPROVAL
    assert kept.bundle == answer.decision.bundle
    assert kept.now_unix_us == answer.now.ToMicroseconds()
    assert kept.engine_version == "1.2.3"
    assert b"300" not in kept.SerializeToString()


@pytest.mark.parametrize("request_", [ask.SECRET, ask.UNKNOWN_ACTION, ask.NO_RESOURCE])
def test_a_secret_is_neither_told_nor_recorded(desk: Desk, request_: Request) -> None:
    assert ask.CARD in request_.args
    answer = desk.handlers.explain(ask.data(request_), PEER)
    assert ask.CARD.encode() not in answer
    desk.writer.close()
    for path in desk.directory.iterdir():
        assert ask.CARD.encode() not in path.read_bytes()


def test_without_a_log_there_is_no_explanation(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.writer, "append_many", broken(unavailable(Trouble.NO_SPACE)))
    refused = desk.refused(lambda: explained(desk, ask.data(ask.ALLOW)))
    assert (refused.status, str(refused)) == (Status.UNAVAILABLE, "unavailable")


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("name", sorted(set(REFUSED) - {"now"}))
def test_what_decide_refuses_is_refused_in_the_same_words(desk: Desk, name: str) -> None:
    data, cause, _ = REFUSED[name]
    expected = desk.refused(lambda: desk.handlers.decide(data, PEER))
    refused = desk.refused(lambda: desk.handlers.explain(data, PEER))
    assert (refused.status, refused.cause) == (Status.INVALID_ARGUMENT, cause)
    assert str(refused) == str(expected)
    kept = desk.records()[-1]
    assert isinstance(kept, log_pb2.RefusalRecord)
    assert kept.rpc == "/pdp.v1.DecisionService/Explain"


def test_another_time_may_be_asked_about(desk: Desk) -> None:
    answer = explained(desk, at(ask.ALLOW, NOW_US).SerializeToString())
    assert answer.now.ToMicroseconds() == NOW_US
    [kept] = desk.records()
    assert isinstance(kept, log_pb2.ExplanationRecord)
    assert (kept.now_unix_us, kept.time_unix_ns) == (NOW_US, NOW_NS)


def with_now(**values: int) -> bytes:
    message = ask.message(ask.ALLOW)
    message.now.SetInParent()
    for name, value in values.items():
        setattr(message.now, name, value)
    return message.SerializeToString()


def with_unknown_now() -> bytes:
    message = at(ask.ALLOW, NOW_US)
    message.now.MergeFromString(UNKNOWN_FIELDS[0])
    return message.SerializeToString()


@pytest.mark.parametrize(
    "data",
    [
        with_now(nanos=-1), with_now(nanos=1_000_000_000), with_now(seconds=253_402_300_800),
        with_now(seconds=-62_135_596_801), with_now(seconds=2**62), with_unknown_now(),
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(desk: Desk, data: bytes) -> None:
    refused = desk.refused(lambda: explained(desk, data))
    assert (refused.status, refused.field) == (Status.INVALID_ARGUMENT, "now")


@pytest.mark.parametrize("seconds", [-62_135_596_800, 253_402_300_799])
def test_the_first_and_the_last_second_are_times(desk: Desk, seconds: int) -> None:
    assert explained(desk, with_now(seconds=seconds)).now.seconds == seconds


@pytest.mark.parametrize(
    "bug", [ValueError, KeyError, RecursionError, MemoryError, AssertionError, SystemExit]
)
def test_a_bug_is_an_internal_error_without_its_text(
    desk: Desk, engine: Engine, caplog: pytest.LogCaptureFixture, bug: type[BaseException]
) -> None:
    stub = Explaining(engine)
    stub.explain = broken(bug("sesame 4711"))  # type: ignore[method-assign]
    desk.handlers.active = Active(stub)  # type: ignore[arg-type]
    refused = desk.refused(lambda: explained(desk, ask.data(ask.ALLOW)))
    assert (refused.status, str(refused)) == (Status.INTERNAL, "internal error")
    assert "4711" not in caplog.text
    # Its turn was given back.
    stub.explain = Explaining(engine).explain  # type: ignore[method-assign]
    for _ in range(AT_ONCE_MAX + 1):
        assert explained(desk, ask.data(ask.ALLOW)).decision.effect == pb.EFFECT_ALLOW


def test_only_so_many_are_explained_at_once(engine: Engine) -> None:
    explainer = Explainer()
    begun: list[tuple[Request, int | None]] = []

    class Nested(Explaining):
        """While one is explained, another is asked for."""

        def explain(self, request: Request, now_us: int | None) -> Explanation:
            begun.append((request, now_us))
            return ask_again(self)

    def ask_again(stub: Any) -> Explanation:
        return explainer.explain(stub, ask.ALLOW, None)

    with pytest.raises(Refused) as found:
        ask_again(Nested(engine))
    assert found.value.status is Status.RESOURCE_EXHAUSTED
    assert begun == [(ask.ALLOW, None)] * AT_ONCE_MAX
    assert ask_again(engine).decision.effect is Effect.ALLOW


# ---------------------------------------------------------------- a real server and a real client


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served.room() as directory, served.serving(directory) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Served) -> Iterator[PdpClient]:
    with PdpClient(server.unix) as client:
        yield client


def test_a_client_is_told_what_the_engine_says(
    client: PdpClient, server: Served, engine: Engine
) -> None:
    for request in (ask.NO_ALLOW, ask.APPROVAL, ask.ERROR, ask.SECRET):
        answer = client.explain(request, NOW_US)
        expected = engine.explain(request, NOW_US)
        # Of the decision, errors and hidden paths stay with the engine.
        assert answer == dataclasses.replace(expected, decision=answer.decision)
        assert answer.decision.effect is expected.decision.effect
        assert answer.decision.rules == expected.decision.rules
        assert answer.outcomes
        assert ask.CARD not in repr(answer)
    kept = server.messages(Kind.EXPLANATION)[-4:]
    assert [item.now_unix_us for item in kept if isinstance(item, log_pb2.ExplanationRecord)] == [
        NOW_US
    ] * 4


def test_without_a_time_it_is_the_pdp_s(client: PdpClient) -> None:
    first, second = client.explain(ask.ALLOW), client.explain(ask.ALLOW)
    assert NOW_US < first.now_us <= second.now_us


def test_a_client_is_refused_as_by_decide(client: PdpClient) -> None:
    with pytest.raises(RequestError, match=r"^args\.amount: expected a decimal"):
        client.explain(ask.REFUSED)
    with pytest.raises(RequestError, match="years 1 to 9999"):
        client.explain(ask.ALLOW, 10**30)
    unknown = client.explain(ask.UNKNOWN_ACTION)
    assert (unknown.decision.cause, unknown.outcomes) == (DenyCause.INVALID_REQUEST, ())


def test_nothing_is_decided_by_explaining(client: PdpClient, server: Served) -> None:
    before = len(server.messages(Kind.DECISION))
    answer = client.explain(ask.APPROVAL)
    assert answer.decision.effect is Effect.REQUIRE_APPROVAL
    assert (answer.decision.decision_id, answer.decision.receipt) == ("", None)
    assert len(server.messages(Kind.DECISION)) == before


def test_a_busy_server_says_so() -> None:
    patch = "import pdp.service.explaining as e\ne.Explainer.__init__.__defaults__ = (0,)\n"
    with served.room() as directory, served.serving(directory, patch=patch) as busy:
        with PdpClient(busy.unix) as client:
            with pytest.raises(PdpOverloaded):
                client.explain(ask.ALLOW)
            assert client.decide(ask.ALLOW).effect is Effect.ALLOW
        [kept] = busy.messages(Kind.REFUSAL)
        assert isinstance(kept, log_pb2.RefusalRecord)
        assert kept.reason == "explaining"
