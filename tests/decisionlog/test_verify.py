"""The report: what it counts, how it names an interval, and that a log in use is no problem."""

from __future__ import annotations

import threading
import time

import pytest

from pdp.decisionlog import frame
from pdp.decisionlog.errors import LogMissing
from pdp.decisionlog.record import Kind
from pdp.decisionlog.tree import EMPTY_ROOT, Frontier
from pdp.decisionlog.verify import Problem, verify
from pdp.decisionlog.writer import Writer
from pdp.model import ReceiptPointer
from tests.decisionlog import samples

NAME = "0000000001.seg"


def change(path, at: int, length: int = 1) -> None:
    data = bytearray(path.read_bytes())
    for place in range(at, at + length):
        data[place] ^= 0xFF
    path.write_bytes(data)


def batch_starts(path) -> list[int]:
    data = path.read_bytes()
    starts, at = [], data.find(frame.MAGIC)
    while at >= 0:
        if data[at + 5] == frame.BATCH_KIND:
            starts.append(at)
        at = data.find(frame.MAGIC, at + 1)
    return starts


def test_a_whole_log(tmp_path):
    receipts = samples.build(tmp_path, 40)
    report = verify(tmp_path, receipts)
    tree = Frontier()
    for receipt in receipts:
        tree.append(bytes.fromhex(receipt.leaf_hash))
    assert report.ok
    assert (report.first_seq, report.last_seq, report.tree_size) == (1, 40, 40)
    assert report.root == tree.root().hex()
    assert report.log_id == receipts[0].log_id
    assert verify(tmp_path, expected_size=40, expected_root=report.root).ok


def test_a_log_without_records(tmp_path):
    Writer.open(tmp_path, samples.setup()).close()
    report = verify(tmp_path)
    assert report.ok
    assert (report.first_seq, report.last_seq, report.tree_size) == (0, 0, 0)
    assert (report.root, report.records) == (EMPTY_ROOT.hex(), {})


def test_there_must_be_a_log(tmp_path):
    for directory in (tmp_path, tmp_path / "none"):
        with pytest.raises(LogMissing):
            verify(directory)


def test_an_earlier_head_still_holds_after_growth(tmp_path):
    samples.build(tmp_path, 10)
    before = verify(tmp_path)
    with Writer.open(tmp_path, samples.setup()) as writer:
        list(samples.fill(writer, 30))
    assert verify(tmp_path, expected_size=10, expected_root=before.root).ok
    assert verify(tmp_path, expected_size=10, expected_root=before.root.upper()).ok
    for size, root in ((9, before.root), (11, before.root), (41, before.root)):
        assert not verify(tmp_path, expected_size=size, expected_root=root).ok


def test_one_damaged_record_is_named_alone(tmp_path):
    samples.build(tmp_path, 40, segment_bytes=1 << 20)
    path = tmp_path / NAME
    start = batch_starts(path)[7]
    change(path, start + frame.BATCH_HEAD_BYTES + frame.FRAME_HEADER_BYTES + 3)
    report = verify(tmp_path, settle_s=0)
    place = start + frame.BATCH_HEAD_BYTES
    seq = int.from_bytes(path.read_bytes()[start + 12 : start + 20])
    assert report.problems == (
        Problem(NAME, place, seq, seq, "the record's checksum does not match"),
    )
    assert sum(report.records.values()) == 39
    assert (report.tree_size, report.root, report.last_seq) == (seq - 1, "", 40)


def test_a_damaged_batch_head_costs_the_interval_up_to_the_next(tmp_path):
    samples.build(tmp_path, 40, segment_bytes=1 << 20)
    path = tmp_path / NAME
    starts = batch_starts(path)
    seqs = [int.from_bytes(path.read_bytes()[at + 12 : at + 20]) for at in starts]
    number = next(at for at in range(5, 30) if seqs[at + 1] - seqs[at] == 3)
    change(path, starts[number] + 30)
    report = verify(tmp_path, settle_s=0)
    assert [(p.segment, p.offset, p.first_seq, p.last_seq) for p in report.problems] == [
        (NAME, starts[number], seqs[number], seqs[number + 1] - 1)
    ]


def test_two_damages_are_two_problems(tmp_path):
    samples.build(tmp_path, 40, segment_bytes=1 << 20)
    path = tmp_path / NAME
    starts = batch_starts(path)
    change(path, starts[3] + 30)
    change(path, starts[9] + 30)
    assert [p.offset for p in verify(tmp_path, settle_s=0).problems] == [starts[3], starts[9]]


def test_receipts_behind_damage_are_still_checked(tmp_path):
    receipts = samples.build(tmp_path, 40, segment_bytes=1 << 20)
    path = tmp_path / NAME
    change(path, batch_starts(path)[3] + 30)
    lost = verify(tmp_path, settle_s=0).problems[0]
    report = verify(tmp_path, receipts, settle_s=0)
    named = [problem.first_seq for problem in report.problems if "receipt" in problem.what]
    assert lost.last_seq is not None
    assert named == list(range(lost.first_seq, lost.last_seq + 1))


def test_a_wrong_receipt_is_a_problem(tmp_path):
    receipts = samples.build(tmp_path, 5)
    good = receipts[2]
    for wrong in (
        ReceiptPointer(good.log_id, 4, good.leaf_hash),
        ReceiptPointer(good.log_id, 3, "0" * 64),
        ReceiptPointer("0" * 32, 3, good.leaf_hash),
        ReceiptPointer(good.log_id, 99, good.leaf_hash),
        ReceiptPointer(good.log_id, 0, good.leaf_hash),
    ):
        report = verify(tmp_path, [good, wrong])
        assert [problem.first_seq for problem in report.problems] == [wrong.seq]


def test_a_payload_that_is_no_record_is_a_problem(tmp_path):
    with Writer.open(tmp_path, samples.setup()) as writer:
        writer.append(Kind.REFUSAL, b"\xff\xff")
        writer.append(Kind.APPROVAL_STEP, b"")
        writer.append(Kind.STOP, samples.stop())
    report = verify(tmp_path)
    assert [problem.first_seq for problem in report.problems] == [1, 2]
    assert (report.records, report.tree_size) == ({"stop": 1}, 3)


def test_a_batch_in_flight_is_given_time(tmp_path):
    """Half a batch of a live writer is no damage once the other half is there."""
    samples.build(tmp_path, 5)
    path = tmp_path / NAME
    data = path.read_bytes()
    path.write_bytes(data[:-10])
    assert not verify(tmp_path, settle_s=0).ok
    completing = threading.Timer(0.05, path.write_bytes, (data,))
    completing.start()
    assert verify(tmp_path, settle_s=0.5).ok
    completing.join(timeout=30)


def test_verifying_beside_a_busy_writer(tmp_path):
    done = threading.Event()

    def write() -> None:
        with Writer.open(tmp_path, samples.setup(segment_bytes=8_192)) as writer:
            list(samples.fill(writer, 600))
            time.sleep(0.02)
        done.set()

    Writer.open(tmp_path, samples.setup()).close()
    thread = threading.Thread(target=write)
    thread.start()
    while not done.is_set():
        report = verify(tmp_path)
        assert report.ok, report.problems
    thread.join(timeout=30)
    assert verify(tmp_path).last_seq >= 600
