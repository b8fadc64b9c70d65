"""Checks every byte of a log and says what is wrong, and where. Reads only, repairs nothing.

What the files alone can show: every flipped byte, every record or segment missing from the middle,
moved, doubled or relabelled. What only an anchor can show: records missing from the end, and a log
rewritten whole with all its checksums. Anchors are receipts that callers kept, an expected tree
size and root noted elsewhere, and signed checkpoints that left the host. The checkpoints inside
the log are checked too; a rewriter without the key cannot make them.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pdp._proto import log_pb2
from pdp.decisionlog import disk, frame, reader, record, tree
from pdp.decisionlog.disk import SegmentFile
from pdp.decisionlog.frame import Batch, BatchHead, Damage, End, Frame, SegmentHeader
from pdp.decisionlog.proving.heads import Heads, Trust
from pdp.decisionlog.record import Kind
from pdp.model import ReceiptPointer


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: in which file, at which byte, which records it concerns.

    ``last_seq`` is None where the damage leaves open how many records there were.
    """

    segment: str
    offset: int
    first_seq: int
    last_seq: int | None
    what: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found. ``root`` is hex, or empty where damage leaves the tree without a root.

    ``records`` counts intact records by kind's name; ``tree_size`` counts them up to the first
    damage. ``first_seq`` and ``last_seq`` are 0 in a log without records.
    """

    log_id: str
    records: dict[str, int]
    segments: int
    first_seq: int
    last_seq: int
    tree_size: int
    root: str
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(  # noqa: PLR0913 - by keyword, one for each thing to compare with
    directory: Path,
    receipts: Iterable[ReceiptPointer] = (),
    *,
    expected_size: int = 0,
    expected_root: str = "",
    anchors: Sequence[str] = (),
    trust: Trust | None = None,
    settle_s: float = 0.05,
) -> VerifyReport:
    """Check the log in ``directory``, also against receipts, checkpoints and a tree head if given.

    ``anchors`` are checkpoints kept elsewhere. The head is what the log had when it was noted: a
    log that has grown since still matches it. With ``trust``, every checkpoint must be signed by a
    key of it; without, nobody's signature is checked. A live writer's batch in flight is given
    ``settle_s`` seconds to complete. Raises LogMissing; NotACheckpoint for an anchor that is none.
    """
    reader.require(directory)
    heads = Heads(trust)
    heads.expect(expected_size, expected_root, "the expected tree head")
    for note in anchors:
        heads.expect_note(note)
    audit = _Audit(directory, settle_s, heads)
    for receipt in receipts:
        audit.wanted[receipt.seq].append(receipt)
    indexes = disk.segment_indexes(directory)
    for index in indexes:
        with disk.opened(directory, index) as segment:
            audit.read_segment(segment, index, is_last=index == indexes[-1])
    audit.check_names()
    audit.check_anchors()
    return audit.report(len(indexes))


class _Audit:
    """The state of one verification."""

    def __init__(self, directory: Path, settle_s: float, heads: Heads) -> None:
        self.wanted: defaultdict[int, list[ReceiptPointer]] = defaultdict(list)
        self._directory = directory
        self._settle_s = settle_s
        self._heads = heads
        self._problems: list[Problem] = []
        self._counts: Counter[str] = Counter()
        self._previous: SegmentHeader | None = None
        self._previous_index = 0
        self._previous_size = 0
        self._seq = 1  # the next one expected
        self._first_seq = 0
        self._last_seq = 0
        self._frontier = tree.Frontier()
        self._is_whole = True  # no damage so far: the tree can still be built
        self._log_id = ""

    def read_segment(self, segment: SegmentFile, index: int, *, is_last: bool) -> None:
        """Check one segment, header to last byte."""
        if index != self._previous_index + 1:
            self._lost(segment.name, 0, None, f"segment {self._previous_index + 1} is missing")
        self._previous_index = index
        header = frame.decode_segment(segment.read(0, frame.SEGMENT_HEADER_BYTES))
        if isinstance(header, Damage):
            # Without its header none of the segment's batches can be told from planted ones.
            self._lost(segment.name, 0, None, header.what)
            self._previous = None
            return
        self._check_header(segment.name, header, index)
        offset = frame.SEGMENT_HEADER_BYTES
        while True:
            batch, rest = self._batch(segment, offset, header.boot_id, may_settle=is_last)
            if isinstance(batch, Batch):
                for item in batch.frames:
                    self._read_record(segment.name, item)
                offset = batch.head.end
                continue
            if isinstance(batch, Damage):
                head = frame.read_head(segment.read, offset, header.boot_id, self._seq)
                if isinstance(head, BatchHead):
                    offset = self._read_damaged(segment, header, head)
                    continue
            resumed = self._resume(segment, header, batch, rest, is_last=is_last)
            if resumed is None:
                break
            offset = resumed
        self._previous, self._previous_size = header, segment.size()

    def check_names(self) -> None:
        """A segment under another name would silently not be read."""
        for path in sorted(self._directory.glob("*seg*")):
            if disk.segment_index(path.name) is None and path.suffix != ".new":
                self._note(path.name, 0, 0, None, "the name is not a segment's")

    def check_anchors(self) -> None:
        """Compare with what was noted outside the log."""
        name = disk.segment_name(self._previous_index)
        for seq in sorted(self.wanted):
            self._note(name, 0, seq, seq, "a receipt names this record, and the log lacks it")
        for size, what in self._heads.beyond(self._frontier.size, self._log_id):
            self._note(name, 0, min(self._frontier.size + 1, size), size, what)

    def report(self, segments: int) -> VerifyReport:
        """Everything found."""
        return VerifyReport(
            log_id=self._log_id,
            records=dict(self._counts),
            segments=segments,
            first_seq=self._first_seq,
            last_seq=self._last_seq,
            tree_size=self._frontier.size,
            root=self._frontier.root().hex() if self._is_whole else "",
            problems=tuple(self._problems),
        )

    def _check_header(self, name: str, header: SegmentHeader, index: int) -> None:
        previous = self._previous
        log_id = header.log_id.hex()
        if header.index != index:
            self._note(name, 0, header.first_seq, None, f"this is segment {header.index}, renamed")
        if self._log_id not in ("", log_id):
            self._note(name, 0, header.first_seq, None, f"it belongs to another log, `{log_id}`")
        self._log_id = self._log_id or log_id
        if header.first_seq != self._seq:
            what = f"its first record is {header.first_seq}, not {self._seq}"
            self._lost(name, 0, header.first_seq - 1, what)
            self._seq = header.first_seq
        if index == 1:
            if header.previous_size or any(header.previous_root):
                self._note(name, 0, header.first_seq, None, "the first segment names one before it")
            return
        if previous is not None and header.previous_size != self._previous_size:
            what = "the segment before it has not the size noted here"
            self._note(name, 0, header.first_seq, None, what)
        if self._is_whole and header.previous_root != self._frontier.root():
            what = "the records before it have not the root noted here"
            self._note(name, 0, header.first_seq, None, what)

    def _batch(
        self, segment: SegmentFile, offset: int, boot_id: bytes, *, may_settle: bool
    ) -> tuple[Batch | Damage | End, bytes]:
        """The batch at ``offset``, or what is wrong, with all bytes from there on."""
        batch = frame.read_batch(segment.read, offset, boot_id, self._seq)
        if isinstance(batch, Batch):
            return batch, b""
        rest = segment.rest(offset)
        if may_settle and rest:
            # In the newest segment these bytes may be a live writer's batch in flight; only what
            # was there before the pause is judged after it.
            time.sleep(self._settle_s)
            batch = frame.read_batch(segment.read, offset, boot_id, self._seq)
        return batch, rest

    def _read_damaged(self, segment: SegmentFile, header: SegmentHeader, head: BatchHead) -> int:
        """Take what is intact of a damaged batch; where to go on."""
        seen = head.first_seq - 1
        for item in frame.frames_in(segment.read, head):
            seen = item.seq
            if isinstance(item, Frame):
                self._read_record(segment.name, item)
            else:
                self._lost(segment.name, item.offset, item.seq, item.what)
        last = head.first_seq + head.count - 1
        if seen < last:
            what = "the records of this batch can no longer be told apart"
            self._lost(segment.name, head.body, last, what)
        self._seq = last + 1
        rest = segment.rest(head.body)
        following = next(frame.heads_after(rest, head.body, header.boot_id, last), None)
        # With bytes cut out the next batch stands earlier than the head says.
        return min(head.end, segment.size()) if following is None else following.offset

    def _read_record(self, segment: str, item: Frame) -> None:
        leaf = tree.leaf_hash(tree.leaf_input(item.kind, item.seq, item.payload))
        try:
            kind = Kind(item.kind)
            message = record.parse(kind, item.payload)
        except ValueError:
            what = f"the payload is no record of kind {item.kind} that this version knows"
            self._note(segment, item.offset, item.seq, item.seq, what)
        else:
            self._counts[kind.name.lower()] += 1
            if isinstance(message, log_pb2.CheckpointRecord) and self._is_whole:
                what = self._heads.wrong_with(message.note, self._log_id, self._frontier)
                if what:
                    self._note(segment, item.offset, item.seq, item.seq, what)
        for receipt in self.wanted.pop(item.seq, ()):
            if (receipt.log_id, receipt.leaf_hash) != (self._log_id, leaf.hex()):
                what = "the record is not the one its receipt names"
                self._note(segment, item.offset, item.seq, item.seq, what)
        self._first_seq = self._first_seq or item.seq
        self._last_seq = item.seq
        self._seq = item.seq + 1
        if self._is_whole:
            self._frontier.append(leaf)
            for what in self._heads.at(self._frontier):
                self._note(segment, item.offset, 1, item.seq, what)

    def _resume(
        self,
        segment: SegmentFile,
        header: SegmentHeader,
        stop: Damage | End,
        rest: bytes,
        *,
        is_last: bool,
    ) -> int | None:
        """After the last batch that follows on: None at a proper end, else where to go on."""
        if not rest:
            if not is_last and segment.size() != stop.offset:
                what = "zeros follow the last batch of a segment that was closed"
                self._note(segment.name, stop.offset, self._seq, None, what)
            return None
        what = stop.what if isinstance(stop, Damage) else "bytes that belong to no batch"
        # A batch with a number that was passed already is doubled, and no place to go on from;
        # the one that stands here is, if batches before it were taken out.
        seq = self._seq
        following = frame.heads_after(rest, stop.offset, header.boot_id, seq - 1)
        head = next((h for h in following if h.offset > stop.offset or h.first_seq > seq), None)
        if head is None:
            self._lost(segment.name, stop.offset, None, f"{what}; no intact batch follows")
            return None
        if head.first_seq > self._seq:
            self._lost(segment.name, stop.offset, head.first_seq - 1, what)
        else:
            self._note(segment.name, stop.offset, self._seq, None, f"{what}, then the log goes on")
        self._seq = head.first_seq
        return head.offset

    def _lost(self, segment: str, offset: int, last_seq: int | None, what: str) -> None:
        """Records that should stand here do not: from now on the tree has a gap."""
        first = self._seq if last_seq is None else min(self._seq, last_seq)
        self._note(segment, offset, first, last_seq, what)
        self._is_whole = False

    def _note(
        self, segment: str, offset: int, first_seq: int, last_seq: int | None, what: str
    ) -> None:
        self._problems.append(Problem(segment, offset, first_seq, last_seq, what))
