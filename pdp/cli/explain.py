"""`pdp explain`: what a diagnostic means, why it is made, and how to write it instead."""

from __future__ import annotations

from typing import Annotated

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, FormatOption, console, fail, print_json, safe
from pdp.lang.complaints import close
from pdp.lang.diagnostics import Code
from pdp.lang.presenting.everycode import EVERY_CODE
from pdp.lang.presenting.explain import Example, explanations, text_of


def explain(
    code: Annotated[
        str,
        typer.Argument(
            metavar="CODE", help="A code or its name: C0202, unknown-action; none for all of them."
        ),
    ] = "",
    form: FormatOption = Format.TEXT,
) -> None:
    """Explain a code of `pdp check`, with examples. Exit 3 if there is no such code."""
    if not code:
        _print_all(form)
        return
    found = _named(code)
    if form is Format.JSON:
        print_json(_to_json(found))
        return
    out = console()
    for line in text_of(found).rstrip("\n").split("\n"):
        out.print(safe(line))


def _named(word: str) -> Code:
    by_word = {code.code.lower(): code for code in EVERY_CODE.values()}
    by_word |= {code.name: code for code in EVERY_CODE.values()}
    found = by_word.get(word.lower())
    if found is None:
        known = [*EVERY_CODE, *(code.name for code in EVERY_CODE.values())]
        advice = close(word, known) or "`pdp explain` lists them"
        fail(f"there is no code `{word}`; {advice}", Exit.INVALID)
    return found


def _print_all(form: Format) -> None:
    codes = [EVERY_CODE[code] for code in sorted(EVERY_CODE)]
    if form is Format.JSON:
        print_json({"codes": [_head(code) for code in codes]})
        return
    out = console()
    width = max(len(code.name) for code in codes)
    for code in codes:
        style = "red" if code.severity == "error" else "yellow"
        named = f"{code.name:<{width}}  {code.severity:<7}"
        out.print(f"[{style}]{code.code}[/]  {named}  [dim]{safe(code.what)}[/]")


def _head(code: Code) -> dict[str, object]:
    return {"code": code.code, "name": code.name, "severity": code.severity, "what": code.what}


def _to_json(code: Code) -> dict[str, object]:
    explanation = explanations()[code.code]
    return {
        **_head(code),
        "why": explanation.why,
        "bad": _example(explanation.bad),
        "good": _example(explanation.good),
    }


def _example(example: Example | None) -> dict[str, object] | None:
    """``whole``: a complete file, not an addition to one."""
    return None if example is None else {"text": example.text, "whole": example.is_whole}
