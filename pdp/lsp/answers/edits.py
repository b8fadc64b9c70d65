"""Changes to the files of a bundle as data: text for offsets. Applied by the editor, not here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace the text between two offsets of a file by ``text``."""

    file: str
    start: int
    end: int
    text: str


def applied(text: str, edits: Iterable[Edit]) -> str:
    """A file's text after edits that do not overlap; of two at one offset the first comes first."""
    result, position = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        assert edit.start >= position, "edits overlap"
        result += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*result, text[position:]])
