"""A start cuts a torn tail and says so; damage to what was durable it refuses, and says where."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pdp._proto import log_pb2
from pdp.decisionlog import disk, frame, reader, record, recovery, show
from pdp.decisionlog.appender import Durability
from pdp.decisionlog.errors import LogCorrupt, LogUnavailable
from pdp.decisionlog.frame import BatchHead, Damage
from pdp.decisionlog.record import Kind
from pdp.decisionlog.verify import verify
from pdp.decisionlog.writer import Writer
from pdp.model import ReceiptPointer
from tests.decisionlog import samples

NAME = "0000000001.seg"
STARTED = "started on damage to durable records"
LOST = "an intact record was lost"
UNSAID = "no recovery record says what was cut"


@dataclass(frozen=True)
class Ended:
    """What a killed process left: one segment, where its batches begin, and its receipts."""

    data: bytes
    batches: list[BatchHead]
    receipts: list[ReceiptPointer]


def ended(directory: Path, durability: Durability = Durability.FSYNC) -> Ended:
    """Nine batches, the last of two records; no stop record, zeros up to the segment's size."""
    with Writer.open(directory, samples.setup(durability)) as writer:
        receipts = list(samples.fill(writer, 10))
        receipts += writer.append_many([(Kind.REFUSAL, samples.refusal(n)) for n in (91, 92)])
        data = (directory / NAME).read_bytes()
    header = frame.decode_segment(data)
    assert isinstance(header, frame.SegmentHeader)
    batches: list[BatchHead] = []
    offset, seq = frame.SEGMENT_HEADER_BYTES, 1
    while True:
        head = frame.read_head(lambda at, n: data[at : at + n], offset, header.boot_id, seq)
        if not isinstance(head, BatchHead):
            return Ended(data, batches, receipts)
        batches.append(head)
        offset, seq = head.end, seq + head.count


@pytest.fixture(scope="module")
def left(tmp_path_factory) -> Ended:
    return ended(tmp_path_factory.mktemp("ended"))


def start_on(directory: Path, data: bytes) -> None:
    """Start on one segment with these bytes, write one record, stop."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    (directory / NAME).write_bytes(data)
    with Writer.open(directory, samples.setup()) as writer:
        writer.append(Kind.STOP, samples.stop())


def torn(directory: Path, left: Ended, data: bytes, intact: int) -> set[str]:
    """Start on a torn tail behind ``intact`` batches; what must not be."""
    kept = left.batches[intact - 1]
    last_seq = kept.first_seq + kept.count - 1
    start_on(directory, data)
    found: set[str] = set()
    report = verify(directory, left.receipts[:last_seq])
    if not report.ok:
        found.add(LOST)
    rest = data[kept.end :].rstrip(b"\x00")
    said, stop = list(reader.records(directory))[last_seq:]
    message = record.parse(said.kind, said.payload)
    assert isinstance(message, log_pb2.RecoveryRecord)
    assert (said.seq, stop.kind) == (last_seq + 1, Kind.STOP)
    assert (message.segment, message.offset, message.last_seq) == (1, kept.end, last_seq)
    items = [
        (
            item.segment,
            item.offset,
            item.size_bytes,
            item.sha256,
            (directory / item.file).read_bytes(),
        )
        for item in message.quarantined
    ]
    if items != (
        [(1, kept.end, len(rest), hashlib.sha256(rest).hexdigest(), rest)] if rest else []
    ):
        found.add(UNSAID)
    return found


def test_a_tail_torn_at_every_byte(tmp_path, left):
    last = left.batches[-1]
    for at in range(last.offset, last.end):
        cut = left.data[:at]
        zeroed = cut + bytes(len(left.data) - at)
        for data in (cut, zeroed):
            assert torn(tmp_path / "log", left, data, len(left.batches) - 1) == set(), at


def test_every_damaged_byte_of_the_last_batch(tmp_path, left):
    last = left.batches[-1]
    for at in range(last.offset, last.end):
        data = bytearray(left.data)
        data[at] ^= 1 << at % 8
        assert torn(tmp_path / "log", left, bytes(data), len(left.batches) - 1) == set(), at


def test_garbage_behind_the_last_batch(tmp_path, left):
    last = left.batches[-1]
    data = left.data[: last.end] + bytes(40) + b"\xff" * 9 + bytes(100)
    assert torn(tmp_path / "log", left, data, len(left.batches)) == set()


def test_an_unclean_end_with_nothing_torn_is_said_too(tmp_path, left):
    assert torn(tmp_path / "log", left, left.data, len(left.batches)) == set()


def test_a_hole_before_an_intact_batch_that_was_not_durable(tmp_path):
    """Mode ``os``: a power cut may leave the later pages and lose the earlier ones."""
    left = ended(tmp_path / "ended", Durability.OS)
    assert {head.synced_to for head in left.batches} == {0}
    for intact in range(1, len(left.batches)):
        head = left.batches[intact]
        hole = left.data[: head.offset] + bytes(head.end - head.offset) + left.data[head.end :]
        assert torn(tmp_path / "log", left, hole, intact) == set()


def durable_damage(left: Ended, step: int) -> list[tuple[int, bytes]]:
    """Flipped bytes, holes and cuts out, all of them before the last batch."""
    last = left.batches[-1]
    found: list[tuple[int, bytes]] = []
    for at in range(frame.SEGMENT_HEADER_BYTES, last.offset, step):
        data = bytearray(left.data)
        data[at] ^= 1 << at % 8
        found.append((at, bytes(data)))
    for head in left.batches[:-1]:
        hole = bytes(head.end - head.offset)
        found.append((head.offset, left.data[: head.offset] + hole + left.data[head.end :]))
        found.append((head.offset, left.data[: head.offset] + left.data[head.end :]))
    return found


def refused(directory: Path, left: Ended, step: int = 1) -> set[str]:
    """Start on each damage to durable records; what must not be."""
    found: set[str] = set()
    for at, data in durable_damage(left, step):
        try:
            start_on(directory, data)
        except LogCorrupt as error:
            head = next(head for head in left.batches if at < head.end)
            seqs = range(head.first_seq, head.first_seq + head.count)
            if error.segment != NAME or error.seq not in seqs or error.offset > at:
                found.add(f"called {error.segment} {error.offset} {error.seq} for {at}")
            if (directory / NAME).read_bytes() != data or list(directory.glob("*.torn")):
                found.add("a refused log was changed")
        else:
            found.add(STARTED)
    return found


def test_damage_to_durable_records_is_refused_and_located(tmp_path, left):
    assert refused(tmp_path / "log", left) == set()


def test_sabotage_recovery_that_skips_the_middle_is_caught(tmp_path, left, monkeypatch):
    read_batch = frame.read_batch

    def skipping(read, offset, boot_id, seq):
        batch = read_batch(read, offset, boot_id, seq)
        if not isinstance(batch, Damage):
            return batch
        rest = read(offset, 1 << 20)
        head = next(frame.heads_after(rest, offset, boot_id, seq), None)
        return batch if head is None else read_batch(read, head.offset, boot_id, head.first_seq)

    monkeypatch.setattr(frame, "read_batch", skipping)
    assert STARTED in refused(tmp_path / "log", left, step=13)


def test_sabotage_recovery_that_cuts_anything_is_caught(tmp_path, left, monkeypatch):
    monkeypatch.setattr(recovery, "_judge", lambda *_, **__: None)
    assert STARTED in refused(tmp_path / "log", left, step=13)


def test_sabotage_quarantine_forgotten_is_caught(tmp_path, left, monkeypatch):
    monkeypatch.setattr(recovery, "_undescribed", lambda *_: [])
    data = left.data[: left.batches[-1].end - 1]
    assert UNSAID in torn(tmp_path / "log", left, data, len(left.batches) - 1)


def chain_damage(directory: Path) -> list[tuple[str, Callable[[], object]]]:
    """Damage to a log of several closed segments, each with the segment at fault."""
    names = sorted(path.name for path in directory.glob("*.seg"))
    first, middle, last = (directory / names[at] for at in (0, 1, -1))

    def flip(path: Path, at: int) -> Callable[[], object]:
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        return lambda: path.write_bytes(data)

    return [
        (middle.name, first.unlink),
        (names[2], middle.unlink),
        (first.name, flip(first, 300)),
        (first.name, flip(first, -1)),
        (first.name, lambda: first.write_bytes(first.read_bytes()[:-1])),
        (first.name, lambda: first.write_bytes(first.read_bytes() + b"\x00")),
        (middle.name, flip(middle, 20)),
        (last.name, flip(last, 20)),
        (last.name, lambda: last.write_bytes(b"")),
        (last.name, lambda: last.write_bytes(last.read_bytes()[:100])),
    ]


@pytest.mark.parametrize("number", range(10))
def test_damage_to_closed_segments_is_refused(tmp_path, number):
    samples.build(tmp_path, 60, segment_bytes=2_000)
    name, damage = chain_damage(tmp_path)[number]
    damage()
    with pytest.raises(LogCorrupt) as caught:
        Writer.open(tmp_path, samples.setup())
    assert caught.value.segment == name
    assert f"`{name}` at byte {caught.value.offset}, record {caught.value.seq}" in str(caught.value)


def test_an_intact_closed_log_starts(tmp_path):
    samples.build(tmp_path, 60, segment_bytes=2_000)
    assert len(chain_damage(tmp_path)) == 10
    with Writer.open(tmp_path, samples.setup()) as writer:
        assert writer.append(Kind.STOP, samples.stop()).seq == 61
    assert verify(tmp_path).ok


@pytest.mark.parametrize("call", ["sync", "sync_directory", "write_all", "create_whole"])
def test_a_start_interrupted_anywhere_is_finished_by_the_next(tmp_path, left, monkeypatch, call):
    """Each call that changes the disk fails in turn, until a start gets through."""
    kept = left.batches[-2]
    data = left.data[: left.batches[-1].end - 1]
    real = getattr(disk, call)
    for k in range(1, 20):
        directory = tmp_path / str(k)
        directory.mkdir()
        (directory / NAME).write_bytes(data)
        calls = 0

        def failing(*args, k=k):
            nonlocal calls
            calls += 1
            if calls == k:
                raise disk.SyncFailed("stopped here")
            return real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(disk, call, failing)
            try:
                Writer.open(directory, samples.setup()).close()
                is_done = True
            except LogUnavailable:
                is_done = False
        Writer.open(directory, samples.setup()).close()
        report = verify(directory, left.receipts[: kept.first_seq])
        assert report.ok, (k, report.problems)
        said = [
            item.file
            for found in reader.records(directory)
            if found.kind is Kind.RECOVERY
            for item in log_pb2.RecoveryRecord.FromString(found.payload).quarantined
        ]
        assert said == [path.name for path in directory.glob("*.torn")], k
        assert len(said) == 1
        assert not list(directory.glob("*.new"))
        if is_done:
            assert k > 1
            return
    raise AssertionError("a start makes fewer calls than this")


def test_the_uncertain_tail_is_written_again(tmp_path, left, monkeypatch):
    """After a failed sync lost pages may count as clean: only new writes reach the disk."""
    (tmp_path / NAME).write_bytes(left.data)
    written: list[tuple[int, int]] = []
    write_all = disk.write_all

    def noted(fd, data, offset):
        if Path(f"/proc/self/fd/{fd}").readlink().name == NAME:
            written.append((offset, len(data)))
        write_all(fd, data, offset)

    monkeypatch.setattr(disk, "write_all", noted)
    Writer.open(tmp_path, samples.setup()).close()
    last = left.batches[-1]
    assert written == [(last.offset, last.end - last.offset)]


def test_many_starts_chain(tmp_path):
    receipts: list[ReceiptPointer] = []
    for run in range(6):
        with Writer.open(tmp_path, samples.setup(segment_bytes=1_500)) as writer:
            receipts += samples.fill(writer, 7)
            if run % 2:
                receipts.append(writer.append(Kind.STOP, samples.stop()))
        if run == 3:
            newest = max(tmp_path.glob("*.seg"))
            os.truncate(newest, newest.stat().st_size - 1)
            receipts.pop()
    report = verify(tmp_path, receipts)
    assert report.ok, report.problems
    assert report.records == {"refusal": 42, "stop": 2, "recovery": 4}
    assert {receipt.log_id for receipt in receipts} == {report.log_id}
    assert [item.kind for item in show.tail(tmp_path, 1)] == [Kind.STOP]
