"""A bundle in one file: reads it within limits, waits for another, and writes one all at once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import time
from pathlib import Path
from typing import Final

from pdp.bundles.sources.fetching import (
    BYTES_MAX,
    Failure,
    Fetched,
    SourceFailed,
    check_size,
    fail,
)
from pdp.bundles.sources.uri import Place
from pdp.bundles.sources.watching import watch_of_file

_PIECE_BYTES: Final = 1_048_576


class FileSource:
    """The version is the content's SHA-256: times of files are too coarse to tell two writes."""

    def __init__(self, place: Place) -> None:
        self._path = Path(place.uri)
        self._shown = place.shown
        self._watch = watch_of_file(self._path)

    @property
    def name(self) -> str:
        return self._shown

    def fetch(self, known: str | None, timeout_s: float) -> Fetched | None:
        """Raises SourceFailed: not found, forbidden, too large, timeout, bad answer."""
        self._watch.note()
        data = _read(self._path, self._shown, time.monotonic() + timeout_s)
        version = f"sha256:{hashlib.sha256(data).hexdigest()}"
        return None if version == known else Fetched(data, version)

    def wait(self, timeout_s: float) -> None:
        self._watch.wait(timeout_s)

    def close(self) -> None:
        """Nothing is kept running."""


def put(place: Place, data: bytes) -> None:
    """Replace the file, so that a reader finds the old bytes or the new ones, whatever happens.

    Raises SourceFailed: not found, forbidden, too large, server error (the disk).
    """
    check_size(len(data), place.shown)
    path = Path(place.uri)
    beside = path.parent / f".{path.name[:200]}.{secrets.token_hex(8)}"
    try:
        try:
            _write_new(beside, data)
            beside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise _failed(place.shown, "cannot be written", error) from None


def check_regular(mode: int, shown: str) -> None:
    """Raise SourceFailed for what has no end or no content of its own."""
    if not stat.S_ISREG(mode):
        fail(Failure.BAD_ANSWER, f"`{shown}` is not a regular file; name a bundle file")


def check_steady(before: os.stat_result, after: os.stat_result, shown: str) -> None:
    """Raise SourceFailed if the file was written to meanwhile: half of each is neither."""
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        fail(
            Failure.BAD_ANSWER,
            f"`{shown}` changed while it was read; write a new file and rename it into place",
        )


def _read(path: Path, shown: str, deadline: float) -> bytes:
    try:
        # A pipe would otherwise be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            before = os.fstat(descriptor)
            check_regular(before.st_mode, shown)
            check_size(before.st_size, shown)
            data = bytearray()
            while len(data) <= BYTES_MAX and (piece := file.read(_PIECE_BYTES)):
                data += piece
                if time.monotonic() > deadline:
                    fail(Failure.TIMEOUT, f"`{shown}` is read too slowly; check the disk")
            check_size(len(data), shown)
            check_steady(before, os.fstat(descriptor), shown)
    except OSError as error:
        raise _failed(shown, "cannot be read", error) from None
    return bytes(data)


def _write_new(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o644), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(shown: str, what: str, error: OSError) -> SourceFailed:
    causes = {
        FileNotFoundError: Failure.NOT_FOUND,
        NotADirectoryError: Failure.NOT_FOUND,
        PermissionError: Failure.FORBIDDEN,
        IsADirectoryError: Failure.BAD_ANSWER,
    }
    cause = causes.get(type(error), Failure.SERVER_ERROR)
    reason = os.strerror(error.errno) if error.errno else "no reason is given"
    return SourceFailed(cause, f"`{shown}` {what}: {reason}; check the path and who may use it")
