"""Why each candidate rule or risk factor held, did not hold, or erred: for people.

Values of secret fields never leave here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from pdp.canonical import Tree
from pdp.eval.reference.facts import type_name, wire_tree
from pdp.eval.reference.risk import JudgedFactor, judge_factors
from pdp.eval.reference.rules import Case, Judged, case_of, judge, resource_truth, who_truth
from pdp.eval.reference.terms import Err, Scope, Truth, evaluate, negated, truth
from pdp.lang.checked import (
    And,
    Attr,
    Begins,
    CheckedPolicies,
    Compare,
    Const,
    Count,
    Expr,
    Has,
    InCollection,
    InEntity,
    InNetwork,
    InWindow,
    Like,
    Matches,
    Not,
    Or,
    Quantified,
    Root,
    Rule,
    Scale,
    Sum,
    Under,
    Var,
    type_of,
)
from pdp.lang.source import Span
from pdp.lang.types import JSON, CollT, EntityT, RecordT, Schema, Type
from pdp.model import Entity
from pdp.request import Request

_Path: TypeAlias = Attr | Root


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What one candidate rule came to for one member of the chain.

    ``outcome`` is held, false or error. For the latter two ``span`` is the first conjunct that
    decided it (of ``unless``: the first alternative) and ``values`` are the paths that it reads,
    with their values in wire form, where they could be read and are not secret. ``error`` is the
    kind of error, or empty. What a ``shadow`` rule came to decided nothing.
    """

    principal: str
    rule: str
    effect: str
    outcome: str
    span: Span | None = None
    error: str = ""
    values: tuple[tuple[str, Tree], ...] = ()
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class FactorOutcome:
    """What one risk factor came to: held, false or error. Unless false, its points count.

    ``span`` is the conjunct that decided (of a factor that held: the factor), ``values`` are the
    paths that it reads, and ``error`` is as for rules.
    """

    reason: str
    points: int
    outcome: str
    span: Span
    error: str = ""
    values: tuple[tuple[str, Tree], ...] = ()


@dataclass(frozen=True, slots=True)
class RiskOutcome:
    """What the points of all factors that count come to, and the tier that they reach."""

    points: int
    tier: str
    factors: tuple[FactorOutcome, ...]


@dataclass(frozen=True, slots=True)
class _Conjunct:
    """One thing that must be true for the rule to hold; ``expr`` is None for a scope clause."""

    span: Span
    truth: Truth
    expr: Expr | None


def explain(
    checked: CheckedPolicies, directory: Mapping[str, Entity], request: Request, now_us: int
) -> tuple[RuleOutcome, ...]:
    """One outcome for every candidate rule and member of the chain, acting principal first."""
    case = case_of(checked, directory, request, now_us)
    return tuple(_explained(judged, case) for judged in judge(case))


def explain_risk(
    checked: CheckedPolicies, directory: Mapping[str, Entity], request: Request, now_us: int
) -> RiskOutcome | None:
    """Every risk factor, in the order written; None without a risk block.

    Factors are judged once for the request: they do not differ by principal.
    """
    case = case_of(checked, directory, request, now_us)
    if checked.risk is None or case.risk is None:
        return None
    judged_factors = judge_factors(checked.risk, case.scope)
    return RiskOutcome(
        case.risk.assessment.points,
        case.risk.assessment.tier,
        tuple(_explained_factor(judged, case.scope) for judged in judged_factors),
    )


def _explained_factor(judged: JudgedFactor, scope: Scope) -> FactorOutcome:
    factor, outcome = judged.factor, judged.outcome
    told = FactorOutcome(factor.reason, factor.points, "held", factor.span)
    if outcome is True:
        return replace(told, values=_values(factor.when, scope))
    conjuncts = [(e, truth(e, scope)) for e in _operands(factor.when, And)]
    if isinstance(outcome, Err):
        decider = next(e for e, found in conjuncts if isinstance(found, Err))
        told = replace(told, outcome="error", error=outcome.kind)
    else:
        decider = next(e for e, found in conjuncts if found is False)
        told = replace(told, outcome="false")
    return replace(told, span=decider.span, values=_values(decider, scope))


def _explained(judged: Judged, case: Case) -> RuleOutcome:
    rule = judged.rule
    told = RuleOutcome(judged.principal, rule.name, rule.effect, "held", shadow=rule.shadow)
    if judged.outcome is True:
        return told
    conjuncts = _conjuncts(judged.rule, judged.principal, case)
    scope = case.scope_of(judged.principal)
    if judged.outcome is False:
        decider = next(c for c in conjuncts if c.truth is False)
        return replace(
            told, outcome="false", span=decider.span, values=_values(decider.expr, scope)
        )
    decider = next(c for c in conjuncts if isinstance(c.truth, Err))
    return replace(
        told,
        outcome="error",
        span=decider.span,
        error=judged.outcome.kind,
        values=_values(decider.expr, scope),
    )


def _conjuncts(rule: Rule, principal: str, case: Case) -> tuple[_Conjunct, ...]:
    """In the order of evaluation: who, resource, ``when``, ``unless``."""
    scope = case.scope_of(principal)
    who = next(clause for clause in rule.who if type_name(principal) in clause.types)
    found = [_Conjunct(who.span, who_truth(rule, principal, case.world), None)]
    resource = case.request.resource
    if rule.resources is not None and resource is not None:
        clause = next(c for c in rule.resources if c.type == resource.type)
        found.append(_Conjunct(clause.span, resource_truth(rule, case), None))
    if rule.when is not None:
        found.extend(_Conjunct(e.span, truth(e, scope), e) for e in _operands(rule.when, And))
    if rule.unless is not None:
        found.extend(
            _Conjunct(e.span, negated(truth(e, scope)), e) for e in _operands(rule.unless, Or)
        )
    return tuple(found)


def _operands(expr: Expr, junction: type[And | Or]) -> Iterator[Expr]:
    if isinstance(expr, junction):
        for operand in expr.operands:
            yield from _operands(operand, junction)
    else:
        yield expr


def _values(expr: Expr | None, scope: Scope) -> tuple[tuple[str, Tree], ...]:
    if expr is None:
        return ()
    found: dict[str, Tree] = {}
    for path in _paths(expr):
        value = evaluate(path, scope)
        type_ = _shown_type(path, scope.world.schema)
        if type_ is not None and not isinstance(value, Err):
            found[_label(path)] = wire_tree(value, type_)
    return tuple(sorted(found.items(), key=lambda item: item[0]))


def _label(path: Expr) -> str:
    match path:
        case Root() | Var():
            return path.name
        case Attr():
            return f"{_label(path.base)}.{path.name}"
        case _:
            raise AssertionError("a path is a root and names")


def _is_rooted(expr: Expr) -> bool:
    """Whether a path starts at a root; the value of a quantifier's variable differs by member."""
    return _is_rooted(expr.base) if isinstance(expr, Attr) else isinstance(expr, Root)


def _paths(expr: Expr) -> Iterator[_Path]:
    match expr:
        case Attr() | Root():
            if _is_rooted(expr):
                yield expr
        case Const() | Var():
            return
        case Has():
            yield from _paths(expr.target)
        case And() | Or():
            yield from _paths_of(expr.operands)
        case Not() | Scale():
            yield from _paths(expr.operand)
        case Compare():
            yield from _paths_of((expr.left, expr.right))
        case InCollection():
            yield from _paths_of((expr.item, expr.collection))
        case InEntity():
            yield from _paths_of((expr.item, expr.ancestor))
        case InNetwork():
            yield from _paths_of((expr.item, expr.networks))
        case InWindow():
            yield from _paths(expr.item)
        case Like() | Matches() | Under() | Begins():
            yield from _paths(expr.subject)
        case Count():
            yield from _paths(expr.collection)
        case Sum():
            yield from _paths_of(operand for _, operand in expr.terms)
        case Quantified():
            yield from _paths_of((expr.collection, expr.body))
        case _:
            assert_never(expr)


def _paths_of(exprs: Iterable[Expr]) -> Iterator[_Path]:
    for expr in exprs:
        yield from _paths(expr)


# ---------------------------------------------------------------- what may be shown


def _shown_type(path: _Path, schema: Schema) -> Type | None:
    """The path's type without its secret fields; None when a segment of the path is secret.

    Nor is ``json`` shown: of such a value nothing is known here but that it is there.
    """
    segment: Expr = path
    while isinstance(segment, Attr):
        if _is_secret(segment, schema):
            return None
        segment = segment.base
    return None if _is_json(path.type) else _without_secrets(path.type)


def _is_json(type_: Type) -> bool:
    return type_ == JSON or (isinstance(type_, CollT) and _is_json(type_.item))


def _is_secret(path: Attr, schema: Schema) -> bool:
    """Whether any declaration that the segment may speak of says so."""
    match path.base, type_of(path.base):
        case Root(name="args"), _:
            fields = [action.field(path.name) for action in schema.actions.values()]
        case _, RecordT() as record:
            fields = [record.field(path.name)]
        case _, EntityT() as reference:
            fields = [schema.entities[name].field(path.name) for name in reference.names]
        case _:
            raise AssertionError("a path goes through records and entities")
    return any(field.secret for field in fields if field is not None)


def _without_secrets(type_: Type) -> Type:
    match type_:
        case RecordT():
            return RecordT(
                type_.name,
                tuple(
                    replace(field, type=_without_secrets(field.type))
                    for field in type_.fields
                    if not field.secret and not _is_json(field.type)
                ),
            )
        case CollT():
            return replace(type_, item=_without_secrets(type_.item))
        case _:
            return type_


__all__ = ["FactorOutcome", "RiskOutcome", "RuleOutcome", "explain", "explain_risk"]
