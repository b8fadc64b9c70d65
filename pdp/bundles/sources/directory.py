"""Reads the files of a policy directory, once, within limits."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from pdp.model import BundleError

FILES_MAX: Final = 256
FILE_BYTES_MAX: Final = 1_048_576
SUFFIXES: Final = (".charter", ".json")


def read_policy_directory(directory: Path) -> dict[str, bytes]:
    """Every ``.charter`` and ``.json`` file below ``directory``: posix name relative to it → bytes.

    Hidden files and folders are left out, and nothing else: what is skipped could be what denies.
    Raises BundleError: no such directory, nothing in it, a folder or file that cannot be read, a
    link to a folder, a name that is not UTF-8, or more than the language allows. What is
    returned is what decides: nothing is read twice.
    """
    if not directory.is_dir():
        raise BundleError(
            f"`{directory}` is not a directory; name the folder with your .charter files"
        )
    try:
        names = _policy_names(directory)
    except OSError as error:
        raise BundleError(f"`{error.filename}` cannot be read: {error.strerror}") from None
    if not any(name.endswith(".charter") for name in names):
        raise BundleError(f"`{directory}` holds no .charter file; there is nothing to decide with")
    if len(names) > FILES_MAX:
        raise BundleError(f"`{directory}` holds more than {FILES_MAX} policy and data files")
    return {name: _read(directory, name) for name in names}


def _policy_names(directory: Path) -> list[str]:
    found: list[str] = []
    for folder, folders, files in os.walk(directory, onerror=_stop):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (Path(folder) / name).is_symlink():
                place = (Path(folder) / name).relative_to(directory).as_posix()
                raise BundleError(
                    f"`{place}` is a link to a folder, and links to folders are not followed;"
                    " put the folder itself there"
                )
        found.extend(
            (Path(folder) / name).relative_to(directory).as_posix()
            for name in files
            if name.endswith(SUFFIXES) and not name.startswith(".")
        )
    for name in found:
        _check_name(name)
    return sorted(found)


def _stop(error: OSError) -> None:
    """Without this, a folder that cannot be read would count as empty."""
    raise error


def _check_name(name: str) -> None:
    """A name stands in the digest and in records, so it must be text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = name.encode("ascii", "backslashreplace").decode()
        raise BundleError(f"`{shown}`: the name is not UTF-8 text; rename the file") from None


def _read(directory: Path, name: str) -> bytes:
    try:
        # A pipe would otherwise be waited for.
        descriptor = os.open(directory / name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BundleError(f"`{name}` is not a regular file; remove or rename it")
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise BundleError(f"`{name}` cannot be read: {error.strerror}") from None
    if len(data) > FILE_BYTES_MAX:
        raise BundleError(f"`{name}` is larger than {FILE_BYTES_MAX} bytes; split it")
    return data
