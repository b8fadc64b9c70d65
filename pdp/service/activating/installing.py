"""A ready folder to what decides: loaded beside the answering, committed, recorded, swapped.

The order is the promise: its files are kept beside the log, it is kept as good and synced,
committed by one rename, recorded, and only then swapped. Whatever fails before the swap leaves the
old one deciding.
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pdp._proto import log_pb2
from pdp.activation.preparing import signed_as
from pdp.activation.release import Part
from pdp.activation.spool import Index, read_index, reading_files, reading_release
from pdp.activation.state import ReleaseStore, State, raised_by
from pdp.bundles.manifest import file_hashes
from pdp.bundles.refusal import Cause, refuse
from pdp.bundles.verification import Floor
from pdp.decisionlog import record
from pdp.decisionlog.errors import LogError
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.engine import Engine, loading
from pdp.model import PdpError, PolicyError
from pdp.request import Request
from pdp.service.activating.active import Active
from pdp.slices import Sliced, finished

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_US: Final = datetime.timedelta(microseconds=1)
# After each slice others get at least as long as it took, within these bounds.
_PAUSE_MIN_S: Final = 0.000_5
_PAUSE_MAX_S: Final = 0.005
_TURN_S: Final = 0.000_5
_UNWRITABLE: Final = "the decision log cannot be written: see to its disk"

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Installed:
    """What decides now and what was signed of it."""

    active: Active
    parts: tuple[Part, ...]
    index: Index


class Installer:
    """Used by one thread at a time."""

    def __init__(
        self,
        releases: ReleaseStore,
        log: Writer,
        clock_us: Callable[[], int],
        engine_version: str,
        *,
        is_shadow: bool = False,
    ) -> None:
        self._is_shadow: Final = is_shadow
        self._releases: Final = releases
        self._log: Final = log
        self._clock_us: Final = clock_us
        self._engine_version: Final = engine_version

    def install(
        self,
        ready: Path,
        state: State,
        before: Installed | None,
        samples: Iterable[Request],
        swap: Callable[[Active], None],
    ) -> tuple[Installed, State]:
        """Make the release in a ready folder decide, and the state that says so.

        Raises BundleRefused; then ``before`` goes on deciding.
        """
        index = read_index(ready)
        check_floors(index, state)
        engine = self._engine(ready, index, before, samples)
        active = Active(engine, to_ns(valid_until(index)))
        if active.valid_until_ns <= self._clock_us() * 1_000:
            refuse(Cause.EXPIRED, "it expired while it was made ready; publish a newer revision")
        # Made before anything is committed: what cannot be recorded may not decide.
        payload = self._payload(engine, index)
        self._keep_files(ready, index, engine, is_hurried=before is None)
        try:
            after = State(
                raised_by(state.floors, index.parts),
                self._releases.keep(ready),
                max(state.trust_store_version, index.trust_store_version),
            )
            self._releases.commit(after)
        except OSError as error:
            refuse(
                Cause.NOT_LOADED,
                f"`{self._releases.path}` does not take it: {error.strerror}; see to its disk",
            )
        self._record(payload)
        swap(active)
        self._releases.tidy(after)
        return Installed(active, index.parts, index), after

    def _engine(
        self, ready: Path, index: Index, before: Installed | None, samples: Iterable[Request]
    ) -> Engine:
        """The engine of a release; the one that decides, if nothing but its validity changes."""
        if before is not None and _decides_alike(before.index, index):
            return before.active.engine
        engine = before.active.engine if before else None
        work = self._loading(ready, index, engine, samples)
        return unhurried(work) if before else finished(work)

    def _loading(
        self, ready: Path, index: Index, before: Engine | None, samples: Iterable[Request]
    ) -> Sliced[Engine]:
        release = yield from reading_release(ready, index)
        signed = signed_as(release)
        try:
            loaded = yield from loading(
                release.files, compact=release.program, signed=signed, before=before
            )
        except PolicyError as error:
            refuse(Cause.NOT_LOADED, str(error))
        engine = Engine(release.files, clock=self._clock_us, loaded=loaded)
        if engine.bundle.digest != index.content:
            refuse(Cause.STATE_CORRUPT, f"`{ready}` does not hold what was proven")
        for request in samples:
            yield
            try:
                engine.decide(request)
            except PdpError:
                continue  # the new policies do not know such a request
        return engine

    def _keep_files(self, ready: Path, index: Index, engine: Engine, *, is_hurried: bool) -> None:
        """Make durable beside the log what the record will name, so that it can be replayed."""
        work = reading_files(ready, index)
        files = finished(work) if is_hurried else unhurried(work)
        if file_hashes(files) != engine.files:
            refuse(Cause.STATE_CORRUPT, f"`{ready}` does not hold what was proven")
        try:
            self._log.keep(files.values())
        except LogError:
            refuse(Cause.NOT_LOADED, _UNWRITABLE)

    def _payload(self, engine: Engine, index: Index) -> bytes:
        return record.bundle_activation_record(
            time_unix_ns=self._clock_us() * 1_000,
            bundle=engine.bundle,
            files=engine.files,
            engine_version=self._engine_version,
            parts=[part_to_proto(part) for part in index.parts],
            source=index.source,
            trust_store_version=index.trust_store_version,
            is_shadow=self._is_shadow,
        )

    def _record(self, payload: bytes) -> None:
        try:
            self._log.append(Kind.BUNDLE_ACTIVATION, payload)
        except LogError:
            refuse(Cause.NOT_LOADED, _UNWRITABLE)


def valid_until(index: Index) -> datetime.datetime:
    """The earliest moment from which a part may not decide. Raises BundleRefused without parts."""
    if not index.parts:
        refuse(Cause.STATE_CORRUPT, "the release holds nothing that is signed")
    return min(part.valid_until for part in index.parts)


def check_floors(index: Index, state: State) -> None:
    """Raise BundleRefused (rollback) for what is older than something that was active meanwhile."""
    if index.trust_store_version < state.trust_store_version:
        refuse(Cause.ROLLBACK, "the trust store is older than one that was in force before")
    for part in index.parts:
        floor = state.floors.get(part.name, Floor(0, None))
        if part.revision < floor.revision:
            refuse(
                Cause.ROLLBACK,
                f"revision {part.revision} of `{part.name}` is older than {floor.revision},"
                " which was active before",
            )
        if part.revision == floor.revision and floor.digest not in (None, part.digest):
            refuse(
                Cause.SAME_REVISION_OTHER_DIGEST,
                f"another `{part.name}` was active as revision {part.revision}: somebody signed"
                " both",
            )


def unhurried(work: Sliced[ResultT]) -> ResultT:
    """The result of work whose slices leave room for others in between."""
    with _quick_turns():
        while True:
            started_s = time.perf_counter()
            try:
                next(work)
            except StopIteration as end:
                result: ResultT = end.value
                return result
            taken_s = time.perf_counter() - started_s
            time.sleep(min(max(taken_s, _PAUSE_MIN_S), _PAUSE_MAX_S))


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Threads that wait for the interpreter get it sooner than usual: after half a millisecond."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)


def to_ns(moment: datetime.datetime) -> int:
    """An aware time as nanoseconds since 1970."""
    return (moment - _EPOCH) // _US * 1_000


def part_to_proto(part: Part) -> log_pb2.SignedPart:
    """What was signed, as records and status show it."""
    return log_pb2.SignedPart(
        kind=part.kind,
        name=part.name,
        revision=part.revision,
        digest=part.digest,
        signers=part.signers,
        expires_unix_ns=to_ns(part.expires),
        fresh_until_unix_ns=0 if part.fresh_until is None else to_ns(part.fresh_until),
    )


def _decides_alike(before: Index, after: Index) -> bool:
    """Whether the same engine, under the same name and revision, serves for both."""
    return (before.content, before.parts[:1] and before.parts[0].digest) == (
        after.content,
        after.parts[:1] and after.parts[0].digest,
    )
