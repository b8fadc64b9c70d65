"""Text that strangers wrote, made harmless to print in a policy file; nothing is interpreted."""

from __future__ import annotations

import unicodedata
from typing import Final

WIRE_CHARS_MAX: Final = 256
CUT: Final = "…"

# Categories of characters that cannot be seen, or change how others are shown: controls, format
# characters (bidirectional ones too), surrogates, private and unassigned ones, odd line breaks.
_HIDDEN_CATEGORIES: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
# Letters, marks and symbols that are nothing but blank, and so can carry a message unseen.
_BLANK: Final = frozenset(
    (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)
) | frozenset((*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
# What joins or colours an emoji: removed like the others, but no sign of a hidden message.
_OF_EMOJI: Final = frozenset((0x200D, 0xFE0E, 0xFE0F))


def is_hidden(character: str) -> bool:
    """Whether a character is not plainly visible, or a blank that only looks like a space."""
    category = unicodedata.category(character)
    is_odd_blank = category == "Zs" and character != " "
    return is_odd_blank or category in _HIDDEN_CATEGORIES or ord(character) in _BLANK


def hides_something(text: str) -> bool:
    """Whether characters were put in that a reader cannot see; line breaks and tabs are none."""
    return any(
        is_hidden(character) and not character.isspace() and ord(character) not in _OF_EMOJI
        for character in set(text)
    )


def one_line(text: str, chars_max: int) -> str:
    """The visible words of a text with single spaces between them, cut at ``chars_max``."""
    # What lies far behind the cut is not looked at: a description may be megabytes long.
    start = text[: chars_max * 8]
    visible = "".join(c for c in start if c.isspace() or not is_hidden(c))
    line = " ".join(visible.split())
    if len(line) > chars_max:
        return line[: chars_max - len(CUT)].rstrip() + CUT
    return line if len(start) == len(text) else line + CUT


def spelt_out(text: str, chars_max: int) -> str:
    """A name on one line with what cannot be seen in it spelt out, so that none looks like another.

    In a name that is not in Unicode normal form NFC, marks that are written apart are spelt out.
    """
    is_normal = unicodedata.is_normalized("NFC", text[:chars_max])
    shown = ""
    for c in text:
        spell = is_hidden(c) or (not is_normal and unicodedata.combining(c))
        part = f"<U+{ord(c):04X}>" if spell else c
        if len(shown) + len(part) > chars_max:
            return shown + CUT
        shown += part
    return shown


def quoted(text: str, chars_max: int) -> str:
    """A text as a quotation on one line, its own quotation marks made single; '' if it is empty."""
    line = one_line(text.replace('"', "'"), chars_max - 2)
    return f'"{line}"' if line else ""


def is_wire_name(text: str) -> bool:
    """Whether a text can stand in a policy file and in a request as a name, exactly as it is."""
    return (
        0 < len(text) <= WIRE_CHARS_MAX
        and text.strip() == text
        and unicodedata.is_normalized("NFC", text)
        and not any(is_hidden(character) for character in text)
    )


def is_wire_member(text: str) -> bool:
    """As ``is_wire_name``, but the empty text may be a member of an enum."""
    return not text or is_wire_name(text)


def text_literal(text: str) -> str:
    """A text without control characters as a Charter text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
