"""Strict JSON and its canonical form: what the request digest hashes. Text in, tree or bytes out.

Refuses what two JSON parsers could read differently (duplicate keys, exponents, NaN, strings that
are not NFC, lone surrogates) and never repairs. Standard library only; knows no schema.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final, NoReturn, TypeAlias

DEPTH_MAX: Final = 16
NUMBER_CHARS_MAX: Final = 40
STRING_CHARS_MAX: Final = 65_536
INT_EXACT_MAX: Final = 2**53 - 1

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# Controls, and what makes text look other than it is: characters that reorder others (UAX 9), and
# those that take no room (soft hyphen, zero-width ones, invisible operators, tags).
HIDDEN_CHARACTERS: Final = (
    "\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f"
)
_HIDDEN: Final = re.compile(f"[{HIDDEN_CHARACTERS}]")


class CanonicalError(ValueError):
    """The text is not strict JSON. The message is safe to show; ``path`` names the place."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class Number(str):
    """A JSON number kept as its digits, so that nothing rounds it. Not equal to the same string."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((Number, str(self)))


Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | Number | bool | None"


def parse(text: str) -> Tree:
    """JSON text to a tree; numbers stay digits. Raises CanonicalError, never anything else."""
    try:
        tree: Tree = _DECODER.decode(text)
    except CanonicalError:
        raise
    except RecursionError:
        raise CanonicalError(f"nested deeper than {DEPTH_MAX}") from None
    except ValueError:
        raise CanonicalError("not valid JSON") from None
    _check(tree, 0)
    return tree


def parse_object(text: str) -> dict[str, Tree]:
    """As ``parse``, and the text must hold an object."""
    tree = parse(text)
    if not isinstance(tree, dict):
        raise CanonicalError("expected a JSON object")
    return tree


def write(tree: Tree) -> str:
    """A tree back to compact JSON text: the digits numbers had, members in their order."""
    match tree:
        case None:
            return "null"
        case bool():
            return "true" if tree else "false"
        case Number():
            return str(tree)
        case str():
            return json.dumps(tree, ensure_ascii=False)
        case list():
            return "[" + ",".join([write(item) for item in tree]) + "]"
        case dict():
            members = [f"{json.dumps(k, ensure_ascii=False)}:{write(v)}" for k, v in tree.items()]
            return "{" + ",".join(members) + "}"


def canonical(tree: Tree) -> bytes:
    """The one UTF-8 spelling of a tree: members sorted by code point, numbers normalised."""
    return write(_normalised(tree)).encode()


def normalised_number(digits: str) -> str:
    """``1.50`` to ``1.5``, ``1.0`` to ``1``, ``-0`` to ``0``: equal numbers, equal digits."""
    digits = str(digits)  # a Number equals no string
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return "0" if digits == "-0" else digits


def check_text(text: str, path: str, chars_max: int = STRING_CHARS_MAX) -> None:
    """Raise CanonicalError unless ``text`` is NFC, free of surrogates and within ``chars_max``."""
    if len(text) > chars_max:
        raise CanonicalError(f"longer than {chars_max} characters", path)
    if text.isascii():
        return
    if _SURROGATE.search(text):
        raise CanonicalError("holds a lone surrogate", path)
    if not unicodedata.is_normalized("NFC", text):
        raise CanonicalError("is not in Unicode normal form NFC", path)


def check_identifier(text: str, path: str, chars_max: int = 512) -> None:
    """As ``check_text``, and an identifier holds no control or bidirectional characters."""
    check_text(text, path, chars_max)
    if _HIDDEN.search(text):
        raise CanonicalError("holds a control, invisible or bidirectional character", path)


def _normalised(tree: Tree) -> Tree:
    match tree:
        case Number():
            return Number(normalised_number(tree))
        case list():
            return [_normalised(item) for item in tree]
        case dict():
            return {key: _normalised(tree[key]) for key in sorted(tree)}
        case _:
            return tree


def _check(tree: Tree, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise CanonicalError(f"nested deeper than {DEPTH_MAX}")
    match tree:
        case Number():
            return
        case str():
            check_text(tree, "")
        case list():
            for item in tree:
                _check(item, depth + 1)
        case dict():
            for key, value in tree.items():
                check_text(key, "")
                try:
                    _check(value, depth + 1)
                except CanonicalError as error:
                    # On the way out, since a path for every value costs as much as the longest key.
                    error.path = f"{key}.{error.path}" if error.path else key
                    raise
        case _:
            return


def _number(digits: str) -> Number:
    if len(digits) > NUMBER_CHARS_MAX:
        raise CanonicalError(f"a number longer than {NUMBER_CHARS_MAX} digits")
    if not _NUMBER.fullmatch(digits):
        raise CanonicalError("a number with an exponent")
    return Number(digits)


def _constant(name: str) -> NoReturn:
    raise CanonicalError(f"`{name}` is not a JSON number")


def _members(pairs: list[tuple[str, Tree]]) -> dict[str, Tree]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise CanonicalError("a duplicate key")
    return members


_DECODER: Final = json.JSONDecoder(
    parse_float=_number, parse_int=_number, parse_constant=_constant, object_pairs_hook=_members
)
