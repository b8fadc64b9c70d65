"""`pdp log verify | show | tail`: the decision log for reviewers; other commands stand beside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.kept import read_kept
from pdp.cli.output import (
    EFFECT_STYLE,
    Format,
    FormatOption,
    console,
    counted,
    fail,
    help_and_exit,
    print_json,
    print_json_line,
    safe,
)
from pdp.cli.replay import replay
from pdp.decisionlog.record import Record
from pdp.decisionlog.show import Json, find, record_to_json, tail
from pdp.decisionlog.verify import Problem, VerifyReport, verify

app = typer.Typer(help="Verify and read a decision log.", rich_markup_mode=None)

Directory: TypeAlias = Annotated[
    Path, typer.Argument(metavar="DIR", help="The directory of the log.")
]

Keys: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="HEX", help="The log's public key; `pdp keys public` shows it."),
]
Anchors: TypeAlias = Annotated[
    list[Path] | None, typer.Option(help="Checkpoints kept elsewhere: one JSON object a line.")
]
Receipts: TypeAlias = Annotated[
    list[Path] | None, typer.Option(help="Receipts that callers kept: one JSON object a line.")
]

_STYLES: Final = {effect.value: style for effect, style in EFFECT_STYLE.items()}
_EFFECT_COLUMNS: Final = len("require_approval")
_KIND_COLUMNS: Final = len("bundle_activation")
_MILLISECONDS_END: Final = len("2026-01-31T12:00:00.000")
# Longer than any decision id or sequence number.
_WANTED_CHARS_MAX: Final = 64


app.command("replay")(replay)


@app.callback(invoke_without_command=True)
def log(context: typer.Context) -> None:
    """Verify and read a decision log."""
    if context.invoked_subcommand is None:
        help_and_exit(context)


@app.command("verify")
def verify_(
    directory: Directory,
    key: Keys = None,
    anchor: Anchors = None,
    receipt: Receipts = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Check every byte of a log. Exit 1, and name the place, if anything is wrong.

    Records missing from the end cannot be seen without something to compare with: give the
    checkpoints that left the host, or receipts that callers kept. Exit 3 for what is neither.
    """
    kept = read_kept(key or [], anchor or [], receipt or [])
    with reading(directory):
        report = verify(directory, kept.receipts, anchors=kept.checkpoints, trust=kept.trust)
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
        for line in report_lines(report):
            out.print(line)
    raise typer.Exit(Exit.SUCCESS if report.ok else Exit.FAILURE)


@app.command("show")
def show(
    directory: Directory,
    wanted: Annotated[
        str, typer.Argument(metavar="ID", help="A decision id, or a sequence number.")
    ],
    form: FormatOption = Format.TEXT,
) -> None:
    """Show one record in full. Exit 1 if the log does not hold it."""
    with reading(directory):
        record = find(directory, wanted[:_WANTED_CHARS_MAX])
    if record is None:
        fail(
            f"no record `{wanted}` in `{directory}`; `pdp log tail` shows the newest", Exit.FAILURE
        )
    shown = record_to_json(record)
    if form is Format.JSON:
        print_json(shown)
    else:
        out = console()
        for line in record_lines(shown):
            out.print(line)


@app.command("tail")
def tail_(
    directory: Directory,
    count: Annotated[
        int,
        typer.Option(
            "--count", "-n", metavar="N", min=0, max=1_000_000, help="How many of the newest."
        ),
    ] = 10,
    form: FormatOption = Format.TEXT,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with each new record until Ctrl-C.")
    ] = False,
) -> None:
    """Show the newest records, one a line.

    With --format json every line is a JSON document with the whole record.
    """
    out = console()
    try:
        for record in _tailed(directory, count, follow=follow):
            shown = record_to_json(record)
            if form is Format.JSON:
                print_json_line(shown)
            else:
                out.print(_summary(shown))
    except KeyboardInterrupt:
        raise typer.Exit(Exit.SUCCESS if follow else Exit.INTERRUPTED) from None


def _tailed(directory: Path, count: int, *, follow: bool) -> Iterator[Record]:
    records = tail(directory, count, follow=follow)
    while True:
        with reading(directory):
            record = next(records, None)
        if record is None:
            return
        yield record


@contextmanager
def reading(directory: Path) -> Iterator[None]:
    """A disk that fails, or says no, is named: an error of a read does not say of which file."""
    try:
        yield
    except OSError as error:
        fail(f"the log in `{directory}` cannot be read: {error.strerror}", Exit.FAILURE)


def report_lines(report: VerifyReport) -> list[str]:
    """What a verification came to, marked up: the verdict, then which log and how far."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(report.records.items()))
    total = counted(sum(report.records.values()), "record")
    counts = f"{total}{f' ({kinds})' if kinds else ''}"
    log_id = safe(report.log_id or "unknown")
    if report.ok:
        return [
            f"[green]ok[/]: {counts}",
            f"log {log_id}, tree size {report.tree_size}, root {report.root}",
        ]
    return [
        f"[bold red]damaged[/]: {counts} intact, {report.tree_size} of them before the damage",
        f"log {log_id}; keep a copy of the directory as it is",
    ]


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
    """One line: sequence, time to the millisecond, kind, and what the record says most of all."""
    when = _plain(shown.get("time", ""))
    if when.endswith("Z"):
        when = f"{when[:_MILLISECONDS_END]}Z"
    kind = _plain(shown["kind"])
    return f"{shown['seq']:>8} {when} {kind:<{_KIND_COLUMNS}} {_told(kind, shown)}".rstrip()


def _told(kind: str, shown: dict[str, Json]) -> str:
    match kind:
        case "decision":
            return _decided(_member(shown, "answer"), _member(shown, "request"))
        case "refusal":
            who = " by ".join(filter(None, (_text(shown, "action"), _text(shown, "principal"))))
            why = ": ".join(filter(None, (_text(shown, "reason"), _text(shown, "field"))))
            return f"{_text(shown, 'status')} {who} ({why})".replace("  ", " ")
        case "bundle_activation":
            bundle = _member(shown, "bundle")
            return " ".join(_text(bundle, name) for name in ("name", "version", "digest"))
        case "explanation":
            return _explained(shown)
        case "stop_order":
            return _ordered(shown)
        case "start":
            return f"{_text(shown, 'node')} {_text(shown, 'engine_version')}"
        case _:
            return _text(shown, "reason")


def _explained(shown: dict[str, Json]) -> str:
    """What the explained decision came to, about what and for whom, and who asked."""
    chain = shown.get("chain")
    principal, *others = [_plain(uid) for uid in chain] if isinstance(chain, list) else [""]
    line = f"{_styled(_text(shown, 'effect'))} {_text(shown, 'action')}"
    line += f" on {_text(shown, 'resource')}" if shown.get("resource") else ""
    line += f" by {principal}" + "".join(f" for {uid}" for uid in others)
    line += f": {_text(shown, 'cause')}" if shown.get("cause") else ""
    return f"{line} (asked by {_text(shown, 'peer') or 'somebody unknown'})"


def _ordered(shown: dict[str, Json]) -> str:
    """What was stopped or resumed, by whom and why."""
    order = _member(shown, "order")
    what = f"{_text(order, 'kind')} {_text(order, 'target')}"
    if shown.get("is_resumed"):
        return f"resumed {what} by {_text(shown, 'resumed_by')}: {_text(shown, 'resumed_why')}"
    return f"stopped {what} by {_text(order, 'who')}: {_text(order, 'why')}"


def _styled(effect: str) -> str:
    return f"[{_STYLES.get(effect, 'red')}]{effect:<{_EFFECT_COLUMNS}}[/]"


def _decided(answer: dict[str, Json], request: dict[str, Json]) -> str:
    """Effect, action, for whom, and by which rules or for which cause."""
    line = f"{_styled(_text(answer, 'effect'))} {_text(request, 'action')}"
    principal = _member(request, "principal")
    line += f" by {_text(principal, 'type')}::{_text(principal, 'id')}"
    accountable = _text(_member(answer, "attribution"), "accountable")
    line += f" for {accountable}" if accountable else " for nobody"
    rules = answer.get("rules")
    rules = rules if isinstance(rules, list) else []
    names = [_text(rule, "rule") for rule in rules if isinstance(rule, dict)]
    cause = _text(answer, "cause")
    why = ([cause] if cause and not (cause == "rule" and names) else []) + names
    return f"{line}: {', '.join(why)}" if why else line


def _member(shown: dict[str, Json], name: str) -> dict[str, Json]:
    value = shown.get(name)
    return value if isinstance(value, dict) else {}


def _text(shown: dict[str, Json], name: str) -> str:
    return _plain(shown.get(name, ""))


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
