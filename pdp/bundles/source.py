"""Reads the files of a policy directory, once, within limits; only this file of the room reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pdp.model import BundleError

FILES_MAX: Final = 256
FILE_BYTES_MAX: Final = 1_048_576
SUFFIXES: Final = (".charter", ".json")


def read_policy_directory(directory: Path) -> dict[str, bytes]:
    """Every ``.charter`` and ``.json`` file below ``directory``: posix name relative to it → bytes.

    Hidden files and folders are left out. Raises BundleError: no such directory, nothing in it,
    a file that cannot be read, or more than the language allows. What is returned is what decides:
    nothing is read twice.
    """
    if not directory.is_dir():
        raise BundleError(
            f"`{directory}` is not a directory; name the folder with your .charter files"
        )
    names = _policy_names(directory)
    if not any(name.endswith(".charter") for name in names):
        raise BundleError(f"`{directory}` holds no .charter file; there is nothing to decide with")
    if len(names) > FILES_MAX:
        raise BundleError(f"`{directory}` holds more than {FILES_MAX} policy and data files")
    return {name: _read(directory, name) for name in names}


def _policy_names(directory: Path) -> list[str]:
    found: list[str] = []
    for folder, folders, files in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found.extend(
            (Path(folder) / name).relative_to(directory).as_posix()
            for name in files
            if name.endswith(SUFFIXES) and not name.startswith(".")
        )
    return sorted(found)


def _read(directory: Path, name: str) -> bytes:
    try:
        with (directory / name).open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise BundleError(f"`{name}` cannot be read: {error.strerror}") from None
    if len(data) > FILE_BYTES_MAX:
        raise BundleError(f"`{name}` is larger than {FILE_BYTES_MAX} bytes; split it")
    return data
