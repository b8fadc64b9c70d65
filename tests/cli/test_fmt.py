"""``pdp fmt`` on real files: what it writes, what it leaves alone, and what it says about it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

import pytest

from pdp.cli import fmt
from pdp.cli.exit_codes import Exit
from pdp.cli.output import Stopped
from pdp.lang.formatter import MeaningChanged, format_source
from pdp.lang.source import Source
from tests.cli.world import World

UNTIDY: Final = 'group  clerks=Team::"clerks"   # who\n'
TIDY: Final = 'group clerks = Team::"clerks"  # who\n'
BROKEN: Final = "group clerks =\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files to change, one of them below; one that is fine; and what is no policy file."""
    (tmp_path / "below").mkdir()
    (tmp_path / "a.charter").write_text(UNTIDY)
    (tmp_path / "below" / "b.charter").write_text(UNTIDY)
    (tmp_path / "tidy.charter").write_text(TIDY)
    (tmp_path / ".hidden.charter").write_text(UNTIDY)
    (tmp_path / "data.json").write_text("[ ]")
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_files_are_changed_in_place(world: World, folder: Path) -> None:
    (folder / "a.charter").chmod(0o640)
    before, inode = contents(folder), (folder / "tidy.charter").stat().st_ino
    done = world.pdp("fmt", str(folder))
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.out.splitlines() == [
        f"formatted {folder}/a.charter",
        f"formatted {folder}/below/b.charter",
        "2 files formatted, 1 file already formatted",
    ]
    assert contents(folder) == before | {"a.charter": TIDY, "below/b.charter": TIDY}
    assert stat.S_IMODE((folder / "a.charter").stat().st_mode) == 0o640
    assert (folder / "tidy.charter").stat().st_ino == inode
    again = world.pdp("fmt", str(folder), "--check")
    assert (again.code, again.out) == (Exit.SUCCESS, "3 files already formatted\n")


def test_check_writes_nothing(world: World, folder: Path) -> None:
    before = contents(folder)
    done = world.pdp("fmt", str(folder), "--check")
    assert done.code == Exit.FAILURE
    assert "2 files would change, 1 file already formatted\n" in done.out
    assert contents(folder) == before


def test_diff_writes_nothing(world: World, folder: Path) -> None:
    before = contents(folder)
    name = f"{folder}/a.charter"
    diff = f"--- {name}\n+++ {name}\n@@ -1 +1 @@\n-{UNTIDY}+{TIDY}"
    done = world.pdp("fmt", name, "--diff")
    assert (done.code, done.out) == (Exit.SUCCESS, diff)
    assert done.err.endswith("1 file would change\n")
    both = world.pdp("fmt", name, "--diff", "--check")
    assert (both.code, both.out) == (Exit.FAILURE, diff)
    assert contents(folder) == before


def test_syntax_errors_are_shown_and_the_other_files_formatted(world: World, folder: Path) -> None:
    (folder / "broken.charter").write_text(BROKEN)
    (folder / "bytes.charter").write_bytes(b"\xff")
    done = world.pdp("fmt", str(folder))
    assert done.code == Exit.INVALID
    assert f"{folder}/broken.charter:1:15" in done.err
    assert f"{folder}/bytes.charter:1:1" in done.err
    assert done.out.endswith("2 files formatted, 1 file already formatted, 2 files"
                             " with syntax errors\n")  # fmt: skip
    assert (folder / "broken.charter").read_text() == BROKEN
    assert (folder / "a.charter").read_text() == TIDY


def test_json(world: World, folder: Path) -> None:
    (folder / "broken.charter").write_text(BROKEN)
    done = world.pdp("fmt", str(folder), "--check", "--diff", "--format", "json")
    assert done.code == Exit.INVALID
    statuses = {Path(file["file"]).name: file["status"] for file in done.json["files"]}
    assert statuses == {
        "a.charter": "changed",
        "b.charter": "changed",
        "broken.charter": "invalid",
        "tidy.charter": "unchanged",
    }
    assert [bool(file["diff"]) for file in done.json["files"]] == [True, True, False, False]
    assert [found["file"] for found in done.json["diagnostics"]] == [f"{folder}/broken.charter"]


def test_standard_input_goes_to_standard_output(world: World) -> None:
    done = world.pdp("fmt", "-", stdin=UNTIDY.replace("who", "wér").encode())
    assert (done.code, done.out, done.err) == (Exit.SUCCESS, TIDY.replace("who", "wér"), "")
    broken = world.pdp("fmt", "-", stdin=BROKEN.encode())
    assert (broken.code, broken.out) == (Exit.INVALID, "")
    assert "stdin:1:15" in broken.err
    check = world.pdp("fmt", "-", "--check", stdin=UNTIDY.encode())
    assert (check.code, check.out) == (Exit.FAILURE, "")


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (("-", "a.charter"), "`-` stands alone"),
        (("gone.charter",), "does not exist"),
        (("data.json",), "is not a .charter file"),
        ((), "missing argument"),
    ],
)
def test_what_cannot_be_formatted(
    world: World, folder: Path, paths: tuple[str, ...], said: str
) -> None:
    done = world.pdp("fmt", *(path if path == "-" else str(folder / path) for path in paths))
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert said in done.err


def test_a_link_stays_a_link_and_a_file_named_twice_is_one(world: World, folder: Path) -> None:
    (folder / "link.charter").symlink_to("a.charter")
    done = world.pdp("fmt", str(folder / "link.charter"), str(folder / "a.charter"))
    assert done.out.endswith("\n1 file formatted\n")
    assert (folder / "link.charter").is_symlink()
    assert (folder / "a.charter").read_text() == TIDY


# ---------------------------------------------------------------- in this process


def test_a_mistake_of_the_formatter_changes_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def second_fails(source: Source) -> str:
        if source.name.endswith("b.charter"):
            raise MeaningChanged("no")
        return format_source(source)

    monkeypatch.setattr(fmt, "format_source", second_fails)
    before = contents(folder)
    with pytest.raises(MeaningChanged):
        fmt.fmt([str(folder)])
    assert contents(folder) == before


def test_a_file_that_cannot_be_replaced_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    before = contents(folder)
    with pytest.raises(Stopped, match="cannot be written: No space left on device"):
        fmt.fmt([str(folder / "a.charter")])
    assert contents(folder) == before


def test_a_file_that_somebody_else_changed_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(source: Source) -> str:
        (folder / "a.charter").write_text(BROKEN)
        return format_source(source)

    monkeypatch.setattr(fmt, "format_source", slowly)
    with pytest.raises(Stopped, match="was changed while it was formatted"):
        fmt.fmt([str(folder / "a.charter")])
    assert (folder / "a.charter").read_text() == BROKEN
