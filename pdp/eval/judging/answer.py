"""What held and what erred to the answer and its reasons. Evaluates no rule and reads no fact.

An outcome is the part of a decision that follows from the rules alone, so it is made once for each
combination of them and kept; the decision adds who asked. Source of the order: "One decision".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from msgspec.structs import replace

from pdp.eval.consequences import obligations, reasons
from pdp.eval.facts import BoundRequest
from pdp.eval.judging.risk import TierNeed
from pdp.lang.checked import BundleInfo, ObligationT, Rule
from pdp.model import (
    ApprovalRequirement,
    Attribution,
    BundleIdentity,
    Decision,
    DenyCause,
    DeterminingRule,
    Effect,
    NextAction,
    Obligation,
    Reasons,
    Record,
    RiskAssessment,
    RuleError,
    ShadowOutcome,
)

# The answers that name what requires approval: the approval itself, and what stands in its way.
_BY_APPROVAL: Final = frozenset({None, DenyCause.NO_ELIGIBLE_APPROVER, DenyCause.APPROVAL_MISMATCH})
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


class Findings(Record, frozen=True):
    """What judging the whole chain found. ``held`` and ``erred`` are bits of a RuleTable.

    ``everyone_allowed``: each member had an allow rule of its own. ``unsupported`` names the
    obligations on the caller that it does not support. ``presents_grants``: the request has grants.
    ``tier`` is what the risk tier requires, if anything.
    """

    held: int
    erred: int
    errors: tuple[RuleError, ...]
    everyone_allowed: bool
    unattributed: bool
    unsupported: frozenset[str]
    presents_grants: bool
    tier: TierNeed | None = None


class Outcome(Record, frozen=True):
    """A decision without who asked. ``required`` are the bits of the require rules behind it.

    Where approval is required, by them or by the risk tier, the outcome stands only if the joined
    requirement can be filled; if not, ``unfillable`` stands.
    """

    decision: Decision
    owners: tuple[str, ...]
    required: int = 0
    unfillable: Outcome | None = None


class Beside(Record, frozen=True):
    """What goes with any outcome: the risk, and shadow rules, with the paths that these hide."""

    risk: RiskAssessment | None = None
    shadow: tuple[ShadowOutcome, ...] = ()
    hidden: frozenset[str] = frozenset()


NOTHING_BESIDE: Final = Beside()


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
    is_required = bool(required or found.tier)
    effect = Effect.REQUIRE_APPROVAL if is_required else Effect.ALLOW
    unsupported = found.unsupported & obligations.RETURNED[effect]
    offending = _stating(table, found.held, unsupported)
    if offending:
        return _denied(table, found, [DenyCause.UNSUPPORTED_OBLIGATION], offending)
    determining = required if is_required else found.held & table.allow
    if found.presents_grants:
        outcome = _denied(table, found, [DenyCause.APPROVAL_MISMATCH], determining)
    else:
        outcome = _outcome(table, found, effect, [], determining)
    if not is_required:
        return outcome
    unfillable = _denied(table, found, [DenyCause.NO_ELIGIBLE_APPROVER], determining)
    return replace(outcome, required=required, unfillable=unfillable)


# An outcome that needs no approval and without errors, taken apart: effect, cause, rules, owners,
# obligations, reasons, next action, hidden paths.
Prepared: TypeAlias = (
    "tuple[Effect, DenyCause | None, tuple[DeterminingRule, ...], tuple[str, ...],"
    " tuple[Obligation, ...], Reasons, NextAction, tuple[str, ...]]"
)


def prepared(outcome: Outcome) -> Prepared:
    """``outcome`` taken apart, so that a decision is made of it without looking at it again."""
    made = outcome.decision
    return (
        made.effect,
        made.cause,
        made.rules,
        outcome.owners,
        made.obligations,
        made.reasons,
        made.next_action,
        made.hidden_paths,
    )


def decision_of(
    outcome: Outcome,
    bound: BoundRequest,
    approval: ApprovalRequirement | None,
    bundle: BundleIdentity,
    beside: Beside = NOTHING_BESIDE,
) -> Decision:
    """The decision on one request. ``approval`` is the requirement when the effect asks for it."""
    made = outcome.decision
    hidden = made.hidden_paths
    if beside.hidden:
        hidden = tuple(sorted(beside.hidden.union(hidden)))
    return Decision(
        effect=made.effect,
        cause=made.cause,
        rules=made.rules,
        attribution=Attribution(bound.accountable, bound.agent or "", bound.chain, outcome.owners),
        obligations=made.obligations,
        bundle=bundle,
        reasons=made.reasons,
        next_action=made.next_action,
        request_digest=bound.digest,
        hidden_paths=hidden,
        errors=made.errors,
        approval=approval,
        risk=beside.risk,
        shadow=beside.shadow,
    )


def invalid(bound: BoundRequest, contact: str, bundle: BundleIdentity) -> Decision:
    """The answer to a request that names what does not exist. Nothing of it may be logged."""
    return Decision(
        effect=Effect.DENY,
        cause=DenyCause.INVALID_REQUEST,
        attribution=Attribution(bound.accountable, bound.agent or "", bound.chain),
        bundle=bundle,
        reasons=reasons.of_invalid(bound.invalid or "", contact),
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
    cause = causes[0] if causes else None
    by_tier = found.tier if cause in _BY_APPROVAL else None
    rules = _determining(table, determining, by_tier)
    decision = Decision(
        effect=effect,
        cause=cause,
        rules=rules,
        obligations=obligations.join(_stated(table, found.held), effect),
        errors=found.errors,
        reasons=reasons.of(
            effect,
            causes,
            rules,
            _routes(table, determining, by_tier),
            found.errors,
            table.bundle.contact,
        ),
        next_action=_next_action(
            effect, cause, is_required=bool(found.held & table.require or found.tier)
        ),
        hidden_paths=table.hidden(found.held | found.erred),
    )
    return Outcome(decision, tuple(sorted({rule.owner for rule in rules})))


def _determining(
    table: RuleTable, bits: int, by_tier: TierNeed | None
) -> tuple[DeterminingRule, ...]:
    rules = [
        DeterminingRule(rule.name, rule.owner, rule.contact, rule.because)
        for rule in table.select(bits)
    ]
    return tuple(rules) if by_tier is None else tuple(sorted([*rules, by_tier.rule]))


def _routes(table: RuleTable, bits: int, by_tier: TierNeed | None) -> list[str]:
    routes = {route for rule in table.select(bits) for route in rule.routes}
    return sorted(routes if by_tier is None else routes.union(by_tier.routes))


def _next_action(effect: Effect, cause: DenyCause | None, *, is_required: bool) -> NextAction:
    if effect is Effect.REQUIRE_APPROVAL:
        return NextAction.REQUEST_APPROVAL
    if cause is DenyCause.APPROVAL_MISMATCH and is_required:
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


__all__ = [
    "Beside", "Findings", "Outcome", "Prepared", "RuleTable", "conclude", "decision_of", "invalid",
    "prepared",
]  # fmt: skip
