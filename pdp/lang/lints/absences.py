"""What an empty set or an absent value does quietly: an allow that holds, a rule that does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pdp.lang.checked import (
    And,
    Attr,
    Compare,
    Expr,
    Has,
    Not,
    Or,
    Quantified,
    Root,
    Rule,
    type_of,
)
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.lints import complaints
from pdp.lang.lints.constraints import Conflict, Facts, assume, is_filled
from pdp.lang.lints.forms import Form, all_parts, form, words
from pdp.lang.lints.program import Program, is_inside
from pdp.lang.types import EntityT, FieldT, RecordT, Schema

_ORDERINGS: Final = frozenset({"<", "<=", ">", ">="})


def check_empty(program: Program) -> Iterator[Diagnostic]:
    """An `every` in an allow, over a set that may be empty, with nothing that asks for a member."""
    for rule in program.policies.rules:
        if rule.effect != "allow" or rule.when is None or not _has_every(rule.when):
            continue
        decl = program.rule_decls[rule.name]
        for found in _unguarded(rule.when, {}):
            place = found.span
            if decl.when is not None and not is_inside(place, decl.span):
                place = decl.when.span  # the predicate is fine elsewhere
            yield complaints.vacuous_every(place, words(found.collection))


def _has_every(expr: Expr) -> bool:
    return any(
        isinstance(part, Quantified) and part.quantifier == "every" for part in all_parts(expr)
    )


def _unguarded(expr: Expr, facts: Facts) -> Iterator[Quantified]:
    """What makes ``expr`` true with an empty set; ``facts`` is what stands beside it."""
    match expr:
        case And():
            together = assume(expr, facts)
            if isinstance(together, Conflict):
                return  # never true: said elsewhere
            for operand in expr.operands:
                yield from _unguarded(operand, together)
        case Or():
            for operand in expr.operands:
                yield from _unguarded(operand, facts)
        case Quantified(quantifier="every"):
            if words(expr.collection) and not is_filled(expr.collection, facts):
                yield expr
        case _:
            return


def check_absent(program: Program) -> Iterator[Diagnostic]:
    """`has u and u < x` with an untrusted u, in a rule that restricts: leaving u out escapes it."""
    schema = program.policies.schema
    strict = [rule for rule in program.rules if rule.effect in {"deny", "require"}]
    caught = _caught(strict)
    for rule in strict:
        if rule.when is None:
            continue
        for has, compared in _guarded(rule.when):
            asks_absence = {(rule.effect, form(has), action) for action in rule.actions} <= caught
            if not asks_absence and _is_untrusted(has.target, rule.actions, schema):
                yield _complaint(has, compared)
    factors = program.policies.risk.factors if program.policies.risk else ()
    absent = {form(has) for factor in factors for has in _absences(factor.when)}
    for factor in factors:
        for has, compared in _guarded(factor.when):
            if form(has) not in absent and _is_untrusted(has.target, schema.actions, schema):
                yield _complaint(has, compared)


_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _complaint(has: Has, compared: Compare) -> Diagnostic:
    path = words(has.target)
    op = compared.op if words(compared.left) == path else _MIRRORED[compared.op]
    return complaints.absent_claim_weakens(compared.span, path, op, has.span)


def _caught(rules: Iterable[Rule]) -> set[tuple[str, Form, str]]:
    """Absences that some rule of the effect asks for, by action."""
    return {
        (rule.effect, form(has), action)
        for rule in rules
        if rule.when is not None
        for has in _absences(rule.when)
        for action in rule.actions
    }


def _absences(expr: Expr) -> Iterator[Has]:
    for part in all_parts(expr):
        if isinstance(part, Not) and isinstance(part.operand, Has):
            yield part.operand


def _guarded(expr: Expr) -> Iterator[tuple[Has, Compare]]:
    """Each comparison of a value by order, with the `has` that stands beside it."""
    match expr:
        case And():
            operands = list(_flat(expr))
            guards = {form(has.target): has for has in operands if isinstance(has, Has)}
            for operand in operands:
                if isinstance(operand, Compare) and operand.op in _ORDERINGS:
                    for side in (operand.left, operand.right):
                        if form(side) in guards:
                            yield guards[form(side)], operand
                else:
                    yield from _guarded(operand)
        case Or():
            for operand in expr.operands:
                yield from _guarded(operand)
        case _:
            return


def _flat(expr: And) -> Iterator[Expr]:
    for operand in expr.operands:
        if isinstance(operand, And):
            yield from _flat(operand)
        else:
            yield operand


def _is_untrusted(target: Attr | Root, actions: Iterable[str], schema: Schema) -> bool:
    """Whether some segment of the path is declared `untrusted` by something in scope."""
    if isinstance(target, Root):
        return target.name == "tool"
    base = target.base
    if isinstance(base, Root) and base.name == "args":
        declared = [schema.actions[action].field(target.name) for action in actions]
    else:
        match type_of(base):
            case EntityT() as entity:
                declared = [schema.entities[name].field(target.name) for name in entity.names]
            case RecordT() as record:
                declared = [record.field(target.name)]
            case _:
                declared = []
    if any(isinstance(field, FieldT) and field.untrusted for field in declared):
        return True
    return isinstance(base, Attr | Root) and _is_untrusted(base, actions, schema)
