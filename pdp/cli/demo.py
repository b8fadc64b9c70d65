"""`pdp demo`: a real server, a real client, a table of answers, and the proof in the log."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pdp.cli.exit_codes import Exit
from pdp.cli.log import record_lines
from pdp.cli.output import EFFECT_STYLE, console, fail, safe
from pdp.client import PdpClient
from pdp.decisionlog.show import find, record_to_json
from pdp.decisionlog.verify import verify
from pdp.model import Decision, DenyCause, Effect, PdpError, RequestError
from pdp.request import Request
from pdp.service.config import STARTER_POLICIES

START_S: Final = 15.0
STOP_S: Final = 10.0
TABLE_COLUMNS: Final = 168


@dataclass(frozen=True, slots=True)
class Action:
    """One action of the demo, and what the starter policies answer."""

    title: str
    request: Request
    expect: dict[str, object]


@dataclass(frozen=True, slots=True)
class Answered:
    """What the server said: a decision, or the message of a refusal."""

    action: Action
    decision: Decision | None
    refusal: str
    latency_us: int

    @property
    def as_expected(self) -> bool:
        """Whether effect, cause and determining rules are those of the demo's own expectation."""
        expect = self.action.expect
        if self.decision is None:
            return expect.get("refused") == "invalid_argument"
        decision = self.decision
        found = {
            "effect": decision.effect.value,
            "cause": decision.cause.value if decision.cause else None,
            "rules": [rule.rule for rule in decision.rules],
        }
        return found == {"cause": None, "rules": []} | expect


def demo() -> None:
    """Serve the starter policies, ask about realistic agent actions, verify the log."""
    out = console()
    with tempfile.TemporaryDirectory(prefix="pdp-demo-") as folder:
        directory = Path(folder)
        socket_path, log_dir = directory / "pdp.sock", directory / "log"
        with _server(socket_path, log_dir) as serving:
            out.print(f"[dim]{safe(serving)}[/]")
            with PdpClient(f"unix:{socket_path}") as client:
                answers = [_ask(client, action) for action in _actions()]
        _print_table(answers)
        _show_log(log_dir, answers)
    unexpected = [answer.action.title for answer in answers if not answer.as_expected]
    if unexpected:
        fail(f"not what the starter policies should answer: {'; '.join(unexpected)}", Exit.FAILURE)


def _actions() -> list[Action]:
    text = resources.files("pdp.cli").joinpath("demo_requests.json").read_text("utf-8")
    return [
        Action(item["title"], Request.from_json(json.dumps(item["request"])), item["expect"])
        for item in json.loads(text)
    ]


def _ask(client: PdpClient, action: Action) -> Answered:
    started_ns = time.perf_counter_ns()
    decision, refusal = None, ""
    try:
        decision = client.decide(action.request)
    except RequestError as error:
        refusal = str(error)
    latency_us = (time.perf_counter_ns() - started_ns) // 1_000
    return Answered(action, decision, refusal, latency_us)


@contextmanager
def _server(socket_path: Path, log_dir: Path) -> Iterator[str]:
    """A server process on the starter policies; gives its `serving …` line once it is ready."""
    command = [
        *(sys.executable, "-m", "pdp.cli.main", "serve"),
        *("--policies", str(STARTER_POLICIES)),
        *("--unsafe-accept-unsigned", "--unsafe-any-caller"),
        *("--grpc", f"unix:{socket_path}", "--grpc", f"127.0.0.1:{_free_port()}"),
        *("--log-dir", str(log_dir)),
    ]
    process = subprocess.Popen(  # noqa: S603 - our own command, no shell
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield _ready(process)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line.startswith("serving"):
        _, said = process.communicate(timeout=START_S)
        raise PdpError(f"the demo's server did not start: {said.strip()}")
    return line


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _print_table(answers: list[Answered]) -> None:
    """One line an answer; in a terminal as wide as it is, elsewhere wide enough to read."""
    out = console()
    if not out.is_terminal:
        out = Console(highlight=False, width=TABLE_COLUMNS)
    title = "What agents asked, and what they were told"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column("#", justify="right", width=2)
    table.add_column("action", no_wrap=True, ratio=4)
    table.add_column("decision", no_wrap=True, width=16)
    table.add_column("determining rule, or cause", no_wrap=True, ratio=4)
    table.add_column("owner", no_wrap=True, ratio=3)
    table.add_column("reason", no_wrap=True, ratio=5)
    table.add_column("ms", justify="right", width=5)
    table.expand = True
    for number, answer in enumerate(answers, 1):
        latency = f"{answer.latency_us / 1_000:.2f}"
        table.add_row(str(number), safe(answer.action.title), *_cells(answer), latency)
    out.print(table)


def _cells(answer: Answered) -> tuple[str, str, str, str]:
    decision = answer.decision
    if decision is None:
        return "[magenta]refused[/]", "", "", safe(answer.refusal)
    names = ", ".join(rule.rule for rule in decision.rules)
    owners = ", ".join(dict.fromkeys(rule.owner for rule in decision.rules))
    if decision.cause not in {None, DenyCause.RULE}:
        names = f"{decision.cause.value}: {names}" if names else decision.cause.value
    because = next((rule.because for rule in decision.rules if rule.because), "")
    reason = "" if decision.effect is Effect.ALLOW else because or decision.reasons.for_person
    style = EFFECT_STYLE[decision.effect]
    return f"[{style}]{decision.effect.value}[/]", safe(names), safe(owners), safe(reason)


def _show_log(log_dir: Path, answers: list[Answered]) -> None:
    out = console()
    receipts = [a.decision.receipt for a in answers if a.decision and a.decision.receipt]
    report = verify(log_dir, receipts)
    verdict = "[green]ok[/]" if report.ok else "[bold red]damaged[/]"
    out.print(
        f"\nlog verified: {verdict}, {report.tree_size} records,"
        f" all {len(receipts)} receipts found, root {report.root[:16]}…"
    )
    shown = next(
        a.decision
        for a in reversed(answers)
        if a.decision and a.decision.effect is Effect.REQUIRE_APPROVAL
    )
    record = find(log_dir, shown.decision_id)
    if record is None or not report.ok:
        fail("the log does not hold what was answered", Exit.FAILURE)
    out.print(f"\nthe record of decision {shown.decision_id}:")
    for line in record_lines(record_to_json(record)):
        out.print(f"  {line}")
    raise_if_unproven(len(receipts), len([a for a in answers if a.decision]))


def raise_if_unproven(receipts: int, decisions: int) -> None:
    """Every decision must have come with a receipt."""
    if receipts != decisions:
        raise typer.Exit(Exit.FAILURE)
