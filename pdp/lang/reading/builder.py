"""From grammar rules to nodes, one method per rule of ``grammar.lark``; no meaning is checked.

Longer than most files: one noun, a whole grammar. Each method gets its rule's children in source
order, every token included and None where an optional part is absent; ``self.start`` and
``self.end`` say where the rule's text stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pdp.lang import codes
from pdp.lang import nodes as n
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.reading.driver import Token
from pdp.lang.reading.scanner import Places
from pdp.lang.source import Span

Children: TypeAlias = list[Any]

_UNITS_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"([0-9]+)([a-z]+)")
_ESCAPE: Final = re.compile(r'\\(["\\nt])')
_ESCAPED: Final = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


def text_value(written: str) -> str:
    r"""The value of a text as written, quotes and an ``r`` included.

    In ``"…"`` the escapes ``\" \\ \n \t`` are read and ``\*`` stays two characters: only ``like``
    gives it a meaning. In ``r"…"`` every character is itself, so ``\*`` is the same two there.
    """
    if written.startswith("r"):
        return written[2:-1]
    if "\\" not in written:
        return written[1:-1]
    return _ESCAPE.sub(lambda match: _ESCAPED[match.group(1)], written[1:-1])


def _names(children: Children) -> tuple[n.Name, ...]:
    return tuple([child for child in children if type(child) is n.Name])


def _nodes(children: Children) -> tuple[Any, ...]:
    return tuple([child for child in children if child is not None and type(child) is not Token])


def _int(token: Token) -> int:
    return int(token.text.replace("_", ""))


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


class _Site:
    """Where the rule at hand stands, and what was wrong with those before."""

    def __init__(self, places: Places) -> None:
        self.start = self.end = 0
        # Complaints, each with its block.
        self.built: list[tuple[Diagnostic, Span]] = []
        self._span = places.span

    def here(self) -> Span:
        """The place of the rule at hand."""
        return self._span(self.start, self.end)

    def at(self, token: Token) -> Span:
        """The place of one token."""
        return self._span(token.start, token.start + len(token.text))

    def name_of(self, token: Token) -> n.Name:
        """A word or sign with its place."""
        return n.Name(token.text, self._span(token.start, token.start + len(token.text)))

    def names_of(self, tokens: Children) -> tuple[n.Name, ...]:
        """As ``name_of``, for each."""
        return tuple([self.name_of(token) for token in tokens])


class _Words(_Site):
    """Names, texts, literals and closed values."""

    def name(self, c: Children) -> n.Name:
        return n.Name(c[0].text, self.here())

    uname = word = name

    def text(self, c: Children) -> n.Text:
        written = c[0].text
        return n.Text(text_value(written), self.here(), written)

    def prefix(self, c: Children) -> _Prefix:
        """``a.b.`` with its last dot; only ever part of a longer name."""
        if type(c[0]) is Token:
            return _Prefix([token.text for token in c])
        c[0].words += [token.text for token in c[1:]]
        prefix: _Prefix = c[0]
        return prefix

    def qname(self, c: Children) -> n.Name:
        if len(c) == 1:
            return n.Name(c[0].text, self.here())
        return n.Name("".join([*c[0].words, c[1].text]), self.here())

    tname = qname

    def member_value(self, c: Children) -> n.Name:
        return c[0] if len(c) == 1 else n.Name(f"{c[0].text}.{c[2].text}", self.here())

    def qnames(self, c: Children) -> tuple[n.Name, ...]:
        return _names(c)

    tnames = qnames

    def duration(self, c: Children) -> n.Literal:
        match = _DURATION.fullmatch(c[0].text)
        assert match is not None
        return n.Literal("duration", int(match[1]) * _UNITS_MS[match[2]], self.here())

    def string_literal(self, c: Children) -> n.Literal:
        return n.Literal("string", text_value(c[0].text), self.here())

    def timestamp_literal(self, c: Children) -> n.Literal:
        return n.Literal("timestamp", c[0].text, self.here())

    def bool_literal(self, c: Children) -> n.Literal:
        return n.Literal("bool", c[0].text == "true", self.here())

    def address_literal(self, c: Children) -> n.Literal:
        return n.Literal(c[0].text, c[1].value, self.here())

    def int_literal(self, c: Children) -> n.Literal:
        return n.Literal("int", _int(c[0]), self.here())

    def decimal_literal(self, c: Children) -> n.Literal:
        return n.Literal("decimal", c[0].text.replace("_", ""), self.here())

    def negative(self, c: Children) -> n.Negative:
        return n.Negative(c[1], self.here())

    def entity_lit(self, c: Children) -> n.EntityLiteral:
        return n.EntityLiteral(c[0], c[2], self.here())

    def list_value(self, c: Children) -> n.ListValue:
        return n.ListValue(_nodes(c), self.here())

    def record_value(self, c: Children) -> n.RecordValue:
        pairs = tuple((pair.name, pair.value) for pair in c if isinstance(pair, _Pair))
        return n.RecordValue(pairs, self.here())

    def pair(self, c: Children) -> _Pair:
        return _Pair(c[0], c[2])


class _Expressions(_Site):
    """Conditions and the expressions in them."""

    def junction(self, c: Children) -> n.Junction:
        return n.Junction(tuple(c[::2]), self.names_of(c[1::2]), self.here())

    def negation(self, c: Children) -> n.Not:
        return n.Not(self.name_of(c[0]), c[1], self.here())

    def compare(self, c: Children) -> n.Compare:
        return n.Compare(self.name_of(c[1]), c[0], c[2], self.here())

    def member_of(self, c: Children) -> n.MemberOf:
        return n.MemberOf(c[0], c[3], c[1] is not None, self.here())

    def text_test(self, c: Children) -> n.TextTest:
        return n.TextTest(self.name_of(c[2]), c[0], c[3], c[1] is not None, self.here())

    def begins(self, c: Children) -> n.Begins:
        return n.Begins(c[0], c[3], c[1] is not None, self.here())

    def has(self, c: Children) -> n.Has:
        return n.Has(c[1], self.here())

    def quantified(self, c: Children) -> n.Quantified:
        return n.Quantified(self.name_of(c[0]), c[1], c[3], c[6], self.here())

    def total(self, c: Children) -> n.Sum:
        return n.Sum(tuple(c[::2]), self.names_of(c[1::2]), self.here())

    def times(self, c: Children) -> n.Product:
        return n.Product(tuple(c[::2]), self.here())

    def bad_date(self, c: Children) -> n.BadDate:
        return n.BadDate(c[0].text, self.here())

    def call(self, c: Children) -> n.Call:
        return n.Call(_dotted(c[0]), _nodes(c[1:]), self.here())

    def path_entity(self, c: Children) -> n.EntityLiteral:
        return n.EntityLiteral(_dotted(c[0]), c[2], self.here())

    def group(self, c: Children) -> n.Group:
        return n.Group(c[1], self.here())

    def path(self, c: Children) -> n.Path:
        return n.Path(_names(c), self.here())

    def list(self, c: Children) -> n.ListExpr:
        return n.ListExpr(_nodes(c), self.here())


def _dotted(path: n.Path) -> n.Name:
    return n.Name(".".join(segment.text for segment in path.segments), path.span)


class _Schema(_Site):
    """Bundles, metadata, types, entities, actions and the names for things."""

    def bundle_decl(self, c: Children) -> n.BundleDecl:
        return n.BundleDecl(c[1], c[2] is not None, c[4], self.here())

    def import_decl(self, c: Children) -> n.ImportDecl:
        return n.ImportDecl(c[1], self.here())

    def metas(self, c: Children) -> tuple[n.Meta, ...]:
        return tuple(c)

    def meta_text(self, c: Children) -> n.Meta:
        return n.Meta(c[0].text, (c[1],), self.here())

    def meta_word(self, c: Children) -> n.Meta:
        """``language 1`` and ``review_by 2027-03-31``."""
        return n.Meta(c[0].text, (n.Text(c[1].text.replace("_", ""), self.at(c[1])),), self.here())

    def meta_shadow(self, c: Children) -> n.Meta:
        return n.Meta(c[0].text, (n.Text(c[2].text, self.at(c[2])),), self.here())

    def meta_governs(self, c: Children) -> n.Meta:
        return n.Meta(c[0].text, tuple(n.Text(name.text, name.span) for name in c[1]), self.here())

    def enum_decl(self, c: Children) -> n.EnumDecl:
        members = tuple(child for child in c if isinstance(child, n.Member))
        return n.EnumDecl(c[1], members, c[0].text == "level", self.here())

    level_decl = enum_decl

    def member(self, c: Children) -> n.Member:
        wire = None if c[1] is None else n.Text(text_value(c[1].text), self.at(c[1]))
        return n.Member(self.name_of(c[0]), wire, self.here())

    def type_decl(self, c: Children) -> n.TypeDecl:
        return n.TypeDecl(c[1], c[3], self.here())

    def context_decl(self, c: Children) -> n.ContextDecl:
        return n.ContextDecl(c[1], self.here())

    def entity_decl(self, c: Children) -> n.EntityDecl:
        return n.EntityDecl(c[1], c[2], c[4] or (), c[5], self.here())

    def marks(self, c: Children) -> tuple[n.Name, ...]:
        return self.names_of(c)

    flags = marks

    def action_decl(self, c: Children) -> n.ActionDecl:
        reversible = c[5].text == "reversible"
        return n.ActionDecl(c[1], c[2], c[4] or (), reversible, c[7], c[8], self.here())

    def record_type(self, c: Children) -> n.RecordType:
        return n.RecordType(_nodes(c), self.here())

    def field(self, c: Children) -> n.Field:
        return n.Field(c[0], c[1], c[2] is not None, c[4], c[5], self.here())

    def prim_type(self, c: Children) -> n.PrimType:
        return n.PrimType(c[0].text, self.at(c[0]))

    def named_type(self, c: Children) -> n.NamedType:
        return n.NamedType(c[0].text, c[0].span)

    def coll_type(self, c: Children) -> n.TypeNode:
        bounds = None if c[4] is None else (_int(c[5]), _int(c[7]))
        item, depth = c[2], 1
        while isinstance(item, n.CollType):
            item, depth = item.item, depth + 1
        if depth <= codes.NESTING_MAX:
            return n.CollType(c[0].text, c[2], bounds, self.here())
        # What goes on is the shallow type, so that nothing after the parser meets a deep one.
        self.built.append((codes.too_deep(self.at(c[0])), self.at(c[0])))
        return n.CollType(c[0].text, item, bounds, self.here())

    def actions_decl(self, c: Children) -> n.ActionsDecl:
        return n.ActionsDecl(c[1], c[3], self.here())

    def group_decl(self, c: Children) -> n.GroupDecl:
        return n.GroupDecl(c[1], c[3], self.here())

    def const_decl(self, c: Children) -> n.ConstDecl:
        return n.ConstDecl(c[1], c[3], c[5], self.here())

    def data_decl(self, c: Children) -> n.DataDecl:
        return n.DataDecl(c[1], c[3], c[5], self.here())

    def predicate_decl(self, c: Children) -> n.PredicateDecl:
        return n.PredicateDecl(c[1], c[3], c[6], self.here())

    def params(self, c: Children) -> tuple[n.Param, ...]:
        return _nodes(c)

    def param(self, c: Children) -> n.Param:
        return n.Param(c[0], c[2], self.here())

    def window_decl(self, c: Children) -> n.WindowDecl:
        return n.WindowDecl(c[1], c[3], c[5], c[7], self.here())

    def spans(self, c: Children) -> tuple[n.WindowSpan, ...]:
        return _nodes(c)

    def span(self, c: Children) -> n.WindowSpan:
        last = None if c[2] is None else self.name_of(c[2])
        return n.WindowSpan(
            self.name_of(c[0]), last, self.name_of(c[3]), self.name_of(c[5]), self.here()
        )


class _Approvals(_Site):
    """Routes, budgets and risk."""

    def route_decl(self, c: Children) -> n.RouteDecl:
        return n.RouteDecl(c[1], tuple(c[3:-1]), self.here())

    def need_item(self, c: Children) -> n.NeedItem:
        return n.NeedItem(_int(c[1]), c[3], c[6], self.here())

    def confirm_item(self, _: Children) -> n.ConfirmItem:
        return n.ConfirmItem(self.here())

    def exclude_item(self, c: Children) -> n.ExcludeItem:
        return n.ExcludeItem(self.names_of(c[1::2]), self.here())

    def expires_item(self, c: Children) -> n.ExpiresItem:
        return n.ExpiresItem(c[1], self.here())

    def use_within_item(self, c: Children) -> n.UseWithinItem:
        return n.UseWithinItem(c[2], self.here())

    def escalate_item(self, c: Children) -> n.EscalateItem:
        return n.EscalateItem(c[2], c[4], self.here())

    def show_item(self, c: Children) -> n.ShowItem:
        return n.ShowItem(tuple(c[1::2]), self.here())

    def budget_decl(self, c: Children) -> n.BudgetDecl:
        return n.BudgetDecl(c[1], c[3], c[5], self.name_of(c[7]), self.here())

    def risk_decl(self, c: Children) -> n.RiskDecl:
        return n.RiskDecl(c[2], c[3], c[4], self.here())

    def points_list(self, c: Children) -> tuple[Any, ...]:
        return tuple(c)

    tiers = points_list

    def points(self, c: Children) -> n.Points:
        return n.Points(_int(c[1]), c[2], c[4], self.here())

    def tier(self, c: Children) -> n.Tier:
        return n.Tier(c[1], _int(c[3]), c[5] or (), self.here())


class _Policies(_Site):
    """Policies, rules, invariants, fixtures and tests."""

    def policy_decl(self, c: Children) -> n.PolicyDecl:
        if not c[5]:
            self.built.append((codes.empty_block(c[1].span, "a policy", "rule"), self.here()))
        return n.PolicyDecl(c[1], c[2], c[4], c[5], self.here())

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
            span=self.here(),
        )

    def when(self, c: Children) -> tuple[Any, ...]:
        """The clause word first, for the span; ``rule`` takes it off."""
        return tuple(c)

    unless = because = when

    def then(self, c: Children) -> tuple[Any, ...]:
        return (c[0], *_nodes(c))

    def grant(self, c: Children) -> n.EffectNode:
        return n.EffectNode(c[0].text, (), c[1], c[2], self.here())

    def require(self, c: Children) -> n.EffectNode:
        return n.EffectNode("require", c[3], c[5], c[6], self.here())

    def who(self, c: Children) -> n.Who:
        return n.Who(_nodes(c), self.here())

    def who_item(self, c: Children) -> n.WhoItem:
        if len(c) == 1:
            return n.WhoItem(None, c[0], self.here())
        return n.WhoItem(c[0], c[2], self.here())

    def target(self, c: Children) -> n.Target:
        return n.Target(c[1].names, c[1].span, c[3] or (), self.here())

    def action_sel(self, c: Children) -> _NameList:
        """No names for ``any action``."""
        return _NameList(_names(c), self.here())

    def res_items(self, c: Children) -> tuple[n.ResourceItem, ...]:
        return _nodes(c)

    def res_item(self, c: Children) -> n.ResourceItem:
        return n.ResourceItem(c[0], c[2], self.here())

    def log_obligation(self, c: Children) -> n.LogObligation:
        return n.LogObligation(c[1], self.here())

    def redact_obligation(self, c: Children) -> n.RedactObligation:
        return n.RedactObligation(_nodes(c), self.here())

    def notify_obligation(self, c: Children) -> n.NotifyObligation:
        return n.NotifyObligation(c[1], self.here())

    def spend_obligation(self, c: Children) -> n.SpendObligation:
        return n.SpendObligation(c[1], c[3], self.here())

    def rate_obligation(self, c: Children) -> n.RateObligation:
        return n.RateObligation(_int(c[1]), c[3], self.name_of(c[5]), self.here())

    def invariant_decl(self, c: Children) -> n.InvariantDecl:
        if not c[4]:
            self.built.append((codes.empty_block(c[1].span, "an invariant", "claim"), self.here()))
        return n.InvariantDecl(c[1], c[3], c[4], self.here())

    def claim(self, c: Children) -> n.Claim:
        return n.Claim(self.name_of(c[0]), c[1], c[2], c[3], c[5], self.here())

    def outcome(self, c: Children) -> n.Outcome:
        return n.Outcome(c[0].text, c[2] if len(c) > 1 else None, self.here())

    def fixture_decl(self, c: Children) -> n.FixtureDecl:
        parents = () if c[5] is None else c[5].names
        return n.FixtureDecl(c[1], c[3], parents, c[6], self.here())

    def parents(self, c: Children) -> _NameList:
        return _NameList(_names(c), self.here())

    def test_decl(self, c: Children) -> n.TestDecl:
        return n.TestDecl(c[1], tuple(c[3:-1]), self.here())

    def agent_item(self, c: Children) -> n.AgentItem:
        return n.AgentItem(_names(c), self.here())

    def user_item(self, c: Children) -> n.UserItem:
        return n.UserItem(c[1], self.here())

    def do_item(self, c: Children) -> n.DoItem:
        return n.DoItem(c[1], c[3], c[4], self.here())

    def context_item(self, c: Children) -> n.ContextItem:
        return n.ContextItem(c[1], self.here())

    def expectation(self, c: Children) -> n.ExpectItem:
        return n.ExpectItem(c[1], c[3], c[5], c[7] or (), self.here())

    def cases_item(self, c: Children) -> n.CasesItem:
        cases = tuple(c[2:-1])
        if not cases:
            self.built.append((codes.empty_block(self.at(c[0]), "a table", "row"), self.here()))
        return n.CasesItem(cases, self.here())

    def case(self, c: Children) -> n.Case:
        return n.Case(c[0], c[1], self.here())


class Builder(_Words, _Expressions, _Schema, _Approvals, _Policies):
    """Makes the nodes of one text."""

    def bundle_file(self, c: Children) -> tuple[n.Declaration, ...]:
        return tuple(c)
