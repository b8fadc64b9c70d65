"""`pdp decide`: one answer for one request, in process and unlogged, for authors and scripts."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp import canonical
from pdp._proto import decision_pb2 as pb
from pdp.canonical import Tree
from pdp.cli.exit_codes import Exit
from pdp.cli.output import (
    EXIT_OF_EFFECT,
    Format,
    FormatOption,
    console,
    decision_lines,
    decision_to_json,
    fail,
    place,
    print_json,
    safe,
)
from pdp.cli.policyfiles import engine_or_exit, root_of
from pdp.decisionlog.show import message_to_json
from pdp.eval.reference import RuleOutcome
from pdp.model import REQUEST_BYTES_MAX
from pdp.request import Request

_STYLE: Final = {"held": "green", "false": "dim", "error": "red"}


def decide(
    request: Annotated[
        str,
        typer.Argument(
            metavar="REQUEST",
            help="A JSON file in the form of DecideRequest, or - for standard input.",
        ),
    ],
    policies: Annotated[
        Path, typer.Option("--policies", metavar="DIR", help="The directory of the bundle.")
    ],
    form: FormatOption = Format.TEXT,
    *,
    unsafe_accept_unsigned: Annotated[
        bool,
        typer.Option(
            "--unsafe-accept-unsigned",
            help="Decide by policies that nobody signed. Must be given: this version reads no"
            " signed bundle yet.",
        ),
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what each candidate rule came to, and why.")
    ] = False,
) -> None:
    """Decide one request. Exit 0 allow, 2 deny, 4 require approval, 3 invalid request.

    Nothing is recorded: this is for authors and scripts, never for enforcement.
    """
    if not unsafe_accept_unsigned:
        fail(
            "these policies are unsigned, and this version reads no signed bundle yet;"
            " add `--unsafe-accept-unsigned` to use them in development",
            Exit.INVALID,
        )
    data = _read(request)
    _check_syntax(data)
    parsed = Request.from_json(data)
    engine = engine_or_exit(policies, form)
    decision = engine.decide(parsed)
    outcomes = engine.explain(parsed) if explain else ()
    if form is Format.JSON:
        answer = decision_to_json(decision, parsed.request_id)
        if explain:
            answer["explanation"] = [_to_json(outcome) for outcome in outcomes]
        print_json(answer)
    else:
        out = console()
        for line in decision_lines(decision, root_of(policies)):
            out.print(line)
        if explain:
            for line in _explanation(outcomes, root_of(policies)):
                out.print(line)
    raise typer.Exit(EXIT_OF_EFFECT[decision.effect])


def _read(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(REQUEST_BYTES_MAX + 1)
    try:
        with Path(source).open("rb") as file:
            return file.read(REQUEST_BYTES_MAX + 1)
    except OSError as error:
        fail(f"`{source}` cannot be read: {error.strerror}", Exit.INVALID)


def _check_syntax(data: bytes) -> None:
    """Say where the text stops being JSON; whatever else may be wrong, the request itself says."""
    if len(data) > REQUEST_BYTES_MAX:
        return
    if not data.strip():
        fail("invalid request: it is empty", Exit.INVALID)
    try:
        json.loads(data.decode())
    except json.JSONDecodeError as error:
        fail(
            f"invalid request: not valid JSON from line {error.lineno}, column {error.colno} on",
            Exit.INVALID,
        )
    except (ValueError, RecursionError):
        return


def _explanation(outcomes: tuple[RuleOutcome, ...], root: Path) -> Iterator[str]:
    """For each member of the chain, a line for each rule: outcome, effect, rule, place, values."""
    if not outcomes:
        yield "  no rule was read for this request"
    width = max((len(outcome.rule) for outcome in outcomes), default=0)
    for principal, group in itertools.groupby(outcomes, key=lambda outcome: outcome.principal):
        yield ""
        yield f"  rules for {safe(principal)}"
        yield from (_line(outcome, width, root) for outcome in group)


def _line(outcome: RuleOutcome, width: int, root: Path) -> str:
    style, rule = _STYLE[outcome.outcome], safe(f"{outcome.rule:<{width}}")
    line = f"  [{style}]{outcome.outcome:<5}[/]  {outcome.effect:<7}  {rule}"
    if outcome.span is not None:
        span = outcome.span
        line += f"  [dim]{safe(place(root, span.file))}:{span.line}:{span.column}[/]"
    notes = [f"{label} = {canonical.write(value)}" for label, value in outcome.values]
    notes = [outcome.error, *notes] if outcome.error else notes
    return f"{line}  {safe(', '.join(notes))}".rstrip()


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
        "values": {label: _shown(value) for label, value in outcome.values},
    }


def _shown(value: Tree) -> object:
    """As ``DecideResponse`` shows values: inline, a number that a float would change as text."""
    return message_to_json(pb.ShownValue(value=canonical.write(value)))["value"]
