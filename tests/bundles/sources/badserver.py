"""A server that does what no server should, each by its path. Started as a process of its own.

Bytes are written as they are, without a library that would put them right. It prints its port.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

BODY: Final = b"the bytes of a bundle"
LIMIT: Final = 64 * 1024 * 1024
# Longer than any test waits.
HANG_S: Final = 30.0
# How long the slow ones take in all, so that a build without a limit has an answer in the end.
DRIP_S: Final = 5.0
_TLS_HELLO: Final = b"\x16"


def answer(status: str, body: bytes = b"", **headers: object) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Connection: close"]
    named = {"Content_Length": len(body)} | headers
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in named.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _hang(peer: socket.socket) -> None:
    time.sleep(HANG_S)
    peer.close()


def _hang_in_body(peer: socket.socket) -> None:
    peer.sendall(answer("200 OK", BODY, Content_Length=1000))
    time.sleep(HANG_S)


def _drip(peer: socket.socket, head: bytes, tail: bytes, seconds: float = DRIP_S) -> None:
    peer.sendall(head)
    for at in range(len(tail)):
        time.sleep(seconds / len(tail))
        peer.sendall(tail[at : at + 1])


def _drip_body(peer: socket.socket) -> None:
    _drip(peer, answer("200 OK", b"", Content_Length=len(BODY)), BODY)


def _drip_head(peer: socket.socket) -> None:
    whole = answer("200 OK", BODY)
    _drip(peer, whole[:50], whole[50:])


def _drip_long(peer: socket.socket) -> None:
    """Each byte comes so soon that nobody who waits for bytes gives up."""
    _drip(peer, b"HTTP/1.1 200 OK\r\nX: ", b"x" * 60, HANG_S)


def _endless(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        peer.sendall(bytes(1_048_576))


def _one_too_many(peer: socket.socket) -> None:
    """Without saying so: the end of the connection is the end of the body."""
    peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for _ in range(64):
        peer.sendall(bytes(1_048_576))
    peer.sendall(b"x")


def _large_head(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    for at in range(10_240):
        peer.sendall(b"X-%d: " % at + b"x" * 1_000 + b"\r\n")
    peer.sendall(b"Content-Length: 1\r\n\r\nx")


def _say(data: bytes) -> Callable[[socket.socket], None]:
    return lambda peer: peer.sendall(data)


def _redirect(target: str) -> bytes:
    return answer("302 Found", Location=target)


BEHAVIOURS: Final[dict[str, Callable[[socket.socket], None]]] = {
    "/good": _say(answer("200 OK", BODY, ETag='"one"')),
    "/without-etag": _say(answer("200 OK", BODY)),
    "/hangs": _hang,
    "/hangs-in-body": _hang_in_body,
    "/drips": _drip_body,
    "/drips-its-head": _drip_head,
    "/drips-long": _drip_long,
    "/endless": _endless,
    "/one-too-many": _one_too_many,
    "/declares-too-many": _say(answer("200 OK", BODY, Content_Length=LIMIT + 1)),
    "/500": _say(answer("500 Internal Server Error")),
    "/404": _say(answer("404 Not Found")),
    "/401": _say(answer("401 Unauthorized")),
    "/403": _say(answer("403 Forbidden")),
    "/418": _say(answer("418 I'm a teapot")),
    "/304": _say(answer("304 Not Modified")),
    "/short": _say(answer("200 OK", BODY, Content_Length=len(BODY) + 10)),
    "/long": _say(answer("200 OK", BODY, Content_Length=len(BODY) - 10)),
    "/two-lengths": _say(answer("200 OK", BODY, content_length=5)),
    "/large-head": _large_head,
    "/gzip": _say(
        answer("200 OK", gzip.compress(bytes(LIMIT + 1)), Content_Encoding="gzip"),
    ),
    "/no-http": _say(b"220 smtp.example.org ready\r\n"),
    "/closes": lambda _: None,
    "/loop": _say(_redirect("/loop")),
    "/to-good": _say(_redirect("/good")),
    "/to-elsewhere": lambda peer: peer.sendall(
        _redirect(f"http://localhost:{peer.getsockname()[1]}/good")
    ),
    "/to-no-scheme": _say(_redirect("file:///etc/passwd")),
}


def _layer(data: bytes, **changes: object) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    named = {"mediaType": "application/vnd.pdp.bundle.v1", "digest": digest, "size": len(data)}
    return named | changes


# Layers of manifests, and the blob that is given whatever digest is asked for.
REGISTRY: Final = {
    "no-manifest": ([], b""),
    "two-layers": ([_layer(BODY), _layer(BODY)], BODY),
    "other-type": ([_layer(BODY, mediaType="application/octet-stream")], BODY),
    "too-large": ([_layer(BODY, size=LIMIT + 1)], BODY),
    "longer-layer": ([_layer(BODY)], BODY + b"x"),
    "other-layer": ([_layer(BODY)], BODY[::-1]),
}


def _registry(peer: socket.socket, name: str, what: str, _: str) -> None:
    if name not in REGISTRY:
        BEHAVIOURS[f"/{name}"](peer)
        return
    layers, blob = REGISTRY[name]
    manifest = json.dumps({"schemaVersion": 2, "layers": layers}).encode()
    peer.sendall(answer("200 OK", manifest if what == "manifests" else blob))


class Server:
    """Also remembers each request's head, and tells them at ``/heads``.

    It has a second address, 127.0.0.2, which is this machine without being named so.
    """

    def __init__(self) -> None:
        self._heads: list[bytes] = []
        first = socket.create_server(("127.0.0.1", 0))
        self._port = first.getsockname()[1]
        self._listeners = [first, socket.create_server(("127.0.0.2", self._port))]

    def run(self) -> None:
        for one in self._listeners:
            threading.Thread(target=self._accept, args=(one,)).start()
        sys.stdout.write(f"{self._port}\n")
        sys.stdout.flush()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            peer, _ = listener.accept()
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer:
            try:
                head = _head(peer)
                if head.startswith(_TLS_HELLO):
                    peer.sendall(answer("400 Bad Request"))
                    return
                path = head.split(b" ")[1].split(b"?")[0].decode()
                if path == "/heads":
                    peer.sendall(answer("200 OK", b"\n\n".join(self._heads)))
                    return
                self._heads.append(head)
                if path.startswith("/endless-bucket/"):
                    _bucket(peer, head)
                elif path == "/poll":
                    _poll(peer, head)
                elif path.startswith("/v2/"):
                    _registry(peer, *path.split("/")[2:])
                else:
                    BEHAVIOURS[path.removesuffix("-bucket/bundle")](peer)
            except (OSError, LookupError):
                return


def _head(peer: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (piece := peer.recv(65_536)):
        head += piece
        if head.startswith(_TLS_HELLO):
            break
    return head


def _bucket(peer: socket.socket, head: bytes) -> None:
    """An object of ten bytes, it says, and then it sends without end."""
    if head.startswith(b"HEAD"):
        peer.sendall(answer("200 OK", ETag='"one"', Content_Length=10))
        return
    peer.sendall(answer("200 OK", ETag='"one"', Content_Length=10**12))
    while True:
        peer.sendall(bytes(1_048_576))


def _poll(peer: socket.socket, head: bytes) -> None:
    """Waits as long as it was asked to, at most, and has something new after a second."""
    headers = http.client.parse_headers(io.BytesIO(head.partition(b"\r\n")[2]))
    wait = headers.get("Prefer", "").removeprefix("wait=")
    if headers.get("If-None-Match") is None:
        peer.sendall(answer("200 OK", BODY, ETag='"one"'))
    elif wait and int(wait) > 1:
        time.sleep(1)
        peer.sendall(answer("200 OK", BODY + b", newer", ETag='"two"'))
    else:
        peer.sendall(answer("304 Not Modified"))


if __name__ == "__main__":
    Server().run()
