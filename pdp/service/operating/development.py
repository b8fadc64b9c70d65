"""Policies from a directory, unsigned, for development: read at the start and whenever they change.

What does not check is not taken; what decided before goes on deciding.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pdp.bundles.refusal import Cause
from pdp.bundles.sources.directory import read_policy_directory
from pdp.bundles.sources.watching import watch_of_directory
from pdp.decisionlog import record
from pdp.decisionlog.errors import LogError
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.engine import Engine
from pdp.lang.diagnostics import Diagnostic
from pdp.model import BundleError, PolicyError
from pdp.service.activating.active import Active
from pdp.service.activating.clock import SteadyClock
from pdp.service.activating.watching import NOBODY_WATCHES, Watching
from pdp.service.handlers import Handlers
from pdp.service.metrics import Metrics
from pdp.service.operating.admin import Activate, no_activation
from pdp.service.operating.board import StatusBoard

_LOG: Final = logging.getLogger("pdp.service")
_WAIT_S: Final = 1.0


class DirectorySupply:
    """One directory's policies, for as long as a server runs."""

    watching: Watching = NOBODY_WATCHES
    activate: Activate = staticmethod(no_activation)

    def __init__(self, directory: Path, clock: SteadyClock, engine_version: str) -> None:
        """Read and check the policies. Raises BundleError, PolicyError."""
        self._directory: Final = directory
        self._clock: Final = clock
        self._engine_version: Final = engine_version
        self._watch: Final = watch_of_directory(directory)
        self._engine, self._files = self._read()
        self._ending: Final = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, handlers: Handlers, log: Writer, board: StatusBoard, metrics: Metrics) -> None:
        """Let the policies decide, once that is recorded. Raises LogError."""
        self._log, self._board = log, board
        self._handlers, self._metrics = handlers, metrics
        self._decide_by(self._engine, self._files)

    def start(self) -> None:
        """Look for changes from now on, in a thread."""
        self._thread = threading.Thread(target=self._run, name="pdp-policies", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def _read(self) -> tuple[Engine, Mapping[str, bytes]]:
        files = read_policy_directory(self._directory)
        return Engine(files, clock=self._clock.now_us), files

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                if self._watch.wait(_WAIT_S):
                    self._reload()
            except Exception as bug:  # noqa: BLE001 - what decides goes on deciding
                _LOG.error("internal error in reading policies anew: %s", type(bug).__name__)
                self._ending.wait(_WAIT_S)

    def _reload(self) -> None:
        try:
            engine, files = self._read()
            if engine.files != self._engine.files:
                self._decide_by(engine, files)
                _LOG.warning("the policies changed: %s decides now", engine.bundle.digest[:12])
        except PolicyError as error:
            found = [item for item in error.diagnostics if isinstance(item, Diagnostic)]
            first = next((item for item in found if item.is_error), None)
            place = f"{first.span.file}:{first.span.line}: {first.message}" if first else str(error)
            self._refused(Cause.POLICIES_WITH_ERRORS, f"{place}; `pdp check` shows all")
        except BundleError as error:
            self._refused(Cause.SOURCE_FAILED, str(error))
        except LogError:
            self._refused(Cause.NOT_LOADED, "the decision log cannot be written: see to its disk")

    def _decide_by(self, engine: Engine, files: Mapping[str, bytes]) -> None:
        self._log.keep(files.values())
        payload = record.bundle_activation_record(
            time_unix_ns=self._clock.now_ns(),
            bundle=engine.bundle,
            files=engine.files,
            engine_version=self._engine_version,
            source=str(self._directory),
        )
        self._log.append(Kind.BUNDLE_ACTIVATION, payload)
        self._engine = engine
        self._handlers.active = Active(engine)
        self._board.activated(engine.bundle, self._clock.now_ns())
        self._metrics.bundle_active(engine.bundle)

    def _refused(self, cause: Cause, message: str) -> None:
        _LOG.warning("the policies changed, and are not taken: %s", message)
        now_ns = self._clock.now_ns()
        self._board.refused(now_ns, str(self._directory), cause.value, message)
        payload = record.bundle_refusal_record(
            time_unix_ns=now_ns,
            source=str(self._directory),
            cause=cause.value,
            message=message,
            sha256="",
            engine_version=self._engine_version,
        )
        try:
            self._log.append(Kind.BUNDLE_REFUSAL, payload)
        except LogError:
            _LOG.error("the refusal is not recorded: the decision log cannot be written")
