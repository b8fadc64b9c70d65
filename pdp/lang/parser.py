"""From bytes to a syntax tree and complaints; no input makes it raise.

After a mistake the parser forgets the unfinished part and picks up at the next rule, block line,
closing brace or declaration, so that one mistake hides nothing but itself.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from pdp.lang import codes
from pdp.lang.diagnostics import DIAGNOSTICS_MAX, Diagnostic, sort_key
from pdp.lang.nodes import Declaration, PolicyFile
from pdp.lang.reading import collector
from pdp.lang.reading.builder import Builder
from pdp.lang.reading.driver import END, TERMINALS, Driver, Token, takes, terminals_at
from pdp.lang.reading.expected import expected_words, suggestion
from pdp.lang.reading.scanner import CLOSING, DECLARATIONS, Layout, Mark, Places, marks_from, scan
from pdp.lang.source import Source, Span

__all__ = ["decode", "parse"]

# A character that no terminal matches, put where the scanner has already complained.
_POISON: Final = "\x00"
_KEYWORDS: Final = frozenset(map(str.lower, TERMINALS))
# Rules that end in an expression: cut short by a mistake, they would say something else.
_OPEN_ENDED: Final = frozenset(("rule", "claim", "predicate_decl", "points"))
_DECLARATION_TERMINALS: Final = frozenset(word.upper() for word in DECLARATIONS)
_RECOVERIES_MAX: Final = 4 * DIAGNOSTICS_MAX
_FOUND: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]+(?:Z|[+-][0-9:]+)?)?"
    r"|[0-9]{1,2}:[0-9]{2}|[0-9][0-9A-Za-z_.]*(?<!\.)"
    r'|r?"(?:[^"\\\n]++|\\.)*+"|[A-Za-z_][A-Za-z0-9_]*|::|==|!=|<=|>=|&&|\|\||\.\.|.',
    re.DOTALL,
)
# A comment, which does not count, or one word, text or sign.
_WORD: Final = re.compile(r'#[^\n]*|("(?:[^"\\\n]|\\.)*+"?|\w+|[^\w\s])')
_FOUND_CHARS_MAX: Final = 60


def decode(name: str, data: bytes) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """A file's text: UTF-8, at most 1 MiB; a byte-order mark at the start is dropped."""
    if len(data) > codes.FILE_BYTES_MAX:
        return None, (codes.too_large(Span(name, 1, 1, 1, 1), len(data)),)
    body = data.removeprefix(codecs.BOM_UTF8)
    try:
        return Source(name, body.decode("utf-8")), ()
    except UnicodeDecodeError as error:
        before = body[: error.start].decode("utf-8")
        line, column = Places(name, before).line_column(len(before))
        return None, (
            codes.not_utf_8(Span(name, line, column, line, column + 1), body[error.start]),
        )


def parse(source: Source) -> tuple[PolicyFile, tuple[Diagnostic, ...]]:
    """The declarations that could be read, in order, and every complaint about the rest, sorted.

    With a complaint the tree may lack what stood there: it helps to find more mistakes, never to
    decide.
    """
    places = Places(source.name, source.text)
    if len(source.text) > codes.FILE_BYTES_MAX:
        diagnostic = codes.too_large(places.span(0, 0), len(source.text.encode("utf-8", "replace")))
        return PolicyFile(source.name, ()), (diagnostic,)
    # A text has at most as many words as characters, so few are ever counted.
    if len(source.text) > codes.FILE_WORDS_MAX:
        words = sum(map(bool, _WORD.findall(source.text)))
        if words > codes.FILE_WORDS_MAX:
            return PolicyFile(source.name, ()), (codes.too_many_words(places.span(0, 0), words),)
    with collector.paused():
        layout = scan(places)
        reading = _Reading(places, layout)
        declarations = reading.run()
    found = [*layout.diagnostics, *reading.complaints]
    places_found = [diagnostic.span for diagnostic in found]
    # A block emptied by a mistake inside it is not a second mistake.
    found += [
        built
        for built, block in reading.builder.built
        if not any(_inside(place, block) for place in places_found)
    ]
    found.sort(key=sort_key)
    return PolicyFile(source.name, declarations), tuple(found[:DIAGNOSTICS_MAX])


def _inside(place: Span, block: Span) -> bool:
    start = (place.line, place.column)
    return (block.line, block.column) <= start < (block.end_line, block.end_column)


class _Reading:
    """One text on its way through the grammar, mistake by mistake."""

    def __init__(self, places: Places, layout: Layout) -> None:
        self.places = places
        self.layout = layout
        self.complaints: list[Diagnostic] = []
        self.last_mark: Mark | None = None
        text = places.text
        if layout.poisoned:
            characters = list(text)
            for position in layout.poisoned:
                characters[position] = _POISON
            text = "".join(characters)
        self.builder = Builder(places)
        self.driver = Driver(text, self.builder)

    def run(self) -> tuple[Declaration, ...]:
        """What could be read; what could not is in ``complaints`` and in the builder's."""
        position = 0
        for _ in range(_RECOVERIES_MAX):
            stopped = self.driver.run(position)
            if stopped is None:
                return self._made()
            mistake = self._step_back(stopped)
            self._complain(mistake)
            position = self._recover(mistake)
            if len(self.complaints) >= DIAGNOSTICS_MAX:
                break
        landing = _Landing(self.driver, keep_open_ended=False)
        stopped = self.driver.run(self._resume(Mark(len(self.places.text), END), landing))
        assert stopped is None
        return self._made()

    def _made(self) -> tuple[Declaration, ...]:
        declarations: tuple[Declaration, ...] = self.driver.made
        return declarations

    def _step_back(self, position: int) -> int:
        """The place of the mistake, given where the grammar stopped.

        After ``when a ==`` the word ``rule`` of the next line is read as a name, and the grammar
        stops one word late.
        """
        driver = self.driver
        last = driver.values[-1]
        if position in self.layout.poisoned:
            return position
        if type(last) is not Token or TERMINALS[last.terminal] != "NAME":
            return position
        mark = next(marks_from(self.layout, last.start), None)
        if mark is None or mark.position != last.start:
            return position
        if "RBRACE" in terminals_at(driver.states[-2]):
            return position  # a field that is called like a keyword
        driver.cut(len(driver.states) - 1)
        return mark.position

    def _complain(self, position: int) -> None:
        if position in self.layout.poisoned or self._after_recovery(position):
            return
        opening = self.layout.unclosed.get(position)
        at_end = position >= len(self.places.text)
        if opening is not None:
            self.complaints.append(self._unclosed(opening, position))
            return
        states = self.driver.states
        accepted = {name for name in terminals_at(states[-1]) if takes(states, name)}
        expected = expected_words(accepted)
        if at_end:
            end = len(self.places.text.rstrip())
            self.complaints.append(codes.unexpected_end(self.places.span(end, end), expected))
            return
        match = _FOUND.match(self.places.text, position)
        assert match is not None
        found = match.group()
        span = self.places.span(position, match.end())
        shown = found if len(found) <= _FOUND_CHARS_MAX else found[:_FOUND_CHARS_MAX] + "…"
        self.complaints.append(
            codes.unexpected_word(span, shown, expected, self._advice(found, accepted))
        )

    def _advice(self, found: str, accepted: set[str]) -> str:
        """A keyword in the wrong place is not a misspelt one."""
        return "" if found in _KEYWORDS else suggestion(found, accepted)

    def _after_recovery(self, position: int) -> bool:
        """Whether nothing was read since a brace at which we picked up: a wrong guess."""
        mark = self.last_mark
        if mark is None or mark.terminal != "RBRACE":
            return False
        between = self.places.text[mark.position + 1 : position]
        return not between.strip() and "\n" not in between

    def _unclosed(self, opening: int, position: int) -> Diagnostic:
        bracket = self.places.text[opening]
        match = re.compile("[a-z_]*").match(self.places.text, position)
        word = match.group() if match is not None else ""
        where = f"the next `{word}`" if word else "the end of the file"
        noticed = self.places.span(position, position + len(word))
        return codes.unclosed_bracket(
            self.places.span(opening, opening + 1), bracket, CLOSING[bracket], noticed, where
        )

    def _recover(self, position: int) -> int:
        """Forgets unfinished parts until the parser can take the word at the next mark.

        Answers that mark's place.
        """
        keep_open_ended = self.places.line_column(position)[1] == 1
        landing = _Landing(self.driver, keep_open_ended=keep_open_ended)
        depth = 0
        for mark in marks_from(self.layout, position):
            if mark.terminal in _DECLARATION_TERMINALS:
                depth = 0
            # A brace opened after the mistake hides what is inside it.
            if depth == 0 and mark.terminal and landing.size_for(mark.terminal):
                return self._resume(mark, landing)
            depth = max(0, depth + mark.depth)
        return self._resume(Mark(len(self.places.text), END), landing)

    def _resume(self, mark: Mark, landing: _Landing) -> int:
        self.driver.cut(landing.size_for(mark.terminal))
        self.last_mark = mark
        return mark.position


class _Landing:
    """How much of the parser's stack can stay so that it can go on with a given terminal."""

    def __init__(self, driver: Driver, *, keep_open_ended: bool) -> None:
        self.states = driver.states
        self.keep_open_ended = keep_open_ended
        self.sizes: dict[str, int] = {}

    def size_for(self, terminal: str) -> int:
        """The largest part of the stack that can take ``terminal``; 0 if none can."""
        size = self.sizes.get(terminal)
        if size is None:
            sizes = range(len(self.states), 0, -1)
            size = next((size for size in sizes if self._takes(size, terminal)), 0)
            self.sizes[terminal] = size
        return size

    def _takes(self, size: int, terminal: str) -> bool:
        whole = size == len(self.states) and self.keep_open_ended
        return takes(self.states[:size], terminal, frozenset() if whole else _OPEN_ENDED)
