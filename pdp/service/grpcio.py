"""The front door on grpcio: threads, statuses, health, drain. Decides and records nothing."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from typing import Any, Final, NoReturn, TypeAlias

import grpc
from grpc_health.v1 import (  # type: ignore[import-untyped]
    health,
    health_pb2,
    health_pb2_grpc,
)

from pdp import model
from pdp.service.addresses import Address, TcpAddress, UnixAddress
from pdp.service.handlers import SERVICE, Handlers
from pdp.service.sockets import DoorError, SocketClaim, socket_mode
from pdp.service.status import INTERNAL_TEXT, Refused, Status

# Twice our own limit, so that a request that is too large for us reaches us and is recorded.
RECEIVE_BYTES_MAX: Final = 2 * model.REQUEST_BYTES_MAX

_OPTIONS: Final = (
    # A second server on the same port must fail, not share it.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", RECEIVE_BYTES_MAX),
    ("grpc.max_send_message_length", -1),
    # Only `identity` (bit 0): what arrives has the size it says it has.
    ("grpc.compression_enabled_algorithms_bitset", 1),
)
# A client on this machine sends the request right behind its call. A call whose request does not
# follow would keep a thread for as long as its caller likes.
SILENCE_S: Final = 1.0
_PREFIX: Final = f"/{SERVICE}/"
_CODES: Final = {status: grpc.StatusCode[status.name] for status in Status}
_LOG: Final = logging.getLogger("pdp.service")

# Bytes and peer to bytes; raises Refused.
Call: TypeAlias = Callable[[bytes, str], bytes]


class GrpcDoor:
    """One gRPC server on any number of addresses: bound when made, serving once opened."""

    def __init__(self, addresses: tuple[Address, ...], threads: int, max_concurrent: int) -> None:
        """Bind every address, or none. Raises DoorError."""
        self._admission = _Admission()
        self._pool = _AdmittingPool(self._admission, threads)
        self._server = grpc.server(
            self._pool,
            interceptors=[self._admission],
            options=_OPTIONS,
            maximum_concurrent_rpcs=max_concurrent,
            compression=grpc.Compression.NoCompression,
        )
        self._silent = _Silent()
        self._health = _Health()
        self._claims: list[SocketClaim] = []
        self._handlers: Handlers | None = None
        try:
            self.addresses = tuple(self._bind(address) for address in addresses)
        except BaseException:
            self.close()
            raise

    def open(self, handlers: Handlers) -> None:
        """Answer calls from now on."""
        self._handlers = handlers
        calls: Mapping[str, Call] = {
            "Decide": handlers.decide,
            "DecideBatch": handlers.decide_batch,
            "Explain": handlers.explain,
            "ReportOutcome": handlers.report_outcome,
            "GetReceipt": handlers.get_receipt,
        }
        methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            # One message each way; as streams, since those reach us before the request does.
            name: grpc.stream_unary_rpc_method_handler(self._behaviour(call))
            for name, call in calls.items()
        }
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(SERVICE, methods)]
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._server.start()
        self.set_serving(serving=handlers.decides)

    def set_serving(self, *, serving: bool) -> None:
        """What the health service says, of the server as a whole and of ``DecisionService``."""
        self._health.say(serving=serving)

    @property
    def busy(self) -> bool:
        """Whether threads still work on calls, be it on some that were cut off."""
        return self._admission.running > 0

    def count_unanswered(self, *, settled: bool = False) -> None:
        """Report the calls that gRPC ended itself since the last report; about once a second.

        ``settled``: no call is arriving any more.
        """
        if self._handlers is None:
            return
        shed = self._admission.take_shed(settled=settled)
        if shed:
            self._handlers.count(Status.RESOURCE_EXHAUSTED, "shed", shed)
        late = self._admission.take_late()
        if late:
            self._handlers.count(Status.DEADLINE_EXCEEDED, "too_late", late)

    def hang_up(self) -> None:
        """Cancel the calls whose request does not come; about once a second."""
        self._silent.cancel(time.monotonic() - SILENCE_S)

    def drain(self, grace_s: float) -> None:
        """Say NOT_SERVING, take no new calls, give those in flight ``grace_s``."""
        self.set_serving(serving=False)
        self._health.end_watches()
        self._server.stop(grace_s).wait()
        self.count_unanswered(settled=True)

    def close(self) -> None:
        """Let go of threads and addresses, at once."""
        self._server.stop(None).wait()
        self._pool.shutdown(wait=False)
        for claim in self._claims:
            claim.release()
        self._claims.clear()

    def _bind(self, address: Address) -> Address:
        match address:
            case UnixAddress(path):
                self._claims.append(SocketClaim(path))
                with socket_mode():
                    self._port(address)
                return address
            case TcpAddress(host):
                return TcpAddress(host, self._port(address))

    def _port(self, address: Address) -> int:
        try:
            port = self._server.add_insecure_port(str(address))
        except RuntimeError:
            port = 0
        if port == 0:
            raise DoorError(
                f"cannot serve on `{address}`: it is in use, or not an address of this machine"
            )
        return port

    def _behaviour(self, call: Call) -> Callable[[Iterator[bytes], grpc.ServicerContext], bytes]:
        def behave(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            try:
                data = self._silent.awaited(requests, context)
                if data is not None:
                    self._admission.reached()
                    return call(data, caller(context.peer()))
                ended, text = Status.UNIMPLEMENTED, "a call needs a request"
            except grpc.RpcError:
                # The caller is gone.
                raise
            except Refused as refused:
                ended, text = refused.status, str(refused)
            except BaseException as bug:  # noqa: BLE001 - gRPC would send its text, or nothing ever
                _LOG.error("internal error at the door: %s", type(bug).__name__)
                ended, text = Status.INTERNAL, INTERNAL_TEXT
            _abort(context, ended, text)

        return behave


class _Silent:
    """The calls whose request has not come yet, and since when each was waited for."""

    def __init__(self) -> None:
        self._since: dict[grpc.ServicerContext, float] = {}

    def awaited(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes | None:
        """The request of a call, or None for a call that ends without one.

        Raises grpc.RpcError once the caller is gone, or the call is cancelled.
        """
        self._since[context] = time.monotonic()
        try:
            return next(requests, None)
        finally:
            del self._since[context]

    def cancel(self, before: float) -> None:
        """End the calls that are waited for since then; their threads are free at once."""
        for context, since in tuple(self._since.items()):
            if since < before:
                context.cancel()


def caller(peer: str) -> str:
    """Who calls, as far as gRPC knows: its peer, without the port that anyone may vary."""
    return peer.rpartition(":")[0] if peer.startswith("ipv") else peer.partition(":")[0]


def _abort(context: grpc.ServicerContext, status: Status, text: str) -> NoReturn:
    context.abort(_CODES[status], text)
    raise AssertionError("abort returned")


class _Admission(grpc.ServerInterceptor):
    """Counts the calls that get no answer of ours: those gRPC sheds, and those it finds too late.

    gRPC asks for the method's handler, then sheds the call or submits it to the pool, all in one
    thread of its own; a submitted call whose caller is gone by its turn never reaches a handler.
    """

    def __init__(self) -> None:
        self.is_ours = False
        self._arrived = self._submitted = self._seen = self._shed = 0
        self._lock = threading.Lock()
        self._running = self._late = 0
        self._turn = threading.local()

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler = continuation(handler_call_details)
        self.is_ours = handler is not None and handler_call_details.method.startswith(_PREFIX)
        if handler is not None:
            self._arrived += 1
        return handler

    def submitted(self) -> None:
        """The call that arrived last was given to the pool."""
        self._submitted += 1

    def reached(self) -> None:
        """The call whose turn it is in this thread reached its handler."""
        self._turn.reached = True

    def turn(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a call of ours in its turn."""
        self._turn.reached = False
        with self._lock:
            self._running += 1
        try:
            return work(*args, **kwargs)
        finally:
            with self._lock:
                self._running -= 1
                self._late += not self._turn.reached

    @property
    def running(self) -> int:
        """Calls of ours that a thread works on now."""
        return self._running

    def take_late(self) -> int:
        """Calls since the last report that nobody waited for any more when their turn came."""
        with self._lock:
            count, self._late = self._late, 0
        return count

    def take_shed(self, *, settled: bool) -> int:
        """Calls shed since the last report.

        Unless all is ``settled``, a call that is just arriving looks shed: so each must be seen
        in two reports.
        """
        seen = self._arrived - self._submitted
        certain = seen if settled else min(seen, self._seen)
        self._seen = seen
        count = max(0, certain - self._shed)
        self._shed += count
        return count


class _AdmittingPool(futures.ThreadPoolExecutor):
    """Threads that know whether the call they are given is one of ours."""

    def __init__(self, admission: _Admission, threads: int) -> None:
        super().__init__(threads, thread_name_prefix="pdp-grpc")
        self._admission = admission

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        self._admission.submitted()
        if self._admission.is_ours:
            return super().submit(self._admission.turn, fn, *args, **kwargs)
        return super().submit(fn, *args, **kwargs)


class _Watch:
    """The sending end of one health watch; once ended, it sends nothing more."""

    def __init__(self, send: Callable[[object], None]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._ended = False

    def __call__(self, response: object) -> None:
        with self._lock:
            if not self._ended:
                self._ended = response is None
                self._send(response)


class _Health(health.HealthServicer):  # type: ignore[misc]
    """The standard health service, whose watches can be ended so that they do not delay a drain."""

    def __init__(self) -> None:
        super().__init__()
        self._watches: set[_Watch] = set()
        self._serving = True
        self.say(serving=False)

    def Watch(  # noqa: N802 - the service's name for it
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send_response_callback: Callable[[object], None],
    ) -> None:
        watch = _Watch(send_response_callback)
        self._watches.add(watch)
        context.add_callback(lambda: self._watches.discard(watch))
        super().Watch(request, context, watch)

    def say(self, *, serving: bool) -> None:
        """Set the status of the server and of our service; watchers hear of changes only."""
        if serving == self._serving:
            return
        self._serving = serving
        responses = health_pb2.HealthCheckResponse
        for service in ("", SERVICE):
            self.set(service, responses.SERVING if serving else responses.NOT_SERVING)

    def end_watches(self) -> None:
        """Close every watch, after what it has been told."""
        for watch in tuple(self._watches):
            watch(None)
