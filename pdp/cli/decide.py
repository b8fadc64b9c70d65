"""`pdp decide`: one answer for one request, in process and unlogged, for authors and scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.output import (
    EXIT_OF_EFFECT,
    Format,
    FormatOption,
    console,
    decision_lines,
    decision_to_json,
    fail,
    print_json,
)
from pdp.cli.policyfiles import engine_or_exit, root_of
from pdp.cli.reports.explanation import all_lines, candidate_line, short_lines, to_json
from pdp.engine import Engine
from pdp.explanation import Explanation
from pdp.lang.declared.scalars import timestamp_us
from pdp.model import REQUEST_BYTES_MAX
from pdp.request import Request

WhyNotOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--why-not",
        metavar="POLICY.RULE",
        help="Say why that rule was not a candidate. May be repeated.",
    ),
]
NowOption: TypeAlias = Annotated[
    str, typer.Option("--now", metavar="RFC3339", help="Explain at that time instead of now.")
]


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
        bool,
        typer.Option("--explain", help="Say what the answer follows from, in ten lines at most."),
    ] = False,
    explain_all: Annotated[
        bool, typer.Option("--explain-all", help="Say all of it: each candidate rule in full.")
    ] = False,
    why_not: WhyNotOption = None,
    now: NowOption = "",
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
    names = why_not or []
    is_explained = explain or explain_all
    now_us = _instant(now, is_explained=is_explained)
    data = _read(request)
    _check_syntax(data)
    parsed = Request.from_json(data)
    engine = engine_or_exit(policies, form)
    reasons = _reasons(engine, parsed, names)
    explanation = engine.explain(parsed, now_us) if is_explained or names else None
    decision = engine.decide(parsed) if explanation is None else explanation.decision
    if form is Format.JSON:
        answer = decision_to_json(decision, parsed.request_id)
        if explanation is not None and is_explained:
            answer["explanation"] = to_json(explanation)
        if names:
            answer["why_not"] = _why_not_to_json(reasons)
        print_json(answer)
    else:
        root = root_of(policies)
        lines = decision_lines(decision, root)
        if explanation is not None:
            lines += _told(explanation, reasons, root, short=explain, whole=explain_all)
        out = console()
        for line in lines:
            out.print(line)
    raise typer.Exit(EXIT_OF_EFFECT[decision.effect])


def _told(
    explanation: Explanation, reasons: dict[str, str], root: Path, *, short: bool, whole: bool
) -> Iterator[str]:
    """The explanation in the length asked for, then an answer for each rule asked about."""
    yield ""
    if whole:
        yield from all_lines(explanation, root)
    elif short:
        yield from short_lines(explanation, root)
    for name, reason in reasons.items():
        yield candidate_line(name, reason, explanation)


def _why_not_to_json(reasons: dict[str, str]) -> list[dict[str, object]]:
    return [
        {"rule": name, "is_candidate": not reason, "reason": reason}
        for name, reason in reasons.items()
    ]


def _reasons(engine: Engine, request: Request, names: Iterable[str]) -> dict[str, str]:
    """For each rule named, why it is no candidate, or nothing; leaves if there is no such rule."""
    known = {rule.name for rule in engine.checked.rules}
    reasons = {}
    for name in names:
        reasons[name] = engine.why_not(request, name)
        if name not in known:
            fail(reasons[name], Exit.INVALID)
    return reasons


def _instant(text: str, *, is_explained: bool) -> int | None:
    """The time that ``--now`` names, in microseconds since 1970."""
    if not text:
        return None
    if not is_explained:
        fail("`--now` is for explanations: add `--explain`", Exit.INVALID)
    instant = timestamp_us(text)
    if instant is None:
        fail(
            f"`--now {text}` is no time: write it like 2026-03-02T10:00:00Z, with a zone",
            Exit.INVALID,
        )
    return instant


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
