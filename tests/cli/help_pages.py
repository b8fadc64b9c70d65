"""The help pages as data: every command with its arguments and options. Runs nothing.

Also whether what a page of documentation shows could be typed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer

from pdp.cli.main import app


def commands(root: typer.Typer = app) -> dict[str, Any]:
    """Every command by its words (``log verify``), groups of commands included."""
    return dict(_walk("", typer.main.get_command(root)))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        yield from _walk(f"{name} {word}".strip(), inner)


def undocumented(root: typer.Typer = app) -> list[str]:
    """Commands, arguments and options whose help is missing or no sentence."""
    found: list[str] = []
    for name, command in commands(root).items():
        found += [] if _is_sentence(command.help) else [name]
        found += [f"{name} {p.name}" for p in command.params if not _is_sentence(p.help)]
    return found


def _is_sentence(text: str | None) -> bool:
    return (text or "").strip().endswith(".")


def lines_typed(page: str) -> list[str]:
    """Every command in a block for shells, on one line."""
    blocks = re.findall(r"^```(?:sh|console)[^\n]*\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    # A line of a timetable has its times before the command.
    found = (re.search(r"^(?:\$ |[0-9*/ ]+)?(pdp [a-z].*)$", line) for line in lines)
    return [match[1] for match in found if match]


def unknown_words(line: str) -> list[str]:
    """The options in a line that its command does not have, or the command if there is none."""
    known = commands()
    alone = re.split(r" [|&>]", line, maxsplit=1)[0]
    words = shlex.split(alone)[1:]
    name = ""
    while words and f"{name} {words[0]}".strip() in known:
        name = f"{name} {words.pop(0)}".strip()
    if not name or hasattr(known[name], "commands"):
        return words[:1]
    options = {option for parameter in known[name].params for option in parameter.opts}
    given = [word.partition("=")[0] for word in words if word.startswith("-") and word != "-"]
    return [word for word in given if word not in options]
