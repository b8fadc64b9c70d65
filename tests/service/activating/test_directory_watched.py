"""A server of a policy directory takes up what changes there, if it checks; it says: unsigned."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdp._proto import admin_pb2, admin_pb2_grpc
from pdp._proto import decision_pb2 as pb
from pdp.decisionlog.record import Kind
from tests.service import served
from tests.service.activating.signed import CEILING_S, decided, sources, until
from tests.service.served import Served


@pytest.fixture
def directory() -> Iterator[Path]:
    with served.room() as path:
        write(path / "policies", 1)
        yield path


def write(folder: Path, revision: int) -> None:
    folder.mkdir(exist_ok=True)
    for name, data in sources(revision).items():
        (folder / name).write_bytes(data)


def status(server: Served) -> admin_pb2.StatusResponse:
    channel = server.channel(f"unix:{server.directory}/admin.sock")
    stub = admin_pb2_grpc.AdminServiceStub(channel)
    found: admin_pb2.StatusResponse = stub.Status(admin_pb2.StatusRequest(), timeout=CEILING_S)
    return found


def test_changes_are_taken_up_and_mistakes_are_not(directory: Path):
    policies = directory / "policies"
    more = ("--admin", f"unix:{directory}/admin.sock", "--state-dir", f"{directory}/state")
    with served.serving(directory, *more, policies=policies) as server:
        server.channel()
        assert decided(server).effect == pb.EFFECT_ALLOW
        assert not decided(server).bundle.is_signed
        write(policies, 2)
        until(lambda: decided(server).bundle.version == "1.0.2", "the change")
        assert decided(server).cause == pb.DENY_CAUSE_NO_ALLOW
        (policies / "shop.charter").write_text("policy")
        until(lambda: status(server).HasField("refused"), "the refusal")
        refused = status(server).refused
        assert refused.cause == "policies_with_errors"
        assert "shop.charter:1: " in refused.message
        assert decided(server).bundle.version == "1.0.2"
        assert "unsafe_accept_unsigned" in status(server).unsafe
        write(policies, 3)
        until(lambda: decided(server).effect == pb.EFFECT_ALLOW, "the next change")
        shutil.rmtree(policies)
        until(lambda: status(server).refused.cause == "source_failed", "that it is gone")
        assert decided(server).effect == pb.EFFECT_ALLOW
        assert server.stop() == 0
    activations: Any = server.messages(Kind.BUNDLE_ACTIVATION)
    versions = [item.bundle.version for item in activations]
    assert (versions[0], versions[-1]) == ("1.0.1", "1.0.3")
    assert not any(item.parts or item.bundle.is_signed for item in activations)
    refusals: Any = server.messages(Kind.BUNDLE_REFUSAL)
    assert {item.cause for item in refusals} == {"policies_with_errors", "source_failed"}
