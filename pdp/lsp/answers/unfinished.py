"""Makes sense of text that stops at the cursor: what is around it, and which words could follow.

The text before the cursor is completed by a stand-in name and the shortest ending that parses;
then the walk over the tree says which place the stand-in has. What is behind the cursor is not
read.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lark.exceptions import UnexpectedInput

from pdp.lang import nodes
from pdp.lang.parser import parse
from pdp.lang.reading.grammar import charter_grammar
from pdp.lang.reading.scanner import CLOSING, DECLARATIONS
from pdp.lang.source import Source
from pdp.lsp.answers.words import innermost
from pdp.lsp.places import Place
from pdp.lsp.positions import Lines
from pdp.lsp.symbols import Program
from pdp.lsp.walk import walk

STAND_IN: Final = "zz_here"
_TYPE_STAND_IN: Final = "Zz_here"
# What may have to follow the stand-in: right behind it, and after the bracket it stands in.
_ENDINGS: Final = (
    ("", ""),
    (" to zz", ""),
    (" for anyone to zz", ""),
    (": 1", ""),
    (": 1", " expect allow"),
    ("", " expect allow"),
    (" satisfies (true)", ""),
    (" reversible risk low", ""),
    ('::"x"', ""),
    (" = 1", ""),
    (' from "x"', ""),
    ("", " = true"),
    (">[0..1]", ""),
    (">[0..1] = 1", ""),
    ('>[0..1] from "x"', ""),
    (" after 1h", ""),
    (" from 1", ""),
    (" by zz", ""),
)
_TOKEN: Final = re.compile(
    r'#[^\n]*|r"[^"\n]*"?|"(?:[^"\\\n]|\\.)*"?|(?P<head>^[a-z]+\b)'
    r"|(?P<rule>\brule[ \t]+[a-z_]\w*[ \t]*:)|(?P<bracket>[\[\](){}])|\w+",
    re.MULTILINE,
)
_KEYWORD: Final = re.compile(r"\(?([a-z_]+(?:\|[a-z_]+)*)\)?\(\?!\[A-Za-z0-9_\]\)")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The text that leads to the cursor, from a declaration on; other rules are left out.

    ``shift`` is to be added to an offset in ``text`` for the offset in the file; ``open`` are the
    brackets open at its end, innermost first.
    """

    file: str
    text: str
    shift: int
    open: str


def unfinished(file: str, text: str, start: int) -> Unfinished:
    """What leads to the word that starts at an offset."""
    head, rule = 0, -1
    is_policy = False
    for match in _TOKEN.finditer(text, 0, start):
        if match.lastgroup == "head" and match.group() in DECLARATIONS:
            head, rule = match.start(), -1
            is_policy = match.group() == "policy"
        elif match.lastgroup == "rule" and is_policy:
            rule = match.start()
    before = text[head:start]
    shift = head
    if rule >= 0:
        before = "policy zz {" + text[rule:start]
        shift = rule - len("policy zz {")
    return Unfinished(file, before, shift, _open_brackets(before))


def _open_brackets(text: str) -> str:
    stack: list[str] = []
    for match in _TOKEN.finditer(text):
        bracket = match.group("bracket")
        if bracket is None:
            continue
        if bracket in CLOSING:
            stack.append(bracket)
        elif stack and CLOSING[stack[-1]] == bracket:
            stack.pop()
    return "".join(reversed(stack))


def places_here(here: Unfinished, program: Program) -> Iterator[Place]:
    """The places that a lower-case and an upper-case name would have at the cursor."""
    names = program.at(here.file)
    if names is None:
        return
    for stand_in in (STAND_IN, _TYPE_STAND_IN):
        for inner, outer in _ENDINGS:
            closers = [CLOSING[bracket] for bracket in here.open]
            if outer and not closers:
                continue
            ending = inner + "".join(closers[:1]) + outer + "".join(closers[1:])
            source = Source(here.file, here.text + stand_in + ending)
            tree, _ = parse(source)
            found = _at(tree, source, len(here.text), program)
            if found is not None:
                yield found
                break


def _at(tree: nodes.PolicyFile, source: Source, offset: int, program: Program) -> Place | None:
    names = program.at(source.name)
    assert names is not None
    line, column = Lines.of(source.text).place(offset + 1)
    found = (place for decl in tree.declarations for place in walk(decl, names, program.routes))
    return innermost(found, line, column)


def words_here(here: Unfinished) -> list[str]:
    """The keywords that the grammar takes at the cursor; none behind a mistake."""
    interactive = charter_grammar().parse_interactive(here.text)
    try:
        for _ in interactive.iter_parse():
            pass
    except UnexpectedInput:
        return []
    accepted: set[str] = interactive.accepts()  # type: ignore[no-untyped-call]
    return sorted({word for name in accepted for word in _keywords().get(name, ())})


@functools.cache
def _keywords() -> Mapping[str, tuple[str, ...]]:
    """The words of each terminal of the grammar that is made of words."""
    found: dict[str, tuple[str, ...]] = {}
    for terminal in charter_grammar().terminals:
        match = _KEYWORD.match(str(terminal.pattern.value))
        if match is not None:
            found[terminal.name] = tuple(match[1].split("|"))
    return found


def keywords() -> frozenset[str]:
    """Every word of the grammar."""
    return frozenset(word for words in _keywords().values() for word in words)
