"""Questions to the tables, answered by DuckDB in memory, shut off from every file. Prints nothing.

The engine opens no file, loads no extension and takes no other setting once it is ready; whatever
text it is given can read what stands in ``log``, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from pdp.audit.columns import NAMES
from pdp.audit.errors import QueryRefused, TableUnusable
from pdp.audit.filters import Filters
from pdp.audit.tables import Tables, Watch, unwatched

# By default every column but the bytes: those are for replays, not for eyes.
SHOWN: Final = tuple(name for name in NAMES if name != "payload")
# `offset` is a word of SQL.
_SELECTED: Final = ", ".join(f'"{name}"' for name in SHOWN)
_ROWS_MAX: Final = 2_048
# The engine's words for an error of Arrow while it reads a table.
_TABLE_FAULT: Final = "reading the stream registered as"
_UNUSABLE: Final = "a kept table cannot be read; add `--fresh` to make all anew"
_SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    # Else a name in a query could be a variable of this program.
    "python_enable_replacements": "false",
    "memory_limit": "1GB",
    # Nothing spills to disk: a query that needs more is refused.
    "temp_directory": "",
}


class Log:
    """A log ready to be asked; close it when done."""

    def __init__(self, directory: Path, *, fresh: bool = False, watch: Watch = unwatched) -> None:
        """Take the log as it is now; ``fresh`` makes all tables anew.

        Raises LogCorrupt, LogMissing, LogUnreadable, TableUnusable; OSError.
        """
        self._tables = Tables(directory, fresh=fresh, watch=watch)
        self._engine = duckdb.connect(":memory:", config=_SETTINGS)
        self._engine.execute("set TimeZone = 'UTC'")
        self._names = [f"part_{number}" for number in range(len(self._tables.parts))]
        for name, part in zip(self._names, self._tables.parts, strict=True):
            self._engine.register(name, part)
        union = " union all ".join(f"from {name}" for name in self._names)
        self._engine.execute(f"create view log as {union}")
        self._engine.execute("set lock_configuration = true")

    @property
    def trouble(self) -> str:
        """Why no tables are kept, for people; empty where they are."""
        return self._tables.trouble

    def close(self) -> None:
        """Let go of engine and files."""
        self._engine.close()
        self._tables.close()

    def filtered(self, filters: Filters, limit: int | None = None) -> Iterator[tuple[Any, ...]]:
        """The values of ``SHOWN`` for each record, oldest first, at most ``limit``.

        Segment by segment: sorting never holds more than one. Raises QueryRefused, TableUnusable.
        """
        where, values = filters.where()
        remaining = limit
        for name in self._names:
            count = "" if remaining is None else f" limit {remaining:d}"
            # Only words of ours: values are bound.
            text = f"select {_SELECTED} from {name} where {where} order by seq{count}"  # noqa: S608
            for row in self._run(text, values)[1]:
                yield row
                remaining = None if remaining is None else remaining - 1
            if remaining == 0:
                return

    def asked(self, sql: str) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
        """The names and rows that one SELECT over ``log`` gives. Raises QueryRefused.

        Errors in values may come only with the row they concern.
        """
        try:
            statements = self._engine.extract_statements(sql)
        except duckdb.Error as error:
            raise _refused(error) from None
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise QueryRefused("a query is one `select` statement over the table `log`")
        return self._run(sql, [])

    def _run(
        self, text: str, values: list[str | int]
    ) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
        with _naming():
            result = self._engine.sql(text, params=values)
            return tuple(result.columns), _rows(result.to_arrow_reader(_ROWS_MAX))


def _rows(batches: Any) -> Iterator[tuple[Any, ...]]:
    with _naming():
        for batch in batches:
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


@contextmanager
def _naming() -> Iterator[None]:
    """An error of the engine is about the query's text, or about a table that it cannot read."""
    try:
        yield
    except duckdb.Error as error:
        if _TABLE_FAULT in str(error):
            raise TableUnusable(_UNUSABLE) from error
        raise _refused(error) from None
    except (pa.ArrowException, OSError) as error:
        raise TableUnusable(_UNUSABLE) from error


def _refused(error: duckdb.Error) -> QueryRefused:
    """In our words, with the first line of what the engine says: it is about the query's text."""
    told = (str(error).splitlines() or ["no reason was given"])[0]
    return QueryRefused(f"the query cannot be run: {told}")
