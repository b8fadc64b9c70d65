"""`pdp decide`: one answer for one request, in process and unlogged, for authors and scripts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pdp import canonical
from pdp.cli.exit_codes import Exit
from pdp.cli.output import (
    EXIT_OF_EFFECT,
    Format,
    console,
    decision_lines,
    decision_to_json,
    fail,
    print_json,
    safe,
)
from pdp.cli.policyfiles import checked_or_exit, read_policies
from pdp.engine import Engine
from pdp.eval.reference_explain import RuleOutcome
from pdp.model import REQUEST_BYTES_MAX
from pdp.request import Request

_STYLE = {"held": "green", "false": "dim", "error": "red"}


def decide(
    request: Annotated[
        str, typer.Argument(help="A JSON file in the form of DecideRequest, or - for stdin.")
    ],
    policies: Annotated[Path, typer.Option("--policies", help="The policy directory.")],
    form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TEXT,
    *,
    unsafe_accept_unsigned: Annotated[
        bool,
        typer.Option("--unsafe-accept-unsigned", help="Accept unsigned sources (development)."),
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what each candidate rule came to, and why.")
    ] = False,
) -> None:
    """Decide one request. Exit 0 allow, 2 deny, 4 require approval, 3 invalid request."""
    if not unsafe_accept_unsigned:
        fail(
            "these policies are unsigned, and this version reads no signed bundle yet;"
            " add --unsafe-accept-unsigned to use them in development",
            Exit.INVALID,
        )
    parsed = Request.from_json(_read(request))
    files = read_policies(policies)
    checked_or_exit(files, form)
    engine = Engine(files)
    decision = engine.decide(parsed)
    outcomes = engine.explain(parsed) if explain else ()
    if form is Format.JSON:
        answer = decision_to_json(decision, parsed.request_id)
        if explain:
            answer["explanation"] = [_to_json(outcome) for outcome in outcomes]
        print_json(answer)
    else:
        out = console()
        for line in decision_lines(decision):
            out.print(line)
        for outcome in outcomes:
            out.print(_line(outcome))
    raise typer.Exit(EXIT_OF_EFFECT[decision.effect])


def _read(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(REQUEST_BYTES_MAX + 1)
    try:
        with Path(source).open("rb") as file:
            return file.read(REQUEST_BYTES_MAX + 1)
    except OSError as error:
        fail(f"`{source}` cannot be read: {error.strerror}", Exit.INVALID)


def _line(outcome: RuleOutcome) -> str:
    where = ""
    if outcome.span is not None:
        where = f"  [dim]{outcome.span.file}:{outcome.span.line}:{outcome.span.column}[/]"
    read = ", ".join(f"{safe(label)} = {safe(canonical.write(v))}" for label, v in outcome.values)
    what = f"{outcome.outcome}{f' ({outcome.error})' if outcome.error else ''}"
    style = _STYLE[outcome.outcome]
    return (
        f"  [{style}]{what:<8}[/] {outcome.effect:<8} [bold]{outcome.rule}[/]"
        f" for {safe(outcome.principal)}{where}{f'  {read}' if read else ''}"
    )


def _to_json(outcome: RuleOutcome) -> dict[str, object]:
    return {
        "principal": outcome.principal,
        "rule": outcome.rule,
        "effect": outcome.effect,
        "outcome": outcome.outcome,
        "error": outcome.error,
        "file": outcome.span.file if outcome.span else "",
        "line": outcome.span.line if outcome.span else 0,
        "column": outcome.span.column if outcome.span else 0,
        "values": {label: canonical.write(value) for label, value in outcome.values},
    }
