"""From bytes to a syntax tree and complaints; no input makes it raise, and it speaks no Lark.

After a mistake the parser forgets the unfinished part and picks up at the next rule, block line,
closing brace or declaration, so that one mistake hides nothing but itself.
"""

from __future__ import annotations

import codecs
import functools
import re
from collections.abc import Callable, Collection
from importlib import resources
from typing import Any, Final

from lark import Lark, Token
from lark.common import LexerConf
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.lexer import ContextualLexer, LexerState, PatternRE, PatternStr, TerminalDef
from lark.parsers.lalr_analysis import Shift
from lark.parsers.lalr_interactive_parser import InteractiveParser

from pdp.lang import codes
from pdp.lang.diagnostics import DIAGNOSTICS_MAX, Diagnostic, sort_key
from pdp.lang.nodes import Declaration, PolicyFile
from pdp.lang.reading.builder import Builder, Job, building
from pdp.lang.reading.expected import expected_words, suggestion
from pdp.lang.reading.scanner import CLOSING, DECLARATIONS, Layout, Mark, Places, marks_from, scan
from pdp.lang.source import Source, Span

# A character that no terminal matches, put where the scanner has already complained.
_POISON: Final = "\x00"
END: Final = "$END"
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
    layout = scan(places)
    job = Job(source.name)
    with building(job):
        declarations, complaints = _Reading(places, layout).run()
    found = [*layout.diagnostics, *complaints]
    places_found = [diagnostic.span for diagnostic in found]
    # A block emptied by a mistake inside it is not a second mistake.
    found += [
        built
        for built, block in job.built
        if not any(_inside(place, block) for place in places_found)
    ]
    found.sort(key=sort_key)
    return PolicyFile(source.name, declarations), tuple(found[:DIAGNOSTICS_MAX])


def _inside(place: Span, block: Span) -> bool:
    start = (place.line, place.column)
    return (block.line, block.column) <= start < (block.end_line, block.end_column)


@functools.cache
def charter_grammar(*, strict: bool = False) -> Lark:
    """The compiled grammar. ``strict`` refuses colliding terminals (it needs interegular)."""
    text = resources.files("pdp.lang").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        parser="lalr",
        lexer="contextual",
        start="bundle_file",
        keep_all_tokens=True,
        maybe_placeholders=True,
        edit_terminals=_bound_keyword,
        transformer=Builder(),
        strict=strict,
        _plugins={} if strict else {"ContextualLexer": _TrustedLexer},
    )


class _TrustedLexer(ContextualLexer):
    """Skips the search for colliding terminals: it takes a second, and a test makes it."""

    def __init__(
        self,
        conf: LexerConf,
        states: dict[int, Collection[str]],
        always_accept: Collection[str] = (),
    ) -> None:
        conf.skip_validation = True
        super().__init__(conf, states, always_accept)


def _bound_keyword(terminal: TerminalDef) -> None:
    """A keyword ends where the word ends, or ``args.a inbox`` would read ``args.a in box``."""
    pattern = terminal.pattern
    if isinstance(pattern, PatternStr) and re.fullmatch("[a-z_]+", pattern.value):
        terminal.pattern = PatternRE(pattern.value + "(?![A-Za-z0-9_])")
        terminal.priority = 3


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
        self.interactive = charter_grammar().parse_interactive(text)

    def run(self) -> tuple[tuple[Declaration, ...], list[Diagnostic]]:
        for _ in range(_RECOVERIES_MAX):
            try:
                return self._resumed(), self.complaints
            except UnexpectedInput as error:
                position = self._step_back(self._position(error))
                self._complain(position)
                self._recover(position)
                if len(self.complaints) >= DIAGNOSTICS_MAX:
                    break
        return self._finished(), self.complaints

    def _position(self, error: UnexpectedInput) -> int:
        if isinstance(error, UnexpectedToken) and error.token.type == END:
            return len(self.places.text)
        position: Any = error.pos_in_stream
        assert isinstance(position, int)
        return position

    def _step_back(self, position: int) -> int:
        """The place of the mistake, given where the grammar stopped.

        After ``when a ==`` the word ``rule`` of the next line is read as a name, and the grammar
        stops one word late.
        """
        state = self.interactive.parser_state
        values = state.value_stack
        if position in self.layout.poisoned:
            return position
        if not values or not isinstance(values[-1], Token) or values[-1].type != "NAME":
            return position
        start = values[-1].start_pos
        mark = next(marks_from(self.layout, start or 0), None)
        if mark is None or mark.position != start:
            return position
        if "RBRACE" in state.parse_conf.states[state.state_stack[-2]]:
            return position  # a field that is called like a keyword
        values.pop()
        state.state_stack.pop()
        return mark.position

    def _complain(self, position: int) -> None:
        if position in self.layout.poisoned or self._after_recovery(position):
            return
        opening = self.layout.unclosed.get(position)
        at_end = position >= len(self.places.text)
        if opening is not None:
            self.complaints.append(self._unclosed(opening, position))
            return
        accepts: Callable[[], set[str]] = self.interactive.accepts
        accepted = accepts()
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
        keywords = {terminal.name.lower() for terminal in charter_grammar().terminals}
        return "" if found in keywords else suggestion(found, accepted)

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

    def _recover(self, position: int) -> None:
        """Forgets unfinished parts until the parser can take the word at the next mark."""
        keep_open_ended = self.places.line_column(position)[1] == 1
        landing = _Landing(self.interactive, keep_open_ended=keep_open_ended)
        depth = 0
        for mark in marks_from(self.layout, position):
            if mark.terminal in _DECLARATION_TERMINALS:
                depth = 0
            # A brace opened after the mistake hides what is inside it.
            size = landing.size_for(mark.terminal) if depth == 0 and mark.terminal else 0
            if size:
                self._resume(mark, size)
                return
            depth = max(0, depth + mark.depth)
        self._resume(Mark(len(self.places.text), END), landing.size_for(END))

    def _resume(self, mark: Mark, size: int) -> None:
        state = self.interactive.parser_state
        del state.state_stack[size:]
        del state.value_stack[size - 1 :]
        lexer_state: LexerState | None = self.interactive.lexer_thread.state
        assert lexer_state is not None
        counter = lexer_state.line_ctr
        counter.line, counter.column = self.places.line_column(mark.position)
        counter.char_pos = mark.position
        counter.line_start_pos = mark.position - counter.column + 1
        self.last_mark = mark

    def _finished(self) -> tuple[Declaration, ...]:
        """What had been read when we gave up."""
        landing = _Landing(self.interactive, keep_open_ended=False)
        self._resume(Mark(len(self.places.text), END), landing.size_for(END))
        return self._resumed()

    def _resumed(self) -> tuple[Declaration, ...]:
        resume: Callable[[], tuple[Declaration, ...]] = self.interactive.resume_parse
        return resume()


class _Landing:
    """How much of the parser's stack can stay so that it can go on with a given terminal."""

    def __init__(self, interactive: InteractiveParser, *, keep_open_ended: bool) -> None:
        self.stack = list(interactive.parser_state.state_stack)
        self.states = interactive.parser_state.parse_conf.states
        self.end_state = interactive.parser_state.parse_conf.end_state
        self.keep_open_ended = keep_open_ended
        self.sizes: dict[str, int] = {}

    def size_for(self, terminal: str) -> int:
        """The largest part of the stack that can take ``terminal``; 0 if none can."""
        size = self.sizes.get(terminal)
        if size is None:
            sizes = range(len(self.stack), 0, -1)
            size = next((size for size in sizes if self._takes(size, terminal)), 0)
            self.sizes[terminal] = size
        return size

    def _takes(self, size: int, terminal: str) -> bool:
        """Plays the parser's moves on states alone."""
        stack = self.stack[:size]
        whole = size == len(self.stack) and self.keep_open_ended
        while True:
            action, argument = self.states[stack[-1]].get(terminal, (None, None))
            if action is None:
                return False
            if action is Shift:
                return True
            if argument.origin.name in _OPEN_ENDED and not whole:
                return False
            if argument.expansion:
                del stack[-len(argument.expansion) :]
            _, state = self.states[stack[-1]][argument.origin.name]
            stack.append(state)
            if terminal == END and state == self.end_state:
                return True
