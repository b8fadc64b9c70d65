"""What the static checks complain about, one constructor each; nothing here decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pdp.lang.diagnostics import Code, Diagnostic
from pdp.lang.source import Span

_TABLE: Final = (
    # code, name, severity, what
    ("C0505", "too-costly", "error", "a condition that can take more steps than allowed"),
    ("C0604", "never-true", "warning", "a condition, or a part of one, that is never true"),
    ("C0605", "always-true", "warning", "a condition, or a part of one, that is always true"),
    ("C0606", "vacuous-every", "warning", "an `every` in an allow that holds for an empty set"),
    ("C0607", "redundant-rule", "warning", "a rule that another one makes superfluous"),
    ("C0608", "shadowed-allow", "warning", "an allow that a deny always overrules"),
    ("C0609", "never-fires", "warning", "a rule or claim that nothing can come under"),
    ("C0610", "action-nobody-allows", "warning", "an action that no rule allows to anybody"),
    ("C0611", "action-for-agents-only", "warning", "an action allowed for agents, no person"),
    ("C0612", "unreachable-tier", "warning", "a tier above the sum of all points"),
    ("C0613", "no-eligible-approver", "error", "a route with too few people to fill it"),
    ("C0614", "nobody-left-to-approve", "warning", "a route with too few others for who may ask"),
    ("C0615", "owner-may-approve", "warning", "owners seem to approve what cannot be undone"),
    ("C0616", "confirmation-alone", "error", "only the asking person confirms something grave"),
    ("C0617", "absent-claim-weakens", "warning", "leaving out an untrusted value disarms a rule"),
    ("C0618", "unused", "warning", "a declaration that nothing uses"),
    ("C0619", "unused-import", "warning", "an import of which nothing is used"),
    ("C0702", "only-agents-asked", "warning", "only agents need approval for the irreversible"),
    ("C0703", "grave-and-unasked", "warning", "agents may do grave things with nobody asked"),
)  # fmt: skip
CODES: Final = {row[0]: Code(*row) for row in _TABLE}


def _at(
    code: str, span: Span, message: str, label: str = "", help: str = "", *places: tuple[Span, str]
) -> Diagnostic:
    """``places`` are further spans with their notes."""
    return Diagnostic(CODES[code], span, message, label, help, places)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def _one_of(names: Sequence[str], most: int = 3) -> str:
    """`a`, `b` or `c`; of more than three, how many others."""
    shown = [f"`{name}`" for name in names[:most]]
    if len(names) > most:
        shown.append(_counted(len(names) - most, "other"))
    *before, last = shown
    return f"{', '.join(before)} or {last}" if before else last


# ---------------------------------------------------------------- cost


def too_costly(span: Span, what: str, steps: int, most: int, home: Span) -> Diagnostic:
    """``what`` as in "rule `p.r`"; ``span`` is the part that costs most, ``home`` where it is."""
    return _at(
        "C0505", span, f"{what} can take {steps:,} steps; at most {most:,} are allowed",
        "costs most", "declare a smaller bound for the set, or ask less of each member",
        (home, "counted here"),
    )  # fmt: skip


# ---------------------------------------------------------------- conditions


def never_true(span: Span, subject: str, consequence: str, because: Sequence[Span]) -> Diagnostic:
    """``subject`` is the value that nothing fits, or ''; ``because`` what leaves it no choice."""
    message = f"never true: no value of `{subject}` fits" if subject else "never true"
    places = [(place, "asked here already") for place in because]
    return _at("C0604", span, message, consequence, "correct it, or remove it", *places)


def always_true(span: Span, consequence: str) -> Diagnostic:
    return _at("C0605", span, "always true", consequence, "correct it, or remove it")


def vacuous_every(span: Span, path: str) -> Diagnostic:
    return _at(
        "C0606", span, f"`every` is true when `{path}` is empty, so this allows it",
        "holds for an empty set", f"write `count({path}) > 0 and every …`",
    )  # fmt: skip


def absent_claim_weakens(span: Span, path: str, op: str, guard: Span) -> Diagnostic:
    return _at(
        "C0617", span, f"who leaves out the untrusted `{path}` is not caught",
        "nobody makes the caller send it", f"write `(not has {path} or {path} {op} …)`",
        (guard, "false when it is absent"),
    )  # fmt: skip


# ---------------------------------------------------------------- rules


def redundant_rule(span: Span, rule: str, other: str, other_span: Span) -> Diagnostic:
    return _at(
        "C0607", span, f"rule `{rule}` adds nothing to `{other}`", "superfluous",
        "remove it, or say what it is about that the other is not",
        (other_span, "covers all of it"),
    )  # fmt: skip


def shadowed_allow(span: Span, rule: str, deny: str, deny_span: Span) -> Diagnostic:
    return _at(
        "C0608", span, f"rule `{rule}` never allows anything: `{deny}` always denies",
        "always overruled", "remove it, or give the deny a condition",
        (deny_span, "denies all of it, without a condition"),
    )  # fmt: skip


def nobody_to_ask(span: Span, rule: str, who: Sequence[str]) -> Diagnostic:
    return _at(
        "C0609", span, f"rule `{rule}` never asks: nothing allows this to {_one_of(who)}",
        "denied anyway", "add an allow rule, or correct for whom approval is required",
    )  # fmt: skip


def no_action(span: Span, what: str) -> Diagnostic:
    """``what`` as in "rule `p.r`"."""
    return _at(
        "C0609", span, f"{what} is about no action: none is declared that `any action` stands for",
        "never fires", "declare the actions, import their bundle, or correct `governs`",
    )  # fmt: skip


def no_member(span: Span, rule: str, types: Sequence[str], group: str) -> Diagnostic:
    return _at(
        "C0609", span, f"rule `{rule}` never fires: no {_one_of(types)} is in `{group}`",
        "nobody in the directory", "add members to a *.directory.json file, or correct the group",
    )  # fmt: skip


def action_nobody_allows(span: Span, action: str) -> Diagnostic:
    return _at(
        "C0610", span, f"nothing allows `{action}` to anybody", "always denied",
        f"add an allow rule, or a deny of `{action}` that says why",
    )  # fmt: skip


def action_for_agents_only(
    span: Span, action: str, people: Sequence[str], allow: Span
) -> Diagnostic:
    return _at(
        "C0611", span, f"`{action}` is allowed for agents but for no person",
        "never possible on anyone's behalf",
        f"add `allow {people[0]} to {action}`, or `not has user` to the allow if that is meant",
        (allow, "allowed for agents here"),
    )  # fmt: skip


def only_agents_asked(span: Span, rule: str, action: str, decl: Span) -> Diagnostic:
    return _at(
        "C0702", span, f"rule `{rule}` is for agents only: people do `{action}` unasked", "",
        "write `for anyone`, or deny it to people",
        (decl, "cannot be undone"),
    )  # fmt: skip


def grave_and_unasked(span: Span, rule: str, action: str, risk: str, decl: Span) -> Diagnostic:
    return _at(
        "C0703", span, f"rule `{rule}` lets agents do `{action}` without anybody asked", "",
        f"add `require approval from ROUTE for anyone to {action}`",
        (decl, f"irreversible, risk {risk}"),
    )  # fmt: skip


# ---------------------------------------------------------------- approvals


def unreachable_tier(span: Span, tier: str, points: int, total: int) -> Diagnostic:
    return _at(
        "C0612", span, f"tier `{tier}` is never reached: all points together are {total:,}",
        f"from {points:,}", "lower it, or add points",
    )  # fmt: skip


def no_eligible_approver(span: Span, what: str, need: str) -> Diagnostic:
    return _at(
        "C0613", span, f"{what} can never be approved: the directory has too few people", need,
        "add people to the group in a *.directory.json file, or ask for fewer",
    )  # fmt: skip


def nobody_left(span: Span, route: str, people: Sequence[str]) -> Diagnostic:
    return _at(
        "C0614", span, f"route `{route}` cannot be filled when {_one_of(people)} asks",
        "nobody approves for themselves", "add people to the group, or deny it to its members",
    )  # fmt: skip


def owner_may_approve(span: Span, route: str, action: str, user: Span) -> Diagnostic:
    return _at(
        "C0615", span, f"the owner of an agent never approves `{action}`: it cannot be undone",
        "seems to let the owner approve",
        f"write `exclude requester, owner` in `{route}`, or take another route",
        (user, "asks this route"),
    )  # fmt: skip


def confirmation_alone(span: Span, what: str, grave: str) -> Diagnostic:
    return _at(
        "C0616", span, f"{what} asks only the person who wants it, for {grave}",
        "not four eyes", "add a route with `need 1 of GROUP`",
    )  # fmt: skip


# ---------------------------------------------------------------- unused


def unused(span: Span, kind: str, name: str) -> Diagnostic:
    return _at("C0618", span, f"{kind} `{name}` is never used", help="remove it")


def unused_import(span: Span, name: str) -> Diagnostic:
    return _at("C0619", span, f"nothing of `{name}` is used", help="remove the import")
