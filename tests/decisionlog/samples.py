"""Small logs and records to test with; built with the real writer, no expectations in here."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

from pdp import protoform
from pdp.decisionlog import record
from pdp.decisionlog.appender import Durability, Setup
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.model import (
    ApprovalRequirement,
    BundleIdentity,
    Decision,
    Effect,
    Entity,
    ReceiptPointer,
    RuleError,
    ShadowOutcome,
)
from pdp.request import Request

SEGMENT_BYTES = 4_096


def ticks() -> Callable[[], int]:
    """A clock that moves one second a look."""
    seconds = itertools.count(1_700_000_000)
    return lambda: next(seconds) * 1_000_000_000


def setup(durability: Durability = Durability.FSYNC, segment_bytes: int = SEGMENT_BYTES) -> Setup:
    """Small segments, and a clock of our own."""
    return Setup("node-1", durability, segment_bytes, ticks())


def refusal(number: int) -> bytes:
    """A short record; each number gives other bytes."""
    return record.refusal_record(
        time_unix_ns=1_700_000_000_000_000_000 + number,
        peer="unix:",
        rpc="/pdp.v1.DecisionService/Decide",
        status="INVALID_ARGUMENT",
        reason="unknown_field",
    )


def stop() -> bytes:
    return record.stop_record(time_unix_ns=1_700_000_001_000_000_000, reason="sigterm")


def request() -> Request:
    """One with something in every part of it that may need leaving out."""
    return Request(
        principal=Entity("Agent", "bot", '{"tier":2,"token":"t0"}'),
        on_behalf_of=(Entity("User", "ann", '{"email":"ann@x.org","team":"a"}', ("Team::a",)),),
        action="payment.refund",
        args='{"amount":12.50,"iban":"DE1","items":[{"sku":"s1","price":3},{"sku":"s2"}]}',
        resource=Entity("Invoice", "i-1", '{"total":99,"iban":"DE2"}'),
        context='{"channel":"web","card":{"pan":"4111","brand":"v"}}',
        entities=(
            Entity("User", "ann"),
            Entity("Invoice", "i-1", '{"total":99,"iban":"DE2"}'),
            Entity("Account", "acc", '{"iban":"DE3","open":true}'),
        ),
        request_id="r-1",
    )


def decision(decision_id: str = "0197-a") -> Decision:
    """An answer that would show an approver what may be hidden."""
    return Decision(
        effect=Effect.REQUIRE_APPROVAL,
        approval=ApprovalRequirement(
            routes=("refunds",),
            needs=(),
            exclude=(),
            decide_within_s=3600,
            use_within_s=60,
            show=(
                ("args.amount", "12.50"),
                ("args.iban", '"DE1"'),
                ("context.card", '{"pan":"4111","brand":"v"}'),
                ("args.gone", None),
            ),
        ),
        errors=(RuleError("a.b", "missing", "a.charter", 3, 7),),
        shadow=(ShadowOutcome("a.s", "deny", "held"),),
        bundle=BundleIdentity("starter", "1", "ab" * 32),
        request_digest="cd" * 32,
        decision_id=decision_id,
    )


def decision_payload(decision_id: str = "0197-a", sent: Request | None = None) -> bytes:
    answered = decision(decision_id)
    return record.decision_record(
        request=sent or request(),
        omitted=(),
        answer=protoform.decision_to_proto(answered, "r-1"),
        decision=answered,
        time_unix_ns=1_700_000_000_123_456_789,
        decide_ns=4_200,
        engine_version="0.1",
        tzdata_version="2025b",
    )


def fill(writer: Writer, count: int) -> Iterator[ReceiptPointer]:
    """``count`` records, every fifth batch one of several records."""
    number = 0
    while number < count:
        size = min(3 if number % 5 == 4 else 1, count - number)
        batch = [(Kind.REFUSAL, refusal(number + at)) for at in range(size)]
        yield from writer.append_many(batch)
        number += size


def build(
    directory: Path, count: int = 40, segment_bytes: int = SEGMENT_BYTES
) -> list[ReceiptPointer]:
    """A log that was closed cleanly: ``count`` records, the last a stop; every receipt."""
    with Writer.open(directory, setup(segment_bytes=segment_bytes)) as writer:
        receipts = list(fill(writer, count - 1))
        return [*receipts, writer.append(Kind.STOP, stop())]
