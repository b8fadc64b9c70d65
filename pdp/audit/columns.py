"""What stands in each column for one record. Pure: a record in, a row out; no file, no library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from pdp._proto import decision_pb2, log_pb2
from pdp.decisionlog import record
from pdp.decisionlog.errors import LogCorrupt
from pdp.decisionlog.record import Kind, Record
from pdp.protoform import CAUSE_TO_NUMBER, EFFECT_TO_NUMBER

_EFFECTS: Final = {int(number): effect.value for effect, number in EFFECT_TO_NUMBER.items()}
_CAUSES: Final = {int(number): cause.value for cause, number in CAUSE_TO_NUMBER.items()}
_NS_PER_US: Final = 1_000


class Row(NamedTuple):
    """One record, flat; docs/decision-log.md says what each column means. None: does not apply.

    ``time`` is in whole microseconds since 1970, ``decide_ns`` in nanoseconds. Hashes and digests
    are lower-case hex; ``payload`` holds the record's bytes as logged.
    """

    seq: int
    kind: str
    time: int
    decision_id: str | None
    request_id: str | None
    effect: str | None
    cause: str | None
    action: str | None
    agent: str | None
    person: str | None
    chain: list[str] | None
    resource: str | None
    rules: list[str] | None
    owners: list[str] | None
    bundle_name: str | None
    bundle_version: str | None
    bundle_revision: int | None
    bundle_digest: str | None
    policies: list[str] | None
    errors: list[str] | None
    omitted_paths: list[str] | None
    decide_ns: int | None
    engine_version: str | None
    segment: str
    offset: int
    leaf_hash: str
    request_digest: str | None
    payload: bytes


NAMES: Final = Row._fields
_NOTHING: Final[dict[str, Any]] = dict.fromkeys(NAMES)


def row_of(item: Record) -> Row:
    """The row of one record. Raises LogCorrupt where its payload is not what its kind says."""
    kind = item.kind.name.lower()
    try:
        message = record.parse(item.kind, item.payload)
    except ValueError:
        what = f"the payload is no record of kind {kind} that this version knows"
        raise LogCorrupt(item.segment, item.offset, item.seq, what) from None
    told = _TOLD.get(item.kind)
    values = {
        **_NOTHING,
        "seq": item.seq,
        "kind": kind,
        "time": message.time_unix_ns // _NS_PER_US,
        "engine_version": getattr(message, "engine_version", None) or None,
        "segment": item.segment,
        "offset": item.offset,
        "leaf_hash": item.leaf_hash,
        "payload": item.payload,
    }
    if told is not None:
        values.update(told(message))
    return Row(**values)


def policy_of(rule: str) -> str:
    """The policy in ``policy.rule``, which may itself have dots."""
    return rule.rpartition(".")[0]


def _decision(message: log_pb2.DecisionRecord) -> dict[str, object]:
    request, answer = message.request, message.answer
    rules = [item.rule for item in answer.rules]
    principal = _uid(request.principal)
    return {
        "decision_id": message.decision_id or None,
        "request_id": request.request_id or None,
        "effect": _named(_EFFECTS, answer.effect),
        "cause": _named(_CAUSES, answer.cause),
        "action": request.action or None,
        "agent": principal,
        "person": answer.attribution.accountable or None,
        "chain": [principal, *map(_uid, request.on_behalf_of)],
        "resource": _uid(request.resource) if request.HasField("resource") else None,
        "rules": rules,
        "owners": list(dict.fromkeys(item.owner for item in answer.rules)),
        "policies": list(dict.fromkeys(map(policy_of, rules))),
        "errors": [f"{item.rule}: {item.kind}" for item in message.errors],
        "omitted_paths": list(message.omitted_paths),
        "decide_ns": message.timings.decide_ns,
        "request_digest": message.request_digest or None,
        **_bundle(message.bundle),
    }


def _refusal(message: log_pb2.RefusalRecord) -> dict[str, object]:
    reason = ": ".join(filter(None, (message.reason, message.field)))
    return {
        "agent": message.principal or None,
        "action": message.action or None,
        "errors": [reason] if reason else [],
    }


def _explanation(message: log_pb2.ExplanationRecord) -> dict[str, object]:
    return {
        "request_id": message.request_id or None,
        "action": message.action or None,
        "agent": message.chain[0] if message.chain else None,
        "chain": list(message.chain),
        "resource": message.resource or None,
        **_bundle(message.bundle),
    }


def _activation(message: log_pb2.BundleActivationRecord) -> dict[str, object]:
    return _bundle(message.bundle)


def _bundle_refusal(message: log_pb2.BundleRefusalRecord) -> dict[str, object]:
    return {"errors": [message.cause] if message.cause else []}


def _flip(message: log_pb2.ShadowFlipRecord) -> dict[str, object]:
    return {"decision_id": message.decision_id or None}


_TOLD: Final[Mapping[Kind, Callable[[Any], dict[str, object]]]] = {
    Kind.DECISION: _decision,
    Kind.REFUSAL: _refusal,
    Kind.EXPLANATION: _explanation,
    Kind.BUNDLE_ACTIVATION: _activation,
    Kind.BUNDLE_REFUSAL: _bundle_refusal,
    Kind.SHADOW_FLIP: _flip,
}


def _bundle(bundle: decision_pb2.BundleIdentity) -> dict[str, object]:
    if not bundle.ByteSize():
        return {}
    return {
        "bundle_name": bundle.name or None,
        "bundle_version": bundle.version or None,
        "bundle_revision": bundle.revision,
        "bundle_digest": bundle.digest or None,
    }


def _uid(entity: decision_pb2.Entity) -> str:
    return f"{entity.type}::{entity.id}"


def _named(names: Mapping[int, str], number: int) -> str | None:
    """The member's name; its digits where this version has none; None where nothing was set."""
    return names.get(number, str(number)) if number else None
