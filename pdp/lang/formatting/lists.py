"""Things in a row: in brackets, after a keyword, or line by line in braces; not what they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pdp.lang.formatting.layout import (
    HARD,
    LINE,
    SPACE,
    Doc,
    Line,
    Nest,
    OwnLines,
    Word,
    group,
)
from pdp.lang.formatting.tape import Tape

T = TypeVar("T")


def bracketed(
    tape: Tape,
    items: Sequence[T],
    write: Callable[[Tape, T], Doc],
    *,
    padding: str = "",
    has_last_comma: bool = True,
) -> Doc:
    """``[a, b]`` on one line, or each item on a line of its own.

    ``padding`` stands inside the brackets on one line. ``has_last_comma``: the grammar allows a
    comma behind the last item, and so it is written where each item has its line.
    """
    opening = tape.word()
    parts: list[Doc] = []
    for index, item in enumerate(items):
        parts.append(Line(SPACE, blank=tape.gap()) if index else Line(padding))
        parts.append(write(tape, item))
        if index < len(items) - 1:
            parts.append(tape.comma())
        elif has_last_comma:
            parts.append(tape.last_comma())
    comments, closing = tape.closing("")
    if comments:
        parts += (Line(hard=True, blank=bool(items) and comments[0].blank), OwnLines(comments))
    if not parts:
        return _empty(opening, closing)
    return group(opening, Nest(tuple(parts)), Line(padding), closing)


def _empty(opening: Doc, closing: Doc) -> Doc:
    """Brackets around nothing, but for a comment behind the first."""
    has_comment = isinstance(opening, Word) and opening.after is not None
    return (opening, HARD if has_comment else (), closing)


def series(tape: Tape, items: Sequence[T], write: Callable[[Tape, T], Doc]) -> list[Doc]:
    """``a, b, c`` with places where the line may end; no comma can stand behind the last."""
    parts: list[Doc] = []
    for index, item in enumerate(items):
        if index:
            parts.append(Line(SPACE, blank=tape.gap()))
        parts.append(write(tape, item))
        if index < len(items) - 1:
            parts.append(tape.comma())
    return parts


def clause(tape: Tape, keyword: Doc, items: Sequence[T], write: Callable[[Tape, T], Doc]) -> Doc:
    """``then a, b``: what does not fit begins a line below its keyword, one item a line."""
    parts = series(tape, items, write)
    if len(items) == 1:
        return (keyword, SPACE, *parts)
    return group(keyword, Nest((LINE, *parts)))


def block(
    tape: Tape,
    items: Sequence[T],
    write: Callable[[Tape, T], Doc],
    stands_apart: Callable[[T], bool] = lambda _: False,
) -> Doc:
    """Braces (or brackets) around lines that no comma separates, each item on its own.

    Blank lines stay where the author left them; an item that ``stands_apart`` gets one before it.
    """
    first = tape.at
    opening = tape.word()
    parts: list[Doc] = []
    for index, item in enumerate(items):
        is_blank = tape.apart() if stands_apart(item) else tape.gap()
        parts.append(Line(hard=True, blank=bool(index) and is_blank))
        parts.append(write(tape, item))
    was_one_line = tape.tokens.is_one_line(first, tape.at)
    comments, closing = tape.closing("")
    if comments:
        parts += (Line(hard=True, blank=bool(items) and comments[0].blank), OwnLines(comments))
    if not parts:
        return _empty(opening, closing)
    if was_one_line and isinstance(opening, str) and isinstance(closing, Word):
        # A comment behind a block that stood on one line is about its head.
        opening, closing = Word(opening, after=closing.after), closing.text
    return (opening, Nest(tuple(parts)), HARD, closing)
