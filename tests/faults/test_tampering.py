"""Whatever is changed in a log, verify says so and where; what only an anchor shows is named here.

Anchors are the callers' receipts, or a tree size and root noted elsewhere. Without one, records cut
from the very end and a log rewritten whole, checksums and all, cannot be told from an honest log.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pdp.decisionlog import frame, reader, tree
from pdp.decisionlog.appender import Durability, Setup
from pdp.decisionlog.record import Kind, Record
from pdp.decisionlog.verify import VerifyReport, verify
from pdp.decisionlog.writer import Writer
from pdp.model import ReceiptPointer
from tests.decisionlog import samples

COUNT = 40
MOVED = "a moved record keeps its leaf hash"


@dataclass(frozen=True)
class Log:
    """An honest log, and what its callers kept."""

    files: dict[str, bytes]
    records: list[Record]
    receipts: list[ReceiptPointer]
    root: str

    @property
    def last(self) -> str:
        return max(self.files)

    def boundaries(self, name: str) -> list[int]:
        """Where a frame, a batch head or a header begins or ends in that segment."""
        data = self.files[name]
        found = {0, frame.SEGMENT_HEADER_BYTES, len(data)}
        at = data.find(frame.MAGIC)
        while at >= 0:
            found |= {at, at + frame.FRAME_HEADER_BYTES}
            at = data.find(frame.MAGIC, at + 1)
        return sorted(found)

    def frames(self, name: str) -> list[tuple[int, int]]:
        """Start and end of each frame in that segment, batch heads too."""
        starts = [at for at in self.boundaries(name) if self.files[name][at:][:4] == frame.MAGIC]
        return list(zip(starts, [*starts[1:], len(self.files[name])], strict=True))

    def seq_at(self, name: str, offset: int) -> int:
        """The record that the byte belongs to; for a batch head its first one."""
        here = [item for item in self.records if item.segment == name]
        for item in here:
            if offset < item.offset + frame.FRAME_HEADER_BYTES + len(item.payload):
                return item.seq
        raise AssertionError("no record there")


@dataclass(frozen=True)
class Change:
    """What was done: the files as they are now; where, if it is one place."""

    name: str
    files: dict[str, bytes]
    segment: str = ""
    offset: int = 0


def honest(directory: Path) -> Log:
    receipts = samples.build(directory, COUNT, segment_bytes=2_600)
    report = verify(directory, receipts)
    assert report.ok, report.problems
    assert report.segments >= 3
    files = {path.name: path.read_bytes() for path in directory.glob("*.seg")}
    return Log(files, list(reader.records(directory)), receipts, report.root)


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Log:
    return honest(tmp_path_factory.mktemp("honest"))


def look(directory: Path, files: dict[str, bytes], **anchor) -> VerifyReport:
    for path in directory.glob("*.seg"):
        if path.name not in files:
            path.unlink()
    for name, data in files.items():
        path = directory / name
        if not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)
    return verify(directory, settle_s=0, **anchor)


def undetected(directory: Path, log: Log, changes: Iterable[Change], **anchor) -> list[str]:
    """The names of the changes that verify does not report, or reports elsewhere."""
    missed: list[str] = []
    count = 0
    for change in changes:
        count += 1
        report = look(directory, change.files, **anchor)
        if report.ok:
            missed.append(change.name)
        elif change.segment and not is_located(report, log, change):
            missed.append(f"{change.name}, place")
    assert count > 0, "nothing was changed"
    return missed


def is_located(report: VerifyReport, log: Log, change: Change) -> bool:
    seq = log.seq_at(change.segment, change.offset)
    return any(
        problem.segment == change.segment
        and problem.offset <= change.offset
        and problem.first_seq <= seq <= (problem.last_seq or COUNT)
        for problem in report.problems
    )


def flips(log: Log, step: int = 1) -> Iterator[Change]:
    for name, data in log.files.items():
        for at in range(0, len(data), step):
            changed = bytearray(data)
            changed[at] ^= 1 << at % 8
            files = {**log.files, name: bytes(changed)}
            yield Change(f"flip {name}:{at}", files, name, at)


def cuts(log: Log) -> Iterator[Change]:
    for name, data in log.files.items():
        for at in log.boundaries(name)[:-1]:
            yield Change(f"cut {name}:{at}", {**log.files, name: data[:at]})


def deletions(log: Log) -> Iterator[Change]:
    for name, data in log.files.items():
        others = {other: text for other, text in log.files.items() if other != name}
        yield Change(f"delete {name}", others)
        for start, end in log.frames(name):
            files = {**log.files, name: data[:start] + data[end:]}
            yield Change(f"delete {name}:{start}", files, name, start)


def swaps(log: Log) -> Iterator[Change]:
    names = sorted(log.files)
    for one, other in itertools.pairwise(names):
        files = {**log.files, one: log.files[other], other: log.files[one]}
        yield Change(f"swap {one} {other}", files)
    for name, data in log.files.items():
        frames = log.frames(name)
        for (start, middle), (_, end) in itertools.pairwise(frames):
            swapped = data[:start] + data[middle:end] + data[start:middle] + data[end:]
            yield Change(f"swap {name}:{start}", {**log.files, name: swapped}, name, start)


def duplicates(log: Log) -> Iterator[Change]:
    names = sorted(log.files)
    for name in names:
        following = f"{len(names) + 1:010d}.seg"
        yield Change(f"duplicate {name}", {**log.files, following: log.files[name]})
        data = log.files[name]
        for start, end in log.frames(name):
            doubled = data[:end] + data[start:]
            yield Change(f"duplicate {name}:{start}", {**log.files, name: doubled})


def others(log: Log) -> Iterator[Change]:
    names = sorted(log.files)
    renamed = {name.replace("00000", "00001", 1): data for name, data in log.files.items()}
    yield Change("renamed segments", renamed)
    yield Change("a segment under no segment's name", {**log.files, "2.seg": b""})
    for name in names:
        yield Change(
            f"zeros after {name}", {**log.files, name: log.files[name] + bytes(100) + b"x"}
        )
    for name in names[:-1]:
        yield Change(f"zeros after closed {name}", {**log.files, name: log.files[name] + bytes(9)})


def test_every_flipped_byte_is_reported_and_located(tmp_path, log):
    assert undetected(tmp_path, log, flips(log)) == []


def test_deleted_swapped_doubled_and_renamed_parts_are_reported(tmp_path, log):
    kept = {"receipts": log.receipts}
    assert undetected(tmp_path, log, swaps(log)) == []
    assert undetected(tmp_path, log, others(log)) == []
    assert undetected(tmp_path, log, duplicates(log)) == []
    assert undetected(tmp_path, log, deletions(log), **kept) == []
    # Of the deletions only that of the last segment needs the receipts.
    assert undetected(tmp_path, log, deletions(log)) == [f"delete {log.last}"]


def test_every_cut_is_reported_against_an_anchor(tmp_path, log):
    assert undetected(tmp_path, log, cuts(log), receipts=log.receipts) == []
    head = {"expected_size": COUNT, "expected_root": log.root}
    assert undetected(tmp_path, log, cuts(log), **head) == []


def test_without_an_anchor_only_whole_batches_can_vanish_from_the_end(tmp_path, log):
    ends = {frame.SEGMENT_HEADER_BYTES}
    for start, _ in log.frames(log.last):
        if log.files[log.last][start + 5] == frame.BATCH_KIND:
            ends.add(start)
    missed = undetected(tmp_path, log, cuts(log))
    assert missed == [f"cut {log.last}:{at}" for at in sorted(ends)]


def test_bytes_in_the_preallocated_tail_are_reported(tmp_path):
    with Writer.open(tmp_path, samples.setup()) as writer:
        writer.append(Kind.REFUSAL, samples.refusal(1))
        path = next(tmp_path.glob("*.seg"))
        data = path.read_bytes()
        end = len(data.rstrip(b"\x00"))
        assert len(data) == samples.SEGMENT_BYTES > end + 1_000
        for at in (
            end,
            end + 1,
            end + 59,
            end + 60,
            *range(end + 61, len(data), 97),
            len(data) - 1,
        ):
            changed = bytearray(data)
            changed[at] = 1
            path.write_bytes(changed)
            problems = verify(tmp_path, settle_s=0).problems
            assert len(problems) == 1, at
            assert problems[0].segment == path.name
            assert problems[0].offset <= at
        path.write_bytes(data)
        assert verify(tmp_path).ok


def rewritten(directory: Path, log: Log, records: list[tuple[Kind, bytes]]) -> dict[str, bytes]:
    """An attacker who writes the log anew: same ids, every checksum, size and root right."""
    header = frame.decode_segment(log.files[min(log.files)])
    assert isinstance(header, frame.SegmentHeader)
    ids = iter([header.log_id, header.boot_id])
    shutil.rmtree(directory, ignore_errors=True)
    setup = Setup("node-1", Durability.OS, 2_600, samples.ticks(), lambda _: next(ids))
    with Writer.open(directory, setup) as writer:
        for kind, payload in records:
            writer.append(kind, payload)
    return {path.name: path.read_bytes() for path in directory.glob("*.seg")}


def rewrites(directory: Path, log: Log) -> Iterator[Change]:
    records = [(item.kind, item.payload) for item in log.records]
    for at in range(COUNT):
        before, after = records[:at], records[at + 1 :]
        kind, payload = records[at]
        for name, changed in (
            ("omitted", [*before, *after]),
            ("altered", [*before, (kind, samples.refusal(9_999)), *after]),
            ("relabelled", [*before, (Kind.OUTCOME, payload), *after]),
            ("doubled", [*before, records[at], records[at], *after]),
            ("inserted", [*before, (Kind.REFUSAL, samples.refusal(9_999)), records[at], *after]),
            ("swapped", [*before, *reversed(records[at : at + 2]), *records[at + 2 :]]),
        ):
            # At the end there is nothing to swap with, and one record more is only growth.
            if at < COUNT - 1 or name not in {"swapped", "doubled"}:
                yield Change(f"rewritten, {name} {at}", rewritten(directory, log, changed))


def test_a_log_rewritten_whole_is_reported_against_an_anchor(tmp_path, log):
    changes = list(rewrites(tmp_path / "rewrite", log))
    work = tmp_path / "work"
    work.mkdir()
    assert undetected(work, log, changes, receipts=log.receipts) == []
    head = {"expected_size": COUNT, "expected_root": log.root}
    assert undetected(work, log, changes, **head) == []
    same = rewritten(tmp_path / "rewrite", log, [(item.kind, item.payload) for item in log.records])
    assert look(work, same, receipts=log.receipts, **head).ok, "the rewriting itself is faithful"


def test_a_segment_of_another_log_is_reported(tmp_path, log):
    foreign = honest(tmp_path / "foreign")
    work = tmp_path / "work"
    work.mkdir()
    changes = [
        Change(f"foreign {name}", {**log.files, name: foreign.files[name]}) for name in log.files
    ]
    assert undetected(work, log, changes) == []
    spliced = {
        name: log.files[name][: frame.SEGMENT_HEADER_BYTES]
        + foreign.files[name][frame.SEGMENT_HEADER_BYTES :]
        for name in log.files
    }
    changes = [
        Change(f"spliced {name}", {**log.files, name: data}) for name, data in spliced.items()
    ]
    assert undetected(work, log, changes) == []


def moved(log: Log) -> list[str]:
    """A record's leaf must be another one at every other place and under every other kind."""
    for item, receipt in zip(log.records, log.receipts, strict=True):
        others = [(item.kind, seq) for seq in range(1, COUNT + 1) if seq != item.seq]
        others += [(kind, item.seq) for kind in Kind if kind != item.kind]
        for kind, seq in others:
            if Record(seq, kind, item.payload, "", 0).leaf_hash == receipt.leaf_hash:
                return [MOVED]
    return []


def test_no_moved_record_keeps_its_leaf_hash(log):
    assert moved(log) == []


def test_sabotage_leaf_hash_without_seq_is_caught(tmp_path, monkeypatch):
    monkeypatch.setattr(tree, "leaf_input", lambda kind, _, payload: bytes((kind,)) + payload)
    assert moved(honest(tmp_path)) == [MOVED]


def test_sabotage_crc_not_checked_is_caught(tmp_path, log, monkeypatch):
    monkeypatch.setattr(frame, "checksum_holds", lambda *_: True)
    missed = undetected(tmp_path, log, flips(log, step=11))
    assert [name for name in missed if name.startswith("flip") and "place" not in name]


def test_sabotage_tail_not_read_is_caught(tmp_path, log, monkeypatch):
    monkeypatch.setattr("pdp.decisionlog.disk.SegmentFile.rest", lambda *_: b"")
    missed = undetected(tmp_path, log, others(log))
    assert f"zeros after {log.last}" in missed
