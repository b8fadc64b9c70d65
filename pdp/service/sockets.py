"""A Unix socket's place in the file system: claimed by one process, never taken from another."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pdp.model import PdpError

# What is kept from a socket: others from one for callers, the group too from one for operators.
_UMASK: Final = 0o117
_OWNER_UMASK: Final = 0o177


class DoorError(PdpError):
    """An address that cannot be served."""


class SocketClaim:
    """The right to bind ``path``, held until released (or until the process ends, however it does).

    gRPC removes whatever socket it finds before it binds, so without a claim a second server would
    silently take the first one's place.
    """

    def __init__(self, path: Path) -> None:
        """Raises DoorError if the directory is missing or the path is in use."""
        self._path = path
        if not path.parent.is_dir():
            raise DoorError(f"cannot serve on `unix:{path}`: `{path.parent}` is not a directory")
        self._lock = _locked(path)
        try:
            _remove_stale(path)
        except BaseException:
            os.close(self._lock)
            raise

    def release(self) -> None:
        """Remove the socket and let others claim the path."""
        # The lock file stays: were it removed, two processes could each lock a file of its name.
        self._path.unlink(missing_ok=True)
        os.close(self._lock)


@contextmanager
def socket_mode(*, is_owners_alone: bool = False) -> Iterator[None]:
    """While a socket is bound: mode 0660 (or 0600) from the first moment, as binding also listens.

    Sets the process's umask, so it belongs before other threads make files.
    """
    before = os.umask(_OWNER_UMASK if is_owners_alone else _UMASK)
    try:
        yield
    finally:
        os.umask(before)


def _locked(path: Path) -> int:
    name = f"{path}.lock"
    try:
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise DoorError(f"cannot make `{name}`: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise _in_use(path) from None
    return lock


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise DoorError(f"`{path}` exists and is not a socket; remove it or choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # A full queue blocks for good; then somebody listens.
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError:
            raise _in_use(path) from None
    raise _in_use(path)


def _in_use(path: Path) -> DoorError:
    return DoorError(f"`unix:{path}` is in use by another server; stop it or choose another path")
