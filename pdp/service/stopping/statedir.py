"""The directory of what must survive a restart: files read whole, written whole or not at all."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from typing import Final

from pdp.decisionlog import disk
from pdp.decisionlog.disk import SyncFailed
from pdp.model import PdpError

MODE: Final = 0o700
FILE_BYTES_MAX: Final = 64 << 20
LOCK_NAME: Final = "stops.lock"


class StateUnusable(PdpError):
    """The directory is not there to be used, or does not take what must be kept."""


class StateCorrupt(PdpError):
    """A file is not as it was written: nothing is guessed from what is left of it."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"`{path}` is damaged: {what}; keep a copy and restore it, or move it away: the"
            " decision log knows the orders too"
        )


class StateDirectory:
    """A directory that only its owner can look into, held by one process until closed."""

    def __init__(self, path: Path) -> None:
        """Make the directory if it is missing, and lock it. Raises StateUnusable."""
        self.path = path
        try:
            path.mkdir(mode=MODE, exist_ok=True)
            found = path.lstat()
        except OSError as error:
            raise StateUnusable(f"cannot make `{path}`: {error.strerror}") from None
        if not stat.S_ISDIR(found.st_mode):
            raise StateUnusable(f"`{path}` is not a directory")
        if found.st_uid != os.geteuid():
            raise StateUnusable(f"`{path}` belongs to another user; name a directory of your own")
        mode = stat.S_IMODE(found.st_mode)
        if mode != MODE:
            raise StateUnusable(f"`{path}` has mode {mode:04o}, expected 0700: `chmod 700 {path}`")
        self._lock = self._locked()

    def read(self, name: str) -> bytes | None:
        """The bytes of a file, None if there is none. Raises StateUnusable, StateCorrupt."""
        path = self.path / name
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
                data = file.read(FILE_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateUnusable(f"cannot read `{path}`: {error.strerror}") from None
        if len(data) > FILE_BYTES_MAX:
            raise StateCorrupt(path, f"it is larger than {FILE_BYTES_MAX} bytes")
        return data

    def write(self, name: str, data: bytes) -> None:
        """Replace a file, durably: what is read later is the old bytes or these.

        Raises StateUnusable; which of the two it is then is not known.
        """
        try:
            os.close(disk.create_whole(self.path, name, data))
        except OSError as error:
            raise StateUnusable(f"cannot write `{self.path / name}`: {error.strerror}") from None
        except SyncFailed:
            raise StateUnusable(f"cannot make `{self.path / name}` durable") from None

    def close(self) -> None:
        """Let others use the directory."""
        os.close(self._lock)

    def _locked(self) -> int:
        path = self.path / LOCK_NAME
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StateUnusable(f"cannot make `{path}`: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            what = "is in use by another server; each needs a directory of its own"
            raise StateUnusable(f"`{self.path}` {what}") from None
        return lock
