"""Records: their kinds, how each is built into payload bytes and read back. No I/O and no clock."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from google.protobuf.message import DecodeError

from pdp._proto import decision_pb2, log_pb2
from pdp.decisionlog import redact, tree
from pdp.model import BundleIdentity, Decision, RuleError
from pdp.protoform import (
    CAUSE_TO_NUMBER,
    EFFECT_TO_NUMBER,
    bundle_to_proto,
    request_to_proto,
)
from pdp.request import Request


class Kind(enum.IntEnum):
    """What a record is; the numbers of ``pdp.v1.RecordKind``."""

    DECISION = 1
    JOINED_DECISION = 2
    REFUSAL = 3
    SHED_SUMMARY = 4
    APPROVAL_STEP = 5
    REDEMPTION = 6
    OUTCOME = 7
    BUNDLE_ACTIVATION = 8
    STOP_ORDER = 9
    KEY_CHANGE = 10
    SETTINGS = 11
    ERASURE = 12
    RECOVERY = 13
    CHECKPOINT = 14
    START = 15
    STOP = 16
    EXPLANATION = 17
    BUNDLE_REFUSAL = 18
    SHADOW_FLIP = 19


Message: TypeAlias = (
    log_pb2.DecisionRecord
    | log_pb2.RefusalRecord
    | log_pb2.ShedSummaryRecord
    | log_pb2.BundleActivationRecord
    | log_pb2.SettingsRecord
    | log_pb2.RecoveryRecord
    | log_pb2.StartRecord
    | log_pb2.StopRecord
    | log_pb2.ExplanationRecord
    | log_pb2.BundleRefusalRecord
    | log_pb2.ShadowFlipRecord
    | log_pb2.StopOrderRecord
    | log_pb2.CheckpointRecord
    | log_pb2.KeyChangeRecord
    | log_pb2.OutcomeRecord
)

# The kinds that are written today; the others have their numbers and nothing more.
MESSAGES: Final[Mapping[Kind, type[Message]]] = {
    Kind.DECISION: log_pb2.DecisionRecord,
    Kind.REFUSAL: log_pb2.RefusalRecord,
    Kind.SHED_SUMMARY: log_pb2.ShedSummaryRecord,
    Kind.BUNDLE_ACTIVATION: log_pb2.BundleActivationRecord,
    Kind.SETTINGS: log_pb2.SettingsRecord,
    Kind.RECOVERY: log_pb2.RecoveryRecord,
    Kind.START: log_pb2.StartRecord,
    Kind.STOP: log_pb2.StopRecord,
    Kind.EXPLANATION: log_pb2.ExplanationRecord,
    Kind.BUNDLE_REFUSAL: log_pb2.BundleRefusalRecord,
    Kind.SHADOW_FLIP: log_pb2.ShadowFlipRecord,
    Kind.STOP_ORDER: log_pb2.StopOrderRecord,
    Kind.CHECKPOINT: log_pb2.CheckpointRecord,
    Kind.KEY_CHANGE: log_pb2.KeyChangeRecord,
    Kind.OUTCOME: log_pb2.OutcomeRecord,
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record in its place: ``segment`` is a file's name, ``offset`` where its frame begins."""

    seq: int
    kind: Kind
    payload: bytes
    segment: str
    offset: int

    @property
    def leaf_hash(self) -> str:
        """What the receipt of this record holds: lower-case hex SHA-256."""
        return tree.leaf_hash(tree.leaf_input(self.kind, self.seq, self.payload)).hex()


def parse(kind: Kind, payload: bytes) -> Message:
    """The message in a record. Raises ValueError if it is none, or a kind not written yet."""
    message_type = MESSAGES.get(kind)
    if message_type is None:
        raise ValueError(f"records of kind {kind.name.lower()} are not known to this version")
    message = message_type()
    try:
        message.ParseFromString(payload)
    except DecodeError:
        raise ValueError(f"the payload is no {kind.name.lower()} record") from None
    return message


def decision_record(  # noqa: PLR0913 - by keyword, one for each part of the record
    *,
    request: Request,
    omitted: Sequence[str],
    answer: decision_pb2.DecideResponse,
    decision: Decision,
    time_unix_ns: int,
    decide_ns: int,
    engine_version: str,
    tzdata_version: str,
) -> bytes:
    """The payload for one answer.

    ``request`` and ``omitted`` are what ``redact.omit`` (or ``omit_args``) gave. With anything
    hidden, ``answer`` keeps only shown values that ``request`` still holds. A request digest over
    secrets can be searched for, so it is kept only when the caller salted it, and then without
    the salt; commitments that a holder of the secret can open come later.
    """
    message = request_to_proto(request)
    logged = decision_pb2.DecideResponse()
    logged.CopyFrom(answer)
    logged.ClearField("receipt")
    if decision.hidden_paths or omitted:
        redact.omit_shown(logged, request)
    names = list(omitted)
    digest = decision.request_digest
    if redact.binds_secret(omitted, decision.hidden_paths):
        if request.digest_salt:
            message.ClearField("digest_salt")
            names.append("digest_salt")
        else:
            digest = ""
            redact.omit_digest(logged)
            names.append("request_digest")
    return _bytes(
        log_pb2.DecisionRecord(
            decision_id=answer.decision_id,
            time_unix_ns=time_unix_ns,
            request=message,
            answer=logged,
            errors=[_error(error) for error in decision.errors],
            omitted_paths=names,
            request_digest=digest,
            bundle=bundle_to_proto(decision.bundle),
            timings=log_pb2.DecisionTimings(decide_ns=decide_ns),
            tzdata_version=tzdata_version,
            engine_version=engine_version,
            shadow=[
                log_pb2.ShadowOutcomeRecord(
                    rule=item.rule, effect=item.effect, outcome=item.outcome
                )
                for item in decision.shadow
            ],
        )
    )


def refusal_record(  # noqa: PLR0913 - by keyword, one for each field of the record
    *,
    time_unix_ns: int,
    peer: str,
    rpc: str,
    status: str,
    reason: str,
    field: str = "",
    request_bytes: int = 0,
    request_sha256: str = "",
    principal: str = "",
    action: str = "",
    engine_version: str = "",
) -> bytes:
    """The payload for a call that got an error status.

    ``reason`` is our own name for the cause. ``principal`` and ``action`` only once they passed the
    request's checks; no other text of the request may be given.
    """
    return _bytes(
        log_pb2.RefusalRecord(
            time_unix_ns=time_unix_ns,
            peer=peer,
            rpc=rpc,
            status=status,
            reason=reason,
            field=field,
            request_bytes=request_bytes,
            request_sha256=request_sha256,
            principal=principal,
            action=action,
            engine_version=engine_version,
        )
    )


def explanation_record(  # noqa: PLR0913 - by keyword, one for each part of the record
    *,
    time_unix_ns: int,
    peer: str,
    request: Request,
    now_us: int,
    decision: Decision,
    engine_version: str,
) -> bytes:
    """The payload for a decision explained: who asked about what. No value of either is kept.

    ``request`` has passed its checks, so that its identifiers are fit to be kept.
    """
    resource = request.resource
    return _bytes(
        log_pb2.ExplanationRecord(
            time_unix_ns=time_unix_ns,
            peer=peer,
            request_id=request.request_id,
            chain=[member.uid for member in request.chain],
            action=request.action,
            resource="" if resource is None else resource.uid,
            now_unix_us=now_us,
            effect=EFFECT_TO_NUMBER[decision.effect],
            cause=_cause_number(decision),
            bundle=bundle_to_proto(decision.bundle),
            engine_version=engine_version,
        )
    )


def shed_summary_record(
    *, time_unix_ns: int, counts: Sequence[tuple[str, str, int]], engine_version: str
) -> bytes:
    """The payload for calls without a record of their own: (peer, gRPC status name, how many)."""
    return _bytes(
        log_pb2.ShedSummaryRecord(
            time_unix_ns=time_unix_ns,
            counts=[
                log_pb2.ShedCount(peer=peer, status=status, count=count)
                for peer, status, count in counts
            ],
            engine_version=engine_version,
        )
    )


def bundle_activation_record(  # noqa: PLR0913 - by keyword, one for each field of the record
    *,
    time_unix_ns: int,
    bundle: BundleIdentity,
    files: Sequence[tuple[str, str]],
    engine_version: str,
    parts: Sequence[log_pb2.SignedPart] = (),
    source: str = "",
    trust_store_version: int = 0,
    is_shadow: bool = False,
) -> bytes:
    """The payload for a bundle that decides from here on; ``files`` pairs name and hex SHA-256.

    One that ``is_shadow`` decides nothing: it is tried beside the one that does.
    """
    return _bytes(
        log_pb2.BundleActivationRecord(
            time_unix_ns=time_unix_ns,
            bundle=bundle_to_proto(bundle),
            files=[log_pb2.BundleFile(name=name, sha256=digest) for name, digest in files],
            engine_version=engine_version,
            parts=parts,
            source=source,
            trust_store_version=trust_store_version,
            is_shadow=is_shadow,
        )
    )


def bundle_refusal_record(  # noqa: PLR0913 - by keyword, one for each field of the record
    *, time_unix_ns: int, source: str, cause: str, message: str, sha256: str, engine_version: str
) -> bytes:
    """The payload for an offered bundle that does not decide; ``message`` holds our words only."""
    return _bytes(
        log_pb2.BundleRefusalRecord(
            time_unix_ns=time_unix_ns,
            source=source,
            cause=cause,
            message=message,
            sha256=sha256,
            engine_version=engine_version,
        )
    )


def shadow_flip_record(
    *,
    time_unix_ns: int,
    answered: Decision,
    shadow: Decision,
    uncounted: int,
    engine_version: str,
) -> bytes:
    """The payload for a decision that the bundle on trial would have made otherwise."""
    return _bytes(
        log_pb2.ShadowFlipRecord(
            time_unix_ns=time_unix_ns,
            decision_id=answered.decision_id,
            effect=EFFECT_TO_NUMBER[answered.effect],
            shadow_effect=EFFECT_TO_NUMBER[shadow.effect],
            shadow_cause=_cause_number(shadow),
            shadow_rules=[rule.rule for rule in shadow.rules],
            shadow_bundle=bundle_to_proto(shadow.bundle),
            uncounted=uncounted,
            engine_version=engine_version,
        )
    )


def stop_order_record(
    *,
    time_unix_ns: int,
    order: log_pb2.StopOrder,
    engine_version: str,
    resumed: tuple[str, str] | None = None,
) -> bytes:
    """The payload for a stop order given, or taken back: ``resumed`` is by whom and why."""
    return _bytes(
        log_pb2.StopOrderRecord(
            time_unix_ns=time_unix_ns,
            order=order,
            is_resumed=resumed is not None,
            resumed_by=resumed[0] if resumed else "",
            resumed_why=resumed[1] if resumed else "",
            engine_version=engine_version,
        )
    )


def settings_record(
    *, time_unix_ns: int, digest: str, settings: Sequence[tuple[str, str]]
) -> bytes:
    """The payload for the settings in force; ``settings`` pairs name and JSON text, no secrets."""
    return _bytes(
        log_pb2.SettingsRecord(
            time_unix_ns=time_unix_ns,
            digest=digest,
            settings=[log_pb2.Setting(name=name, value=value) for name, value in settings],
        )
    )


def start_record(  # noqa: PLR0913 - by keyword, one for each field of the record
    *,
    time_unix_ns: int,
    node: str,
    pid: int,
    engine_version: str,
    settings_digest: str,
    unsafe: Sequence[str] = (),
) -> bytes:
    """The payload for a process that begins to answer; ``unsafe`` names the unsafe settings on."""
    return _bytes(
        log_pb2.StartRecord(
            time_unix_ns=time_unix_ns,
            node=node,
            pid=pid,
            engine_version=engine_version,
            settings_digest=settings_digest,
            unsafe=unsafe,
        )
    )


def stop_record(*, time_unix_ns: int, reason: str) -> bytes:
    """The payload for a clean stop: the last record of a run. Without it the next start says so."""
    return _bytes(log_pb2.StopRecord(time_unix_ns=time_unix_ns, reason=reason))


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


def _cause_number(decision: Decision) -> decision_pb2.DenyCause:
    if decision.cause is None:
        return decision_pb2.DENY_CAUSE_UNSPECIFIED
    return CAUSE_TO_NUMBER[decision.cause]


def _error(error: RuleError) -> log_pb2.RuleErrorRecord:
    return log_pb2.RuleErrorRecord(
        rule=error.rule, kind=error.kind, file=error.file, line=error.line, column=error.column
    )
