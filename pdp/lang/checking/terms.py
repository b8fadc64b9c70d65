"""Comparisons, membership, text tests and arithmetic to typed expressions: the operator table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import re2

from pdp.lang import complaints, nodes
from pdp.lang.checked import (
    Attr,
    Begins,
    Compare,
    Const,
    Expr,
    InCollection,
    InEntity,
    InNetwork,
    InWindow,
    Like,
    Matches,
    Not,
    Root,
    Scale,
    Sum,
    Under,
    Value,
    Window,
)
from pdp.lang.checking import values
from pdp.lang.checking.paths import Env, Typed
from pdp.lang.checking.report import BROKEN
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.source import Span
from pdp.lang.types import (
    BOOL,
    DECIMAL,
    DURATION,
    INT,
    PATH,
    STRING,
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
PATTERN_BYTES_MAX: Final = 1 << 20
_ORDERED: Final = frozenset({INT, DECIMAL, TIMESTAMP, DURATION})
# What `left + right` and `left - right` give; anything else is refused.
_ADDITION: Final = {
    (INT, INT): INT,
    (DECIMAL, DECIMAL): DECIMAL,
    (DURATION, DURATION): DURATION,
    (TIMESTAMP, DURATION): TIMESTAMP,
}


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
    return _truth(Compare(op, left.expr, right.expr, node.span), left, right)


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
    if op in safe and not (tier_left and tier_right):
        return True
    where = env.claimed_where or f"with `{op}`"
    span = (left if tier_left else right).expr.span
    env.report.append(complaints.claimed_loosens(span, "risk.tier", where))
    return False


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
        typed_right = check(right, env, None)
        typed_left = check(left, env, typed_right.type if typed_right else None)
        if typed_right is None:
            return None
    else:
        typed_left = check(left, env, None)
        if typed_left is None and _needs_help(right):
            return None  # what the bare name could be is unknown: one complaint is enough
        typed_right = check(right, env, typed_left.type if typed_left else None)
    if typed_left is None or typed_right is None:
        return None
    return typed_left, typed_right


def _needs_help(node: nodes.Expr) -> bool:
    """Whether the other side says what this can be: a bare name, or text that may be a path."""
    if isinstance(node, nodes.Literal):
        return node.kind == "string"
    return isinstance(node, nodes.Path) and len(node.segments) == 1


def _truth(expr: Expr, *parts: Typed) -> Typed:
    return Typed(expr, BOOL, any(part.claimed for part in parts))


def check_member(node: nodes.MemberOf, env: Env, check: Check) -> Typed | None:
    """``x in S``: a set or list, a written list, or an entity that x may be below."""
    if node.negated:
        env = env.without_claims("in `not in`")
    left = check(node.left, env, None)
    if left is None:
        return None
    if is_tier(left.expr) and env.names.risk_is_claimed:
        span = left.expr.span
        env.report.append(complaints.claimed_loosens(span, "risk.tier", "with `in`"))
        return None
    window = _window(node.right, env)
    if window is not None:
        typed = _in_window(node, left, window, env)
        return None if typed is None else _maybe_negated(typed, node.span, negated=node.negated)
    if isinstance(node.right, nodes.ListExpr):
        typed = _in_list(node, left, node.right, env, check)
    else:
        typed = _in_value(node, left, env, check)
    if typed is None:
        return None
    return _maybe_negated(typed, node.span, negated=node.negated)


def _window(node: nodes.Expr, env: Env) -> Window | None:
    if not isinstance(node, nodes.Path):
        return None
    return env.names.windows.get(".".join(segment.text for segment in node.segments))


def _in_window(node: nodes.MemberOf, left: Typed, window: Window, env: Env) -> Typed | None:
    if left.type != TIMESTAMP:
        env.report.append(mismatch(node.left.span, TIMESTAMP, left.type))
        return None
    return _truth(InWindow(left.expr, window, node.span), left)


def _maybe_negated(typed: Typed, span: Span, *, negated: bool) -> Typed:
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
    return _truth(InCollection(left.expr, collection, node.span), left)


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


def _in_value(node: nodes.MemberOf, left: Typed, env: Env, check: Check) -> Typed | None:
    right = check(node.right, env, left.type)
    if right is None:
        return None
    match left.type, right.type:
        case EntityT(), EntityT():
            if not can_be_below(env.names.schema, left.type, right.type):
                env.report.append(complaints.never_equal(node.span, left.type, right.type))
                return None
            return _truth(InEntity(left.expr, right.expr, node.span), left, right)
        case Prim(name="ip"), Prim(name="cidr") | CollT(item=Prim(name="cidr")):
            return _truth(InNetwork(left.expr, right.expr, node.span), left, right)
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
    return _truth(InCollection(left.expr, right.expr, node.span), left, right)


def can_be_below(schema: Schema, item: EntityT, ancestor: EntityT) -> bool:
    """Whether some type of ``item`` can be, or be below, some type of ``ancestor``."""
    return any(schema.parent_types(name) & ancestor.names for name in item.names)


def check_text_test(node: nodes.TextTest, env: Env, check: Check) -> Typed | None:
    """``like`` and ``matches`` on strings, ``under`` on paths."""
    op = node.op.text
    if node.negated:
        env = env.without_claims(f"in `not {op}`")
    subject = check(node.subject, env, None)
    if subject is None:
        return None
    wanted = PATH if op == "under" else STRING
    if subject.type != wanted:
        env.report.append(mismatch(node.subject.span, wanted, subject.type))
        return None
    expr = _text_test(node, subject.expr, env)
    if expr is None:
        return None
    typed = _truth(expr, subject)
    return _maybe_negated(typed, node.span, negated=node.negated)


def _text_test(node: nodes.TextTest, subject: Expr, env: Env) -> Expr | None:
    pattern = node.pattern.value
    match node.op.text:
        case "like":
            return Like(subject, like_parts(pattern), node.span)
        case "under":
            prefix = values.path_value(pattern, node.pattern.span, env.report)
            return None if prefix is None else Under(subject, str(prefix), node.span)
        case op:
            assert op == "matches", op
            problem = pattern_problem(pattern)
            if problem:
                env.report.append(complaints.bad_pattern(node.pattern.span, problem))
                return None
            return Matches(subject, pattern, node.span)


def pattern_problem(pattern: str) -> str:
    """What RE2 has against a pattern, or '' if it takes it."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_BYTES_MAX
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        detail = error.args[0] if error.args else b""
        return detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
    return ""


def like_parts(pattern: str) -> tuple[str, ...]:
    r"""The text between the stars; ``\*`` is a star that stands for itself."""
    return tuple(part.replace("\0", "*") for part in pattern.replace("\\*", "\0").split("*"))


def check_begins(node: nodes.Begins, env: Env, check: Check) -> Typed | None:
    """``list begins ["a", ["b", "c"]]``: alternatives per position."""
    if node.negated:
        env = env.without_claims("in `not begins`")
    subject = check(node.subject, env, None)
    if subject is None:
        return None
    if not isinstance(subject.type, CollT) or subject.type.kind != "list":
        env.report.append(
            complaints.type_mismatch(node.subject.span, "a list", describe(subject.type))
        )
        return None
    item_type = subject.type.item
    if not isinstance(item_type, Prim | EnumT):
        env.report.append(complaints.not_comparable(node.span, "begins", subject.type, item_type))
        return None
    prefix: list[tuple[Value, ...]] = []
    fine = True
    for item in node.prefix.items:
        alternatives = (
            item if isinstance(item, nodes.ListExpr) else nodes.ListExpr((item,), item.span)
        )
        found = constant_items(alternatives, item_type, env, check)
        fine = fine and found is not None
        prefix.append(found or ())
    if not fine:
        return None
    typed = _truth(Begins(subject.expr, tuple(prefix), node.span), subject)
    return _maybe_negated(typed, node.span, negated=node.negated)


def check_sum(node: nodes.Sum, env: Env, check: Check) -> Typed | None:
    """``+`` and ``-``; the table says what goes with what."""
    terms: list[tuple[int, Typed]] = []
    for index, operand in enumerate(node.operands):
        typed = check(operand, env, None)
        if typed is None:
            return None
        sign = -1 if index and node.ops[index - 1].text == "-" else 1
        terms.append((sign, typed))
    result = terms[0][1].type
    for sign, typed in terms[1:]:
        op = "-" if sign < 0 else "+"
        if (result, typed.type) == (TIMESTAMP, TIMESTAMP) and sign < 0:
            result = DURATION
            continue
        if (result, typed.type) == (DURATION, TIMESTAMP) and sign > 0:
            result = TIMESTAMP
            continue
        following = _ADDITION.get((result, typed.type))  # type: ignore[arg-type]
        if following is None:
            env.report.append(complaints.not_comparable(node.span, op, result, typed.type))
            return None
        result = following
    claimed = any(typed.claimed for _, typed in terms)
    expr = Sum(tuple((sign, typed.expr) for sign, typed in terms), result, node.span)
    return Typed(expr, result, claimed)


def check_product(node: nodes.Product, env: Env, check: Check) -> Typed | None:
    """``value * literal``: one side must be a literal of the same type."""
    typed = check(node.operands[0], env, None)
    for operand in node.operands[1:]:
        right = check(operand, env, None)
        if typed is None or right is None:
            return None
        if typed.type != right.type or typed.type not in {INT, DECIMAL}:
            env.report.append(complaints.not_comparable(node.span, "*", typed.type, right.type))
            return None
        if isinstance(right.expr, Const):
            value, factor = typed, right.expr
        elif isinstance(typed.expr, Const):
            value, factor = right, typed.expr
        else:
            env.report.append(
                complaints.type_mismatch(
                    node.span,
                    "a literal on one side of `*`",
                    "two variables",
                    "let the caller send the product, or compare the parts",
                )
            )
            return None
        typed = Typed(Scale(value.expr, factor, value.type, node.span), value.type, value.claimed)
    return typed


def check_negative(node: nodes.Negative, env: Env, check: Check) -> Typed | None:
    """``-x`` on int, decimal and duration."""
    if isinstance(node.operand, nodes.Literal) and node.operand.kind in {"int", "decimal"}:
        value = values.literal_value(node.operand, env.report, negative=True)
        type_ = Prim(node.operand.kind)
        return None if value is None else Typed(Const(value, type_, node.span), type_)
    typed = check(node.operand, env, None)
    if typed is None:
        return None
    if typed.type not in {INT, DECIMAL, DURATION} or typed.type is BROKEN:
        env.report.append(complaints.not_comparable(node.span, "-", typed.type, typed.type))
        return None
    return Typed(Sum(((-1, typed.expr),), typed.type, node.span), typed.type, typed.claimed)
