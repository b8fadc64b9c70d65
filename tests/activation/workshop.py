"""A real worker on files of its own, and shops signed in ways that no builder would; a fixed time.

Whoever tests with it asks a worker for something and looks at what came of it.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from pdp.activation.building import unverified
from pdp.activation.errand import Outcome, Places, Setup, Task
from pdp.activation.preparing import Offer, Trusted, Wanted, proven
from pdp.activation.release import PROGRAM_FILE, Release
from pdp.activation.spool import Index, read_index, write_offer
from pdp.activation.worker import Worker
from pdp.bundles.verification import Floor
from pdp.lang.checker import Reader
from tests.activation.installation import CASES, ENGINE, TZDATA
from tests.bundles import samples as s
from tests.bundles import set_samples as t
from tests.service.activating import signed

HOUR: Final = datetime.timedelta(hours=1)
PEOPLE: Final = "test.people"
PEOPLE_FILE: Final = "people.directory.json"


def unsigned(revision: int) -> bytes:
    """A bundle as it is built: valid for an hour from ``samples.NOW``."""
    return signed.unsigned(revision, s.NOW + HOUR, s.NOW - HOUR)


def bundle(
    revision: int = 1,
    /,
    *,
    changed: Mapping[str, bytes | None] | None = None,
    signers: Sequence[str] = ("ann", "ben"),
    **manifest: Any,
) -> bytes:
    """That bundle with files replaced, or left out for None, and with other words in its manifest.

    It is signed as it is: nobody looks whether the program is what the sources say.
    """
    found = unverified(unsigned(revision))
    wanted = {**found.files, **(changed or {})}
    files = {name: data for name, data in sorted(wanted.items()) if data is not None}
    tree = json.loads(found.envelope.unverified_payload)
    payload = s.spelled({**tree, "files": s.entries(files), **manifest})
    return s.packed(s.signed(payload, signers), b"".join(files.values()))


def program(revision: int = 1) -> bytes:
    return unverified(unsigned(revision)).files[PROGRAM_FILE]


def of_another_version(data: bytes) -> bytes:
    """A program that says of itself that another version of the engine made it."""
    magic, version, *rest = msgspec.msgpack.decode(data, type=list)
    return msgspec.msgpack.encode([magic, version + 1, *rest])


def people(revision: int = 1) -> bytes:
    """A directory bundle that the robot signs."""
    files = {PEOPLE_FILE: unverified(unsigned(1)).files[PEOPLE_FILE]}
    return t.people(files, name=PEOPLE, revision=revision, audience=signed.AUDIENCE)


def store(version: int = 1, **changes: Any) -> bytes:
    """As the shop's, and for people whom the robot says there are; ``changes`` the shop's."""
    [of_shop] = json.loads(signed.store())["bundles"]
    of_people = {
        **of_shop,
        "name": PEOPLE,
        "signers": s.signers_of(("robot",), 1),
        "governs": [],
    }
    bundles = [{**of_shop, **changes}, of_people]
    return s.spelled({"type": "pdp.truststore.v1", "version": version, "bundles": bundles})


class Workshop:
    """A worker, what it reads, and the folders it makes: ``ready-1``, ``ready-2`` and so on."""

    def __init__(self, room: Path, data: bytes = b"", **setup: Any) -> None:
        self.room: Final = room
        self.source: Final = room / "source"
        self.trust: Final = room / "trust"
        self.state: Final = room / "state"
        self.state.mkdir(mode=0o700)
        self.trust.write_bytes(store())
        if data:
            self.put(data)
        self._setup: Final = Setup(
            places=Places(str(self.source)),
            name=signed.NAME,
            directory_name=None,
            trust_store=str(self.trust),
            state_dir=str(self.state),
            require_freshness=False,
            engine_version=ENGINE,
            tzdata_version=TZDATA,
            self_test_cases=CASES,
            fetch_timeout_s=20.0,
        )
        self.made = 0
        self.restart(**setup)

    def restart(self, **setup: Any) -> None:
        """Another process: it knows nothing of what this one did."""
        self.worker = Worker(msgspec.structs.replace(self._setup, **setup))

    def put(self, data: bytes) -> None:
        """Replace the source by a rename, as publishers do."""
        new = self.room / "new"
        new.write_bytes(data)
        new.replace(self.source)

    def do(self, kind: str, offered: str = "", **more: Any) -> Outcome:
        self.made += 1
        asked: dict[str, Any] = {"now": s.NOW, "folder": self.folder.name, "offered": offered}
        return self.worker.do(Task(kind, **{**asked, **more}))  # type: ignore[arg-type]

    def look(self, **more: Any) -> Outcome:
        return self.do("look", **more)

    def take(self, offer: Offer, **more: Any) -> Outcome:
        name = f"ready-offer-{self.made}"
        (self.state / name).mkdir(mode=0o700)
        write_offer(self.state / name, offer)
        return self.do("take", name, **more)

    def again(self, **more: Any) -> Outcome:
        """What was made ready last is the good release, from which a server starts."""
        return self.do("again", self.folder.name, **more)

    @property
    def folder(self) -> Path:
        """What the last task was to make ready."""
        return self.state / f"ready-{self.made}"

    @property
    def index(self) -> Index:
        return read_index(self.folder)


def floor(revision: int, digest: str | None = None) -> dict[str, Floor]:
    return {signed.NAME: Floor(revision, digest)}


@contextmanager
def counted_proofs() -> Iterator[list[str]]:
    """The fingerprint of each release that is proven meanwhile."""
    proofs: list[str] = []

    def counting(found: Trusted, wanted: Wanted, read: Reader) -> Release:
        proofs.append(found.fingerprint)
        return proven(found, wanted, read)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pdp.activation.worker.proven", counting)
        yield proofs
