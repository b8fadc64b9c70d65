"""The Merkle tree over a log's records (RFC 6962, section 2.1). Pure: hashes in, hashes out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, Protocol

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf_input(kind: int, seq: int, payload: bytes) -> bytes:
    """What a leaf hashes: kind (1 byte), sequence number (8, big-endian), payload.

    With kind and place inside, a record that was moved or relabelled is another leaf.
    """
    return bytes((kind,)) + seq.to_bytes(8, "big") + payload


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 over 0x00 and the leaf's input."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 over 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Growing(Protocol):
    """A tree over the records so far."""

    @property
    def size(self) -> int:
        """How many leaves there are."""

    def root(self) -> bytes:
        """The root over all leaves so far."""


class Frontier:
    """A tree that only grows: keeps one hash per complete subtree, so memory is O(log n)."""

    __slots__ = ("_peaks", "_size")

    def __init__(self) -> None:
        self._size = 0
        self._peaks: list[bytes] = []  # of the complete subtrees, largest first

    @classmethod
    def of(cls, size: int, peaks: Sequence[bytes]) -> Frontier:
        """The tree that had this ``size`` and these ``peaks``. Raises ValueError if none has."""
        if size < 0 or len(peaks) != size.bit_count():
            raise ValueError(f"no tree of {size} has {len(peaks)} peaks")
        frontier = cls()
        frontier._size, frontier._peaks = size, list(peaks)
        return frontier

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._size

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The hash of each complete subtree, largest first: all that later roots depend on."""
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        node = leaf
        rest = self._size
        while rest & 1:
            node = node_hash(self._peaks.pop(), node)
            rest >>= 1
        self._peaks.append(node)
        self._size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return root_of(self._peaks)


class Tree:
    """A tree that keeps every complete subtree's hash, to answer for any earlier size."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: list[list[bytes]] = [[]]  # [k][i] covers leaves i * 2**k up to (i + 1) * 2**k

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        node = leaf
        for level in self._levels:
            level.append(node)
            if len(level) % 2:
                return
            node = node_hash(level[-2], level[-1])
        self._levels.append([node])

    def root(self, size: int | None = None) -> bytes:
        """The root over the first ``size`` leaves (all by default). Raises ValueError beyond."""
        size = self.size if size is None else size
        self._check(size)
        return self.subtree(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """The audit path of leaf ``index`` (from 0) in the tree over ``size`` leaves, leaf first.

        RFC 6962, section 2.1.1. Raises ValueError for a leaf or size beyond the tree.
        """
        size = self.size if size is None else size
        self._check(size)
        if not 0 <= index < size:
            raise ValueError(f"no leaf {index} in a tree of {size}")
        return audit_path(index, size, self.subtree)

    def peaks(self) -> tuple[bytes, ...]:
        """The hashes of the largest complete subtrees that cover all leaves, left to right."""
        found: list[bytes] = []
        start = 0
        for bit in reversed(range(self.size.bit_length())):
            if self.size >> bit & 1:
                found.append(self._levels[bit][start >> bit])
                start += 1 << bit
        return tuple(found)

    def _check(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise ValueError(f"no size {size} in a tree of {self.size}")

    def subtree(self, start: int, stop: int) -> bytes:
        """The hash over leaves ``start`` up to ``stop``; start is a multiple of 2**k >= count."""
        count = stop - start
        if count & (count - 1) == 0:
            return self._levels[count.bit_length() - 1][start // count]
        middle = start + split(count)
        return node_hash(self.subtree(start, middle), self.subtree(middle, stop))


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether ``path`` proves ``leaf`` to be number ``index`` of ``root`` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last = index, size - 1
    node = leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and node == root


def root_of(peaks: Sequence[bytes]) -> bytes:
    """The root over trees that get smaller, largest first, each complete but for the last."""
    if not peaks:
        return EMPTY_ROOT
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = node_hash(peak, node)
    return node


def audit_path(index: int, size: int, subtree: Callable[[int, int], bytes]) -> tuple[bytes, ...]:
    """The path of leaf ``index`` of ``size``, leaf first; ``subtree`` hashes leaves from, up to."""
    path: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + split(stop - start)
        if index < middle:
            path.append(subtree(middle, stop))
            stop = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return tuple(reversed(path))


def split(count: int) -> int:
    """Where the left subtree of ``count`` leaves (at least 2) ends: a power of two below."""
    return 1 << ((count - 1).bit_length() - 1)
