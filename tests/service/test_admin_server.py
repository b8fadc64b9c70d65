"""A real server with an operator's door: its socket, its state, its restarts. Real processes."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import grpc
import pytest

from pdp._proto import admin_pb2, log_pb2
from pdp._proto import decision_pb2 as pb
from pdp.bundles.flatfile import TOTAL_BYTES_MAX
from pdp.client.admin import AdminClient, AdminRefused, AdminUnreachable
from pdp.decisionlog.record import Kind
from pdp.model import PdpError, RequestError
from tests.service import questions as ask
from tests.service import served
from tests.service.served import Served

WHO: Final = "eva@shop.example"
AGENT: Final = log_pb2.STOP_KIND_AGENT
STOPPED: Final = (pb.EFFECT_DENY, pb.DENY_CAUSE_STOPPED)


@pytest.fixture
def directory() -> Iterator[Path]:
    with served.room() as path:
        yield path


def administered(directory: Path, patch: str = "") -> AbstractContextManager[Served]:
    return served.serving(
        directory, "--admin", f"unix:{directory}/admin.sock",
        "--state-dir", f"{directory}/state", patch=patch,
    )  # fmt: skip


def admin(server: Served) -> AdminClient:
    return AdminClient(f"unix:{server.directory}/admin.sock")


def answered(server: Served) -> tuple[int, int]:
    answer = pb.DecideResponse.FromString(server.call("Decide", ask.data(ask.ALLOW)))
    return answer.effect, answer.cause


def test_its_owner_alone_may_connect(directory: Path) -> None:
    with administered(directory) as server, admin(server) as client:
        path = directory / "admin.sock"
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE((directory / "pdp.sock").stat().st_mode) == 0o660
        assert server.line.endswith(f" admin unix:{path}")
        found = client.status()
        assert found.is_serving
        assert found.bundle.name == "test.shop"
        assert list(found.unsafe) == ["unsafe_accept_unsigned", "unsafe_any_caller"]
        # The door for questions knows no operator, and the operator's answers no questions.
        for target, method in (
            (server.unix, "/pdp.v1.AdminService/Status"),
            (server.tcp, "/pdp.v1.AdminService/Stop"),
            (f"unix:{path}", "/pdp.v1.DecisionService/Decide"),
        ):
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes]
            call = server.channel(target).unary_unary(method)
            with pytest.raises(grpc.RpcError) as error:
                call(b"", timeout=10)
            assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert server.stop() == 0
        assert not path.exists()
    assert isinstance(server.messages()[-1], log_pb2.StopRecord)


def test_a_stop_outlives_a_kill_and_the_loss_of_its_file(directory: Path) -> None:
    with administered(directory) as server, admin(server) as client:
        assert answered(server)[0] == pb.EFFECT_ALLOW
        order = client.stop(AGENT, "Agent::bot", WHO, "it loops").order
        assert answered(server) == STOPPED
        server.stop(signal.SIGKILL)
    (directory / "state" / "stops.json").unlink()
    with administered(directory) as server, admin(server) as client:
        assert "stop orders in force: 1; `pdp status` shows them" in server.stderr()
        assert answered(server) == STOPPED
        assert list(client.status().stops) == [order]
        server.stop(signal.SIGKILL)
    # Also for a server that no operator can reach.
    with served.serving(directory) as server:
        assert answered(server) == STOPPED
        assert server.stop() == 0
    with administered(directory) as server, admin(server) as client:
        client.resume(order.order_id, WHO, "it is mended")
        assert answered(server)[0] == pb.EFFECT_ALLOW
        server.stop(signal.SIGKILL)
    with administered(directory) as server:
        assert answered(server)[0] == pb.EFFECT_ALLOW
        given, *_, ended = server.messages(Kind.STOP_ORDER)
        assert isinstance(given, log_pb2.StopOrderRecord)
        assert isinstance(ended, log_pb2.StopOrderRecord)
        assert (given.order, ended.is_resumed) == (order, True)
        assert (ended.resumed_by, ended.resumed_why) == (WHO, "it is mended")


# Runs in the server's process before it starts: the state directory takes nothing until `mended`.
FULL_DISK: Final = """
import errno, os, pathlib, sys
from pdp.service.stopping import statedir
create_whole = statedir.disk.create_whole
def full(directory, name, *rest):
    if name == "stops.json" and not (directory.parent / "mended").exists():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return create_whole(directory, name, *rest)
statedir.disk.create_whole = full
"""


def test_a_stop_that_the_disk_does_not_take_denies_and_is_kept_later(directory: Path) -> None:
    with administered(directory, FULL_DISK) as server, admin(server) as client:
        with pytest.raises(AdminRefused, match="in force as `") as found:
            client.stop(AGENT, "Agent::bot", WHO, "it loops")
        assert found.value.cause == "stop_not_durable"
        assert answered(server) == STOPPED
        [order] = client.status().stops
        (directory / "mended").touch()
        client.resume(order.order_id, WHO, "it is mended")
        assert answered(server)[0] == pb.EFFECT_ALLOW


def test_what_is_too_large_is_refused_by_name(directory: Path) -> None:
    with administered(directory) as server, admin(server) as client:
        with pytest.raises(AdminRefused) as found:
            client.activate(bytes(TOTAL_BYTES_MAX))
        assert found.value.cause == "not_in_this_version"
        with pytest.raises(RequestError, match="larger than 262144 bytes"):
            client.stop(AGENT, "x" * 300_000, WHO, "why")
        kept = server.messages(Kind.REFUSAL)
        assert [item.reason for item in kept if isinstance(item, log_pb2.RefusalRecord)] == [
            "not_in_this_version",
            "request_too_large",
        ]


def test_what_cannot_be_reached_is_named(directory: Path) -> None:
    (directory / "file").touch()
    for target, words in (
        (f"unix:{directory}/gone.sock", "there is no such socket"),
        (f"unix:{directory}/file", "no server listens there"),
        (f"unix:{directory}/{'x' * 200}", "it cannot be connected to"),
        ("127.0.0.1:1", "expected `unix:PATH`"),
    ):
        with pytest.raises(PdpError) as found:
            AdminClient(target)
        assert words in str(found.value)
        assert target in str(found.value)
    with administered(directory) as server, admin(server) as client:
        assert server.stop() == 0
        with pytest.raises(AdminUnreachable, match="the call ended as unavailable"):
            client.status()


# What is in the way, flags, exit code, words on standard error.
STATE: Final = ("--admin", "unix:admin.sock", "--state-dir", "state")
WRONG: Final = {
    "no state directory": ("", STATE[:2], 3, "state_dir: must be given with `admin`"),
    "a damaged file": ("damaged", STATE, 3, "stops.json` is damaged: it is not strict JSON"),
    "a directory open to all": ("open", STATE, 1, "has mode 0755, expected 0700"),
    "a socket in use": ("socket", STATE, 1, "exists and is not a socket"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_start_is_named(directory: Path, name: str) -> None:
    obstacle, flags, code, words = WRONG[name]
    state = directory / "state"
    state.mkdir(mode=0o755 if obstacle == "open" else 0o700)
    if obstacle == "damaged":
        (state / "stops.json").write_text('{"format": 1, "orders": [')
    if obstacle == "socket":
        (directory / "admin.sock").touch()
    run = served.run(
        "serve", *served.UNSAFE, "--policies", str(served.POLICIES), "--grpc", "unix:pdp.sock",
        "--log-dir", "log", *flags, cwd=directory,
    )  # fmt: skip
    assert words in run.stderr
    assert (run.returncode, run.stdout) == (code, "")
    assert "Traceback" not in run.stderr
    assert not (directory / "pdp.sock").exists()


def test_after_a_start_that_failed_nothing_is_to_be_recovered(directory: Path) -> None:
    state = directory / "state"
    state.mkdir(mode=0o700)
    (state / "stops.json").write_text("{")
    served.run(
        "serve", *served.UNSAFE, "--policies", str(served.POLICIES), "--grpc", "unix:pdp.sock",
        "--log-dir", "log", *STATE, cwd=directory,
    )  # fmt: skip
    (state / "stops.json").unlink()
    with administered(directory) as server:
        assert server.messages(Kind.RECOVERY) == []


def test_the_door_works_while_calls_are_shed(directory: Path) -> None:
    """A stop is for the worst of times: another server, other threads."""
    with served.serving(
        directory, "--admin", f"unix:{directory}/admin.sock", "--state-dir", f"{directory}/state",
        "--threads", "1", "--max-concurrent", "1",
        patch="import time\nfrom pdp.engine import Engine\ndecide = Engine.decide\n"
        "Engine.decide = lambda *a: time.sleep(2) or decide(*a)\n",
    ) as server, admin(server) as client:  # fmt: skip
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = server.channel().unary_unary(
            "/pdp.v1.DecisionService/Decide"
        )
        waiting = call.future(ask.data(ask.ALLOW), timeout=30)
        client.stop(AGENT, "Agent::bot", WHO, "it loops")
        assert not waiting.done()
        answer = pb.DecideResponse.FromString(waiting.result())
        assert (answer.effect, answer.cause) == STOPPED


def test_messages_of_the_contract_are_known(directory: Path) -> None:
    """The generated client works as well as ours."""
    with administered(directory) as server:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = server.channel(
            f"unix:{directory}/admin.sock"
        ).unary_unary("/pdp.v1.AdminService/Status")
        found = admin_pb2.StatusResponse.FromString(call(b"", timeout=10))
        assert found.node == os.uname().nodename
