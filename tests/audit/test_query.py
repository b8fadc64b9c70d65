"""Queries answer as a plain look at every record does, and can touch nothing but the log."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from pdp.audit import filters, query
from pdp.audit.columns import Row, row_of
from pdp.audit.errors import QueryRefused, TableUnusable
from pdp.audit.filters import Filters
from pdp.audit.query import SHOWN, Log
from pdp.decisionlog import reader
from tests.audit import ledger

START_US: Final = ledger.START_NS // 1_000


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("query") / "log"
    ledger.build(directory, count=60, segment_bytes=20_000)
    return directory


@pytest.fixture
def log(directory: Path) -> Iterator[Log]:
    log = Log(directory)
    yield log
    log.close()


# Each filter, by hand.
TESTS: Final[dict[str, Callable[[Row, Any], bool]]] = {
    "person": lambda row, value: row.person == value,
    "agent": lambda row, value: row.agent == value,
    "policy": lambda row, value: value in (row.policies or ()),
    "rule": lambda row, value: value in (row.rules or ()),
    "owner": lambda row, value: value in (row.owners or ()),
    "action": lambda row, value: row.action == value,
    "effect": lambda row, value: row.effect == value,
    "cause": lambda row, value: row.cause == value,
    "since_us": lambda row, value: row.time >= value,
    "until_us": lambda row, value: row.time < value,
}
VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "person": ("User::ann", "User::ben", "User::nobody", "' or true --"),
    "agent": ("Agent::bot", "Agent::crawler"),
    "policy": ("refunds", "desk.people", "desk"),
    "rule": ("refunds.small", "refunds.large", "desk.people.close"),
    "owner": ("payments@x.org", "desk@x.org"),
    "action": ledger.ACTIONS,
    "effect": ("allow", "deny", "require_approval"),
    "cause": ("rule", "no_allow", "stopped"),
    "since_us": (0, START_US + 7_000_000, START_US + 30_000_001),
    "until_us": (0, START_US + 44_000_044, START_US + 50_000_000, 1 << 55),
}


@functools.cache
def rows_of(directory: Path) -> list[Row]:
    return list(map(row_of, reader.records(directory)))


def by_hand(directory: Path, asked: dict[str, Any]) -> list[int]:
    rows = rows_of(directory)
    return [row.seq for row in rows if all(TESTS[name](row, asked[name]) for name in asked)]


ALONE: Final = [{name: value} for name, values in VALUES.items() for value in values]


def together() -> list[dict[str, Any]]:
    """Two and three filters at once."""
    pairs = [one | other for one, other in itertools.combinations(ALONE, 2)][::20]
    chosen = random.Random(5)
    return pairs + [
        {name: chosen.choice(VALUES[name]) for name in chosen.sample(list(VALUES), 3)}
        for _ in range(10)
    ]


def disagreements(
    directory: Path, log: Log, asked: list[dict[str, Any]] = ALONE
) -> list[dict[str, Any]]:
    """The filters that a look at every record answers otherwise."""
    return [
        values
        for values in asked
        if [row[0] for row in log.filtered(Filters(**values))] != by_hand(directory, values)
    ]


def test_filters_answer_as_a_look_at_every_record(directory: Path, log: Log) -> None:
    assert len(by_hand(directory, {})) == 67
    for name, values in VALUES.items():
        assert any(0 < len(by_hand(directory, {name: value})) < 67 for value in values), name
    assert disagreements(directory, log, [{}, *ALONE, *together()]) == []


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("until_us", "time <= make_timestamptz(?)"),
        ("since_us", "time > make_timestamptz(?)"),
        ("policy", "list_contains(rules, ?)"),
        ("person", "agent = ?"),
        ("cause", "cause >= ?"),
        ("owner", "owners[1] = ?"),
    ],
)
def test_sabotage_another_condition_is_caught(
    directory: Path, log: Log, monkeypatch: pytest.MonkeyPatch, name: str, broken: str
) -> None:
    monkeypatch.setitem(filters._CONDITIONS, name, broken)  # noqa: SLF001
    assert disagreements(directory, log)


def test_sabotage_a_value_pasted_into_the_text_is_caught(
    directory: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pasted(self: Filters) -> tuple[str, list[str | int]]:
        return (f"person = '{self.person}'" if self.person else "true"), []

    monkeypatch.setattr(Filters, "where", pasted)
    hostile = "' or true --"
    assert list(log.filtered(Filters(person=hostile))) != []
    assert by_hand(directory, {"person": hostile}) == []


def test_every_column_is_shown_but_the_bytes(directory: Path, log: Log) -> None:
    for row, found in zip(rows_of(directory), log.filtered(Filters()), strict=True):
        shown = dict(zip(SHOWN, found, strict=True))
        time = shown.pop("time")
        assert round(time.timestamp() * 1_000_000) == row.time
        assert shown == {name: getattr(row, name) for name in shown}


@pytest.mark.parametrize("limit", [1, 2, 30, 66, 67, 1_000])
def test_a_limit_takes_the_first(log: Log, limit: int) -> None:
    found = [row[0] for row in log.filtered(Filters(), limit)]
    assert found == list(range(1, min(limit, 67) + 1))


# ---------------------------------------------------------------- SQL


def test_sql_sees_the_whole_log(directory: Path, log: Log) -> None:
    names, rows = log.asked("select count(*) as n, min(seq), max(seq), count(payload) from log")
    assert (names[0], list(rows)) == ("n", [(67, 1, 67, 67)])
    names, rows = log.asked('select *, "offset" as place from log order by seq limit 1')
    assert names[:2] == ("seq", "kind")
    [first] = rows
    assert first[names.index("payload")] == next(reader.records(directory)).payload


REFUSED: Final = [
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from read_parquet('{tables}/0000000001.parquet')",
    "select * from '/etc/passwd'",
    "select * from glob('/etc/*')",
    "select * from directory",
    "copy log to '{out}'",
    "copy (select 1) to '{out}'",
    "export database '{out}'",
    "attach '{out}'",
    "install httpfs",
    "load httpfs",
    "load '{out}'",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "reset enable_external_access",
    "pragma enable_external_access = true",
    "create table x as select 1",
    "drop view log",
    "call pragma_version()",
    "select 1; select 2",
    "select 1; copy log to '{out}'",
    "",
    "-- nothing",
]


def got_through(log: Log, directory: Path) -> list[str]:
    """The texts that were run."""
    found: list[str] = []
    out = directory.parent / "out"
    for text in REFUSED:
        told = text.format(tables=directory / "tables", out=out)
        try:
            list(log.asked(told)[1])
        except QueryRefused:
            continue
        found.append(text)
    assert not out.exists()
    return found


def test_sql_can_touch_nothing_else(log: Log, directory: Path) -> None:
    assert got_through(log, directory) == []
    assert list(log.asked("select count(*) from log")[1]) == [(67,)]


def test_the_engine_itself_refuses_files_and_settings(log: Log, directory: Path) -> None:
    """Also where a statement were let through that is no select."""
    engine = log._engine  # noqa: SLF001
    out = directory.parent / "out"
    for text in [text for text in REFUSED if "'" in text or "set" in text or "install" in text]:
        with pytest.raises(duckdb.Error):
            engine.execute(text.format(tables=directory / "tables", out=out)).fetchall()
    assert not out.exists()


def test_sabotage_an_engine_with_access_is_caught(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(query._SETTINGS, "enable_external_access", "true")  # noqa: SLF001
    log = Log(directory)
    try:
        assert {text.split("(")[0] for text in got_through(log, directory)} >= {
            "select * from read_csv",
            "select * from read_parquet",
            "select * from glob",
        }
    finally:
        log.close()


def test_errors_are_one_line(log: Log) -> None:
    for text in ("selec", "select nothing from log", "select error('boom') from log"):
        with pytest.raises(QueryRefused, match=r"^the query cannot be run: [^\n]+$"):
            list(log.asked(text)[1])


def test_a_query_that_takes_too_much_memory_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(query._SETTINGS, "memory_limit", "20MB")  # noqa: SLF001
    log = Log(directory)
    try:
        with pytest.raises(QueryRefused, match="Out of Memory Error"):
            list(log.asked("select list(range) from range(20000000)")[1])
    finally:
        log.close()


def test_a_kept_table_that_is_damaged_is_named(tmp_path: Path) -> None:
    ledger.build(tmp_path)
    Log(tmp_path).close()
    path = tmp_path / "tables" / "0000000001.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 4] ^= 1
    path.write_bytes(data)
    log = Log(tmp_path)
    try:
        with pytest.raises(TableUnusable, match="add `--fresh` to make all anew"):
            list(log.filtered(Filters()))
    finally:
        log.close()
    log = Log(tmp_path, fresh=True)
    assert len(list(log.filtered(Filters()))) == 45
    log.close()
