"""The key that signs the log's checkpoints, from a file that nobody else can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from pdp.bundles import keys
from pdp.model import BundleError, PdpError

_FILE_BYTES_MAX: Final = 16_384


class KeyUnusable(PdpError):
    """There is no key to sign with, so nothing is served."""


class LogKey:
    """A ``Signer`` of checkpoints. Its text form says nothing of the key."""

    __slots__ = ("_private", "key_id", "public")

    def __init__(self, private: keys.PrivateKey) -> None:
        self._private = private
        self.public = keys.public_bytes(private)
        self.key_id = keys.key_id_of(self.public)

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return keys.signature_of(self._private, message)


def read(path: Path) -> LogKey:
    """The key in a file of mode 0600 or 0400 that this user owns. Raises KeyUnusable."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise KeyUnusable(f"log_key: `{path}` cannot be read: {error.strerror}") from None
    try:
        # Of what was opened, not of what stands under that name by now.
        _check(path, os.fstat(fd))
        data = os.read(fd, _FILE_BYTES_MAX)
    finally:
        os.close(fd)
    try:
        return LogKey(keys.private_key_from_pem(data))
    except BundleError as error:
        raise KeyUnusable(f"log_key: `{path}`: {error}") from None


def _check(path: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        raise KeyUnusable(f"log_key: `{path}` is no file")
    if found.st_uid != os.geteuid():
        raise KeyUnusable(f"log_key: `{path}` belongs to another user")
    if mode & 0o177:
        raise KeyUnusable(
            f"log_key: `{path}` has mode {mode:04o}, and only its owner may read it:"
            f" `chmod 600 {path}`"
        )
