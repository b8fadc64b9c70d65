"""A policy file's text and the places in it. Columns are 1-based and count characters."""

from __future__ import annotations

from pdp.lang.records import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From the first character (``line``, ``column``) up to, not including, the end position."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of ``other``."""
        return Span(self.file, self.line, self.column, other.end_line, other.end_column)


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its name relative to the bundle (posix) and its decoded text."""

    name: str
    text: str

    def line(self, number: int) -> str:
        """The text of a 1-based line without its line break, or '' past the end."""
        lines = self.text.split("\n")
        return lines[number - 1].removesuffix("\r") if 0 < number <= len(lines) else ""
