"""`pdp log export`: the decision log in one file for other tools."""

from __future__ import annotations

import enum
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from pdp.cli.exit_codes import Exit
from pdp.cli.log import Directory
from pdp.cli.output import console, counted, fail, safe

if TYPE_CHECKING:
    from pdp.audit.export import Exported
    from pdp.audit.tables import Watch

_LIBRARY = "pdp.audit.export"


class ExportFormat(enum.StrEnum):
    """What the file is made of."""

    JSONL = "jsonl"
    PARQUET = "parquet"
    OCSF = "ocsf"


def export(
    directory: Directory,
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The new file.")],
    form: Annotated[
        ExportFormat,
        typer.Option(
            "--format",
            metavar="jsonl|parquet|ocsf",
            help="JSON lines, a table with every byte of the records, or OCSF API activity.",
        ),
    ] = ExportFormat.JSONL,
) -> None:
    """Write a whole log to a file for other tools.

    What stands in the file is in docs/decision-log.md. Exit 1, and no file, if the log is damaged.
    """
    if output.exists() or output.is_symlink():
        fail(f"`{output}` exists; name a new file", Exit.INVALID)
    # Loaded by name: every other command starts without these libraries.
    write = importlib.import_module(_LIBRARY).export
    try:
        with watching("exporting") as watch:
            done: Exported = write(directory, output, form.value, watch)
    except OSError as error:
        fail(f"`{directory}` cannot be exported to `{output}`: {error.strerror}", Exit.FAILURE)
    left = done.records - done.written
    told = f"; {counted(left, 'record')} of other kinds left out" if left else ""
    console().print(f"[green]ok[/]: {counted(done.written, 'record')} in {safe(str(output))}{told}")


@contextmanager
def watching(what: str) -> Iterator[Watch]:
    """Who is told how far it is: a bar, if standard error is a terminal."""
    out = console(stderr=True)
    if not out.is_terminal:
        yield lambda _done, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
