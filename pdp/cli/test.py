"""`pdp test`: run the tests that stand beside the policies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, console, decision_to_json, fail, print_json, safe
from pdp.cli.policyfiles import checked_or_exit, read_policies
from pdp.engine import Engine
from pdp.eval.policytest import TestResult


def run_tests(
    path: Annotated[Path, typer.Argument(help="A policy directory, or one .charter file.")],
    form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TEXT,
    *,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Name the tests that pass, too.")
    ] = False,
) -> None:
    """Run every test in the policies. Exit 1 if one fails, 3 if the policies do not check."""
    files = read_policies(path)
    checked_or_exit(files, form)
    results = Engine(files).run_tests()
    if not results:
        fail(f'`{path}` holds no tests; add `test "…" {{ … }}` beside the policies', Exit.FAILURE)
    failed = [result for result in results if not result.passed]
    if form is Format.JSON:
        print_json(
            {
                "passed": len(results) - len(failed),
                "failed": len(failed),
                "tests": [_to_json(result) for result in results],
            }
        )
    else:
        _print(results, verbose=verbose)
        console().print(
            f"{len(results) - len(failed)} passed, {len(failed)} failed",
            style="red" if failed else "green",
        )
    raise typer.Exit(Exit.FAILURE if failed else Exit.SUCCESS)


def _print(results: tuple[TestResult, ...], *, verbose: bool) -> None:
    out = console()
    for result in results:
        where = f"{result.test.span.file}:{result.test.span.line}"
        if not result.passed:
            out.print(f"[red]FAILED[/] {safe(result.test.title)}  [dim]{where}[/]")
            for problem in result.problems:
                out.print(f"       {safe(problem)}")
        elif verbose:
            out.print(f"[green]passed[/] {safe(result.test.title)}  [dim]{where}[/]")


def _to_json(result: TestResult) -> dict[str, object]:
    return {
        "title": result.test.title,
        "file": result.test.span.file,
        "line": result.test.span.line,
        "passed": result.passed,
        "problems": list(result.problems),
        "decision": decision_to_json(result.decision) if result.decision else None,
    }
