"""Files that records name by digest, durable beside the log: ``LOGDIR/files/<sha256>``.

A file is there before the record that names it. It is named by its content, so it is never changed;
whoever reads one checks it, as a disk and its users may have changed it all the same.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pdp.decisionlog import disk
from pdp.decisionlog.errors import LogError

FOLDER: Final = "files"
_SCRATCH: Final = "*.new"


class FileMissing(LogError):
    """The store does not hold a file that a record names; ``digest`` is its hex SHA-256."""

    def __init__(self, path: Path, digest: str) -> None:
        super().__init__(f"`{path}` is missing; restore it from a copy of the log's directory")
        self.digest = digest


class FileAltered(LogError):
    """A file of the store is not what its name says; ``digest`` is that name."""

    def __init__(self, path: Path, digest: str) -> None:
        super().__init__(
            f"`{path}` was altered: its content has another SHA-256 than its name; restore it from"
            " a copy of the log's directory"
        )
        self.digest = digest


class FileUnreadable(LogError):
    """A file of the store is there and cannot be read; ``digest`` is its name."""

    def __init__(self, path: Path, digest: str, why: str) -> None:
        super().__init__(f"`{path}` cannot be read: {why}")
        self.digest = digest


class FileStore:
    """The files beside one log. Any thread may keep files, one process at a time; all may read."""

    def __init__(self, log_dir: Path) -> None:
        """Nothing is made before the first file is kept."""
        self.path: Final = log_dir / FOLDER
        self._turn: Final = threading.Lock()

    def keep(self, contents: Iterable[bytes]) -> None:
        """Return once every content is durable under its digest.

        One that is there with the same size is not written again. Raises OSError or
        disk.SyncFailed; then some may be there, and the next call does the rest.
        """
        with self._turn:
            self._make_folder()
            for data in contents:
                path = self.path / hashlib.sha256(data).hexdigest()
                if not _is_there(path, len(data)):
                    os.close(disk.create_whole(self.path, path.name, data))
            # Also where nothing was written: whoever wrote a name may have died before this.
            disk.sync_directory(self.path)

    def read(self, digest: str) -> bytes:
        """The content with that hex SHA-256.

        Raises FileMissing, FileAltered, FileUnreadable.
        """
        path = self.path / digest
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise FileMissing(path, digest) from None
        except OSError as error:
            raise FileUnreadable(path, digest, os.strerror(error.errno or 0)) from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise FileAltered(path, digest)
        return data

    def _make_folder(self) -> None:
        """The folder, durable itself, without what a process left that died while it wrote."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        disk.sync_directory(self.path.parent)
        for scratch in self.path.glob(_SCRATCH):
            scratch.unlink()


def _is_there(path: Path, size_bytes: int) -> bool:
    try:
        found = path.lstat().st_size
    except FileNotFoundError:
        return False
    return found == size_bytes
