"""The typed syntax tree of Charter 1, as written: every node has its span, nothing is resolved.

The parser is the only maker. Longer than most files: one noun, a whole grammar.
"""

from __future__ import annotations

from typing import TypeAlias

from pdp.lang.records import dataclass
from pdp.lang.source import Span


@dataclass(frozen=True, slots=True)
class Name:
    """A word or dotted words (``payment.refund``) with its place."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal, escapes already read; ``written`` is the literal with its quotes."""

    value: str
    span: Span
    written: str = ""


# ---------------------------------------------------------------- types


@dataclass(frozen=True, slots=True)
class PrimType:
    """bool, int, decimal, string, timestamp, duration, ip, cidr, path or json."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class NamedType:
    """An enum, level, record or entity type by name."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class CollType:
    """``set<T>[lo..hi]`` or ``list<T>[lo..hi]``; ``bounds`` is None where none were written."""

    kind: str
    item: TypeNode
    bounds: tuple[int, int] | None
    span: Span


@dataclass(frozen=True, slots=True)
class RecordType:
    """``{ field, … }``."""

    fields: tuple[Field, ...]
    span: Span


TypeNode: TypeAlias = PrimType | NamedType | CollType | RecordType


@dataclass(frozen=True, slots=True)
class Field:
    """``name "wire"?: type flags``."""

    name: Name
    wire: Text | None
    optional: bool
    type: TypeNode
    flags: tuple[Name, ...]
    span: Span


# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Literal:
    """``kind`` is int, decimal, string, timestamp, duration, bool, ip or cidr.

    ``value``: int; the decimal's digits without underscores (str); str; RFC 3339 text (str);
    milliseconds (int) for a duration; bool; text (str) for ip and cidr.
    """

    kind: str
    value: int | str | bool
    span: Span


@dataclass(frozen=True, slots=True)
class Path:
    """``a.b.c``: one Name per segment."""

    segments: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class EntityLiteral:
    """``Team::"support"``: legal in ``group``, ``fixture`` and closed values only."""

    type: Name
    id: Text
    span: Span


@dataclass(frozen=True, slots=True)
class ListExpr:
    """``[a, b]``."""

    items: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """``name(arguments)``: a predicate, ``count`` or ``within``."""

    name: Name
    arguments: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Group:
    """A parenthesised expression."""

    inner: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Junction:
    """``a and b and c`` (``words`` are the operators as written: and, or, &&, ||, in order).

    Mixed words appear in one Junction, left to right, so that the checker can complain.
    """

    operands: tuple[Expr, ...]
    words: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    """``not e``; ``word`` is ``not`` or ``!``."""

    word: Name
    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """``left op right``; ``op`` is == != < <= > >= or the mistaken ``=``."""

    op: Name
    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class MemberOf:
    """``left [not] in right``."""

    left: Expr
    right: Expr
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class TextTest:
    """``subject [not] like|matches|under "…"``; ``op`` is the word."""

    op: Name
    subject: Expr
    pattern: Text
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Begins:
    """``subject [not] begins [ … ]``."""

    subject: Expr
    prefix: ListExpr
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Has:
    """``has a.b.c``."""

    path: Path
    span: Span


@dataclass(frozen=True, slots=True)
class Quantified:
    """``some|every|no x in S satisfies (…)``."""

    quantifier: Name
    variable: Name
    collection: Path
    body: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Sum:
    """``a + b - c``: operands and the operators between them."""

    operands: tuple[Expr, ...]
    ops: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Product:
    """``a * b``."""

    operands: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Negative:
    """``-a``."""

    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class BadDate:
    """A bare date where a timestamp is meant."""

    text: str
    span: Span


Expr: TypeAlias = (
    Literal | Path | EntityLiteral | ListExpr | Call | Group | Junction | Not | Compare | MemberOf
    | TextTest | Begins | Has | Quantified | Sum | Product | Negative | BadDate
)  # fmt: skip


# ---------------------------------------------------------------- closed values


@dataclass(frozen=True, slots=True)
class ListValue:
    """``[ value, … ]``."""

    items: tuple[Value, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class RecordValue:
    """``{ name: value, … }``, order kept, duplicates kept for the checker."""

    pairs: tuple[tuple[Name, Value], ...]
    span: Span


# A Name is an enum or level member, a fixture or a group; a Negative holds a Literal.
Value: TypeAlias = Literal | EntityLiteral | Name | ListValue | RecordValue | Negative


# ---------------------------------------------------------------- declarations


@dataclass(frozen=True, slots=True)
class Meta:
    """One metadata line.

    ``key`` is owner, contact, reason, ref, version, language, review_by, shadow or governs;
    ``values`` are its texts (digits for language, ISO dates, dotted names).
    """

    key: str
    values: tuple[Text, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class BundleDecl:
    name: Name
    guard: bool
    meta: tuple[Meta, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ImportDecl:
    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Member:
    name: Name
    wire: Text | None
    span: Span


@dataclass(frozen=True, slots=True)
class EnumDecl:
    """An ``enum``, or a ``level`` when ``ordered`` (members in rising order)."""

    name: Name
    members: tuple[Member, ...]
    ordered: bool
    span: Span


@dataclass(frozen=True, slots=True)
class TypeDecl:
    name: Name
    record: RecordType
    span: Span


@dataclass(frozen=True, slots=True)
class ContextDecl:
    record: RecordType
    span: Span


@dataclass(frozen=True, slots=True)
class EntityDecl:
    """``record`` is None where no braces were written."""

    name: Name
    marks: tuple[Name, ...]
    parents: tuple[Name, ...]
    record: RecordType | None
    span: Span


@dataclass(frozen=True, slots=True)
class ActionDecl:
    name: Name
    wire: Text | None
    resources: tuple[Name, ...]
    reversible: bool
    risk: Name
    record: RecordType | None
    span: Span


@dataclass(frozen=True, slots=True)
class ActionsDecl:
    name: Name
    members: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class GroupDecl:
    name: Name
    entity: EntityLiteral
    span: Span


@dataclass(frozen=True, slots=True)
class ConstDecl:
    name: Name
    type: TypeNode
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class DataDecl:
    name: Name
    type: TypeNode
    file: Text
    span: Span


@dataclass(frozen=True, slots=True)
class Param:
    name: Name
    type: TypeNode
    span: Span


@dataclass(frozen=True, slots=True)
class PredicateDecl:
    """``params`` is None for a predicate declared without parentheses."""

    name: Name
    params: tuple[Param, ...] | None
    body: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class WindowSpan:
    """Days and times as written (``mon``, ``09:00``); ``last_day`` is None for one day."""

    first_day: Name
    last_day: Name | None
    start: Name
    end: Name
    span: Span


@dataclass(frozen=True, slots=True)
class WindowDecl:
    name: Name
    spans: tuple[WindowSpan, ...]
    zone: Text
    holidays: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class NeedItem:
    count: int
    group: Name
    where: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class ConfirmItem:
    span: Span


@dataclass(frozen=True, slots=True)
class ExcludeItem:
    who: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ExpiresItem:
    duration: Literal
    span: Span


@dataclass(frozen=True, slots=True)
class UseWithinItem:
    duration: Literal
    span: Span


@dataclass(frozen=True, slots=True)
class EscalateItem:
    route: Name
    after: Literal
    span: Span


@dataclass(frozen=True, slots=True)
class ShowItem:
    paths: tuple[Path, ...]
    span: Span


RouteItem: TypeAlias = (
    NeedItem
    | ConfirmItem
    | ExcludeItem
    | ExpiresItem
    | UseWithinItem
    | EscalateItem
    | ShowItem
    | Meta
)


@dataclass(frozen=True, slots=True)
class RouteDecl:
    name: Name
    items: tuple[RouteItem, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class BudgetDecl:
    name: Name
    limit: Literal
    per: Literal
    subject: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Points:
    points: int
    reason: Text
    when: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Tier:
    name: Name
    from_points: int
    routes: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class RiskDecl:
    meta: tuple[Meta, ...]
    points: tuple[Points, ...]
    tiers: tuple[Tier, ...]
    span: Span


# ---------------------------------------------------------------- policies


@dataclass(frozen=True, slots=True)
class WhoItem:
    """``Agent``, ``Agent in bots`` (``type`` set) or ``bots`` (only ``group`` set)."""

    type: Name | None
    group: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Who:
    """``items`` is empty for ``anyone``."""

    items: tuple[WhoItem, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ResourceItem:
    type: Name
    group: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Target:
    """``actions`` is empty for ``any action``; ``resources`` is empty without ``on``.

    ``actions_span`` covers the words that name the actions.
    """

    actions: tuple[Name, ...]
    actions_span: Span
    resources: tuple[ResourceItem, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class EffectNode:
    """``kind`` is allow, deny, require or oblige; ``routes`` only for require."""

    kind: str
    routes: tuple[Name, ...]
    who: Who
    target: Target
    span: Span


@dataclass(frozen=True, slots=True)
class LogObligation:
    level: Name
    span: Span


@dataclass(frozen=True, slots=True)
class RedactObligation:
    paths: tuple[Path, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class NotifyObligation:
    """A group's Name, or a Text address."""

    target: Name | Text
    span: Span


@dataclass(frozen=True, slots=True)
class SpendObligation:
    budget: Name
    amount: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class RateObligation:
    count: int
    per: Literal
    subject: Name
    span: Span


ObligationNode: TypeAlias = (
    LogObligation | RedactObligation | NotifyObligation | SpendObligation | RateObligation
)


@dataclass(frozen=True, slots=True)
class RuleDecl:
    name: Name
    effect: EffectNode
    when: Expr | None
    unless: Expr | None
    because: Text | None
    then: tuple[ObligationNode, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class PolicyDecl:
    name: Name
    title: Text | None
    meta: tuple[Meta, ...]
    rules: tuple[RuleDecl, ...]
    span: Span


# ---------------------------------------------------------------- invariants and tests


@dataclass(frozen=True, slots=True)
class Outcome:
    """``kind`` is allow, deny or approval; ``route`` only for ``approval from``."""

    kind: str
    route: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Claim:
    """``quantifier`` is never or always."""

    quantifier: Name
    outcome: Outcome
    who: Who
    target: Target
    when: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class InvariantDecl:
    title: Text
    meta: tuple[Meta, ...]
    claims: tuple[Claim, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class FixtureDecl:
    name: Name
    entity: EntityLiteral
    parents: tuple[Name, ...]
    record: RecordValue | None
    span: Span


@dataclass(frozen=True, slots=True)
class AgentItem:
    names: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class UserItem:
    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class DoItem:
    action: Name
    resource: Name | None
    record: RecordValue | None
    span: Span


@dataclass(frozen=True, slots=True)
class ContextItem:
    record: RecordValue
    span: Span


@dataclass(frozen=True, slots=True)
class ExpectItem:
    outcome: Outcome
    cause: Name | None
    tier: Name | None
    by: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Case:
    """One row of a table test: values that replace those above, then what to expect."""

    record: RecordValue
    expect: ExpectItem
    span: Span


@dataclass(frozen=True, slots=True)
class CasesItem:
    cases: tuple[Case, ...]
    span: Span


TestItem: TypeAlias = AgentItem | UserItem | DoItem | ContextItem | ExpectItem | CasesItem


@dataclass(frozen=True, slots=True)
class TestDecl:
    title: Text
    items: tuple[TestItem, ...]
    span: Span


Declaration: TypeAlias = (
    BundleDecl | ImportDecl | EnumDecl | TypeDecl | ContextDecl | EntityDecl | ActionDecl
    | ActionsDecl | GroupDecl | ConstDecl | DataDecl | PredicateDecl | WindowDecl | RouteDecl
    | BudgetDecl | RiskDecl | PolicyDecl | InvariantDecl | FixtureDecl | TestDecl
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One parsed file, declarations in the order written."""

    name: str
    declarations: tuple[Declaration, ...]
