"""Answers made of kept parts are the answers made anew, whatever is kept."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pdp import answerform
from pdp.answerform import Answers
from pdp.engine import Engine
from pdp.model import Decision, Effect, Reasons
from pdp.protoform import decision_to_proto
from tests.service import questions as ask

ASKED = [
    ask.ALLOW, ask.APPROVAL, ask.RULE, ask.ERROR, ask.UNATTRIBUTED, ask.NO_ALLOW, ask.UNSUPPORTED,
    ask.REDACTED, ask.SECRET, ask.UNKNOWN_ACTION,
]  # fmt: skip


def decisions(engine: Engine) -> list[Decision]:
    return [engine.decide(request) for request in ASKED]


def test_every_answer_is_the_one_made_anew(engine: Engine) -> None:
    maker = Answers()
    for _ in range(3):
        for number, decision in enumerate(decisions(engine)):
            named = replace(decision, decision_id=f"d{number}")
            assert maker.message(named, f"r{number}") == decision_to_proto(named, f"r{number}")


def test_parts_of_another_answer_are_never_taken() -> None:
    maker = Answers()
    shared = Reasons("a", "b", "c")
    one = Decision(Effect.ALLOW, reasons=shared)
    other = Decision(Effect.DENY, reasons=shared)
    for decision in (one, other, one):
        assert maker.message(decision, "") == decision_to_proto(decision, "")


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answerform, "OUTCOMES_MAX", 2)
    maker = Answers()
    for number in range(9):
        decision = Decision(Effect.DENY, reasons=Reasons(str(number)))
        assert maker.message(decision, "") == decision_to_proto(decision, "")
    assert len(maker._kept) <= 2  # noqa: SLF001 - the bound is the point


def test_sabotage_parts_taken_by_their_place_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answerform, "_is_same", lambda _one, _other: True)
    with pytest.raises(AssertionError):
        test_parts_of_another_answer_are_never_taken()
