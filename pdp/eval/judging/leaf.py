"""Some rules of one action and resource type, judged together. Chooses no rules itself.

What an answer is made of is prepared for each combination of rules that held, and kept; the cells
that find out which held are compiled on first use. Filling either needs no lock: two threads may
make the same entry, and either one will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from pdp.eval.compiling.cell import Cell, Erred
from pdp.eval.compiling.code import Function
from pdp.eval.compiling.conditions import conditions_for
from pdp.eval.compiling.places import Places
from pdp.eval.compiling.quick import (
    FLAG_BITS,
    NOT_EVERYONE,
    Quick,
    is_short,
    members_of,
    quick_of,
)
from pdp.eval.consequences import obligations
from pdp.eval.emit.paths import Scope
from pdp.eval.facts import NO_RATE, NO_REDACT, PRESENTS_GRANTS, UNATTRIBUTED, BoundRequest
from pdp.eval.judging import answer
from pdp.eval.judging.answer import Findings, Outcome, Prepared, RuleTable
from pdp.eval.judging.risk import Weighed
from pdp.lang.checked import BundleInfo, Rule
from pdp.model import RuleError

# Outcomes kept for each leaf, and plans. More combinations than this are made anew each time, so
# that no sequence of requests can fill the memory.
OUTCOMES_KEPT_MAX: Final = 4_096
PLANS_KEPT_MAX: Final = 1_024


class Plan(NamedTuple):
    """The compiled rules for each member of a chain. ``reads_clock``: one looks at the time."""

    functions: tuple[Function, ...]
    reads_clock: bool


class Leaf:
    """The rules of a ``RuleTable`` with all that judging them needs."""

    __slots__ = (
        "_cells",
        "_kept_by_factors",
        "_places",
        "_quick",
        "_scope",
        "flag_mask",
        "kept",
        "plans",
        "quick",
        "table",
    )

    def __init__(
        self,
        rules: Sequence[Rule],
        secrets: frozenset[str],
        bundle: BundleInfo,
        scope: Scope,
        places: Places,
    ) -> None:
        self._scope: Final = scope
        self._places: Final = places
        self._cells: Final[dict[str, Cell]] = {}
        # By the bits of the rules that held, with flags; and where a tier needs approval, by the
        # factors behind that too.
        self.kept: Final[dict[int, Outcome]] = {}
        # Of those, what needs no approval, ready to be answered.
        self._quick: Final[dict[int, Prepared]] = {}
        self.quick: Final[dict[tuple[str, ...], Quick]] = {}
        self._kept_by_factors: Final[dict[tuple[int, int], Outcome]] = {}
        self.plans: Final[dict[tuple[str, ...], Plan]] = {}
        self.table: Final = RuleTable(rules, secrets, bundle)
        states = {obligations.name_of(o) for rule in rules for o in rule.obligations}
        mask = UNATTRIBUTED | PRESENTS_GRANTS
        if not states.isdisjoint({obligations.REDACT, obligations.RATE}):
            mask |= NO_REDACT | NO_RATE
        self.flag_mask: Final = mask

    def prepare(self, chain_types: tuple[str, ...]) -> None:
        """Make the quick way for chains of those types, unless it is too long or too many are."""
        rules = self.table.rules
        if len(self.quick) >= PLANS_KEPT_MAX or not is_short(rules, chain_types):
            return
        members = members_of(rules, self._scope, chain_types)
        self.quick[chain_types] = quick_of(
            members, rules, self._places, self._quick, self.flag_mask
        )

    def plan(self, chain_types: tuple[str, ...]) -> Plan:
        """The plan for a chain of those types, made now unless it was kept."""
        plan = self.plans.get(chain_types)
        if plan is None:
            cells = [self.cell(principal_type) for principal_type in chain_types]
            plan = Plan(tuple(cell.run for cell in cells), any(cell.reads_clock for cell in cells))
            if len(self.plans) < PLANS_KEPT_MAX:
                self.plans[chain_types] = plan
        return plan

    def cell(self, principal_type: str) -> Cell:
        """The compiled rules for principals of that type."""
        cell = self._cells.get(principal_type)
        if cell is None:
            scope = self._scope.judging(principal_type)
            conditions = conditions_for(self.table.rules, scope)
            cell = self._cells.setdefault(principal_type, Cell(conditions, scope, self._places))
        return cell

    def outcome(self, held: int, flags: int, risk: Weighed) -> Outcome:
        """The outcome where no rule erred; kept, unless too many are."""
        key = held << FLAG_BITS | flags
        by_factors = (key, risk.factors)
        outcome = self._kept_by_factors.get(by_factors) if risk.need else self.kept.get(key)
        if outcome is None:
            outcome = answer.conclude(self.table, _findings(held, flags, risk))
            if len(self.kept) + len(self._kept_by_factors) >= OUTCOMES_KEPT_MAX:
                return outcome
            if risk.need:
                self._kept_by_factors[by_factors] = outcome
            else:
                self.kept[key] = outcome
                if outcome.unfillable is None:
                    self._quick[key] = answer.prepared(outcome)
                    if not held & self.table.allow:
                        # Nobody was allowed, however many they are.
                        self._quick[key & ~NOT_EVERYONE] = self._quick[key]
        return outcome

    def exact_outcome(self, bound: BoundRequest, now_us: int, flags: int, risk: Weighed) -> Outcome:
        """The outcome by three-valued logic, rule by rule, for where a fact is unknown."""
        held = 0
        flags &= ~NOT_EVERYONE
        erred: list[Erred] = []
        for uid, principal_type in zip(bound.chain, bound.chain_types, strict=True):
            cell = self.cell(principal_type)
            bits, found = cell.exactly(bound, uid, now_us, risk.rank)
            erred += found
            if not bits & self.table.allow:
                flags |= NOT_EVERYONE
            held |= bits
        if not erred:
            return self.outcome(held, flags, risk)
        errors = {
            RuleError(self.table.rules[bit].name, kind, span.file, span.line, span.column)
            for bit, kind, span in erred
        }
        bits = 0
        for bit in {bit for bit, _, _ in erred}:
            bits |= 1 << bit
        found_all = _findings(held, flags, risk, bits, tuple(sorted(errors)))
        return answer.conclude(self.table, found_all)


def _findings(
    held: int, flags: int, risk: Weighed, erred: int = 0, errors: tuple[RuleError, ...] = ()
) -> Findings:
    unsupported = set()
    if flags & NO_REDACT:
        unsupported.add(obligations.REDACT)
    if flags & NO_RATE:
        unsupported.add(obligations.RATE)
    return Findings(
        held=held,
        erred=erred,
        errors=errors,
        everyone_allowed=not flags & NOT_EVERYONE,
        unattributed=bool(flags & UNATTRIBUTED),
        unsupported=frozenset(unsupported),
        presents_grants=bool(flags & PRESENTS_GRANTS),
        tier=risk.need,
    )


__all__ = ["OUTCOMES_KEPT_MAX", "Leaf", "Plan"]
