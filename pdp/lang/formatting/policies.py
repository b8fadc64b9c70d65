"""Policies, invariants, fixtures and tests as documents: what people own, and what they expect."""

from __future__ import annotations

from typing import assert_never

from pdp.lang import nodes as n
from pdp.lang.formatting.expressions import condition, entity, expression, value
from pdp.lang.formatting.layout import HARD, LINE, SPACE, Doc, Nest, group
from pdp.lang.formatting.lists import block, bracketed, clause
from pdp.lang.formatting.tape import Tape


def meta(tape: Tape, node: n.Meta) -> Doc:
    """One line about a block: ``owner "…"``."""
    match node.key:
        case "governs":
            return clause(tape, tape.word("governs"), node.values, _dotted)
        case "shadow":
            return tape.words(3)
        case _:
            return tape.words(2)


def _dotted(tape: Tape, _: n.Name | n.Text) -> Doc:
    return tape.dotted()


def policy(tape: Tape, node: n.PolicyDecl) -> Doc:
    """Metadata, then rules, each apart from what stands before it."""
    head = tape.words(2 if node.title is None else 3)
    items: tuple[n.Meta | n.RuleDecl, ...] = (*node.meta, *node.rules)
    return (
        head,
        SPACE,
        block(tape, items, _policy_item, lambda item: isinstance(item, n.RuleDecl)),
    )


def _policy_item(tape: Tape, node: n.Meta | n.RuleDecl) -> Doc:
    return meta(tape, node) if isinstance(node, n.Meta) else _rule(tape, node)


def _rule(tape: Tape, node: n.RuleDecl) -> Doc:
    column = tape.column()
    head = (tape.words(2), tape.word(":"))
    parts: list[Doc] = [HARD, _effect(tape, node.effect)]
    for test in (node.when, node.unless):
        if test is not None:
            parts += (HARD, _condition(tape, test))
    if node.because is not None:
        parts += (HARD, tape.words(2))
    if node.then:
        parts += (HARD, clause(tape, tape.word("then"), node.then, _obligation))
    return (head, Nest(tuple(parts)), tape.below(column))


def _condition(tape: Tape, node: n.Expr) -> Doc:
    """``when …`` or ``unless …``; operands on lines of their own are indented once more."""
    column = tape.column()
    return (tape.word(), SPACE, condition(tape, node), tape.below(column))


def _effect(tape: Tape, node: n.EffectNode) -> Doc:
    if not node.routes:
        return _scope(tape, tape.word(node.kind), node.who, node.target)
    head = tape.words(2)
    lines = (LINE, clause(tape, tape.word("from"), node.routes, _dotted), LINE)
    return _scope(tape, head, node.who, node.target, lines)


def _scope(
    tape: Tape, head: Doc, who: n.Who, target: n.Target, routes: tuple[Doc, ...] = ()
) -> Doc:
    """Who to what on what: on one line, or a line each."""
    if routes:
        whom = (*routes, _who(tape, tape.word("for"), who))
    else:
        # Once more, or the people would stand in one column with what they may do.
        head = Nest(_who(tape, head, who))
        whom = ()
    lines = [*whom, LINE, _actions(tape, target)]
    if target.resources:
        lines += (LINE, clause(tape, tape.word("on"), target.resources, _resource))
    return group(head, Nest(tuple(lines)))


def _who(tape: Tape, keyword: Doc, who: n.Who) -> Doc:
    if not who.items:
        return (keyword, SPACE, tape.word("anyone"))
    return clause(tape, keyword, who.items, _who_item)


def _who_item(tape: Tape, node: n.WhoItem) -> Doc:
    return _limited(tape, is_in_group=node.type is not None and node.group is not None)


def _resource(tape: Tape, node: n.ResourceItem) -> Doc:
    return _limited(tape, is_in_group=node.group is not None)


def _limited(tape: Tape, *, is_in_group: bool) -> Doc:
    """``Agent`` or ``Agent in bots``."""
    first = tape.dotted()
    return (first, SPACE, tape.word("in"), SPACE, tape.dotted()) if is_in_group else first


def _actions(tape: Tape, target: n.Target) -> Doc:
    if not target.actions:
        return tape.words(3)
    return clause(tape, tape.word("to"), target.actions, _dotted)


def _obligation(tape: Tape, node: n.ObligationNode) -> Doc:
    match node:
        case n.LogObligation():
            return tape.words(2)
        case n.RedactObligation():
            return (tape.word("redact"), SPACE, bracketed(tape, node.paths, expression))
        case n.NotifyObligation():
            return (tape.word("notify"), SPACE, tape.dotted())
        case n.SpendObligation():
            return (tape.word("spend"), SPACE, tape.dotted(), SPACE, tape.word("by"), SPACE,
                    expression(tape, node.amount))  # fmt: skip
        case n.RateObligation():
            return tape.words(6)
        case _:
            assert_never(node)


# ---------------------------------------------------------------- invariants


def invariant(tape: Tape, node: n.InvariantDecl) -> Doc:
    """Metadata, then claims."""
    items: tuple[n.Meta | n.Claim, ...] = (*node.meta, *node.claims)
    return (tape.words(2), SPACE, block(tape, items, _invariant_item))


def _invariant_item(tape: Tape, node: n.Meta | n.Claim) -> Doc:
    if isinstance(node, n.Meta):
        return meta(tape, node)
    quantifier = tape.word(node.quantifier.text)
    parts = (quantifier, SPACE, *_outcome(tape, node.outcome, SPACE))
    scope = _scope(tape, parts, node.who, node.target)
    if node.when is None:
        return scope
    when = (tape.word("when"), SPACE, condition(tape, node.when))
    return group(scope, Nest((LINE, when)))


def _outcome(tape: Tape, node: n.Outcome, separator: Doc) -> tuple[Doc, ...]:
    word = tape.word(node.kind)
    if node.route is None:
        return (word,)
    return (word, separator, tape.word("from"), SPACE, tape.dotted())


# ---------------------------------------------------------------- fixtures and tests


def fixture(tape: Tape, node: n.FixtureDecl) -> Doc:
    """A person or thing with its groups and attributes."""
    parts: list[Doc] = [tape.words(3), SPACE, entity(tape)]
    if node.parents:
        parts += (SPACE, tape.word("in"), SPACE, bracketed(tape, node.parents, _dotted))
    if node.record is not None:
        parts += (SPACE, value(tape, node.record))
    return tuple(parts)


def test(tape: Tape, node: n.TestDecl) -> Doc:
    """A question, and what to expect."""
    return (tape.words(2), SPACE, block(tape, node.items, _test_item))


def _test_item(tape: Tape, node: n.TestItem) -> Doc:
    match node:
        case n.AgentItem():
            return clause(tape, tape.word("agent"), node.names, _dotted)
        case n.UserItem():
            return tape.words(2)
        case n.DoItem():
            parts: list[Doc] = [tape.word("do"), SPACE, tape.dotted()]
            if node.resource is not None:
                parts += (SPACE, tape.words(2))
            if node.record is not None:
                parts += (SPACE, value(tape, node.record))
            return tuple(parts)
        case n.ContextItem():
            return (tape.word("context"), SPACE, value(tape, node.record))
        case n.CasesItem():
            return (tape.word("cases"), SPACE, block(tape, node.cases, _case))
        case n.ExpectItem():
            return _expect(tape, node)
        case _:
            assert_never(node)


def _case(tape: Tape, node: n.Case) -> Doc:
    record = value(tape, node.record)
    return group(record, Nest((LINE, _expect(tape, node.expect))))


def _expect(tape: Tape, node: n.ExpectItem) -> Doc:
    head = tape.word("expect")
    first, *route = _outcome(tape, node.outcome, LINE)
    lines: list[Doc] = list(route)
    for name in (node.cause, node.tier):
        if name is not None:
            lines += (LINE, tape.words(2))
    if node.by:
        lines += (LINE, clause(tape, tape.word("by"), node.by, _dotted))
    return group(head, SPACE, first, Nest(tuple(lines)))
