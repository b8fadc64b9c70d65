"""`pdp schema from-mcp` and `pdp init` as people run them: real processes, real files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from pdp.authoring.newbundle import BundleNameError, new_bundle
from pdp.lang.checker import check
from pdp.lang.formatter import format_source
from pdp.lang.source import Source

ROOT: Final = Path(__file__).parent.parent.parent
CORPUS: Final = ROOT / "tests" / "corpus" / "mcp"
STARTER: Final = ROOT / "pdp" / "authoring" / "starter"


def pdp(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pdp.cli.main", *map(str, arguments)]
    env = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(
        command, input=stdin, capture_output=True, check=False, cwd=ROOT, env=env, timeout=60
    )


# ---------------------------------------------------------------- pdp schema from-mcp


def test_a_draft_goes_to_standard_output_and_the_report_beside_it() -> None:
    run = pdp("schema", "from-mcp", CORPUS / "hostile.json")
    assert run.returncode == 0
    assert run.stdout == (CORPUS / "hostile.charter").read_bytes()
    report = run.stderr.decode()
    assert "left out: tool `notes__re<U+202E>ad`: its name cannot be written or sent" in report
    assert "ok: 7 actions; review every line" in report


def test_a_draft_is_written_once_and_never_over_another_file(tmp_path: Path) -> None:
    output = tmp_path / "tools.charter"
    data = (CORPUS / "git_host.json").read_bytes()
    arguments = ("schema", "from-mcp", "-", "--server", "github", "--output", output)
    run = pdp(*arguments, stdin=data)
    assert run.returncode == 0, run.stderr
    assert run.stdout == b""
    assert output.read_bytes() == (CORPUS / "git_host.charter").read_bytes()
    output.write_text("reviewed")
    again = pdp(*arguments, stdin=data)
    assert again.returncode == 3
    assert b"exists; write to another file" in again.stderr
    assert output.read_text() == "reviewed"


def test_a_draft_as_json() -> None:
    run = pdp("schema", "from-mcp", CORPUS / "database.json", "--format", "json")
    document = json.loads(run.stdout)
    assert run.returncode == 0
    assert document["has_more"] is True
    assert document["left_out"] == []
    assert document["actions"][0] == "db.connect"
    assert document["text"] == (CORPUS / "database.charter").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (b"{", (), "not valid JSON"),
        (b'[{"name": "a"}]', (), "tool `a`: `inputSchema` must be an object"),
        (b'[{"name": "a", "inputSchema": {}}]', ("--server", "a b"), "cannot name a server"),
    ],
)
def test_a_bad_tool_list_is_invalid_input(
    data: bytes, options: tuple[str, ...], words: str
) -> None:
    run = pdp("schema", "from-mcp", "-", *options, stdin=data)
    assert run.returncode == 3
    assert run.stdout == b""
    assert words in run.stderr.decode()
    assert b"Traceback" not in run.stderr


def test_a_missing_tool_list_and_a_missing_folder(tmp_path: Path) -> None:
    run = pdp("schema", "from-mcp", tmp_path / "none.json")
    assert (run.returncode, b"cannot be read" in run.stderr) == (3, True)
    output = tmp_path / "none" / "x.charter"
    run = pdp("schema", "from-mcp", CORPUS / "mail.json", "--output", output)
    assert (run.returncode, b"cannot be written" in run.stderr) == (1, True)


def test_a_thousand_tools(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"state": {"enum": ["on", "off"]}, "n": {}}}
    tools = [{"name": f"tool-{n}", "inputSchema": schema} for n in range(1_000)]
    (tmp_path / "tools.json").write_text(json.dumps(tools))
    run = pdp("schema", "from-mcp", tmp_path / "tools.json", "--server", "big")
    assert run.returncode == 0, run.stderr
    assert run.stdout.count(b"\naction big.tool_") == 1_000
    assert run.stdout.count(b"\nenum ") == 1


# ---------------------------------------------------------------- pdp init


@pytest.mark.parametrize("name", ["", "shop.bots"])
def test_a_new_bundle_checks_and_passes_its_tests(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "some" / "where"
    run = pdp("init", directory, *(("--name", name) if name else ()))
    assert run.returncode == 0, run.stderr
    name = name or "acme.agents"
    checked = pdp("check", directory)
    assert checked.returncode == 0, checked.stderr
    assert f"ok: bundle {name} 0.1.0" in checked.stdout.decode()
    assert checked.stderr == b""
    tested = pdp("test", directory)
    assert tested.returncode == 0, tested.stdout
    assert b"8 passed, 0 failed" in tested.stdout
    text = b"".join(file.read_bytes() for file in directory.iterdir()).decode()
    assert ("acme" in text) == (name == "acme.agents")
    assert "pdp check ." in (directory / "README.md").read_text()


def test_a_new_bundle_can_be_built(tmp_path: Path) -> None:
    """Its tests show all of its rules."""
    assert pdp("init", tmp_path / "b").returncode == 0
    declared = ("--audience", "a", "--revision", "1", "--output", tmp_path / "b.bundle")
    run = pdp("bundle", "build", tmp_path / "b", *declared)
    assert run.returncode == 0, run.stderr
    assert b"5 rules, 8 tests passed" in run.stdout


def test_the_bundle_that_is_written_can_fail_its_tests(tmp_path: Path) -> None:
    assert pdp("init", tmp_path / "b").returncode == 0
    policy = tmp_path / "b" / "refunds.charter"
    policy.write_text(policy.read_text().replace("args.amount > 100.00", "args.amount > 300.00"))
    run = pdp("test", tmp_path / "b")
    assert run.returncode == 1
    assert b"FAILED a large refund waits for a finance lead" in run.stdout


def test_a_draft_fits_into_a_new_bundle(tmp_path: Path) -> None:
    directory = tmp_path / "b"
    assert pdp("init", directory).returncode == 0
    output = ("--output", directory / "tools.charter")
    run = pdp("schema", "from-mcp", CORPUS / "git_host.json", "--server", "github", *output)
    assert run.returncode == 0, run.stderr
    assert pdp("check", directory).returncode == 0
    assert pdp("test", directory).returncode == 0


@pytest.mark.parametrize("name", ["README.md", ".git"])
def test_a_directory_that_holds_something_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    run = pdp("init", tmp_path)
    assert run.returncode == 3
    assert b"is not empty; name a new directory" in run.stderr
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    run = pdp("init", tmp_path / "file")
    assert (run.returncode, b"is not a directory" in run.stderr) == (3, True)
    run = pdp("init", tmp_path / "file" / "below")
    assert (run.returncode, b"cannot be written" in run.stderr) == (1, True)
    assert (tmp_path / "file").read_text() == "mine"


def test_init_as_json(tmp_path: Path) -> None:
    run = pdp("init", tmp_path / "b", "--name", "shop.bots", "--format", "json")
    document = json.loads(run.stdout)
    assert document["bundle"] == "shop.bots"
    assert sorted(document["files"]) == sorted(path.name for path in STARTER.iterdir())


@pytest.mark.parametrize(
    "name", ["Acme", "acme.", ".acme", "a b", "a..b", "1a", "a-b", 'a" {', "é", "a\n", "x" * 101]
)
def test_a_bundle_has_a_plain_name(name: str) -> None:
    with pytest.raises(BundleNameError, match="is no name of a bundle"):
        new_bundle({}, name)


@pytest.mark.parametrize(
    "name", ["solo", "big_corp.data.agents", "guard.guard", "policy.rule", "any", "a_b.c_"]
)
def test_words_of_the_language_can_name_a_bundle(name: str) -> None:
    example = {path.name: path.read_text("utf-8") for path in STARTER.iterdir()}
    files = {file: text.encode() for file, text in new_bundle(example, name).items()}
    program, diagnostics = check(files)
    assert diagnostics == ()
    assert program is not None
    assert program.bundle.name == name


@pytest.mark.parametrize("path", sorted(STARTER.glob("*.charter")), ids=lambda path: path.name)
def test_the_starter_is_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_source(Source(path.name, text)) == text
