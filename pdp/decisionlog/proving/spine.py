"""The tree over a log that a writer keeps: whole blocks as one hash each, the open one in full.

A path from a record needs hashes of subtrees. Those inside a block of 256 records are worked out
again from the log when somebody asks; the others are kept, at about half a byte a record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pdp.decisionlog.frame import Spot
from pdp.decisionlog.tree import Frontier, Tree, audit_path, node_hash, root_of, split

BLOCK_BITS: Final = 8
BLOCK: Final = 1 << BLOCK_BITS


class Spine:
    """A tree that only grows. One thread adds; any may ask for paths at the same time."""

    __slots__ = ("_block", "_size", "_spots", "_whole")

    def __init__(self) -> None:
        self._size = 0
        self._block = Frontier()
        self._whole = Tree()  # its leaves are the roots of whole blocks
        self._spots: list[Spot] = []  # of the batch that holds each block's first record

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._size

    def append(self, leaf: bytes, spot: Spot) -> None:
        """Add one leaf hash, of a record in the batch that begins at ``spot``."""
        if not self._block.size:
            self._spots.append(spot)
        self._block.append(leaf)
        self._size += 1
        if self._block.size == BLOCK:
            self._whole.append(self._block.root())
            self._block = Frontier()

    def root(self) -> bytes:
        """The root over all leaves so far."""
        peaks = self._whole.peaks()
        return root_of([*peaks, self._block.root()] if self._block.size else peaks)

    def spot(self, index: int) -> Spot:
        """Where to begin reading to find leaf ``index`` (from 0): at it, or before it."""
        return self._spots[index >> BLOCK_BITS]

    def path(
        self, index: int, size: int, leaves: Callable[[int, int], Sequence[bytes]]
    ) -> tuple[bytes, ...]:
        """The audit path of leaf ``index`` (from 0) in the tree over ``size`` leaves, leaf first.

        RFC 6962, section 2.1.1. ``leaves`` gives the leaf hashes from one index up to another.
        Raises ValueError for a leaf or a size beyond the tree.
        """
        if not 0 <= index < size <= self._size:
            raise ValueError(f"no leaf {index} in a tree of {size}")
        return audit_path(index, size, lambda start, stop: self._subtree(start, stop, leaves))

    def _subtree(
        self, start: int, stop: int, leaves: Callable[[int, int], Sequence[bytes]]
    ) -> bytes:
        """The hash over leaves ``start`` up to ``stop``; start is a multiple of 2**k >= count."""
        count = stop - start
        if count < BLOCK:
            small = Frontier()
            for leaf in leaves(start, stop):
                small.append(leaf)
            return small.root()
        if count % BLOCK == 0:
            return self._whole.subtree(start >> BLOCK_BITS, stop >> BLOCK_BITS)
        middle = start + split(count)
        return node_hash(self._subtree(start, middle, leaves), self._subtree(middle, stop, leaves))
