"""A release on disk, as the child hands it to the server: what was offered, and what it was proven.

A folder holds ``offer/`` (the bytes as they came, to be verified again at the next start),
``files/`` and ``program`` (what decides), and ``release.json``. Only this server's user may write
there. Everything is synced before the folder is handed over.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import msgspec

from pdp.activation.preparing import Offer
from pdp.activation.release import Part, Release
from pdp.activation.state import sync_directory
from pdp.bundles.refusal import Cause, refuse
from pdp.slices import Sliced

RELEASE_FILE: Final = "release.json"
PROGRAM_NAME: Final = "program"
_OFFER: Final = {
    "main": "main",
    "freshness": "freshness",
    "directory": "directory",
    "directory-freshness": "directory_freshness",
}


class Proof(msgspec.Struct, frozen=True):
    """By which versions a release was proven here; by others it is proven again."""

    engine_version: str
    tzdata_version: str


class Index(msgspec.Struct, frozen=True):
    """What ``release.json`` says; ``files`` are names in the order of their numbers.

    ``content`` names the files that decide, ``fingerprint`` what the proof speaks of, ``program``
    is the SHA-256 of the program that was proven: all in lower-case hex.
    """

    content: str
    fingerprint: str
    files: tuple[str, ...]
    program: str
    parts: tuple[Part, ...]
    proof: Proof
    trust_store_version: int
    source: str


def write_folder(folder: Path, offer: Offer, release: Release, index: Index) -> None:
    """Make a folder of all that, which survives a power cut."""
    folder.mkdir(mode=0o700)
    write_offer(folder, offer)
    files = folder / "files"
    files.mkdir(mode=0o700)
    for number, name in enumerate(index.files):
        _write(files / f"{number:04}", release.files[name])
    sync_directory(files)
    assert release.program is not None, "a release without its program is not proven"
    _write(folder / PROGRAM_NAME, release.program)
    _write(folder / RELEASE_FILE, msgspec.json.encode(index))
    sync_directory(folder)


def write_offer(folder: Path, offer: Offer) -> None:
    """Put an offer into a folder, and nothing else."""
    offered = folder / "offer"
    offered.mkdir(mode=0o700)
    for name, attribute in _OFFER.items():
        data: bytes | None = getattr(offer, attribute)
        if data is not None:
            _write(offered / name, data)
    sync_directory(offered)


def read_offer(folder: Path) -> Offer:
    """What had been offered. Raises BundleRefused (state corrupt) when there is nothing."""
    found: dict[str, bytes] = {}
    for name, attribute in _OFFER.items():
        path = folder / "offer" / name
        if path.exists():
            found[attribute] = path.read_bytes()
    if "main" not in found:
        refuse(Cause.STATE_CORRUPT, f"`{folder}` holds no release")
    return Offer(**found)


def read_index(folder: Path) -> Index:
    """Raises BundleRefused (state corrupt)."""
    try:
        return msgspec.json.decode((folder / RELEASE_FILE).read_bytes(), type=Index)
    except (OSError, msgspec.MsgspecError):
        refuse(Cause.STATE_CORRUPT, f"`{folder / RELEASE_FILE}` cannot be read")


def program_digest(release: Release) -> str:
    """The SHA-256 of the program of a release that was proven, in lower-case hex."""
    assert release.program is not None, "a release without its program is not proven"
    return hashlib.sha256(release.program).hexdigest()


def read_program(folder: Path, index: Index) -> bytes:
    """The program that was proven. Raises BundleRefused (state corrupt)."""
    path = folder / PROGRAM_NAME
    program = _read(path)
    if hashlib.sha256(program).hexdigest() != index.program:
        refuse(Cause.STATE_CORRUPT, f"`{path}` is damaged: it is not what was proven")
    return program


def reading_release(folder: Path, index: Index) -> Sliced[Release]:
    """What decides, one file a slice. Raises BundleRefused (state corrupt)."""
    files = yield from reading_files(folder, index)
    return Release(files, read_program(folder, index), index.parts)


def reading_files(folder: Path, index: Index) -> Sliced[dict[str, bytes]]:
    """The files that decide, by name, one a slice. Raises BundleRefused (state corrupt)."""
    files: dict[str, bytes] = {}
    for number, name in enumerate(index.files):
        files[name] = _read(folder / "files" / f"{number:04}")
        yield
    return files


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        refuse(Cause.STATE_CORRUPT, f"`{path}` cannot be read")


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
