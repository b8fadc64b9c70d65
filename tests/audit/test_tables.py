"""Tables hold what the log holds, also those that were kept; no other table is believed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pdp.audit import chain, tables
from pdp.audit.columns import NAMES, row_of
from pdp.audit.errors import TableUnusable
from pdp.audit.tables import SCHEMA, Tables
from pdp.decisionlog import reader
from pdp.decisionlog.record import Kind
from pdp.decisionlog.tree import Frontier
from pdp.decisionlog.writer import Writer
from tests.audit import ledger
from tests.audit.keeping import kept, last_index, note_of, opened, rows_in
from tests.decisionlog import samples

FORGED: Final = "User::nobody"


def given(name: str) -> Any:
    """A case by its name; what only root can set up is left out elsewhere."""
    is_roots = name in {"of somebody else", "foreign"}
    reason = "elsewhere: only root gives files away"
    return pytest.param(
        name, marks=pytest.mark.skipif(is_roots and os.geteuid() != 0, reason=reason)
    )


def rows_of_the_log(directory: Path) -> list[dict[str, Any]]:
    """The same, by the reader, without tables."""
    found = [row_of(item)._asdict() for item in reader.records(directory)]
    for row in found:
        row["time"] = pa.scalar(row["time"], SCHEMA.field("time").type).as_py()
    return found


def test_the_schema_is_the_columns() -> None:
    assert tuple(SCHEMA.names) == NAMES


def test_tables_hold_what_the_log_holds(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BATCH_ROWS", 3)
    assert last_index(log) >= 4
    expected = rows_of_the_log(log)
    assert len(expected) == 45
    for _ in range(2):
        assert rows_in(log) == expected


def test_closed_segments_are_converted_once(log: Path) -> None:
    every = list(range(1, last_index(log) + 1))
    for fresh, converted in ((False, every), (False, []), (True, every), (False, [])):
        with opened(log, fresh=fresh) as found:
            assert (found.converted, found.trouble) == (converted, "")
    assert sorted(path.name for path in (log / "tables").iterdir()) == [
        kept(log, index).name for index in every
    ]
    assert kept(log).stat().st_mode & 0o777 == 0o600


def test_the_open_segment_is_read_each_time(log: Path) -> None:
    rows_in(log)
    ledger.grow(log, ledger.decision_payload(50))
    with opened(log) as found:
        assert found.converted == []
    assert not kept(log, last_index(log)).exists()
    ledger.grow(log, ledger.decision_payload(51))
    assert rows_in(log) == rows_of_the_log(log)


def test_beside_a_writer(tmp_path: Path) -> None:
    """A segment with room for more is no closed one, whatever its last record."""
    with writing(tmp_path) as writer:
        writer(ledger.decision_payload(1))
        assert len(rows_in(tmp_path)) == 1
        writer(ledger.decision_payload(2))
        assert len(rows_in(tmp_path)) == 2
        assert list((tmp_path / "tables").iterdir()) == []


@contextmanager
def writing(directory: Path) -> Iterator[Any]:
    with Writer.open(directory, samples.setup()) as writer:
        yield lambda payload: writer.append(Kind.DECISION, payload)


# ---------------------------------------------------------------- tables that are not believed


def forge(path: Path, note: dict[str, Any] | None = None) -> None:
    """Another person in every row of a kept table, with its own note if none is given."""
    note = note_of(path) if note is None else note
    table = pq.read_table(path)
    place = table.schema.get_field_index("person")
    table = table.set_column(place, SCHEMA.field(place), pa.array([FORGED] * table.num_rows))
    path.unlink()
    with pq.ParquetWriter(path, SCHEMA) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({b"pdp.table": json.dumps(note).encode()} if note else {})
    path.chmod(0o600)


def stale(log: Path) -> None:
    """A table of other records, in a note that says so."""
    other = log.with_name("other")
    ledger.build(other, count=37)
    rows_in(other)
    shutil.copy(kept(other, 2), kept(log))


def noted(log: Path, **changes: object) -> None:
    """A forged table whose note says something else."""
    forge(kept(log), {**note_of(kept(log)), **changes})


def of_others(log: Path) -> None:
    os.chown(kept(log), 65_534, 65_534)


def open_to_others(log: Path) -> None:
    kept(log).chmod(0o620)


def linked(log: Path) -> None:
    elsewhere = log.with_name("elsewhere.parquet")
    kept(log).rename(elsewhere)
    kept(log).symlink_to(elsewhere)


UNBELIEVED: Final = {
    "stale": stale,
    "no note": lambda log: forge(kept(log), {}),
    "other size": lambda log: noted(log, size_bytes=1),
    "other digest": lambda log: noted(log, sha256="00" * 32),
    "older version": lambda log: noted(log, version=0),
    "no such tree": lambda log: noted(log, peaks=[]),
    "note of another shape": lambda log: noted(log, peaks=3),
    "empty": lambda log: kept(log).write_bytes(b""),
    "no parquet": lambda log: kept(log).write_bytes(b"PAR1 not"),
    "of somebody else": of_others,
    "open to others": open_to_others,
    "a link": linked,
}


def believed(log: Path, name: str) -> bool:
    """Whether a table that was tampered with is used."""
    expected = rows_of_the_log(log)
    rows_in(log)
    forge(kept(log))
    UNBELIEVED[name](log)
    try:
        with opened(log) as found:
            return 1 not in found.converted
    finally:
        kept(log).unlink()
        assert rows_in(log) == expected


@pytest.mark.parametrize("name", [given(name) for name in UNBELIEVED])
def test_other_tables_are_made_anew(log: Path, name: str) -> None:
    assert not believed(log, name)


@pytest.mark.parametrize("name", [given("of somebody else"), "open to others"])
def test_sabotage_owners_that_nobody_looks_at(
    log: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(tables, "_is_ours", lambda found, is_kind: is_kind(found.st_mode))
    assert believed(log, name)


def test_sabotage_contents_that_are_all_alike(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = chain.Chain.enter

    def careless(self: chain.Chain, directory: Path, index: int) -> chain.Content:
        content = real(self, directory, index)
        return chain.Content(1, "00") if index == 1 else content

    rows_in(log)
    noted(log, size_bytes=1, sha256="00")
    monkeypatch.setattr(chain.Chain, "enter", careless)
    assert rows_in(log)[0]["person"] == FORGED


def test_only_fresh_does_without_what_its_owner_forged(log: Path) -> None:
    """The limit of what is promised: whoever runs as the same user can write any table."""
    rows_in(log)
    forge(kept(log))
    assert rows_in(log)[0]["person"] == FORGED
    with opened(log, fresh=True):
        pass
    assert rows_in(log) == rows_of_the_log(log)


# ---------------------------------------------------------------- places that are not used


@pytest.mark.parametrize("place", [given("foreign"), "open", "link", "file", "full"])
def test_tables_are_kept_only_in_a_place_of_ours(
    log: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(log.parent))
    where = log / "tables"
    where.mkdir(mode=0o700)
    match place:
        case "foreign":
            os.chown(where, 65_534, 65_534)
        case "open":
            where.chmod(0o777)
        case "link":
            where.rmdir()
            where.symlink_to(log.parent)
        case "file":
            where.rmdir()
            where.write_text("")
        case _:
            usage = shutil.disk_usage(log)._replace(free=1_000)
            monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    before = sorted(log.parent.rglob("*"))
    with opened(log) as found:
        assert f"`{where}`" in found.trouble
        assert sum(part.count_rows() for part in found.parts[:-1]) > 0
    assert sorted(log.parent.rglob("*")) == before


def test_a_table_that_cannot_be_written_is_named_and_nothing_stays(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TableUnusable, match=r"0000000001.parquet` cannot be written: No space"):
        rows_in(log)
    assert list((log / "tables").iterdir()) == []


def test_what_an_interrupted_conversion_left_is_removed_a_day_later(log: Path) -> None:
    (log / "tables").mkdir(mode=0o700)
    old, young = (log / "tables" / f"0000000001.parquet.{pid}.new" for pid in (1, 2))
    for path in (old, young):
        path.write_bytes(b"PAR1")
    os.utime(old, (1, 1))
    rows_in(log)
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.parametrize("size", range(20))
def test_a_tree_goes_on_from_its_peaks(size: int) -> None:
    whole = Frontier()
    for number in range(size):
        whole.append(bytes([number]) * 32)
    again = Frontier.of(whole.size, whole.peaks)
    for number in range(3):
        assert again.root() == whole.root()
        for frontier in (again, whole):
            frontier.append(bytes([200 + number]) * 32)
    with pytest.raises(ValueError, match="no tree of"):
        Frontier.of(size, [*whole.peaks] * 2 + [bytes(32)] * 9)


def test_progress_is_told(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BATCH_ROWS", 5)
    seen: list[tuple[int, int]] = []
    Tables(log, watch=lambda done, total: seen.append((done, total))).close()
    total = sum(path.stat().st_size for path in log.glob("*.seg"))
    assert {total for _, total in seen} == {total}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert pc.max([done for done, _ in seen]).as_py() < total
