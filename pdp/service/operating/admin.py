"""What the operator's calls do: bytes in, what was done made durable, bytes out. No transport."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from pdp import model
from pdp._proto import admin_pb2 as pb
from pdp.bundles import envelope, flatfile
from pdp.decisionlog import record
from pdp.decisionlog.errors import LogError
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.engine import places_of
from pdp.lang.types import Schema
from pdp.overruling.orders import (
    NUMBER_TO_KIND,
    OrderError,
    StopOrder,
    check_target,
    check_words,
    order_to_proto,
)
from pdp.service import status
from pdp.service.handlers import Surroundings
from pdp.service.operating.board import StatusBoard
from pdp.service.status import Refused, Status
from pdp.service.stopping.stops import Stops

SERVICE: Final = "pdp.v1.AdminService"
# A bundle, a freshness statement, and room for what frames them.
ACTIVATE_BYTES_MAX: Final = flatfile.TOTAL_BYTES_MAX + envelope.BYTES_MAX + 64 * 1024

_LOG: Final = logging.getLogger("pdp.service")

# Takes a bundle, or reads the source; returns when it decides or is refused. May raise Refused.
Activate: TypeAlias = Callable[[pb.ActivateRequest], pb.ActivateResponse]
MessageT = TypeVar(
    "MessageT", pb.StatusRequest, pb.ActivateRequest, pb.StopRequest, pb.ResumeRequest
)


def no_activation(_request: pb.ActivateRequest) -> pb.ActivateResponse:
    """Refuse: for a server that serves a directory."""
    raise Refused(
        Status.UNIMPLEMENTED,
        "not_in_this_version",
        "this server serves a directory of policies: nothing can be activated; restart it to read"
        " the directory again",
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """What the calls work on. ``schema`` is that of the policies that decide now, if any do.

    ``trouble`` says why nothing is answered, in our words; empty while all is well.
    """

    stops: Stops
    board: StatusBoard
    schema: Callable[[], Schema | None]
    trouble: Callable[[], str]
    activate: Activate = no_activation


@dataclass(frozen=True, slots=True)
class _Call:
    rpc: str
    data: bytes
    peer: str


class AdminHandlers:
    """The calls of ``AdminService``. Every method may be called from any thread.

    All methods return the answer's bytes, or raise Refused once that is recorded; never anything
    else. A stop and a resume are recorded as such, and an activation by whoever activates.
    """

    def __init__(self, desk: Desk, log: Writer, surroundings: Surroundings) -> None:
        self._desk = desk
        self._log = log
        self._around = surroundings
        self._activating = threading.Lock()

    def status(self, data: bytes, peer: str) -> bytes:
        """``StatusRequest`` to ``StatusResponse``; leaves no record."""
        return self._guarded(_Call("Status", data, peer), self._status)

    def activate(self, data: bytes, peer: str) -> bytes:
        """``ActivateRequest`` to ``ActivateResponse``; one at a time."""
        return self._guarded(_Call("Activate", data, peer), self._activate)

    def stop(self, data: bytes, peer: str) -> bytes:
        """``StopRequest`` to ``StopResponse``."""
        return self._guarded(_Call("Stop", data, peer), self._stop)

    def resume(self, data: bytes, peer: str) -> bytes:
        """``ResumeRequest`` to ``ResumeResponse``."""
        return self._guarded(_Call("Resume", data, peer), self._resume)

    # ---------------------------------------------------------------- one call

    def _status(self, call: _Call) -> bytes:
        _parsed(pb.StatusRequest, call.data)
        stops = [order_to_proto(order) for order in self._desk.stops.orders]
        now_ns = self._around.clock_ns()
        return self._desk.board.shown(now_ns, self._desk.trouble(), stops).SerializeToString()

    def _activate(self, call: _Call) -> bytes:
        request = _parsed(pb.ActivateRequest, call.data, ACTIVATE_BYTES_MAX)
        if not self._activating.acquire(blocking=False):
            raise Refused(
                Status.RESOURCE_EXHAUSTED,
                "activating",
                "another activation is under way; ask again when it is done",
            )
        try:
            return self._desk.activate(request).SerializeToString()
        finally:
            self._activating.release()

    def _stop(self, call: _Call) -> bytes:
        request = _parsed(pb.StopRequest, call.data)
        kind = NUMBER_TO_KIND.get(request.kind)
        if kind is None:
            raise OrderError("kind", "expected agent, person, action or tool")
        check_words("target", request.target)
        check_target(kind, request.target, self._desk.schema())
        order = self._desk.stops.stop(kind, request.target, request.who, request.why)
        _say("stopped", order, request.who)
        return pb.StopResponse(order=order_to_proto(order)).SerializeToString()

    def _resume(self, call: _Call) -> bytes:
        request = _parsed(pb.ResumeRequest, call.data)
        order = self._desk.stops.resume(request.order_id, request.who, request.why)
        _say("resumed", order, request.who)
        return pb.ResumeResponse(order=order_to_proto(order)).SerializeToString()

    def _guarded(self, call: _Call, work: Callable[[_Call], bytes]) -> bytes:
        try:
            return work(call)
        except Refused as refused:
            ended = refused
        except OrderError as error:
            ended = _invalid(_complaint(error), error.field)
        except BaseException as bug:  # noqa: BLE001 - outermost: an operator is told no more
            _LOG.error(
                "internal error in %s: %s at %s", call.rpc, type(bug).__name__, places_of(bug)
            )
            ended = status.internal()
        raise self._recorded(call, ended) from None

    def _recorded(self, call: _Call, ended: Refused) -> Refused:
        """The refusal to give. One that is for want of the log cannot be recorded in it."""
        payload = record.refusal_record(
            time_unix_ns=self._around.clock_ns(),
            peer=call.peer,
            rpc=f"/{SERVICE}/{call.rpc}",
            status=ended.status.name,
            reason=ended.cause,
            field=ended.field,
            request_bytes=len(call.data),
            request_sha256=hashlib.sha256(call.data).hexdigest(),
            engine_version=self._around.engine_version,
        )
        try:
            self._log.append(Kind.REFUSAL, payload)
        except LogError:
            return ended if ended.status is Status.UNAVAILABLE else status.log_unavailable()
        return ended


def _parsed(
    kind: type[MessageT], data: bytes, bytes_max: int = model.REQUEST_BYTES_MAX
) -> MessageT:
    if len(data) > bytes_max:
        raise Refused(
            Status.INVALID_ARGUMENT,
            "request_too_large",
            f"invalid request: larger than {bytes_max} bytes",
        )
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise Refused(
            Status.INVALID_ARGUMENT,
            "malformed_message",
            f"invalid request: the bytes are no {kind.DESCRIPTOR.name} message",
        ) from None
    if len(UnknownFieldSet(message)):
        raise _invalid("it holds a field that this version does not know", "")
    return message


def _complaint(error: OrderError) -> str:
    """A sentence: many a message is what is wrong with a field."""
    is_predicate = str(error).startswith(("is ", "holds "))
    return f"`{error.field}`{' ' if is_predicate else ': '}{error}"


def _invalid(message: str, field: str) -> Refused:
    shown = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in message)
    return Refused(Status.INVALID_ARGUMENT, "invalid_request", f"invalid request: {shown}", field)


def _say(what: str, order: StopOrder, who: str) -> None:
    _LOG.warning(
        "%s by %s: %s %s, order %s", what, who, order.kind.value, order.target, order.order_id
    )
