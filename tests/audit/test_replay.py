"""What is decided again is what was recorded, to the last bit; whatever was altered is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.audit import replay as replaying
from pdp.audit.replay import NotReplayed, Plan
from pdp.audit.sharing import replay_log
from pdp.audit.survey import Span, survey
from pdp.audit.tally import Tally
from pdp.decisionlog import reader, record
from pdp.decisionlog.keeping.filestore import FileStore
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from tests.audit import house
from tests.audit.house import LEFT_OUT, REPLAYABLE
from tests.service import questions as ask
from tests.service import served
from tests.service.desk import NOW_NS

IDENTICAL: Final = 2 * len(REPLAYABLE)


@pytest.fixture(scope="module")
def log_dir() -> Iterator[Path]:
    with served.room() as path:
        yield house.decided(path)


@pytest.fixture
def room() -> Iterator[Path]:
    with served.room() as path:
        yield path


def replayed(log_dir: Path, span: Span | None = None, jobs: int = 1, other: Any = None) -> Tally:
    span = span or Span()
    plan = Plan(log_dir, survey(log_dir, span), other)
    return replay_log(plan, span, jobs, lambda _: None)


def fields(tally: Tally) -> list[tuple[str, ...]]:
    return [difference.fields for difference in tally.differences]


# ---------------------------------------------------------------- the same


def test_each_kind_of_answer_is_made_again(log_dir: Path) -> None:
    tally = replayed(log_dir)
    assert fields(tally) == []
    assert tally.identical == IDENTICAL
    assert tally.not_by_policy == {"invalid_request": 1}
    assert tally.not_replayable == {
        "args": 1,
        "args.card, request_digest": 1,
        "args.to, request_digest": 1,
    }
    assert tally.decisions == IDENTICAL + len(LEFT_OUT) + 1
    assert tally.versions == {("1.2.3", "2026a"): tally.decisions}


def test_two_processes_come_to_the_same(log_dir: Path) -> None:
    assert replayed(log_dir, jobs=2) == replayed(log_dir)


def test_only_what_is_meant_is_replayed(log_dir: Path) -> None:
    first = next(item.seq for item in reader.records(log_dir) if item.kind is Kind.DECISION)
    assert replayed(log_dir, Span(first + 1, first + 3)).identical == 3
    assert replayed(log_dir, Span(first_ns=NOW_NS + 1)).decisions == 0
    assert replayed(log_dir, Span(last_ns=NOW_NS)).identical == IDENTICAL


def test_a_stop_order_is_not_the_policies(room: Path) -> None:
    office = house.opened(room)
    order = office.stop(log_pb2.STOP_KIND_ACTION, "pay.refund")
    assert office.is_stopped(ask.ALLOW)
    office.resume(order.order_id)
    assert not office.is_stopped(ask.ALLOW)
    office.close()
    tally = replayed(office.log_dir)
    assert (fields(tally), tally.identical, tally.not_by_policy) == ([], 1, {"stopped": 1})


def test_expiry_is_not_the_policies(room: Path) -> None:
    office = house.opened(room, NOW_NS, NOW_NS)
    assert office.decide(ask.ALLOW).cause == pb.DENY_CAUSE_BUNDLE_EXPIRED
    office.close()
    tally = replayed(office.log_dir)
    assert (fields(tally), tally.identical, tally.not_by_policy) == ([], 0, {"bundle_expired": 1})


# ---------------------------------------------------------------- what is not the same


def is_allow(message: Any) -> bool:
    return bool(message.answer.effect == pb.EFFECT_ALLOW and not message.omitted_paths)


def is_failing(message: Any) -> bool:
    return bool(message.errors)


def is_asking(message: Any) -> bool:
    return bool(message.answer.effect == pb.EFFECT_REQUIRE_APPROVAL)


def _effect(message: Any) -> None:
    message.answer.effect = pb.EFFECT_DENY


def _owner(message: Any) -> None:
    message.answer.rules[0].owner = "mallory@shop.example"


def _reason(message: Any) -> None:
    message.answer.reasons.for_auditor += "."


def _accountable(message: Any) -> None:
    message.answer.attribution.accountable = "User::ben"


def _digest(message: Any) -> None:
    message.request_digest = "0" * 64


def _amount(message: Any) -> None:
    message.request.args = '{"amount":"121.00"}'


def _decision_id(message: Any) -> None:
    message.answer.decision_id = message.decision_id + "0"


def _shadow(message: Any) -> None:
    message.shadow.add(rule="a.b", effect="deny", outcome="held")


def _unknown(message: Any) -> None:
    message.MergeFromString(b"\xc2\x3e\x01x")


def _line(message: Any) -> None:
    message.errors[0].line += 1


def _forgotten(message: Any) -> None:
    del message.errors[:]


def _approval(message: Any) -> None:
    message.answer.approval.use_within_s += 1


def _bundle(message: Any) -> None:
    message.bundle.digest = "0" * 64


def _other_bundle(message: Any) -> None:
    message.answer.bundle.revision = 7


def _stopped(message: Any) -> None:
    message.answer.effect, message.answer.cause = pb.EFFECT_DENY, pb.DENY_CAUSE_STOPPED


def _expired(message: Any) -> None:
    message.answer.effect, message.answer.cause = pb.EFFECT_DENY, pb.DENY_CAUSE_BUNDLE_EXPIRED


def _refused(message: Any) -> None:
    message.request.principal.id = ""


Alteration = tuple[Callable[[Any], None], Callable[[Any], bool], tuple[str, ...]]
ALTERED: Final[dict[str, Alteration]] = {
    "effect": (_effect, is_allow, ("answer.effect",)),
    "owner": (_owner, is_allow, ("answer.rules",)),
    "reason": (_reason, is_allow, ("answer.reasons",)),
    "accountable": (_accountable, is_allow, ("answer.attribution",)),
    "digest": (_digest, is_allow, ("request_digest",)),
    "argument": (_amount, is_allow, ("request_digest", "answer.request_digest")),
    "decision id": (_decision_id, is_allow, ("answer.decision_id",)),
    "shadow": (_shadow, is_allow, ("shadow",)),
    "unknown field": (_unknown, is_allow, ("a field that this version does not know",)),
    "error's line": (_line, is_failing, ("errors",)),
    "no error": (_forgotten, is_failing, ("errors",)),
    "approval": (_approval, is_asking, ("answer.approval",)),
    "bundle": (_bundle, is_allow, ("bundle",)),
    "bundle answered": (_other_bundle, is_allow, ("answer.bundle",)),
    "stopped by nobody": (_stopped, is_allow, ("answer.effect", "answer.cause")),
    "never expired": (_expired, is_allow, ("time_unix_ns",)),
    "request": (_refused, is_allow, ("request",)),
}


def unnoticed(log_dir: Path, room: Path, names: tuple[str, ...] = tuple(ALTERED)) -> set[str]:
    """The alterations that a replay does not find, or finds in another field."""
    missed = set[str]()
    for name in names:
        change, only, expected = ALTERED[name]
        altered = house.rewritten(log_dir, room / name.replace(" ", "-"), change, only)
        if fields(replayed(altered)) != [expected]:
            missed.add(name)
    return missed


def test_each_altered_answer_is_found(log_dir: Path, room: Path) -> None:
    assert unnoticed(log_dir, room) == set()


def test_a_replay_that_compares_effects_only_is_caught(
    log_dir: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def effects(message: Any, answer: Any, _: object) -> bool:
        return bool(message.answer.effect == answer.effect)

    monkeypatch.setattr(replaying, "is_as_recorded", effects)
    missed = unnoticed(log_dir, room)
    assert {"owner", "reason", "accountable", "digest", "error's line", "approval"} <= missed
    assert "effect" not in missed


def test_a_stop_of_something_else_is_found(room: Path) -> None:
    office = house.opened(room / "before")
    office.stop(log_pb2.STOP_KIND_ACTION, "pay.refund")
    other = office.stop(log_pb2.STOP_KIND_ACTION, "note.write")
    assert office.is_stopped(ask.ALLOW)
    office.close()

    def blamed(message: Any) -> None:
        message.answer.reasons.for_auditor = (
            f"cause stopped: order {other.order_id}, action note.write"
        )

    def is_stopped(message: Any) -> bool:
        return bool(message.answer.cause == pb.DENY_CAUSE_STOPPED)

    altered = house.rewritten(office.log_dir, room / "after", blamed, is_stopped)
    [found] = fields(replayed(altered))
    assert {"answer.effect", "answer.cause"} <= set(found)


@pytest.mark.parametrize(("expires", "valid_until"), [(NOW_NS, NOW_NS + 1), (NOW_NS + 1, NOW_NS)])
def test_whoever_decides_for_too_long_or_too_short_is_found(
    room: Path, expires: int, valid_until: int
) -> None:
    office = house.opened(room, expires, valid_until)
    office.decide(ask.ALLOW)
    office.close()
    assert fields(replayed(office.log_dir)) == [("time_unix_ns",)]


def test_what_decided_before_it_was_recorded_is_found(log_dir: Path, room: Path) -> None:
    kinds = {Kind.DECISION: 0, Kind.BUNDLE_ACTIVATION: 1}
    items = sorted(reader.records(log_dir), key=lambda item: kinds[item.kind])
    with Writer.open(room, house.SETUP) as writer:
        for item in items:
            writer.append(item.kind, item.payload)
    assert set(fields(replayed(room))) == {("bundle",)}


# ---------------------------------------------------------------- files that are not as they were


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[2] ^= 1
    path.write_bytes(data)


def is_named(log_dir: Path, room: Path, damage: Callable[[Path], None]) -> bool:
    """Whether each file of the store, damaged alone, ends the replay by its name."""
    for number in range(len(list(house.kept(log_dir)))):
        copy = house.rewritten(log_dir, room / str(number), lambda _: None, is_allow)
        path = list(house.kept(copy))[number]
        damage(path)
        try:
            replayed(copy)
        except NotReplayed as error:
            if path.name in str(error):
                continue
        return False
    return True


@pytest.mark.parametrize("damage", [_flip, Path.unlink], ids=["flipped", "missing"])
def test_a_file_that_is_not_as_it_was_is_named(
    log_dir: Path, room: Path, damage: Callable[[Path], None]
) -> None:
    assert is_named(log_dir, room, damage)


def test_a_store_that_does_not_look_at_what_it_reads_is_caught(
    log_dir: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FileStore, "read", lambda self, name: (self.path / name).read_bytes())
    assert not is_named(log_dir, room, _flip)


# ---------------------------------------------------------------- other policies


def test_other_policies_flip_what_they_say_otherwise(log_dir: Path) -> None:
    text = house.FILES["shop.charter"]
    lower = text.replace(b"> 200.00", b"> 100.00").replace(b"<= 500.00", b"<= 900.00")
    files = {**house.FILES, "shop.charter": lower}
    tally = replayed(log_dir, other=files)
    assert fields(tally) == []
    assert tally.asked == IDENTICAL
    found = {(flip.direction.value, flip.owners) for flip in tally.flips}
    assert found == {("newly_asked", ("payments@shop.example",))}
    assert len(tally.flips) == 4


def test_the_same_policies_flip_nothing(log_dir: Path) -> None:
    assert replayed(log_dir, other=house.FILES).flips == []


def test_records_are_what_the_house_says(log_dir: Path) -> None:
    found: Any = [record.parse(item.kind, item.payload) for item in reader.records(log_dir)]
    effects = {message.answer.effect for message in found[1:]}
    assert effects == {pb.EFFECT_ALLOW, pb.EFFECT_DENY, pb.EFFECT_REQUIRE_APPROVAL}
