"""A gRPC server killed at any moment has every answer in its log. Not a test of power cuts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pdp.decisionlog import reader
from pdp.decisionlog.record import Kind
from pdp.model import ReceiptPointer
from tests.faults.kill_loop import ROOT, UNLOGGED, findings, kill_loop, receipt_of
from tests.service import served

CHILD: Final = [sys.executable, str(ROOT / "tests" / "service" / "answering.py")]
ENV: Final = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture
def directory() -> Iterator[Path]:
    with served.room() as path:
        yield path


def killed(directory: Path, rounds: int, *sabotage: str) -> list[ReceiptPointer]:
    command = [*CHILD, str(directory / "log"), str(directory / "pdp.sock"), *sabotage]
    return kill_loop(command, receipt_of, rounds=rounds, seed=11, run_s_max=0.3, env=ENV)


def test_every_answer_is_logged(directory: Path) -> None:
    rounds = 8
    answered = killed(directory, rounds)
    assert len(answered) > 10 * rounds, "the server hardly answered"
    assert len({receipt.seq for receipt in answered}) == len(answered)
    assert findings(directory / "log", answered) == set()
    kinds = [item.kind for item in reader.records(directory / "log")]
    assert kinds.count(Kind.DECISION) >= len(answered)
    assert kinds.count(Kind.START) > rounds // 2
    assert kinds.count(Kind.STOP) == 0


def test_sabotage_reply_before_flush_is_caught(directory: Path) -> None:
    # One round: what it leaves may be too broken for another start.
    answered = killed(directory, 1, "reply_before_flush")
    assert UNLOGGED in findings(directory / "log", answered)
