"""`pdp describe`: a bundle in plain words, for those who sign it."""

from __future__ import annotations

import enum
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, console, fail, safe
from pdp.cli.policyfiles import PolicyPath, engine_or_exit, read_policies
from pdp.describing.bundle import Evidence
from pdp.describing.bundle import describe as describe_bundle
from pdp.describing.markdown import to_markdown
from pdp.describing.page import to_html
from pdp.engine import Engine
from pdp.eval.coverage import RULE, measure
from pdp.eval.policytest import TestResult
from pdp.lang.checker import read_sources


class DescribeFormat(enum.StrEnum):
    """What the description is written as."""

    MARKDOWN = "markdown"
    HTML = "html"


_WRITERS: Final = {DescribeFormat.MARKDOWN: to_markdown, DescribeFormat.HTML: to_html}


def describe(
    path: PolicyPath,
    form: Annotated[
        DescribeFormat,
        typer.Option(
            "--format", metavar="markdown|html", help="Markdown, or one HTML page that prints well."
        ),
    ] = DescribeFormat.MARKDOWN,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write to this file; else to stdout."),
    ] = None,
) -> None:
    """Say in plain words what policies allow, refuse and ask for.

    Made from the checked policies, to be signed. Exit 3 if they do not check.
    """
    engine = engine_or_exit(path, Format.TEXT)
    sources = read_sources(read_policies(path))
    results = engine.run_tests()
    evidence = Evidence(
        engine.bundle.digest,
        engine.directory,
        _held(engine, results),
        sum(not result.passed for result in results),
    )
    text = _WRITERS[form](describe_bundle(engine.checked, sources, evidence))
    if output is None:
        # UTF-8, whatever the terminal takes.
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
        return
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        fail(f"`{output}` cannot be written: {error.strerror}", Exit.FAILURE)
    console().print(f"[green]ok[/]: {safe(str(output))}")


def _held(engine: Engine, results: Sequence[TestResult]) -> dict[str, int]:
    """In how many tests each rule holds."""
    measured = measure(engine.checked, engine.directory, results)
    return {
        goal.name: goal.tests
        for goal in measured.goals
        if goal.kind == RULE and goal.outcome == "held"
    }
