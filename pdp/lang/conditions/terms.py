"""Comparisons, membership, text tests and arithmetic to typed expressions: the operator table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from pdp.lang import complaints, nodes
from pdp.lang.checked import (
    Attr,
    Compare,
    Const,
    Expr,
    InCollection,
    InEntity,
    InNetwork,
    InWindow,
    Not,
    Root,
    Value,
    Window,
)
from pdp.lang.conditions.scope import Env, Typed
from pdp.lang.declared import values
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.source import Span
from pdp.lang.types import (
    BOOL,
    DECIMAL,
    DURATION,
    INT,
    PATH,
    TIMESTAMP,
    CollT,
    EntityT,
    EnumT,
    Prim,
    RecordT,
    Schema,
    Type,
    describe,
)

# The checker of sub-expressions (``expressions.check``), handed in so that there is no cycle.
Check: TypeAlias = Callable[[nodes.Expr, Env, Type | None], Typed | None]

# Why a claimed value may not be read in an allow: also how the tier check knows where it stands.
IN_ALLOW: Final = "in an allow"
_ORDERED: Final = frozenset({INT, DECIMAL, TIMESTAMP, DURATION})


# What `left + right` and `left - right` give; anything else is refused.
def fits(found: Type, wanted: Type) -> bool:
    """Whether a value may stand where ``wanted`` is declared (an entity: a narrower union)."""
    if isinstance(found, EntityT) and isinstance(wanted, EntityT):
        return found.names <= wanted.names
    if isinstance(found, CollT) and isinstance(wanted, CollT):
        return found.kind == wanted.kind and fits(found.item, wanted.item)
    return found == wanted


def mismatch(span: Span, wanted: Type, found: Type) -> Diagnostic:
    """The complaint that ``found`` stands where ``wanted`` is expected."""
    return complaints.type_mismatch(span, describe(wanted), describe(found))


def check_literal(node: nodes.Literal, env: Env, expected: Type | None) -> Typed | None:
    """A literal in a condition; a string is a path where a path is expected."""
    if expected == PATH and node.kind == "string":
        path = values.path_value(str(node.value), node.span, env.report)
        return None if path is None else Typed(Const(path, PATH, node.span), PATH)
    value = values.literal_value(node, env.report)
    if value is None:
        return None
    type_ = Prim(node.kind)
    return Typed(Const(value, type_, node.span), type_)


def check_compare(node: nodes.Compare, env: Env, check: Check) -> Typed | None:
    """``== != < <= > >=`` on two values of one type."""
    op = node.op.text
    if op == "=":
        env.report.append(complaints.single_equals(node.op.span))
        op = "=="
    if op == "!=":
        env = env.without_claims("in `!=`")
    pair = _both(node.left, node.right, env, check)
    if pair is None:
        return None
    left, right = pair
    if isinstance(left.type, EntityT) and isinstance(right.type, EntityT):
        if not left.type.names & right.type.names:
            env.report.append(complaints.never_equal(node.span, left.type, right.type))
            return None
        comparable = op in {"==", "!="}
    else:
        comparable = left.type == right.type and _comparable(op, left.type)
    if not comparable:
        env.report.append(complaints.not_comparable(node.span, op, left.type, right.type))
        return None
    if node.op.text == "=" or not _tier_is_trusted(op, left, right, env):
        return None
    return truth(Compare(op, left.expr, right.expr, node.span), left, right)


def _tier_is_trusted(op: str, left: Typed, right: Typed, env: Env) -> bool:
    """Whether comparing the tier cannot loosen; reports it when it can.

    Claimed values can only raise the tier. So an allow may ask for a low one, and a rule that
    restricts for a high one; anything else would let a claim lift a restriction.
    """
    tier_left, tier_right = is_tier(left.expr), is_tier(right.expr)
    if not env.names.risk_is_claimed or not (tier_left or tier_right):
        return True
    if tier_right:
        op = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op, op)
    safe = {IN_ALLOW: {"<", "<="}, "": {">", ">="}}.get(env.claimed_where, set())
    if op in safe and not env.turned and not (tier_left and tier_right):
        return True
    where = env.claimed_where or f"with `{op}`"
    span = (left if tier_left else right).expr.span
    env.report.append(complaints.claimed_loosens(span, "risk.tier", where))
    return False


def _operand(node: nodes.Expr, env: Env) -> Env:
    """Where a side of a comparison stands: comparing a condition can hide a ``not``."""
    while isinstance(node, nodes.Group):
        node = node.inner
    is_value = isinstance(
        node, nodes.Path | nodes.Literal | nodes.Sum | nodes.Product | nodes.Negative
    ) or (isinstance(node, nodes.Call) and node.name.text == "count")
    return env if is_value else env.without_claims("in a compared condition")


def is_tier(expr: Expr) -> bool:
    """Whether this is `risk.tier`."""
    return isinstance(expr, Attr) and isinstance(expr.base, Root) and expr.base.name == "risk"


def _comparable(op: str, type_: Type) -> bool:
    match type_:
        case Prim(name="json"):
            return False
        case Prim():
            return type_ in _ORDERED or op in {"==", "!="}
        case EnumT():
            return type_.ordered or op in {"==", "!="}
        case _:
            return False


def _both(
    left: nodes.Expr, right: nodes.Expr, env: Env, check: Check
) -> tuple[Typed, Typed] | None:
    """Both sides; the side that is not a bare name is read first and says what the other can be."""
    if _needs_help(left) and not _needs_help(right):
        typed_right = check(right, _operand(right, env), None)
        typed_left = check(left, _operand(left, env), typed_right.type if typed_right else None)
        if typed_right is None:
            return None
    else:
        typed_left = check(left, _operand(left, env), None)
        if typed_left is None and _needs_help(right):
            return None  # what the bare name could be is unknown: one complaint is enough
        typed_right = check(right, _operand(right, env), typed_left.type if typed_left else None)
    if typed_left is None or typed_right is None:
        return None
    return typed_left, typed_right


def _needs_help(node: nodes.Expr) -> bool:
    """Whether the other side says what this can be: a bare name, or text that may be a path."""
    if isinstance(node, nodes.Literal):
        return node.kind == "string"
    return isinstance(node, nodes.Path) and len(node.segments) == 1


def truth(expr: Expr, *parts: Typed) -> Typed:
    """A condition made of these parts: claimed if one of them is."""
    return Typed(expr, BOOL, any(part.claimed for part in parts))


def check_member(node: nodes.MemberOf, env: Env, check: Check) -> Typed | None:
    """``x in S``: a set or list, a written list, or an entity that x may be below."""
    if node.negated:
        env = env.without_claims("in `not in`")
    right = _collection_first(node, env, check)
    left = check(node.left, env, right[1].item if right else None)
    if left is None:
        return None
    if is_tier(left.expr) and env.names.risk_is_claimed:
        span = left.expr.span
        env.report.append(complaints.claimed_loosens(span, "risk.tier", "with `in`"))
        return None
    window = _window(node.right, env)
    if window is not None:
        typed = _in_window(node, left, window, env)
        return None if typed is None else maybe_negated(typed, node.span, negated=node.negated)
    if isinstance(node.right, nodes.ListExpr):
        typed = _in_list(node, left, node.right, env, check)
    else:
        right_typed = right[0] if right else check(node.right, env, left.type)
        typed = _in_value(node, left, right_typed, env)
    if typed is None:
        return None
    return maybe_negated(typed, node.span, negated=node.negated)


def _collection_first(node: nodes.MemberOf, env: Env, check: Check) -> tuple[Typed, CollT] | None:
    """The collection on the right, where it says what a bare name on the left of ``in`` can be."""
    if not _needs_help(node.left) or isinstance(node.right, nodes.ListExpr):
        return None
    # Nothing else is a set, and a condition must not be read twice: nested, it would be 2 to the n.
    if not isinstance(node.right, nodes.Path) or _window(node.right, env) is not None:
        return None
    quiet = replace(env, report=[])
    right = check(node.right, quiet, None)
    if right is None or not isinstance(right.type, CollT):
        return None  # read again with the left side known, which may say more
    env.report.extend(quiet.report)
    return right, right.type


def _window(node: nodes.Expr, env: Env) -> Window | None:
    if not isinstance(node, nodes.Path):
        return None
    return env.names.windows.get(".".join(segment.text for segment in node.segments))


def _in_window(node: nodes.MemberOf, left: Typed, window: Window, env: Env) -> Typed | None:
    if left.type != TIMESTAMP:
        env.report.append(mismatch(node.left.span, TIMESTAMP, left.type))
        return None
    return truth(InWindow(left.expr, window, node.span), left)


def maybe_negated(typed: Typed, span: Span, *, negated: bool) -> Typed:
    """``typed``, or its negation where ``not`` was written before the operator."""
    return Typed(Not(typed.expr, span), BOOL, typed.claimed) if negated else typed


def _in_list(
    node: nodes.MemberOf, left: Typed, right: nodes.ListExpr, env: Env, check: Check
) -> Typed | None:
    if not isinstance(left.type, Prim | EnumT | EntityT):
        env.report.append(complaints.not_comparable(node.span, "in", left.type, left.type))
        return None
    if isinstance(left.type, EntityT):
        env.report.append(
            complaints.type_mismatch(
                right.span,
                "a group or a set",
                "a written list",
                "declare the group, and write `in GROUP`; join several with `or`",
            )
        )
        return None
    members = constant_items(right, left.type, env, check)
    if members is None:
        return None
    collection = Const(members, CollT("set", left.type, 0, len(members)), right.span)
    return truth(InCollection(left.expr, collection, node.span), left)


def constant_items(
    node: nodes.ListExpr, wanted: Type, env: Env, check: Check
) -> tuple[Value, ...] | None:
    """The values of a written list, each a constant of the wanted type."""
    found: list[Value] = []
    fine = True
    for item in node.items:
        typed = check(item, env, wanted)
        if typed is None:
            fine = False
        elif not isinstance(typed.expr, Const):
            env.report.append(
                complaints.type_mismatch(item.span, "a literal or a constant", "a computed value")
            )
            fine = False
        elif not fits(typed.type, wanted):
            env.report.append(mismatch(item.span, wanted, typed.type))
            fine = False
        else:
            found.append(typed.expr.value)
    return tuple(found) if fine else None


def _in_value(node: nodes.MemberOf, left: Typed, right: Typed | None, env: Env) -> Typed | None:
    if right is None:
        return None
    match left.type, right.type:
        case EntityT(), EntityT():
            if not can_be_below(env.names.schema, left.type, right.type):
                env.report.append(complaints.never_equal(node.span, left.type, right.type))
                return None
            return truth(InEntity(left.expr, right.expr, node.span), left, right)
        case Prim(name="ip"), Prim(name="cidr") | CollT(item=Prim(name="cidr")):
            return truth(InNetwork(left.expr, right.expr, node.span), left, right)
        case EntityT(), CollT(item=EntityT() as item):
            if not left.type.names & item.names:
                env.report.append(complaints.never_equal(node.span, left.type, item))
                return None
        case _, CollT(item=item):
            if left.type != item or isinstance(item, CollT | RecordT):
                env.report.append(complaints.not_comparable(node.span, "in", left.type, right.type))
                return None
        case _:
            env.report.append(complaints.not_comparable(node.span, "in", left.type, right.type))
            return None
    return truth(InCollection(left.expr, right.expr, node.span), left, right)


def can_be_below(schema: Schema, item: EntityT, ancestor: EntityT) -> bool:
    """Whether some type of ``item`` can be, or be below, some type of ``ancestor``."""
    return any(schema.parent_types(name) & ancestor.names for name in item.names)
