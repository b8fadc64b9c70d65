"""`pdp demo`: a real server, a real client, a table of answers, and the proof in the log."""

from __future__ import annotations

import json
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

import typer
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
TABLE_COLUMNS: Final = 180
# From this width on, one column for each thing there is to say.
WIDE_COLUMNS: Final = 160
RULES_SHOWN: Final = 3

_DECISION_COLUMNS: Final = len(Effect.REQUIRE_APPROVAL.value)
_OWNER_COLUMNS: Final = 27
_REFUSED: Final = "refused"


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
                answers = [_ask(client, action) for action in actions()]
        _print_table(answers)
        _show_log(log_dir, answers)
    unexpected = [answer.action.title for answer in answers if not answer.as_expected]
    if unexpected:
        fail(f"not what the starter policies should answer: {'; '.join(unexpected)}", Exit.FAILURE)


def actions() -> list[Action]:
    """What the demo asks, in order."""
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
    # The demo is the same demo whatever servers are set up in this shell.
    env = {name: text for name, text in os.environ.items() if not name.startswith("PDP_")}
    process = subprocess.Popen(  # noqa: S603 - our own command, no shell
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
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
    readable, _, _ = select.select([process.stdout], [], [], START_S)
    if not readable:
        raise PdpError(f"the demo's server was not ready within {START_S:.0f} s")
    line = process.stdout.readline().strip()
    if not line.startswith("serving"):
        _, said = process.communicate(timeout=START_S)
        last = said.strip().rpartition("\n")[2].removeprefix("error: ")
        raise PdpError(f"the demo's server did not start: {last}")
    return line


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _print_table(answers: list[Answered]) -> None:
    """As wide as the terminal or COLUMNS says, else wide enough to read; nothing is cut off."""
    out = console()
    has_width = out.is_terminal or "COLUMNS" in os.environ
    out = console(width=out.width if has_width else TABLE_COLUMNS)
    with out.capture() as text:
        out.print(table(answers, out.width))
    for line in text.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")
    _print_summary(answers)


def table(answers: Sequence[Answered], columns: int) -> Table:
    """Every answer; with few columns, what there is to say stands in one of them, line by line."""
    is_wide = columns >= WIDE_COLUMNS
    title = "What agents asked, and what they were told"
    made = Table(
        title=title,
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        expand=True,
    )
    made.add_column("#", justify="right", width=2)
    made.add_column("action", ratio=5)
    made.add_column("decision", width=_DECISION_COLUMNS)
    if is_wide:
        made.add_column("rule or cause", ratio=8, overflow="fold")
        made.add_column("owner", width=_OWNER_COLUMNS, overflow="fold")
        made.add_column("reason", ratio=7, overflow="fold")
    else:
        made.add_column("rule or cause, owner, reason", ratio=8, overflow="fold")
    made.add_column("ms", justify="right", width=5)
    for number, answer in enumerate(answers, 1):
        decision, *why = _cells(answer)
        told = why if is_wide else [_stacked(why)]
        latency = f"{answer.latency_us / 1_000:.2f}"
        made.add_row(str(number), safe(answer.action.title), decision, *told, latency)
    return made


def _stacked(cells: list[str]) -> str:
    return "\n".join(filter(None, cells))


def _print_summary(answers: list[Answered]) -> None:
    counts = Counter(
        answer.decision.effect.value if answer.decision else _REFUSED for answer in answers
    )
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    median_ms = statistics.median(answer.latency_us for answer in answers) / 1_000
    console().print(f"{len(answers)} actions: {told}; half were answered within {median_ms:.1f} ms")


def _cells(answer: Answered) -> tuple[str, str, str, str]:
    """Decision, rules or cause, owners and reason, marked up."""
    decision = answer.decision
    if decision is None:
        return f"[magenta]{_REFUSED}[/]", "", "", safe(answer.refusal)
    names = [rule.rule for rule in decision.rules]
    if len(names) > RULES_SHOWN:
        names = [*names[:RULES_SHOWN], f"and {len(names) - RULES_SHOWN} more"]
    told = ", ".join(names)
    owners = "\n".join(dict.fromkeys(safe(rule.owner) for rule in decision.rules))
    if decision.cause not in {None, DenyCause.RULE}:
        told = f"{decision.cause.value}: {told}" if told else decision.cause.value
    reason = "" if decision.effect is Effect.ALLOW else decision.reasons.for_person
    if decision.cause in {None, DenyCause.RULE}:
        reason = next((rule.because for rule in decision.rules if rule.because), reason)
    style = EFFECT_STYLE[decision.effect]
    return f"[{style}]{decision.effect.value}[/]", safe(told), owners, safe(reason)


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
