"""`pdp test`: run the tests that stand beside the policies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.output import (
    Format,
    FormatOption,
    console,
    decision_to_json,
    fail,
    place,
    print_json,
    safe,
)
from pdp.cli.policyfiles import PolicyPath, engine_or_exit, root_of
from pdp.eval.policytest import TestResult


def run_tests(
    path: PolicyPath,
    form: FormatOption = Format.TEXT,
    *,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Name the tests that pass, too.")
    ] = False,
) -> None:
    """Run every test in the policies. Exit 1 if one fails, 3 if the policies do not check."""
    results = engine_or_exit(path, form).run_tests()
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
        _print(results, root_of(path), verbose=verbose)
        console().print(
            f"{len(results) - len(failed)} passed, {len(failed)} failed",
            style="red" if failed else "green",
        )
    raise typer.Exit(Exit.FAILURE if failed else Exit.SUCCESS)


def _print(results: tuple[TestResult, ...], root: Path, *, verbose: bool) -> None:
    out = console()
    for result in results:
        span = result.test.span
        named = f"{safe(result.test.title)}  [dim]{safe(place(root, span.file))}:{span.line}[/]"
        if not result.passed:
            out.print(f"[red]FAILED[/] {named}")
            for problem in result.problems:
                out.print(f"       {safe(problem)}")
        elif verbose:
            out.print(f"[green]passed[/] {named}")


def _to_json(result: TestResult) -> dict[str, object]:
    return {
        "title": result.test.title,
        "file": result.test.span.file,
        "line": result.test.span.line,
        "passed": result.passed,
        "problems": list(result.problems),
        "decision": decision_to_json(result.decision) if result.decision else None,
    }
