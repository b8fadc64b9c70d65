"""`pdp check`: every mistake in a policy directory, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pdp.cli.output import Format, console
from pdp.cli.policyfiles import checked_or_exit, read_policies, show_diagnostics


def check(
    path: Annotated[Path, typer.Argument(help="A policy directory, or one .charter file.")],
    form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TEXT,
) -> None:
    """Check policies: syntax, names, types, ownership. Exit 3 on any error."""
    files = read_policies(path)
    found = checked_or_exit(files, form)
    show_diagnostics(found.diagnostics, files, form)
    if form is Format.TEXT and found.policies is not None:
        policies = found.policies
        console().print(
            f"[green]ok[/]: bundle {policies.bundle.name} {policies.bundle.version},"
            f" {len(policies.rules)} rules, {len(policies.tests)} tests,"
            f" {len(found.directory)} directory entries"
        )
