"""The reference meaning of a whole answer: effect, cause, rules, attribution. Never fast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pdp.eval.reference.approval import can_be_filled, requirement
from pdp.eval.reference.facts import type_name
from pdp.eval.reference.rules import Case, Judged, case_of, judge
from pdp.eval.reference.terms import Err
from pdp.lang.checked import CheckedPolicies, LogLevel, Notify, Rate, Redact, Rule
from pdp.lang.types import CollT, FieldT, RecordT, Type
from pdp.model import (
    ApprovalRequirement,
    Attribution,
    Decision,
    DenyCause,
    DeterminingRule,
    Effect,
    Entity,
    NextAction,
    Obligation,
    RuleError,
    ShadowOutcome,
)
from pdp.request import Request

# Which obligations are returned with which answer.
_RETURNED: Final = {
    Effect.ALLOW: {"log", "redact", "notify", "rate"},
    Effect.REQUIRE_APPROVAL: {"log", "redact", "notify"},
    Effect.DENY: {"log", "redact"},
}
_UNIT_S: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}  # largest first


def decide(
    checked: CheckedPolicies, directory: Mapping[str, Entity], request: Request, now_us: int
) -> Decision:
    """The decision on a request that the binder has accepted as valid.

    Left empty: reasons, bundle, request_digest, decision_id and receipt.
    """
    case = case_of(checked, directory, request, now_us)
    judged = judge(case)
    enforced = tuple(j for j in judged if not j.rule.shadow)
    answer = _answer(case, enforced)
    rules = set(answer.rules)
    return Decision(
        effect=answer.effect,
        cause=answer.cause,
        rules=tuple(sorted(rules)),
        attribution=Attribution(
            accountable=_accountable(case),
            agent=str(case.scope.roots.get("agent", "")),
            chain=case.chain,
            policy_owners=tuple(sorted({rule.owner for rule in rules})),
        ),
        obligations=_obligations(enforced, answer.effect),
        approval=answer.approval,
        errors=_errors(enforced),
        risk=None if case.risk is None else case.risk.assessment,
        shadow=_shadow(judged),
        next_action=_next_action(answer),
        hidden_paths=_hidden_paths(case, judged),
    )


# ---------------------------------------------------------------- effect and cause


@dataclass(frozen=True, slots=True)
class _Answer:
    """``would_be`` is the effect that rules, attribution and allows alone lead to."""

    would_be: Effect
    cause: DenyCause | None
    rules: tuple[DeterminingRule, ...]
    approval: ApprovalRequirement | None = None

    @property
    def effect(self) -> Effect:
        return self.would_be if self.cause is None else Effect.DENY


def _answer(case: Case, judged: tuple[Judged, ...]) -> _Answer:
    denied = _held(judged, "deny")
    erred = tuple(j.rule for j in judged if isinstance(j.outcome, Err) and j.rule.effect != "allow")
    needing = _held(judged, "require")
    if denied:
        return _Answer(Effect.DENY, DenyCause.RULE, _determining(denied))
    if erred:
        return _Answer(Effect.DENY, DenyCause.ERROR, _determining(erred))
    if _is_unattributed(case):
        return _Answer(Effect.DENY, DenyCause.UNATTRIBUTED, ())
    if not all(_is_allowed(member, judged) for member in case.chain):
        return _Answer(Effect.DENY, DenyCause.NO_ALLOW, ())

    routes = {route for rule in needing for route in rule.routes}
    deciding = _determining(needing)
    if case.risk is not None and case.risk.routes:
        routes.update(case.risk.routes)
        deciding = (*deciding, case.risk.rule)
    if not routes:
        deciding = _determining(_held(judged, "allow"))
    would_be = Effect.REQUIRE_APPROVAL if routes else Effect.ALLOW
    unsupported = _unsupported(case, judged, would_be)
    if unsupported:
        return _Answer(would_be, DenyCause.UNSUPPORTED_OBLIGATION, _determining(unsupported))
    required = requirement(case, routes) if routes else None
    if required is not None and not can_be_filled(case, required):
        return _Answer(would_be, DenyCause.NO_ELIGIBLE_APPROVER, deciding)
    if case.request.grants:
        return _Answer(would_be, DenyCause.APPROVAL_MISMATCH, deciding)
    return _Answer(would_be, None, deciding, required)


def _unsupported(case: Case, judged: tuple[Judged, ...], would_be: Effect) -> tuple[Rule, ...]:
    """The rules with an obligation that comes with the answer and that the caller does not know."""
    unsupported = {
        obligation.name
        for obligation in _obligations(judged, would_be)
        if obligation.on_caller and obligation.name not in case.request.supported_obligations
    }
    return tuple(
        rule
        for rule in _held(judged, "allow", "require", "oblige")
        if any(_obligation_name(o) in unsupported for o in rule.obligations)
    )


def _held(judged: Iterable[Judged], *effects: str) -> tuple[Rule, ...]:
    return tuple(j.rule for j in judged if j.outcome is True and j.rule.effect in effects)


def _is_allowed(member: str, judged: Iterable[Judged]) -> bool:
    return bool(_held((j for j in judged if j.principal == member), "allow"))


def _determining(rules: Iterable[Rule]) -> tuple[DeterminingRule, ...]:
    return tuple(
        DeterminingRule(rule.name, rule.owner, rule.contact, rule.because) for rule in rules
    )


def _errors(judged: Iterable[Judged]) -> tuple[RuleError, ...]:
    errors = {
        RuleError(
            j.rule.name,
            j.outcome.kind,
            j.outcome.span.file,
            j.outcome.span.line,
            j.outcome.span.column,
        )
        for j in judged
        if isinstance(j.outcome, Err)
    }
    return tuple(sorted(errors))


def _shadow(judged: Iterable[Judged]) -> tuple[ShadowOutcome, ...]:
    """What shadow rules came to for any member of the chain, where that is not nothing."""
    outcomes = {
        ShadowOutcome(j.rule.name, j.rule.effect, "held" if j.outcome is True else "error")
        for j in judged
        if j.rule.shadow and j.outcome is not False
    }
    return tuple(sorted(outcomes))


def _next_action(answer: _Answer) -> NextAction:
    match answer.cause:
        case None if answer.would_be is Effect.REQUIRE_APPROVAL:
            return NextAction.REQUEST_APPROVAL
        case DenyCause.APPROVAL_MISMATCH if answer.would_be is Effect.REQUIRE_APPROVAL:
            return NextAction.REQUEST_APPROVAL
        case DenyCause.UNATTRIBUTED | DenyCause.NO_ELIGIBLE_APPROVER:
            return NextAction.HAND_OFF
        case _:
            return NextAction.NONE


# ---------------------------------------------------------------- who answers for it


def _accountable(case: Case) -> str:
    """The person at the end of the chain, else the owner of the agent at its start, else nobody."""
    entities = case.checked.schema.entities
    first, last = case.chain[0], case.chain[-1]
    if entities[type_name(last)].is_person:
        return last
    if not entities[type_name(first)].is_agent or first not in case.world.known:
        return ""
    owner = case.world.known[first].attributes.get("owner")
    if not isinstance(owner, str):
        return ""
    if entities[type_name(owner)].is_directory and owner not in case.world.directory:
        return ""
    return owner


def _is_unattributed(case: Case) -> bool:
    entities = case.checked.schema.entities
    strangers = [
        uid
        for uid in case.chain
        if entities[type_name(uid)].is_directory and uid not in case.world.directory
    ]
    return bool(strangers) or not _accountable(case)


# ---------------------------------------------------------------- obligations and the log


def _obligations(judged: Iterable[Judged], effect: Effect) -> tuple[Obligation, ...]:
    """The join over every rule that held, less what is not returned with this effect."""
    stated = [o for rule in _held(judged, "allow", "require", "oblige") for o in rule.obligations]
    levels = {o.level for o in stated if isinstance(o, LogLevel)}
    paths = {path for o in stated if isinstance(o, Redact) for path in o.paths}
    rates = [o for o in stated if isinstance(o, Rate)]
    joined = {Obligation("notify", o.target) for o in stated if isinstance(o, Notify)}
    if levels:
        joined.add(Obligation("log", "full" if "full" in levels else "summary"))
    if paths:
        joined.add(Obligation("redact", ", ".join(sorted(paths))))
    for rate in rates:
        rivals = [o.count for o in rates if (o.per_s, o.subject) == (rate.per_s, rate.subject)]
        if rate.count == min(rivals):
            joined.add(Obligation("rate", _rate_text(rate)))
    return tuple(sorted(o for o in joined if o.name in _RETURNED[effect]))


def _rate_text(rate: Rate) -> str:
    unit = next(unit for unit, size_s in _UNIT_S.items() if rate.per_s % size_s == 0)
    return f"{rate.count} per {rate.per_s // _UNIT_S[unit]}{unit} by {rate.subject}"


def _obligation_name(obligation: LogLevel | Redact | Notify | Rate) -> str:
    match obligation:
        case LogLevel():
            return "log"
        case Redact():
            return "redact"
        case Notify():
            return "notify"
        case Rate():
            return "rate"


def _hidden_paths(case: Case, judged: Iterable[Judged]) -> tuple[str, ...]:
    """What the log must not hold in clear, whatever the answer: secrets, and what a redact names.

    A redact counts when its rule held, and also when its rule erred; and so it does of a shadow
    rule, since hiding more never gives anything away.
    """
    schema = case.checked.schema
    hidden = {
        *_secrets("args", case.action.fields),
        *_secrets("context", schema.context),
        *(
            path
            for entity in schema.entities.values()
            for path in _secrets(f"entities.{entity.name}", entity.fields)
        ),
        *(
            path
            for j in judged
            if j.outcome is not False and j.rule.effect != "deny"
            for obligation in j.rule.obligations
            if isinstance(obligation, Redact)
            for path in obligation.hidden
        ),
    }
    return tuple(sorted(hidden))


def _secrets(prefix: str, fields: Iterable[FieldT]) -> Iterable[str]:
    for field in fields:
        path = f"{prefix}.{field.wire}"
        if field.secret:
            yield path
        else:
            yield from _secrets(path, _record_fields(field.type))


def _record_fields(type_: Type) -> tuple[FieldT, ...]:
    match type_:
        case RecordT():
            return type_.fields
        case CollT():
            return _record_fields(type_.item)
        case _:
            return ()


__all__ = ["decide"]
