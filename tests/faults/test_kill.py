"""Killed at any moment, the log holds every record that was answered. Not a test of power cuts."""

from __future__ import annotations

import os
import sys

import pytest

from pdp.decisionlog import reader
from pdp.decisionlog.record import Kind
from tests.faults.kill_loop import ROOT, UNLOGGED, findings, kill_loop, receipt_of

CHILD = [sys.executable, str(ROOT / "tests" / "faults" / "log_child.py")]
ENV = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


@pytest.mark.parametrize(("durability", "rounds"), [("fsync", 10), ("os", 5)])
def test_every_answered_record_is_logged(disk_path, durability, rounds):
    command = [*CHILD, str(disk_path), durability]
    answered = kill_loop(command, receipt_of, rounds=rounds, seed=7, env=ENV)
    assert len(answered) > 10 * rounds, "the child hardly ran"
    assert len({receipt.seq for receipt in answered}) == len(answered)
    assert findings(disk_path, answered) == set()
    recoveries = [item for item in reader.records(disk_path) if item.kind is Kind.RECOVERY]
    assert len(recoveries) > rounds // 2


def test_sabotage_reply_before_flush_is_caught(disk_path):
    command = [*CHILD, str(disk_path), "fsync", "reply_before_flush"]
    answered = kill_loop(command, receipt_of, rounds=2, seed=7, env=ENV)
    assert UNLOGGED in findings(disk_path, answered)
