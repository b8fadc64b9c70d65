"""Which ways through the evaluator a run took. Looks inside the judges; decides nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pdp.eval.facts import BoundRequest
from pdp.eval.runtime import EvalError


@dataclass
class Reached:
    """Counts of decisions by the way that they took.

    ``switched``: told apart by a fact; ``twice``: by another after that; ``rest``: by a value that
    no rule asks for; ``unknown``: not, because the fact is unknown. ``quick``: answered by the
    shared function, ``chain`` for more than one. ``loop`` and ``far``: judged by a loop, and with
    bits that are set at the end. ``exact``: something errs. ``files``: rules of several files.
    """

    ways: Counter[str] = field(default_factory=Counter)

    def note(self, bound: BoundRequest, now_us: int) -> None:
        """One decision, which was made before."""
        judge: Any = bound.judge
        node, depth = judge._root, 0  # noqa: SLF001 - what is looked at
        while node.switch is not None:
            try:
                value = node.read(bound)
            except EvalError:
                self.ways["unknown"] += 1
                break
            depth += 1
            self.ways["rest"] += value not in node.switch.by_value
            node = node._child(value)  # noqa: SLF001
        self.ways["switched"] += depth > 0
        self.ways["twice"] += depth > 1
        leaf = judge._root.reached(bound)  # noqa: SLF001
        self._note_leaf(leaf, bound, now_us)

    def _note_leaf(self, leaf: Any, bound: BoundRequest, now_us: int) -> None:
        try:
            quick = leaf.quick.get(bound.chain_types)
            is_quick = quick is not None and quick(bound, lambda: now_us) is not None
        except EvalError:
            is_quick = False
            self.ways["exact"] += 1
        self.ways["quick"] += is_quick
        self.ways["quick chain"] += is_quick and len(bound.chain) > 1
        self.ways["long"] += len(leaf.table.rules) > 64
        cells = [leaf.cell(principal_type) for principal_type in bound.chain_types]
        functions = [function for each in cells for function in each._functions]  # noqa: SLF001
        self.ways["loop"] += any(function._is_loop for function in functions)  # noqa: SLF001
        self.ways["far"] += any(function.is_far for function in functions)
        conditions = [c for function in functions for _, c in function._conditions]  # noqa: SLF001
        files = {condition.span.file for condition in conditions}
        self.ways["files"] += len(files) > 1


__all__ = ["Reached"]
