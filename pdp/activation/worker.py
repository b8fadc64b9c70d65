"""The child process that looks for bundles, proves them and makes them ready. Decides nothing.

    python -m pdp.activation.worker

Reads a ``Setup`` line and then ``Task`` lines from standard input, and answers each with an
``Outcome`` line. So whatever a source sends, and however long a proof takes, the server goes on
answering. It ends when its input does.
"""

from __future__ import annotations

import hashlib
import os
import queue
import resource
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from pdp.activation.errand import Outcome, Read, Setup, Task, to_line
from pdp.activation.preparing import Offer, Parsed, Trusted, Wanted, proven, trusted
from pdp.activation.release import Release
from pdp.activation.spool import (
    Index,
    Proof,
    program_digest,
    read_index,
    read_offer,
    write_folder,
)
from pdp.bundles.documents import truststore
from pdp.bundles.documents.truststore import TrustStore, store_from_bytes
from pdp.bundles.refusal import BundleRefused, Cause, refuse
from pdp.bundles.sources.fetching import Source, SourceFailed
from pdp.bundles.sources.places import source_of
from pdp.lang.packing.compact import is_of_this_version

_NICENESS: Final = 10
# Far above what the largest bundle takes that checks in time; below what a machine has.
_MEMORY_BYTES_MAX: Final = 4 << 30
_LAST_WORDS_S: Final = 0.2
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

    def look(self, timeout_s: float) -> None:
        """Take what is new there, if anything is. Raises SourceFailed."""
        fetched = self.source.fetch(self._version, timeout_s)
        if fetched is not None:
            self.data, self._version = fetched.data, fetched.version


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
        self._parsed: Final = Parsed()

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
            is_settled = self._settled == (offer, store) and not task.is_untaken
            if task.kind == "look" and is_settled:
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
        """An offer as it was given; what goes with it and was not given comes from its source.

        So a push cannot do without a statement of freshness where there is a source of them.
        """
        if task.kind == "again":
            return offer
        found: dict[str, bytes | None] = {}
        for name, watched in self._watched.items():
            if name != "main" and getattr(offer, name) is None:
                self._look(watched, reads)
                found[name] = watched.data
        return replace(offer, **found)  # type: ignore[arg-type]

    def _store(self, least_version: int) -> TrustStore:
        path = Path(self._setup.trust_store)
        try:
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
            with os.fdopen(os.open(path, flags), "rb") as file:
                check_is_ours(os.fstat(file.fileno()), path)
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
            program=program_digest(release),
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
        if task.offered and self._was_proven(found, proof, self._state / task.offered):
            return found.release
        if key in self._unproven:
            raise self._unproven[key]
        try:
            release = proven(found, wanted, self._parsed.read)
        except BundleRefused as error:
            self._unproven = {key: error}
            raise
        finally:
            self._parsed.forget()
        self._proven = key, release
        return release

    def _was_proven(self, found: Trusted, proof: Proof, folder: Path) -> bool:
        """Whether the folder says that this very release was proven, by this version.

        What was proven is what was signed: nothing else of the folder may decide.
        """
        program = found.release.program
        if program is None or not is_of_this_version(program):
            return False
        try:
            index = read_index(folder)
        except BundleRefused:
            return False
        return (index.fingerprint, index.proof) == (found.fingerprint, proof)


def check_is_ours(found: os.stat_result, path: Path) -> None:
    """Raise BundleRefused unless only we, or root, can have written the trust store."""
    if not stat.S_ISREG(found.st_mode):
        refuse(Cause.SOURCE_FAILED, f"the trust store `{path}` is not a file")
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        refuse(
            Cause.SOURCE_FAILED,
            f"others can write the trust store `{path}`, and so decide whom to believe:"
            f" `chmod go-w {path}`, owned by root or by the user that serves",
        )


def serve(source: BinaryIO, answers: BinaryIO, orphaned: Callable[[], None]) -> None:
    """Work until ``source`` ends; ``orphaned`` is called then, whatever is being done."""
    setup = msgspec.json.decode(source.readline(), type=Setup)
    tasks = _tasks(source, orphaned)
    try:
        worker = Worker(setup)
    except SourceFailed as error:
        for _ in iter(tasks.get, b""):
            answers.write(to_line(Outcome("failed", "", error.cause.value, str(error))))
            answers.flush()
        return
    for line in iter(tasks.get, b""):
        outcome = worker.do(msgspec.json.decode(line, type=Task))
        answers.write(to_line(outcome))
        answers.flush()


def _tasks(source: BinaryIO, orphaned: Callable[[], None]) -> queue.SimpleQueue[bytes]:
    """The lines of ``source``, and an empty one at its end."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in source:
            lines.put(line)
        lines.put(b"")
        orphaned()

    threading.Thread(target=read, name="pdp-tasks", daemon=True).start()
    return lines


def end() -> None:
    """Leave at once: nobody waits for what is being proven."""
    time.sleep(_LAST_WORDS_S)
    os._exit(0)


def main() -> None:
    """Standard output carries answers alone; whatever else is printed goes to standard error."""
    with suppress(OSError, ValueError):
        os.nice(_NICENESS)
        # Only what nobody who answers wants: on a busy machine a new bundle waits.
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES_MAX, _MEMORY_BYTES_MAX))
    # The server stops its children itself, once it has stopped; what its threads leave to its main
    # thread, a child is started with blocked.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        # A server that was killed takes no answers; then there is nobody left to work for.
        with suppress(BrokenPipeError):
            serve(sys.stdin.buffer, answers, end)
        os._exit(0)


if __name__ == "__main__":
    main()
