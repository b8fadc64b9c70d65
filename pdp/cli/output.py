"""How commands speak: formats, consoles, JSON, complaints, decisions. Decides and reads nothing."""

from __future__ import annotations

import enum
import itertools
import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Final, NoReturn, TypeAlias

import typer
from rich.console import Console

from pdp.cli.exit_codes import Exit
from pdp.decisionlog.show import escaped, message_to_json
from pdp.model import ApprovalRequirement, Decision, Effect, Obligation, PdpError
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


_MARKUP: Final = re.compile(r"\[|\\+")


class Format(enum.StrEnum):
    """How a command prints."""

    TEXT = "text"
    JSON = "json"


FormatOption: TypeAlias = Annotated[
    Format,
    typer.Option("--format", metavar="text|json", help="Text for people, or JSON for programs."),
]


class Stopped(PdpError):
    """A command cannot go on; ``code`` is how the process leaves."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.code = code


def fail(message: str, code: Exit) -> NoReturn:
    """Leave with ``code``; the outermost handler says ``message``, one line for people."""
    raise Stopped(message, code) from None


def help_and_exit(context: typer.Context) -> NoReturn:
    """A group of commands named without a command: its help, as a usage mistake."""
    sys.stderr.write(context.get_help() + "\n")
    raise typer.Exit(Exit.INVALID)


def console(*, stderr: bool = False, width: int | None = None) -> Console:
    """A console for people: no guessing of highlights or emoji; lines stay whole without ``width``.

    Colours and bold only in a terminal (or with FORCE_COLOR), and never with NO_COLOR.
    """
    return Console(
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        stderr=stderr,
        highlight=False,
        emoji=False,
        soft_wrap=width is None,
        width=width,
    )


def json_text(value: object, *, indent: int | None = None) -> str:
    """JSON that any terminal and any encoding of standard output can show.

    Control and bidirectional characters stand as JSON escapes, so a program still reads the text
    as it is.
    """
    is_unicode = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    text = json.dumps(value, indent=indent, ensure_ascii=not is_unicode)
    return "\n".join(map(escaped, text.split("\n")))


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json_text(value, indent=2) + "\n")


def print_json_line(value: object) -> None:
    """One JSON document on a line of its own, at once."""
    sys.stdout.write(json_text(value) + "\n")
    sys.stdout.flush()


def safe(text: str) -> str:
    """Text from outside on one line, harmless for a terminal and for markup.

    Also beside more such text and beside markup: two harmless halves must not make a tag.
    """
    return _MARKUP.sub(_plain_markup, escaped(text))


def _plain_markup(found: re.Match[str]) -> str:
    # Backslashes count double before a tag and single anywhere else, so a tag of no effect follows.
    return r"\[" if found[0] == "[" else f"{found[0] * 2}[none][/none]"


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 record``, ``2 records``; ``plural`` where an s does not do."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def place(root: Path, file: str) -> str:
    """A file of a policy directory as it can be opened from here."""
    return (root / file).as_posix()


def decision_to_json(decision: Decision, request_id: str = "") -> dict[str, object]:
    """A decision in the JSON form of ``DecideResponse``: its names, members in lower case."""
    return dict(message_to_json(decision_to_proto(decision, request_id)))


def decision_lines(decision: Decision, root: Path) -> list[str]:
    """A decision for people, one marked-up line each; ``root`` is where the policies are."""
    style = EFFECT_STYLE[decision.effect]
    cause = f" ({decision.cause.value})" if decision.cause else ""
    lines = [f"[bold {style}]{decision.effect.value}[/]{cause}"]
    if decision.reasons.for_person:
        lines.append(f"  {safe(decision.reasons.for_person)}")
    lines.extend(_rule_lines(decision))
    lines.append(_row("accountable", safe(decision.attribution.accountable or "nobody")))
    if decision.approval is not None:
        lines.extend(_approval_lines(decision.approval))
    lines.extend(_row("obligation", _obligation(item)) for item in decision.obligations)
    lines.extend(
        _row("error", f"{error.kind} in {safe(error.rule)}  [dim]{safe(where)}[/]")
        for error in decision.errors
        for where in [f"{place(root, error.file)}:{error.line}:{error.column}"]
    )
    return lines


def _row(name: str, text: str) -> str:
    return f"  [dim]{name:<12}[/] {text}"


def _rule_lines(decision: Decision) -> list[str]:
    """Each rule with what it says, and after those of one owner, the owner."""
    lines: list[str] = []
    groups = itertools.groupby(decision.rules, key=lambda rule: (rule.owner, rule.contact))
    for (owner, contact), rules in groups:
        for rule in rules:
            because = f": {safe(rule.because)}" if rule.because else ""
            lines.append(_row("rule", f"[bold]{safe(rule.rule)}[/]{because}"))
        reach = f" ({safe(contact)})" if contact != owner else ""
        lines.append(_row("owner", f"{safe(owner)}{reach}"))
    return lines


def _approval_lines(approval: ApprovalRequirement) -> list[str]:
    lines = [
        _row("needs", f"{need.count} of {safe(need.group)}{where}")
        for need in approval.needs
        for where in [f" where {safe(need.where)}" if need.where else ""]
    ]
    if approval.exclude:
        lines.append(_row("not by", safe(", ".join(approval.exclude))))
    within = f"decide within {duration(approval.decide_within_s)}"
    lines.append(_row("time", f"{within}, use within {duration(approval.use_within_s)}"))
    return lines


def _obligation(item: Obligation) -> str:
    return f"{safe(item.name)} {safe(item.value)}{' (by the caller)' if item.on_caller else ''}"


def duration(seconds: int) -> str:
    """Whole seconds in the largest unit that divides them: ``4h``, ``90m``, ``45s``."""
    for unit, unit_s in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % unit_s == 0:
            return f"{seconds // unit_s}{unit}"
    return f"{seconds}s"
