"""A bundle at an `http(s)` URL: one GET within limits, and the answer to it judged. Reads only.

Runs in the process that ``confined`` limits; what it can tell more precisely than a killed process,
it tells itself.
"""

from __future__ import annotations

import hashlib
import re
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from pdp.bundles.sources.fetching import Failure, Fetched, Options, SourceFailed, check_size, fail
from pdp.bundles.sources.orders import Order
from pdp.bundles.sources.uri import is_loopback

REDIRECTS_MAX: Final = 5
_PIECE_BYTES: Final = 65_536
_TOKEN_BYTES_MAX: Final = 16_384
_ETAG_PREFIX: Final = "etag:"
_ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,500}"')
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_SETTLED_S: Final = 2
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_FAILURES: Final = {
    401: (Failure.FORBIDDEN, "wants other credentials; check the token file"),
    403: (Failure.FORBIDDEN, "does not give it to these credentials; check who may read it"),
    404: (Failure.NOT_FOUND, "has nothing there; check the path"),
    410: (Failure.NOT_FOUND, "has nothing there any more; check the path"),
}
_SERVER_ERRORS: Final = range(500, 600)


def fetch(order: Order) -> Fetched | None:
    """What is there, or None if the server says that it is the known version."""
    deadline = time.monotonic() + order.timeout_s
    url = order.uri
    try:
        for _ in range(REDIRECTS_MAX + 1):
            with closing(_asked(url, order)) as response:
                if response.status not in _REDIRECTS:
                    return _judged(response, order, deadline)
                target = urljoin(url, response.headers.get("Location", ""))
            check_redirect(url, target, order.shown)
            url = target
    except (HTTPError, OSError) as error:
        raise _failed(error, order.shown) from None
    return fail(
        Failure.BAD_ANSWER, f"`{order.shown}` redirects without end; name where it leads to"
    )


def put(order: Order, data: bytes) -> NoReturn:
    """There is no common way to store something over HTTP."""
    del data
    fail(
        Failure.UNUSABLE,
        f"`{order.shown}` can be read, not written; name a path, an object store or a registry",
    )


def tls_of(options: Options, shown: str) -> ssl.SSLContext:
    """Verification is always on: who the server is, and that its name is the one in the URL."""
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
        if options.client_certificate is not None:
            context.load_cert_chain(options.client_certificate, options.client_key)
    except OSError:
        fail(
            Failure.UNUSABLE,
            f"`{shown}`: the CA file, client certificate or its key cannot be used; expected"
            " readable PEM files without a password",
        )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def check_redirect(url: str, target: str, shown: str) -> None:
    """Raise SourceFailed for another place: the same one may only become `https`."""
    before, after = urlsplit(url), urlsplit(target)
    is_same = (before.scheme, before.netloc) == (after.scheme, after.netloc)
    is_upgrade = (before.scheme, after.scheme) == ("http", "https")
    if not is_same and not (is_upgrade and before.hostname == after.hostname):
        fail(
            Failure.BAD_ANSWER,
            f"`{shown}` redirects to another host or to plain http, which is not followed;"
            " name where it leads to",
        )


def check_token_is_safe(url: str, shown: str) -> None:
    """Raise SourceFailed if anybody on the way could read the token."""
    if not url.lower().startswith("https:") and not is_loopback(url):
        fail(Failure.UNUSABLE, f"`{shown}`: a token is sent over https only; change the URL")


def check_encoding(encoding: str, shown: str) -> None:
    """Raise SourceFailed for what is compressed: a few bytes could become any number of them."""
    if encoding.strip().lower() not in ("", "identity"):
        fail(
            Failure.BAD_ANSWER,
            f"`{shown}` sends it compressed, which was not asked for; switch that off",
        )


def is_settled(headers: Mapping[str, str]) -> bool:
    """Whether an ETag will change with the content.

    nginx makes it from the size and the second of the last change, so a second change within that
    second could go unseen (RFC 9110, 8.8.2.2, on times as validators).
    """
    if "Last-Modified" not in headers:
        return True
    try:
        changed = parsedate_to_datetime(headers["Last-Modified"])
        answered = parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, OverflowError):
        return False
    return answered.timestamp() - changed.timestamp() >= _SETTLED_S


def check_time(deadline: float, shown: str) -> None:
    """Raise SourceFailed if all the time is over, however little each piece took."""
    if time.monotonic() > deadline:
        fail(Failure.TIMEOUT, f"`{shown}` answers too slowly; check it, or allow more time")


def check_was_asked(condition: str | None, shown: str) -> None:
    """Raise SourceFailed for "not modified" from a server that does not know since when."""
    if condition is None:
        fail(
            Failure.BAD_ANSWER,
            f"`{shown}` says that nothing changed without having been asked; check what"
            " answers in its place",
        )


def _asked(url: str, order: Order) -> urllib3.BaseHTTPResponse:
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "charter-pdp"}
    condition = _condition(order)
    if condition is not None:
        headers["If-None-Match"] = condition
        if order.poll_s is not None:
            # RFC 7240. A server that does not know it answers at once.
            headers["Prefer"] = f"wait={order.poll_s}"
    if order.options.token_file is not None:
        check_token_is_safe(url, order.shown)
        headers["Authorization"] = f"Bearer {_token(order.options.token_file, order.shown)}"
    # A pool for one request: names are looked up and certificates read anew, and no connection
    # that the server gave up meanwhile is used.
    with urllib3.PoolManager(ssl_context=tls_of(order.options, order.shown)) as pool:
        return pool.request(
            "GET",
            url,
            headers=headers,
            timeout=urllib3.Timeout(connect=order.timeout_s, read=order.timeout_s),
            preload_content=False,
            decode_content=False,
            redirect=False,
            retries=False,
        )


def _judged(response: urllib3.BaseHTTPResponse, order: Order, deadline: float) -> Fetched | None:
    status, shown = response.status, order.shown
    if status == _NOT_MODIFIED:
        check_was_asked(_condition(order), shown)
        return None
    if status in _FAILURES:
        cause, text = _FAILURES[status]
        fail(cause, f"`{shown}` {text}")
    if status in _SERVER_ERRORS:
        fail(Failure.SERVER_ERROR, f"`{shown}` failed with status {status}; ask who runs it")
    if status != _OK:
        fail(Failure.BAD_ANSWER, f"`{shown}`: expected status 200, got {status}")
    check_encoding(response.headers.get("Content-Encoding", ""), shown)
    data = _body(response, shown, deadline)
    etag = response.headers.get("ETag", "")
    version = (
        f"{_ETAG_PREFIX}{etag}"
        if _ETAG.fullmatch(etag) and is_settled(response.headers)
        else f"sha256:{hashlib.sha256(data).hexdigest()}"
    )
    return None if version == order.known else Fetched(data, version)


def _body(response: urllib3.BaseHTTPResponse, shown: str, deadline: float) -> bytes:
    declared = response.headers.get("Content-Length", "")
    if declared.isascii() and declared.isdigit():
        check_size(int(declared[:20]), shown)
    data = bytearray()
    # What is there already, never more than a piece: a slow server is noticed between two pieces.
    while piece := response.read1(_PIECE_BYTES):
        data += piece
        check_size(len(data), shown)
        check_time(deadline, shown)
    return bytes(data)


def _condition(order: Order) -> str | None:
    """The ETag that is known. A version that came from elsewhere is no ETag."""
    etag = (order.known or "").removeprefix(_ETAG_PREFIX)
    is_etag = order.known != etag and _ETAG.fullmatch(etag)
    return etag if is_etag else None


def _token(path: str, shown: str) -> str:
    """Read at each request: tokens are rotated. Raises SourceFailed."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(_TOKEN_BYTES_MAX).decode("ascii", "replace").strip()
    except OSError:
        fail(Failure.UNUSABLE, f"`{shown}`: the token file `{path}` cannot be read")
    if not _TOKEN.fullmatch(text):
        fail(Failure.UNUSABLE, f"`{shown}`: the token file `{path}` holds no token on one line")
    return text


def _failed(error: Exception, shown: str) -> SourceFailed:
    """The failure that a library's error is, in our words."""
    match error:
        case SSLError() | ssl.SSLError():
            return SourceFailed(
                Failure.TLS,
                f"`{shown}`: no trusted TLS connection; check its certificate, the host's name in"
                " it, and the CA file",
            )
        case NewConnectionError():
            return SourceFailed(
                Failure.UNREACHABLE,
                f"`{shown}` cannot be reached; check the host, its port and the network",
            )
        case ConnectTimeoutError() | ReadTimeoutError() | TimeoutError():
            return SourceFailed(
                Failure.TIMEOUT,
                f"`{shown}` did not answer in time; check that it is up, or allow more time",
            )
        case _:
            return SourceFailed(
                Failure.BAD_ANSWER,
                f"`{shown}` broke off, or its answer is no proper HTTP; check what listens there",
            )
