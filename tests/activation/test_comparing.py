"""What is said and decided otherwise is told, in its direction; and builds that would miss it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from pdp.activation.assembling.directories import build_directory
from pdp.activation.assembling.sets import DeclaredSet, build_set
from pdp.activation.building import Declared, build
from pdp.activation.comparing import asking, changes, flips
from pdp.activation.comparing.asking import made_up
from pdp.activation.comparing.flips import Direction, Flips
from pdp.activation.comparing.sides import side_of_bytes, side_of_files
from pdp.bundles.documents.truststore import Signers, Trust
from pdp.bundles.refusal import BundleRefused
from pdp.decisionlog.record import Kind, Record
from pdp.decisionlog.show import message_to_json
from pdp.engine import Engine
from pdp.eval.invariants.hints import hints_of
from pdp.model import Effect
from pdp.protoform import request_to_proto
from pdp.request import Request
from tests.activation.versions import DESK, EDITS, OLD, TIME_NS, decided, edited, said
from tests.bundles import samples
from tests.changed import replace
from tests.cli.world import refund

COUNT: Final = 600
WHAT: Final = Declared(
    audience="production",
    revision=7,
    created=samples.NOW,
    expires=samples.NOW.replace(month=6),
    minimum_engine="0.1.0",
    tzdata="2026.1",
    name="test.desk",
)


def tried(name: str) -> Flips:
    new = edited(name)
    different = {change.name for change in changes.changes(OLD, new).rules}
    drawn = made_up(OLD, new, different, seed=3, count=COUNT)
    return flips.flips(OLD, new, drawn.asked, strangers=drawn.strangers, different=different)


def directions(name: str) -> set[Direction]:
    return set(tried(name).by_direction)


# ---------------------------------------------------------------- what is said


def names(listed: tuple[changes.Change, ...]) -> list[str]:
    return [f"{change.what} {change.kind} {change.name}".strip() for change in listed]


def test_a_changed_rule_is_told_with_its_owner_and_both_texts() -> None:
    [change] = said("higher_limit").rules
    assert (change.name, change.what) == ("refunds.large", "changed")
    assert change.owner == "payments@desk.example"
    assert "args.amount > 200.00" in change.before
    assert "args.amount > 400.00" in change.after


def test_a_rule_is_changed_by_what_it_uses() -> None:
    found = said("group_elsewhere")
    assert names(found.declarations) == ["changed group leads"]
    # The route's group is other people now; no rule says anything else.
    assert names(found.rules) == []
    assert Direction.OTHERWISE in directions("group_elsewhere")


def test_layout_is_no_change() -> None:
    found = said("other_layout")
    assert (found.rules, found.declarations) == ((), ())
    assert directions("other_layout") == set()


def test_declarations_are_told() -> None:
    assert names(said("new_action").declarations) == ["added action pay.tip"]
    assert names(said("other_route").declarations) == ["changed route lead"]


def test_people_who_join_and_leave_are_told() -> None:
    assert names(said("clerk_leaves").people) == ["removed group User::ann"]
    [change] = said("clerk_joins").people
    assert (change.what, change.after) == ("added", "Team::clerks")


def test_manifests_are_told_of_bundles_and_not_of_directories() -> None:
    old = side_of_bytes(build(DESK, WHAT, fail_under=0))
    later = replace(WHAT, revision=8, audience="staging")
    new = side_of_bytes(build(DESK, later, fail_under=0))
    assert names(changes.changes(old, new).manifest) == [
        "changed manifest audience",
        "changed manifest revision",
    ]
    assert changes.changes(old, OLD).manifest == ()
    assert not changes.changes(old, OLD)


def test_sets_are_told_by_their_members_and_who_speaks_for_people() -> None:
    keys = samples.signers_of(("robot",), 1)["keys"]
    held = Signers({key["id"]: bytes.fromhex(key["public"]) for key in keys}, 1)
    people = Trust("acme.people", "production", held, None, (), may_be_guard=False)
    declared = DeclaredSet("acme", "production", 1, WHAT.created, WHAT.expires, "0.1.0", "2026.1")
    later = replace(WHAT, revision=8)
    old = build_set([build(DESK, WHAT, fail_under=0)], declared)
    new = build_set(
        [build(DESK, later, fail_under=0)], replace(declared, revision=2, directory=people)
    )
    found = changes.changes(side_of_bytes(old), side_of_bytes(new))
    assert names(found.manifest) == [
        "changed manifest revision",
        "changed manifest member test.desk",
        "added manifest directory",
    ]
    assert not found.rules


def test_a_directory_bundle_stands_beside_either() -> None:
    policies = {name: data for name, data in DESK.items() if name.endswith(".charter")}
    people = {name: data for name, data in DESK.items() if name.endswith(".json")}
    bundle = build_directory(people, WHAT)
    assert side_of_files(policies, bundle).engine.directory == OLD.engine.directory
    with pytest.raises(BundleRefused, match="expected a directory bundle"):
        side_of_files(policies, build(DESK, WHAT, fail_under=0))


# ---------------------------------------------------------------- what is decided

EXPECTED: Final = {
    "higher_limit": {Direction.LOOSER},
    "lower_limit": {Direction.STRICTER},
    "more_approval": {Direction.ASKED},
    "no_log": {Direction.OTHERWISE},
    "without_deny": {Direction.LOOSER},
    "new_action": set(),
    "clerk_leaves": {Direction.STRICTER},
    "clerk_joins": {Direction.LOOSER},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_answers_are_told_in_their_direction(name: str) -> None:
    assert directions(name) == EXPECTED[name]


def test_nothing_differs_from_itself() -> None:
    drawn = made_up(OLD, OLD, (), seed=3, count=COUNT)
    found = flips.flips(OLD, OLD, drawn.asked, strangers=drawn.strangers)
    assert (found.by_direction, found.found) == ({}, {})
    assert found.asked > COUNT // 2


def test_a_flip_counts_for_the_rule_that_differs_and_its_owner() -> None:
    found = tried("higher_limit")
    [flip] = found.sorted()
    assert (flip.rule, flip.owner) == ("refunds.large", "payments@desk.example")
    assert flip.count == found.by_direction[Direction.LOOSER]


def test_the_same_seed_tells_the_same() -> None:
    assert repr(tried("lower_limit").sorted()) == repr(tried("lower_limit").sorted())


@pytest.mark.parametrize("name", ["higher_limit", "lower_limit", "clerk_joins"])
def test_an_example_can_be_asked_again(name: str) -> None:
    new = edited(name)
    for flip in tried(name).sorted():
        example = flip.example
        assert example.strangers == ()
        shown = json.dumps(message_to_json(request_to_proto(example.asked.request)))
        request = Request.from_json(shown)
        for side, answer in ((OLD, example.old), (new, example.new)):
            decision = side.engine.explain(request, example.asked.now_us).decision
            assert decision.effect is answer.effect


def test_the_most_alarming_comes_first() -> None:
    files = {
        name: data.replace(b"> 200.00", b"> 300.00").replace(b"<= 500.00", b"<= 450.00")
        for name, data in DESK.items()
    }
    new = side_of_files(files)
    drawn = made_up(OLD, new, {"refunds.small", "refunds.large"}, seed=3, count=COUNT)
    found = flips.flips(OLD, new, drawn.asked, strangers=drawn.strangers)
    assert found.sorted()[0].direction is Direction.LOOSER
    assert Direction.STRICTER in found.by_direction


# ---------------------------------------------------------------- logged requests


def _logged(amount: str = "300.00", omitted: tuple[str, ...] = ()) -> Record:
    return decided(Request.from_json(json.dumps(refund(amount))), "0197-a", omitted)


def replayed(*records: Record) -> tuple[Flips, int]:
    asked = list(asking.logged(records))
    usable = [one for one in asked if one is not None]
    new = edited("higher_limit")
    return flips.flips(OLD, new, usable, different={"refunds.large"}), len(asked) - len(usable)


def test_what_was_asked_once_is_asked_again_at_its_time() -> None:
    found, skipped = replayed(_logged(), _logged("20.00"))
    assert (found.asked, skipped) == (2, 0)
    assert found.by_direction == {Direction.LOOSER: 1}
    [flip] = found.sorted()
    assert flip.example.asked.source == "0197-a"
    assert flip.example.asked.now_us == TIME_NS // 1_000


def test_what_cannot_be_asked_again_is_counted() -> None:
    found, skipped = replayed(_logged(), _logged(omitted=("args.amount",)))
    assert (found.asked, skipped) == (1, 1)


def test_a_record_that_cannot_be_read_is_counted() -> None:
    assert list(asking.logged([replace(_logged(), payload=b"\xff")])) == [None]


def test_other_records_are_no_requests() -> None:
    other = replace(_logged(), kind=Kind.STOP)
    assert list(asking.logged([other])) == []


def test_a_request_that_one_version_refuses_is_a_deny_there() -> None:
    without_note = {
        name: data.replace(b", note?: string untrusted", b"")
        .replace(b", args.note", b"")
        .replace(b'has args.note and args.note like "*hurry*"', b"args.amount > 800.00")
        for name, data in DESK.items()
    }
    sent = refund("20.00", args={"amount": "20.00", "note": "late"})
    asked = asking.Asked(Request.from_json(json.dumps(sent)), 0, "x")
    found = flips.flips(OLD, side_of_files(without_note), [asked])
    [flip] = found.sorted()
    assert flip.direction is Direction.STRICTER
    assert flip.example.new.cause == "invalid_request"


# ---------------------------------------------------------------- broken builds


def _fails(check: Callable[[], object]) -> bool:
    try:
        check()
    except (AssertionError, ValueError):
        return True
    return False


def _direction(name: str) -> Callable[[], None]:
    return lambda: test_answers_are_told_in_their_direction(name)


def _looser_as_stricter(old: Any, new: Any) -> Direction | None:
    found = _direction_of(old, new)
    return Direction.STRICTER if found is Direction.LOOSER else found


_direction_of = flips.direction_of

TWINS: Final[dict[str, tuple[Any, str, Any, Callable[[], None]]]] = {
    "looser_is_told_as_stricter": (
        flips,
        "direction_of",
        _looser_as_stricter,
        _direction("higher_limit"),
    ),
    "approval_is_told_as_no_change": (
        flips,
        "_STRICTNESS",
        dict.fromkeys(flips._STRICTNESS, 0),  # noqa: SLF001 - breaks the build
        _direction("more_approval"),
    ),
    "obligations_are_ignored": (flips, "_duties", lambda _: None, _direction("no_log")),
    "logged_requests_are_ignored": (
        asking,
        "_asked_once",
        lambda _: None,
        test_what_was_asked_once_is_asked_again_at_its_time,
    ),
    "what_is_omitted_is_asked_as_if_whole": (
        asking,
        "logged",
        lambda records: (
            asking.Asked(Request.from_json(json.dumps(refund("1.00"))), 0, "x") for _ in records
        ),
        test_what_cannot_be_asked_again_is_counted,
    ),
    "changed_rules_are_not_told": (
        changes,
        "meaning",
        lambda rule: rule.name,
        test_a_changed_rule_is_told_with_its_owner_and_both_texts,
    ),
    "places_count_as_meaning": (
        changes,
        "meaning",
        repr,
        test_layout_is_no_change,
    ),
    "people_are_not_told": (
        changes,
        "_people",
        lambda *_: iter(()),
        test_people_who_join_and_leave_are_told,
    ),
    "refused_requests_are_skipped": (
        flips,
        "REFUSED",
        flips.Answer(Effect.ALLOW, "", (), None),
        test_a_request_that_one_version_refuses_is_a_deny_there,
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, attribute, broken, seen_by = TWINS[name]
    assert not _fails(seen_by)
    monkeypatch.setattr(owner, attribute, broken)
    assert _fails(seen_by)


def test_values_of_either_version_are_tried() -> None:
    whole = asking.merged(
        hints_of(OLD.engine.checked), hints_of(edited("higher_limit").engine.checked)
    )
    amounts = {
        str(value)
        for (name, _), known in whole.values.items()
        if name == "amount"
        for value in known
    }
    assert {"200", "400", "500"} <= amounts


def test_every_edit_is_used() -> None:
    assert {*EXPECTED, "other_layout", "other_route", "group_elsewhere"} == EDITS.keys()
    assert isinstance(OLD.engine, Engine)
