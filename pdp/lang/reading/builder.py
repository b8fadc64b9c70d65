"""From grammar rules to nodes, one method per rule of ``grammar.lark``; no meaning is checked.

Longer than most files: one noun, a whole grammar. Each method gets its rule's children in source
order, every token included and None where an optional part is absent, so a node's span runs from
its first child to its last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from lark import Token

from pdp.lang import codes
from pdp.lang import nodes as n
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.source import Span

Children: TypeAlias = list[Any]

_UNITS_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"([0-9]+)([a-z]+)")
_ESCAPE: Final = re.compile(r'\\(["\\nt])')
_ESCAPED: Final = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


@dataclass(slots=True)
class Job:
    """What belongs to one parse: the file's name and complaints, each with its block."""

    file: str
    built: list[tuple[Diagnostic, Span]] = field(default_factory=list)


# Lark binds one builder to a grammar for good; the file being parsed is therefore told by context.
_JOB: ContextVar[Job] = ContextVar("charter_parse")


@contextmanager
def building(job: Job) -> Iterator[None]:
    """Within it, nodes are made for ``job.file``."""
    token = _JOB.set(job)
    try:
        yield
    finally:
        _JOB.reset(token)


def text_value(written: str) -> str:
    r"""The value of a text as written, quotes and an ``r`` included.

    In ``"…"`` the escapes ``\" \\ \n \t`` are read and ``\*`` stays two characters: only ``like``
    gives it a meaning. In ``r"…"`` every character is itself, so ``\*`` is the same two there.
    """
    if written.startswith("r"):
        return written[2:-1]
    return _ESCAPE.sub(lambda match: _ESCAPED[match.group(1)], written[1:-1])


def _at(token: Token) -> Span:
    line, column, end_line, end_column = token.line, token.column, token.end_line, token.end_column
    # Lark types them as optional for tokens made by hand; the lexer always sets them.
    return Span(_JOB.get().file, line, column, end_line, end_column)  # type: ignore[arg-type]


def _end(child: Any) -> tuple[int, int] | None:
    """Where a child ends; None if it is absent or an empty list."""
    if isinstance(child, Token):
        return child.end_line, child.end_column  # type: ignore[return-value]
    if isinstance(child, tuple):
        return _end(child[-1]) if child else None
    if child is None:
        return None
    return child.span.end_line, child.span.end_column


def _start(node: Any) -> tuple[int, int]:
    return node.span.line, node.span.column


def _span(children: Children) -> Span:
    """From the first child to the last that is there. A rule never begins with an optional part."""
    first = children[0]
    while isinstance(first, tuple):
        first = first[0]
    line, column = (first.line, first.column) if isinstance(first, Token) else _start(first)
    end_line, end_column = next(end for end in map(_end, reversed(children)) if end is not None)
    return Span(_JOB.get().file, line or 1, column or 1, end_line, end_column)


def _name(token: Token) -> n.Name:
    return n.Name(str(token), _at(token))


def _names(children: Children) -> tuple[n.Name, ...]:
    return tuple(child for child in children if isinstance(child, n.Name))


def _nodes(children: Children) -> tuple[Any, ...]:
    return tuple(child for child in children if child is not None and not isinstance(child, Token))


def _int(token: Token) -> int:
    return int(token.replace("_", ""))


def _complain(diagnostic: Diagnostic, block: Span) -> None:
    _JOB.get().built.append((diagnostic, block))


@dataclass(frozen=True, slots=True)
class _Pair:
    name: n.Name
    value: n.Value


@dataclass(frozen=True, slots=True)
class _NameList:
    names: tuple[n.Name, ...]
    span: Span


@dataclass(slots=True)
class _Prefix:
    """A name that goes on. Joined at its end only: a copy at each dot would be quadratic."""

    words: list[str]
    span: Span


class _Words:
    """Names, texts, literals and closed values."""

    def name(self, c: Children) -> n.Name:
        return _name(c[0])

    uname = word = name

    def text(self, c: Children) -> n.Text:
        return n.Text(text_value(c[0]), _at(c[0]), str(c[0]))

    def prefix(self, c: Children) -> _Prefix:
        """``a.b.`` with its last dot; only ever part of a longer name."""
        if not isinstance(c[0], _Prefix):
            return _Prefix([*map(str, c)], _at(c[0]))
        c[0].words += map(str, c[1:])
        return c[0]

    def qname(self, c: Children) -> n.Name:
        if len(c) == 1:
            return _name(c[0])
        span = c[0].span.to(_at(c[1]))
        return n.Name("".join([*c[0].words, str(c[1])]), span)

    tname = qname

    def member_value(self, c: Children) -> n.Name:
        return c[0] if len(c) == 1 else n.Name(f"{c[0].text}.{c[2].text}", _span(c))

    def qnames(self, c: Children) -> tuple[n.Name, ...]:
        return _names(c)

    tnames = qnames

    def duration(self, c: Children) -> n.Literal:
        match = _DURATION.fullmatch(c[0])
        assert match is not None
        return n.Literal("duration", int(match[1]) * _UNITS_MS[match[2]], _at(c[0]))

    def string_literal(self, c: Children) -> n.Literal:
        return n.Literal("string", text_value(c[0]), _at(c[0]))

    def timestamp_literal(self, c: Children) -> n.Literal:
        return n.Literal("timestamp", str(c[0]), _at(c[0]))

    def bool_literal(self, c: Children) -> n.Literal:
        return n.Literal("bool", c[0] == "true", _at(c[0]))

    def address_literal(self, c: Children) -> n.Literal:
        return n.Literal(str(c[0]), c[1].value, _span(c))

    def int_literal(self, c: Children) -> n.Literal:
        return n.Literal("int", _int(c[0]), _at(c[0]))

    def decimal_literal(self, c: Children) -> n.Literal:
        return n.Literal("decimal", c[0].replace("_", ""), _at(c[0]))

    def negative(self, c: Children) -> n.Negative:
        return n.Negative(c[1], _span(c))

    def entity_lit(self, c: Children) -> n.EntityLiteral:
        return n.EntityLiteral(c[0], c[2], _span(c))

    def list_value(self, c: Children) -> n.ListValue:
        return n.ListValue(_nodes(c), _span(c))

    def record_value(self, c: Children) -> n.RecordValue:
        pairs = tuple((pair.name, pair.value) for pair in c if isinstance(pair, _Pair))
        return n.RecordValue(pairs, _span(c))

    def pair(self, c: Children) -> _Pair:
        return _Pair(c[0], c[2])


class _Expressions:
    """Conditions and the expressions in them."""

    def junction(self, c: Children) -> n.Junction:
        return n.Junction(tuple(c[::2]), tuple(map(_name, c[1::2])), _span(c))

    def negation(self, c: Children) -> n.Not:
        return n.Not(_name(c[0]), c[1], _span(c))

    def compare(self, c: Children) -> n.Compare:
        return n.Compare(_name(c[1]), c[0], c[2], _span(c))

    def member_of(self, c: Children) -> n.MemberOf:
        return n.MemberOf(c[0], c[3], c[1] is not None, _span(c))

    def text_test(self, c: Children) -> n.TextTest:
        return n.TextTest(_name(c[2]), c[0], c[3], c[1] is not None, _span(c))

    def begins(self, c: Children) -> n.Begins:
        return n.Begins(c[0], c[3], c[1] is not None, _span(c))

    def has(self, c: Children) -> n.Has:
        return n.Has(c[1], _span(c))

    def quantified(self, c: Children) -> n.Quantified:
        return n.Quantified(_name(c[0]), c[1], c[3], c[6], _span(c))

    def total(self, c: Children) -> n.Sum:
        return n.Sum(tuple(c[::2]), tuple(map(_name, c[1::2])), _span(c))

    def times(self, c: Children) -> n.Product:
        return n.Product(tuple(c[::2]), _span(c))

    def bad_date(self, c: Children) -> n.BadDate:
        return n.BadDate(str(c[0]), _at(c[0]))

    def call(self, c: Children) -> n.Call:
        return n.Call(_dotted(c[0]), _nodes(c[1:]), _span(c))

    def path_entity(self, c: Children) -> n.EntityLiteral:
        return n.EntityLiteral(_dotted(c[0]), c[2], _span(c))

    def group(self, c: Children) -> n.Group:
        return n.Group(c[1], _span(c))

    def path(self, c: Children) -> n.Path:
        return n.Path(_names(c), _span(c))

    def list(self, c: Children) -> n.ListExpr:
        return n.ListExpr(_nodes(c), _span(c))


def _dotted(path: n.Path) -> n.Name:
    return n.Name(".".join(segment.text for segment in path.segments), path.span)


class _Schema:
    """Bundles, metadata, types, entities, actions and the names for things."""

    def bundle_decl(self, c: Children) -> n.BundleDecl:
        return n.BundleDecl(c[1], c[2] is not None, c[4], _span(c))

    def import_decl(self, c: Children) -> n.ImportDecl:
        return n.ImportDecl(c[1], _span(c))

    def metas(self, c: Children) -> tuple[n.Meta, ...]:
        return tuple(c)

    def meta_text(self, c: Children) -> n.Meta:
        return n.Meta(str(c[0]), (c[1],), _span(c))

    def meta_word(self, c: Children) -> n.Meta:
        """``language 1`` and ``review_by 2027-03-31``."""
        return n.Meta(str(c[0]), (n.Text(c[1].replace("_", ""), _at(c[1])),), _span(c))

    def meta_shadow(self, c: Children) -> n.Meta:
        return n.Meta(str(c[0]), (n.Text(str(c[2]), _at(c[2])),), _span(c))

    def meta_governs(self, c: Children) -> n.Meta:
        return n.Meta(str(c[0]), tuple(n.Text(name.text, name.span) for name in c[1]), _span(c))

    def enum_decl(self, c: Children) -> n.EnumDecl:
        members = tuple(child for child in c if isinstance(child, n.Member))
        return n.EnumDecl(c[1], members, c[0] == "level", _span(c))

    level_decl = enum_decl

    def member(self, c: Children) -> n.Member:
        wire = None if c[1] is None else n.Text(text_value(c[1]), _at(c[1]))
        return n.Member(_name(c[0]), wire, _span(c))

    def type_decl(self, c: Children) -> n.TypeDecl:
        return n.TypeDecl(c[1], c[3], _span(c))

    def context_decl(self, c: Children) -> n.ContextDecl:
        return n.ContextDecl(c[1], _span(c))

    def entity_decl(self, c: Children) -> n.EntityDecl:
        return n.EntityDecl(c[1], c[2], c[4] or (), c[5], _span(c))

    def marks(self, c: Children) -> tuple[n.Name, ...]:
        return tuple(map(_name, c))

    flags = marks

    def action_decl(self, c: Children) -> n.ActionDecl:
        reversible = c[5] == "reversible"
        return n.ActionDecl(c[1], c[2], c[4] or (), reversible, c[7], c[8], _span(c))

    def record_type(self, c: Children) -> n.RecordType:
        return n.RecordType(_nodes(c), _span(c))

    def field(self, c: Children) -> n.Field:
        return n.Field(c[0], c[1], c[2] is not None, c[4], c[5], _span(c))

    def prim_type(self, c: Children) -> n.PrimType:
        return n.PrimType(str(c[0]), _at(c[0]))

    def named_type(self, c: Children) -> n.NamedType:
        return n.NamedType(c[0].text, c[0].span)

    def coll_type(self, c: Children) -> n.TypeNode:
        bounds = None if c[4] is None else (_int(c[5]), _int(c[7]))
        item, depth = c[2], 1
        while isinstance(item, n.CollType):
            item, depth = item.item, depth + 1
        if depth <= codes.NESTING_MAX:
            return n.CollType(str(c[0]), c[2], bounds, _span(c))
        # What goes on is the shallow type, so that nothing after the parser meets a deep one.
        _complain(codes.too_deep(_at(c[0])), _at(c[0]))
        return n.CollType(str(c[0]), item, bounds, _span(c))

    def actions_decl(self, c: Children) -> n.ActionsDecl:
        return n.ActionsDecl(c[1], c[3], _span(c))

    def group_decl(self, c: Children) -> n.GroupDecl:
        return n.GroupDecl(c[1], c[3], _span(c))

    def const_decl(self, c: Children) -> n.ConstDecl:
        return n.ConstDecl(c[1], c[3], c[5], _span(c))

    def data_decl(self, c: Children) -> n.DataDecl:
        return n.DataDecl(c[1], c[3], c[5], _span(c))

    def predicate_decl(self, c: Children) -> n.PredicateDecl:
        return n.PredicateDecl(c[1], c[3], c[6], _span(c))

    def params(self, c: Children) -> tuple[n.Param, ...]:
        return _nodes(c)

    def param(self, c: Children) -> n.Param:
        return n.Param(c[0], c[2], _span(c))

    def window_decl(self, c: Children) -> n.WindowDecl:
        return n.WindowDecl(c[1], c[3], c[5], c[7], _span(c))

    def spans(self, c: Children) -> tuple[n.WindowSpan, ...]:
        return _nodes(c)

    def span(self, c: Children) -> n.WindowSpan:
        last = None if c[2] is None else _name(c[2])
        return n.WindowSpan(_name(c[0]), last, _name(c[3]), _name(c[5]), _span(c))


class _Approvals:
    """Routes, budgets and risk."""

    def route_decl(self, c: Children) -> n.RouteDecl:
        return n.RouteDecl(c[1], tuple(c[3:-1]), _span(c))

    def need_item(self, c: Children) -> n.NeedItem:
        return n.NeedItem(_int(c[1]), c[3], c[6], _span(c))

    def confirm_item(self, c: Children) -> n.ConfirmItem:
        return n.ConfirmItem(_span(c))

    def exclude_item(self, c: Children) -> n.ExcludeItem:
        return n.ExcludeItem(tuple(map(_name, c[1::2])), _span(c))

    def expires_item(self, c: Children) -> n.ExpiresItem:
        return n.ExpiresItem(c[1], _span(c))

    def use_within_item(self, c: Children) -> n.UseWithinItem:
        return n.UseWithinItem(c[2], _span(c))

    def escalate_item(self, c: Children) -> n.EscalateItem:
        return n.EscalateItem(c[2], c[4], _span(c))

    def show_item(self, c: Children) -> n.ShowItem:
        return n.ShowItem(tuple(c[1::2]), _span(c))

    def budget_decl(self, c: Children) -> n.BudgetDecl:
        return n.BudgetDecl(c[1], c[3], c[5], _name(c[7]), _span(c))

    def risk_decl(self, c: Children) -> n.RiskDecl:
        return n.RiskDecl(c[2], c[3], c[4], _span(c))

    def points_list(self, c: Children) -> tuple[Any, ...]:
        return tuple(c)

    tiers = points_list

    def points(self, c: Children) -> n.Points:
        return n.Points(_int(c[1]), c[2], c[4], _span(c))

    def tier(self, c: Children) -> n.Tier:
        return n.Tier(c[1], _int(c[3]), c[5] or (), _span(c))


class _Policies:
    """Policies, rules, invariants, fixtures and tests."""

    def policy_decl(self, c: Children) -> n.PolicyDecl:
        if not c[5]:
            _complain(codes.empty_block(c[1].span, "a policy", "rule"), _span(c))
        return n.PolicyDecl(c[1], c[2], c[4], c[5], _span(c))

    def rules(self, c: Children) -> tuple[Any, ...]:
        return tuple(c)

    claims = rules

    def rule(self, c: Children) -> n.RuleDecl:
        _, name, _, effect, when, unless, because, then = c
        return n.RuleDecl(
            name=name,
            effect=effect,
            when=when and when[1],
            unless=unless and unless[1],
            because=because and because[1],
            then=then[1:] if then else (),
            span=_span(c),
        )

    def when(self, c: Children) -> tuple[Any, ...]:
        """The clause word first, for the span; ``rule`` takes it off."""
        return tuple(c)

    unless = because = when

    def then(self, c: Children) -> tuple[Any, ...]:
        return (c[0], *_nodes(c))

    def grant(self, c: Children) -> n.EffectNode:
        return n.EffectNode(str(c[0]), (), c[1], c[2], _span(c))

    def require(self, c: Children) -> n.EffectNode:
        return n.EffectNode("require", c[3], c[5], c[6], _span(c))

    def who(self, c: Children) -> n.Who:
        return n.Who(_nodes(c), _span(c))

    def who_item(self, c: Children) -> n.WhoItem:
        if len(c) == 1:
            return n.WhoItem(None, c[0], _span(c))
        return n.WhoItem(c[0], c[2], _span(c))

    def target(self, c: Children) -> n.Target:
        return n.Target(c[1].names, c[1].span, c[3] or (), _span(c))

    def action_sel(self, c: Children) -> _NameList:
        """No names for ``any action``."""
        return _NameList(_names(c), _span(c))

    def res_items(self, c: Children) -> tuple[n.ResourceItem, ...]:
        return _nodes(c)

    def res_item(self, c: Children) -> n.ResourceItem:
        return n.ResourceItem(c[0], c[2], _span(c))

    def log_obligation(self, c: Children) -> n.LogObligation:
        return n.LogObligation(c[1], _span(c))

    def redact_obligation(self, c: Children) -> n.RedactObligation:
        return n.RedactObligation(_nodes(c), _span(c))

    def notify_obligation(self, c: Children) -> n.NotifyObligation:
        return n.NotifyObligation(c[1], _span(c))

    def spend_obligation(self, c: Children) -> n.SpendObligation:
        return n.SpendObligation(c[1], c[3], _span(c))

    def rate_obligation(self, c: Children) -> n.RateObligation:
        return n.RateObligation(_int(c[1]), c[3], _name(c[5]), _span(c))

    def invariant_decl(self, c: Children) -> n.InvariantDecl:
        if not c[4]:
            _complain(codes.empty_block(c[1].span, "an invariant", "claim"), _span(c))
        return n.InvariantDecl(c[1], c[3], c[4], _span(c))

    def claim(self, c: Children) -> n.Claim:
        return n.Claim(_name(c[0]), c[1], c[2], c[3], c[5], _span(c))

    def outcome(self, c: Children) -> n.Outcome:
        return n.Outcome(str(c[0]), c[2] if len(c) > 1 else None, _span(c))

    def fixture_decl(self, c: Children) -> n.FixtureDecl:
        parents = () if c[5] is None else c[5].names
        return n.FixtureDecl(c[1], c[3], parents, c[6], _span(c))

    def parents(self, c: Children) -> _NameList:
        return _NameList(_names(c), _span(c))

    def test_decl(self, c: Children) -> n.TestDecl:
        return n.TestDecl(c[1], tuple(c[3:-1]), _span(c))

    def agent_item(self, c: Children) -> n.AgentItem:
        return n.AgentItem(_names(c), _span(c))

    def user_item(self, c: Children) -> n.UserItem:
        return n.UserItem(c[1], _span(c))

    def do_item(self, c: Children) -> n.DoItem:
        return n.DoItem(c[1], c[3], c[4], _span(c))

    def context_item(self, c: Children) -> n.ContextItem:
        return n.ContextItem(c[1], _span(c))

    def expectation(self, c: Children) -> n.ExpectItem:
        return n.ExpectItem(c[1], c[3], c[5], c[7] or (), _span(c))

    def cases_item(self, c: Children) -> n.CasesItem:
        cases = tuple(c[2:-1])
        if not cases:
            _complain(codes.empty_block(_at(c[0]), "a table", "row"), _span(c))
        return n.CasesItem(cases, _span(c))

    def case(self, c: Children) -> n.Case:
        return n.Case(c[0], c[1], _span(c))


class Builder(_Words, _Expressions, _Schema, _Approvals, _Policies):
    """Handed to Lark as ``transformer``; without state, so one serves every parse."""

    def bundle_file(self, c: Children) -> tuple[n.Declaration, ...]:
        return tuple(c)
