"""Whole files, schema, names for things and approvals as documents; policies stand elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from pdp.lang import nodes as n
from pdp.lang.formatting.expressions import (
    condition,
    entity,
    expression,
    parentheses,
    type_name,
    value,
)
from pdp.lang.formatting.layout import (
    COLUMNS_MAX,
    LINE,
    SPACE,
    Doc,
    Group,
    Line,
    Nest,
    OwnLines,
    group,
)
from pdp.lang.formatting.lists import block, bracketed, clause, series
from pdp.lang.formatting.policies import fixture, invariant, meta, policy, test
from pdp.lang.formatting.tape import Tape

# Declarations of one row may stand together without a blank line, where the author left none.
_FAMILIES: Final[tuple[tuple[type, ...], ...]] = (
    (n.ImportDecl,),
    (n.EnumDecl, n.TypeDecl, n.ContextDecl, n.EntityDecl, n.ActionDecl, n.ActionsDecl),
    (n.GroupDecl, n.ConstDecl, n.DataDecl, n.PredicateDecl, n.WindowDecl, n.BudgetDecl),
    (n.FixtureDecl,),
    (n.TestDecl,),
)
_FAMILY_OF: Final = {kind: family for family in _FAMILIES for kind in family}


def policy_file(tape: Tape, declarations: Sequence[n.Declaration]) -> Doc:
    """A whole file: a blank line between declarations, but for small ones of one family."""
    parts: list[Doc] = []
    for index, node in enumerate(declarations):
        gap, apart = tape.gap(), tape.apart()
        doc = _declaration(tape, node)
        if index:
            previous = declarations[index - 1]
            is_open = _is_open(parts[-1]) or _is_open(doc)
            is_blank = apart if is_open or not _are_family(previous, node) else gap
            parts.append(Line(hard=True, blank=is_blank))
        parts.append(doc)
    is_blank = bool(declarations) and tape.gap()
    comments, end = tape.closing("")
    assert end == "", f"{end!r} is left over"
    if comments:
        parts += (Line(hard=True, blank=is_blank), OwnLines(comments))
    return tuple(parts)


def _is_open(doc: Doc) -> bool:
    """Whether a declaration takes several lines and no bracket on its last one shows its end."""
    return isinstance(doc, Group) and (doc.width is None or doc.width > COLUMNS_MAX)


def _are_family(one: n.Declaration, other: n.Declaration) -> bool:
    family = _FAMILY_OF.get(type(one))
    return family is not None and family is _FAMILY_OF.get(type(other))


def _declaration(tape: Tape, node: n.Declaration) -> Doc:
    match node:
        case n.BundleDecl():
            return _bundle(tape, node)
        case n.ImportDecl():
            return (tape.word("import"), SPACE, tape.dotted())
        case n.EnumDecl():
            return _enum(tape, node)
        case n.TypeDecl():
            return (tape.words(3), SPACE, type_name(tape, node.record))
        case n.ContextDecl():
            return (tape.word("context"), SPACE, type_name(tape, node.record))
        case n.EntityDecl():
            return _entity(tape, node)
        case n.ActionDecl():
            return _action(tape, node)
        case n.ActionsDecl():
            return clause(tape, tape.words(3), node.members, _name)
        case n.GroupDecl():
            return (tape.words(3), SPACE, entity(tape))
        case n.ConstDecl():
            return (_typed(tape, node), SPACE, tape.word("="), SPACE, value(tape, node.value))
        case n.DataDecl():
            return (_typed(tape, node), SPACE, tape.words(2))
        case n.PredicateDecl():
            return _predicate(tape, node)
        case n.WindowDecl():
            return _window(tape, node)
        case n.RouteDecl():
            return (tape.words(2), SPACE, block(tape, node.items, _route_item))
        case n.BudgetDecl():
            return _budget(tape)
        case n.RiskDecl():
            return _risk(tape, node)
        case n.PolicyDecl():
            return policy(tape, node)
        case n.InvariantDecl():
            return invariant(tape, node)
        case n.FixtureDecl():
            return fixture(tape, node)
        case n.TestDecl():
            return test(tape, node)
        case _:
            assert_never(node)


def _name(tape: Tape, _: n.Name) -> Doc:
    return tape.dotted()


def _bundle(tape: Tape, node: n.BundleDecl) -> Doc:
    head: Doc = (tape.word("bundle"), SPACE, tape.dotted())
    if node.guard:
        head = (head, SPACE, tape.word("guard"))
    return (head, SPACE, block(tape, node.meta, meta))


def _enum(tape: Tape, node: n.EnumDecl) -> Doc:
    head = tape.words(2)
    if not node.ordered:
        return (head, SPACE, bracketed(tape, node.members, _member, padding=SPACE))
    opening = tape.word("{")
    parts: list[Doc] = [LINE, _member(tape, node.members[0])]
    for member in node.members[1:]:
        comment, word = tape.operator()
        parts += (comment, LINE, word, SPACE, _member(tape, member))
    comments, closing = tape.closing("}")
    if comments:
        parts += (Line(hard=True, blank=comments[0].blank), OwnLines(comments))
    return (head, SPACE, group(opening, Nest(tuple(parts)), LINE, closing))


def _member(tape: Tape, node: n.Member) -> Doc:
    return tape.words(1 if node.wire is None else 2)


def _entity(tape: Tape, node: n.EntityDecl) -> Doc:
    parts = [tape.words(2 + len(node.marks))]
    if node.parents:
        parts += (SPACE, clause(tape, tape.word("in"), node.parents, _name))
    if node.record is not None:
        parts += (SPACE, type_name(tape, node.record))
    return tuple(parts)


def _action(tape: Tape, node: n.ActionDecl) -> Doc:
    """The brace stands on a line of its own where the words before it take several."""
    parts: list[Doc] = [tape.word("action"), SPACE, tape.dotted()]
    if node.wire is not None:
        parts += (SPACE, tape.word())
    more: list[Doc] = []
    if node.resources:
        more += (LINE, clause(tape, tape.word("on"), node.resources, _name))
    more += (LINE, tape.words(3))
    if node.record is None:
        return group(*parts, Nest(tuple(more)))
    return (group(*parts, Nest(tuple(more)), LINE), type_name(tape, node.record))


def _typed(tape: Tape, node: n.ConstDecl | n.DataDecl) -> Doc:
    """``const name: type``."""
    return (tape.words(2), tape.word(":"), SPACE, type_name(tape, node.type))


def _predicate(tape: Tape, node: n.PredicateDecl) -> Doc:
    head: Doc = tape.words(2)
    if node.params is not None:
        head = (head, bracketed(tape, node.params, _param, has_last_comma=False))
    head = (head, SPACE, tape.word("="))
    body = expression(tape, node.body)
    if isinstance(node.body, n.Group | n.Quantified | n.ListExpr | n.Call):
        return (head, SPACE, body)
    return group(head, Nest((LINE, body)))


def _param(tape: Tape, node: n.Param) -> Doc:
    return (tape.word(node.name.text), tape.word(":"), SPACE, type_name(tape, node.type))


def _window(tape: Tape, node: n.WindowDecl) -> Doc:
    head = tape.words(3)
    parts: list[Doc] = [LINE, *series(tape, node.spans, _span), LINE, tape.words(2)]
    if node.holidays is not None:
        parts += (LINE, tape.word("except"), SPACE, tape.dotted())
    return group(head, Nest(tuple(parts)))


def _span(tape: Tape, node: n.WindowSpan) -> Doc:
    days = [tape.word()]
    if node.last_day is not None:
        days += (tape.word(".."), tape.word())
    return (*days, SPACE, tape.word(), tape.word(".."), tape.word())


def _budget(tape: Tape) -> Doc:
    head = tape.words(2)
    parts: list[Doc] = [LINE, tape.words(2), LINE, tape.words(2), LINE, tape.words(2)]
    return group(head, Nest(tuple(parts)))


# ---------------------------------------------------------------- approvals and risk


def _route_item(tape: Tape, node: n.RouteItem) -> Doc:
    match node:
        case n.NeedItem():
            return _need(tape, node)
        case n.ConfirmItem() | n.ExpiresItem():
            return tape.words(2)
        case n.UseWithinItem():
            return tape.words(3)
        case n.ExcludeItem():
            return clause(tape, tape.word("exclude"), node.who, _name)
        case n.EscalateItem():
            return (tape.words(2), SPACE, tape.dotted(), SPACE, tape.words(2))
        case n.ShowItem():
            return clause(tape, tape.word("show"), node.paths, expression)
        case n.Meta():
            return meta(tape, node)
        case _:
            assert_never(node)


def _need(tape: Tape, node: n.NeedItem) -> Doc:
    head: Doc = (tape.words(3), SPACE, tape.dotted())
    if node.where is None:
        return head
    return (head, SPACE, tape.word("where"), SPACE, parentheses(tape, node.where))


def _risk(tape: Tape, node: n.RiskDecl) -> Doc:
    items: tuple[n.Meta | n.Points | n.Tier, ...] = (*node.meta, *node.points, *node.tiers)
    return (tape.word("risk"), SPACE, block(tape, items, _risk_item))


def _risk_item(tape: Tape, node: n.Meta | n.Points | n.Tier) -> Doc:
    match node:
        case n.Meta():
            return meta(tape, node)
        case n.Points():
            head = tape.words(3)
            when = (tape.word("when"), SPACE, condition(tape, node.when))
            return group(head, Nest((LINE, when)))
        case n.Tier():
            head = tape.words(4)
            if not node.routes:
                return head
            return (head, SPACE, clause(tape, tape.word("requires"), node.routes, _name))
        case _:
            assert_never(node)
