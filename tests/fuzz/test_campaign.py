"""What a campaign of fuzzing came to is written down: all of it, and failures as failures."""

from __future__ import annotations

import json
import logging
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fuzz import targets
from tools import fuzz
from tools.fuzz import Outcome, outcome_of, said, write_result

STATS = "stat::number_of_executed_units: 1000000\nstat::average_exec_per_sec:     512\n"


def test_the_result_of_each_target_is_kept_and_replaced_by_its_next(tmp_path: Path) -> None:
    path = tmp_path / "fuzz.json"
    write_result(path, "parser", Outcome(5, 5, 1.5, ("parser-crash-1",)))
    write_result(path, "checker", Outcome(7, 7, 2.0, ()))
    write_result(path, "parser", Outcome(1_000_000, 100_000, 9.0, ()))
    found = json.loads(path.read_text())
    assert list(found) == ["checker", "parser"]
    entry = found["parser"]
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", entry.pop("date"))
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", entry.pop("commit"))
    assert entry == {
        "executions": 1_000_000, "guided": 100_000, "seconds": 9.0, "findings": [],
    }  # fmt: skip


def test_targets_that_end_together_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "fuzz.json"
    names = [f"target{number}" for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: write_result(path, name, Outcome(1, 1, 1.0, ())), names))
    assert set(json.loads(path.read_text())) == set(names)


def test_what_the_fuzzer_says_is_read() -> None:
    assert outcome_of(0, STATS, 1_953.13, []) == Outcome(1_000_000, 1_000_000, 1_953.1, ())
    left = [Path(".fuzz/parser-crash-2"), Path(".fuzz/parser-crash-1")]
    found = outcome_of(77, STATS, 1.0, left)
    assert found.findings == ("parser-crash-1", "parser-crash-2")
    assert said(found).endswith("FAILED: parser-crash-1, parser-crash-2")


@pytest.mark.parametrize(("code", "last_words"), [(1, "no module named atheris"), (0, "")])
def test_a_fuzzer_that_does_not_work_has_found_something(code: int, last_words: str) -> None:
    assert outcome_of(code, last_words, 0.1, []).findings


@pytest.fixture
def logged() -> Iterator[None]:
    """Fuzzing silences the logs of its process."""
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("logged")
def test_a_finding_makes_the_run_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fuzz.json"
    outcomes = {
        "parser": Outcome(3, 3, 1.0, ("parser-crash-1",)),
        "checker": Outcome(4, 4, 1.0, ()),
    }
    monkeypatch.setattr(fuzz, "fuzz", lambda name, _runs: outcomes[name])
    assert fuzz.main(["--result", str(path), "parser", "checker"]) == 1
    assert fuzz.main(["--result", str(path), "checker"]) == 0
    assert json.loads(path.read_text())["parser"]["findings"] == ["parser-crash-1"]


@pytest.mark.usefixtures("logged")
def test_a_wrong_input_is_found_unwatched_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "FINDINGS", tmp_path)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "one").write_bytes(b"policy p {}")

    def run(_name: str, data: bytes) -> bool:
        if b"{" not in data:
            raise targets.Wrong("no brace")
        return True

    monkeypatch.setattr(targets, "run", run)
    with pytest.raises(targets.Wrong):
        fuzz.fuzz_blindly("parser", corpus, fuzz.Size(2_000, 0, 1_000))
    [left] = tmp_path.glob("parser-blind-*")
    assert b"{" not in left.read_bytes()
    # What ends a hanging process must not end this one later.
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
