"""What a place brings and how it fails: the nouns that all kinds of places share. No I/O here.

Nothing a place brings is trusted: what comes is for ``pdp.bundles.verification`` to judge.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol

from pdp.bundles.flatfile import TOTAL_BYTES_MAX
from pdp.model import PdpError

BYTES_MAX: Final = TOTAL_BYTES_MAX


class Failure(enum.StrEnum):
    """Why nothing came: a name for logs and metrics; the error's message is for people."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TOO_LARGE = "too_large"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    SERVER_ERROR = "server_error"
    BAD_ANSWER = "bad_answer"
    TLS = "tls"
    # It cannot work as it is set up, whatever the place says.
    UNUSABLE = "unusable"


class SourceFailed(PdpError):
    """Nothing came. The message names the place without credentials and holds no library's text."""

    def __init__(self, cause: Failure, message: str) -> None:
        super().__init__(message)
        self.cause = cause


def fail(cause: Failure, message: str) -> NoReturn:
    """Raise SourceFailed; whatever error led here is left out, since it may hold credentials."""
    raise SourceFailed(cause, message) from None


@dataclass(frozen=True, slots=True)
class Fetched:
    """At most 64 MiB, not verified; ``version`` is opaque and given back at the next fetch."""

    data: bytes
    version: str


@dataclass(frozen=True, slots=True)
class Options:
    """Paths of files, each read anew whenever it is used, so that what is rotated is taken up.

    ``ca_file``: PEM, in place of the system's authorities. ``client_certificate`` and
    ``client_key``: PEM, both or neither. ``token_file``: a bearer token on one line; HTTP only.
    Object stores and registries take their credentials from the environment.
    """

    ca_file: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    token_file: str | None = None


class Source(Protocol):
    """A place that is asked again and again. ``name`` shows no credentials."""

    @property
    def name(self) -> str: ...

    def fetch(self, known: str | None, timeout_s: float) -> Fetched | None:
        """What is there now, or None if that is still version ``known``. Raises SourceFailed."""

    def wait(self, timeout_s: float) -> None:
        """Return when something else may be there, at the latest after ``timeout_s``."""

    def close(self) -> None:
        """End what it keeps running. It can be used again."""


def check_size(size_bytes: int, shown: str) -> None:
    """Raise SourceFailed (too large) for more than a bundle file may have."""
    if size_bytes > BYTES_MAX:
        fail(
            Failure.TOO_LARGE,
            f"`{shown}`: expected at most {BYTES_MAX} bytes, and there are more;"
            " name the place of a bundle file",
        )
