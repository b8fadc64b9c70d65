"""`pdp test`: run the tests that stand beside the policies, and say what they do not show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

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
from pdp.cli.policyfiles import PolicyPath, engine_or_exit, read_policies, root_of
from pdp.cli.reports.coverage import coverage_lines, coverage_to_json
from pdp.cli.reports.invariants import invariant_lines, invariant_to_json, reported_invariant
from pdp.cli.reports.junit import Reported, junit
from pdp.engine import Engine
from pdp.eval.coverage import Coverage, measure
from pdp.eval.invariants import InvariantResult
from pdp.eval.policytest import TestResult
from pdp.lang.checked import PolicyTest
from pdp.lang.checker import read_sources

# Shorter runs are over before a bar could be read.
LONG_RUN: Final = 200
# Requests for each invariant: some seconds' worth, and the most that can be asked for.
INVARIANTS: Final = 2_000
INVARIANTS_MAX: Final = 10_000_000

_Item = TypeVar("_Item")


def run_tests(
    path: PolicyPath,
    form: FormatOption = Format.TEXT,
    *,
    text: Annotated[
        str,
        typer.Option("-k", metavar="TEXT", help="Only tests with this in their title or file."),
    ] = "",
    file: Annotated[
        str, typer.Option("--file", metavar="FILE", help="Only the tests of this policy file.")
    ] = "",
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Name the tests that pass, too.")
    ] = False,
    coverage: Annotated[
        bool,
        typer.Option("--coverage", help="Say what no test shows of rules, tiers and routes."),
    ] = False,
    fail_under: Annotated[
        float | None,
        typer.Option(
            "--fail-under",
            metavar="PERCENT",
            min=0,
            max=100,
            help="Measure coverage, and exit 1 below this.",
        ),
    ] = None,
    junit_file: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Write a JUnit XML report to this file."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--invariants",
            metavar="N",
            min=0,
            max=INVARIANTS_MAX,
            show_default=False,
            help=f"Requests for each invariant: {INVARIANTS:,}, or none when only some tests run.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Other requests for the invariants.")
    ] = 1,
) -> None:
    """Run every test in the policies. Exit 1 if one fails, 3 if the policies do not check."""
    engine = engine_or_exit(path, form)
    tests = _selected(engine, path, text, file)
    results = tuple(_with_progress(engine.run_each(tests), len(tests), "tests"))
    claims = _tried(engine, seed, _requests(count, is_part=bool(text or file)))
    measured = _measured(engine, results) if coverage or fail_under is not None else None
    is_short = measured is not None and fail_under is not None and measured.percent < fail_under
    if junit_file is not None:
        _write(junit_file, engine.bundle.name, results, claims)
    if form is Format.JSON:
        _print_json(results, claims, measured)
    else:
        _print(results, root_of(path), verbose=verbose)
        _print_lines(invariant_lines(claims, root_of(path), seed))
        if measured is not None:
            _print_lines(_coverage_lines(measured, path))
        if is_short:
            console().print(f"[red]coverage is below {fail_under:g} %[/]")
    passed = [result.passed for result in results] + [claim.passed for claim in claims]
    has_failed = is_short or not all(passed)
    raise typer.Exit(Exit.FAILURE if has_failed else Exit.SUCCESS)


# ---------------------------------------------------------------- which, and running them


def _selected(engine: Engine, path: Path, text: str, file: str) -> Sequence[PolicyTest]:
    tests = engine.checked.tests
    if not tests:
        fail(f'`{path}` holds no tests; add `test "…" {{ … }}` beside the policies', Exit.FAILURE)
    chosen = [test for test in tests if _is_chosen(test, root_of(path), text, file)]
    if not chosen:
        fail(f"none of the {len(tests)} tests in `{path}` is asked for", Exit.FAILURE)
    return chosen


def _is_chosen(test: PolicyTest, root: Path, text: str, file: str) -> bool:
    """``file`` is a name in the bundle, or that of the file as it can be opened from here."""
    name = test.span.file
    if file and file not in {name, place(root, name)}:
        return False
    return text.casefold() in test.title.casefold() or text.casefold() in name.casefold()


def _with_progress(items: Iterable[_Item], total: int, what: str) -> Iterator[_Item]:
    """The items; while a long run lasts, a bar on a terminal shows how far it is."""
    out = console(stderr=True)
    if total < LONG_RUN or not out.is_terminal:
        yield from items
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        yield from progress.track(items, total=total, description=what)


def _requests(count: int | None, *, is_part: bool) -> int:
    """How many requests each claim is tried with: whoever runs some tests only is in a hurry."""
    if count is None:
        return 0 if is_part else INVARIANTS
    return count


def _tried(engine: Engine, seed: int, count: int) -> tuple[InvariantResult, ...]:
    """Every claim, tried out; none when no requests are asked for."""
    out = console(stderr=True)
    if not count or not engine.checked.invariants:
        return ()
    if not out.is_terminal:
        return engine.try_invariants(seed, count)
    with out.status("invariants"):
        return engine.try_invariants(seed, count)


def _measured(engine: Engine, results: Sequence[TestResult]) -> Coverage:
    shown = _with_progress(results, len(results), "coverage")
    return measure(engine.checked, engine.directory, shown)


# ---------------------------------------------------------------- saying what came of it


def _print(results: Sequence[TestResult], root: Path, *, verbose: bool) -> None:
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
    failed = sum(not result.passed for result in results)
    out.print(
        f"{len(results) - failed} passed, {failed} failed", style="red" if failed else "green"
    )


def _coverage_lines(measured: Coverage, path: Path) -> Iterator[str]:
    return coverage_lines(measured, read_sources(read_policies(path)), root_of(path))


def _print_lines(lines: Iterable[str]) -> None:
    out = console()
    for line in lines:
        out.print(line)


def _print_json(
    results: Sequence[TestResult], claims: Sequence[InvariantResult], measured: Coverage | None
) -> None:
    failed = sum(not result.passed for result in results)
    report: dict[str, object] = {
        "passed": len(results) - failed,
        "failed": failed,
        "tests": [_to_json(result) for result in results],
        "invariants": [invariant_to_json(claim) for claim in claims],
    }
    if measured is not None:
        report["coverage"] = coverage_to_json(measured)
    print_json(report)


def _to_json(result: TestResult) -> dict[str, object]:
    return {
        "title": result.test.title,
        "file": result.test.span.file,
        "line": result.test.span.line,
        "passed": result.passed,
        "problems": list(result.problems),
        "decision": decision_to_json(result.decision) if result.decision else None,
    }


def _write(
    file: Path, bundle: str, results: Sequence[TestResult], claims: Sequence[InvariantResult]
) -> None:
    cases = [
        Reported(result.test.title, result.test.span.file, result.test.span.line, result.problems)
        for result in results
    ]
    suites = [(bundle, cases)]
    if claims:
        suites.append((f"{bundle} invariants", [reported_invariant(claim) for claim in claims]))
    try:
        file.write_bytes(junit(suites))
    except OSError as error:
        fail(f"`{file}` cannot be written: {error.strerror}", Exit.FAILURE)
