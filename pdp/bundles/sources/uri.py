"""URIs of places: which kind each is of, and how it is shown without credentials. No I/O here."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from pdp.bundles.sources.fetching import Failure, fail

KINDS_TEXT: Final = "a path, `file:`, `http://`, `https://`, `oci://`, or `s3://` and its like"
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")
_PRINTABLE: Final = re.compile(r"[!-~]{1,2000}")
_LOCAL_SCHEMES: Final = frozenset({"file", "local"})
LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Kind(enum.StrEnum):
    FILE = "file"
    HTTP = "http"
    OBJECTS = "objects"
    OCI = "oci"


@dataclass(frozen=True, slots=True)
class Place:
    """``uri`` may hold credentials and goes to the place alone; ``shown`` is for people and logs.

    For a file, ``uri`` is its path.
    """

    kind: Kind
    uri: str
    shown: str


def place_of(uri: str) -> Place:
    """The place that ``uri`` names. Raises SourceFailed (unusable), and never shows a password."""
    found = _SCHEME.match(uri)
    if found is None:
        return _file(uri)
    scheme = found[0].lower()
    if scheme in _LOCAL_SCHEMES:
        return _file(_path_of(uri[len(scheme) + 1 :]))
    if not uri[found.end() :].startswith("://"):
        fail(
            Failure.UNUSABLE,
            f"`{scheme}:` is no kind of place; expected {KINDS_TEXT};"
            " for a path with a colon in it write `./` before it",
        )
    kind = {"http": Kind.HTTP, "https": Kind.HTTP, "oci": Kind.OCI}.get(scheme, Kind.OBJECTS)
    # For fsspec, `::` puts one place into another, also a local file.
    if not _PRINTABLE.fullmatch(uri) or (kind is Kind.OBJECTS and "::" in uri):
        fail(Failure.UNUSABLE, "a place's URI holds characters that no URI has; encode them")
    parts = split(uri)
    user, at, _ = parts.netloc.rpartition("@")
    # `abfs://container@account/…` names no password, and is the way to write it.
    if at and (kind is not Kind.OBJECTS or ":" in user):
        fail(
            Failure.UNUSABLE,
            "a place's URI holds a user or password, which would end in logs;"
            " put credentials into a file or the environment",
        )
    return Place(kind, uri, shown(uri))


def split(uri: str) -> SplitResult:
    """The parts of a URI. Raises SourceFailed (unusable) without showing it."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        fail(Failure.UNUSABLE, "a place's URI cannot be read; check its host and port")
    if not parts.netloc:
        fail(Failure.UNUSABLE, "a place's URI names no host or bucket; write it after `://`")
    return parts


def shown(uri: str) -> str:
    """A URI that holds no password, without its query and fragment, which may be secret."""
    parts = split(uri)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def is_loopback(uri: str) -> bool:
    """Whether it stays on this machine, so that nobody can listen in."""
    return split(uri).hostname in LOOPBACK_HOSTS


def _file(path: str) -> Place:
    if not path or "\0" in path:
        fail(Failure.UNUSABLE, "a place's path is empty or holds a zero character")
    return Place(Kind.FILE, path, path.encode(errors="backslashreplace").decode())


def _path_of(rest: str) -> str:
    """The path of `file:` URIs: `file:a`, `file:/a`, `file:///a`, `file://localhost/a`."""
    if not rest.startswith("//"):
        return unquote(rest)
    host, slash, path = rest[2:].partition("/")
    if host not in ("", "localhost"):
        fail(Failure.UNUSABLE, "a `file:` URI names another host; expected `file:///path`")
    return unquote(slash + path)
