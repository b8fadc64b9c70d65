"""The checked program: names resolved, types known; longer than most, it is all the meaning.

The checker is the only maker; the reference interpreter and the compiler read nothing else.

Values (constants here, and facts as the reference interpreter holds them):
bool → bool; int → int; decimal → int in units of 1/10,000; string → str; timestamp → int
microseconds since 1970-01-01T00:00:00Z;
duration → int microseconds; enum → the member's Charter name (str);
path → normalised absolute path (str); ip → int (IPv4 its number, IPv6 2**128 more);
cidr → (first, last) such numbers, inclusive; json → True (only its presence can be asked);
level → the member's rank (int, 0 is lowest); entity → its uid ``Type::id`` (str);
set and list → tuple in the order received; record → dict of Charter name to value, absent fields
left out.

Evaluation gives a value or one error (Kleene). Errors come from unknown facts only:
* ``unknown_entity``: an attribute of, ``has`` through, or ``in`` an entity on a reference that
  nothing describes (directory first, then the request's principal, chain, resource and entities);
  also ``in`` when the entity's ancestors are not all known and the known ones do not settle it.
* ``absent``: reading what is not there; flow typing makes it impossible: a safety net.
The error of an expression is the first in source order among those that decided it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from pdp.lang.source import Span
from pdp.lang.types import Node, Schema, Type

Value: TypeAlias = "bool | int | str | tuple[Value, ...] | dict[str, Value]"


# ---------------------------------------------------------------- expressions


class Const(Node, frozen=True):
    """A literal, member, const, data or group; the value as this module's docstring says."""

    value: Value
    type: Type
    span: Span


class Root(Node, frozen=True):
    """principal, agent, user, chain, resource, action, args, context, tool, now, approver, risk.

    ``principal`` is the chain member being judged; ``agent`` the first agent in the chain, if any;
    ``user`` the last of the chain if it is a person; ``chain`` a tuple of uids, acting one first.
    action, args, context, tool and risk have a RecordT (action: reversible, risk; tool: server,
    name, digest; risk: tier).
    """

    name: str
    type: Type
    span: Span


class Var(Node, frozen=True):
    """The variable of the enclosing quantifier (there is at most one)."""

    name: str
    type: Type
    span: Span


class Attr(Node, frozen=True):
    """``base.name``: a field of a record, or an attribute of the entity that ``base`` refers to.

    ``optional`` when it may be absent, or not even declared, in some type or action in scope
    (``any action``, and ``show`` of routes): what the one at hand does not declare is absent.
    """

    base: Expr
    name: str
    type: Type
    optional: bool
    span: Span


class Has(Node, frozen=True):
    """Whether every segment of ``target`` is present: bases first, from the root.

    False as soon as one is absent; an error when an entity on the way (a base) is unknown.
    The last segment's own entity, if it is one, need not be known.
    """

    target: Attr | Root
    span: Span


class Compare(Node, frozen=True):
    """``left op right`` of one type (levels by rank, entities by uid). op: == != < <= > >=."""

    op: str
    left: Expr
    right: Expr
    span: Span


class InCollection(Node, frozen=True):
    """``item`` equals a member of ``collection`` (no ancestors involved)."""

    item: Expr
    collection: Expr
    span: Span


class InEntity(Node, frozen=True):
    """``item`` is ``ancestor`` or below it. Unknown item: error, even when the uids are equal."""

    item: Expr
    ancestor: Expr
    span: Span


class Like(Node, frozen=True):
    """The whole string matches ``parts`` joined by stars, each star any run of characters.

    ``("a", "b")`` is ``a*b``; ``("a",)`` has no star: equality.
    """

    subject: Expr
    parts: tuple[str, ...]
    span: Span


class Matches(Node, frozen=True):
    """The whole string matches the RE2 ``pattern``."""

    subject: Expr
    pattern: str
    span: Span


class Under(Node, frozen=True):
    """The path is ``prefix`` or below it, by whole segments."""

    subject: Expr
    prefix: str
    span: Span


class InNetwork(Node, frozen=True):
    """The ip lies in ``networks``: a cidr, or some cidr of a set or list."""

    item: Expr
    networks: Expr
    span: Span


class WindowSpan(Node, frozen=True):
    """Starts on each of ``days`` (0 is Monday) at ``start_min``, minutes after local midnight.

    Ends before ``end_min`` (at most 1440), on the next day if ``end_min <= start_min``.
    """

    days: frozenset[int]
    start_min: int
    end_min: int


class Window(Node, frozen=True):
    """Local wall time in ``zone`` (IANA). Local dates in ``holidays`` (ISO) are outside, whole."""

    name: str
    spans: tuple[WindowSpan, ...]
    zone: str
    holidays: frozenset[str]


class InWindow(Node, frozen=True):
    """The timestamp, as local wall time, lies in ``[start, end)`` of some span of ``window``."""

    item: Expr
    window: Window
    span: Span


class Begins(Node, frozen=True):
    """The list starts with one alternative of each position, in order."""

    subject: Expr
    prefix: tuple[tuple[Value, ...], ...]
    span: Span


class Count(Node, frozen=True):
    """The number of members of a set, list or ``chain``."""

    collection: Expr
    span: Span


class Sum(Node, frozen=True):
    """``terms`` are (sign, operand), sign +1 or -1; exact. timestamp ± duration is a timestamp."""

    terms: tuple[tuple[int, Expr], ...]
    type: Type
    span: Span


class Scale(Node, frozen=True):
    """``operand`` times the literal ``factor`` (both int, or both decimal); exact, no rounding."""

    operand: Expr
    factor: Const
    type: Type
    span: Span


class And(Node, frozen=True):
    """False if any operand is false, else the first error, else true."""

    operands: tuple[Expr, ...]
    span: Span


class Or(Node, frozen=True):
    """True if any operand is true, else the first error, else false."""

    operands: tuple[Expr, ...]
    span: Span


class Not(Node, frozen=True):
    """Error stays error."""

    operand: Expr
    span: Span


class Quantified(Node, frozen=True):
    """some: Or over the members; every: And over them; no: Not some. Empty: false, true, true."""

    quantifier: str
    variable: str
    collection: Expr
    body: Expr
    span: Span


Expr: TypeAlias = (
    Const | Root | Var | Attr | Has | Compare | InCollection | InEntity | InNetwork | InWindow
    | Like | Matches | Under | Begins | Count | Sum | Scale | And | Or | Not | Quantified
)  # fmt: skip


# ---------------------------------------------------------------- rules and routes


class WhoClause(Node, frozen=True):
    """Principals of one of ``types``, and below ``group`` (a uid) if one is named (InEntity)."""

    types: frozenset[str]
    group: str | None
    span: Span


class ResourceClause(Node, frozen=True):
    """Resources of ``type``, and below ``group`` (a uid) if one is named (InEntity)."""

    type: str
    group: str | None
    span: Span


class LogLevel(Node, frozen=True):
    """``log summary`` or ``log full``; full wins."""

    level: str


class Redact(Node, frozen=True):
    """Wire paths that the caller redacts and the log omits; ``hidden`` names them for the log."""

    paths: tuple[str, ...]
    hidden: tuple[str, ...]


class Notify(Node, frozen=True):
    """A uid or an address."""

    target: str


class Rate(Node, frozen=True):
    """At most ``count`` per ``per_s`` seconds by ``subject``; smallest count per (per, subject)."""

    count: int
    per_s: int
    subject: str


ObligationT: TypeAlias = LogLevel | Redact | Notify | Rate


class Rule(Node, frozen=True):
    """One rule: a candidate when action and types fit.

    It holds when (some who clause) and (some resource clause) and ``when`` and not
    ``unless``, by Kleene, in this order. ``resources`` is None when any resource
    (or none) will do. ``effect`` is allow, deny, require or oblige. A ``shadow`` rule is
    evaluated and logged, never enforced.
    """

    name: str
    owner: str
    contact: str
    effect: str
    who: tuple[WhoClause, ...]
    actions: tuple[str, ...]
    resources: tuple[ResourceClause, ...] | None
    routes: tuple[str, ...]
    when: Expr | None
    unless: Expr | None
    because: str
    obligations: tuple[ObligationT, ...]
    span: Span
    shadow: bool = False


class CheckedNeed(Node, frozen=True):
    """``count`` people of ``group`` (a uid) for whom ``where`` holds (error: not eligible)."""

    group: str
    where: Expr | None
    where_text: str
    count: int
    span: Span


class Route(Node, frozen=True):
    """Who must agree. ``show`` pairs a label with a path; an absent or unknown value shows absent.

    ``exclude`` always holds ``requester``. None for a clock means the default (24 h, 1 h).
    ``confirm_user``: the last person in the chain confirms. ``escalate``: (route, after seconds).
    """

    name: str
    needs: tuple[CheckedNeed, ...]
    exclude: tuple[str, ...]
    expires_s: int | None
    show: tuple[tuple[str, Attr | Root], ...]
    span: Span
    use_within_s: int | None = None
    confirm_user: bool = False
    escalate: tuple[str, int] | None = None


class RiskFactor(Node, frozen=True):
    """Adds ``points`` when ``when`` is true, or cannot be evaluated: points only ever add."""

    points: int
    reason: str
    when: Expr
    span: Span


class RiskTier(Node, frozen=True):
    """Reached from ``from_points`` on; its routes are required. ``rank`` is that of level Risk."""

    name: str
    rank: int
    from_points: int
    routes: tuple[str, ...]
    span: Span


class RiskModel(Node, frozen=True):
    """Factors in the order written; tiers by rising ``from_points``. No tier reached is low."""

    factors: tuple[RiskFactor, ...]
    tiers: tuple[RiskTier, ...]
    owner: str
    contact: str


class Invariant(Node, frozen=True):
    """A claim about every request whose acting principal, action and resource fit.

    ``quantifier`` is never or always; ``effect`` allow, deny or approval (from ``route``, if
    named). Where ``when`` is false or an error for the acting principal, it claims nothing.
    """

    title: str
    owner: str
    quantifier: str
    effect: str
    route: str | None
    who: tuple[WhoClause, ...]
    actions: tuple[str, ...]
    resources: tuple[ResourceClause, ...] | None
    when: Expr | None
    span: Span


# ---------------------------------------------------------------- tests


class Fixture(Node, frozen=True):
    """A typed entity for tests: ``attributes`` is JSON text in wire form, None without braces."""

    name: str
    type: str
    id: str
    parents: tuple[str, ...]
    attributes: str | None
    bundle: str = ""

    @property
    def uid(self) -> str:
        return f"{self.type}::{self.id}"

    @property
    def key(self) -> str:
        """Its name, unique among the bundles loaded together."""
        return f"{self.bundle}/{self.name}"


class Expectation(Node, frozen=True):
    """effect is allow, deny or approval; cause, route, tier and ``by`` count where not None.

    ``by`` must equal the set of determining rules.
    """

    effect: str
    cause: str | None
    route: str | None
    by: tuple[str, ...] | None
    span: Span
    tier: str | None = None


class PolicyTest(Node, frozen=True):
    """One ``test``: fixtures by key, args and context as JSON object text in wire form.

    ``chain`` is the agents in the order written, then the user. Fixtures of other bundles are
    not part of it. A table test is one of these for each case.
    """

    title: str
    chain: tuple[str, ...]
    action: str
    resource: str | None
    args: str
    context: str
    now_us: int
    expect: Expectation
    span: Span
    bundle: str = ""


class BundleInfo(Node, frozen=True):
    """What a ``bundle`` line says; of several bundles together, names and versions joined by +."""

    name: str
    version: str
    owner: str
    contact: str
    governs: tuple[str, ...]
    is_guard: bool = False


class Group(Node, frozen=True):
    """A declared group."""

    name: str
    uid: str
    span: Span


class CheckedPolicies(Node, frozen=True):
    """A program without errors. ``rules`` and ``routes`` are sorted: order cannot matter."""

    bundle: BundleInfo
    schema: Schema
    rules: Sequence[Rule]
    routes: dict[str, Route]
    fixtures: dict[str, Fixture]
    tests: tuple[PolicyTest, ...]
    groups: tuple[Group, ...] = ()
    bundles: tuple[BundleInfo, ...] = ()
    risk: RiskModel | None = None
    invariants: tuple[Invariant, ...] = ()


def type_of(expr: Expr) -> Type | None:
    """The type of a value; None for a truth-valued expression (has, comparisons, and/or/not …)."""
    match expr:
        case Const() | Root() | Var() | Attr() | Sum() | Scale():
            return expr.type
        case _:
            return None
