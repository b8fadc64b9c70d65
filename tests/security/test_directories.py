"""Directories that do not hold what they seem to: nothing is skipped, waited for or shared."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

from pdp.bundles.sources.directory import read_policy_directory
from pdp.decisionlog import disk, reader
from pdp.decisionlog.appender import Setup
from pdp.decisionlog.errors import LogLocked
from pdp.decisionlog.record import Kind, stop_record
from pdp.decisionlog.verify import verify
from pdp.decisionlog.writer import Writer
from pdp.model import BundleError
from tests.service.served import POLICIES

NAME_MAX: Final = 255
# Deeper than a path may be long.
DEPTH: Final = 4_096 // NAME_MAX + 1


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POLICIES, tmp_path / "policies"))


def test_a_link_to_a_folder_is_refused_not_skipped(policies: Path, tmp_path: Path) -> None:
    (tmp_path / "denials").mkdir()
    (policies / "more").symlink_to(tmp_path / "denials")
    with pytest.raises(BundleError, match="`more` is a link to a folder"):
        read_policy_directory(policies)


def test_links_to_files_and_hidden_links_are_as_an_orchestrator_mounts_them(tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"
    shutil.copytree(POLICIES, mounted / "..data1")
    (mounted / "..data").symlink_to("..data1")
    for file in POLICIES.iterdir():
        (mounted / file.name).symlink_to(f"..data/{file.name}")
    assert read_policy_directory(mounted) == read_policy_directory(POLICIES)


def test_a_folder_that_cannot_be_read_is_refused_not_skipped(policies: Path) -> None:
    place = os.open(policies, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir("d" * NAME_MAX, dir_fd=place)
        below = os.open("d" * NAME_MAX, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)
    with pytest.raises(BundleError, match="cannot be read"):
        read_policy_directory(policies)


def test_a_pipe_is_refused_not_waited_for(policies: Path) -> None:
    os.mkfifo(policies / "more.json")
    with pytest.raises(BundleError, match=r"`more\.json` is not a regular file"):
        read_policy_directory(policies)


def test_a_name_that_is_not_text_is_refused(policies: Path) -> None:
    (policies / os.fsdecode(b"a\xff.json")).write_bytes(b"{}")
    with pytest.raises(BundleError, match="not UTF-8 text") as found:
        read_policy_directory(policies)
    assert str(found.value).isascii()


def stop() -> bytes:
    return stop_record(time_unix_ns=1, reason="test")


def test_a_second_writer_is_refused_though_the_lock_was_removed(tmp_path: Path) -> None:
    setup = Setup("test", segment_bytes=1 << 12)
    with Writer.open(tmp_path, setup) as writer:
        for _ in range(100):
            writer.append(Kind.STOP, stop())
        (tmp_path / disk.LOCK_NAME).unlink()
        before = {path.name: path.read_bytes() for path in tmp_path.glob("*.seg")}
        with pytest.raises(LogLocked):
            Writer.open(tmp_path, setup)
        assert {path.name: path.read_bytes() for path in tmp_path.glob("*.seg")} == before
        writer.append(Kind.STOP, stop())
    assert verify(tmp_path).ok
    assert len(list(reader.records(tmp_path))) == 101
    with Writer.open(tmp_path, setup) as writer:
        writer.append(Kind.STOP, stop())
    assert verify(tmp_path).ok
