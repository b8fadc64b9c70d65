"""A look at the tables of a log, and at those that were kept of it. Expects nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pdp.audit.tables import Tables
from pdp.decisionlog import disk


@contextmanager
def opened(directory: Path, *, fresh: bool = False) -> Iterator[Tables]:
    found = Tables(directory, fresh=fresh)
    try:
        yield found
    finally:
        found.close()


def rows_in(directory: Path) -> list[dict[str, Any]]:
    """All rows of the tables, one after the other."""
    with opened(directory) as found:
        return [
            row
            for part in found.parts
            for row in (part if isinstance(part, pa.Table) else part.to_table()).to_pylist()
        ]


def last_index(directory: Path) -> int:
    return disk.segment_indexes(directory)[-1]


def kept(directory: Path, index: int = 1) -> Path:
    return directory / "tables" / f"{index:010d}.parquet"


def note_of(path: Path) -> dict[str, Any]:
    note: dict[str, Any] = json.loads(pq.read_metadata(path).metadata[b"pdp.table"])
    return note
