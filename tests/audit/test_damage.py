"""Damage in the log is an error with its place, whatever tables were kept; never rows left out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pdp.audit import chain
from pdp.audit.errors import LogUnreadable
from pdp.decisionlog import disk, frame
from pdp.decisionlog.errors import LogCorrupt, LogMissing
from pdp.decisionlog.record import Record
from tests.audit import ledger
from tests.audit.keeping import kept, last_index, note_of, rows_in


def flip(log: Path, index: int, offset: int) -> None:
    path = log / disk.segment_name(index)
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def exchange(log: Path) -> None:
    """A first segment of another log, whole, with checksums that hold and as many records."""
    other = log.with_name("other")
    ledger.build(other)
    name = disk.segment_name(1)
    header = frame.decode_segment((other / name).read_bytes()[: frame.SEGMENT_HEADER_BYTES])
    assert not isinstance(header, frame.Damage)
    shutil.copy(other / name, log / name)


DAMAGE: Final = {
    "a byte of a record": lambda log: flip(log, 2, 900),
    "a byte of a header": lambda log: flip(log, 2, 60),
    "a byte of the newest": lambda log: flip(log, last_index(log), 330),
    "a segment lost": lambda log: (log / disk.segment_name(2)).unlink(),
    "a segment exchanged": exchange,
}


def caught(log: Path) -> bool:
    try:
        rows_in(log)
    except LogCorrupt:
        return True
    return False


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_an_error_also_with_tables_kept(log: Path, name: str, *, is_kept: bool) -> None:
    if is_kept:
        rows_in(log)
    DAMAGE[name](log)
    assert caught(log)


def test_sabotage_only_the_header_checks_see_an_exchanged_segment(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "check_follows", lambda *_: None)
    exchange(log)
    assert not caught(log)


def test_sabotage_a_kept_table_of_a_damaged_segment(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_in(log)
    contents = {
        index: chain.Content(note["size_bytes"], note["sha256"])
        for index in disk.segment_indexes(log)
        for note in [note_of(kept(log, index))]
    }
    DAMAGE["a byte of a record"](log)
    assert caught(log)
    real = chain.Chain.enter

    def unread(self: chain.Chain, directory: Path, index: int) -> chain.Content:
        real(self, directory, index)
        return contents[index]

    monkeypatch.setattr(chain.Chain, "enter", unread)
    assert not caught(log)


def test_without_a_log(tmp_path: Path) -> None:
    with pytest.raises(LogMissing):
        rows_in(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_read_that_fails_is_no_fault_of_the_table(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: chain.Chain, directory: Path, index: int) -> Iterator[Record]:
        yield from ()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(chain.Chain, "records", fail)
    with pytest.raises(LogUnreadable, match="cannot be read: Input/output error"):
        rows_in(log)
