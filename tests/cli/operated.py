"""An operator's door in this process, for commands to reach over its socket. Checks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pdp.engine import Engine
from pdp.service.addresses import UnixAddress
from pdp.service.operating.admin import Activate, AdminHandlers, Desk, no_activation
from pdp.service.operating.door import AdminDoor
from tests.cli.world import Done, World
from tests.service import served
from tests.service.office import Office


@dataclass(frozen=True, slots=True)
class Operated:
    """The door's address, and what stands behind it."""

    admin: str
    office: Office
    world: World

    def pdp(self, *arguments: str) -> Done:
        """A command that finds the door by its environment."""
        return self.world.pdp(*arguments, PDP_ADMIN=self.admin, NO_COLOR="1")


@contextmanager
def operated(world: World, activate: Activate = no_activation) -> Iterator[Operated]:
    """A door on an office of the shop's policies."""
    engine = Engine.from_directory(served.POLICIES, unsafe_accept_unsigned=True)
    with served.room() as directory:
        office = Office(engine, directory)
        office.board.activated(engine.bundle, office.clock())
        desk = Desk(office.stops, office.board, lambda: engine.checked.schema, str, activate)
        address = UnixAddress(directory / "admin.sock")
        door = AdminDoor(address)
        try:
            door.open(AdminHandlers(desk, office.log, office.around))
            yield Operated(str(address), office, world)
        finally:
            door.close()
            office.close()
