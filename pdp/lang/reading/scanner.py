"""A first reading, for what no grammar rule can say: hidden characters, open texts, depth.

It also notes the places where the parser can pick up again after a mistake. No node is made here.
"""

from __future__ import annotations

import re
import string
import sys
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from pdp.lang import codes
from pdp.lang.diagnostics import DIAGNOSTICS_MAX, Diagnostic
from pdp.lang.source import Span

# What cannot be seen, or changes the order in which the rest is seen. A carriage return may only
# begin a line break.
HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]|\r(?!\n)"
)
# Runs are bounded, since the pattern keeps a note of each repetition.
_BLANK = r"(?P<blank>(?:[ \t\r\n]+|\#[^\n]*){1,100})"
_WORD = r"""(?!r")[A-Za-z_][A-Za-z0-9_]*"""
# What every text is full of and nothing has to be done for: a run of it is one token here.
_PLAIN = rf"""(?:[ \t]*+(?:(?!(?:not|rule)(?![A-Za-z0-9_])){_WORD}|[,.:<>=+*?]|!=|&&|\|\|
    |r?"[^"\\\n]*"|[0-9][0-9A-Za-z_]{{0,15}}+(?![0-9A-Za-z_.]))){{1,100}}+"""
_TOKEN: Final = re.compile(
    rf"""(?P<plain>{_PLAIN})
    |[ \t]*+(?:(?P<open>[\[({{])|(?P<close>[\])}}]))
    |{_BLANK}(?P<head>{_WORD})?
    |(?P<string>r"[^"\n]*"|"(?:[^"\\\n]++|\\[^\n])*+")
    |(?P<quote>r?"[^\n]*)
    |(?P<word>{_WORD})
    |(?P<number>[0-9][0-9A-Za-z_]*(?:\.[0-9][0-9A-Za-z_]*)?)
    |(?P<sign>[\-!])
    |(?P<bad>[^\x00-\x7f]+|.)""",
    re.VERBOSE,
)
_START: Final = re.compile(rf"{_BLANK}?(?P<head>{_WORD})?", re.VERBOSE)
_LINE_BREAK: Final = re.compile("\n")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_PREFIX_AFTER: Final = frozenset(
    ("and", "or", "not", "in", "when", "unless", "where", "by", "limit", "satisfies")
)
_WORD_CHARACTERS: Final = string.ascii_letters + string.digits + "_"
CLOSING: Final = {"(": ")", "[": "]", "{": "}"}

_BEFORE_NAME = (
    "bundle import actions group const data predicate window route budget policy fixture action"
)
_BEFORE_TYPE = "enum level type entity"
# What follows a declaration's keyword; `context {` and `risk` also occur inside other declarations.
_HEADS: Final = (
    {word: re.compile(r"[ \t]+[a-z_]") for word in _BEFORE_NAME.split()}
    | {word: re.compile(r"[ \t]+[A-Z]") for word in _BEFORE_TYPE.split()}
    | {
        word: re.compile(r'[ \t]+r?"(?:[^"\\\n]++|\\.)*+"[ \t\r\n]*\{')
        for word in ("invariant", "test")
    }
    | {"risk": re.compile(r"[ \t]*\{")}
)
DECLARATIONS: Final = frozenset(_HEADS) | {"context"}
_RULE_HEAD: Final = re.compile(r"[ \t]+[a-z_][A-Za-z0-9_]*[ \t]*:")
# Words that begin a line inside a block.
_LINES: Final = frozenset(
    "owner contact reason ref version language review_by shadow governs need confirm exclude"
    " expires use escalate show points tier never always agent user do context cases expect".split()
)
# All other words are what they are without a look at them.
_TELLING: Final = DECLARATIONS | _LINES | {"rule", "not"}
_TERMINALS: Final = {"never": "QUANT", "always": "QUANT"}


class Mark(NamedTuple):
    """A place to pick up again.

    ``terminal`` is the grammar's name for the word, empty for a brace that only counts; ``depth``
    is the change in open braces.
    """

    position: int
    terminal: str
    depth: int = 0


@dataclass(slots=True)
class Layout:
    """What the first reading found. Positions are offsets in characters."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    # Where the grammar must not go on reading: already explained.
    poisoned: set[int] = field(default_factory=set)
    marks: list[Mark] = field(default_factory=list)
    # At a declaration (or the end) reached with brackets open: the innermost opening.
    unclosed: dict[int, int] = field(default_factory=dict)


class Places:
    """From offsets to spans."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        # Where each line begins; behind the last, a place that no text reaches.
        self._begins = [0, *(match.end() for match in _LINE_BREAK.finditer(text)), sys.maxsize]

    def line_column(self, position: int) -> tuple[int, int]:
        line = bisect_right(self._begins, position)
        return line, position - self._begins[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        begins = self._begins
        line = bisect_right(begins, start)
        before = begins[line - 1] - 1
        if end < begins[line]:
            return Span(self.file, line, start - before, line, end - before)
        return Span(self.file, line, start - before, *self.line_column(end))


class _Opening(NamedTuple):
    position: int
    bracket: str
    # Prefix words before the bracket, which nest as well.
    prefixes: int


class _Scan:
    """One reading of one text."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.text = places.text
        self.layout = Layout()
        self.openings: list[_Opening] = []
        self.depth = 0
        self.prefixes = 0
        # Brackets open past the nesting limit: counted, not kept.
        self.beyond = 0
        self.too_deep = False
        # The last token, or a run of them.
        self.last = ""

    def report(self, start: int, end: int, complaint: Callable[[Span], Diagnostic]) -> None:
        """No more than can be shown: a text of nothing but mistakes has a million of them."""
        if len(self.layout.diagnostics) < DIAGNOSTICS_MAX:
            self.layout.diagnostics.append(complaint(self.places.span(start, end)))

    def run(self) -> Layout:
        self._hidden()
        actions: dict[str, Callable[[str, int], None]] = {
            "word": self._word,
            "sign": self._sign,
            "open": self._open,
            "close": self._close,
            "string": self._string,
            "quote": self._quote,
            "number": self._number,
            "bad": self._bad,
        }
        start = _START.match(self.text)
        assert start is not None  # every part of it is optional
        line_begins = start["head"] is None
        if not line_begins:
            self.last = start["head"]
            self._head(start, line_begins=True)
        for match in _TOKEN.finditer(self.text, start.end()):
            kind = match.lastgroup
            if kind == "blank":
                line_begins = line_begins or "\n" in match.group()
                continue
            if kind == "plain":
                self._operand()
                self.last = match.group()
            elif kind == "head":
                self.last = match["head"]
                if self.last in _TELLING:
                    self._head(match, line_begins=line_begins or "\n" in match["blank"])
                else:
                    self._operand()
            elif kind is not None:
                text = match[kind]
                actions[kind](text, match.start(kind))
                self.last = text
            line_begins = False
        if self.openings:
            self.layout.unclosed[len(self.text)] = self.openings[-1].position
        return self.layout

    def _hidden(self) -> None:
        for match in HIDDEN.finditer(self.text):
            character = match.group()
            if character == "\r":  # the grammar would take it for a line break
                self.layout.poisoned.add(match.start())
            name = unicodedata.name(character, "control character").lower()
            self.report(
                match.start(),
                match.end(),
                partial(codes.hidden_character, code_point=ord(character), name=name),
            )
            if len(self.layout.diagnostics) >= DIAGNOSTICS_MAX:
                return

    def _head(self, match: re.Match[str], *, line_begins: bool) -> None:
        """A word after a blank; only at the beginning of a line can it begin something."""
        self._word(match["head"], match.start("head"), line_begins=line_begins)

    def _word(self, word: str, position: int, *, line_begins: bool = False) -> None:
        if word == "not":
            self._prefix(word, position)
            return
        self._operand()
        if line_begins and word in DECLARATIONS and self._declares(word, position):
            if self.openings:
                self.layout.unclosed[position] = self.openings[-1].position
                self.openings.clear()
            self.depth = self.beyond = 0
            self.too_deep = False
            self.layout.marks.append(Mark(position, word.upper()))
        elif word == "rule" and _RULE_HEAD.match(self.text, position + 4):
            self.layout.marks.append(Mark(position, "RULE"))
        elif line_begins and word in _LINES:
            self.layout.marks.append(Mark(position, _TERMINALS.get(word, word.upper())))

    def _declares(self, word: str, position: int) -> bool:
        """At the margin any declaration word counts; in brackets only what is nothing else."""
        if position and self.text[position - 1] != "\n":
            return False
        if not self.openings:
            return True
        head = _HEADS.get(word)
        return head is not None and head.match(self.text, position + len(word)) is not None

    def _sign(self, sign: str, position: int) -> None:
        if sign == "!" or self._prefix_place():
            self._prefix(sign, position)
        else:
            self._operand()

    def _prefix_place(self) -> bool:
        last = self.last
        if not last or not (last[-1].isalnum() or last[-1] in '_")]}'):
            return True
        return last[len(last.rstrip(_WORD_CHARACTERS)) :] in _PREFIX_AFTER

    def _prefix(self, word: str, position: int) -> None:
        self.prefixes += 1
        if self.depth + self.beyond + self.prefixes > codes.NESTING_MAX:
            self._refuse_depth(word, position)

    def _operand(self) -> None:
        """A run of prefixes is over."""
        if not (self.prefixes or self.too_deep):
            return
        self.prefixes = 0
        if self.too_deep and self.depth + self.beyond < codes.NESTING_MAX:
            self.too_deep = False

    def _open(self, bracket: str, position: int) -> None:
        if self.beyond or self.depth + self.prefixes >= codes.NESTING_MAX:
            self.beyond += 1
            self.prefixes = 0
            self._refuse_depth(bracket, position)
            return
        self.openings.append(_Opening(position, bracket, self.prefixes))
        self.depth += self.prefixes + 1
        self.prefixes = 0
        if bracket == "{":
            self.layout.marks.append(Mark(position, "", 1))

    def _close(self, bracket: str, position: int) -> None:
        if self.beyond:
            self.beyond -= 1
        # A bracket closes what was left open inside its partner; without a partner, nothing.
        elif self.openings and any(
            CLOSING[opening.bracket] == bracket for opening in self.openings
        ):
            if bracket == "}":
                self.layout.marks.append(Mark(position, "RBRACE", -1))
            closed = ""
            while closed != bracket:
                opening = self.openings.pop()
                closed = CLOSING[opening.bracket]
                self.depth -= opening.prefixes + 1
        self._operand()

    def _refuse_depth(self, word: str, position: int) -> None:
        """Every place beyond the limit is closed to the grammar; only the first is a complaint."""
        self.layout.poisoned.add(position)
        if not self.too_deep:
            self.too_deep = True
            self.report(position, position + len(word), codes.too_deep)

    def _number(self, text: str, position: int) -> None:
        self._operand()
        if len(text) > codes.NUMBER_CHARS_MAX:
            self.layout.poisoned.add(position)
            self.report(position, position + len(text), codes.long_number)

    def _quote(self, text: str, position: int) -> None:
        self._operand()
        self.layout.poisoned.add(position)
        self.report(position, position + len(text.rstrip()), codes.unclosed_string)

    def _string(self, text: str, position: int) -> None:
        self._operand()
        if text.startswith("r") or "\\" not in text:
            return
        for match in _ESCAPE.finditer(text):
            if match.group(1) not in '"\\nt*':
                start = position + match.start()
                self.layout.poisoned.add(position)
                self.report(start, start + 2, partial(codes.unknown_escape, found=match.group()))

    def _bad(self, text: str, position: int) -> None:
        self.layout.poisoned.add(position)
        if len(self.layout.diagnostics) < DIAGNOSTICS_MAX and HIDDEN.search(text) is None:
            advice = _ADVICE.get(text[0], "")
            self.report(
                position,
                position + len(text),
                partial(codes.unknown_character, found=text, advice=advice),
            )


_ADVICE: Final = {
    ";": "remove it: a line needs no terminator",
    "'": 'write texts in straight double quotes: "…"',
    "`": 'write texts in straight double quotes: "…"',
    "\u201c": 'write texts in straight double quotes: "…"',
    "\u201d": 'write texts in straight double quotes: "…"',
    "\u00a0": "replace the no-break space by a space",
    "&": "write `and`",
    "|": "write `or`",
    "/": "there is no division; a comment begins with `#`",
    "%": "there is no remainder",
    "\\": "a backslash belongs inside a text",
}


def scan(places: Places) -> Layout:
    """Reads the whole text once, in time proportional to its length; at most 100 complaints."""
    return _Scan(places).run()


def marks_from(layout: Layout, position: int) -> Iterator[Mark]:
    """The marks at or after a position, in order."""
    start = bisect_left(layout.marks, position, key=lambda mark: mark.position)
    for index in range(start, len(layout.marks)):
        yield layout.marks[index]
