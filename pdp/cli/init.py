"""`pdp init`: a new bundle that checks and passes its tests, and reads like a tutorial."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from pdp.authoring.newbundle import EXAMPLE_NAME, BundleNameError, new_bundle
from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, FormatOption, console, fail, print_json, safe


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory that is empty or does not exist.")
    ],
    name: Annotated[
        str,
        typer.Option("--name", metavar="NAME", help="The bundle's name, your organisation first."),
    ] = EXAMPLE_NAME,
    form: FormatOption = Format.TEXT,
) -> None:
    """Write a small bundle to start from: policies, people and tests.

    Exit 3 if the directory holds anything.
    """
    try:
        files = new_bundle(_example(), name)
    except BundleNameError as error:
        fail(str(error), Exit.INVALID)
    _write(directory, files)
    if form is Format.JSON:
        print_json({"bundle": name, "directory": str(directory), "files": list(files)})
        return
    out, shown = console(), safe(str(directory))
    out.print(f"[green]ok[/]: bundle {name} in {shown}: {', '.join(files)}")
    out.print(f"next: `pdp check {shown}`, `pdp test {shown}`, then read bundle.charter")


def _example() -> dict[str, str]:
    folder = resources.files("pdp.authoring").joinpath("starter")
    return {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.is_file()}


def _write(directory: Path, files: dict[str, str]) -> None:
    """All files into a directory that holds nothing; what is there is never touched."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            fail(f"`{directory}` is not empty; name a new directory", Exit.INVALID)
        for file, text in files.items():
            with (directory / file).open("x", encoding="utf-8", newline="\n") as target:
                target.write(text)
    except FileExistsError:
        fail(f"`{directory}` is not a directory; name a new one", Exit.INVALID)
    except OSError as error:
        fail(f"`{directory}` cannot be written: {error.strerror}", Exit.FAILURE)
