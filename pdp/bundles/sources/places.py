"""The door to all places: from a URI to a source, or to a place that something is put to."""

from __future__ import annotations

import importlib
import importlib.util
from contextlib import closing
from typing import Any, Final

from pdp.bundles.sources import file
from pdp.bundles.sources.confined import ConfinedSource
from pdp.bundles.sources.fetching import Failure, Options, Source, fail
from pdp.bundles.sources.file import FileSource
from pdp.bundles.sources.uri import KINDS_TEXT, Kind, Place, place_of

# The library of each optional kind, and the extra that brings it.
_EXTRAS: Final = {Kind.OBJECTS: ("fsspec", "objects"), Kind.OCI: ("oras", "oci")}
_NO_OPTIONS: Final = Options()


def source_of(uri: str, options: Options = _NO_OPTIONS) -> Source:
    """The source at ``uri``: a path, `file:`, `http(s)://`, `s3://` and its like, `oci://`.

    Touches nothing there. Raises SourceFailed (unusable): no known kind, or not installed.
    """
    place = _usable(uri)
    return FileSource(place) if place.kind is Kind.FILE else ConfinedSource(place, options)


def put(uri: str, data: bytes, options: Options = _NO_OPTIONS, *, timeout_s: float) -> None:
    """Store ``data`` at ``uri``, so that readers see all of it or none. Raises SourceFailed."""
    place = _usable(uri)
    if place.kind is Kind.FILE:
        file.put(place, data)
        return
    with closing(ConfinedSource(place, options)) as target:
        target.put(data, timeout_s)


def shown(uri: str) -> str:
    """How people and logs may see ``uri``. Raises SourceFailed (unusable)."""
    return place_of(uri).shown


def _usable(uri: str) -> Place:
    place = place_of(uri)
    library, extra = _EXTRAS.get(place.kind, (None, None))
    if library is not None and not _is_installed(library):
        fail(
            Failure.UNUSABLE,
            f"`{place.shown}` needs {library}: `pip install 'charter-pdp[{extra}]'`",
        )
    if place.kind is Kind.OBJECTS:
        _check_known(place)
    return place


def _is_installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


def _check_known(place: Place) -> None:
    """Raise SourceFailed for a scheme that is nobody's, or that needs another library."""
    scheme = place.shown.partition(":")[0]
    registry: Any = importlib.import_module("fsspec.registry")
    if scheme not in registry.known_implementations:
        fail(Failure.UNUSABLE, f"`{scheme}:` is no kind of place; expected {KINDS_TEXT}")
