"""JSON text with mistakes, for tests of strict readers: a few pieces put in, cut out or doubled."""

from __future__ import annotations

import random
from typing import Final

PIECES: Final = [
    *'{}[]:,"\\/ \n0123456789.-+eE_atrufalsn',
    *("é", "e\u0301", "\u0661", "😀", "\ud800", "\x00", "\x7f", "\u2028", "\ufeff"),
    *("true", "null", "NaN", '"a"', '"a":', '"b":1', "\\u0061", "\\ud83d", "9007199254740992"),
    *("1.50", "1e5", "-0", "-0.0", "[[", "]]", "{}", '""', "x:y"),
]


def mangled(text: str, chance: random.Random) -> str:
    """``text`` with none to three changes."""
    for _ in range(chance.randint(0, 3)):
        at = chance.randint(0, len(text))
        match chance.randrange(3):
            case 0:
                text = text[:at] + chance.choice(PIECES) + text[at:]
            case 1:
                text = text[:at] + text[at + chance.randint(1, 3) :]
            case _:
                end = min(len(text), at + chance.randint(1, 12))
                text = text[:end] + text[at:end] + text[end:]
    return text
