"""Random texts of the whole grammar, drawn rule by rule from the grammar itself; no meaning at all.

A seed names a text for ever, as long as the grammar is the same. Nothing is checked here.
"""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import Final, TypeAlias

from pdp.lang.reading.grammar import charter_grammar

# What a rule may be replaced by: names of rules and of terminals, with which of the two each is.
Expansion: TypeAlias = tuple[tuple[str, bool], ...]

_TOKENS_MAX: Final = 1_500
_DEPTHS: Final = (4, 22)
_ENDLESS: Final = 10**9
_SIGNS: Final = {
    "LBRACE": "{", "RBRACE": "}", "LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "COMMA": ",",
    "COLON": ":", "COLONCOLON": "::", "DOT": ".", "DOTDOT": "..", "QMARK": "?", "LESSTHAN": "<",
    "MORETHAN": ">", "PLUS": "+", "MINUS": "-", "STAR": "*", "BANG": "!", "EQUAL": "=",
}  # fmt: skip
_SAMPLES: Final = {
    "NAME": ("a", "bots", "is_ok", "long_name_of_a_thing", "even_longer_name_of_something_else"),
    "UNAME": ("T", "Agent", "Order", "LongTypeName"),
    "STRING": (
        '""', '"x"', '"a # b"', r'r"\d+#"', r'"with \" quote"',
        '"a rather long text that fills the line, with words"',
    ),
    "INT": ("0", "1", "10", "1_000"),
    "DECIMAL": ("1.50", "1_000.00"),
    "DATE": ("2027-01-02",),
    "TIMESTAMP": ("2026-03-02T10:00:00Z", "2026-03-02T10:00+01:00"),
    "TIME": ("09:00", "24:00"),
    "DURATION": ("15m", "1h", "500ms"),
    "GUARD": ("guard",),
    "ENTITY_MARK": ("person", "agent", "directory"),
    "REVERSIBILITY": ("reversible", "irreversible"),
    "FIELD_FLAG": ("untrusted", "secret", "binding", "nullable"),
    "PRIM": ("bool", "int", "string", "json"),
    "COLL": ("set", "list"),
    "DAY": ("mon", "fri"),
    "EXCLUDED": ("requester", "owner", "same_team"),
    "SUBJECT": ("agent", "user", "resource", "everyone"),
    "QUANT": ("never", "always"),
    "QUANTIFIER": ("some", "every", "no"),
    "TEXT_TEST": ("like", "matches", "under"),
    "BOOL": ("true", "false"),
    "JUNCTION": ("and", "and", "or", "or", "&&", "||"),
    "CMP": ("==", "!=", "<=", ">=", "<", ">"),
}  # fmt: skip
# An empty policy, invariant or table parses, but is a mistake.
_NEVER_EMPTY: Final = ("rules", "claims", "cases_item")


def _expansions() -> dict[str, list[Expansion]]:
    found: dict[str, list[Expansion]] = defaultdict(list)
    for rule in charter_grammar().rules:
        is_empty = all(symbol.is_term for symbol in rule.expansion)
        if not (is_empty and (rule.alias or rule.origin.name) in _NEVER_EMPTY):
            found[rule.origin.name].append(tuple((s.name, s.is_term) for s in rule.expansion))
    return dict(found)


def _least_depths(rules: dict[str, list[Expansion]]) -> dict[str, int]:
    """How deep the shallowest text of each rule is."""
    depths = dict.fromkeys(rules, _ENDLESS)
    while True:
        found = {name: min(_depth(e, depths) for e in rules[name]) for name in rules}
        if found == depths:
            return depths
        depths = found


def _depth(expansion: Expansion, depths: dict[str, int]) -> int:
    return 1 + max((0 if is_token else depths[name] for name, is_token in expansion), default=0)


RULES: Final = _expansions()
DECLARATIONS: Final = sorted(name for expansion in RULES["item"] for name, _ in expansion)
_DEPTH_OF: Final = _least_depths(RULES)


def words(rng: Random) -> list[str]:
    """The tokens of one to three declarations, often of one kind."""
    kind = rng.choice(DECLARATIONS)
    found: list[str] = []
    for _ in range(rng.randint(1, 3)):
        found += _derive(rng, rng.choice((kind, "item")), rng.randint(*_DEPTHS))
    return found


def _derive(rng: Random, start: str, depth: int) -> list[str]:
    found: list[str] = []
    stack = [(start, False, depth)]
    while stack:
        name, is_token, left = stack.pop()
        if is_token:
            choices = _SAMPLES.get(name) or (_SIGNS.get(name, name.lower()),)
            found.append(rng.choice(choices))
            continue
        expansions = RULES[name]
        fitting = [e for e in expansions if _depth(e, _DEPTH_OF) <= left]
        if not fitting or len(found) + len(stack) > _TOKENS_MAX:
            fitting = [min(expansions, key=lambda e: _depth(e, _DEPTH_OF))]
        chosen = rng.choice(fitting)
        stack.extend((inner, is_inner_token, left - 1) for inner, is_inner_token in chosen[::-1])
    return found


def spread(rng: Random, tokens: list[str]) -> str:
    """The tokens as a text: blanks, line breaks and comments between them, more or fewer."""
    breaks, comments = rng.choice((0.0, 0.1, 0.3)), rng.choice((0.0, 0.02, 0.2))
    parts: list[str] = []
    for index, token in enumerate(tokens):
        chance = rng.random()
        if chance < comments:
            between = rng.choice(COMMENTED).format(index)
        elif chance < comments + breaks:
            between = rng.choice(("\n", "\n\n", "\r\n  ", "\n        "))
        else:
            between = rng.choice((" ", "  ", "\t"))
        parts += (token, between)
    return "".join(parts)


# What may stand between two tokens; the number makes each comment one of its own.
COMMENTED: Final = (
    "  # c{}\n",
    " # c{} \n\n\n",
    "\n# c{}\n",
    "\n\n   # c{}\t\n\n",
    "\n                 # c{}\r\n",
    "\n# c{0} a\n    # c{0} b\n\n# c{0} c\n",
)
