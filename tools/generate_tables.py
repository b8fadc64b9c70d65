"""Regenerates ``pdp/lang/reading/tables.py`` from ``grammar.lark``, the same bytes each time.

Lark's numbers for states differ from run to run, so states are numbered here: in the order in
which they are reached, terminals first, by name.
"""

from __future__ import annotations

import json
import re
import string
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef
from lark.parsers.lalr_analysis import Shift

from pdp.lang.reading.grammar import charter_grammar

TARGET: Final = Path(__file__).resolve().parent.parent / "pdp" / "lang" / "reading" / "tables.py"
END: Final = "$END"
_COLUMNS_MAX: Final = 96
# Tried first by the reader: most tokens are words. The rest keep Lark's order.
_FIRST: Final = ("NAME", "UNAME", "STRING")
_LOOKAHEAD: Final = re.compile(r"\(\?!\[[^]]*\]\)|\(\?!(?:\\.|[^)\\])\)")
_PIECE: Final = re.compile(r'"(?:[^"\\]|\\.)*",?|[^",\[\]]+,?|\[|\],?')

_MODULE: Final = '''"""Made from ``grammar.lark`` by ``tools/generate_tables.py``; nothing by hand.

Longer than most files: one table.
"""

from __future__ import annotations

import json
from typing import Any, Final

_TABLES: Final[dict[str, Any]] = json.loads(r"""
{tables}
""")

# Best first: a word that may be several is the first of those that the parser may take.
TERMINALS: Final[tuple[str, ...]] = tuple(_TABLES["terminals"])
# What is between tokens, as patterns.
IGNORED: Final[list[str]] = _TABLES["ignored"]
# Terminals of endlessly many words: name, pattern in pieces.
OPEN: Final[list[tuple[str, list[str]]]] = _TABLES["open"]
# Words and signs of the grammar, each with the terminals that it may be.
LEXEMES: Final[list[tuple[str, list[int]]]] = _TABLES["lexemes"]
# Origin, builder's method (`=` the only part itself, `+` a list), and shape: `.` a part, `*` a
# list whose items are parts, `-` a part that is absent.
RULES: Final[list[tuple[int, str, str]]] = _TABLES["rules"]
# Of each state, the moves with their terminals (a state to go to, or -1 - rule), then pairs of
# origin and state; the first is the start.
STATES: Final[list[tuple[list[tuple[int, list[int]]], list[tuple[int, int]]]]] = _TABLES["states"]
'''


def generate() -> str:
    """The text of the module. Raises ValueError for a grammar that the driver could not run."""
    grammar = charter_grammar()
    ranked = list(grammar.parser.lexer.root_lexer.terminals)
    ignored = [terminal for terminal in ranked if terminal.name in grammar.ignore_tokens]
    ranked = [terminal for terminal in ranked if terminal not in ignored]
    names = [terminal.name for terminal in ranked] + [END]
    rules = sorted(grammar.rules, key=_rule_key)
    tables = {
        "terminals": [*names, *(terminal.name for terminal in ignored)],
        "ignored": [_pattern(terminal) for terminal in ignored],
        "open": _open(ranked),
        "lexemes": _lexemes(ranked),
        "rules": [[_origins(rules)[rule.origin.name], *_making(rule)] for rule in rules],
        "states": _states(grammar, names, rules),
    }
    return _MODULE.replace("{tables}", "\n".join(_lines(tables)))


# ---------------------------------------------------------------- words


def _pattern(terminal: TerminalDef) -> str:
    """Without groups, which are the reader's own."""
    pattern = re.sub(r"(?<!\\)\((?!\?)", "(?:", terminal.pattern.to_regexp())
    if re.compile(pattern).groups:
        raise ValueError(f"{terminal.name} has groups")
    return pattern


def _is_open(terminal: TerminalDef) -> bool:
    """Whether its words cannot be listed: it has a class of characters beside its lookahead."""
    return terminal.pattern.type == "re" and "[" in _LOOKAHEAD.sub("", terminal.pattern.value)


def _open(ranked: list[TerminalDef]) -> list[list[Any]]:
    found = [terminal for terminal in ranked if _is_open(terminal)]
    found.sort(key=lambda t: _FIRST.index(t.name) if t.name in _FIRST else len(_FIRST))
    return [[terminal.name, re.findall("(?s).{1,60}", _pattern(terminal))] for terminal in found]


def _lexemes(ranked: list[TerminalDef]) -> list[list[Any]]:
    """Every word and sign that is written in the grammar, and all the terminals it may be."""
    listed = [terminal for terminal in ranked if not _is_open(terminal)]
    words = {word for t in listed for word in re.findall("[A-Za-z_]{2,}", t.pattern.value)}
    signs = {"".join(sign) for n in (1, 2) for sign in product(string.punctuation, repeat=n)}
    found: dict[str, list[int]] = {}
    for lexeme in sorted(words | signs):
        matching = [t for t in ranked if re.fullmatch(t.pattern.to_regexp(), lexeme)]
        if any(terminal in listed for terminal in matching):
            found[lexeme] = [ranked.index(terminal) for terminal in matching]
    for terminal in listed:
        _must_be_read_whole(terminal, ranked.index(terminal), found)
    return [[lexeme, terminals] for lexeme, terminals in found.items()]


def _must_be_read_whole(terminal: TerminalDef, number: int, lexemes: dict[str, list[int]]) -> None:
    """The reader takes the longest word or sign; no terminal may be content with a part of it."""
    pattern = re.compile(terminal.pattern.to_regexp())
    own = [lexeme for lexeme, terminals in lexemes.items() if number in terminals]
    longer = [lexeme + more for lexeme in own if lexeme[0].isalpha() for more in "aZ0_"]
    longer += [sign for sign in lexemes if number not in lexemes[sign]]
    if not own or any(pattern.match(lexeme) for lexeme in longer):
        raise ValueError(f"{terminal.name} is no list of whole words and signs")


# ---------------------------------------------------------------- rules and states


def _rule_key(rule: Rule) -> tuple[str, list[str], str]:
    return (rule.origin.name, [symbol.name for symbol in rule.expansion], rule.alias or "")


def _origins(rules: list[Rule]) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted({r.origin.name for r in rules}))}


def _making(rule: Rule) -> tuple[str, str]:
    """The builder's method and the shape of what it gets."""
    empty = rule.options.empty_indices or (False,) * len(rule.expansion)
    symbols = iter(rule.expansion)
    shape = ""
    for is_empty in empty:
        shape += "-" if is_empty else "*" if next(symbols).name.startswith("_") else "."
    if rule.origin.name.startswith("_"):
        return "+", shape
    if rule.options.expand1 and not rule.alias and shape == ".":
        return "=", shape
    return rule.alias or rule.origin.name, shape


def _states(grammar: Lark, names: list[str], rules: list[Rule]) -> list[list[Any]]:
    table: Any = grammar.parser.parser.parser.parse_table
    start, end = table.start_states["bundle_file"], table.end_states["bundle_file"]
    order = {start: 0}
    for state in (queue := [start]):
        for name, (action, argument) in sorted(table.states[state].items()):
            if action is Shift and name != END and argument not in order:
                order[argument] = len(order)
                queue.append(argument)
    numbers = {rule: -1 - number for number, rule in enumerate(rules)}
    rows = []
    for state in queue:
        row = {
            name: order[argument] if action is Shift else numbers[argument]
            for name, (action, argument) in table.states[state].items()
            if not (action is Shift and name == END)
        }
        # The end is taken like any other word, into a state of its own.
        rows.append(_row(row | ({END: len(order)} if state == end else {}), names, rules))
    return rows


def _row(row: dict[str, int], names: list[str], rules: list[Rule]) -> list[Any]:
    """The moves of one state, and where its rules lead."""
    origins = _origins(rules)
    moves: dict[int, list[int]] = {}
    for name, move in row.items():
        if name not in origins:
            moves.setdefault(move, []).append(names.index(name))
    gotos = sorted((origins[name], state) for name, state in row.items() if name in origins)
    return [sorted([move, sorted(terminals)] for move, terminals in moves.items()), gotos]


# ---------------------------------------------------------------- text


def _lines(tables: dict[str, Any]) -> Iterator[str]:
    for number, (key, value) in enumerate(tables.items()):
        yield ("{ " if number == 0 else ", ") + json.dumps(key) + ":"
        line = ""
        for piece in _PIECE.findall(json.dumps(value, separators=(",", ":"))):
            if len(line) + len(piece) > _COLUMNS_MAX:
                yield line
                line = ""
            line += piece
        yield line
    yield "}"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    target.write_text(generate(), encoding="utf-8")
