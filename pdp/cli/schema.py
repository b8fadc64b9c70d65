"""`pdp schema from-mcp`: draft declarations from what tools say about themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pdp.authoring.frommcp import Draft, draft_from_tools
from pdp.authoring.toollist import INPUT_BYTES_MAX, ToolListError, read_tool_list
from pdp.cli.exit_codes import Exit
from pdp.cli.output import (
    Format,
    FormatOption,
    console,
    counted,
    fail,
    help_and_exit,
    print_json,
    safe,
)

app = typer.Typer(help="Draft declarations of what tools do.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def schema(context: typer.Context) -> None:
    """Draft declarations of what tools do."""
    if context.invoked_subcommand is None:
        help_and_exit(context)


@app.command("from-mcp")
def from_mcp(
    tools: Annotated[
        str,
        typer.Argument(metavar="TOOLS", help="The server's answer to tools/list, or - for stdin."),
    ],
    server: Annotated[
        str,
        typer.Option(
            "--server", metavar="NAME", help="The server's name: first in every action's name."
        ),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write to this new file; else to stdout."),
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Turn the tools of an MCP server into actions for you to review.

    Exit 3 for what is no tool list.
    """
    try:
        draft = draft_from_tools(read_tool_list(_read(tools)), server)
    except ToolListError as error:
        fail(f"`{tools}`: {error}", Exit.INVALID)
    if output is not None:
        _write(output, draft.text)
    if form is Format.JSON:
        print_json(_to_json(draft, output))
        return
    if output is None:
        # Policy files are UTF-8, whatever the terminal takes.
        sys.stdout.flush()
        sys.stdout.buffer.write(draft.text.encode())
        sys.stdout.flush()
    _report(draft, output)


def _read(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(INPUT_BYTES_MAX + 1)
    try:
        with Path(source).open("rb") as file:
            return file.read(INPUT_BYTES_MAX + 1)
    except OSError as error:
        fail(f"`{source}` cannot be read: {error.strerror}", Exit.INVALID)


def _write(output: Path, text: str) -> None:
    """A file that is there may have been reviewed: it is never overwritten."""
    try:
        with output.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        fail(f"`{output}` exists; write to another file, and compare the two", Exit.INVALID)
    except OSError as error:
        fail(f"`{output}` cannot be written: {error.strerror}", Exit.FAILURE)


def _report(draft: Draft, output: Path | None) -> None:
    """What became of the list, on standard error: standard output may be a policy file."""
    err = console(stderr=True)
    for line in draft.left_out:
        err.print(f"[yellow]left out[/]: tool {safe(line)}")
    if draft.has_more:
        err.print("[yellow]warning[/]: this is one page of several: fetch the others too")
    where = f" in {safe(str(output))}" if output is not None else ""
    err.print(f"[green]ok[/]: {counted(len(draft.actions), 'action')}{where}; review every line")


def _to_json(draft: Draft, output: Path | None) -> dict[str, object]:
    return {
        "actions": list(draft.actions),
        "left_out": list(draft.left_out),
        "has_more": draft.has_more,
        "output": str(output) if output is not None else "",
        "text": draft.text if output is None else "",
    }
