"""What a server must remember of bundles: floors, and the last good release. One rename commits.

A state directory holds ``state.json`` and a folder for each release that is ready or good. What the
state file does not name is of no account: it was not finished, or it is of the past.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from pdp.bundles.documents.fields import Fields, fields_of, members_of
from pdp.bundles.refusal import BundleRefused, Cause, refuse
from pdp.bundles.verification import Floor
from pdp.canonical import canonical, parse

TYPE: Final = "pdp.state.v1"
STATE_FILE: Final = "state.json"
STATE_BYTES_MAX: Final = 1_048_576
READY: Final = "ready"
GOOD: Final = "good"
_STATE: Final = frozenset({"type", "trust_store_version", "floors", "good"})
_FLOOR: Final = frozenset({"name", "revision", "digest"})
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class State:
    """``floors`` by the name of what was signed; ``good`` is the folder of the last good release.

    ``trust_store_version`` is the highest one that was ever in force.
    """

    floors: Mapping[str, Floor] = field(default_factory=dict)
    good: str | None = None
    trust_store_version: int = 0


class ReleaseStore:
    """The directory, and each step of changing it. One server at a time uses it."""

    def __init__(self, path: Path) -> None:
        """Make the directory unless it is there. Raises BundleRefused (state corrupt) otherwise."""
        self.path: Final = path
        make_directory(path)
        found = path.stat()
        if found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
            refuse(
                Cause.STATE_CORRUPT,
                f"`{path}` is open to others: whoever writes there chooses what may decide;"
                f" `chmod 700 {path}`, owned by the user that serves",
            )

    def read(self) -> State | None:
        """What was committed last; None before the first time. Raises BundleRefused."""
        path = self.path / STATE_FILE
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return state_from_bytes(data)
        except BundleRefused as error:
            refuse(
                Cause.STATE_CORRUPT,
                f"`{path}` is damaged ({error}); if nobody changed it, restore it from a backup, or"
                " remove it: then the decision log says what was active",
            )

    def new_folder(self, name: str) -> Path:
        """An empty folder for what an operator offers."""
        folder = self.path / name
        folder.mkdir(mode=0o700)
        return folder

    def drop(self, name: str) -> None:
        """Remove a folder that was for one task only, if it is still there."""
        if name.startswith(f"{READY}-"):
            shutil.rmtree(self.path / name, ignore_errors=True)

    def keep(self, ready: Path) -> str:
        """The name under which a ready folder is kept. Nothing decides by it yet.

        Its files are synced. Each has a name of its own, so none that may be damaged is taken for
        another.
        """
        name = f"{GOOD}-{ready.name.removeprefix(f'{READY}-')}"
        ready.rename(self.path / name)
        sync_directory(self.path)
        return name

    def commit(self, state: State) -> None:
        """From here on ``state`` holds, whatever happens."""
        temporary = self.path / f"{STATE_FILE}.new"
        with temporary.open("wb") as file:
            file.write(state_to_bytes(state))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path / STATE_FILE)
        sync_directory(self.path)

    def tidy(self, state: State, *, at_start: bool = False) -> None:
        """Remove the folders of releases that ``state`` does not name.

        Those that are being made ready only ``at_start``, when nobody makes any.
        """
        kinds = (f"{GOOD}-", f"{READY}-") if at_start else (f"{GOOD}-",)
        for path in self.path.iterdir():
            if path.name.startswith(kinds) and path.name != state.good:
                shutil.rmtree(path, ignore_errors=True)


def make_directory(path: Path) -> None:
    """Make it, and those above it, unless they are there; a new one survives a power cut."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for one in missing:
        sync_directory(one.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def raised(floors: Mapping[str, Floor], name: str, floor: Floor) -> dict[str, Floor]:
    """The floors with that one, unless a higher one stands there."""
    known = floors.get(name)
    if known is not None and known.revision > floor.revision:
        return dict(floors)
    return {**floors, name: floor}


class Signed(Protocol):
    """Whatever says what was signed: a part of a release, or of a record."""

    @property
    def name(self) -> str: ...
    @property
    def revision(self) -> int: ...
    @property
    def digest(self) -> str: ...


def raised_by(floors: Mapping[str, Floor], parts: Iterable[Signed]) -> dict[str, Floor]:
    """The floors once all of these were active: never lower than before."""
    result = dict(floors)
    for part in parts:
        result = raised(result, part.name, Floor(part.revision, part.digest))
    return result


def state_to_bytes(state: State) -> bytes:
    """Canonical JSON."""
    tree: dict[str, Any] = {
        "type": TYPE,
        "trust_store_version": state.trust_store_version,
        "floors": [
            {"name": name, "revision": floor.revision, "digest": floor.digest}
            for name, floor in sorted(state.floors.items())
            if floor.digest is not None
        ],
        "good": state.good,
    }
    return canonical(parse(json.dumps(tree)))


def state_from_bytes(data: bytes) -> State:
    """Raises BundleRefused for what ``state_to_bytes`` does not write."""
    if len(data) > STATE_BYTES_MAX:
        refuse(Cause.TOO_LARGE, f"the state is larger than {STATE_BYTES_MAX} bytes")
    members = members_of(data, "state")
    if members.get("type") != TYPE:
        refuse(Cause.WRONG_TYPE, f"the document is not a `{TYPE}`")
    fields = fields_of(members, "state", _STATE)
    floors: dict[str, Floor] = {}
    for item in fields.objects("floors", _FLOOR):
        name = item.text("name")
        if name in floors:
            refuse(Cause.MALFORMED, f"the state names `{name}` twice")
        floors[name] = Floor(item.whole("revision", 1), item.hex_32("digest"))
    return State(floors, _good(fields), fields.whole("trust_store_version", 0))


def _good(fields: Fields) -> str | None:
    if fields.members["good"] is None:
        return None
    name = fields.text("good")
    if not name.startswith(f"{GOOD}-") or "/" in name:
        refuse(Cause.MALFORMED, "the state names no folder of a release")
    return name
