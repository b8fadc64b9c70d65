"""Killed at any moment, the log holds every record that was answered. Not a test of power cuts."""

from __future__ import annotations

import sys

import pytest

from pdp.decisionlog import reader
from pdp.decisionlog.record import Kind
from tests.faults.kill_loop import ROOT, UNLOGGED, findings, kill_loop, receipt_of

CHILD = [sys.executable, str(ROOT / "tests" / "faults" / "log_child.py")]
ENV = {"PYTHONPATH": f"/tmp/stub:{ROOT}"}


@pytest.mark.parametrize(("durability", "rounds"), [("fsync", 10), ("os", 5)])
def test_every_answered_record_is_logged(tmp_path, durability, rounds):
    command = [*CHILD, str(tmp_path), durability]
    answered = kill_loop(command, receipt_of, rounds=rounds, seed=7, env=ENV)
    assert len(answered) > 10 * rounds, "the child hardly ran"
    assert len({receipt.seq for receipt in answered}) == len(answered)
    assert findings(tmp_path, answered) == set()
    recoveries = [item for item in reader.records(tmp_path) if item.kind is Kind.RECOVERY]
    assert len(recoveries) > rounds // 2


def test_sabotage_reply_before_flush_is_caught(tmp_path):
    command = [*CHILD, str(tmp_path), "fsync", "reply_before_flush"]
    answered = kill_loop(command, receipt_of, rounds=2, seed=7, env=ENV)
    assert UNLOGGED in findings(tmp_path, answered)
