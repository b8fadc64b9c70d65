"""A text's words, each with the comments that belong to it: places only, no meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_PIECE: Final = re.compile(
    r"""([ \t\r\n]*)
    (?:(\#[^\n]*)
    |(r"[^"\n]*"|"(?:[^"\\\n]++|\\.)*+"
        |[A-Za-z_][A-Za-z0-9_]*
        |[0-9]{4}-[0-9]{2}-[0-9]{2}
            (?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:[0-9]{2}))?(?![0-9A-Za-z_])
        |[0-9]{2}:[0-9]{2}(?![0-9A-Za-z_:])
        |[0-9][0-9A-Za-z_]*(?:\.[0-9][0-9A-Za-z_]*)?
        |::|==|!=|<=|>=|&&|\|\||\.\.|.
        |\Z))""",
    re.VERBOSE,
)
_COMMENT: Final = 2


@dataclass(frozen=True, slots=True)
class Comment:
    """``text`` begins with ``#`` and ends without blanks; ``column`` is 1-based, in characters.

    ``blank``: whether the author left a blank line before it.
    """

    text: str
    column: int
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Tokens:
    """Every word and sign of a text as written, and '' at its end; the rest goes by their index.

    ``starts`` are offsets in ``source``. ``before`` are the comments on lines of their own since
    the previous token, ``after`` is the one behind a token on its line. ``blanks``: the tokens
    right before which a blank line stands.
    """

    source: str
    texts: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    before: dict[int, tuple[Comment, ...]] = field(default_factory=dict)
    after: dict[int, Comment] = field(default_factory=dict)
    blanks: set[int] = field(default_factory=set)

    def column(self, index: int) -> int:
        """Where a token begins, 1-based, in characters."""
        start = self.starts[index]
        return start - self.source.rfind("\n", 0, start)

    def is_one_line(self, first: int, last: int) -> bool:
        """Whether two tokens stand on one line of the source."""
        return "\n" not in self.source[self.starts[first] : self.starts[last]]


def read(source: str) -> Tokens:
    """The tokens of a text that parses."""
    tokens = Tokens(source)
    texts, starts = tokens.texts, tokens.starts
    breaks = 0
    for match in _PIECE.finditer(source):
        blank, comment, word = match.groups()
        if "\n" in blank:
            breaks += blank.count("\n")
        index = len(texts)
        if word is None:
            start = match.start(_COMMENT)
            column = start - source.rfind("\n", 0, start)
            made = Comment(comment.rstrip(" \t\r"), column, breaks > 1)
            if index and not breaks:
                tokens.after[index - 1] = made
            else:
                tokens.before[index] = (*tokens.before.get(index, ()), made)
        else:
            if breaks > 1:
                tokens.blanks.add(index)
            texts.append(word)
            starts.append(match.end() - len(word))
        breaks = 0
    return tokens
