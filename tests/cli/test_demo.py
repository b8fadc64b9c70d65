"""``pdp demo`` with its real server and client, and its table at the widths of terminals."""

from __future__ import annotations

import re
import time
from functools import cache
from typing import Final

import pytest
from rich.console import Console

from pdp.cli import demo
from pdp.cli.demo import Action, Answered
from pdp.cli.exit_codes import Exit
from pdp.cli.output import console
from pdp.engine import Engine
from pdp.model import Decision, Effect, RequestError
from pdp.service.config import STARTER_POLICIES
from tests.cli.world import alone

_ROW: Final = re.compile(r" *([0-9]+)  \S.*")
ROWS_MIN: Final = 25
# Ten times what it takes on a small machine.
DEMO_S: Final = 50.0


@pytest.mark.slow
def test_the_demo() -> None:
    started = time.monotonic()
    # A setting of another server must not reach the demo's own.
    done = alone("demo", PDP_LOG_DIR="/nowhere", PDP_UNKNOWN="1")
    assert time.monotonic() - started < DEMO_S
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    lines = done.out.splitlines()
    rows = [int(match[1]) for line in lines if (match := _ROW.fullmatch(line))]
    actions = demo.actions()
    assert rows == list(range(1, len(actions) + 1))
    assert len(rows) >= ROWS_MIN
    text = "\n".join(lines)
    for word in (*(effect.value for effect in Effect), "refused"):
        assert re.search(rf"\d+ {word}", text), word
    verified = re.search(r"log verified: ok, (\d+) records, all (\d+) receipts found", text)
    assert verified is not None
    decided = sum("refused" not in action.expect for action in actions)
    assert int(verified[2]) == decided
    assert int(verified[1]) > len(actions)
    assert "the record of decision " in text
    assert "  decision_id: " in text


@cache
def answers() -> tuple[Answered, ...]:
    """What the demo asks, answered in process."""
    engine = Engine.from_directory(STARTER_POLICIES, unsafe_accept_unsigned=True)
    return tuple(answered(engine, action) for action in demo.actions())


def answered(engine: Engine, action: Action) -> Answered:
    decision: Decision | None = None
    refusal = ""
    try:
        decision = engine.decide(action.request)
    except RequestError as error:
        refusal = str(error)
    return Answered(action, decision, refusal, 1_234)


def test_everything_is_answered_as_expected() -> None:
    assert [a.action.title for a in answers() if not a.as_expected] == []


@pytest.mark.parametrize("columns", [80, 120, 160, 200])
def test_the_table_fits_and_cuts_nothing_off(columns: int) -> None:
    out: Console = console(width=columns)
    with out.capture() as captured:
        out.print(demo.table(answers(), columns))
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= columns
    text = " ".join(lines)
    assert "…" not in text
    told = "".join("".join(lines).split())
    for answer in answers():
        words = answer.action.title.split()
        assert all(word in told for word in words), answer.action.title
        if answer.decision is not None:
            assert all(word in told for rule in answer.decision.rules[:1] for word in [rule.owner])
    assert "ms" in text.split()
