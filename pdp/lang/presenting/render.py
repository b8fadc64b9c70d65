"""Diagnostics as text for people and as data for tools; nothing is found or judged here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pdp.lang.diagnostics import DIAGNOSTICS_MAX, Diagnostic, sort_key
from pdp.lang.source import Source, Span

_TAB_COLUMNS: Final = 4
_LINE_CHARS_MAX: Final = 1_000
_LINE_COLUMNS_MAX: Final = 160
# Shown before the underlined words when a long line is cut.
_LEAD_COLUMNS: Final = 40
_CUT: Final = "…"

_BOLD: Final = "\x1b[1m"
_RED: Final = "\x1b[1;31m"
_YELLOW: Final = "\x1b[1;33m"
_BLUE: Final = "\x1b[1;34m"
_PLAIN: Final = "\x1b[0m"


def render_text(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source], *, colour: bool = False
) -> str:
    """Every diagnostic with its line and its words underlined, sorted, at most 100, and a count.

    ``sources`` are the files by name; a diagnostic about a file that is not among them is shown
    without its line. The text ends with a line break; it is empty without diagnostics.
    """
    ordered = sorted(diagnostics, key=sort_key)
    if not ordered:
        return ""
    lines: list[str] = []
    texts = {name: source.text.split("\n") for name, source in sources.items()}
    for diagnostic in ordered[:DIAGNOSTICS_MAX]:
        lines += _diagnostic_lines(diagnostic, texts, _Paint(colour=colour))
        lines.append("")
    lines.append(_count_line(ordered))
    return "\n".join(lines) + "\n"


def to_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """One flat object per diagnostic, sorted, at most 100; lines and columns are 1-based."""
    return [
        {
            "code": diagnostic.code.code,
            "name": diagnostic.code.name,
            "severity": diagnostic.code.severity,
            "message": diagnostic.message,
            "file": diagnostic.span.file,
            "line": diagnostic.span.line,
            "column": diagnostic.span.column,
            "end_line": diagnostic.span.end_line,
            "end_column": diagnostic.span.end_column,
            "help": diagnostic.help,
        }
        for diagnostic in sorted(diagnostics, key=sort_key)[:DIAGNOSTICS_MAX]
    ]


def shown(text: str) -> str:
    """Text that is safe on a terminal: what is invisible or reorders the rest is spelt out."""
    return "".join(map(_shown_character, text))


def _shown_character(character: str) -> str:
    if character.isprintable():
        return character
    return f"<U+{ord(character):04X}>"


@dataclass(frozen=True, slots=True)
class _Paint:
    """Colours, or none."""

    colour: bool

    def __call__(self, style: str, text: str) -> str:
        return f"{style}{text}{_PLAIN}" if self.colour and text else text


def _diagnostic_lines(
    diagnostic: Diagnostic, texts: Mapping[str, list[str]], paint: _Paint
) -> Iterator[str]:
    strong = _RED if diagnostic.is_error else _YELLOW
    code = diagnostic.code
    head = paint(strong, f"{code.severity}[{code.code} {code.name}]")
    yield f"{head}{paint(_BOLD, ': ' + shown(diagnostic.message))}"
    spans = [diagnostic.span, *(span for span, _ in diagnostic.related)]
    width = max(len(str(span.line)) for span in spans)
    yield from _place_lines(
        diagnostic.span, diagnostic.label, texts, _Frame(width, "-->", strong, "^", paint)
    )
    for span, note in diagnostic.related:
        yield from _place_lines(span, note, texts, _Frame(width, ":::", _BLUE, "-", paint))
    if diagnostic.help:
        first, *rest = shown_lines(diagnostic.help)
        gutter = " " * (width + 2)
        yield f"{gutter}{paint(_BLUE, '=')} {paint(_BOLD, 'help')}: {first}"
        yield from (f"{gutter}        {line}" for line in rest)


def shown_lines(text: str) -> list[str]:
    """As ``shown``, line by line: a help may be an edit of several lines."""
    return [shown(line) for line in text.split("\n")]


@dataclass(frozen=True, slots=True)
class _Frame:
    """How one place is drawn: gutter width, arrow, colour and underline character."""

    width: int
    arrow: str
    style: str
    underline: str
    paint: _Paint


def _place_lines(
    span: Span, label: str, texts: Mapping[str, list[str]], frame: _Frame
) -> Iterator[str]:
    paint = frame.paint
    place = f"{shown(span.file)}:{span.line}:{span.column}"
    yield f"{' ' * (frame.width + 1)}{paint(_BLUE, frame.arrow)} {place}"
    lines = texts.get(span.file, [])
    if not 0 < span.line <= len(lines):
        if label:
            yield f"{' ' * (frame.width + 2)}{paint(_BLUE, '=')} note: {shown(label)}"
        return
    bar = paint(_BLUE, "|")
    blank = " " * (frame.width + 2)
    text, before, marked = _excerpt(lines[span.line - 1].removesuffix("\r"), span)
    note = f" {shown(label)}" if label else ""
    underlined = paint(frame.style, f"{frame.underline * marked}{note}")
    yield f"{blank}{bar}"
    yield f" {paint(_BLUE, f'{span.line:>{frame.width}}')} {bar} {text}".rstrip()
    yield f"{blank}{bar} {' ' * before}{underlined}"


def _excerpt(line: str, span: Span) -> tuple[str, int, int]:
    """The line as shown, and in columns: how far its marked words are in, and how long they are."""
    start = min(span.column - 1, len(line))
    stop = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line)
    if len(line) > _LINE_CHARS_MAX:  # a file may be one line, with a hundred places in it
        skipped_chars = max(0, start - _LINE_CHARS_MAX)
        line = line[skipped_chars : start + _LINE_CHARS_MAX]
        start, stop = start - skipped_chars, min(stop - skipped_chars, len(line))
    cells = _cells(line)
    before = sum(width for _, width in cells[:start])
    marked = max(1, sum(width for _, width in cells[start:stop]))
    first = 0
    if sum(width for _, width in cells) > _LINE_COLUMNS_MAX and before > _LEAD_COLUMNS:
        skipped = 0
        while before - skipped > _LEAD_COLUMNS:
            skipped += cells[first][1]
            first += 1
        before -= skipped
    text, columns = (_CUT, 1) if first else ("", 0)
    before += columns
    for index in range(first, len(cells)):
        if columns + cells[index][1] >= _LINE_COLUMNS_MAX:
            return text + _CUT, before, max(1, min(marked, columns - before))
        text += cells[index][0]
        columns += cells[index][1]
    return text, before, marked


def _cells(line: str) -> list[tuple[str, int]]:
    """Each character as shown, with the columns it takes; a tab runs to a multiple of four."""
    cells: list[tuple[str, int]] = []
    column = 0
    for character in line:
        if character == "\t":
            text = " " * (_TAB_COLUMNS - column % _TAB_COLUMNS)
            width = len(text)
        else:
            text = _shown_character(character)
            width = len(text) if len(text) > 1 else _character_columns(character)
        cells.append((text, width))
        column += width
    return cells


def _character_columns(character: str) -> int:
    """0 for marks drawn over their neighbour, 2 for East Asian wide ones, 1 otherwise."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _count_line(diagnostics: list[Diagnostic]) -> str:
    errors = sum(diagnostic.is_error for diagnostic in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [_plural(errors, "error")] if errors else []
    parts += [_plural(warnings, "warning")] if warnings else []
    more = len(diagnostics) - DIAGNOSTICS_MAX
    rest = f" ({more} more not shown)" if more > 0 else ""
    return ", ".join(parts) + rest


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
