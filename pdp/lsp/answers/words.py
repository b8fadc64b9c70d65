"""What stands at an offset: the word itself, its declaration, and the place it has there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pdp.lang import nodes
from pdp.lang.source import Span
from pdp.lsp.places import Place
from pdp.lsp.walk import walk
from pdp.lsp.workspace import Workspace

_TOKEN: Final = re.compile(
    r'(?P<comment>#[^\n]*)|(?P<text>r"[^"\n]*"?|"(?:[^"\\\n]|\\.)*"?)'
    r"|(?P<number>[0-9][0-9A-Za-z_]*)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, outside texts and comments."""

    text: str
    start: int
    end: int


def word_at(text: str, offset: int) -> Word | None:
    """The word that an offset is in or right behind."""
    line_start = text.rfind("\n", 0, offset) + 1
    line_end = text.find("\n", offset)
    for match in _TOKEN.finditer(text, line_start, len(text) if line_end < 0 else line_end):
        if match.start() <= offset <= match.end() and match.lastgroup == "word":
            return Word(match.group(), match.start(), match.end())
    return None


def is_in_text(text: str, offset: int) -> bool:
    """Whether an offset is inside a comment or a text in quotes."""
    line_start = text.rfind("\n", 0, offset) + 1
    for match in _TOKEN.finditer(text, line_start, offset):
        if match.lastgroup == "comment":
            return True
        if match.lastgroup == "text" and match.end() == offset:
            written = match.group()
            quotes = 2 if written.startswith("r") else 1
            return len(written) == quotes or not written.endswith('"')
    return False


def declaration_at(tree: nodes.PolicyFile, line: int, column: int) -> nodes.Declaration | None:
    """The declaration that a 1-based place is in."""
    for decl in tree.declarations:
        if contains(decl.span, line, column):
            return decl
    return None


def contains(span: Span, line: int, column: int) -> bool:
    """Whether a 1-based place is in a span or right behind it."""
    return (span.line, span.column) <= (line, column) <= (span.end_line, span.end_column)


def place_at(workspace: Workspace, file: str, offset: int) -> Place | None:
    """The use of a name at an offset."""
    line, column = workspace.lines(file).place(offset)
    decl = declaration_at(workspace.tree(file), line, column)
    names = workspace.program.at(file)
    if decl is None or names is None:
        return None
    return innermost(walk(decl, names, workspace.program.routes), line, column)


def innermost(found: Iterable[Place], line: int, column: int) -> Place | None:
    """The shortest of the places that hold a 1-based place."""
    here = [place for place in found if contains(place.span, line, column)]
    return max(here, key=lambda place: (place.span.line, place.span.column), default=None)
