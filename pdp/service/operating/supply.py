"""Signed bundles for a server: what decides, and what is on trial beside it. Composition only."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final, Protocol

from pdp.activation.errand import Places, Setup
from pdp.activation.state import State
from pdp.bundles.refusal import BundleRefused
from pdp.bundles.sources.fetching import Options
from pdp.bundles.verification import Floor
from pdp.decisionlog.writer import Writer
from pdp.service.activating.activator import Activator, Surroundings, joined
from pdp.service.activating.active import Active
from pdp.service.activating.clock import SteadyClock
from pdp.service.activating.history import state_in
from pdp.service.activating.installing import Installed, part_to_proto
from pdp.service.activating.samples import Samples
from pdp.service.activating.trial import Counts, Trial
from pdp.service.activating.watching import Watchers, Watching
from pdp.service.config import Settings
from pdp.service.handlers import Handlers
from pdp.service.metrics import Metrics
from pdp.service.operating.admin import Activate
from pdp.service.operating.board import ShadowState, StatusBoard

_LOG: Final = logging.getLogger("pdp.service")
_SHADOW_STATE: Final = "shadow"


class Supply(Protocol):
    """Where a server's policies come from; used in the order of these methods."""

    @property
    def watching(self) -> Watching: ...
    @property
    def activate(self) -> Activate: ...
    def begin(
        self, handlers: Handlers, log: Writer, board: StatusBoard, metrics: Metrics
    ) -> None: ...
    def start(self) -> None: ...
    def close(self) -> None: ...


class BundleSupply:
    """A signed bundle or set, perhaps with a directory bundle, perhaps with one on trial."""

    def __init__(
        self, settings: Settings, clock: SteadyClock, engine_version: str, tzdata_version: str
    ) -> None:
        self._settings: Final = settings
        self._clock: Final = clock
        self._engine_version: Final = engine_version
        self._tzdata_version: Final = tzdata_version
        self._samples: Final = Samples()
        self.watching: Final = Watchers(self._samples)
        self._trial: Trial | None = None
        self._activators: list[Activator] = []

    @property
    def activate(self) -> Activate:
        """What an operator's call does."""
        return self._activators[0].activate

    def begin(self, handlers: Handlers, log: Writer, board: StatusBoard, metrics: Metrics) -> None:
        """Let something decide if anything can. Raises BundleRefused for a damaged state."""
        settings = self._settings
        if settings.bundle is None or settings.state_dir is None:
            raise AssertionError("settings that were not checked")

        def swap(active: Active) -> None:
            handlers.active = active

        def activated(installed: Installed) -> None:
            engine = installed.active.engine
            board.activated(
                engine.bundle,
                self._clock.now_ns(),
                [part_to_proto(part) for part in installed.parts],
                installed.active.valid_until_ns,
            )
            metrics.bundle_active(engine.bundle)

        around = Surroundings(log, board, self._clock, self._samples, swap, activated)
        self._add(settings.bundle, settings.state_dir, self._before(), around)
        if settings.shadow is not None:
            self._begin_trial(settings.shadow, settings.state_dir, log, board)
        # What is on trial comes when it comes: nobody waits for it.
        self._activators[0].begin()

    def start(self) -> None:
        """Look at the sources from now on."""
        for activator in self._activators:
            activator.start()

    def close(self) -> None:
        """End threads and children."""
        for activator in self._activators:
            activator.close()
        if self._trial is not None:
            self._trial.close()

    def _begin_trial(self, uri: str, state_dir: Path, log: Writer, board: StatusBoard) -> None:
        def tell(counts: Counts) -> None:
            board.shadowed(ShadowState(*counts))

        trial = Trial(log, tell, self._clock.now_ns, self._engine_version)
        self._trial = self.watching.trial = trial

        def swap(active: Active) -> None:
            trial.put(active.engine)

        around = Surroundings(log, board, self._clock, Samples(), swap, _nothing, is_shadow=True)
        try:
            self._add(uri, state_dir / _SHADOW_STATE, State(), around)
        except BundleRefused as error:
            # What is only tried must not keep anything from being decided.
            _LOG.error("nothing is on trial: %s", error)

    def _add(self, uri: str, state_dir: Path, before: State, around: Surroundings) -> None:
        setup = self._setup(uri, state_dir)
        self._activators.append(Activator(setup, self._settings.poll_s, before, around))

    def _before(self) -> State:
        """What was active by the log, and what the settings demand."""
        settings = self._settings
        demanded = {settings.bundle_name or "": Floor(settings.minimum_revision, None)}
        return joined(state_in(settings.log_dir), State(demanded))

    def _setup(self, uri: str, state_dir: Path) -> Setup:
        settings = self._settings
        if settings.bundle_name is None or settings.trust_store is None:
            raise AssertionError("settings that were not checked")
        return Setup(
            places=Places(
                uri, settings.freshness, settings.directory, settings.directory_freshness
            ),
            name=settings.bundle_name,
            directory_name=settings.directory_name,
            trust_store=str(settings.trust_store),
            state_dir=str(state_dir),
            require_freshness=settings.require_freshness,
            engine_version=self._engine_version,
            tzdata_version=self._tzdata_version,
            self_test_cases=settings.self_test_cases,
            fetch_timeout_s=float(settings.fetch_timeout_s),
            options=Options(
                _text(settings.source_ca_file),
                _text(settings.source_certificate),
                _text(settings.source_key),
                _text(settings.source_token_file),
            ),
        )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _nothing(_: Installed) -> None:
    """The board is told of a trial by its counts."""
