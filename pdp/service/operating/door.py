"""The operator's door on grpcio: one socket that only its owner can open. Decides nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Final, NoReturn, TypeAlias

import grpc

from pdp.service.addresses import UnixAddress
from pdp.service.grpcio import caller
from pdp.service.operating.admin import ACTIVATE_BYTES_MAX, SERVICE, AdminHandlers
from pdp.service.sockets import DoorError, SocketClaim, socket_mode
from pdp.service.status import INTERNAL_TEXT, Refused, Status

# Activations come one at a time, so threads are left for a stop whatever is being activated.
THREADS: Final = 4
CONCURRENT_MAX: Final = 32
# Our name for why a call got no answer; a client tells by it that the text is ours.
CAUSE_KEY: Final = "pdp-cause-bin"

_OPTIONS: Final = (
    # Somewhat more than our own limit, so that what is too large reaches us and is recorded.
    ("grpc.max_receive_message_length", ACTIVATE_BYTES_MAX + 64 * 1024),
    ("grpc.max_send_message_length", -1),
    # Only `identity` (bit 0): what arrives has the size it says it has.
    ("grpc.compression_enabled_algorithms_bitset", 1),
)
_LOG: Final = logging.getLogger("pdp.service")

Call: TypeAlias = Callable[[bytes, str], bytes]


class AdminDoor:
    """Bound when made, serving once opened. The socket has mode 0600 from its first moment."""

    def __init__(self, address: UnixAddress) -> None:
        """Bind the address. Raises DoorError."""
        self.address = address
        self._running = _Running()
        self._claim = SocketClaim(address.path)
        self._pool = futures.ThreadPoolExecutor(THREADS, thread_name_prefix="pdp-admin")
        self._server = grpc.server(
            self._pool,
            options=_OPTIONS,
            maximum_concurrent_rpcs=CONCURRENT_MAX,
            compression=grpc.Compression.NoCompression,
        )
        try:
            with socket_mode(is_owners_alone=True):
                self._server.add_insecure_port(str(address))
        except RuntimeError:
            self.close()
            raise DoorError(f"cannot serve on `{address}`") from None

    def open(self, handlers: AdminHandlers) -> None:
        """Answer calls from now on."""
        calls: dict[str, Call] = {
            "Status": handlers.status,
            "Activate": handlers.activate,
            "Stop": handlers.stop,
            "Resume": handlers.resume,
        }
        methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            name: grpc.unary_unary_rpc_method_handler(_behaviour(call, self._running))
            for name, call in calls.items()
        }
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(SERVICE, methods)]
        )
        self._server.start()

    @property
    def busy(self) -> bool:
        """Whether threads still work on calls, be it on some that were cut off."""
        return self._running.count > 0

    def drain(self, grace_s: float) -> None:
        """Take no new calls, give those in flight ``grace_s``."""
        self._server.stop(grace_s).wait()

    def close(self) -> None:
        """Let go of threads and address, at once."""
        self._server.stop(None).wait()
        self._pool.shutdown(wait=False)
        self._claim.release()


class _Running:
    """How many calls are worked on now."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.count += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.count -= 1


def _behaviour(call: Call, running: _Running) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def behave(data: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            with running:
                return call(data, caller(context.peer()))
        except Refused as refused:
            ended, cause, text = refused.status, refused.cause, str(refused)
        except BaseException as bug:  # noqa: BLE001 - gRPC would send its text
            _LOG.error("internal error at the operator's door: %s", type(bug).__name__)
            ended, cause, text = Status.INTERNAL, "internal", INTERNAL_TEXT
        context.set_trailing_metadata(((CAUSE_KEY, cause.encode()),))
        _abort(context, ended, text)

    return behave


def _abort(context: grpc.ServicerContext, status: Status, text: str) -> NoReturn:
    context.abort(grpc.StatusCode[status.name], text)
    raise AssertionError("abort returned")
