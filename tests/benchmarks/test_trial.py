"""A peer that is missing, wrong or slow is said to be so, and the others are measured."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.peers import report
from benchmarks.peers.answer import Answer
from benchmarks.peers.engine import Peer, Tells, agrees
from benchmarks.peers.handwritten import Bound, HandWritten
from benchmarks.peers.table import HAND, OURS, Row, Run, ratio
from benchmarks.peers.trial import Expectation, Limits, Trial
from benchmarks.peers.workload import Ask, Shape, Workload, workload
from tools import lock, tidy

LIMITS = Limits(rounds=1, load_s=0.5, verify_s=0.5, round_s=0.01, decision_s=0.25)
PEERS_LOCK = lock.ROOT / "benchmarks" / "peers" / "requirements.lock"


class Honest(Peer):
    """The hand-written function, entered as an engine of its own."""

    name = "honest"
    package = "none"
    tells = Tells.ALL
    idiom = "none"

    def __init__(self, work: Workload) -> None:
        self._hand = HandWritten(work)

    def given(self, ask: Ask) -> Ask:
        return ask

    def bind(self, given: Ask) -> Bound:
        return self._hand.bind(given, 1)

    def decide(self, bound: Bound) -> Answer:
        return self._hand.decide(bound)


class Wrong(Honest):
    name = "wrong"

    def decide(self, bound: Bound) -> Answer:
        effect, rules, owners = super().decide(bound)
        return ("deny" if effect == "allow" else "allow"), rules, owners


class Missing(Honest):
    name = "missing"

    def __init__(self, work: Workload) -> None:
        super().__init__(work)
        raise ImportError("no module of that name")


class SlowToLoad(Honest):
    name = "slow to load"

    def __init__(self, work: Workload) -> None:
        super().__init__(work)
        time.sleep(5)


class Broken(Honest):
    name = "broken"

    def decide(self, bound: Bound) -> Answer:
        raise ZeroDivisionError(bound.action)


def _rows(*kinds: type[Peer]) -> dict[str, Row]:
    trial = Trial(workload(Shape.ACTIONS, 10), LIMITS, Expectation(), lambda _: None)
    rows = trial.run(kinds)
    return {row.engine: row for row in rows if row.chain == 1 and row.spread}


def test_all_that_goes_wrong_is_said_and_the_others_go_on() -> None:
    rows = _rows(Missing, Wrong, SlowToLoad, Broken, Honest)
    assert "not installed" in rows["missing"].note
    assert "disagrees" in rows["wrong"].note
    assert "over the budget" in rows["slow to load"].note
    assert "ZeroDivisionError" in rows["broken"].note
    for name in ("missing", "wrong", "slow to load", "broken"):
        assert rows[name].p50_us is None
    for name in ("honest", HAND, OURS):
        assert not rows[name].note
        assert rows[name].p50_us
        assert rows[name].verified == 2_000
    assert rows[OURS].reference > 0


def test_an_engine_that_would_take_too_long_is_not_begun() -> None:
    expectation = Expectation(
        loads_s={"a": [0.1, 0.4]},
        decisions_s={"b": [0.02, 0.2]},
        memories_mb={"d": [500.0, 3_000.0]},
    )
    assert "load" in expectation.note("a", LIMITS)
    assert "decision" in expectation.note("b", LIMITS)
    assert "memory" in expectation.note("d", LIMITS)
    assert expectation.note("c", LIMITS) == ""


def test_one_hiccup_keeps_no_engine_out() -> None:
    assert Expectation(loads_s={"a": [0.000_1, 0.02]}).note("a", LIMITS) == ""


def test_answers_agree_as_far_as_an_engine_can_tell() -> None:
    expected = ("deny", ("a", "b"), ("x",))
    assert agrees(Tells.ALL, expected, expected)
    assert not agrees(Tells.ALL, ("deny", ("a",), ("x",)), expected)
    assert agrees(Tells.ONE, ("deny", ("a",), ("x",)), expected)
    assert not agrees(Tells.ONE, ("deny", ("c",), ("x",)), expected)
    assert agrees(Tells.EFFECT, ("deny", (), ()), expected)
    assert not agrees(Tells.EFFECT, ("allow", (), ()), expected)


def test_ratios_are_of_the_same_setting(tmp_path: Path) -> None:
    def row(engine: str, p50_us: float | None, **more: Any) -> Row:
        return Row("actions", 10, engine, p50_us=p50_us, **more)

    ours = row(OURS, 2.0)
    rows = [
        *(ours, row(HAND, 1.0), row(HAND, 4.0, chain=2), row(OURS, 3.0, spread=False)),
        *(row("fast", 10.0), row("slow", 20.0), row("none", None, note="disagrees on 3")),
    ]
    run = Run({"cpu": "c"}, {}, rows)
    fastest = run.fastest_peer(ours)
    assert fastest is not None
    assert fastest.engine == "fast"
    assert ratio(ours, run.find(ours, HAND)) == 2.0
    report.write(run, tmp_path)
    report.write(run, tmp_path)
    page = (tmp_path / "peers.md").read_text()
    assert "disagrees on 3" in page
    assert "5.0x" in page
    assert all(name in page for name in report.NOT_MEASURED)
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.refresh(readme, run)
    fresh = readme.read_text()
    assert "5.0x" in fresh
    assert "old" not in fresh
    assert fresh.startswith("before\n")
    assert fresh.endswith("after\n")
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 2


def test_the_lock_of_the_peers_names_no_place() -> None:
    text = PEERS_LOCK.read_text(encoding="utf-8")
    assert list(tidy.lock_names_no_place(text)) == []
    locked = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    wanted = PEERS_LOCK.with_suffix(".in").read_text(encoding="utf-8").splitlines()
    assert {line for line in wanted if line and not line.startswith("#")} <= locked
