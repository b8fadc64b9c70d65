"""Broken builds of the process that fetches, one defence less in each. Started in its place.

Each changes that process alone, before it takes its first order.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import urllib3

from pdp.bundles.sources import child, http, oci
from pdp.bundles.sources.fetching import Fetched, Options
from pdp.bundles.sources.orders import Order

HUNGRY_BYTES: Final = 700 * 1024 * 1024


def command(*names: str) -> tuple[str, ...]:
    """What to start in place of the process that fetches."""
    script = f"from tests.bundles.sources import broken; broken.main(*{names!r})"
    return (sys.executable, "-c", script)


def main(*names: str) -> None:
    for name in names:
        BROKEN[name]()
    child.main()


def _nothing(*_: object) -> None:
    return None


def _without(owner: Any, name: str) -> Callable[[], None]:
    return lambda: setattr(owner, name, _nothing)


def _tls_without_verification() -> None:
    def tls_of(options: Options, shown: str) -> ssl.SSLContext:
        del options, shown
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    http.tls_of = tls_of


def _tls_without_host_name() -> None:
    honest = http.tls_of

    def tls_of(options: Options, shown: str) -> ssl.SSLContext:
        context = honest(options, shown)
        context.check_hostname = False
        return context

    http.tls_of = tls_of
    # The library looks at the name once more.
    careless = partial(urllib3.PoolManager, assert_hostname=False)
    setattr(urllib3, "PoolManager", careless)  # noqa: B010 - typed otherwise


def _short_bodies_taken() -> None:
    honest = urllib3.connection.HTTPConnection.request

    def request(self: Any, *args: Any, **options: Any) -> None:
        honest(self, *args, **{**options, "enforce_content_length": False})

    setattr(urllib3.connection.HTTPConnection, "request", request)  # noqa: B010 - typed otherwise


def _etags_trusted() -> None:
    def is_settled(headers: Mapping[str, str]) -> bool:
        del headers
        return True

    http.is_settled = is_settled


def _hungry() -> None:
    def fetch(order: Order) -> Fetched | None:
        return Fetched(bytes(bytearray(HUNGRY_BYTES)[:1]), order.uri)

    http.fetch = fetch


def _talkative() -> None:
    honest = http.fetch

    def fetch(order: Order) -> Fetched | None:
        sys.stdout.write("a library greets its users")
        sys.stdout.flush()
        return honest(order)

    http.fetch = fetch


BROKEN: Final[dict[str, Callable[[], None]]] = {
    "size_is_not_checked": _without(http, "check_size"),
    "redirects_are_followed": _without(http, "check_redirect"),
    "slow_bodies_are_taken": _without(http, "check_time"),
    "compressed_is_taken": _without(http, "check_encoding"),
    "unasked_304_is_taken": _without(http, "check_was_asked"),
    "token_goes_over_http": _without(http, "check_token_is_safe"),
    "tls_without_verification": _tls_without_verification,
    "tls_without_host_name": _tls_without_host_name,
    "short_bodies_are_taken": _short_bodies_taken,
    "etags_are_trusted": _etags_trusted,
    "digest_is_not_compared": _without(oci, "check_digest"),
    "memory_is_not_limited": _without(child, "limit_memory"),
    "orphans_live_on": _without(child, "die_after"),
    "registry_over_plain_http": lambda: setattr(oci, "is_loopback", bool),
    # No defence less, but a library that behaves badly.
    "hungry": _hungry,
    "talkative": _talkative,
}
