"""The payloads of records that prove something: signed heads, keys, outcomes, recoveries."""

from __future__ import annotations

from pdp._proto import decision_pb2, log_pb2


def checkpoint_record(*, time_unix_ns: int, note: str) -> bytes:
    """A signed tree head over every record before this one."""
    message = log_pb2.CheckpointRecord(time_unix_ns=time_unix_ns, note=note)
    return message.SerializeToString(deterministic=True)


def key_change_record(
    *, time_unix_ns: int, key_id: str, public: bytes, engine_version: str
) -> bytes:
    """The key that signs from here on; ``public`` is its 32 bytes."""
    message = log_pb2.KeyChangeRecord(
        time_unix_ns=time_unix_ns,
        key_id=key_id,
        public_key=public.hex(),
        engine_version=engine_version,
    )
    return message.SerializeToString(deterministic=True)


def outcome_record(
    request: decision_pb2.OutcomeRequest, *, time_unix_ns: int, peer: str, engine_version: str
) -> bytes:
    """What a caller says it did; ``request`` has passed its checks."""
    message = log_pb2.OutcomeRecord(
        time_unix_ns=time_unix_ns,
        peer=peer,
        decision_id=request.decision_id,
        request_digest=request.request_digest,
        status=request.status,
        effect=request.effect,
        engine_version=engine_version,
    )
    return message.SerializeToString(deterministic=True)


def recovery_record(message: log_pb2.RecoveryRecord, time_unix_ns: int) -> bytes:
    """What a start found."""
    dated = log_pb2.RecoveryRecord(time_unix_ns=time_unix_ns)
    dated.MergeFrom(message)
    return dated.SerializeToString(deterministic=True)
