"""Checked policies ready to decide: immutable, shared by threads without locks. Reads no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pdp.eval import answer
from pdp.eval.answer import Beside, Findings, Outcome, RuleTable
from pdp.eval.binder import Binder
from pdp.eval.compiler import Cell, Erred, Places, condition_of
from pdp.eval.consequences import obligations
from pdp.eval.consequences.approvers import Requirement
from pdp.eval.emit.paths import Scope
from pdp.eval.facts import BoundRequest, Directory
from pdp.eval.judging import index
from pdp.eval.judging.index import Target, candidates, fits_principal
from pdp.eval.judging.risk import WITHOUT_RISK, RiskScale, Weighed
from pdp.eval.judging.shadow import Shadows
from pdp.eval.reading.decoder import Decoders
from pdp.eval.runtime import EvalError
from pdp.lang.checked import CheckedPolicies, Rule
from pdp.lang.source import Source
from pdp.model import ApprovalRequirement, Decision, Effect, Entity, RuleError
from pdp.request import Request

# Outcomes kept per action and resource type. More combinations than this are made anew each time,
# so that no sequence of requests can fill the memory.
OUTCOMES_KEPT_MAX: Final = 4_096

# What an outcome depends on besides the rules that held, as the low bits of its key.
_EVERYONE_ALLOWED: Final = 1
_UNATTRIBUTED: Final = 2
_GRANTS: Final = 4
_NO_REDACT: Final = 8
_NO_RATE: Final = 16
_FLAG_BITS: Final = 5


class _Judge:
    """The rules of one action and resource type. Cells and outcomes are made on first use.

    Filling them needs no lock: two threads may make the same entry, and either one will do.
    """

    __slots__ = (
        "_checked",
        "_outcomes",
        "_places",
        "_requirements",
        "_scope",
        "cells",
        "has_caller_obligations",
        "risk",
        "shadows",
        "table",
    )

    def __init__(
        self, checked: CheckedPolicies, target: Target, rules: tuple[Rule, ...], places: Places
    ) -> None:
        action = checked.schema.actions[target[0]]
        self._checked: Final = checked
        self._places: Final = places
        self._scope: Final = Scope(checked.schema, action, target[1], None)
        # By the bits of the rules that held, with flags, and the factors behind a tier's need.
        self._outcomes: Final[dict[tuple[int, int], Outcome]] = {}
        # By the bits of the require rules that held, and the rank of the tier.
        self._requirements: Final[dict[tuple[int, int], Requirement]] = {}
        secrets = obligations.secret_paths(checked.schema, action.fields)
        enforced = [rule for rule in rules if index.is_enforced(rule)]
        watched = [rule for rule in rules if not index.is_enforced(rule)]
        self.table: Final = RuleTable(enforced, secrets, checked.bundle)
        self.cells: Final[dict[str, Cell]] = {}
        self.risk: Final = (
            None if checked.risk is None else RiskScale(checked.risk, self._scope, places)
        )
        self.shadows: Final = Shadows(watched, self._scope, places) if watched else None
        self.has_caller_obligations: Final = any(
            obligations.name_of(obligation) in {obligations.REDACT, obligations.RATE}
            for rule in enforced
            for obligation in rule.obligations
        )

    def cell(self, principal_type: str) -> Cell:
        """The compiled rules for principals of that type."""
        scope = Scope(
            self._scope.schema, self._scope.action, self._scope.resource_type, principal_type
        )
        conditions = [
            (bit, condition_of(rule, scope))
            for bit, rule in enumerate(self.table.rules)
            if fits_principal(rule, principal_type)
        ]
        cell = Cell(conditions, scope, self._places)
        return self.cells.setdefault(principal_type, cell)

    def outcome(self, held: int, flags: int, risk: Weighed) -> Outcome:
        """The outcome where no rule erred."""
        key = (held << _FLAG_BITS | flags, risk.factors if risk.need else 0)
        outcome = self._outcomes.get(key)
        if outcome is None:
            outcome = answer.conclude(self.table, _findings(held, flags, risk))
            if len(self._outcomes) < OUTCOMES_KEPT_MAX:
                self._outcomes[key] = outcome
        return outcome

    def outcome_with_errors(
        self, held: int, flags: int, risk: Weighed, erred: list[Erred]
    ) -> Outcome:
        """The outcome where rules erred, for some member of the chain."""
        errors = {
            RuleError(self.table.rules[bit].name, kind, span.file, span.line, span.column)
            for bit, kind, span in erred
        }
        bits = 0
        for bit, _, _ in erred:
            bits |= 1 << bit
        found = _findings(held, flags, risk, bits, tuple(sorted(errors)))
        return answer.conclude(self.table, found)

    def requirement(self, required: int, risk: Weighed) -> Requirement:
        """The joined requirement of the require rules of those bits, and of the tier."""
        key = (required, risk.rank)
        requirement = self._requirements.get(key)
        if requirement is None:
            names = {name for rule in self.table.select(required) for name in rule.routes}
            requirement = Requirement(
                names.union(risk.need.routes if risk.need else ()),
                self._checked.routes,
                self._scope,
                self._places,
                risk.rank,
            )
            if len(self._requirements) < OUTCOMES_KEPT_MAX:
                self._requirements[key] = requirement
        return requirement

    def beside(self, bound: BoundRequest, now_us: int, risk: Weighed) -> Beside:
        """The risk and what the shadow rules came to."""
        if self.shadows is None:
            return answer.NOTHING_BESIDE if risk.told is None else Beside(risk.told)
        outcomes, hidden = self.shadows.watch(bound, now_us, risk.rank)
        return Beside(risk.told, outcomes, hidden)


class PolicySet:
    """Everything one version of the policies decides with. ``decide`` is safe from many threads.

    ``directory`` is what the bundle vouches for. Made by ``build``; never changed.
    """

    __slots__ = ("_binder", "_checked", "_decoders", "_judges", "directory")

    def __init__(
        self,
        checked: CheckedPolicies,
        directory: Directory,
        decoders: Decoders,
        judges: Mapping[Target, _Judge],
    ) -> None:
        self._checked: Final = checked
        self._decoders: Final = decoders
        self._judges: Final = judges
        self._binder: Final = Binder(checked.schema, directory, decoders)
        self.directory: Final = directory

    @classmethod
    def build(
        cls,
        checked: CheckedPolicies,
        directory: Mapping[str, Entity],
        sources: Mapping[str, Source],
    ) -> PolicySet:
        """``directory`` by uid; ``sources`` by the file names that spans use.

        Raises RequestError when a directory entry does not fit the schema.
        """
        decoders = Decoders(checked.schema)
        places = Places(sources)
        judges = {
            target: _Judge(checked, target, rules, places)
            for target, rules in candidates(checked).items()
        }
        return cls(checked, Directory(directory, checked.schema, decoders), decoders, judges)

    def with_fixtures(self, entities: Iterable[Entity]) -> PolicySet:
        """The same rules with ``entities`` on top of the directory, for tests beside policies."""
        directory = self.directory.overlay(entities)
        return PolicySet(self._checked, directory, self._decoders, self._judges)

    def bind(self, request: Request) -> BoundRequest:
        """The request, typed. Raises RequestError for what is refused before any rule is read."""
        return self._binder.bind(request)

    def decide(self, bound: BoundRequest, now_us: int) -> Decision:
        """The answer at ``now_us``, microseconds since 1970, to what this set's ``bind`` returned.

        Unknown facts are part of the answer. Anything raised is a bug, and the caller's to contain.
        """
        if bound.invalid is not None:
            return answer.invalid(bound, self._checked.bundle)
        judge = self._judge(bound)
        risk = WITHOUT_RISK if judge.risk is None else judge.risk.weigh(bound, now_us)
        outcome, approval = _judged(judge, bound, now_us, risk)
        return answer.decision_of(outcome, bound, approval, judge.beside(bound, now_us, risk))

    def _judge(self, bound: BoundRequest) -> _Judge:
        action = bound.action
        if action is None:
            raise AssertionError("an invalid request has no outcome")
        return self._judges[action.name, bound.resource_type]


def _judged(
    judge: _Judge, bound: BoundRequest, now_us: int, risk: Weighed
) -> tuple[Outcome, ApprovalRequirement | None]:
    """The outcome and the approval it needs. Requests that meet the same rules share an outcome."""
    cells, allow, tier = judge.cells, judge.table.allow, risk.rank
    held = 0
    flags = _EVERYONE_ALLOWED
    erred: list[Erred] = []
    for uid, principal_type in zip(bound.chain, bound.chain_types, strict=True):
        cell = cells.get(principal_type) or judge.cell(principal_type)
        try:
            bits = cell.held(bound, uid, now_us, tier)
        except EvalError:
            bits, found = cell.exactly(bound, uid, now_us, tier)
            erred += found
        if not bits & allow:
            flags &= ~_EVERYONE_ALLOWED
        held |= bits
    flags |= _flags(bound, judge)
    if erred:
        outcome = judge.outcome_with_errors(held, flags, risk, erred)
    else:
        outcome = judge.outcome(held, flags, risk)
    if outcome.unfillable is None:
        return outcome, None
    requirement = judge.requirement(outcome.required, risk)
    if not requirement.is_fillable(bound, now_us):
        return outcome.unfillable, None
    if outcome.decision.effect is not Effect.REQUIRE_APPROVAL:
        return outcome, None
    return outcome, requirement.of(bound, now_us)


def _flags(bound: BoundRequest, judge: _Judge) -> int:
    flags = _UNATTRIBUTED if bound.unattributed else 0
    request = bound.request
    if request.grants:
        flags |= _GRANTS
    if judge.has_caller_obligations:
        if obligations.REDACT not in request.supported_obligations:
            flags |= _NO_REDACT
        if obligations.RATE not in request.supported_obligations:
            flags |= _NO_RATE
    return flags


def _findings(
    held: int, flags: int, risk: Weighed, erred: int = 0, errors: tuple[RuleError, ...] = ()
) -> Findings:
    unsupported = set()
    if flags & _NO_REDACT:
        unsupported.add(obligations.REDACT)
    if flags & _NO_RATE:
        unsupported.add(obligations.RATE)
    return Findings(
        held=held,
        erred=erred,
        errors=errors,
        everyone_allowed=bool(flags & _EVERYONE_ALLOWED),
        unattributed=bool(flags & _UNATTRIBUTED),
        unsupported=frozenset(unsupported),
        presents_grants=bool(flags & _GRANTS),
        tier=risk.need,
    )


__all__ = ["OUTCOMES_KEPT_MAX", "PolicySet"]
