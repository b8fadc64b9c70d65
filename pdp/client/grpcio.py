"""A client over gRPC that fails closed: a decision, or a named error. No caching, no retries."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from types import TracebackType
from typing import Final, NoReturn, Self, TypeVar

import grpc
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from pdp._proto import decision_pb2 as pb
from pdp.client import errors
from pdp.client.errors import NoAnswer
from pdp.explanation import Explanation
from pdp.explanationform import explanation_from_proto, time_to_proto
from pdp.model import Decision, Effect, PdpError, RequestError
from pdp.protoform import decision_from_proto, request_to_proto
from pdp.request import Request

TIMEOUT_S: Final = 5.0

_IPV6: Final = 6
# What the PDP sees to itself; every other obligation, also one not known here, is the caller's.
_OBLIGATIONS_OF_PDP: Final = frozenset({"log", "notify"})
_SERVICE: Final = "/pdp.v1.DecisionService/"
_OPTIONS: Final = (
    # A proxy between an agent and its PDP would be one more who could answer.
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)
_ERRORS: Final[dict[grpc.StatusCode, type[NoAnswer]]] = {
    grpc.StatusCode.UNAVAILABLE: errors.PdpUnavailable,
    # What a call meets that arrives while the server stops.
    grpc.StatusCode.CANCELLED: errors.PdpUnavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.PdpOverloaded,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.PdpTooLate,
    grpc.StatusCode.UNAUTHENTICATED: errors.PdpNotAllowed,
    grpc.StatusCode.PERMISSION_DENIED: errors.PdpNotAllowed,
    grpc.StatusCode.UNIMPLEMENTED: errors.PdpUnsupported,
}


MessageT = TypeVar("MessageT", pb.DecideResponse, pb.DecideBatchResponse, pb.ExplainResponse)


class PdpClient:
    """Asks one PDP at ``unix:PATH`` or ``IP:PORT`` (this machine only: there is no TLS yet).

    Connects at the first question. May be shared by threads; use it as a context manager or close
    it. Raises PdpError for an address of another machine.
    """

    def __init__(self, target: str, timeout_s: float = TIMEOUT_S) -> None:
        _check_target(target)
        self._timeout_s = timeout_s
        self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        self._decide = self._call("Decide")
        self._decide_batch = self._call("DecideBatch")
        self._explain = self._call("Explain")

    def decide(self, request: Request, timeout_s: float | None = None) -> Decision:
        """The answer, with ``decision_id`` and ``receipt``; an unknown effect is DENY.

        The PDP is told the deadline. Raises RequestError if the request is refused as invalid, and
        NoAnswer (one of its subclasses) if there is no answer.
        """
        data = self._ask(self._decide, request_to_proto(request).SerializeToString(), timeout_s)
        return _trusted(_parsed(pb.DecideResponse(), data), request)

    def decide_batch(
        self, requests: Sequence[Request], timeout_s: float | None = None
    ) -> tuple[Decision, ...]:
        """Answers in order, all by one bundle; at most 1,000 requests.

        What all requests share is sent once. An invalid request among them is answered DENY with
        cause ``invalid_request``. Raises as ``decide``.
        """
        batch = _batch([request_to_proto(request) for request in requests])
        data = self._ask(self._decide_batch, batch.SerializeToString(), timeout_s)
        answers = _parsed(pb.DecideBatchResponse(), data).answers
        if len(answers) != len(requests):
            raise errors.PdpBroken("the PDP did not answer every request", "")
        return tuple(
            _trusted(answer, request) for answer, request in zip(answers, requests, strict=True)
        )

    def explain(
        self, request: Request, now_us: int | None = None, timeout_s: float | None = None
    ) -> Explanation:
        """What the answer to this request follows from; it is no permission to act.

        ``now_us`` asks about another time than the PDP's: microseconds since 1970, of the years 1
        to 9999. Raises as ``decide``.
        """
        question = request_to_proto(request)
        if now_us is not None:
            question.now.CopyFrom(_time(now_us))
        data = self._ask(self._explain, question.SerializeToString(), timeout_s)
        answer = _parsed(pb.ExplainResponse(), data)
        if answer.decision.request_id != request.request_id:
            raise errors.PdpBroken("the PDP explained another request", "")
        return explanation_from_proto(answer)

    def close(self) -> None:
        """Let go of the connection; calls in flight end with PdpUnavailable or PdpBroken."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _call(self, name: str) -> grpc.UnaryUnaryMultiCallable[bytes, bytes]:
        return self._channel.unary_unary(_SERVICE + name, None, None)

    def _ask(
        self,
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes],
        data: bytes,
        timeout_s: float | None,
    ) -> bytes:
        try:
            return call(data, timeout=self._timeout_s if timeout_s is None else timeout_s)
        except grpc.RpcError as error:
            _raise(error)
        except ValueError:
            raise errors.PdpBroken("this client is closed", "CANCELLED") from None


def _time(now_us: int) -> Timestamp:
    try:
        return time_to_proto(now_us)
    except ValueError:
        raise RequestError("is no time of the years 1 to 9999", "now") from None


def _check_target(target: str) -> None:
    if target.startswith("unix:"):
        return
    host, _, port = target.rpartition(":")
    # gRPC takes `::1:50051` for an address of its own, and not for a port on `::1`.
    is_six = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(host[1:-1] if is_six else host)
    except ValueError:
        address = None
    is_port = port.isascii() and port.isdigit()
    if address is None or (address.version == _IPV6) != is_six or not is_port:
        raise PdpError(f"`{target}` is neither `unix:PATH` nor `IP:PORT`")
    if not address.is_loopback:
        raise PdpError(f"`{target}` is another machine, and this version has no TLS")


def _raise(error: grpc.RpcError) -> NoReturn:
    code, text = error.code(), error.details() or ""
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        raise RequestError(text.removeprefix("invalid request: ") or "refused") from None
    named = _ERRORS.get(code, errors.PdpBroken)
    raise named(f"the PDP gave no decision: {text or code.name}", code.name) from None


def _parsed(message: MessageT, data: bytes) -> MessageT:
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise errors.PdpBroken("the PDP's answer is no message of the contract", "") from None
    return message


def _trusted(answer: pb.DecideResponse, request: Request) -> Decision:
    """The decision, if it answers this request and (but for a deny) says where its record is.

    An allow may ask of the caller only what the request said that it can do.
    """
    if answer.request_id != request.request_id:
        raise errors.PdpBroken("the PDP answered another request", "")
    decision = decision_from_proto(answer)
    if decision.effect is not Effect.DENY and not (decision.decision_id and decision.receipt):
        raise errors.PdpBroken("the PDP's answer does not say where its record is", "")
    able = _OBLIGATIONS_OF_PDP.union(request.supported_obligations)
    if decision.effect is Effect.ALLOW and any(o.name not in able for o in decision.obligations):
        raise errors.PdpBroken("the PDP's allow asks for what this caller cannot do", "")
    return decision


def _batch(messages: list[pb.DecideRequest]) -> pb.DecideBatchRequest:
    """The messages with whatever they all hold alike moved into the defaults."""
    defaults = pb.DecideRequest()
    alike: list[str] = []
    if not messages:
        return pb.DecideBatchRequest()
    for field, value in messages[0].ListFields():
        is_message = field.message_type is not None and not field.is_repeated
        if all(
            getattr(message, field.name) == value
            and (not is_message or message.HasField(field.name))
            for message in messages
        ):
            alike.append(field.name)
    defaults.CopyFrom(messages[0])
    for field, _ in messages[0].ListFields():
        if field.name not in alike:
            defaults.ClearField(field.name)
    for message in messages:
        for name in alike:
            message.ClearField(name)
    return pb.DecideBatchRequest(defaults=defaults, items=messages)
