"""The benchmark of activations runs, and counts what it must count."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from msgspec.structs import replace

from benchmarks import activation
from benchmarks.activation_bundles import Press, Script, many_rules, starter
from benchmarks.activation_load import Heard, heard, together
from benchmarks.activation_report import Report, problems
from benchmarks.activation_rounds import Campaign, Half, Memory, Pace, Times, order_in_log, replays
from pdp._proto import decision_pb2 as pb
from pdp.answerform import Answers
from pdp.decisionlog import record
from pdp.decisionlog.appender import Setup
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.engine import Engine, SignedAs
from pdp.model import Decision
from pdp.protoform import request_from_proto

SMALL = (
    *("--activations", "2", "--rounds", "1", "--rules", "20", "--callers", "2", "--repeats", "1"),
    *("--seconds", "2", "--log-mode", "os"),
)


@pytest.fixture(scope="module")
def press() -> Press:
    return Press(many_rules(20))


def engine_of(press: Press, revision: int) -> Engine:
    """The engine of a revision as a server has it."""
    subject = many_rules(20)
    files = subject.odd if revision % 2 else subject.even
    return Engine(files, signed=SignedAs(press.name, revision))


def decided(engine: Engine, data: bytes) -> Decision:
    return engine.decide(request_from_proto(pb.DecideRequest.FromString(data)))


def answers(press: Press, change: Callable[[Decision, int], Decision]) -> Callable[..., bytes]:
    """A server in place of the real one, whose answers are changed, by their number."""
    engine, made, count = engine_of(press, 3), Answers(), 0

    def call(data: bytes, *, timeout: float) -> bytes:
        nonlocal count
        assert timeout > 0
        decision = change(decided(engine, data), count)
        count += 1
        return made.message(decision, "").SerializeToString()

    return call


def after(calls: int) -> Callable[[], bool]:
    left = iter([False] * calls)
    return lambda: next(left, True)


def test_answers_of_one_edition_are_no_mixture(press: Press) -> None:
    found = heard(answers(press, lambda decision, _: decision), press.script, after(300))
    assert (found.calls, found.errors, found.mixed) == (300, 0, 0)
    assert found.first_seen_s.keys() == {3}


def as_revision(decision: Decision, revision: int) -> Decision:
    return replace(decision, bundle=replace(decision.bundle, revision=revision))


def of_digest(decision: Decision, digest: str) -> Decision:
    return replace(decision, bundle=replace(decision.bundle, digest=digest))


def test_each_mixed_answer_is_counted_as_one(press: Press) -> None:
    even, odd = press.script.digests
    changes: list[Callable[[Decision], Decision]] = [
        # The digest of one edition under the revision of the other; another effect; other rules.
        lambda decision: as_revision(decision, 4),
        lambda decision: of_digest(decision, even),
        lambda decision: of_digest(decision, "0" * 64),
        lambda decision: replace(decision, effect=next(e for e in type(decision.effect)
                                                       if e is not decision.effect)),
        lambda decision: replace(decision, rules=()) if decision.rules else
        of_digest(decision, even),
    ]  # fmt: skip
    assert even != odd
    for change in changes:

        def on_the_seventh(
            decision: Decision, number: int, change: Callable[[Decision], Decision] = change
        ) -> Decision:
            return change(decision) if number == 6 else decision

        found = heard(answers(press, on_the_seventh), press.script, after(20))
        assert (found.calls, found.errors, found.mixed) == (20, 0, 1)


def test_the_other_editions_answer_under_this_name_is_a_mixture(press: Press) -> None:
    """What a swap between deciding and naming would give."""
    other = engine_of(press, 4)
    script = press.script
    differing = sum(
        one != two
        for one, two in zip(*(script.outcomes[digest] for digest in script.digests), strict=True)
    )
    assert differing
    named = engine_of(press, 3).bundle

    def call(data: bytes, *, timeout: float) -> bytes:
        assert timeout > 0
        decision = replace(decided(other, data), bundle=named)
        return Answers().message(decision, "").SerializeToString()

    assert heard(call, script, after(len(script.requests))).mixed == differing


def test_calls_that_fail_are_errors_and_no_times(press: Press) -> None:
    def call(data: bytes, *, timeout: float) -> bytes:
        raise grpc.RpcError

    found = heard(call, press.script, after(5))
    assert (found.calls, found.errors, found.taken_us) == (5, 5, [])


def test_what_callers_heard_is_put_together() -> None:
    parts = [Heard(1, 2, [5, 6], {1: 10.0, 2: 11.0}), Heard(3, 4, [7], {2: 10.5, 3: 12.0})]
    assert together(parts) == Heard(4, 6, [5, 6, 7], {1: 10.0, 2: 10.5, 3: 12.0})


def logged(directory: Path, press: Press, revisions: list[int], *, is_recorded: bool) -> None:
    """A log of one decision each; without ``is_recorded``, activations come after it."""
    with_log = Writer.open(directory, Setup("test", segment_bytes=1 << 20))
    data = press.script.requests[0]
    for revision in revisions:
        engine = engine_of(press, revision)
        decision = decided(engine, data)
        request = request_from_proto(pb.DecideRequest.FromString(data))
        now: Any = {"time_unix_ns": 1_772_445_600_000_000_000, "engine_version": "1"}
        activation = record.bundle_activation_record(
            bundle=engine.bundle, files=engine.files, source="", **now
        )
        payload = record.decision_record(
            request=request, omitted=(), answer=Answers().message(decision, ""), decision=decision,
            decide_ns=1, tzdata_version="2026.1", **now,
        )  # fmt: skip
        items = [(Kind.BUNDLE_ACTIVATION, activation), (Kind.DECISION, payload)]
        with_log.append_many(items if is_recorded else items[::-1])
    with_log.close()


def test_the_log_is_looked_at_in_order_and_made_again(press: Press, tmp_path: Path) -> None:
    logged(tmp_path / "good", press, [1, 2, 3], is_recorded=True)
    assert order_in_log(tmp_path / "good") == (3, 0)
    assert replays(tmp_path / "good", press.engines, 1) == (3, 0)
    logged(tmp_path / "bad", press, [1, 2, 3], is_recorded=False)
    assert order_in_log(tmp_path / "bad") == (3, 3)
    even, odd = press.script.digests
    swapped = {even: press.engines[odd], odd: press.engines[even]}
    count, differing = replays(tmp_path / "good", swapped, 1)
    is_other = press.script.outcomes[even][0] != press.script.outcomes[odd][0]
    assert (count, differing) == (3, 3 * is_other)
    assert replays(tmp_path / "good", {}, 1) == (3, 3)


@pytest.fixture
def clean() -> Report:
    half = Half(10, 1.0, 2.0, 3.0)
    pace = Pace("a bundle", 1.0, 5.0, (half,), (replace(half, p99_ms=9.0),), 1, 1, 0, 0, (1.0,),
                (2.0,))  # fmt: skip
    return Report(
        {}, {}, Campaign(1, 1.0, 9, 0, 0, 1, 9, 0, 9, 0), (pace,), Times(1, (), (), (), ()),
        Memory(1, (10.0, 20.0), (15.0, 22.0)), (0.5,),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["errors", "mixed", "unrecorded", "differing"])
def test_a_campaign_that_is_not_clean_fails_the_run(clean: Report, name: str) -> None:
    assert problems(clean) == []
    broken = replace(clean, campaign=replace(clean.campaign, **{name: 1}))
    assert len(problems(broken)) == 1


def test_rounds_fail_the_run_by_answers_and_never_by_time(clean: Report) -> None:
    [pace] = clean.paces
    assert pace.difference_ms == 7.0
    assert clean.memory.ratio == 1.5
    assert problems(replace(clean, paces=(replace(pace, mixed=1),)))
    assert problems(replace(clean, campaign=replace(clean.campaign, replayed=0)))


def test_the_starter_bundles_editions_differ_in_an_answer_only() -> None:
    subject = starter()
    assert subject.odd.keys() == subject.even.keys()
    script: Script = Press(subject).script
    even, odd = (script.outcomes[digest] for digest in script.digests)
    assert even != odd
    assert [one[:2] for one in even] == [one[:2] for one in odd]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_small_run_measures_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert activation.main([*SMALL, "--results", str(tmp_path / "results")]) == 0
    found = json.loads((tmp_path / "results" / "activation.json").read_text())
    assert found["campaign"]["calls"] > 10
    assert found["campaign"]["revisions_seen"] == 3
    assert [len(pace["quiet"]) for pace in found["paces"]] == [1, 1, 1]
    assert all(pace["activations"] for pace in found["paces"])
    assert len(found["times"]["first_s"]) == len(found["memory"]["peak_mb"]) == 1
    page = (tmp_path / "results" / "activation.md").read_text()
    assert "| expiry to the first deny, worst of 1 |" in page
    assert "more than quiet" in capsys.readouterr().out
