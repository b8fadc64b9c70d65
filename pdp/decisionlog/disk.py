"""The few system calls the log makes, each in one place; no format and no policy of retrying.

Every call that changes a file goes through here, so a fault test can fail each of them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pdp.decisionlog.errors import LogLocked, LogMissing, Trouble

LOCK_NAME: Final = "lock"
_SEGMENT_NAME: Final = re.compile(r"([0-9]{10})\.seg", re.ASCII)
_ZEROS: Final = bytes(1 << 20)
_PASSING: Final = {
    errno.ENOSPC: Trouble.NO_SPACE,
    errno.EDQUOT: Trouble.NO_SPACE,
    # Whoever may connect can use up the descriptors; it must not end the log for good.
    errno.EMFILE: Trouble.NO_DESCRIPTORS,
    errno.ENFILE: Trouble.NO_DESCRIPTORS,
}
_NO_PREALLOCATION: Final = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})


class SyncFailed(Exception):
    """The kernel could not make data durable. What it dropped is unknown; do not ask again."""


def segment_name(index: int) -> str:
    """``0000000001.seg`` for the first."""
    return f"{index:010d}.seg"


def segment_index(name: str) -> int | None:
    """The number in a segment's name, or None for any other file."""
    match = _SEGMENT_NAME.fullmatch(name)
    return int(match[1]) if match else None


def segment_indexes(directory: Path) -> list[int]:
    """The numbers of the segments there, in order. Raises LogMissing without a directory."""
    try:
        found = [segment_index(path.name) for path in directory.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        raise LogMissing(directory) from None
    return sorted(index for index in found if index is not None)


def passing(error: OSError) -> Trouble | None:
    """The trouble that an error stands for if it can pass, or None."""
    return _PASSING.get(error.errno or 0)


def lock(directory: Path) -> int:
    """A descriptor that holds the directory's lock until closed. Raises LogLocked."""
    fd = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise _locked(directory) from None
    return fd


def hold(fd: int, directory: Path) -> None:
    """Mark a segment as being written, until its descriptor is closed. Raises LogLocked.

    The directory's lock has a name, and somebody who thinks it stale may remove it; this has none.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _locked(directory) from None


def _locked(directory: Path) -> LogLocked:
    return LogLocked(
        f"another process writes to the log in `{directory}`; each writer needs a directory"
    )


def write_all(fd: int, data: bytes, offset: int) -> None:
    """Write every byte at ``offset``. A full disk gives a short count first, then an error."""
    view = memoryview(data)
    while view:
        count = os.pwrite(fd, view, offset)
        if count == 0:
            raise OSError(errno.EIO, "wrote nothing")
        view = view[count:]
        offset += count


def sync(fd: int) -> None:
    """Make the file's data durable. Raises SyncFailed; do not call again for that descriptor."""
    try:
        os.fdatasync(fd)
    except OSError as error:
        raise SyncFailed(os.strerror(error.errno or 0)) from error


def sync_directory(directory: Path) -> None:
    """Make names created, renamed or removed in ``directory`` durable. Raises SyncFailed."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        raise SyncFailed(os.strerror(error.errno or 0)) from error
    finally:
        os.close(fd)


def create_whole(directory: Path, name: str, data: bytes, size_bytes: int = 0) -> int:
    """A new file that begins with ``data``, then zeros up to ``size_bytes``; its descriptor.

    It gets its name only when its bytes are durable, so a half-written one is never seen. Raises
    OSError (nothing is left behind) or SyncFailed.
    """
    scratch = directory / f"{name}.new"
    fd = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        hold(fd, directory)
        if size_bytes > len(data):
            _preallocate(fd, size_bytes)
        write_all(fd, data, 0)
        sync(fd)
        scratch.rename(directory / name)
    except BaseException:
        os.close(fd)
        scratch.unlink(missing_ok=True)
        raise
    try:
        sync_directory(directory)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _preallocate(fd: int, size_bytes: int) -> None:
    try:
        os.posix_fallocate(fd, 0, size_bytes)
    except OSError as error:
        if error.errno not in _NO_PREALLOCATION:
            raise


class SegmentFile:
    """A segment opened for reading."""

    def __init__(self, directory: Path, index: int) -> None:
        self.name = segment_name(index)
        self._fd = os.open(directory / self.name, os.O_RDONLY | os.O_CLOEXEC)

    def size(self) -> int:
        """Bytes the file has now."""
        return os.fstat(self._fd).st_size

    def read(self, offset: int, size: int) -> bytes:
        """At most ``size`` bytes from ``offset``; fewer only at the end of the file."""
        size = min(size, self.size() - offset)  # a damaged length must not ask for all memory
        parts: list[bytes] = []
        while size > 0:
            part = os.pread(self._fd, size, offset)
            if not part:
                break
            parts.append(part)
            size -= len(part)
            offset += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def rest(self, offset: int) -> bytes:
        """Everything from ``offset`` up to the last byte that is not zero."""
        end = self.size()
        while end > offset:
            start = max(offset, end - len(_ZEROS))
            if self.read(start, end - start) != _ZEROS[: end - start]:
                break
            end = start
        return self.read(offset, end - offset).rstrip(b"\x00")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


@contextmanager
def opened(directory: Path, index: int) -> Iterator[SegmentFile]:
    """A segment opened for reading, closed afterwards."""
    segment = SegmentFile(directory, index)
    try:
        yield segment
    finally:
        segment.close()
