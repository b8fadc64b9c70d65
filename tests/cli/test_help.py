"""Every command, argument and option says what it is for, and the README knows every command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp.cli.exit_codes import Exit
from tests.cli.help_pages import commands, undocumented
from tests.cli.world import World

README: Final = Path(__file__).resolve().parents[2] / "README.md"


def test_everything_has_a_help_text() -> None:
    assert undocumented() == []


def test_what_has_none_is_seen() -> None:
    app = typer.Typer(help="Two commands.")

    @app.command()
    def silent(name: str, *, loud: Annotated[bool, typer.Option(help="how loud")] = False) -> None:
        raise AssertionError(name, loud)

    @app.command()
    def fine(name: Annotated[str, typer.Argument(help="Whose.")]) -> None:
        """Say something."""
        raise AssertionError(name)

    assert undocumented(app) == ["silent", "silent name", "silent loud"]


def test_commands_are_found() -> None:
    assert {"", "check", "decide", "demo", "log", "log verify", "serve", "test"} <= set(commands())


def test_first_sentences_fit(world: World) -> None:
    """The overview of commands cuts off what is too long for 80 columns."""
    for line in ("--help", "log --help"):
        out = world.run(line).out
        assert "..." not in out.replace("[ARGS]...", "")
        assert max(map(len, out.splitlines())) <= 80


def test_help_names_every_exit_code(world: World) -> None:
    text = world.run("--help").out.partition("Exit codes: ")[2]
    named = {int(number) for number in re.findall(r"\b[0-9]+\b", text)}
    assert named == set(Exit) - {Exit.INTERRUPTED}


def test_readme_names_every_command() -> None:
    text = README.read_text(encoding="utf-8")
    names = [name for name, command in commands().items() if not hasattr(command, "commands")]
    assert [name for name in names if f"`pdp {name}" not in text] == []
