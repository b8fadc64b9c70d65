"""Files that are read whole, within a limit, and written whole or not at all. Knows no format."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.output import fail

OutputOption: TypeAlias = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.")
]


def read_whole(path: Path, bytes_max: int) -> bytes:
    """A file's bytes, at most one more than ``bytes_max``; whoever reads them refuses that one."""
    try:
        with path.open("rb") as file:
            return file.read(bytes_max + 1)
    except OSError as error:
        fail(f"`{path}` cannot be read: {error.strerror}", Exit.INVALID)


def write_whole(path: Path, data: bytes) -> None:
    """The file with these bytes, safely on disk; on any failure it is as it was before."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            with beside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    except OSError as error:
        fail(f"`{path}` cannot be written: {error.strerror}", Exit.FAILURE)
