"""`pdp bundle push`: what a server answers decides how the command ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pdp._proto import admin_pb2 as pb
from pdp._proto import decision_pb2
from pdp.bundles.envelope import BYTES_MAX
from pdp.cli.exit_codes import Exit
from tests.cli.operated import Operated, operated
from tests.cli.world import World

BUNDLE = decision_pb2.BundleIdentity(
    name="shop", version="1.2.0", digest="ab" * 32, is_signed=True, revision=7
)


def activate(request: pb.ActivateRequest) -> pb.ActivateResponse:
    """Accepts one bundle with its statement, and says of all others that they are old."""
    if (request.bundle, request.freshness) == (b"new", b"fresh"):
        return pb.ActivateResponse(is_activated=True, bundle=BUNDLE)
    refused = pb.RefusedBundle(
        source="admin", cause="rollback", message="revision 6 is older than [b]7"
    )
    return pb.ActivateResponse(bundle=BUNDLE, refused=refused)


@pytest.fixture(scope="module")
def door(world: World) -> Iterator[Operated]:
    with operated(world, activate) as door:
        yield door


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, data in (("new", b"new"), ("old", b"old"), ("fresh", b"fresh"), ("empty", b"")):
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_what_decides_now_is_said(door: Operated, files: Path) -> None:
    line = ("bundle", "push", f"{files}/new", "--freshness", f"{files}/fresh")
    done = door.pdp(*line)
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.out == f"decides now  shop 1.2.0, revision 7\ndigest       {'ab' * 32}\n"
    done = door.pdp(*line, "--format", "json")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.json["is_activated"] is True
    assert done.json["bundle"]["revision"] == 7


def test_a_refusal_has_its_cause_and_its_code(door: Operated, files: Path) -> None:
    line = ("bundle", "push", f"{files}/old")
    done = door.pdp(*line)
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert done.err == "error: not activated, rollback: revision 6 is older than [b]7\n"
    done = door.pdp(*line, "--format", "json")
    assert (done.code, done.err) == (Exit.INVALID, "")
    assert done.json["is_activated"] is False
    assert done.json["refused"]["cause"] == "rollback"


def test_files_that_cannot_be_pushed(door: Operated, files: Path) -> None:
    (files / "large").write_bytes(bytes(BYTES_MAX + 1))
    for arguments, words in (
        ((f"{files}/gone",), "cannot be read"),
        ((f"{files}/empty",), "is empty; name a signed file"),
        ((f"{files}/new", "--freshness", f"{files}/large"), "is larger than"),
        ((f"{files}/new", "--freshness", f"{files}/fresh", "--to", "x"), "push it there by itself"),
    ):
        done = door.pdp("bundle", "push", *arguments)
        assert (done.code, done.out) == (Exit.INVALID, "")
        assert words in done.err


def test_a_place_takes_the_file_whole(door: Operated, files: Path) -> None:
    target = files / "shop.bundle"
    done = door.pdp("bundle", "push", f"{files}/new", "--to", str(target))
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.out == f"put 3 bytes at {target}\n"
    assert target.read_bytes() == b"new"
    done = door.pdp("bundle", "push", f"{files}/old", "--to", str(target), "--format", "json")
    assert (done.code, done.json) == (Exit.SUCCESS, {"to": str(target), "size_bytes": 3})
    assert target.read_bytes() == b"old"


def test_a_place_that_takes_nothing_is_named(door: Operated, files: Path) -> None:
    done = door.pdp("bundle", "push", f"{files}/new", "--to", f"{files}/gone/shop.bundle")
    assert (done.code, done.out) == (Exit.FAILURE, "")
    assert "gone/shop.bundle" in done.err
