"""Keeps what decides up to date: looks at the sources, takes what operators push, swaps engines.

All that may take long or may hang happens in child processes and in a thread of its own. Whatever
goes wrong, what decides goes on deciding, and it is said what went wrong.
"""

from __future__ import annotations

import datetime
import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec

from pdp._proto import admin_pb2 as pb
from pdp.activation.child import Child
from pdp.activation.errand import Outcome, Setup, Task
from pdp.activation.preparing import Offer
from pdp.activation.spool import write_offer
from pdp.activation.state import READY, ReleaseStore, State
from pdp.bundles.refusal import BundleRefused, Cause, refuse
from pdp.bundles.verification import Floor
from pdp.decisionlog import record
from pdp.decisionlog.errors import LogError
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.protoform import bundle_to_proto
from pdp.service.activating.active import Active
from pdp.service.activating.installing import Installed, Installer
from pdp.service.activating.samples import Samples

_LOG: Final = logging.getLogger("pdp.service")
# Refusals are recorded once an hour each, and so many of them at most.
_HOUR_NS: Final = 3_600_000_000_000
_REPORTS_MAX: Final = 60
# After an outcome that was not expected, so that nothing spins.
_TROUBLE_PAUSE_S: Final = 1.0


class Clock(Protocol):
    """The server's time."""

    def now_ns(self) -> int: ...
    def now_us(self) -> int: ...


class Board(Protocol):
    """Where it is put what happened, for operators."""

    def refused(self, time_unix_ns: int, source: str, cause: str, message: str) -> None: ...
    def source_read(self, source: str, use: str, time_unix_ns: int) -> None: ...
    def source_failed(self, source: str, use: str, trouble: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an activator works with.

    ``swap`` makes an engine decide from the next call on, or try it where ``is_shadow``;
    ``activated`` is told once it does.
    """

    log: Writer
    board: Board
    clock: Clock
    samples: Samples
    swap: Callable[[Active], None]
    activated: Callable[[Installed], None]
    is_shadow: bool = False


class Activator:
    """One server's bundles: ``begin``, unless that may wait, then ``start``, at last ``close``."""

    def __init__(self, setup: Setup, poll_s: float, before: State, around: Surroundings) -> None:
        """``before`` is what is known beside the state directory. Raises BundleRefused."""
        self._setup: Final = setup
        self._poll_s: Final = poll_s
        self._around: Final = around
        self._releases: Final = ReleaseStore(Path(setup.state_dir))
        self._state = joined(self._releases.read() or State(), before)
        self._releases.tidy(self._state, at_start=True)
        self._installer: Final = Installer(
            self._releases,
            around.log,
            around.clock.now_us,
            setup.engine_version,
            is_shadow=around.is_shadow,
        )
        self._child: Final = Child(setup)
        self._installed: Installed | None = None
        self._begun = False
        # Held while a release is installed, so that there is one at a time; never while a child
        # works, which may take long.
        self._turn: Final = threading.Lock()
        self._pushes: Final[set[Child]] = set()
        self._ending: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="pdp-activation", daemon=True)
        # Whether the child made something ready that then did not come to decide.
        self._is_untaken = False
        self._reports: Final = _Reports()

    # ---------------------------------------------------------------- life

    def begin(self) -> None:
        """Make something decide, if anything can: what the sources hold, or else the last good."""
        self._begun = True
        self._done(self._child, self._task("look"))
        if self._installed is None and self._state.good is not None:
            self._done(self._child, self._task("again", offered=self._state.good))

    def start(self) -> None:
        """Look at the sources from now on, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and the children, whatever they are doing."""
        self._ending.set()
        for child in (self._child, *self._pushes):
            child.close()
        if self._thread.is_alive():
            self._thread.join()
        self._child.close()

    def activate(self, request: pb.ActivateRequest) -> pb.ActivateResponse:
        """Take what an operator pushes, or look at the sources now. Never raises for a refusal."""
        child = Child(self._setup)
        self._pushes.add(child)
        try:
            if request.bundle:
                task = self._task("take", offered=self._offered(request))
            else:
                task = self._task("look")
            refused = self._done(child, task)
        finally:
            self._pushes.discard(child)
            child.close()
        installed = self._installed
        answer = pb.ActivateResponse(is_activated=refused is None and not self._ending.is_set())
        if installed is not None:
            answer.bundle.CopyFrom(bundle_to_proto(installed.active.engine.bundle))
        if refused is not None:
            answer.refused.CopyFrom(refused)
        return answer

    # ---------------------------------------------------------------- the thread

    def _run(self) -> None:
        timeout_s = self._poll_s if self._begun else 0.0
        while not self._ending.is_set():
            try:
                waited = self._child.do(self._task("wait", timeout_s=timeout_s))
                timeout_s = self._poll_s
                if self._ending.is_set():
                    return
                self._done(self._child, self._task("look"))
                if waited.kind == "failed":
                    self._refused(waited)
                    self._ending.wait(_TROUBLE_PAUSE_S)
            except Exception as bug:  # noqa: BLE001 - what decides goes on deciding
                _LOG.error("internal error in an activation: %s", type(bug).__name__)
                self._ending.wait(_TROUBLE_PAUSE_S)

    def _done(self, child: Child, task: Task) -> pb.RefusedBundle | None:
        """Do a task and install what it made ready; what was refused, or None."""
        outcome = child.do(task)
        self._tell_reads(outcome)
        if outcome.kind == "ready":
            self._is_untaken |= child is self._child
            try:
                with self._turn:
                    self._install(task.folder)
                self._is_untaken = False
            except BundleRefused as error:
                outcome = msgspec.structs.replace(
                    outcome, kind="refused", cause=error.cause.value, message=str(error)
                )
            except OSError as error:
                outcome = msgspec.structs.replace(
                    outcome,
                    kind="refused",
                    cause=Cause.NOT_LOADED.value,
                    message=f"the state directory: {error.strerror}",
                )
        for name in (task.folder, task.offered):
            self._releases.drop(name)
        if outcome.kind in ("ready", "unchanged") or self._ending.is_set():
            return None
        return self._refused(outcome)

    def _install(self, folder: str) -> None:
        try:
            installed, self._state = self._installer.install(
                self._releases.path / folder,
                self._state,
                self._installed,
                self._around.samples.take(),
                self._around.swap,
            )
        except BaseException:
            # Perhaps it was committed all the same: no floor may sink below what the disk says.
            self._state = joined(self._releases.read() or State(), self._state)
            raise
        self._installed = installed
        self._around.activated(installed)
        bundle = installed.active.engine.bundle
        _LOG.info("activated %s revision %d %s", bundle.name, bundle.revision, bundle.digest[:12])

    # ---------------------------------------------------------------- small parts

    def _task(self, kind: str, *, offered: str = "", timeout_s: float = 0.0) -> Task:
        now_us = self._around.clock.now_us()
        return Task(
            kind,  # type: ignore[arg-type]
            datetime.datetime.fromtimestamp(now_us / 1_000_000, datetime.UTC),
            dict(self._state.floors),
            self._state.trust_store_version,
            f"{READY}-{uuid.uuid4().hex}",
            # A look may find the very release that was proven for the last good one.
            offered or self._state.good or "",
            timeout_s,
            self._is_untaken,
        )

    def _offered(self, request: pb.ActivateRequest) -> str:
        """The bytes of a call, in a folder for the child."""
        folder = self._releases.new_folder(f"{READY}-{uuid.uuid4().hex}")
        write_offer(folder, Offer(request.bundle, request.freshness or None))
        return folder.name

    def _tell_reads(self, outcome: Outcome) -> None:
        board, now_ns = self._around.board, self._around.clock.now_ns()
        for read in outcome.reads:
            if read.trouble:
                board.source_failed(read.source, read.use, read.trouble)
            else:
                board.source_read(read.source, read.use, now_ns)

    def _refused(self, outcome: Outcome) -> pb.RefusedBundle:
        """Say that something was not accepted: in the status, the log, and the record."""
        now_ns = self._around.clock.now_ns()
        source = f"{outcome.source} (on trial)" if self._around.is_shadow else outcome.source
        self._around.board.refused(now_ns, source, outcome.cause, outcome.message)
        if self._reports.is_news((outcome.cause, outcome.message, outcome.sha256), now_ns):
            _LOG.warning("no new bundle: %s: %s", outcome.cause, outcome.message)
            payload = record.bundle_refusal_record(
                time_unix_ns=now_ns,
                source=source,
                cause=outcome.cause,
                message=outcome.message,
                sha256=outcome.sha256,
                engine_version=self._setup.engine_version,
            )
            try:
                self._around.log.append(Kind.BUNDLE_REFUSAL, payload)
            except LogError:
                self._reports.forget()
        return pb.RefusedBundle(
            time_unix_ns=now_ns, source=source, cause=outcome.cause, message=outcome.message
        )


class _Reports:
    """Which refusals are worth a record: a source may offer something new at every look."""

    def __init__(self) -> None:
        self._last: tuple[str, ...] = ()
        self._hour = 0
        self._count = 0

    def is_news(self, what: tuple[str, ...], now_ns: int) -> bool:
        """Whether it is another than the last one, or another hour, and not one of too many."""
        hour = now_ns // _HOUR_NS
        if hour != self._hour:
            self._hour, self._count, self._last = hour, 0, ()
        if what == self._last or self._count >= _REPORTS_MAX:
            return False
        self._last, self._count = what, self._count + 1
        return True

    def forget(self) -> None:
        """The last one could not be recorded."""
        self._last = ()


def joined(state: State, other: State) -> State:
    """What ``state`` says, with the higher floors of either.

    Raises BundleRefused where two say that different bundles were the same revision.
    """
    floors = dict(state.floors)
    for name, floor in other.floors.items():
        known = floors.get(name)
        if known is None or known.revision < floor.revision or known.digest is None:
            floors[name] = floor if known is None else max(known, floor, key=_height)
        elif known.revision == floor.revision and floor.digest not in (None, known.digest):
            refuse(
                Cause.SAME_REVISION_OTHER_DIGEST,
                f"state directory and decision log disagree on revision {floor.revision} of"
                f" `{name}`: one of them was changed",
            )
    version = max(state.trust_store_version, other.trust_store_version)
    return State(floors, state.good, version)


def _height(floor: Floor) -> tuple[int, bool]:
    return floor.revision, floor.digest is not None
