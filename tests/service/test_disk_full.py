"""The log's disk fills up under a real server, and has space again: no answer, then answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import grpc
import pytest
from grpc_health.v1 import (  # type: ignore[import-untyped]
    health_pb2,
    health_pb2_grpc,
)

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.decisionlog.record import Kind
from tests.service import questions as ask
from tests.service import served
from tests.service.served import Served

UNTIL_S: Final = 20.0
# Small segments, so that a few hundred answers fill one.
SMALL: Final = """
from functools import partial
import pdp.service.server as server
server.Setup = partial(server.Setup, segment_bytes=64 << 10)
"""


@pytest.fixture
def disk() -> Iterator[Path]:
    """A file system of 512 KiB."""
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("elsewhere: needs root to mount a small file system")
    with served.room() as directory:
        path = directory / "disk"
        path.mkdir()
        command = [mount, "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(path)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("elsewhere: this machine does not let root mount a file system")
        try:
            yield path
        finally:
            subprocess.run(["umount", "--lazy", str(path)], check=True)  # noqa: S607


def fill(path: Path) -> None:
    """Take all the space there is."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + UNTIL_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def health(server: Served) -> int:
    stub = health_pb2_grpc.HealthStub(server.channels[0])
    return int(stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status)


def unavailable_metric(server: Served) -> bool:
    with urllib.request.urlopen(server.metrics, timeout=10) as response:  # noqa: S310 - our own
        return b"pdp_audit_unavailable 1.0" in response.read()


def test_no_space_no_answer_and_then_answers_again(disk: Path) -> None:
    log_dir = disk / "log"
    log_dir.mkdir()
    (disk.parent / "log").symlink_to(log_dir)
    with served.serving(disk.parent, patch=SMALL) as server:
        answered: list[str] = []
        unavailable: set[str | None] = set()

        def asked(data: bytes = ask.data(ask.ALLOW)) -> bool:
            """Whether there was an answer, or a refusal that is recorded."""
            try:
                answer = server.call("Decide", data)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNAVAILABLE:
                    unavailable.add(error.details())
                return error.code() is grpc.StatusCode.INVALID_ARGUMENT
            answered.append(pb.DecideResponse.FromString(answer).decision_id)
            return True

        assert asked()
        fill(disk / "filler")
        # Smaller records may still fit where larger ones do not.
        for data in (ask.data(ask.ALLOW), ask.data(ask.RULE), ask.data(ask.REFUSED), b"", b"\xff"):
            for _ in range(5_000):
                if not asked(data):
                    break
            assert unavailable == {"unavailable"}
            unavailable.clear()
        not_serving = health_pb2.HealthCheckResponse.NOT_SERVING
        assert eventually(lambda: not asked() and health(server) == not_serving)
        assert eventually(lambda: not asked() and unavailable_metric(server))
        before = len(answered)

        (disk / "filler").unlink()
        assert eventually(asked)
        assert eventually(lambda: health(server) == health_pb2.HealthCheckResponse.SERVING)
        assert not unavailable_metric(server)
        assert asked()
        assert server.stop() == 0

        logged = [
            item.decision_id
            for item in server.messages(Kind.DECISION)
            if isinstance(item, log_pb2.DecisionRecord)
        ]
        assert before > 10
        assert answered == logged
        counts = [
            (count.status, count.count)
            for item in server.messages(Kind.SHED_SUMMARY)
            if isinstance(item, log_pb2.ShedSummaryRecord)
            for count in item.counts
        ]
        assert sum(count for status, count in counts if status == "UNAVAILABLE") >= 5
