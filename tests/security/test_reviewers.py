"""What callers put into records reaches a terminal as text: no escape, no tag, no crash."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from typing import Final

import pytest
from msgspec.structs import replace
from rich.console import Console

from pdp.cli.log import record_lines
from pdp.cli.output import safe
from pdp.model import Entity
from tests.service import questions as ask
from tests.service.desk import Desk

# Harmless each, but a type and an id are shown side by side.
HALVES: Final = (("[/", "x]"), ("[red", "x]"), ("[link=https", "//evil.example]"), ("\\", "[/]"))
PIECES: Final = ("\\", "[", "]", "/", "[/]", "[red]", "[link=x]", "red", ":", " ")


def shown(*lines: str, colours: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, highlight=False, emoji=False, soft_wrap=True, force_terminal=colours,
        color_system="truecolor" if colours else None,
    )  # fmt: skip
    for line in lines:
        console.print(line)
    return out.getvalue()


@pytest.mark.parametrize(("type_name", "id_"), HALVES)
def test_no_name_stops_or_styles_the_tail(desk: Desk, type_name: str, id_: str) -> None:
    hostile = replace(ask.ALLOW, principal=Entity(type_name, id_), on_behalf_of=())
    desk.decide(ask.data(hostile))
    desk.decide(ask.data(ask.ALLOW))
    desk.writer.close()
    result = subprocess.run(
        [sys.executable, "-m", "pdp.cli.main", "log", "tail", str(desk.directory)],
        capture_output=True, text=True, timeout=30, check=False,
        env={"PATH": "/usr/bin:/bin", "FORCE_COLOR": "1", "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert f"{type_name}::{id_}" in result.stdout
    assert "small" in result.stdout
    assert "\x1b]8" not in result.stdout


def test_any_two_texts_side_by_side_are_shown_as_they_are() -> None:
    draw = random.Random(4)
    for _ in range(3_000):
        one, two = ("".join(draw.choices(PIECES, k=draw.randint(0, 4))) for _ in range(2))
        line = f"[bold]{safe(one)}{safe(two)}[/]: {safe(one)}[dim]{safe(two)}[/]"
        assert shown(line) == f"{one}{two}: {one}{two}\n"
        assert "\x1b]8" not in shown(line, colours=True)


def test_nothing_shown_of_a_record_moves_the_cursor() -> None:
    hostile = "\x1b[2J\x9b1A\x07\r\u202e\u2066"
    text = shown(*record_lines({"kind": "decision", "args": {hostile: [hostile, "\\"]}}))
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
