"""Segments as Arrow tables, and the Parquet files kept of those that are closed. No SQL here.

A kept table is believed only if whoever asks made it themselves (owner and mode of the file and
its directory say so) and it notes size and SHA-256 of the very bytes the segment holds now. So it
saves the conversion, never the look at the log: what was damaged since is found.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from pdp.audit.chain import Chain, Content
from pdp.audit.columns import NAMES, Row, row_of
from pdp.audit.errors import LogUnreadable, TableUnusable
from pdp.decisionlog import disk, frame, reader
from pdp.decisionlog.record import Record
from pdp.decisionlog.tree import Frontier

# (bytes of the log converted so far, bytes there are)
Watch: TypeAlias = Callable[[int, int], None]

DIRECTORY_NAME: Final = "tables"
# Raised with every change of what stands in a column: tables of another version are made anew.
VERSION: Final = 1
BATCH_ROWS: Final = 8_192
_NOTE: Final = b"pdp.table"
# Keeping tables must never take the room that the log needs for its next records.
_ROOM_FACTOR: Final = 2
_ABANDONED_S: Final = 86_400

_TEXTS: Final = pa.list_(pa.string())
_TYPES: Final = {
    "seq": pa.uint64(),
    "time": pa.timestamp("us", tz="UTC"),
    "chain": _TEXTS,
    "rules": _TEXTS,
    "owners": _TEXTS,
    "bundle_revision": pa.uint64(),
    "policies": _TEXTS,
    "errors": _TEXTS,
    "omitted_paths": _TEXTS,
    "decide_ns": pa.uint64(),
    "offset": pa.uint64(),
    "payload": pa.binary(),
}
SCHEMA: Final = pa.schema([(name, _TYPES.get(name, pa.string())) for name in NAMES])


def unwatched(done: int, total: int) -> None:
    """Nobody wants to know how far it is."""
    del done, total


def batches(rows: Iterable[Row]) -> Iterator[Any]:
    """The rows as Arrow record batches of ``SCHEMA``; holds no more than one at a time."""
    remaining = iter(rows)
    while part := list(islice(remaining, BATCH_ROWS)):
        columns = zip(*part, strict=True)
        arrays = [
            pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)
        ]
        yield pa.record_batch(arrays, schema=SCHEMA)


def write_parquet(path: Path, parts: Iterable[Any], note: Callable[[], bytes] | None = None) -> int:
    """A new file of these batches, safely on disk, only its owner's; how many rows it has.

    ``note`` is asked for once all batches were written. Raises OSError; then there is no file.
    """
    rows = 0
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            with pq.ParquetWriter(
                file, SCHEMA, compression="zstd", write_page_checksum=True
            ) as writer:
                for part in parts:
                    writer.write_batch(part)
                    rows += part.num_rows
                if note is not None:
                    writer.add_key_value_metadata({_NOTE: note()})
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return rows


class Tables:
    """Every segment of a log as something DuckDB can scan, oldest first. Close it when done.

    ``parts`` are Arrow datasets and tables. ``trouble`` says for people why no tables are kept;
    empty where they are.
    """

    def __init__(self, directory: Path, *, fresh: bool = False, watch: Watch = unwatched) -> None:
        """Take the log as it is now.

        Raises LogCorrupt, LogMissing, LogUnreadable, TableUnusable; OSError.
        """
        self.parts: list[Any] = []
        self.converted: list[int] = []
        self._stack = ExitStack()
        self._watch = watch
        self._directory = directory
        newest = reader.require(directory)
        indexes = disk.segment_indexes(directory)
        sizes = {at: (directory / disk.segment_name(at)).stat().st_size for at in indexes}
        self._done, self._total = 0, sum(sizes.values())
        self._place, self.trouble = _place(directory, self._total)
        try:
            if self._place is None:
                scratch = tempfile.TemporaryDirectory(prefix="pdp-tables-")
                self._place = Path(self._stack.enter_context(scratch))
            chain = Chain()
            for index in indexes:
                content = chain.enter(directory, index)
                path = self._place / f"{index:010d}.parquet"
                kept = None if fresh else _kept(path, content)
                if kept is not None:
                    part, chain.frontier = kept
                elif index == newest:
                    part = self._read_newest(path, chain, index, content)
                else:
                    part = self._convert(path, chain, index, content)
                self.parts.append(part)
                self._done += sizes[index]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of every file."""
        self.parts.clear()
        self._stack.close()

    def _read_newest(self, path: Path, chain: Chain, index: int, content: Content) -> Any:
        """It may grow, so it is held in memory; kept only if its writer stopped and cut it."""
        rows = map(row_of, self._watched(chain, index))
        table = pa.Table.from_batches(batches(rows), SCHEMA)
        if _is_stopped(table, content):
            self._write(path, table.to_batches(), chain, index, content)
        return table

    def _convert(self, path: Path, chain: Chain, index: int, content: Content) -> Any:
        rows = map(row_of, self._watched(chain, index))
        self._write(path, batches(rows), chain, index, content)
        kept = _kept(path, content)
        if kept is None:
            raise TableUnusable(f"`{path}` does not hold what was just written to it")
        return kept[0]

    def _write(
        self, path: Path, parts: Iterable[Any], chain: Chain, index: int, content: Content
    ) -> None:
        scratch = path.with_name(f"{path.name}.{os.getpid()}.new")
        try:
            scratch.unlink(missing_ok=True)
            write_parquet(scratch, parts, lambda: _note(content, chain.frontier))
            scratch.replace(path)
            disk.sync_directory(path.parent)
        except (OSError, disk.SyncFailed) as error:
            scratch.unlink(missing_ok=True)
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise TableUnusable(
                f"the table `{path}` cannot be written: {why}; make room there, or remove its"
                " directory and set TMPDIR to one with room"
            ) from error
        self.converted.append(index)

    def _watched(self, chain: Chain, index: int) -> Iterator[Record]:
        try:
            for count, item in enumerate(chain.records(self._directory, index)):
                if count % BATCH_ROWS == 0:
                    self._watch(self._done + item.offset, self._total)
                yield item
        except OSError as error:
            # While a table is written, an error of a read must not pass for one of that file.
            raise LogUnreadable(self._directory, error.strerror or "the system refused") from error


def _is_stopped(table: Any, content: Content) -> bool:
    """Whether a segment ends with a stop record and holds no room for another."""
    if not table.num_rows:
        return False
    last = table.slice(table.num_rows - 1).to_pylist()[0]
    end = last["offset"] + frame.FRAME_HEADER_BYTES + len(last["payload"])
    return bool(last["kind"] == "stop" and end == content.size_bytes)


def _place(directory: Path, total_bytes: int) -> tuple[Path | None, str]:
    """Where tables are kept, or None and why not: then they end with this look at the log."""
    path = directory / DIRECTORY_NAME
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        if not _is_ours(path.lstat(), stat.S_ISDIR):
            return None, f"`{path}` belongs to somebody else, or others may write there"
        if not os.access(path, os.W_OK | os.X_OK):
            return None, f"`{path}` cannot be written"
        _sweep(path)
    except OSError as error:
        return None, f"`{path}`: {error.strerror}"
    if shutil.disk_usage(path).free < _ROOM_FACTOR * total_bytes:
        return None, f"`{path}` is on a disk that the log needs for itself"
    return path, ""


def _is_ours(found: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    """Whether nobody but whoever runs this (and root) can have written it."""
    writable = stat.S_IWGRP | stat.S_IWOTH
    return is_kind(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & writable


def _sweep(place: Path) -> None:
    """Remove what interrupted conversions left; nobody else's of today."""
    for scratch in place.glob("*.new"):
        with suppress(OSError):
            if scratch.lstat().st_mtime < time.time() - _ABANDONED_S:
                scratch.unlink()


def _note(content: Content, frontier: Frontier) -> bytes:
    noted = {
        "version": VERSION,
        "size_bytes": content.size_bytes,
        "sha256": content.sha256,
        "tree_size": frontier.size,
        "peaks": [peak.hex() for peak in frontier.peaks],
    }
    return json.dumps(noted).encode()


def _kept(path: Path, content: Content) -> tuple[Any, Frontier] | None:
    """The table kept of a segment with that content, and the tree up to its end; None if none is.

    What is looked at is the file that was opened, so that no other can take its place in between.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not _is_ours(os.fstat(fd), stat.S_ISREG):
            return None
        data = pa.py_buffer(mmap.mmap(fd, 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        return None  # empty, or no file
    finally:
        os.close(fd)
    try:
        metadata = pq.read_metadata(pa.BufferReader(data))
        noted = json.loads((metadata.metadata or {})[_NOTE])
        seen = (noted["version"], noted["size_bytes"], noted["sha256"])
        frontier = Frontier.of(noted["tree_size"], [bytes.fromhex(p) for p in noted["peaks"]])
        if seen != (VERSION, content.size_bytes, content.sha256):
            return None
        if not metadata.schema.to_arrow_schema().equals(SCHEMA):
            return None
    except (pa.ArrowException, ValueError, KeyError, TypeError):
        return None
    checked = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    form = ds.ParquetFileFormat(default_fragment_scan_options=checked)
    return ds.FileSystemDataset([form.make_fragment(data)], SCHEMA, form), frontier
