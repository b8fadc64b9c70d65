"""The help pages as data: every command with its arguments and options. Runs nothing."""

from __future__ import annotations

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
