"""What held and what erred to the answer and its reasons. Evaluates no rule and reads no fact.

An outcome is the part of a decision that follows from the rules alone, so it is made once for each
combination of them and kept; the decision adds who asked. Source of the order: "One decision".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pdp.eval.consequences import obligations, reasons
from pdp.eval.facts import BoundRequest
from pdp.lang.checked import BundleInfo, ObligationT, Rule
from pdp.model import (
    ApprovalRequirement,
    Attribution,
    Decision,
    DenyCause,
    DeterminingRule,
    Effect,
    NextAction,
    RuleError,
)

_HAND_OFF: Final = frozenset({DenyCause.UNATTRIBUTED, DenyCause.NO_ELIGIBLE_APPROVER})


class RuleTable:
    """The candidate rules of one action and resource type; rule ``i`` has the bit ``1 << i``.

    ``allow``, ``deny`` and ``require`` are the bits of the rules of that effect; an error in one of
    the ``strict`` denies. ``secrets`` are the wire paths that no log may hold in clear.
    """

    __slots__ = ("_hidden", "allow", "bundle", "deny", "require", "rules", "secrets", "strict")

    def __init__(self, rules: Sequence[Rule], secrets: frozenset[str], bundle: BundleInfo) -> None:
        self.rules: Final = tuple(rules)
        self.secrets: Final = secrets
        self.bundle: Final = bundle
        self.allow: Final = self._bits_of("allow")
        self.deny: Final = self._bits_of("deny")
        self.require: Final = self._bits_of("require")
        self.strict: Final = self.deny | self.require | self._bits_of("oblige")
        self._hidden: Final = tuple(obligations.hidden_by(rule.obligations) for rule in rules)

    def select(self, bits: int) -> Iterator[Rule]:
        """The rules of those bits, in the order of their names."""
        return (self.rules[index] for index in _indexes(bits))

    def hidden(self, bits: int) -> tuple[str, ...]:
        """What the log must not hold in clear when the rules of ``bits`` held or erred."""
        hidden = [self._hidden[index] for index in _indexes(bits)]
        return tuple(sorted(self.secrets.union(*hidden)))

    def _bits_of(self, effect: str) -> int:
        return sum(1 << index for index, rule in enumerate(self.rules) if rule.effect == effect)


@dataclass(frozen=True, slots=True)
class Findings:
    """What judging the whole chain found. ``held`` and ``erred`` are bits of a RuleTable.

    ``everyone_allowed``: each member had an allow rule of its own. ``unsupported`` names the
    obligations on the caller that it does not support. ``presents_grants``: the request has grants.
    """

    held: int
    erred: int
    errors: tuple[RuleError, ...]
    everyone_allowed: bool
    unattributed: bool
    unsupported: frozenset[str]
    presents_grants: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision without who asked. ``required`` are the bits of the require rules behind it.

    Where there are any, the outcome stands only if their joined requirement can be filled; if not,
    ``unfillable`` stands.
    """

    decision: Decision
    owners: tuple[str, ...]
    required: int = 0
    unfillable: Outcome | None = None


def conclude(table: RuleTable, found: Findings) -> Outcome:
    """The outcome: deny over approval over allow over no rule at all; one cause, the first."""
    denying = found.held & table.deny
    broken = found.erred & table.strict
    causes = [
        cause
        for cause, holds in (
            (DenyCause.RULE, denying),
            (DenyCause.ERROR, broken),
            (DenyCause.UNATTRIBUTED, found.unattributed),
            (DenyCause.NO_ALLOW, not found.everyone_allowed),
        )
        if holds
    ]
    if causes:
        determining = {DenyCause.RULE: denying, DenyCause.ERROR: broken}.get(causes[0], 0)
        return _denied(table, found, causes, determining)
    required = found.held & table.require
    effect = Effect.REQUIRE_APPROVAL if required else Effect.ALLOW
    unsupported = found.unsupported & obligations.RETURNED[effect]
    offending = _stating(table, found.held, unsupported)
    if offending:
        return _denied(table, found, [DenyCause.UNSUPPORTED_OBLIGATION], offending)
    determining = required or found.held & table.allow
    if found.presents_grants:
        outcome = _denied(table, found, [DenyCause.APPROVAL_MISMATCH], determining)
    else:
        outcome = _outcome(table, found, effect, [], determining)
    if not required:
        return outcome
    unfillable = _denied(table, found, [DenyCause.NO_ELIGIBLE_APPROVER], determining)
    return replace(outcome, required=required, unfillable=unfillable)


def decision_of(
    outcome: Outcome, bound: BoundRequest, approval: ApprovalRequirement | None
) -> Decision:
    """The decision on one request. ``approval`` is the requirement when the effect asks for it."""
    made = outcome.decision
    return Decision(
        effect=made.effect,
        cause=made.cause,
        rules=made.rules,
        attribution=Attribution(bound.accountable, bound.agent or "", bound.chain, outcome.owners),
        obligations=made.obligations,
        approval=approval,
        errors=made.errors,
        reasons=made.reasons,
        next_action=made.next_action,
        request_digest=bound.digest,
        hidden_paths=made.hidden_paths,
    )


def invalid(bound: BoundRequest, bundle: BundleInfo) -> Decision:
    """The answer to a request that names what does not exist. Nothing of it may be logged."""
    return Decision(
        effect=Effect.DENY,
        cause=DenyCause.INVALID_REQUEST,
        attribution=Attribution(bound.accountable, bound.agent or "", bound.chain),
        reasons=reasons.of_invalid(bound.invalid or "", bundle.contact),
        request_digest=bound.digest,
        hidden_paths=("*",),
    )


def _denied(
    table: RuleTable, found: Findings, causes: Sequence[DenyCause], determining: int
) -> Outcome:
    return _outcome(table, found, Effect.DENY, causes, determining)


def _outcome(
    table: RuleTable,
    found: Findings,
    effect: Effect,
    causes: Sequence[DenyCause],
    determining: int,
) -> Outcome:
    rules = tuple(table.select(determining))
    cause = causes[0] if causes else None
    stated = _stated(table, found.held)
    told = reasons.of(
        effect,
        causes,
        rules,
        found.errors,
        table.bundle.contact,
    )
    decision = Decision(
        effect=effect,
        cause=cause,
        rules=tuple(
            DeterminingRule(rule.name, rule.owner, rule.contact, rule.because) for rule in rules
        ),
        obligations=obligations.join(stated, effect),
        errors=found.errors,
        reasons=told,
        next_action=_next_action(effect, cause, found.held & table.require),
        hidden_paths=table.hidden(found.held | found.erred),
    )
    return Outcome(decision, tuple(sorted({rule.owner for rule in rules})))


def _next_action(effect: Effect, cause: DenyCause | None, required: int) -> NextAction:
    if effect is Effect.REQUIRE_APPROVAL:
        return NextAction.REQUEST_APPROVAL
    if cause is DenyCause.APPROVAL_MISMATCH and required:
        return NextAction.REQUEST_APPROVAL
    return NextAction.HAND_OFF if cause in _HAND_OFF else NextAction.NONE


def _stated(table: RuleTable, held: int) -> Iterable[ObligationT]:
    return [obligation for rule in table.select(held) for obligation in rule.obligations]


def _stating(table: RuleTable, held: int, names: frozenset[str]) -> int:
    """The bits of the rules that held and state an obligation of one of ``names``."""
    bits = 0
    for index in _indexes(held):
        stated = table.rules[index].obligations
        if any(obligations.name_of(obligation) in names for obligation in stated):
            bits |= 1 << index
    return bits


def _indexes(bits: int) -> Iterator[int]:
    """The places of the bits that are set, rising; takes time by the number of places only."""
    digits = f"{bits:b}"[::-1]
    place = digits.find("1")
    while place >= 0:
        yield place
        place = digits.find("1", place + 1)


__all__ = ["Findings", "Outcome", "RuleTable", "conclude", "decision_of", "invalid"]
