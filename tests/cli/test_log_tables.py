"""`pdp log query` and `pdp log export` as typed: forms, terminals, sheets, and what loads."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

from pdp.audit.query import SHOWN
from pdp.cli.exit_codes import Exit
from pdp.cli.reports import cells
from tests.audit import ledger
from tests.cli.test_terminal import hidden
from tests.cli.world import END_S, World, command, environment
from tests.service import served

FORMULA: Final = '=HYPERLINK("http://x.example")'


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("tables") / "log"
    ledger.build(directory, count=20)
    ledger.grow(
        directory,
        ledger.decision_payload(41, request_id=ledger.HOSTILE),
        ledger.decision_payload(42, request_id=FORMULA),
    )
    return str(directory)


def test_text_is_a_line_a_record(world: World, log: str) -> None:
    done = world.pdp("log", "query", log, "--limit", "3")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.out == (
        "       1 2023-11-14T22:13:20.000000Z allow            payment.refund by Agent::bot:"
        " refunds.small, refunds.large, a.b: absent\n"
        "       2 2023-11-14T22:13:20.000000Z refusal         : unknown_field\n"
        "       3 2023-11-14T22:13:21.000000Z deny             ticket.close on Order::o-1"
        " by Agent::crawler for User::ben: refunds.large, desk.people.close\n"
    )


def test_filters_combine(world: World, log: str) -> None:
    arguments = (
        "--agent Agent::bot --decision deny --policy refunds --rule refunds.small"
        " --person User::ann --owner payments@x.org --action deploy.start --cause rule"
        " --since 2023-11-14T22:13:20Z --until 2023-11-14T23:00:00+01:00"
    )
    # No deny by a rule names an even number.
    assert world.pdp("log", "query", log, *arguments.split()).out == ""
    rest = "--agent Agent::crawler --decision deny --policy refunds --format json --limit 2"
    found = [
        json.loads(row) for row in world.pdp("log", "query", log, *rest.split()).out.splitlines()
    ]
    assert [row["decision_id"] for row in found] == ["d-1", "d-9"]
    assert tuple(found[0]) == SHOWN
    assert found[0]["chain"] == ["Agent::crawler", "User::ben"]
    assert found[0]["time"] == "2023-11-14T22:13:21.000000Z"


def test_csv_is_for_sheets(world: World, log: str) -> None:
    done = world.pdp("log", "query", log, "--person", "User::ann", "--format", "csv")
    names, *rows = csv.reader(io.StringIO(done.out))
    assert tuple(names) == SHOWN
    last = dict(zip(names, rows[-1], strict=True))
    assert last["chain"] == "Agent::bot, User::ann"
    assert world.pdp("log", "query", log, "--limit", "1", "--format", "csv").out.count("\n") == 2
    assert cells.csv_cell(FORMULA) == f"'{FORMULA}"
    assert [cells.csv_cell(value) for value in (-1, "-1", None, ["@a", "b"])] == [
        "-1", "'-1", "", "'@a, b",
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_hidden_characters_and_formulas(world: World, log: str, form: str) -> None:
    sql = "select request_id, seq, decision_id from log where request_id not like 'r-%' order by 2"
    done = world.pdp("log", "query", log, "--sql", sql, "--format", form)
    assert (done.code, hidden(done.out)) == (Exit.SUCCESS, [])
    assert "gnp.exe" in done.out
    assert (FORMULA[1:9] in done.out, f"'{FORMULA[:9]}" in done.out) == (True, form == "csv")
    assert len(done.out.splitlines()) == (2 if form == "json" else 3)


def test_sabotage_cells_that_escape_nothing_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hidden(cells.csv_cell(ledger.HOSTILE)) == []
    monkeypatch.setattr(cells, "escaped", lambda text: text)
    assert hidden(cells.csv_cell(ledger.HOSTILE))


def test_values_of_every_type(world: World, log: str) -> None:
    sql = (
        "select 1.50::decimal(5,2) as d, 'nan'::double as n, {'a': [true, null]} as s,"
        " 'x'::blob as b, date '2026-01-02' as t, interval 1 day as i, null as z"
    )
    done = world.pdp("log", "query", log, "--sql", sql, "--format", "json")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    found = json.loads(done.out)
    assert (found["d"], found["n"], found["s"], found["b"]) == (
        "1.50",
        "nan",
        {"a": [True, None]},
        "eA==",
    )
    assert (found["t"], found["z"]) == ("2026-01-02", None)


def test_sql_errors_are_ours_and_harmless(world: World, log: str) -> None:
    for sql in (f"from '{ledger.HOSTILE}'", "select * from read_csv('/etc/passwd')"):
        done = world.pdp("log", "query", log, "--sql", sql)
        assert (done.code, done.out, hidden(done.err)) == (Exit.INVALID, "", [])
        assert done.err.startswith("error: the query cannot be run: ")
        assert done.err.count("\n") == 1
    done = world.pdp("log", "query", log, "--sql", "selec", "--format", "json")
    assert json.loads(done.out)["error"]["message"].startswith("the query cannot be run: ")


def test_a_place_that_is_not_ours_is_said(world: World, tmp_path: Path) -> None:
    ledger.build(tmp_path / "log", count=3)
    (tmp_path / "log" / "tables").mkdir()
    (tmp_path / "log" / "tables").chmod(0o777)
    done = world.pdp("log", "query", str(tmp_path / "log"), "--limit", "1")
    assert (done.code, done.out.count("\n")) == (Exit.SUCCESS, 1)
    assert done.err.startswith("note: no table is kept: `")
    assert "belongs to somebody else, or others may write there\n" in done.err


@pytest.mark.parametrize("form", ["jsonl", "parquet", "ocsf"])
def test_exports_say_what_they_hold(world: World, log: str, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"[bold]{form}"
    done = world.pdp("log", "export", log, str(out), "--format", form)
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    told = "24 records" if form == "ocsf" else "25 records"
    assert done.out.startswith(f"ok: {told} in {out}")
    assert ("; 1 record of other kinds left out" in done.out) == (form == "ocsf")
    assert out.stat().st_size > 0
    again = world.pdp("log", "export", log, str(out), "--format", form)
    assert (again.code, again.out) == (Exit.INVALID, "")


def test_an_export_that_cannot_be_written(world: World, log: str, tmp_path: Path) -> None:
    done = world.pdp("log", "export", log, str(tmp_path / "no" / "out"))
    assert (done.code, done.out) == (Exit.FAILURE, "")
    assert "No such file or directory" in done.err
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- what loads the libraries

WITHOUT: Final = "import sys\nsys.modules['pyarrow'] = sys.modules['duckdb'] = None\n"


def without(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command where neither library can be loaded."""
    return subprocess.run(
        served.command(*arguments, patch=WITHOUT),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=END_S,
        check=False,
    )


def test_only_these_commands_load_the_libraries(log: str, tmp_path: Path) -> None:
    with served.room() as folder, served.serving(folder, patch=WITHOUT) as server:
        assert server.stop() == 0
    assert without("log", "tail", log).returncode == Exit.SUCCESS
    assert without("log", "verify", log).returncode == Exit.SUCCESS
    for arguments in (["query", log], ["export", log, str(tmp_path / "out")]):
        assert "ModuleNotFoundError" in without("log", *arguments).stderr


def test_a_bar_is_for_terminals(log: str) -> None:
    """On a terminal it comes and goes; elsewhere standard error stays empty."""
    reading, writing = os.openpty()
    try:
        run = subprocess.run(
            command("log", "query", log, "--fresh", "--limit", "1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=writing,
            env=environment(),
            timeout=END_S,
            check=False,
        )
        told = os.read(reading, 65_536)
    finally:
        os.close(writing)
        os.close(reading)
    assert (run.returncode, run.stdout.count(b"\n")) == (0, 1)
    assert b"reading" in told
