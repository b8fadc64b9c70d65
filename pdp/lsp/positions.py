"""Offsets in a text, places of the language, positions of an editor: arithmetic, no meaning.

The language counts characters in lines that end in a line feed. Editors count UTF-8, UTF-16 or
UTF-32 units in lines that end in a line feed, a carriage return or both.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from pdp.lang.source import Span

UTF_8: Final = "utf-8"
UTF_16: Final = "utf-16"
UTF_32: Final = "utf-32"
_BREAK: Final = re.compile(r"\r\n|\r|\n")
_ASTRAL: Final = 0x1_0000


@dataclass(frozen=True, slots=True)
class Lines:
    """A text with the offsets at which its lines start: the language's, and the editor's."""

    text: str
    starts: tuple[int, ...]
    editor_starts: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Lines:
        """The lines of a text; there is always at least one."""
        starts = [0]
        position = text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = text.find("\n", position + 1)
        editor = starts
        if "\r" in text:
            editor = [0, *(match.end() for match in _BREAK.finditer(text))]
        return cls(text, tuple(starts), tuple(editor))

    def offset(self, line: int, column: int) -> int:
        """The offset of a 1-based place; a place outside is moved to the nearest one inside."""
        if line < 1:
            return 0
        if line > len(self.starts):
            return len(self.text)
        return min(self.starts[line - 1] + max(column, 1) - 1, len(self.text))

    def range(self, span: Span) -> tuple[int, int]:
        """Start and end offsets of a span."""
        start = self.offset(span.line, span.column)
        return start, max(start, self.offset(span.end_line, span.end_column))

    def place(self, offset: int) -> tuple[int, int]:
        """The 1-based line and column of an offset."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def position(self, offset: int, encoding: str) -> tuple[int, int]:
        """The editor's 0-based line and unit of an offset."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self.editor_starts, offset) - 1
        return line, _units(self.text[self.editor_starts[line] : offset], encoding)

    def offset_at(self, line: int, unit: int, encoding: str) -> int:
        """The offset of an editor's position; one outside is moved to the nearest one inside."""
        if line < 0:
            return 0
        if line >= len(self.editor_starts):
            return len(self.text)
        start = self.editor_starts[line]
        is_last = line + 1 == len(self.editor_starts)
        end = len(self.text) if is_last else self.editor_starts[line + 1]
        content = self.text[start:end].rstrip("\r\n")
        if encoding == UTF_32 or content.isascii():
            return start + max(0, min(unit, len(content)))
        left = unit
        for index, character in enumerate(content):
            left -= _units(character, encoding)
            if left < 0:
                return start + index
        return start + len(content)


def _units(text: str, encoding: str) -> int:
    if encoding == UTF_32 or text.isascii():
        return len(text)
    if encoding == UTF_8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + sum(ord(character) >= _ASTRAL for character in text)
