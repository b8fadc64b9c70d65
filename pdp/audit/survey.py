"""What a log says of the time around its decisions: what was active, what was stopped. Reads only.

One pass over all records, as a decision is judged by what stands far before it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pdp._proto import decision_pb2, log_pb2
from pdp.decisionlog import reader, record
from pdp.decisionlog.errors import LogCorrupt
from pdp.decisionlog.record import Kind, Message, Record

_NEVER_NS: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Span:
    """Which decisions are meant: bounds of sequence numbers, and of times in ns since 1970.

    All bounds are themselves meant.
    """

    first_seq: int = 1
    last_seq: int = _NEVER_NS
    first_ns: int = 0
    last_ns: int = _NEVER_NS

    def holds(self, item: Record) -> bool:
        """Whether it is a decision that is meant. Raises LogCorrupt for one that cannot be read."""
        if item.kind is not Kind.DECISION or not self.first_seq <= item.seq <= self.last_seq:
            return False
        if self.first_ns == 0 and self.last_ns == _NEVER_NS:
            return True
        return self.first_ns <= read(item).time_unix_ns <= self.last_ns


@dataclass(slots=True)
class Activated:
    """One bundle: its files by name with their hex SHA-256, and each activation of it.

    ``activations`` pairs a record's number with the time from which it may not decide, in ns since
    1970: a newer statement of freshness is an activation of its own.
    """

    name: str
    revision: int
    digest: str
    is_signed: bool
    files: tuple[tuple[str, str], ...]
    activations: list[tuple[int, int]] = field(default_factory=list)

    def is_active(self, seq: int) -> bool:
        """Whether it was activated before that record."""
        return self.activations[0][0] < seq

    def may_decide(self, seq: int, time_ns: int) -> bool:
        """Whether, by an activation before that record, it was valid at that time."""
        return any(time_ns < until for until in self._before(seq))

    def may_be_expired(self, seq: int, time_ns: int) -> bool:
        """Whether, by an activation before that record, it was no longer valid at that time."""
        return any(time_ns >= until for until in self._before(seq))

    def _before(self, seq: int) -> Iterator[int]:
        """The ends by each activation before that record, the latest first."""
        for place in range(bisect_left(self.activations, (seq,)) - 1, -1, -1):
            yield self.activations[place][1]


@dataclass(slots=True)
class Survey:
    """``activated`` by the bundle's identity as bytes, ``orders`` in their messages by their ids.

    ``decisions`` is how many are meant, ``last_seq`` the last record there was.
    """

    activated: dict[bytes, Activated] = field(default_factory=dict)
    orders: dict[str, bytes] = field(default_factory=dict)
    decisions: int = 0
    last_seq: int = 0


def survey(log_dir: Path, span: Span) -> Survey:
    """Read a whole log. Raises LogCorrupt, LogMissing."""
    found = Survey()
    for item in reader.records(log_dir):
        found.last_seq = item.seq
        if item.kind is Kind.DECISION:
            found.decisions += span.holds(item)
        elif item.kind is Kind.BUNDLE_ACTIVATION:
            _note_activation(found, item)
        elif item.kind is Kind.STOP_ORDER:
            message = read(item)
            assert isinstance(message, log_pb2.StopOrderRecord)
            found.orders[message.order.order_id] = message.order.SerializeToString()
    return found


def identity_of(bundle: decision_pb2.BundleIdentity) -> bytes:
    """What ``Survey.activated`` knows a bundle by."""
    return bundle.SerializeToString(deterministic=True)


def read(item: Record) -> Message:
    """The message of a record. Raises LogCorrupt for one that this version cannot read."""
    try:
        return record.parse(item.kind, item.payload)
    except ValueError as error:
        raise LogCorrupt(item.segment, item.offset, item.seq, str(error)) from None


def _note_activation(found: Survey, item: Record) -> None:
    message = read(item)
    assert isinstance(message, log_pb2.BundleActivationRecord)
    if message.is_shadow:
        return
    key = identity_of(message.bundle)
    activated = found.activated.get(key)
    if activated is None:
        bundle = message.bundle
        files = tuple((file.name, file.sha256) for file in message.files)
        activated = found.activated[key] = Activated(
            bundle.name, bundle.revision, bundle.digest, bundle.is_signed, files
        )
    activated.activations.append((item.seq, _valid_until_ns(message)))


def _valid_until_ns(message: log_pb2.BundleActivationRecord) -> int:
    """The earliest time from which a part may not decide; never for what nobody signed."""
    times = [part.expires_unix_ns for part in message.parts]
    times += [part.fresh_until_unix_ns for part in message.parts if part.fresh_until_unix_ns]
    return min(times, default=_NEVER_NS)
