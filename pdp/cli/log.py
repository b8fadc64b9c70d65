"""`pdp log verify | show | tail`: the decision log for reviewers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, console, fail, print_json, safe
from pdp.decisionlog.show import Json, find, record_to_json, tail
from pdp.decisionlog.verify import Problem, verify

app = typer.Typer(
    help="Verify and read a decision log.", no_args_is_help=True, rich_markup_mode=None
)

Directory = Annotated[Path, typer.Argument(help="The log directory.")]
Form = Annotated[Format, typer.Option("--format", help="How to print.")]


@app.command("verify")
def verify_(directory: Directory, form: Form = Format.TEXT) -> None:
    """Check every byte of a log. Exit 1, and name the place, if anything is wrong."""
    report = verify(directory)
    if form is Format.JSON:
        print_json(
            {
                "ok": report.ok,
                "log_id": report.log_id,
                "records": report.records,
                "segments": report.segments,
                "first_seq": report.first_seq,
                "last_seq": report.last_seq,
                "tree_size": report.tree_size,
                "root": report.root,
                "problems": [_problem_to_json(problem) for problem in report.problems],
            }
        )
    else:
        out = console()
        for problem in report.problems:
            out.print(f"[bold red]problem[/]: {_problem_line(problem)}")
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(report.records.items()))
        verdict = "[green]ok[/]" if report.ok else "[bold red]damaged[/]"
        out.print(f"{verdict}: {sum(report.records.values())} records ({kinds})")
        out.print(f"log {report.log_id}, tree size {report.tree_size}, root {report.root}")
    raise typer.Exit(Exit.SUCCESS if report.ok else Exit.FAILURE)


@app.command("show")
def show(
    directory: Directory,
    wanted: Annotated[str, typer.Argument(help="A decision id, or a sequence number.")],
    form: Form = Format.TEXT,
) -> None:
    """Show one record in full. Exit 1 if the log does not hold it."""
    record = find(directory, wanted)
    if record is None:
        fail(f"no record `{wanted}` in `{directory}`", Exit.FAILURE)
    shown = record_to_json(record)
    if form is Format.JSON:
        print_json(shown)
    else:
        for line in record_lines(shown):
            console().print(line)


@app.command("tail")
def tail_(
    directory: Directory,
    count: Annotated[int, typer.Option("--count", "-n", min=0, help="How many records.")] = 10,
    form: Form = Format.TEXT,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
) -> None:
    """Show the newest records, one a line; with --follow, each new one as it comes."""
    out = console()
    try:
        for record in tail(directory, count, follow=follow):
            shown = record_to_json(record)
            if form is Format.JSON:
                sys.stdout.write(json.dumps(shown, ensure_ascii=False) + "\n")
                sys.stdout.flush()
            else:
                out.print(_summary(shown))
    except KeyboardInterrupt:
        raise typer.Exit(Exit.SUCCESS) from None


def record_lines(shown: dict[str, Json]) -> list[str]:
    """A record as indented ``name: value`` lines for people, marked up."""
    return list(_lines(shown, ""))


def _lines(value: Json, indent: str) -> list[str]:
    lines: list[str] = []
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, dict | list) and item:
                lines.append(f"{indent}[bold]{safe(name)}[/]:")
                lines.extend(_lines(item, indent + "  "))
            else:
                lines.append(f"{indent}[bold]{safe(name)}[/]: {_plain(item)}")
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict | list):
                inner = _lines(item, indent + "  ")
                lines.append(f"{indent}- {inner[0].lstrip()}" if inner else f"{indent}-")
                lines.extend(inner[1:])
            else:
                lines.append(f"{indent}- {_plain(item)}")
    else:
        lines.append(f"{indent}{_plain(value)}")
    return lines


def _plain(value: Json) -> str:
    return safe(value if isinstance(value, str) else json.dumps(value))


def _summary(shown: dict[str, Json]) -> str:
    """One line: sequence, time, kind and, for a decision, what was decided for whom."""
    line = f"{shown['seq']:>8} {_plain(shown.get('time', ''))} {_plain(shown['kind']):<10}"
    answer, request = shown.get("answer"), shown.get("request")
    if isinstance(answer, dict) and isinstance(request, dict):
        rules = answer.get("rules")
        rules = rules if isinstance(rules, list) else []
        names = [rule.get("rule", "") for rule in rules if isinstance(rule, dict)]
        principal = request.get("principal", {})
        who = principal.get("id", "") if isinstance(principal, dict) else ""
        line += f" {_plain(answer.get('effect', '')):<16} {_plain(request.get('action', ''))}"
        line += f" by {_plain(who)}"
        if answer.get("cause"):
            line += f" ({_plain(answer['cause'])})"
        if names:
            line += f" {', '.join(_plain(name) for name in names)}"
    elif "reason" in shown:
        line += f" {_plain(shown['reason'])}"
    return line


def _problem_line(problem: Problem) -> str:
    last = problem.last_seq
    records = (
        f"record {problem.first_seq}"
        if last == problem.first_seq
        else (f"records {problem.first_seq} to {'the end' if last is None else last}")
    )
    return f"{safe(problem.segment)} at byte {problem.offset}, {records}: {safe(problem.what)}"


def _problem_to_json(problem: Problem) -> dict[str, object]:
    return {
        "segment": problem.segment,
        "offset": problem.offset,
        "first_seq": problem.first_seq,
        "last_seq": problem.last_seq,
        "what": problem.what,
    }
