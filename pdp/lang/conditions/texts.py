"""``like``, ``matches``, ``under`` and ``begins`` to typed expressions."""

from __future__ import annotations

import re
from typing import Final

import re2

from pdp.lang import complaints, nodes
from pdp.lang.checked import (
    Begins,
    Expr,
    Like,
    Matches,
    Under,
    Value,
)
from pdp.lang.conditions.scope import Env, Typed
from pdp.lang.conditions.terms import Check, constant_items, maybe_negated, mismatch, truth
from pdp.lang.declared import values
from pdp.lang.types import (
    PATH,
    STRING,
    CollT,
    EnumT,
    Prim,
    describe,
)

# Why a claimed value may not be read in an allow: also how the tier check knows where it stands.
_UNIT: Final = re.compile(r"\\.|.", re.DOTALL)
_RAW_UNIT: Final = re.compile(r"\\\*|.", re.DOTALL)
_ESCAPED: Final = {r"\n": "\n", r"\t": "\t", r"\"": '"', r"\\": "\\"}
PATTERN_BYTES_MAX: Final = 1 << 20


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
    typed = truth(expr, subject)
    return maybe_negated(typed, node.span, negated=node.negated)


def _text_test(node: nodes.TextTest, subject: Expr, env: Env) -> Expr | None:
    pattern = node.pattern.value
    match node.op.text:
        case "like":
            return Like(subject, like_parts(node.pattern.written), node.span)
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


def like_parts(written: str) -> tuple[str, ...]:
    r"""The text between the stars of a pattern as written, quotes included.

    ``\*`` is a star that stands for itself, also in a raw text; ``\\*`` in a plain text is a
    backslash and a star that stands for anything.
    """
    is_raw = written.startswith("r")
    body = written[2:-1] if is_raw else written[1:-1]
    escaped = _RAW_UNIT if is_raw else _UNIT
    parts = [""]
    for unit in escaped.findall(body):
        if unit == "*":
            parts.append("")
        else:
            parts[-1] += _ESCAPED.get(unit, unit) if unit != r"\*" else "*"
    return tuple(parts)


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
    typed = truth(Begins(subject.expr, tuple(prefix), node.span), subject)
    return maybe_negated(typed, node.span, negated=node.negated)
