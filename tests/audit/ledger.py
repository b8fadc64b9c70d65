"""Logs with decisions of every kind a reviewer may look for; built with the real writer."""

from __future__ import annotations

from pathlib import Path

from pdp import protoform
from pdp.decisionlog import record
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.model import (
    Attribution,
    BundleIdentity,
    Decision,
    DenyCause,
    DeterminingRule,
    Effect,
    Entity,
    RuleError,
)
from pdp.request import Request
from tests.decisionlog import samples

START_NS = 1_700_000_000_000_000_000
STEP_NS = 1_000_000_001
PEOPLE = ("ann", "ben", "cleo")
AGENTS = ("bot", "crawler")
ACTIONS = ("payment.refund", "ticket.close", "deploy.start", "email.send")
RULES = (
    DeterminingRule("refunds.small", "payments@x.org", "#pay", ""),
    DeterminingRule("refunds.large", "finance@x.org", "#fin", ""),
    DeterminingRule("desk.people.close", "desk@x.org", "#desk", ""),
)
HOSTILE = "\x1b[31m \x9b2J \u202egnp.exe"


def outcome(number: int) -> tuple[Effect, DenyCause | None]:
    """Effects and causes in turn."""
    turns: tuple[tuple[Effect, DenyCause | None], ...] = (
        (Effect.ALLOW, None),
        (Effect.DENY, DenyCause.RULE),
        (Effect.DENY, DenyCause.NO_ALLOW),
        (Effect.REQUIRE_APPROVAL, None),
    )
    return turns[number % len(turns)]


def decision_payload(number: int, request_id: str = "") -> bytes:
    """A decision whose every searched part depends on its number, each in another rhythm."""
    person, agent = PEOPLE[number % 3], AGENTS[number % 2]
    effect, cause = outcome(number)
    rules = () if cause is DenyCause.NO_ALLOW else RULES[number % 3 :][:2]
    request = Request(
        principal=Entity("Agent", agent),
        on_behalf_of=(Entity("User", person),),
        action=ACTIONS[number % 4],
        args=f'{{"amount":{number}}}',
        resource=Entity("Order", f"o-{number}") if number % 5 else None,
        request_id=request_id or f"r-{number}",
    )
    decided = Decision(
        effect=effect,
        cause=cause,
        rules=rules,
        attribution=Attribution(accountable=f"User::{person}" if number % 7 else ""),
        errors=(RuleError("a.b", "absent", "a.charter", 3, 7),) if number % 6 == 0 else (),
        bundle=BundleIdentity("starter", "1", "ab" * 32, revision=number % 3),
        request_digest="cd" * 32,
        decision_id=f"d-{number}",
    )
    return record.decision_record(
        request=request,
        omitted=("args.iban",) if number % 4 == 0 else (),
        answer=protoform.decision_to_proto(decided, request.request_id),
        decision=decided,
        time_unix_ns=START_NS + number * STEP_NS,
        decide_ns=4_200 + number,
        engine_version="0.1",
        tzdata_version="2025b",
    )


def build(directory: Path, count: int = 40, segment_bytes: int = samples.SEGMENT_BYTES) -> None:
    """A log of ``count`` decisions among refusals in several segments, and a stop at its end."""
    with Writer.open(directory, samples.setup(segment_bytes=segment_bytes)) as writer:
        for number in range(count):
            writer.append(Kind.DECISION, decision_payload(number))
            if number % 10 == 0:
                writer.append(Kind.REFUSAL, samples.refusal(number))
        writer.append(Kind.STOP, samples.stop())


def grow(directory: Path, *payloads: bytes) -> None:
    """More decisions, by another writer and so in a segment of its own, without a stop."""
    with Writer.open(directory, samples.setup()) as writer:
        for payload in payloads:
            writer.append(Kind.DECISION, payload)
