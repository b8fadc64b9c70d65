"""Each column says what the record says, for every kind of record, and nothing else."""

from __future__ import annotations

from typing import Any, Final

import pytest

from pdp._proto import log_pb2
from pdp.audit.columns import NAMES, Row, row_of
from pdp.decisionlog import record
from pdp.decisionlog.errors import LogCorrupt
from pdp.decisionlog.record import MESSAGES, Kind, Record
from pdp.model import BundleIdentity
from tests.audit import ledger
from tests.decisionlog import samples

ALWAYS: Final = {"seq", "kind", "time", "segment", "offset", "leaf_hash", "payload"}


def item(kind: Kind, payload: bytes) -> Record:
    return Record(7, kind, payload, "0000000002.seg", 300)


def told(row: Row) -> dict[str, Any]:
    """What is not null, without what every record has."""
    return {
        name: value
        for name, value in row._asdict().items()
        if value is not None and name not in ALWAYS
    }


def test_a_decision() -> None:
    logged = item(Kind.DECISION, ledger.decision_payload(12))
    row = row_of(logged)
    assert (row.seq, row.kind, row.segment, row.offset) == (7, "decision", "0000000002.seg", 300)
    assert row.time == 1_700_000_012_000_000
    assert (row.leaf_hash, row.payload) == (logged.leaf_hash, logged.payload)
    assert told(row) == {
        "decision_id": "d-12",
        "request_id": "r-12",
        "effect": "allow",
        "action": "payment.refund",
        "agent": "Agent::bot",
        "person": "User::ann",
        "chain": ["Agent::bot", "User::ann"],
        "resource": "Order::o-12",
        "rules": ["refunds.small", "refunds.large"],
        "owners": ["payments@x.org", "finance@x.org"],
        "bundle_name": "starter",
        "bundle_version": "1",
        "bundle_revision": 0,
        "bundle_digest": "ab" * 32,
        "policies": ["refunds"],
        "errors": ["a.b: absent"],
        "omitted_paths": ["args.iban"],
        "decide_ns": 4_212,
        "engine_version": "0.1",
        "request_digest": "cd" * 32,
    }


def test_what_a_decision_lacks_is_null() -> None:
    row = row_of(item(Kind.DECISION, ledger.decision_payload(35)))
    assert (row.person, row.resource, row.effect, row.cause) == (
        None,
        None,
        "require_approval",
        None,
    )
    assert (row.errors, row.omitted_paths) == ([], [])
    row = row_of(item(Kind.DECISION, ledger.decision_payload(38)))
    assert (row.effect, row.cause) == ("deny", "no_allow")
    assert (row.rules, row.policies, row.owners) == ([], [], [])


def test_a_policy_may_have_dots() -> None:
    assert row_of(item(Kind.DECISION, ledger.decision_payload(8))).policies == ["desk.people"]


def test_an_effect_of_a_later_version_is_its_number() -> None:
    message = log_pb2.DecisionRecord()
    message.ParseFromString(ledger.decision_payload(1))
    message.answer.effect = 99  # type: ignore[assignment]
    row = row_of(item(Kind.DECISION, message.SerializeToString()))
    assert row.effect == "99"


def test_the_other_kinds() -> None:
    assert told(row_of(item(Kind.REFUSAL, samples.refusal(1)))) == {"errors": ["unknown_field"]}
    assert told(row_of(item(Kind.STOP, samples.stop()))) == {}
    activation = record.bundle_activation_record(
        time_unix_ns=1,
        bundle=BundleIdentity("n", "2", "ef" * 32, revision=4),
        files=(),
        engine_version="0.2",
    )
    assert told(row_of(item(Kind.BUNDLE_ACTIVATION, activation))) == {
        "bundle_name": "n",
        "bundle_version": "2",
        "bundle_revision": 4,
        "bundle_digest": "ef" * 32,
        "engine_version": "0.2",
    }


@pytest.mark.parametrize("kind", MESSAGES)
def test_an_empty_record_of_every_kind_has_a_row(kind: Kind) -> None:
    row = row_of(item(kind, b""))
    assert (row.kind, row.time) == (kind.name.lower(), 0)
    assert len(row) == len(NAMES) == 28


@pytest.mark.parametrize("kind", [Kind.DECISION, Kind.OUTCOME])
def test_what_is_no_record_is_damage_and_named(kind: Kind) -> None:
    with pytest.raises(LogCorrupt, match=r"damaged in `0000000002.seg` at byte 300, record 7: "):
        row_of(item(kind, b"\xff\xff"))
