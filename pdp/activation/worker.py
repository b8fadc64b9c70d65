"""The child process that looks for bundles, proves them and makes them ready. Decides nothing.

    python -m pdp.activation.worker

Reads a ``Setup`` line and then ``Task`` lines from standard input, and answers each with an
``Outcome`` line. So whatever a source sends, and however long a proof takes, the server goes on
answering. It ends when its input does.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from pdp.activation.errand import Outcome, Read, Setup, Task, to_line
from pdp.activation.preparing import Offer, Trusted, Wanted, proven, trusted
from pdp.activation.release import Release
from pdp.activation.spool import (
    Index,
    Proof,
    read_index,
    read_offer,
    read_program,
    write_folder,
)
from pdp.bundles.documents import truststore
from pdp.bundles.documents.truststore import TrustStore, store_from_bytes
from pdp.bundles.refusal import BundleRefused, Cause, refuse
from pdp.bundles.sources.fetching import Source, SourceFailed
from pdp.bundles.sources.places import source_of

_NICENESS: Final = 10
_PUSHED: Final = "an operator's call"
_USES: Final = {
    "main": "bundle",
    "freshness": "freshness",
    "directory": "directory",
    "directory_freshness": "directory freshness",
}


class Watched:
    """One source, and what came of it last."""

    def __init__(self, use: str, source: Source) -> None:
        self.use: Final = use
        self.source: Final = source
        self.data: bytes | None = None
        self._version: str | None = None

    def look(self, timeout_s: float) -> bool:
        """Whether there is something new. Raises SourceFailed."""
        fetched = self.source.fetch(self._version, timeout_s)
        if fetched is None:
            return False
        is_new = fetched.data != self.data
        self.data, self._version = fetched.data, fetched.version
        return is_new


class Worker:
    """All that the child remembers between tasks."""

    def __init__(self, setup: Setup) -> None:
        """Raises SourceFailed when a place cannot be used at all."""
        self._setup: Final = setup
        self._state: Final = Path(setup.state_dir)
        self._watched: Final = {
            name: Watched(use, source_of(uri, setup.options))
            for name, use in _USES.items()
            if (uri := getattr(setup.places, name)) is not None
        }
        # The offer and store that were made ready last, and the release that was proven last.
        self._settled: tuple[Offer, TrustStore] | None = None
        self._proven: tuple[str, Release] | None = None
        self._unproven: dict[str, BundleRefused] = {}

    @property
    def name(self) -> str:
        """Where bundles come from, for people."""
        return self._watched["main"].source.name

    def do(self, task: Task) -> Outcome:
        """Whatever happens is an outcome."""
        reads: list[Read] = []
        offer: Offer | None = None
        source = _PUSHED if task.kind == "take" else self.name
        try:
            match task.kind:
                case "wait":
                    self._watched["main"].source.wait(task.timeout_s)
                    return Outcome("unchanged", source)
                case "look":
                    offer = self._looked(reads)
                case "take" | "again":
                    offer = self._completed(read_offer(self._state / task.offered), reads, task)
            store = self._store(task.trust_store_version)
            if task.kind == "look" and self._settled == (offer, store):
                return Outcome("unchanged", source, reads=tuple(reads))
            self._make_ready(offer, store, task, source)
        except SourceFailed as error:
            return Outcome("failed", source, error.cause.value, str(error), reads=tuple(reads))
        except BundleRefused as error:
            sha256 = "" if offer is None else hashlib.sha256(offer.main).hexdigest()
            return Outcome("refused", source, error.cause.value, str(error), sha256, tuple(reads))
        self._settled = offer, store
        return Outcome("ready", source, reads=tuple(reads))

    def _looked(self, reads: list[Read]) -> Offer:
        for watched in self._watched.values():
            self._look(watched, reads)
        found = {name: watched.data for name, watched in self._watched.items()}
        main = found.pop("main")
        assert main is not None, "a look that brings nothing fails"
        return Offer(main, **found)

    def _look(self, watched: Watched, reads: list[Read]) -> None:
        use, source = watched.use, watched.source
        try:
            watched.look(self._setup.fetch_timeout_s)
        except SourceFailed as error:
            reads.append(Read(use, source.name, str(error)))  # type: ignore[arg-type]
            raise
        reads.append(Read(use, source.name))  # type: ignore[arg-type]

    def _completed(self, offer: Offer, reads: list[Read], task: Task) -> Offer:
        """An offer as it was given; the people that go with it come from their own source."""
        if task.kind == "again" or offer.directory is not None or not self._setup.directory_name:
            return offer
        found: dict[str, bytes | None] = {}
        for name in ("directory", "directory_freshness"):
            watched = self._watched.get(name)
            if watched is not None:
                self._look(watched, reads)
                found[name] = watched.data
        return replace(offer, **found)  # type: ignore[arg-type]

    def _store(self, least_version: int) -> TrustStore:
        path = Path(self._setup.trust_store)
        try:
            with path.open("rb") as file:
                data = file.read(truststore.BYTES_MAX + 1)
        except OSError as error:
            refuse(Cause.SOURCE_FAILED, f"the trust store `{path}`: {error.strerror}")
        store = store_from_bytes(data)
        if store.version < least_version:
            refuse(
                Cause.ROLLBACK,
                f"the trust store `{path}` is version {store.version}, and {least_version} was in"
                " force before",
            )
        return store

    def _make_ready(self, offer: Offer, store: TrustStore, task: Task, source: str) -> None:
        setup = self._setup
        wanted = Wanted(
            setup.name,
            setup.directory_name,
            task.now,
            task.floors,
            setup.require_freshness,
            setup.engine_version,
            setup.tzdata_version,
            setup.self_test_cases,
        )
        found = trusted(offer, store, wanted)
        proof = Proof(setup.engine_version, setup.tzdata_version)
        release = self._proved(found, wanted, proof, task)
        folder = self._state / task.folder
        index = Index(
            content=found.content,
            fingerprint=found.fingerprint,
            files=tuple(release.files),
            parts=release.parts,
            proof=proof,
            trust_store_version=store.version,
            source=source,
        )
        write_folder(folder, offer, release, index)

    def _proved(self, found: Trusted, wanted: Wanted, proof: Proof, task: Task) -> Release:
        """The release, proven now unless it was before, by this child or one of this version."""
        key = found.fingerprint
        if self._proven is not None and self._proven[0] == key:
            return found.with_program(self._proven[1].program)
        if task.kind == "again":
            index = read_index(self._state / task.offered)
            if (index.fingerprint, index.proof) == (key, proof):
                return found.with_program(read_program(self._state / task.offered))
        if key in self._unproven:
            raise self._unproven[key]
        try:
            release = proven(found, wanted)
        except BundleRefused as error:
            self._unproven = {key: error}
            raise
        self._proven = key, release
        return release


def serve(source: BinaryIO, answers: BinaryIO) -> None:
    """Work until ``source`` ends."""
    setup = msgspec.json.decode(source.readline(), type=Setup)
    try:
        worker = Worker(setup)
    except SourceFailed as error:
        for _ in source:
            answers.write(to_line(Outcome("failed", "", error.cause.value, str(error))))
            answers.flush()
        return
    for line in source:
        outcome = worker.do(msgspec.json.decode(line, type=Task))
        answers.write(to_line(outcome))
        answers.flush()


def main() -> None:
    """Standard output carries answers alone; whatever else is printed goes to standard error."""
    with suppress(OSError):
        os.nice(_NICENESS)
    # The server stops its children itself, once it has stopped.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        # A server that was killed takes no answers; then there is nobody left to work for.
        with suppress(BrokenPipeError):
            serve(sys.stdin.buffer, answers)
        os._exit(0)


if __name__ == "__main__":
    main()
