"""One writer, any number of threads: no gap in the numbers, receipts that hold, a chain."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from pdp.decisionlog import disk, frame, reader, show
from pdp.decisionlog.appender import Appender, Durability, Setup
from pdp.decisionlog.errors import LogLocked, LogUnavailable, Trouble
from pdp.decisionlog.record import Kind
from pdp.decisionlog.verify import verify
from pdp.decisionlog.writer import PAYLOAD_BYTES_MAX, Writer
from tests.decisionlog import samples


def seqs(directory) -> list[int]:
    return [item.seq for item in reader.records(directory)]


def test_a_receipt_names_the_record(tmp_path):
    with Writer.open(tmp_path / "new" / "log", samples.setup()) as writer:
        receipts = [writer.append(Kind.REFUSAL, samples.refusal(n)) for n in range(3)]
        assert {receipt.log_id for receipt in receipts} == {writer.log_id}
    found = list(reader.records(tmp_path / "new" / "log"))
    assert [(item.seq, item.leaf_hash) for item in found] == [
        (receipt.seq, receipt.leaf_hash) for receipt in receipts
    ]
    assert [item.payload for item in found] == [samples.refusal(n) for n in range(3)]
    assert receipts[0].seq == 1
    assert len(bytes.fromhex(writer.log_id)) == 16


def test_it_is_on_disk_before_append_returns(tmp_path):
    with Writer.open(tmp_path, samples.setup()) as writer:
        for number in range(5):
            receipt = writer.append(Kind.REFUSAL, samples.refusal(number))
            found = show.find(tmp_path, receipt.seq)
            assert found is not None
            assert found.leaf_hash == receipt.leaf_hash


@pytest.mark.parametrize(("durability", "syncs"), [(Durability.FSYNC, 4), (Durability.OS, 0)])
def test_fsync_syncs_each_batch_and_os_none(tmp_path, monkeypatch, durability, syncs):
    with Writer.open(tmp_path, samples.setup(durability, 1 << 20)) as writer:
        calls: list[int] = []
        monkeypatch.setattr(disk, "sync", calls.append)
        for number in range(4):
            writer.append(Kind.REFUSAL, samples.refusal(number))
        assert len(calls) == syncs


def test_synced_to_is_what_was_durable_before(tmp_path):
    for durability in (Durability.FSYNC, Durability.OS):
        with Writer.open(tmp_path, samples.setup(durability, 1 << 20)) as writer:
            list(samples.fill(writer, 4))
    found = []
    for index in (1, 2):
        with disk.opened(tmp_path, index) as segment:
            header = frame.decode_segment(segment.read(0, frame.SEGMENT_HEADER_BYTES))
            assert isinstance(header, frame.SegmentHeader)
            offset, seq = frame.SEGMENT_HEADER_BYTES, header.first_seq
            while True:
                head = frame.read_head(segment.read, offset, header.boot_id, seq)
                if not isinstance(head, frame.BatchHead):
                    break
                found.append((head.first_seq, head.synced_to))
                offset, seq = head.end, seq + head.count
    # The second run begins with a recovery record (5): the first wrote no stop record.
    assert found[:4] == [(1, 0), (2, 1), (3, 2), (4, 3)]
    assert found[4:] == [(5, 4), (6, 4), (7, 4), (8, 4), (9, 4)]


def test_several_records_share_one_batch(tmp_path):
    with Writer.open(tmp_path, samples.setup()) as writer:
        writer.append(Kind.REFUSAL, samples.refusal(0))
        receipts = writer.append_many([(Kind.REFUSAL, samples.refusal(n)) for n in (1, 2, 3)])
        assert [receipt.seq for receipt in receipts] == [2, 3, 4]
        assert writer.append_many([]) == []
        assert writer.append(Kind.STOP, samples.stop()).seq == 5
    assert verify(tmp_path, receipts).ok


def test_threads_share_batches_and_each_gets_its_own_receipt(tmp_path, monkeypatch):
    batches: list[int] = []
    commit = Appender.commit

    def slowly(self, records, **due):
        batches.append(len(records))
        time.sleep(0.002)
        return commit(self, records, **due)

    monkeypatch.setattr(Appender, "commit", slowly)
    answered: dict[int, tuple[int, str]] = {}
    errors: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for number in range(start, start + 25):
                receipt = writer.append(Kind.REFUSAL, samples.refusal(number))
                answered[number] = (receipt.seq, receipt.leaf_hash)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    with Writer.open(tmp_path, samples.setup(segment_bytes=8_192)) as writer:
        threads = [threading.Thread(target=work, args=(100 * n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
    assert not errors
    assert sum(batches) == len(answered) == 200
    assert len(batches) < 150, "callers that wait together are written together"
    payloads = {item.seq: (item.payload, item.leaf_hash) for item in reader.records(tmp_path)}
    assert sorted(payloads) == list(range(1, 201))
    for number, (seq, leaf) in answered.items():
        assert payloads[seq] == (samples.refusal(number), leaf)


def test_an_interrupted_leader_fails_its_batch_and_the_writer(tmp_path, monkeypatch):
    """Whoever waits is told, nobody hangs, and nothing more is written."""
    with Writer.open(tmp_path, samples.setup()) as writer:
        writer.append(Kind.REFUSAL, samples.refusal(0))

        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(disk, "write_all", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.append(Kind.REFUSAL, samples.refusal(1))
        monkeypatch.undo()
        assert writer.failed
        with pytest.raises(LogUnavailable) as caught:
            writer.append(Kind.REFUSAL, samples.refusal(2))
        assert caught.value.trouble is Trouble.WRITE_FAILED


def test_everyone_in_a_failed_batch_is_told(tmp_path, monkeypatch):
    entered, release = threading.Event(), threading.Event()
    write_all = disk.write_all

    def held(fd, data, offset):
        entered.set()
        release.wait(timeout=30)
        write_all(fd, data, offset)

    def failing(fd, data, offset):
        raise OSError(5, "EIO")

    outcomes: list[object] = []

    def work() -> None:
        try:
            outcomes.append(writer.append(Kind.REFUSAL, samples.refusal(1)))
        except LogUnavailable as error:
            outcomes.append(error.trouble)

    with Writer.open(tmp_path, samples.setup()) as writer:
        monkeypatch.setattr(disk, "write_all", held)
        leader = threading.Thread(target=work)
        leader.start()
        assert entered.wait(timeout=30)
        others = [threading.Thread(target=work) for _ in range(4)]
        for thread in others:
            thread.start()
        while len(writer._queue) < 4:  # noqa: SLF001 - only to know that they wait
            time.sleep(0.001)
        monkeypatch.setattr(disk, "write_all", failing)
        release.set()
        for thread in (leader, *others):
            thread.join(timeout=30)
        assert writer.failed
        assert writer.trouble is Trouble.WRITE_FAILED
    assert len(outcomes) == 5
    assert outcomes.count(Trouble.WRITE_FAILED) == 4
    assert seqs(tmp_path) == [1]


def test_a_second_writer_is_refused_by_name(tmp_path):
    with Writer.open(tmp_path, samples.setup()):
        with pytest.raises(LogLocked, match="another process writes to the log"):
            Writer.open(tmp_path, samples.setup())
        code = (
            "import sys, pathlib\n"
            "from pdp.decisionlog.writer import Writer\n"
            "from pdp.decisionlog.appender import Setup\n"
            "from pdp.decisionlog.errors import LogLocked\n"
            "try: Writer.open(pathlib.Path(sys.argv[1]), Setup('n'))\n"
            "except LogLocked: print('locked')\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=True, timeout=60
        )
        assert done.stdout == b"locked\n"
    Writer.open(tmp_path, samples.setup()).close()


def test_segments_roll_over_and_chain(tmp_path):
    receipts = samples.build(tmp_path)
    names = sorted(path.name for path in tmp_path.glob("*.seg"))
    assert len(names) >= 2
    assert names[0] == "0000000001.seg"
    assert all(path.stat().st_size <= samples.SEGMENT_BYTES for path in tmp_path.glob("*.seg"))
    report = verify(tmp_path, receipts)
    assert report.ok, report.problems
    assert report.segments == len(names)
    assert report.records == {"refusal": 39, "stop": 1}


def test_a_batch_larger_than_a_segment_gets_one_of_its_own(tmp_path):
    with Writer.open(tmp_path, samples.setup(segment_bytes=1_024)) as writer:
        writer.append(Kind.REFUSAL, samples.refusal(0))
        large = [(Kind.REFUSAL, samples.refusal(n)) for n in range(60)]
        receipts = [*writer.append_many(large), writer.append(Kind.STOP, samples.stop())]
    report = verify(tmp_path, receipts)
    assert report.ok, report.problems
    assert (report.last_seq, report.segments) == (62, 3)


def test_the_open_segment_is_preallocated_and_cut_when_closed(tmp_path):
    path = tmp_path / "0000000001.seg"
    with Writer.open(tmp_path, samples.setup()) as writer:
        writer.append(Kind.STOP, samples.stop())
        assert path.stat().st_size == samples.SEGMENT_BYTES
        assert verify(tmp_path).ok
    assert path.stat().st_size < 512
    assert verify(tmp_path).ok


def test_a_clean_start_adds_no_recovery_record(tmp_path):
    samples.build(tmp_path, 3)
    with Writer.open(tmp_path, samples.setup()) as writer:
        assert writer.append(Kind.REFUSAL, samples.refusal(9)).seq == 4
    with Writer.open(tmp_path, samples.setup()) as writer:
        assert writer.append(Kind.REFUSAL, samples.refusal(9)).seq == 6
    kinds = [item.kind for item in reader.records(tmp_path)]
    assert kinds[3:] == [Kind.REFUSAL, Kind.RECOVERY, Kind.REFUSAL]
    assert verify(tmp_path).ok


def test_a_record_too_large_is_refused_alone(tmp_path):
    with Writer.open(tmp_path, samples.setup()) as writer:
        with pytest.raises(LogUnavailable) as caught:
            writer.append(Kind.REFUSAL, bytes(PAYLOAD_BYTES_MAX + 1))
        assert caught.value.trouble is Trouble.TOO_LARGE
        assert not writer.failed
        assert writer.append(Kind.STOP, samples.stop()).seq == 1


def test_a_closed_writer_takes_nothing(tmp_path):
    writer = Writer.open(tmp_path, samples.setup())
    writer.close()
    writer.close()
    with pytest.raises(LogUnavailable) as caught:
        writer.append(Kind.STOP, samples.stop())
    assert caught.value.trouble is Trouble.CLOSED


def test_a_directory_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LogUnavailable) as caught:
        Writer.open(tmp_path / "file" / "log", samples.setup())
    assert caught.value.trouble is Trouble.WRITE_FAILED


def test_no_descriptor_is_left_behind(tmp_path):
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count, not paths

    before = count()
    for _ in range(3):
        samples.build(tmp_path, 30)
        verify(tmp_path)
        list(show.tail(tmp_path, 3))
        show.find(tmp_path, 2)
        with pytest.raises(ValueError, match="node name"):
            Writer.open(tmp_path, Setup("n" * 65))
    assert count() == before


def test_files_are_private(tmp_path):
    samples.build(tmp_path / "log", 3)
    for path in (tmp_path / "log").iterdir():
        assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0
