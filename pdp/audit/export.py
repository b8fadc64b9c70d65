"""A whole log in one file for other tools: JSON lines, Parquet, OCSF. Whole or not at all.

Each export reads the log itself, from the first record on; no kept table has a part in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.audit import chain
from pdp.audit.columns import row_of
from pdp.audit.ocsf import event_of
from pdp.audit.tables import BATCH_ROWS, Watch, batches, unwatched, write_parquet
from pdp.decisionlog import disk, reader
from pdp.decisionlog.record import Record
from pdp.decisionlog.show import Json, record_to_json


@dataclass(frozen=True, slots=True)
class Exported:
    """How many records the log has, and how many of them the file tells of."""

    records: int
    written: int


class _Counting:
    """The records of a log as it is now, counted while they are taken."""

    def __init__(self, directory: Path, watch: Watch) -> None:
        reader.require(directory)
        self.count = 0
        self._directory = directory
        self._watch = watch

    def __iter__(self) -> Iterator[Record]:
        indexes = disk.segment_indexes(self._directory)
        sizes = {
            disk.segment_name(index): (self._directory / disk.segment_name(index)).stat().st_size
            for index in indexes
        }
        total, before, segment = sum(sizes.values()), 0, disk.segment_name(indexes[0])
        for item in chain.records(self._directory, indexes):
            if item.segment != segment:
                before, segment = before + sizes[segment], item.segment
            if self.count % BATCH_ROWS == 0:
                self._watch(before + item.offset, total)
            self.count += 1
            yield item


def export(directory: Path, out: Path, form: str, watch: Watch = unwatched) -> Exported:
    """Write the log as ``form``, one of ``FORMS``, to the new file ``out``.

    Raises LogCorrupt, LogMissing; OSError, also FileExistsError. Then there is no file ``out``.
    """
    items = _Counting(directory, watch)
    scratch = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        written = _WRITERS[form](scratch, items)
        # Not a rename, which would take the place of a file that came meanwhile.
        os.link(scratch, out)
    finally:
        scratch.unlink(missing_ok=True)
    disk.sync_directory(out.absolute().parent)
    return Exported(items.count, written)


def _write_jsonl(path: Path, items: _Counting) -> int:
    return _write_lines(path, map(record_to_json, items))


def _write_ocsf(path: Path, items: _Counting) -> int:
    events = (event_of(row_of(item)) for item in items)
    return _write_lines(path, (event for event in events if event is not None))


def _write_parquet(path: Path, items: _Counting) -> int:
    return write_parquet(path, batches(map(row_of, items)))


def _write_lines(path: Path, documents: Iterator[dict[str, Json]]) -> int:
    count = 0
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8", newline="\n") as file:
        for document in documents:
            file.write(json.dumps(document, ensure_ascii=False) + "\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count


_WRITERS: Final[dict[str, Callable[[Path, _Counting], int]]] = {
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
    "ocsf": _write_ocsf,
}
FORMS: Final = tuple(_WRITERS)
