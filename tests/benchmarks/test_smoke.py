"""The smoke benchmark passes on the engine, and fails as soon as one answer is another."""

from __future__ import annotations

import pytest

from benchmarks.peers import smoke
from benchmarks.peers.answer import Answer
from benchmarks.peers.charter import Charter
from pdp.model import Decision

SMALL = ("--sizes", "10", "--asks", "60", "--reference", "20")


class Sabotaged(Charter):
    """Turns the effect of one answer, the fortieth, and of no other."""

    asked = 0

    def answer(self, decision: Decision) -> Answer:
        effect, rules, owners = super().answer(decision)
        self.asked += 1
        if self.asked == 40:
            effect = "deny" if effect == "allow" else "allow"
        return effect, rules, owners


class Forgetful(Charter):
    """Decides rightly and names nobody."""

    def answer(self, decision: Decision) -> Answer:
        effect, _, _ = super().answer(decision)
        return effect, (), ()


def test_all_answers_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke.main(SMALL) == 0
    told = capsys.readouterr().out
    assert "all answers agree" in told
    for shape in ("actions", "tenant", "wildcard"):
        assert shape in told


@pytest.mark.parametrize("engine", [Sabotaged, Forgetful])
def test_one_other_answer_fails_the_run(
    engine: type[Charter], capsys: pytest.CaptureFixture[str]
) -> None:
    assert smoke.main([*SMALL, "--shapes", "actions"], make=engine) == 1
    told = capsys.readouterr().out
    assert "all answers agree" not in told
    assert "hand-written" in told


def test_no_color_is_respected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    smoke.main([*SMALL, "--shapes", "actions"], make=Sabotaged)
    assert "\x1b[31m" not in capsys.readouterr().out
