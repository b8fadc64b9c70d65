"""The benchmark of queries measures equal answers only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import query
from pdp.audit.filters import Filters

SMALL = ("--records", "5000")


def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert query.main([*SMALL, "--result", str(tmp_path / "query.json")]) == 0
    found = json.loads((tmp_path / "query.json").read_text())
    assert (found["records"], found["found"]) == (5_001, 1)
    assert found["log_mb"] > found["tables_mb"] > 0
    assert "A question to 5000 decisions" in capsys.readouterr().out


def test_sabotage_other_answers_are_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(query, "FILTERS", Filters(person=query.PERSON, effect="allow"))
    assert query.main([*SMALL, "--result", str(tmp_path / "query.json")]) == 1
    assert "the answers differ" in capsys.readouterr().out
    assert not (tmp_path / "query.json").exists()
