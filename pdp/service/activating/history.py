"""What a decision log says of the time before: how high revisions were, and how late it was."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pdp._proto import log_pb2
from pdp.activation.state import State, raised_by
from pdp.bundles.verification import Floor
from pdp.decisionlog import reader, record
from pdp.decisionlog.errors import LogMissing
from pdp.decisionlog.record import Kind, Record

_LOOKED_AT: Final = 100


def state_in(log_dir: Path) -> State:
    """The highest revision of each name that was activated, and the newest trust store, by the log.

    Reads all of it. Raises LogCorrupt.
    """
    floors: dict[str, Floor] = {}
    version = 0
    try:
        for item in reader.records(log_dir):
            if item.kind is not Kind.BUNDLE_ACTIVATION:
                continue
            message = record.parse(item.kind, item.payload)
            if not isinstance(message, log_pb2.BundleActivationRecord) or message.is_shadow:
                continue
            version = max(version, message.trust_store_version)
            floors = raised_by(floors, message.parts)
    except LogMissing:
        return State()
    return State(floors, None, version)


def latest_ns(log_dir: Path) -> int:
    """The latest time among the newest records, in nanoseconds since 1970; 0 without any.

    Not of the newest alone: a recovery is recorded before the time goes on from here.
    """
    try:
        last = reader.last_records(log_dir, _LOOKED_AT)
    except LogMissing:
        return 0
    return max((_time_ns(item) for item in last), default=0)


def _time_ns(item: Record) -> int:
    try:
        return int(record.parse(item.kind, item.payload).time_unix_ns)
    except ValueError:
        return 0
