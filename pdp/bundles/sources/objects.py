"""A bundle in an object store, through fsspec: `s3://bucket/key`, and what else that library knows.

Runs in the process that ``confined`` limits, since these libraries read an answer to its end.
"""

from __future__ import annotations

import errno
import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

from pdp.bundles.sources.fetching import (
    BYTES_MAX,
    Failure,
    Fetched,
    SourceFailed,
    check_size,
    fail,
)
from pdp.bundles.sources.orders import Order

# The library's errors by the names of their classes: which libraries are there depends on the URI.
_FAILURES: Final = {
    "FileNotFoundError": Failure.NOT_FOUND,
    "IsADirectoryError": Failure.NOT_FOUND,
    "PermissionError": Failure.FORBIDDEN,
    "NoCredentialsError": Failure.FORBIDDEN,
    "PartialCredentialsError": Failure.FORBIDDEN,
    "SSLError": Failure.TLS,
    "ConnectTimeoutError": Failure.TIMEOUT,
    "ReadTimeoutError": Failure.TIMEOUT,
    "TimeoutError": Failure.TIMEOUT,
    "FSTimeoutError": Failure.TIMEOUT,
    "EndpointConnectionError": Failure.UNREACHABLE,
    "ConnectionClosedError": Failure.BAD_ANSWER,
    "ConnectionError": Failure.UNREACHABLE,
}
_PIECE_BYTES: Final = 65_536
_SERVER_ERRNOS: Final = frozenset({errno.EREMOTEIO, errno.EBUSY})
_TEXTS: Final = {
    Failure.NOT_FOUND: "is not there; check the bucket and the key",
    Failure.FORBIDDEN: "is not given to these credentials; check those in the environment",
    Failure.TLS: "has no trusted TLS connection; check its certificate and the CA file",
    Failure.TIMEOUT: "did not answer in time; check that it is up, or allow more time",
    Failure.UNREACHABLE: "cannot be reached; check the endpoint and the network",
    Failure.SERVER_ERROR: "failed in the store; ask who runs it",
    Failure.BAD_ANSWER: "gave an answer that cannot be understood; check the endpoint",
}


def fetch(order: Order) -> Fetched | None:
    """The object, or None if it is still the known version."""
    with _named_failures(order.shown):
        system, path = _opened(order)
        # Before the object: if it is replaced in between, the next fetch sees another version.
        about = system.info(path)
        if about.get("type") == "directory":
            fail(Failure.NOT_FOUND, f"`{order.shown}` is a folder; name an object")
        version = _version(system, path, about)
        if version == order.known:
            return None
        check_size(about.get("size") or 0, order.shown)
        data = _read(system, path)
    check_size(len(data), order.shown)
    return Fetched(data, version)


def put(order: Order, data: bytes) -> None:
    """Store the object whole."""
    with _named_failures(order.shown):
        system, path = _opened(order)
        system.pipe_file(path, data)


def _opened(order: Order) -> tuple[Any, str]:
    """The library's file system, which keeps nothing it has seen, and the path in it."""
    core: Any = importlib.import_module("fsspec.core")
    options: dict[str, object] = {"skip_instance_cache": True}
    if order.uri.lower().startswith(("s3:", "s3a:")):
        options |= {
            "use_listings_cache": False,
            "client_kwargs": {"verify": order.options.ca_file},
            "config_kwargs": {
                "connect_timeout": order.timeout_s,
                "read_timeout": order.timeout_s,
                "retries": {"max_attempts": 0},
            },
        }
    system, path = core.url_to_fs(order.uri, **options)
    return system, path


def _read(system: Any, path: str) -> bytes:
    """At most a byte more than a bundle may have, also if the store sends more without being asked.

    Where the library cannot read in pieces, the memory of this process is the limit.
    """
    if getattr(system, "async_impl", False):
        loops: Any = importlib.import_module("fsspec.asyn")
        with suppress(NotImplementedError):
            return bytes(loops.sync(system.loop, _streamed, system, path))
    return bytes(system.cat_file(path, start=0, end=BYTES_MAX + 1))


async def _streamed(system: Any, path: str) -> bytearray:
    file = await system.open_async(path, "rb")
    data = bytearray()
    while len(data) <= BYTES_MAX and (piece := await file.read(_PIECE_BYTES)):
        data += piece
    return data


def _version(system: Any, path: str, about: Mapping[str, Any]) -> str:
    for name in ("ETag", "etag", "md5Hash"):
        if about.get(name):
            return f"{name}:{about[name]}"
    return f"key:{system.ukey(path)}"


@contextmanager
def _named_failures(shown: str) -> Iterator[None]:
    """Whatever these libraries raise, as SourceFailed in our words."""
    try:
        yield
    except (SourceFailed, MemoryError, ImportError):
        raise
    except Exception as error:  # noqa: BLE001 - each of the libraries has errors of its own
        cause = _cause_of(error)
        fail(cause, f"`{shown}` {_TEXTS[cause]}")


def _cause_of(error: Exception) -> Failure:
    if isinstance(error, OSError) and error.errno in _SERVER_ERRNOS:
        return Failure.SERVER_ERROR
    for cls in type(error).__mro__:
        if cls.__name__ in _FAILURES:
            return _FAILURES[cls.__name__]
    return Failure.BAD_ANSWER
