"""Runs the console blocks of a page as the people in it would, and compares what they see.

A block that names a room, as in ```` ```console ann ````, is run in the folder of that name; a
```` ```toml ann/file ```` block is a file there. What differs from run to run is masked, and `[…]`
stands for any lines. Knows no page.
"""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# Ceilings against hanging.
END_S: Final = 180.0
GAP: Final = "[…]"
# Where the page says that everything lies.
SHOWN_ROOT: Final = "/srv/pdp"
_SHELL: Final = "/bin/bash"
_BLOCK: Final = re.compile(r"^```(console|toml) (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_QUESTION: Final = "[y/N]"
_COMPLAINTS: Final = ("error:", "refused ")
_MASKS: Final = (
    (re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{16}|[0-9a-f]{12})\b"), "<hex>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"\bin \d+ d \d+ h\b"), "<span>"),
    (re.compile(r"\bput \d+ bytes\b"), "put <n> bytes"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A command that somebody types, and the lines that they see."""

    room: str
    command: str
    expected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A file that somebody writes."""

    name: str
    text: str


def steps(page: str) -> Iterator[Step | File]:
    """Everything that is done on a page, in its order."""
    for kind, name, body in _BLOCK.findall(page):
        if kind == "toml":
            yield File(name, body)
        else:
            yield from commands_in(name, body.splitlines())


def commands_in(room: str, lines: list[str]) -> Iterator[Step]:
    """What is typed in one block, and what is seen after each."""
    rest = list(lines)
    while rest:
        command = rest.pop(0).removeprefix("$ ")
        while command.endswith("\\"):
            command = command.removesuffix("\\") + rest.pop(0).strip()
        expected = []
        while rest and not rest[0].startswith("$ "):
            expected.append(rest.pop(0))
        yield Step(room, command, tuple(expected))


def masked(text: str) -> str:
    """The text without what no two runs have in common."""
    for pattern, shown in _MASKS:
        text = pattern.sub(shown, text)
    return text


def is_as_shown(expected: tuple[str, ...], found: str) -> bool:
    """Whether the lines are those of the page, but for what is masked or left out."""
    pattern = "".join(
        "(?:.*\n)*?" if line == GAP else re.escape(masked(line)) + "\n" for line in expected
    )
    return re.fullmatch(pattern, masked(found)) is not None


@dataclass(slots=True)
class Walk:
    """The rooms below ``root``. ``close`` ends the servers that were started."""

    root: Path
    servers: list[subprocess.Popen[str]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    def do(self, step: Step | File) -> None:
        """Raises AssertionError, saying what was seen, unless it is as the page shows."""
        if isinstance(step, File):
            place = self.root / step.name
            place.parent.mkdir(exist_ok=True)
            place.write_text(step.text)
            return
        if step.command.startswith("export "):
            name, _, value = step.command.removeprefix("export ").partition("=")
            self.environment[name] = value.replace(SHOWN_ROOT, str(self.root))
            return
        deadline = time.monotonic() + END_S
        while True:
            found, code = self._run(step)
            fails = any(line.startswith(_COMPLAINTS) for line in step.expected)
            expected = tuple(line for line in step.expected if _QUESTION not in line)
            if is_as_shown(expected, found) and (code != 0) == fails:
                return
            # What a server takes up by itself takes it a moment.
            is_waited_for = step.command == "pdp status" and time.monotonic() < deadline
            assert is_waited_for, f"{step}\ncode {code}, saw:\n{found}"
            time.sleep(0.5)

    def close(self) -> None:
        for server in self.servers:
            server.terminate()
            server.wait(END_S)
            if server.stdout is not None:
                server.stdout.close()

    def _run(self, step: Step) -> tuple[str, int]:
        room = self.root / step.room
        room.mkdir(exist_ok=True)
        if step.command.endswith("&"):
            found, code = self._served(step.command.removesuffix("&"), room), 0
        elif any(_QUESTION in line for line in step.expected):
            found, code = self._answered(step, room)
        else:
            done = subprocess.run(
                [_SHELL, "-c", step.command],
                cwd=room,
                env=self._env(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=END_S,
                check=False,
            )
            found, code = done.stdout, done.returncode
        return found.replace(str(self.root), SHOWN_ROOT), code

    def _env(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "NO_COLOR": "1", **self.environment}

    def _served(self, command: str, room: Path) -> str:
        server = subprocess.Popen(
            [_SHELL, "-c", f"exec {command}"],
            cwd=room,
            env=self._env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.servers.append(server)
        assert server.stdout is not None
        found = ""
        while not found.splitlines()[-1:] or not found.splitlines()[-1].startswith("serving "):
            assert select.select([server.stdout], [], [], END_S)[0], f"no server: {found}"
            line = server.stdout.readline()
            assert line, f"the server ended: {found}"
            found += line
        return found

    def _answered(self, step: Step, room: Path) -> tuple[str, int]:
        """Run it on a terminal, and type what the page shows after the question."""
        [line] = [line for line in step.expected if _QUESTION in line]
        question, _, answer = line.rpartition(" ")
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [_SHELL, "-c", step.command],
            cwd=room,
            env=self._env(),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            start_new_session=True,
        )
        os.close(theirs)
        asked = b""
        try:
            os.write(ours, f"{answer}\n".encode())
            found, _ = process.communicate(timeout=END_S)
            while select.select([ours], [], [], 0)[0]:
                try:
                    asked += os.read(ours, 65_536)
                except OSError:  # how Linux tells that the other end is closed
                    break
        finally:
            process.kill()
            process.wait()
            os.close(ours)
        assert question in asked.decode(), f"{step}\nasked:\n{asked.decode()}"
        return found, process.returncode
