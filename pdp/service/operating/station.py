"""The operator's part of one server: what it opens, and its orderly end. Decides nothing."""

from __future__ import annotations

import platform
from typing import Final

from pdp.decisionlog.writer import Writer
from pdp.lang.types import Schema
from pdp.service.config import Settings
from pdp.service.handlers import Handlers, Surroundings
from pdp.service.operating.admin import Activate, AdminHandlers, Desk, no_activation
from pdp.service.operating.board import StatusBoard
from pdp.service.operating.door import AdminDoor
from pdp.service.stopping.statedir import StateDirectory
from pdp.service.stopping.stops import Stops

_LOG_TROUBLE: Final = "the decision log cannot be written, so nothing is answered; see to its disk"


class Station:
    """Door, status board and stop orders; made before anything is served."""

    def __init__(self, settings: Settings, engine_version: str) -> None:
        """Take the state directory and the socket. Raises StateUnusable, DoorError."""
        node = settings.node or platform.node()
        self.board = StatusBoard(node, engine_version, settings.unsafe)
        self._settings = settings
        self._directory = None if settings.state_dir is None else StateDirectory(settings.state_dir)
        try:
            self._door = None if settings.admin is None else AdminDoor(settings.admin)
        except BaseException:
            self._let_go()
            raise

    @property
    def line(self) -> str:
        """What is said of it in the line of a server that is ready."""
        return "" if self._door is None else f" admin {self._door.address}"

    def stops(self, log: Writer, around: Surroundings) -> Stops:
        """The stop orders, those of the runs before in force; also where nobody could give any.

        Raises StateCorrupt, StateUnusable, LogError.
        """
        stops = Stops(log, self._directory, around.clock_ns, around.entropy, around.engine_version)
        stops.restore(self._settings.log_dir)
        return stops

    def open(
        self,
        handlers: Handlers,
        stops: Stops,
        log: Writer,
        around: Surroundings,
        activate: Activate = no_activation,
    ) -> None:
        """Answer the operator from now on."""
        if self._door is None:
            return

        def trouble() -> str:
            return "" if handlers.available else _LOG_TROUBLE

        def schema() -> Schema | None:
            active = handlers.active
            return None if active is None else active.engine.checked.schema

        desk = Desk(stops, self.board, schema, trouble, activate)
        self._door.open(AdminHandlers(desk, log, around))

    @property
    def busy(self) -> bool:
        """Whether threads still work on calls, be it on some that were cut off."""
        return self._door is not None and self._door.busy

    def drain(self, grace_s: float) -> None:
        """Take no new calls, give those in flight ``grace_s``."""
        if self._door is not None:
            self._door.drain(grace_s)

    def close(self) -> None:
        """Let go of socket and directory, at once."""
        if self._door is not None:
            self._door.close()
        self._let_go()

    def _let_go(self) -> None:
        if self._directory is not None:
            self._directory.close()
