"""What the parser would accept, in the language's words; no terminal's name gets past this file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Final

_CLASSES: Final = {
    "ENTITY_MARK": ("person", "agent", "directory"),
    "REVERSIBILITY": ("reversible", "irreversible"),
    "FIELD_FLAG": ("untrusted", "secret", "binding", "nullable"),
    "COLL": ("set", "list"),
    "EXCLUDED": ("requester", "owner", "same_team"),
    "SUBJECT": ("agent", "user", "resource", "everyone"),
    "QUANT": ("never", "always"),
    "QUANTIFIER": ("some", "every", "no"),
    "TEXT_TEST": ("like", "matches", "under"),
    "BOOL": ("true", "false"),
    "JUNCTION": ("and", "or"),
    "PRIM": (
        "bool", "int", "decimal", "string", "timestamp", "duration", "ip", "cidr", "path", "json",
    ),
}  # fmt: skip
_SIGNS: Final = {
    "LBRACE": "{", "RBRACE": "}", "LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "COMMA": ",",
    "COLON": ":", "COLONCOLON": "::", "DOT": ".", "DOTDOT": "..", "EQUAL": "=", "QMARK": "?",
    "LESSTHAN": "<", "MORETHAN": ">", "PLUS": "+", "MINUS": "-", "STAR": "*",
}  # fmt: skip
_KINDS: Final = {
    "NAME": "a name",
    "UNAME": "a type name (it begins with a capital letter)",
    "STRING": 'a text in quotes ("…")',
    "INT": "a whole number",
    "DECIMAL": "a decimal number",
    "DATE": "a date such as `2027-03-31`",
    "TIME": "a time such as `09:00`",
    "TIMESTAMP": "a timestamp",
    "DURATION": "a duration such as `15m`",
    "DAY": "a day (`mon` to `sun`)",
    "$END": "the end of the file",
}
# Groups that are said in one phrase where all their members would be accepted.
_PHRASES: Final = (
    ({"POLICY", "ENUM", "$END"}, "a new declaration", "declaration"),
    ({"HAS", "QUANTIFIER", "NAME"}, "a condition", "condition"),
    ({"PRIM", "COLL", "UNAME"}, "a type", "type"),
    ({"NAME", "INT", "STRING", "LPAR"}, "an expression", "value"),
    ({"UNAME", "INT", "STRING", "LSQB", "LBRACE"}, "a value", "value"),
    ({"CMP", "IN"}, "an operator", "operator"),
    ({"PLUS", "STAR"}, "an operator", "operator"),
)
_MEMBERS: Final = {
    "declaration": frozenset(
        "BUNDLE IMPORT ENUM LEVEL TYPE CONTEXT ENTITY ACTION ACTIONS GROUP CONST DATA PREDICATE"
        " WINDOW ROUTE BUDGET RISK POLICY INVARIANT FIXTURE TEST $END".split()
    ),
    "condition": frozenset(
        "HAS QUANTIFIER NOT BANG NAME UNAME INT DECIMAL STRING DATE TIMESTAMP DURATION BOOL LPAR"
        " LSQB MINUS IP CIDR".split()
    ),
    "type": frozenset(("PRIM", "COLL", "UNAME", "NAME", "LBRACE")),
    "value": frozenset(
        "NAME UNAME INT DECIMAL STRING DATE TIMESTAMP DURATION BOOL LPAR LSQB LBRACE MINUS IP"
        " CIDR".split()
    ),
    "operator": frozenset("CMP EQUAL PLUS MINUS STAR IN NOT TEXT_TEST BEGINS JUNCTION".split()),
}
# Accepted, but never worth offering next to something else.
_QUIET: Final = frozenset(("DOT", "LPAR", "COLONCOLON", "BANG", "BLANK", "COMMENT"))
_CLAUSES: Final = ("WHEN", "UNLESS", "BECAUSE", "THEN")
_SHOWN_MAX: Final = 9
_MISSPELT_CHARS_MAX: Final = 40
_ADVICE: Final = {
    "permit": "write `allow`",
    "forbid": "write `deny`",
    "if": "write `when`",
    "null": "there is no null: test for a missing value with `not has`",
    "none": "there is no null: test for a missing value with `not has`",
    "True": "write `true`",
    "False": "write `false`",
    "AND": "write `and`",
    "OR": "write `or`",
    "NOT": "write `not`",
}
_TIME: Final = re.compile(r"[0-9]:[0-9]{2}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def expected_words(accepted: Collection[str]) -> str:
    """``one of `when`, `unless`, or the end of the rule``, from terminals; '' if nothing fits."""
    left = set(accepted)
    shown: list[str] = []
    ends: list[str] = []
    if {"RULE", "RBRACE"} <= left and left & {*_CLAUSES, "JUNCTION"}:
        left -= {"RULE", "RBRACE"}
        shown += [_word(clause) for clause in _CLAUSES if clause in left]
        left -= set(_CLAUSES)
        ends.append("the end of the rule")
    for needed, phrase, members in _PHRASES:
        if needed <= left:
            left -= _MEMBERS[members]
            shown.append(phrase)
    if {"NAME", "UNAME"} <= left:
        left.remove("UNAME")
    quiet = left & _QUIET
    rest = sorted(left - quiet, key=_order) if left - quiet or shown or ends else sorted(quiet)
    for terminal in rest:
        shown += _display(terminal)
    shown = list(dict.fromkeys(shown))
    if len(shown) + len(ends) > _SHOWN_MAX:
        shown = shown[: _SHOWN_MAX - len(ends)]
    words = shown + ends
    match words:
        case []:
            return ""
        case [only]:
            return only
        case [one, other]:
            return f"{one} or {other}"
        case _:
            return f"one of {', '.join(words[:-1])}, or {words[-1]}"


def suggestion(found: str, accepted: Collection[str]) -> str:
    """A better help than the list of what is expected, or ''."""
    if found in _ADVICE:
        return _ADVICE[found]
    if _DATE.fullmatch(found) and "TIMESTAMP" in accepted:
        return f"a timestamp is written `{found}T00:00:00Z`"
    if _TIME.fullmatch(found) and "TIME" in accepted:
        return f"a time is written `{found:0>5}`"
    words = [word for terminal in accepted for word in _CLASSES.get(terminal, (terminal.lower(),))]
    words = sorted(
        word for word in words if word.upper() not in _KINDS and word.upper() not in _SIGNS
    )
    if len(found) > _MISSPELT_CHARS_MAX:
        return ""
    close = difflib.get_close_matches(found, words, n=1, cutoff=0.7)
    return f"did you mean `{close[0]}`?" if close and close[0] != found else ""


def _order(terminal: str) -> tuple[int, str]:
    """Kinds of things first, then words, then signs."""
    return (0 if terminal in _KINDS else 2 if terminal in _SIGNS else 1, terminal)


def _display(terminal: str) -> list[str]:
    if terminal in _KINDS:
        return [_KINDS[terminal]]
    if terminal in _SIGNS:
        return [f"`{_SIGNS[terminal]}`"]
    if terminal == "CMP":
        return ["a comparison"]
    if terminal in _CLASSES:
        return [f"`{word}`" for word in _CLASSES[terminal]]
    return [_word(terminal)]


def _word(terminal: str) -> str:
    return f"`{terminal.lower()}`"
