"""The checker's complaints (C01xx to C08xx), one constructor each; syntax is in ``codes``.

Longer than most files: one table and its constructors. Nothing here decides, nothing else phrases.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pdp.lang.diagnostics import Code, Diagnostic
from pdp.lang.nearest import nearest
from pdp.lang.source import Span
from pdp.lang.types import Type, describe

_TABLE: Final = (
    # code, name, severity, what
    ("C0101", "symbol-operator", "error", "an operator is a word in Charter: `and`, `or`, `not`"),
    ("C0102", "single-equals", "error", "equality is written `==`"),
    ("C0103", "mixed-and-or", "error", "`and` and `or` side by side need parentheses"),
    ("C0104", "bare-date", "error", "a date stands where a timestamp is meant"),
    ("C0105", "entity-literal", "error", "an entity id is written outside `group` and `fixture`"),
    ("C0201", "unknown-name", "error", "a name that nothing declares"),
    ("C0202", "unknown-action", "error", "an action that nothing declares"),
    ("C0203", "unknown-type", "error", "a type that nothing declares"),
    (
        "C0204",
        "unknown-attribute",
        "error",
        "an attribute, parameter or field that is not declared",
    ),
    ("C0205", "unknown-group", "error", "a group that nothing declares"),
    ("C0206", "unknown-member", "error", "not a member of the enum or level"),
    ("C0207", "unknown-route", "error", "a route that nothing declares"),
    ("C0208", "unknown-rule", "error", "a rule that nothing declares"),
    ("C0209", "unknown-fixture", "error", "a fixture that nothing declares"),
    ("C0210", "duplicate", "error", "one name declared twice"),
    ("C0211", "reserved", "error", "a reserved word declared as a name"),
    ("C0212", "not-governed", "error", "a rule over an action that the bundle does not govern"),
    ("C0213", "ambiguous-name", "error", "a bare name that fits two declarations"),
    ("C0214", "missing-data-file", "error", "a data file that is absent or does not fit its type"),
    ("C0215", "unknown-cause", "error", "not a deny cause"),
    ("C0216", "not-in-scope", "error", "a name that has no meaning here"),
    ("C0217", "bad-directory", "error", "a directory file that does not fit the schema"),
    ("C0218", "not-imported", "error", "a declaration of a bundle that is not imported"),
    ("C0219", "unknown-bundle", "error", "an import of a bundle that is not loaded"),
    (
        "C0220",
        "file-without-bundle",
        "error",
        "a file without a bundle line beside several bundles",
    ),
    ("C0301", "missing-attribution", "error", "owner, contact or reason is missing"),
    ("C0302", "misplaced-metadata", "error", "a metadata line that does not belong here"),
    (
        "C0303",
        "missing-bundle",
        "error",
        "no `bundle` line says what this is and who answers for it",
    ),
    ("C0304", "unsupported-language", "error", "a language version this checker does not know"),
    ("C0305", "bad-date", "error", "not a calendar date"),
    (
        "C0306",
        "review-passed",
        "warning",
        "the day by which a policy was to be reviewed has passed",
    ),
    ("C0307", "shadow-ended", "warning", "the last day of a shadow has passed"),
    ("C0401", "type-mismatch", "error", "a value of another type is expected"),
    ("C0402", "unguarded-optional", "error", "an optional value is read without `has`"),
    ("C0403", "claimed-loosens", "error", "an untrusted value that could loosen an answer"),
    ("C0404", "secret-shown", "error", "a secret value in `show`"),
    ("C0405", "not-a-condition", "error", "a condition must be true or false"),
    ("C0406", "not-comparable", "error", "values that this operator cannot compare"),
    ("C0407", "never-equal", "error", "entities of types that can never be equal"),
    ("C0408", "not-a-collection", "error", "a set or list is expected"),
    ("C0409", "out-of-range", "error", "a number outside its range"),
    ("C0410", "wrong-arguments", "error", "a call with the wrong arguments"),
    ("C0411", "not-a-principal", "error", "a type that cannot act"),
    ("C0412", "not-on-type", "error", "an action that does not take this resource type"),
    ("C0413", "no-resource", "error", "`resource` is read where an action has none"),
    (
        "C0414",
        "not-in-every-type",
        "error",
        "an attribute that not every type in scope declares alike",
    ),
    ("C0415", "missing-field", "error", "a mandatory field has no value"),
    ("C0416", "agent-without-owner", "error", "an agent type without a person as `owner`"),
    ("C0417", "bad-parent", "error", "a parent of a type that is not allowed"),
    ("C0418", "not-directory", "error", "a route over people that the directory does not hold"),
    ("C0419", "bad-obligation", "error", "an obligation that does not fit here"),
    ("C0420", "bad-effect-clause", "error", "a clause that this effect cannot have"),
    ("C0421", "incomplete-test", "error", "a test without the parts it needs"),
    ("C0422", "recursive", "error", "a declaration that contains itself"),
    ("C0423", "bad-value", "error", "text that is not a value of its type"),
    ("C0424", "bad-pattern", "error", "text that RE2 does not read as a pattern"),
    ("C0425", "misplaced-flag", "error", "a field flag that means nothing here"),
    ("C0426", "json-read", "error", "a json value is read; only its presence can be asked"),
    ("C0427", "bad-window", "error", "a window with a time, day or zone that does not exist"),
    ("C0428", "bad-risk", "error", "points or tiers that do not fit together"),
    ("C0501", "nested-quantifier", "error", "a quantifier inside a quantifier"),
    ("C0502", "too-many", "error", "more than the language allows"),
    ("C0503", "unbounded", "error", "a set or list without bounds"),
    ("C0504", "bad-bounds", "error", "bounds that allow nothing"),
    ("C0602", "weaker-escalation", "error", "an escalation to a route that asks less"),
    ("C0603", "late-escalation", "error", "an escalation after the approval has expired"),
    ("C0601", "group-not-in-directory", "warning", "a group that the directory does not describe"),
    ("C0701", "deny-without-because", "warning", "a deny that does not say why"),
    ("C0801", "not-yet", "error", "part of Charter 1 that this version does not evaluate yet"),
)
CODES: Final = {row[0]: Code(*row) for row in _TABLE}


def _at(code: str, span: Span, message: str, label: str = "", help: str = "") -> Diagnostic:
    return Diagnostic(CODES[code], span, message, label, help)


def close(name: str, known: Iterable[str]) -> str:
    """A did-you-mean help, or '' when nothing is close enough to be worth saying."""
    found = nearest(name, known)
    return f"did you mean `{found}`?" if found else ""


def _listed(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


# ---------------------------------------------------------------- spelling


def symbol_operator(span: Span, found: str) -> Diagnostic:
    word = {"&&": "and", "||": "or", "!": "not"}[found]
    return _at("C0101", span, f"`{found}` is not an operator", help=f"write `{word}`")


def single_equals(span: Span) -> Diagnostic:
    return _at("C0102", span, "`=` does not compare", help="write `==`")


def mixed_and_or(span: Span) -> Diagnostic:
    return _at(
        "C0103", span, "`and` and `or` are mixed", "which first?",
        "put parentheses around the part that belongs together",
    )  # fmt: skip


def bare_date(span: Span, text: str) -> Diagnostic:
    return _at(
        "C0104", span, f"expected a timestamp, found the date `{text}`",
        help=f"write `{text}T00:00:00Z`, with the time and zone you mean",
    )  # fmt: skip


def entity_literal(span: Span, text: str) -> Diagnostic:
    return _at(
        "C0105", span, f"the entity `{text}` is written in place",
        help=f"declare it once: `group NAME = {text}`, and use NAME here",
    )  # fmt: skip


# ---------------------------------------------------------------- names


def unknown_name(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    return _at("C0201", span, f"unknown name `{name}`", "not declared", close(name, known))


def unknown_action(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    return _at("C0202", span, f"unknown action `{name}`", "not declared", close(name, known))


def unknown_type(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    return _at("C0203", span, f"unknown type `{name}`", "not declared", close(name, known))


def unknown_attribute(span: Span, name: str, owner: str, known: Sequence[str]) -> Diagnostic:
    help = close(name, known) or (f"{owner} has {_listed(known)}" if known else "")
    return _at("C0204", span, f"{owner} has no `{name}`", "not declared", help)


def unknown_group(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    help = close(name, known) or f'declare it: `group {name} = TYPE::"id"`'
    return _at("C0205", span, f"unknown group `{name}`", "not declared", help)


def unknown_member(span: Span, name: str, owner: str, members: Sequence[str]) -> Diagnostic:
    help = close(name, members) or f"`{owner}` has {_listed(members)}"
    return _at("C0206", span, f"`{name}` is not a member of `{owner}`", help=help)


def unknown_route(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    return _at("C0207", span, f"unknown route `{name}`", "not declared", close(name, known))


def unknown_rule(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    return _at("C0208", span, f"unknown rule `{name}`", "not declared", close(name, known))


def unknown_fixture(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    return _at("C0209", span, f"unknown fixture `{name}`", "not declared", close(name, known))


def duplicate(span: Span, what: str, name: str, first: Span | None = None) -> Diagnostic:
    related = ((first, "first declared here"),) if first else ()
    return Diagnostic(
        CODES["C0210"], span, f"{what} `{name}` is declared twice", "again here",
        "rename one or remove it", related,
    )  # fmt: skip


def reserved(span: Span, name: str) -> Diagnostic:
    return _at("C0211", span, f"`{name}` is a reserved word", help="choose another name")


def not_governed(span: Span, action: str, governs: Sequence[str]) -> Diagnostic:
    said = _listed(governs) if governs else "nothing"
    return _at(
        "C0212", span, f"this bundle does not govern `{action}`", f"it governs {said}",
        "add its first word to `governs` in the bundle line, if these owners answer for it",
    )  # fmt: skip


def ambiguous_name(span: Span, name: str, choices: Sequence[str]) -> Diagnostic:
    return _at("C0213", span, f"`{name}` can be {_listed(choices)}", help="write the full name")


def data_file(span: Span, file: str, problem: str) -> Diagnostic:
    return _at("C0214", span, f"data file `{file}` {problem}")


def unknown_cause(span: Span, name: str, known: Sequence[str]) -> Diagnostic:
    return _at(
        "C0215", span, f"`{name}` is not a deny cause",
        help=close(name, known) or f"one of {_listed(known, 12)}",
    )  # fmt: skip


def not_in_scope(span: Span, name: str, why: str, help: str = "") -> Diagnostic:
    return _at("C0216", span, f"`{name}` has no meaning here: {why}", help=help)


def bad_directory(file: str, problem: str) -> Diagnostic:
    return _at("C0217", Span(file, 1, 1, 1, 1), problem)


def not_imported(span: Span, name: str, owner: str) -> Diagnostic:
    return _at(
        "C0218", span, f"`{name}` belongs to bundle `{owner}`, which is not imported",
        help=f"add `import {owner}` to a file of this bundle",
    )  # fmt: skip


def unknown_bundle(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    help = close(name, known) or "load its files together with these"
    return _at("C0219", span, f"bundle `{name}` is not loaded", help=help)


def file_without_bundle(span: Span, names: Sequence[str]) -> Diagnostic:
    return _at(
        "C0220", span, "this file does not say which bundle it belongs to",
        f"loaded are {_listed(names)}",
        "a bundle line serves its top-level folder if it is the only one there; move the file into"
        " such a folder, or give it a bundle line",
    )  # fmt: skip


# ---------------------------------------------------------------- attribution


def missing_attribution(span: Span, what: str, key: str) -> Diagnostic:
    example = {
        "owner": 'owner "payments@acme.example"',
        "contact": 'contact "#payments-oncall"',
        "reason": 'reason "FIN-7: why this exists."',
        "version": 'version "1.0.0"',
        "language": "language 1",
        "governs": "governs payment, deploy",
    }[key]
    return _at("C0301", span, f"{what} has no {key}", help=f"add a line: `{example}`")


def misplaced_metadata(span: Span, key: str, what: str) -> Diagnostic:
    return _at("C0302", span, f"`{key}` does not belong in {what}", help="remove the line")


def missing_bundle(span: Span) -> Diagnostic:
    return _at(
        "C0303", span, "no file has a `bundle` line",
        help="add one: `bundle acme.ops { version … language 1 owner … contact … governs … }`",
    )  # fmt: skip


def unsupported_language(span: Span, version: str) -> Diagnostic:
    return _at("C0304", span, f"language {version} is not known", help="write `language 1`")


def bad_date(span: Span, text: str) -> Diagnostic:
    return _at("C0305", span, f"`{text}` is not a calendar date")


def review_passed(span: Span, text: str) -> Diagnostic:
    return _at(
        "C0306",
        span,
        f"this policy was to be reviewed by {text}",
        help="review it, then move the date",
    )


def shadow_ended(span: Span, text: str) -> Diagnostic:
    return _at(
        "C0307", span, f"this shadow ended on {text}",
        help="enforce the policy (remove the line), move the date, or remove the policy",
    )  # fmt: skip


# ---------------------------------------------------------------- types


def type_mismatch(span: Span, expected: str, found: str, help: str = "") -> Diagnostic:
    return _at("C0401", span, f"expected {expected}, found {found}", help=help)


def unguarded_optional(span: Span, path: str) -> Diagnostic:
    return _at(
        "C0402", span, f"`{path}` may be absent", "read without a guard",
        f"write `has {path} and …` before it",
    )  # fmt: skip


def claimed_loosens(span: Span, path: str, where: str) -> Diagnostic:
    return _at(
        "C0403", span, f"untrusted `{path}` is read {where}", "nobody enforces this value",
        "an untrusted value may only make an answer stricter: use it plainly in a deny or require",
    )  # fmt: skip


def secret_shown(span: Span, path: str) -> Diagnostic:
    return _at("C0404", span, f"`{path}` is secret", "never shown", "remove it from `show`")


def not_a_condition(span: Span, found: Type) -> Diagnostic:
    return _at(
        "C0405", span, f"expected a condition, found {describe(found)}",
        help="compare it with something",
    )  # fmt: skip


def not_comparable(span: Span, op: str, left: Type, right: Type) -> Diagnostic:
    names = {describe(left), describe(right)}
    help = ""
    if names == {"int", "decimal"}:
        help = "int and decimal do not mix: write the literal with a fraction, `5.00`, or without"
    elif left == right:
        help = f"{describe(left)} has no `{op}`"
    message = f"cannot apply `{op}` to {describe(left)} and {describe(right)}"
    return _at("C0406", span, message, help=help)


def never_equal(span: Span, left: Type, right: Type) -> Diagnostic:
    return _at("C0407", span, f"a {describe(left)} is never a {describe(right)}")


def not_a_collection(span: Span, found: Type) -> Diagnostic:
    return _at("C0408", span, f"expected a set or list, found {describe(found)}")


def out_of_range(span: Span, what: str) -> Diagnostic:
    return _at("C0409", span, what)


def wrong_arguments(span: Span, name: str, expected: int, found: int) -> Diagnostic:
    plural = "" if expected == 1 else "s"
    return _at("C0410", span, f"`{name}` takes {expected} argument{plural}, found {found}")


def not_a_principal(span: Span, name: str) -> Diagnostic:
    return _at(
        "C0411", span, f"`{name}` cannot act", help=f"mark it: `entity {name} person` or `agent`"
    )


def not_on_type(span: Span, action: str, types: Sequence[str], takes: Sequence[str]) -> Diagnostic:
    said = f"it takes {_listed(takes)}" if takes else "it takes no resource"
    return _at("C0412", span, f"`{action}` is never on {_listed(types)}", help=said)


def no_resource(span: Span, actions: Sequence[str]) -> Diagnostic:
    return _at(
        "C0413", span, f"{_listed(actions)} has no resource", "`resource` is read",
        "name the resource types with `on`, or split the rule",
    )  # fmt: skip


def not_in_every_type(
    span: Span, name: str, has: Sequence[str], lacks: Sequence[str]
) -> Diagnostic:
    if lacks:
        message = f"{_listed(lacks)} does not declare `{name}`, {_listed(has)} does"
    else:
        message = f"{_listed(has)} declare `{name}` with different types"
    return _at("C0414", span, message, help="split the rule, or name the scope more narrowly")


def missing_field(span: Span, name: str, what: str) -> Diagnostic:
    return _at("C0415", span, f"{what} needs a value for `{name}`")


def agent_without_owner(span: Span, name: str) -> Diagnostic:
    return _at(
        "C0416", span, f"agent type `{name}` has no person as `owner`",
        help="add `owner: User`, where User is a person type; every agent has someone who answers",
    )  # fmt: skip


def bad_parent(span: Span, child: str, parent: str, allowed: Sequence[str]) -> Diagnostic:
    help = f"allowed are {_listed(allowed)}" if allowed else f"`{child}` has no parents"
    return _at("C0417", span, f"a {child} cannot be in a {parent}", help=help)


def not_directory(span: Span, name: str) -> Diagnostic:
    return _at(
        "C0418", span, f"`{name}` is not a directory type",
        help="who may approve must come from the directory: mark the type `directory`",
    )  # fmt: skip


def bad_obligation(span: Span, message: str, help: str = "") -> Diagnostic:
    return _at("C0419", span, message, help=help)


def bad_effect_clause(span: Span, message: str, help: str = "") -> Diagnostic:
    return _at("C0420", span, message, help=help)


def incomplete_test(span: Span, message: str, help: str = "") -> Diagnostic:
    return _at("C0421", span, message, help=help)


def recursive(span: Span, what: str, name: str) -> Diagnostic:
    return _at("C0422", span, f"{what} `{name}` contains itself")


def bad_value(span: Span, message: str, help: str = "") -> Diagnostic:
    return _at("C0423", span, message, help=help)


def bad_pattern(span: Span, problem: str) -> Diagnostic:
    return _at(
        "C0424",
        span,
        f"not an RE2 pattern: {problem}",
        help="RE2 has no look-around or back-references",
    )


def misplaced_flag(span: Span, flag: str) -> Diagnostic:
    return _at("C0425", span, f"`{flag}` means something in `context` only", help="remove it")


def json_read(span: Span, path: str) -> Diagnostic:
    return _at(
        "C0426", span, f"`{path}` is json: only `has` may read it",
        help="declare its shape as a record type to read what is in it",
    )  # fmt: skip


def bad_window(span: Span, message: str, help: str = "") -> Diagnostic:
    return _at("C0427", span, message, help=help)


def bad_risk(span: Span, message: str, help: str = "") -> Diagnostic:
    return _at("C0428", span, message, help=help)


# ---------------------------------------------------------------- cost, meaning, style, not yet


def nested_quantifier(span: Span) -> Diagnostic:
    return _at(
        "C0501", span, "a quantifier inside a quantifier",
        help="one level only: let the caller send the parts that matter as one set",
    )  # fmt: skip


def too_many(span: Span, what: str, most: int) -> Diagnostic:
    return _at("C0502", span, f"more than {most:,} {what}")


def unbounded(span: Span, kind: str) -> Diagnostic:
    return _at("C0503", span, f"this {kind} has no bounds", help="add them: `[0..100]`")


def bad_bounds(span: Span, lo: int, hi: int) -> Diagnostic:
    return _at("C0504", span, f"bounds {lo}..{hi} allow nothing", help="write `[low..high]`")


def group_not_in_directory(span: Span, name: str, uid: str) -> Diagnostic:
    return _at(
        "C0601", span, f"the directory does not describe `{uid}`",
        f"so nobody is in `{name}`", "add it to a *.directory.json file, or correct the id",
    )  # fmt: skip


def weaker_escalation(span: Span, route: str, what: str) -> Diagnostic:
    return _at(
        "C0602", span, f"route `{route}` is weaker: it lacks {what}",
        help="escalate to a route that asks for at least as much",
    )  # fmt: skip


def late_escalation(span: Span, route: str) -> Diagnostic:
    return _at(
        "C0603", span, f"route `{route}` expires before it escalates",
        help="escalate earlier, or let it expire later",
    )  # fmt: skip


def deny_without_because(span: Span, rule: str) -> Diagnostic:
    return _at(
        "C0701", span, f"deny rule `{rule}` does not say why",
        help='add `because "…"`: what to do instead, or whom to ask',
    )  # fmt: skip


def not_yet(span: Span, what: str, instead: str = "") -> Diagnostic:
    return _at(
        "C0801", span, f"{what} is part of Charter 1, but not evaluated by this version",
        "not available yet", instead,
    )  # fmt: skip
