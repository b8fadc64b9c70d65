"""A client for the operator's commands: one server's socket, one call each. Shows nothing."""

from __future__ import annotations

import errno
import os
import socket
import struct
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from pdp._proto import admin_pb2 as pb
from pdp._proto.log_pb2 import StopKind
from pdp.model import PdpError, RequestError

TIMEOUT_S: Final = 30.0
# Verifying, checking and loading a large bundle, on a busy machine.
ACTIVATE_TIMEOUT_S: Final = 300.0

_SERVICE: Final = "/pdp.v1.AdminService/"
_CAUSE_KEY: Final = "pdp-cause-bin"
_CONNECT_S: Final = 5.0
# Who listens: process, user and group, as the kernel tells (`man 7 unix`).
_PEER: Final = "3i"
_OPTIONS: Final = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)
_INVALID: Final = "invalid request: "
_UNREACHABLE: Final = {
    errno.ENOENT: "there is no such socket; start `pdp serve` with `--admin`, or name its socket",
    errno.ECONNREFUSED: "no server listens there any more; start `pdp serve` with `--admin`",
    errno.EACCES: "only the owner of the server may connect; run the command as that user",
    errno.ENOTSOCK: "it is not a socket; name the one that `pdp serve --admin` was given",
}

MessageT = TypeVar("MessageT", bound=Message)


class AdminUnreachable(PdpError):
    """No server answers at that socket."""


class AdminRefused(PdpError):
    """The server did not do it; ``cause`` is its name for why, or empty."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class AdminClient:
    """Speaks to the server at ``unix:PATH``. Use it as a context manager, or close it.

    Every call raises AdminUnreachable, RequestError for what the server finds invalid, and
    AdminRefused for all else that is not an answer.
    """

    def __init__(self, target: str) -> None:
        """Raises PdpError for another kind of address, AdminUnreachable without a server there."""
        if not target.startswith("unix:"):
            raise PdpError(f"expected `unix:PATH`, not `{target}`")
        self._target = target
        self._check_reachable()
        path = Path(target.removeprefix("unix:")).absolute()
        self._channel = grpc.insecure_channel(f"unix:{path}", options=_OPTIONS)

    def status(self) -> pb.StatusResponse:
        """What decides, since when and until when, and what was refused last."""
        return self._ask("Status", pb.StatusRequest(), pb.StatusResponse())

    def stop(self, kind: StopKind, target: str, who: str, why: str) -> pb.StopResponse:
        """Deny from now on."""
        request = pb.StopRequest(kind=kind, target=target, who=who, why=why)
        return self._ask("Stop", request, pb.StopResponse())

    def resume(self, order_id: str, who: str, why: str) -> pb.ResumeResponse:
        """Take an order back."""
        request = pb.ResumeRequest(order_id=order_id, who=who, why=why)
        return self._ask("Resume", request, pb.ResumeResponse())

    def activate(self, bundle: bytes, freshness: bytes = b"") -> pb.ActivateResponse:
        """Have a bundle decide now; without one, have the source read."""
        request = pb.ActivateRequest(bundle=bundle, freshness=freshness)
        return self._ask("Activate", request, pb.ActivateResponse(), ACTIVATE_TIMEOUT_S)

    def close(self) -> None:
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

    def _ask(
        self, name: str, request: Message, answer: MessageT, timeout_s: float = TIMEOUT_S
    ) -> MessageT:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            _SERVICE + name, None, None
        )
        try:
            answer.ParseFromString(call(request.SerializeToString(), timeout=timeout_s))
        except grpc.RpcError as error:
            self._raise(error)
        except DecodeError:
            raise AdminRefused("the server's answer is no message of the contract", "") from None
        return answer

    def _raise(self, error: grpc.RpcError) -> NoReturn:
        code, text = error.code(), error.details() or ""
        told = {item.key: item.value for item in error.trailing_metadata() or ()}
        cause = told.get(_CAUSE_KEY)
        if cause is None:
            # Not our server's words, but those of the library on the way to it.
            what = f"the call ended as {code.name.lower()}; whether it was done, `pdp status` shows"
            raise AdminUnreachable(f"`{self._target}`: {what}") from None
        if code is grpc.StatusCode.INVALID_ARGUMENT:
            raise RequestError(text.removeprefix(_INVALID)) from None
        raise AdminRefused(text, cause.decode(errors="replace")) from None

    def _check_reachable(self) -> None:
        """Say why there is no connection in our words, before a library says it in its own."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(_CONNECT_S)
            try:
                probe.connect(self._target.removeprefix("unix:"))
            except OSError as error:
                what = _UNREACHABLE.get(error.errno or 0, "it cannot be connected to")
                raise AdminUnreachable(f"`{self._target}`: {what}") from None
            self._check_owner(probe)

    def _check_owner(self, probe: socket.socket) -> None:
        """In a directory that others can write, anybody may have made a socket of that name."""
        size = struct.calcsize(_PEER)
        peer = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        _, uid, _ = struct.unpack(_PEER, peer)
        if os.geteuid() not in (0, uid):
            raise AdminUnreachable(
                f"`{self._target}`: another user listens there; run the command as the user of the"
                " server, or as root"
            )
