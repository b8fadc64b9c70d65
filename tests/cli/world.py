"""The real command as a process, and the files that tests give it. Runs and keeps; checks nothing.

A line such as ``check {mistakes} --format json`` is run once, however many tests look at it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from tests.decisionlog import samples

POLICIES: Final = Path(__file__).with_name("policies")
MISTAKES: Final = Path(__file__).resolve().parents[1] / "corpus" / "mistakes"
UNSAFE: Final = "--policies {policies} --unsafe-accept-unsigned"
DECISION_ID: Final = "0197-a"
# A ceiling against hanging.
END_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Done:
    """What a run left: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document."""
        return json.loads(self.out)


class Forker:
    """The process of ``forking.py``, and the files it runs the command with."""

    def __init__(self, directory: Path) -> None:
        self._streams = {name: directory / name for name in ("in", "out", "err")}
        root = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.forking"],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def run(self, arguments: Sequence[str], stdin: bytes, env: dict[str, str]) -> Done:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        for name, path in self._streams.items():
            path.write_bytes(stdin if name == "in" else b"")
        streams = {name: str(path) for name, path in self._streams.items()}
        asked = {"arguments": arguments, "env": env, **streams}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return Done(code, self._streams["out"].read_text(), self._streams["err"].read_text())

    def close(self) -> None:
        self._process.communicate()


@dataclass(frozen=True, slots=True)
class World:
    """Where things are, by the names that lines use in braces; and every run so far."""

    places: dict[str, str]
    forker: Forker
    _runs: dict[str, Done] = field(default_factory=dict)

    def arguments(self, line: str) -> list[str]:
        """The words of a line, with the places filled in."""
        return [word.format_map(self.places) for word in line.replace("{unsafe}", UNSAFE).split()]

    def run(self, line: str) -> Done:
        """Run a line, or give what it left the first time."""
        if line not in self._runs:
            self._runs[line] = self.pdp(*self.arguments(line))
        return self._runs[line]

    def pdp(self, *arguments: str, stdin: bytes = b"", **env: str) -> Done:
        """Run the command to its end, in a process forked for it."""
        return self.forker.run(arguments, stdin, environment(**env))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pdp.cli.main", *arguments]


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what would change how the command speaks or works."""
    changing = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "TTY_COMPATIBLE", "PYTHONIOENCODING"}
    kept = {
        name: text
        for name, text in os.environ.items()
        if name not in changing and not name.startswith("PDP_")
    }
    return {**kept, "PYTHONUTF8": "1", "TERM": "xterm-256color", **more}


def alone(*arguments: str, **env: str) -> Done:
    """Run the command to its end, from the start of the interpreter on."""
    run = subprocess.run(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(**env),
        timeout=END_S,
        check=False,
    )
    return Done(run.returncode, run.stdout.decode(), run.stderr.decode())


# ---------------------------------------------------------------- what tests give it


def refund(amount: object, **more: object) -> dict[str, object]:
    """A request of the agent `bot` for `ann`; members given by name replace those."""
    return {
        "principal": {"type": "Agent", "id": "bot"},
        "on_behalf_of": [{"type": "User", "id": "ann"}],
        "action": "pay.refund",
        "args": {"amount": amount},
        "resource": {"type": "Order", "id": "o-1", "attributes": {"total": "900.00"}},
        **more,
    }


REQUESTS: Final[dict[str, dict[str, object]]] = {
    "allow": refund("20.00", request_id="r-1"),
    "deny": refund("20.00", args={"amount": "20.00", "note": "hurry up"}),
    "no_allow": refund("600.00", on_behalf_of=[{"type": "User", "id": "ben"}]),
    "approval": refund("300.00", args={"amount": "300.00", "note": "late"}),
    "unknown": refund("20.00", action="pay.refnd"),
    "refused": refund("20.00", args={"amount": True}),
}


def build(directory: Path) -> World:
    """Everything that lines can name, made in ``directory``."""
    places = {"policies": str(POLICIES), "mistakes": str(MISTAKES), "id": DECISION_ID}
    for name, request in REQUESTS.items():
        places[name] = str(directory / f"{name}.json")
        Path(places[name]).write_text(json.dumps(request))
    places["broken"] = str(directory / "broken.json")
    Path(places["broken"]).write_text('{\n  "principal": {"type": "Agent",}\n}\n')
    for name in ("empty", "gone"):
        places[name] = str(directory / name)
    Path(places["empty"]).mkdir()
    places["part"] = str(MISTAKES / "twelve.charter")
    places["other"] = __file__
    places |= {name: str(path) for name, path in _policies(directory).items()}
    streams = directory / "streams"
    streams.mkdir()
    return World(places | _logs(directory), Forker(streams))


def _policies(directory: Path) -> dict[str, Path]:
    """Bundles that are nearly the good one."""
    good = (POLICIES / "desk.charter").read_text()
    bare = good.partition("fixture bot")[0]
    made = {
        "alone": bare,
        "failing": good.replace("expect allow", "expect deny cause no_allow"),
        "warned": good.replace('        because "Nobody is hurried into a refund."\n', ""),
    }
    people = (POLICIES / "people.directory.json").read_bytes()
    places: dict[str, Path] = {}
    for name, text in made.items():
        places[name] = directory / name
        places[name].mkdir()
        (places[name] / "desk.charter").write_text(text)
        (places[name] / "people.directory.json").write_bytes(people)
    places["single"] = places["alone"] / "desk.charter"
    places["unreadable"] = directory / "unreadable"
    places["unreadable"].mkdir()
    # Whoever runs the tests may read anything; nobody can read this.
    (places["unreadable"] / "lost.charter").symlink_to("nowhere")
    return places


def _logs(directory: Path) -> dict[str, str]:
    places = {name: str(directory / name) for name in ("log", "damaged")}
    for place in places.values():
        with Writer.open(Path(place), samples.setup()) as writer:
            writer.append(Kind.DECISION, samples.decision_payload(DECISION_ID))
            writer.append(Kind.REFUSAL, samples.refusal(2))
            writer.append(Kind.STOP, samples.stop())
    segment = Path(places["damaged"]) / "0000000001.seg"
    data = bytearray(segment.read_bytes())
    data[data.index(b"payment.refund")] ^= 1
    segment.write_bytes(data)
    places["nolog"] = str(directory / "nolog")
    (directory / "nolog" / "0000000001.seg").mkdir(parents=True)
    return places
