"""Conditions to typed expressions: connectives, flow of ``has``, predicates, quantifiers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from pdp.lang import complaints, nodes
from pdp.lang.checked import And, Attr, Count, Has, Not, Or, Quantified, Root, Var
from pdp.lang.conditions import arithmetic, terms, texts
from pdp.lang.conditions.paths import check_path
from pdp.lang.conditions.scope import NOTHING, Env, Key, Typed, WrittenOut, key_of
from pdp.lang.declared.names import Predicate
from pdp.lang.declared.report import BROKEN, RESERVED, Report
from pdp.lang.source import Span
from pdp.lang.types import BOOL, INT, CollT, Type

CONJUNCTS_MAX: Final = 100
# What the predicates of one rule may come to, each written out where it is used. No rule that a
# step is counted for can have more; without the limit, 40 lines could stand for 2 to the 40 nodes.
NODES_MAX: Final = 10_000
DEPTH_MAX: Final = 96
IN_PREDICATE: Final = "through a predicate"
# Complaints about the roots of a request, which a predicate's own declaration cannot decide.
_DEPEND_ON_USE: Final = frozenset({"C0216", "C0402", "C0403", "C0413", "C0414"})


def check_condition(node: nodes.Expr, env: Env) -> Typed | None:
    """A condition: an expression that is true or false. None after reporting why not."""
    typed = check(node, env)
    if typed is not None and typed.type != BOOL:
        env.report.append(complaints.not_a_condition(node.span, typed.type))
        return None
    return typed


def check(node: nodes.Expr, env: Env, expected: Type | None = None) -> Typed | None:
    """Any expression. ``expected`` helps bare names only; the caller compares types."""
    size = env.written_out
    size.nodes += size.active > 0
    size.depth += 1
    typed = _check(node, env, expected)
    size.depth -= 1
    return typed


def _check(node: nodes.Expr, env: Env, expected: Type | None) -> Typed | None:
    match node:
        case nodes.Group():
            return check(node.inner, env, expected)
        case nodes.Junction():
            return _junction(node, env)
        case nodes.Not():
            return _not(node, env)
        case nodes.Has():
            return _has(node, env)
        case nodes.Quantified():
            return _quantified(node, env)
        case nodes.Call():
            return _call(node, env)
        case nodes.Path():
            predicate = _bare_predicate(node, env)
            if predicate is not None:
                return _inline(predicate, (), node.span, env)
            return check_path(node, env, expected)
        case nodes.Compare():
            return terms.check_compare(node, env, check)
        case nodes.MemberOf():
            return terms.check_member(node, env, check)
        case nodes.TextTest():
            return texts.check_text_test(node, env, check)
        case nodes.Begins():
            return texts.check_begins(node, env, check)
        case nodes.Sum():
            return arithmetic.check_sum(node, env, check)
        case nodes.Product():
            return arithmetic.check_product(node, env, check)
        case nodes.Negative():
            return arithmetic.check_negative(node, env, check)
        case nodes.Literal():
            return terms.check_literal(node, env, expected)
        case nodes.EntityLiteral():
            text = f'{node.type.text}::"{node.id.value}"'
            env.report.append(complaints.entity_literal(node.span, text))
            return None
        case nodes.ListExpr():
            env.report.append(
                complaints.type_mismatch(
                    node.span, "a single value", "a list", "lists stand after `in` and `begins`"
                )
            )
            return None
        case nodes.BadDate():
            env.report.append(complaints.bare_date(node.span, node.text))
            return None
        case _:
            assert_never(node)


def _junction(node: nodes.Junction, env: Env) -> Typed | None:
    words = {word.text for word in node.words}
    for word in node.words:
        if word.text in {"&&", "||"}:
            env.report.append(complaints.symbol_operator(word.span, word.text))
    is_and = {"and": "and", "&&": "and"}
    kinds = {is_and.get(word, "or") for word in words}
    if len(kinds) > 1:
        env.report.append(complaints.mixed_and_or(node.span))
    if len(node.operands) > CONJUNCTS_MAX:
        env.report.append(complaints.too_many(node.span, "conditions in a row", CONJUNCTS_MAX))
        return None
    conjunction = kinds == {"and"}
    operands: list[Typed] = []
    known = NOTHING
    fine = len(kinds) == 1
    for operand in node.operands:
        # In `A and B`, B is read knowing A; in `A or B`, knowing not A.
        typed = check_condition(operand, env.knowing(known))
        if typed is None:
            fine = False
            continue
        operands.append(typed)
        known |= typed.true if conjunction else typed.false
    if not fine:
        return None
    return _joined(operands, node, conjunction=conjunction)


def _joined(operands: list[Typed], node: nodes.Junction, *, conjunction: bool) -> Typed:
    claimed = any(typed.claimed for typed in operands)
    exprs = tuple(typed.expr for typed in operands)
    trues = [typed.true for typed in operands]
    falses = [typed.false for typed in operands]
    if conjunction:
        true, false = frozenset[Key]().union(*trues), falses[0].intersection(*falses)
        return Typed(And(exprs, node.span), BOOL, claimed, true, false)
    true, false = trues[0].intersection(*trues), frozenset[Key]().union(*falses)
    return Typed(Or(exprs, node.span), BOOL, claimed, true, false)


def _not(node: nodes.Not, env: Env) -> Typed | None:
    if node.word.text == "!":
        env.report.append(complaints.symbol_operator(node.word.span, "!"))
    inner = node.operand
    while isinstance(inner, nodes.Group):
        inner = inner.inner
    # `not has x` on a claimed x only ever asks for more caution, so it alone is fine.
    inside = env if isinstance(inner, nodes.Has) else env.without_claims("under `not`")
    typed = check_condition(node.operand, inside)
    if typed is None:
        return None
    return negated(typed, node)


def negated(typed: Typed, node: nodes.Expr) -> Typed:
    """Not, with what true and false prove exchanged."""
    return Typed(Not(typed.expr, node.span), BOOL, typed.claimed, typed.false, typed.true)


def _has(node: nodes.Has, env: Env) -> Typed | None:
    typed = check_path(node.path, env, guarded=False)
    if typed is None:
        return None
    key = key_of(typed.expr)
    if key is None or not isinstance(typed.expr, Attr | Root):
        env.report.append(
            complaints.type_mismatch(node.path.span, "a path that may be absent", "a plain value")
        )
        return None
    proved = frozenset(key[: n + 1] for n in range(len(key)))
    return Typed(Has(typed.expr, node.span), BOOL, typed.claimed, proved)


def _quantified(node: nodes.Quantified, env: Env) -> Typed | None:
    if env.in_quantifier:
        env.report.append(complaints.nested_quantifier(node.quantifier.span))
        return None
    name = node.variable
    if name.text in RESERVED:
        env.report.append(complaints.reserved(name.span, name.text))
    elif name.text in env.names.values or name.text in (env.variables or {}):
        env.report.append(complaints.duplicate(name.span, "name", name.text))
    collection = check_path(node.collection, env)
    if collection is None:
        return None
    if not isinstance(collection.type, CollT):
        env.report.append(complaints.not_a_collection(node.collection.span, collection.type))
        return None
    item = collection.type.item
    if item is BROKEN:
        return None
    variable = Typed(Var(name.text, item, name.span), item, collection.claimed)
    inside = replace(
        env, variables={**(env.variables or {}), name.text: variable}, in_quantifier=True
    )
    if node.quantifier.text == "no":
        inside = inside.without_claims("under `no`")
        if collection.claimed and not env.claimed_where:
            path = ".".join(segment.text for segment in node.collection.segments)
            env.report.append(complaints.claimed_loosens(node.collection.span, path, "under `no`"))
    body = check_condition(node.body, inside)
    if body is None:
        return None
    expr = Quantified(node.quantifier.text, name.text, collection.expr, body.expr, node.span)
    return Typed(expr, BOOL, collection.claimed or body.claimed)


def _call(node: nodes.Call, env: Env) -> Typed | None:
    name = node.name.text
    if name == "count":
        return _count(node, env)
    if name == "within":
        env.report.append(complaints.not_yet(node.span, "`within` and budgets"))
        return None
    predicate = env.names.predicates.get(name)
    if env.names.is_ambiguous(node.name, env.report):
        return None
    if predicate is None:
        if name not in env.names.refused:
            known = [*env.names.predicates, "count"]
            env.report.append(complaints.unknown_name(node.name.span, name, known))
        return None
    return _inline(predicate, node.arguments, node.span, env)


def _bare_predicate(node: nodes.Path, env: Env) -> Predicate | None:
    """The predicate that a path names, if it is one written without parentheses."""
    name = ".".join(segment.text for segment in node.segments)
    if node.segments[0].text in (env.variables or {}):
        return None
    predicate = env.names.predicates.get(name)
    return predicate if predicate is not None and predicate.params is None else None


def _inline(
    predicate: Predicate, arguments: tuple[nodes.Expr, ...], span: Span, env: Env
) -> Typed | None:
    """The predicate's body with the arguments in place, typed where it is used."""
    name = predicate.decl.name.text
    params = predicate.params or {}
    if len(params) != len(arguments):
        env.report.append(complaints.wrong_arguments(span, name, len(params), len(arguments)))
        return None
    if any(called is predicate for called in env.calls):
        env.report.append(complaints.recursive(predicate.decl.name.span, "predicate", name))
        return None
    size = env.written_out
    size.active += 1
    typed = None if _is_too_large(span, env) else _write_out(predicate, arguments, env)
    size.active -= 1
    return None if _is_too_large(span, env) else typed


def _is_too_large(span: Span, env: Env) -> bool:
    """Whether predicates have come to more than a rule may hold; reports it once."""
    size = env.written_out
    if not size.refused and size.nodes > NODES_MAX:
        env.report.append(complaints.too_many(span, "parts, predicates written out,", NODES_MAX))
        size.refused = True
    elif not size.refused and size.active and size.depth > DEPTH_MAX:
        env.report.append(complaints.too_many(span, "levels of predicates", DEPTH_MAX))
        size.refused = True
    return size.refused


def _write_out(predicate: Predicate, arguments: tuple[nodes.Expr, ...], env: Env) -> Typed | None:
    params = predicate.params or {}
    bound: dict[str, Typed] = {}
    for (param, wanted), argument in zip(params.items(), arguments, strict=True):
        before = env.written_out.nodes
        typed = check(argument, env, wanted)
        if typed is None or wanted is BROKEN:
            return None
        if not terms.fits(typed.type, wanted):
            env.report.append(terms.mismatch(argument.span, wanted, typed.type))
            return None
        if typed.claimed:
            text = ".".join(key_of(typed.expr) or (param,))
            env.report.append(complaints.claimed_loosens(argument.span, text, IN_PREDICATE))
            return None
        bound[param] = replace(typed, nodes=env.written_out.nodes - before)
    inside = replace(env, names=predicate.home, variables=bound, calls=(*env.calls, predicate))
    return check_condition(predicate.decl.body, inside.without_claims(IN_PREDICATE))


def _count(node: nodes.Call, env: Env) -> Typed | None:
    if len(node.arguments) != 1:
        env.report.append(complaints.wrong_arguments(node.span, "count", 1, len(node.arguments)))
        return None
    typed = check(node.arguments[0], env)
    if typed is None:
        return None
    if not isinstance(typed.type, CollT):
        env.report.append(complaints.not_a_collection(node.arguments[0].span, typed.type))
        return None
    return Typed(Count(typed.expr, node.span), INT, typed.claimed)


def check_predicates(env: Env) -> None:
    """Type every predicate once on its own, so that an unused one cannot rot.

    What it may read of the request depends on where it is used, and is checked there.
    """
    quiet: Report = []
    for name, predicate in env.names.predicates.items():
        if predicate.home is not env.names or "." in name:
            continue  # checked with its own bundle
        bound = {
            param.name.text: Typed(Var(param.name.text, wanted, param.name.span), wanted)
            for param, wanted in zip(
                predicate.decl.params or (), (predicate.params or {}).values(), strict=False
            )
        }
        if all(typed.type is not BROKEN for typed in bound.values()):
            size = WrittenOut()
            inside = replace(
                env, variables=bound, calls=(predicate,), report=quiet, written_out=size
            )
            check_condition(predicate.decl.body, inside)
            if size.refused:
                break  # what calls it, or is called, would be as large, and as slow to read
    env.report.extend(found for found in quiet if found.code.code not in _DEPEND_ON_USE)
