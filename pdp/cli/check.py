"""`pdp check`: every mistake in a policy directory, and nothing else."""

from __future__ import annotations

import datetime
import enum
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

import pdp
from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, console, counted, fail, place, print_json, safe
from pdp.cli.policyfiles import PolicyPath, checked_or_exit, read_policies, root_of
from pdp.engine import check_files
from pdp.lang.presenting.everycode import EVERY_CODE
from pdp.lang.presenting.sarif import to_sarif


class CheckFormat(enum.StrEnum):
    """How the mistakes are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def check(
    path: PolicyPath,
    form: Annotated[
        CheckFormat,
        typer.Option(
            "--format",
            metavar="text|json|sarif",
            help="Text for people, JSON for programs, or SARIF for code hosts and editors.",
        ),
    ] = CheckFormat.TEXT,
    today: Annotated[
        str,
        typer.Option(
            "--today",
            metavar="YYYY-MM-DD",
            help="The day on which dates have passed or not; else the machine's, in UTC.",
        ),
    ] = "",
) -> None:
    """Check policies: syntax, names, types, ownership. Exit 3 if there is any mistake.

    A warning is shown, but is no mistake.
    """
    day = _day(today)
    if form is CheckFormat.SARIF:
        _print_sarif(path, day)
        return
    found = checked_or_exit(path, Format(form.value), day)
    if form is CheckFormat.TEXT and found.policies is not None:
        policies = found.policies
        counts = (
            counted(len(policies.rules), "rule"),
            counted(len(policies.tests), "test"),
            counted(len(found.directory), "directory entry", "directory entries"),
        )
        console().print(
            f"[green]ok[/]: bundle {safe(policies.bundle.name)} {safe(policies.bundle.version)},"
            f" {', '.join(counts)}"
        )


def _day(text: str) -> datetime.date:
    if not text:
        return datetime.datetime.now(datetime.UTC).date()
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=datetime.UTC).date()
    except ValueError:
        fail(f"`{text}` is not a calendar date; write it as `2026-03-31`", Exit.INVALID)


def _print_sarif(path: Path, today: datetime.date) -> None:
    """One SARIF log on standard output, whatever was found; files are named from here."""
    found = check_files(read_policies(path), today)
    root = root_of(path)

    def uri_of(file: str) -> str:
        return (root / file).as_uri() if root.is_absolute() else quote(place(root, file))

    print_json(to_sarif(found.diagnostics, EVERY_CODE, version=pdp.__version__, uri_of=uri_of))
    if found.policies is None:
        raise typer.Exit(Exit.INVALID)
