"""Starts that must fail, by name and before anything is served, and what a start may clear away."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.decisionlog.record import Kind
from pdp.service.addresses import TcpAddress, UnixAddress
from pdp.service.grpcio import GrpcDoor
from pdp.service.sockets import DoorError, SocketClaim
from tests.service import questions as ask
from tests.service import served

GIVEN: Final = (
    "serve", *served.UNSAFE, "--policies", str(served.POLICIES), "--grpc", "unix:pdp.sock",
    "--log-dir", "log",
)  # fmt: skip


@pytest.fixture
def directory() -> Iterator[Path]:
    with served.room() as path:
        yield path


# Flags, environment, exit code, words on standard error. Each start costs a second, so the whole
# table of wrong settings is in test_config.py, and here is one of each kind.
WRONG: Final = {
    "no flag of danger": (GIVEN[:1] + GIVEN[3:], {}, 3, "nothing is signed without `bundle`"),
    "an address for all": ((*GIVEN, "--grpc", "0.0.0.0:0"), {}, 3, "this version has no TLS"),
    "a wrong variable": (GIVEN, {"PDP_THREDS": "1"}, 3, "did you mean `PDP_THREADS`?"),
    "no such file": ((*GIVEN, "--config", "no.toml"), {}, 3, "config: cannot read `"),
    "no such folder": ((*GIVEN, "--grpc", "unix:no/pdp.sock"), {}, 1, "is not a directory"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_start_is_named(directory: Path, name: str) -> None:
    arguments, environ, code, words = WRONG[name]
    run = served.run(*arguments, cwd=directory, **environ)
    assert words in run.stderr
    assert (run.returncode, run.stdout) == (code, "")
    assert "Traceback" not in run.stderr
    assert not (directory / "log").exists()
    assert not (directory / "pdp.sock").exists()


def test_policies_with_mistakes_are_shown(directory: Path) -> None:
    (directory / "p").mkdir()
    text = (served.POLICIES / "shop.charter").read_text().replace("pay.refund on", "pay.refnd on")
    (directory / "p" / "shop.charter").write_text(text)
    run = served.run(*GIVEN, "--policies", "p", cwd=directory)
    assert run.returncode == 3
    assert "C02" in run.stderr
    assert "pay.refnd" in run.stderr
    assert not (directory / "log").exists()


def test_what_a_killed_server_left_is_cleared_away(directory: Path) -> None:
    with served.serving(directory) as first:
        first.call("Decide", ask.data(ask.ALLOW))
        assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    assert (directory / "pdp.sock").is_socket()
    with served.serving(directory) as second:
        answer = pb.DecideResponse.FromString(second.call("Decide", ask.data(ask.ALLOW)))
        assert answer.effect == pb.EFFECT_ALLOW
        [found] = second.messages(Kind.RECOVERY)
        assert isinstance(found, log_pb2.RecoveryRecord)
        assert second.stop() == 0
        assert not (directory / "pdp.sock").exists()


def test_a_file_that_is_no_socket_is_not_removed(directory: Path) -> None:
    path = directory / "pdp.sock"
    path.write_text("mine")
    with pytest.raises(DoorError, match="exists and is not a socket"):
        GrpcDoor((UnixAddress(path),), 1, 1)
    assert path.read_text() == "mine"


def test_a_socket_of_somebody_else_is_not_removed(directory: Path) -> None:
    path = directory / "pdp.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(DoorError, match="is in use by another server"):
            GrpcDoor((UnixAddress(path),), 1, 1)
        assert path.is_socket()
        with socket.socket(socket.AF_UNIX) as friend:
            friend.connect(str(path))
            accepted, _ = other.accept()
            accepted.close()


def test_a_claim_is_held_until_it_is_released(directory: Path) -> None:
    path = directory / "pdp.sock"
    claim = SocketClaim(path)
    with pytest.raises(DoorError, match="is in use"):
        SocketClaim(path)
    claim.release()
    SocketClaim(path).release()


def test_a_door_that_cannot_open_everywhere_opens_nowhere(directory: Path) -> None:
    path = directory / "pdp.sock"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(DoorError, match="it is in use"):
            GrpcDoor((UnixAddress(path), TcpAddress("127.0.0.1", port)), 1, 1)
    assert not path.exists()
    SocketClaim(path).release()


def test_the_umask_is_put_back(directory: Path) -> None:
    before = os.umask(0o022)
    try:
        GrpcDoor((UnixAddress(directory / "pdp.sock"),), 1, 1).close()
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
