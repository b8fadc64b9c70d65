"""Shadow rules: evaluated and told to the log, never enforced. No effect may follow from here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pdp.eval.compiling.cell import Cell, Erred
from pdp.eval.compiling.conditions import conditions_for
from pdp.eval.compiling.places import Places
from pdp.eval.consequences import obligations
from pdp.eval.emit.paths import Scope
from pdp.eval.facts import BoundRequest
from pdp.eval.runtime import EvalError
from pdp.lang.checked import Rule
from pdp.model import ShadowOutcome

HELD: Final = "held"
ERROR: Final = "error"


class Shadows:
    """The shadow rules of one action and resource type. Cells are made on first use."""

    __slots__ = ("_cells", "_places", "_rules", "_scope")

    def __init__(self, rules: Sequence[Rule], scope: Scope, places: Places) -> None:
        self._rules: Final = tuple(rules)
        self._scope: Final = scope
        self._places: Final = places
        self._cells: Final[dict[str, Cell]] = {}

    def watch(
        self, bound: BoundRequest, now_us: int, tier: int
    ) -> tuple[tuple[ShadowOutcome, ...], frozenset[str]]:
        """What held or erred for some member of the chain, and the paths that those rules hide."""
        outcomes: set[ShadowOutcome] = set()
        touched: set[int] = set()
        for uid, principal_type in zip(bound.chain, bound.chain_types, strict=True):
            cell = self._cells.get(principal_type) or self._cell(principal_type)
            erred: list[Erred] = []
            try:
                held = cell.held(bound, uid, now_us, tier)
            except EvalError:
                held, erred = cell.exactly(bound, uid, now_us, tier)
            for index in [i for i in range(len(self._rules)) if held >> i & 1]:
                outcomes.add(self._outcome(index, HELD))
                touched.add(index)
            for index, _, _ in erred:
                outcomes.add(self._outcome(index, ERROR))
                touched.add(index)
        hidden = [obligations.hidden_by(self._rules[index].obligations) for index in touched]
        return tuple(sorted(outcomes)), frozenset[str]().union(*hidden)

    def _outcome(self, index: int, outcome: str) -> ShadowOutcome:
        rule = self._rules[index]
        return ShadowOutcome(rule.name, rule.effect, outcome)

    def _cell(self, principal_type: str) -> Cell:
        scope = self._scope.judging(principal_type)
        conditions = conditions_for(self._rules, scope)
        return self._cells.setdefault(principal_type, Cell(conditions, scope, self._places))


__all__ = ["ERROR", "HELD", "Shadows"]
