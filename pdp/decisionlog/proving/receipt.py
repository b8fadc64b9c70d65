"""Full receipts: from a record's leaf to a signed root. Reads the log for what no tree keeps."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pdp.decisionlog import reader, tree
from pdp.decisionlog.errors import LogCorrupt
from pdp.decisionlog.proving import checkpoint
from pdp.decisionlog.proving.spine import Spine
from pdp.decisionlog.tree import included
from pdp.model import ReceiptPointer


@dataclass(frozen=True, slots=True)
class Receipt:
    """What proves that a record is in the log: the path from its leaf to the root that is signed.

    ``tree_size`` and ``root`` are what ``checkpoint`` says; the leaf's sibling comes first.
    """

    pointer: ReceiptPointer
    tree_size: int
    root: bytes
    path: tuple[bytes, ...]
    checkpoint: str


class NotProven(enum.Enum):
    """Why there is no receipt for a pointer."""

    OTHER_LOG = "other_log"  # it names a log that is not this one
    NO_RECORD = "no_record"  # the log has not so many records
    OTHER_RECORD = "other_record"  # another record stands in that place


def receipt(
    directory: Path, spine: Spine, note: str, pointer: ReceiptPointer
) -> Receipt | NotProven:
    """The receipt of the record that ``pointer`` names, under a checkpoint of this log.

    It is checked before it is returned. Raises LogCorrupt if the log does not give the root that
    was signed, LogMissing.
    """
    head = checkpoint.read(note)
    if checkpoint.origin_of(pointer.log_id) != head.origin:
        return NotProven.OTHER_LOG
    if not 1 <= pointer.seq <= head.size:
        return NotProven.NO_RECORD
    index = pointer.seq - 1
    leaves = _leaves_of(directory, spine)
    [leaf] = leaves(index, index + 1)
    if leaf.hex() != pointer.leaf_hash:
        return NotProven.OTHER_RECORD
    path = spine.path(index, head.size, leaves)
    if not included(leaf, index, head.size, path, head.root):
        what = "the records do not give the root that was signed"
        raise LogCorrupt("", 0, pointer.seq, what)
    return Receipt(pointer, head.size, head.root, path, note)


def _leaves_of(directory: Path, spine: Spine) -> Callable[[int, int], Sequence[bytes]]:
    def leaves(start: int, stop: int) -> Sequence[bytes]:
        found: list[bytes] = []
        with reader.Cursor.at(directory, spine.spot(start)) as cursor:
            while len(found) < stop - start:
                batch = cursor.advance()
                if batch is None:
                    raise LogCorrupt("", 0, start + len(found) + 1, "records are missing here")
                found += [
                    tree.leaf_hash(tree.leaf_input(item.kind, item.seq, item.payload))
                    for item in batch
                    if start < item.seq <= stop
                ]
        return found

    return leaves
