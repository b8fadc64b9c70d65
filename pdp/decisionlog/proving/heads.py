"""Tree heads that a log must have had: those inside it, and those that were kept elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from pdp.decisionlog.proving import checkpoint
from pdp.decisionlog.proving.checkpoint import Head, Holds, NotACheckpoint
from pdp.decisionlog.tree import Frontier


@dataclass(frozen=True, slots=True)
class Trust:
    """The public keys whose checkpoints count, 32 bytes each, and how a signature is checked."""

    keys: tuple[bytes, ...]
    holds: Holds

    def opened(self, note: str) -> Head:
        """What a checkpoint says, signed by one of the keys. Raises NotACheckpoint."""
        reason = NotACheckpoint("no key is trusted")
        for key in self.keys:
            try:
                return checkpoint.opened(note, key, self.holds)
            except NotACheckpoint as error:
                reason = error
        raise reason


class Heads:
    """What is expected of a log, looked up while its tree grows."""

    def __init__(self, trust: Trust | None) -> None:
        self._trust = trust
        self._expected: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
        self._origins: set[str] = set()

    def expect(self, size: int, root: str, what: str) -> None:
        """The log had that root, in hex (empty: any), when it had that many records."""
        if size:
            self._expected[size].append((root.lower(), what))

    def expect_note(self, note: str) -> None:
        """As ``expect``, by a checkpoint kept elsewhere. Raises NotACheckpoint."""
        head = self._opened(note)
        self._origins.add(head.origin)
        self.expect(head.size, head.root.hex(), "a checkpoint kept elsewhere")

    def at(self, tree: Frontier) -> Iterator[str]:
        """What is wrong with the tree at the size it has now."""
        for root, what in self._expected.pop(tree.size, ()):
            if root and root != tree.root().hex():
                yield f"the root over the first {tree.size} records is not that of {what}"

    def beyond(self, size: int, log_id: str) -> Iterator[tuple[int, str]]:
        """Of what was expected and not reached: how many records there should be, and in words."""
        for origin in sorted(self._origins - {checkpoint.origin_of(log_id)}):
            yield 1, f"a checkpoint kept elsewhere is of another log, `{origin}`"
        for wanted in sorted(self._expected):
            _, what = self._expected[wanted][0]
            yield wanted, f"the log holds {size} intact records of {wanted} expected by {what}"

    def wrong_with(self, note: str, log_id: str, before: Frontier) -> str:
        """What is wrong with a checkpoint right behind those records; empty: nothing."""
        try:
            head = self._opened(note)
        except NotACheckpoint as error:
            return f"the checkpoint does not hold: {error}"
        if head.origin != checkpoint.origin_of(log_id):
            return "the checkpoint is of another log"
        if (head.size, head.root) != (before.size, before.root()):
            return "the records before the checkpoint are not those it signs"
        return ""

    def _opened(self, note: str) -> Head:
        return checkpoint.read(note) if self._trust is None else self._trust.opened(note)
