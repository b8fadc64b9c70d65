"""One style for every policy file, proved on each run; nothing is judged or repaired here.

The text is parsed, laid out, and parsed again: what comes out says the same and keeps every
comment, or nothing comes out.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final

from pdp.lang import codes
from pdp.lang import nodes as n
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.formatting.declarations import policy_file
from pdp.lang.formatting.layout import lay_out
from pdp.lang.formatting.tape import Tape
from pdp.lang.formatting.tokens import read
from pdp.lang.parser import parse
from pdp.lang.source import Source, Span
from pdp.model import PolicyError

_COMMENT: Final = re.compile(r'r"[^"\n]*"|"(?:[^"\\\n]++|\\.)*+"|(#[^\n]*)')


class NotParsed(PolicyError):
    """The text has syntax errors, so there is nothing to format; ``found`` says where."""

    def __init__(self, message: str, found: tuple[Diagnostic, ...]) -> None:
        super().__init__(message, found)
        self.found = found


class MeaningChanged(PolicyError):
    """The new text would say something else than the old one."""


class CommentLost(PolicyError):
    """The new text would lack a comment, or have the comments in another order."""


class TooLong(PolicyError):
    """The new text is larger than a policy file may be, because lines were broken and indented."""


def format_source(source: Source) -> str:
    """The text in the one style of Charter: the same declarations and the same comments.

    Raises NotParsed for a text with syntax errors, TooLong for one that would outgrow the limit,
    and MeaningChanged or CommentLost where the formatter itself went wrong: the old text stays.
    """
    tree, diagnostics = parse(source)
    if diagnostics:
        raise NotParsed(f"`{source.name}` has syntax errors", diagnostics)
    text = write(source.text, tree)
    if len(text.encode("utf-8")) > codes.FILE_BYTES_MAX:
        limit = f"{codes.FILE_BYTES_MAX:,} bytes"
        raise TooLong(f"`{source.name}` would be larger than {limit} in this style; split it")
    if text != source.text:
        prove(source, tree, text)
    return text


def write(text: str, tree: n.PolicyFile) -> str:
    """The text that ``tree`` was parsed from, laid out anew. Proves nothing."""
    return lay_out(policy_file(Tape(read(text)), tree.declarations))


def prove(source: Source, tree: n.PolicyFile, text: str) -> None:
    """Raises MeaningChanged or CommentLost unless ``text`` says what ``source`` says."""
    again, diagnostics = parse(Source(source.name, text))
    advice = "the file is left as it is; this is a mistake of the formatter: please report it"
    if diagnostics or not same_meaning(tree.declarations, again.declarations):
        raise MeaningChanged(f"`{source.name}` would say something else; {advice}", diagnostics)
    if comments_of(source.text) != comments_of(text):
        raise CommentLost(f"`{source.name}` would lose a comment; {advice}")


def comments_of(text: str) -> list[str]:
    """Every comment of a text that parses, in order, without the blanks at its end."""
    return [match[1].rstrip(" \t\r") for match in _COMMENT.finditer(text) if match[1]]


def same_meaning(one: Any, other: Any) -> bool:
    """Whether two trees differ in nothing but places and parentheses around parentheses."""
    if type(one) in _WRAPPING or type(other) in _WRAPPING:
        one, other = _bare(one), _bare(other)
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is tuple:
        return len(one) == len(other) and all(map(same_meaning, one, other))
    names = _COMPARED.get(kind)
    if names is None:
        return bool(one == other)
    return all(same_meaning(getattr(one, name), getattr(other, name)) for name in names)


def _bare(node: object) -> object:
    """A node without the parentheses that stand directly in parentheses."""
    match node:
        case n.Group(inner=n.Group() as inner):
            return _bare(inner)
        case n.Quantified(body=n.Group(inner=inner)):
            return _bare(dataclasses.replace(node, body=inner))
        case n.NeedItem(where=n.Group(inner=inner)):
            return _bare(dataclasses.replace(node, where=inner))
        case _:
            return node


_WRAPPING: Final = frozenset((n.Group, n.Quantified, n.NeedItem))
# The fields of each kind of node but for its places.
_COMPARED: Final[dict[type, tuple[str, ...]]] = {
    kind: tuple(field.name for field in dataclasses.fields(kind) if field.type != "Span")
    for kind in vars(n).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind is not Span
}
