"""How commands speak: formats, consoles, the shapes of decisions. Colours respect NO_COLOR."""

from __future__ import annotations

import enum
import json
import sys
from typing import Final, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from pdp.cli.exit_codes import Exit
from pdp.decisionlog.show import escaped, message_to_json
from pdp.model import Decision, Effect
from pdp.protoform import decision_to_proto

EFFECT_STYLE: Final = {
    Effect.ALLOW: "green",
    Effect.DENY: "red",
    Effect.REQUIRE_APPROVAL: "yellow",
}
EXIT_OF_EFFECT: Final = {
    Effect.ALLOW: Exit.SUCCESS,
    Effect.DENY: Exit.DENY,
    Effect.REQUIRE_APPROVAL: Exit.APPROVAL,
}


class Format(enum.StrEnum):
    """How a command prints."""

    TEXT = "text"
    JSON = "json"


def console(*, stderr: bool = False) -> Console:
    """A console for people: no guessing of highlights, no wrapping of what scripts may read."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def fail(message: str, code: Exit) -> NoReturn:
    """Say what is wrong on standard error and leave with ``code``."""
    console(stderr=True).print(f"[bold red]error[/]: {safe(message)}")
    raise typer.Exit(code)


def safe(text: str) -> str:
    """Text from outside, harmless for a terminal and for markup; line breaks stay."""
    return "\n".join(escape(escaped(line)) for line in text.split("\n"))


def decision_to_json(decision: Decision, request_id: str = "") -> dict[str, object]:
    """A decision in the JSON form of ``DecideResponse``: its names, members in lower case."""
    return dict(message_to_json(decision_to_proto(decision, request_id)))


def decision_lines(decision: Decision) -> list[str]:
    """A decision for people, one marked-up line each."""
    style = EFFECT_STYLE[decision.effect]
    cause = f" ({decision.cause.value})" if decision.cause else ""
    lines = [f"[bold {style}]{decision.effect.value}[/]{cause}"]
    if decision.reasons.for_person:
        lines.append(f"  {safe(decision.reasons.for_person)}")
    for rule in decision.rules:
        because = f": {safe(rule.because)}" if rule.because else ""
        lines.append(f"  rule   [bold]{rule.rule}[/]{because}")
        lines.append(f"  owner  {safe(rule.owner)} ({safe(rule.contact)})")
    if decision.attribution.accountable:
        lines.append(f"  answers for it  {safe(decision.attribution.accountable)}")
    if decision.approval is not None:
        needs = [
            f"{need.count} of {safe(need.group)}"
            + (f" where {safe(need.where)}" if need.where else "")
            for need in decision.approval.needs
        ]
        lines.append(f"  needs  {', '.join(needs)}")
    lines.extend(f"  must   {item.name} {safe(item.value)}" for item in decision.obligations)
    lines.extend(
        f"  error  {error.rule}: {error.kind} at {error.file}:{error.line}:{error.column}"
        for error in decision.errors
    )
    return lines
