"""What must never happen at the service, checked by name, and broken builds that are caught."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.decisionlog.appender import unavailable
from pdp.decisionlog.errors import LogError, Trouble
from pdp.engine import Engine
from pdp.model import ReceiptPointer
from pdp.service import grpcio
from pdp.service.activating.active import Active
from pdp.service.addresses import Address, TcpAddress, UnixAddress
from pdp.service.handlers import Handlers
from pdp.service.sockets import DoorError
from pdp.service.status import Refused, Status
from tests.service import questions as ask
from tests.service import served
from tests.service.desk import PEER, Desk, Stub, broken
from tests.service.wrongs import REFUSED

UNLOGGED: Final = "answered but not logged"
SPOKEN: Final = "exception text in the answer"
SHARED: Final = "shared port"
STOLEN: Final = "stolen socket"
UNKNOWN: Final = "unknown field accepted"


@pytest.fixture
def directory() -> Iterator[Path]:
    with served.room() as path:
        yield path


def findings(desk: Desk, engine: Engine, directory: Path) -> set[str]:
    """Everything that must not happen and does."""
    found = set()
    if answers_without_a_log(desk):
        found.add(UNLOGGED)
    if says_what_broke(desk, engine):
        found.add(SPOKEN)
    if two_may_bind(TcpAddress("127.0.0.1", 0)):
        found.add(SHARED)
    if two_may_bind(UnixAddress(directory / "pdp.sock")):
        found.add(STOLEN)
    if any(answers(desk, data) for name, (data, _, _) in REFUSED.items() if "unknown fi" in name):
        found.add(UNKNOWN)
    return found


def answers(desk: Desk, data: bytes) -> bool:
    with suppress(Refused):
        return bool(desk.handlers.decide(data, PEER))
    return False


def answers_without_a_log(desk: Desk) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.writer, "append_many", broken(unavailable(Trouble.NO_SPACE)))
        return answers(desk, ask.data(ask.ALLOW))


def says_what_broke(desk: Desk, engine: Engine) -> bool:
    stub = Stub(engine)
    stub.bind = broken(ValueError("sesame 4711"))  # type: ignore[method-assign]
    desk.handlers.active = Active(stub)  # type: ignore[arg-type]
    refused = desk.refused(lambda: desk.handlers.decide(ask.data(ask.ALLOW), PEER))
    desk.handlers.active = Active(engine)
    return "4711" in str(refused)


def two_may_bind(address: Address) -> bool:
    first = grpcio.GrpcDoor((address,), 1, 1)
    try:
        second = grpcio.GrpcDoor(first.addresses, 1, 1)
    except DoorError:
        return False
    finally:
        first.close()
    second.close()
    return True


# ---------------------------------------------------------------- the broken builds


def swallowed(self: Handlers, records: Any) -> list[ReceiptPointer]:
    with suppress(LogError):
        return self._log.append_many(records)
    return [ReceiptPointer("", 0, "")] * len(records)


class NoClaim:
    """Claims nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def release(self) -> None:
        self.path.unlink(missing_ok=True)


def break_log(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Handlers, "_write", swallowed)


def break_text(patch: pytest.MonkeyPatch) -> None:
    def internal() -> Refused:
        return Refused(Status.INTERNAL, "internal", "ValueError: sesame 4711")

    patch.setattr("pdp.service.handlers.status.internal", internal)


def break_port(patch: pytest.MonkeyPatch) -> None:
    options = grpcio._OPTIONS  # noqa: SLF001 - the seam
    shared = [option for option in options if option[0] != "grpc.so_reuseport"]
    patch.setattr(grpcio, "_OPTIONS", shared)


def break_claim(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(grpcio, "SocketClaim", NoClaim)


def break_fields(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("pdp.protoform._refuse_unknown", lambda _: None)


def test_the_real_build_has_no_findings(desk: Desk, engine: Engine, directory: Path) -> None:
    assert findings(desk, engine, directory) == set()


@pytest.mark.parametrize(
    ("sabotage", "name"),
    [
        (break_log, UNLOGGED),
        (break_text, SPOKEN),
        (break_port, SHARED),
        (break_claim, STOLEN),
        (break_fields, UNKNOWN),
    ],
)
def test_each_broken_build_is_caught(  # noqa: PLR0917
    desk: Desk,
    engine: Engine,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    sabotage: Any,
    name: str,
) -> None:
    sabotage(monkeypatch)
    assert findings(desk, engine, directory) == {name}
