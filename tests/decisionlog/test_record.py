"""A record holds what was asked and answered, and why, and nothing that depends on its place."""

from __future__ import annotations

import pytest

from pdp import protoform
from pdp._proto import log_pb2
from pdp.decisionlog import record
from pdp.decisionlog.proving import evidence
from pdp.decisionlog.record import Kind, Record
from pdp.model import BundleIdentity, Decision, DenyCause, Effect, Entity, ReceiptPointer
from pdp.request import Request
from tests.changed import replace
from tests.decisionlog import samples


def test_a_decision_record_holds_everything():
    decision = replace(samples.decision(), receipt=ReceiptPointer("l", 1, "h"))
    payload = record.decision_record(
        request=samples.request(),
        omitted=("args.iban",),
        answer=protoform.decision_to_proto(decision, "r-1"),
        decision=decision,
        time_unix_ns=1_700_000_000_123_456_789,
        decide_ns=4_200,
        engine_version="0.1",
        tzdata_version="2025b",
    )
    message = record.parse(Kind.DECISION, payload)
    assert isinstance(message, log_pb2.DecisionRecord)
    assert message.decision_id == "0197-a"
    assert message.time_unix_ns == 1_700_000_000_123_456_789
    assert protoform.request_from_proto(message.request) == samples.request()
    assert not message.answer.HasField("receipt")
    answered = protoform.decision_from_proto(message.answer)
    assert answered.effect is decision.effect
    assert [error.rule for error in message.errors] == ["a.b"]
    assert (message.errors[0].file, message.errors[0].line, message.errors[0].column) == (
        "a.charter", 3, 7,
    )  # fmt: skip
    shadow = message.shadow[0]
    assert (shadow.rule, shadow.effect, shadow.outcome) == ("a.s", "deny", "held")
    assert list(message.omitted_paths) == ["args.iban"]
    assert message.request_digest == "cd" * 32
    assert protoform.bundle_from_proto(message.bundle) == decision.bundle
    assert message.timings.decide_ns == 4_200
    assert (message.engine_version, message.tzdata_version) == ("0.1", "2025b")


def test_the_same_answer_gives_the_same_bytes():
    assert samples.decision_payload() == samples.decision_payload()


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.DECISION, samples.decision_payload()),
        (Kind.REFUSAL, samples.refusal(1)),
        (Kind.STOP, samples.stop()),
        (
            Kind.START,
            record.start_record(
                time_unix_ns=1, node="n", pid=7, engine_version="0.1", settings_digest="ab"
            ),
        ),
        (
            Kind.SETTINGS,
            record.settings_record(time_unix_ns=1, digest="ab", settings=[("log.mode", '"os"')]),
        ),
        (
            Kind.BUNDLE_ACTIVATION,
            record.bundle_activation_record(
                time_unix_ns=1,
                bundle=BundleIdentity("starter", "1", "ab", signed=True),
                files=[("a.charter", "cd")],
                engine_version="0.1",
            ),
        ),
        (
            Kind.EXPLANATION,
            record.explanation_record(
                time_unix_ns=1,
                peer="unix",
                request=Request(principal=Entity("User", "a"), action="x"),
                now_us=2,
                decision=Decision(Effect.DENY, DenyCause.NO_ALLOW),
                engine_version="0.1",
            ),
        ),
        (
            Kind.BUNDLE_REFUSAL,
            record.bundle_refusal_record(
                time_unix_ns=1,
                source="a",
                cause="rollback",
                message="m",
                sha256="",
                engine_version="0",
            ),
        ),
        (
            Kind.SHADOW_FLIP,
            record.shadow_flip_record(
                time_unix_ns=1,
                answered=Decision(Effect.ALLOW),
                shadow=Decision(Effect.DENY, DenyCause.NO_ALLOW),
                uncounted=0,
                engine_version="0",
            ),
        ),
        (
            Kind.STOP_ORDER,
            record.stop_order_record(
                time_unix_ns=1,
                order=log_pb2.StopOrder(order_id="1"),
                engine_version="0",
                resumed=("ann", "over"),
            ),
        ),
        (Kind.RECOVERY, evidence.recovery_record(log_pb2.RecoveryRecord(last_seq=3), 1)),
    ],
)
def test_what_is_built_is_read(kind, payload):
    message = record.parse(kind, payload)
    assert type(message) is record.MESSAGES[kind]
    assert message.SerializeToString(deterministic=True) == payload
    assert message.time_unix_ns > 0


@pytest.mark.parametrize("kind", sorted(set(Kind) - set(record.MESSAGES)))
def test_kinds_of_later_versions_are_not_guessed(kind):
    with pytest.raises(ValueError, match="are not known to this version"):
        record.parse(kind, b"")


def test_other_bytes_are_no_record():
    with pytest.raises(ValueError, match="the payload is no decision record"):
        record.parse(Kind.DECISION, b"\xff\xff")


def test_the_leaf_hash_is_the_receipt_s():
    first = Record(1, Kind.REFUSAL, b"p", "a", 0)
    assert first.leaf_hash == "c961eb17fa688268688620d74a7a529c607e2461304e2c7c39143879b7de0fcd"
    assert replace(first, seq=2).leaf_hash != first.leaf_hash
    assert replace(first, kind=Kind.STOP).leaf_hash != first.leaf_hash
    assert replace(first, segment="b", offset=9).leaf_hash == first.leaf_hash
