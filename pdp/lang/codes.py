"""Diagnostic codes of the syntax (C00xx) and a constructor for each complaint; no checks."""

from __future__ import annotations

from typing import Final

from pdp.lang.diagnostics import Code, Diagnostic
from pdp.lang.source import Span

FILE_BYTES_MAX: Final = 1_048_576
# Words, texts and signs: what a file of that size can hold far too many of.
FILE_WORDS_MAX: Final = 400_000
NESTING_MAX: Final = 32
NUMBER_CHARS_MAX: Final = 100


def catalogue_of(*tables: tuple[Code, ...]) -> dict[str, Code]:
    """All codes of the given tables by code; a code or name given twice is a bug."""
    catalogue: dict[str, Code] = {}
    names: set[str] = set()
    for code in (code for table in tables for code in table):
        if code.code in catalogue or code.name in names:
            raise AssertionError(f"diagnostic code {code.code} {code.name} is declared twice")
        catalogue[code.code] = code
        names.add(code.name)
    return catalogue


UNEXPECTED_WORD: Final = Code(
    "C0001",
    "unexpected-word",
    "error",
    "A word, number, text or sign stands where the language does not allow it.",
)
UNEXPECTED_END: Final = Code(
    "C0002",
    "unexpected-end",
    "error",
    "The file ends in the middle of a declaration.",
)
UNCLOSED_BRACKET: Final = Code(
    "C0003",
    "unclosed-bracket",
    "error",
    "An opening bracket has no closing partner before the next declaration or the end of the file.",
)
UNKNOWN_CHARACTER: Final = Code(
    "C0004",
    "unknown-character",
    "error",
    "A character that means nothing outside a text or a comment.",
)
HIDDEN_CHARACTER: Final = Code(
    "C0005",
    "hidden-character",
    "error",
    "A control character, or one that changes the order in which the others are shown.",
)
UNCLOSED_STRING: Final = Code(
    "C0006",
    "unclosed-string",
    "error",
    "A text in quotes does not end on its line.",
)
UNKNOWN_ESCAPE: Final = Code(
    "C0007",
    "unknown-escape",
    "error",
    'A backslash in a text is followed by something other than ", \\, n, t or *.',
)
TOO_DEEP: Final = Code(
    "C0008",
    "too-deep",
    "error",
    f"Brackets, `not` and minus signs are nested more than {NESTING_MAX} deep.",
)
TOO_LARGE: Final = Code(
    "C0009",
    "too-large",
    "error",
    f"A file holds more than {FILE_BYTES_MAX:,} bytes, or more than {FILE_WORDS_MAX:,} words and"
    " signs.",
)
NOT_UTF_8: Final = Code(
    "C0010",
    "not-utf-8",
    "error",
    "A file is not encoded in UTF-8.",
)
EMPTY_BLOCK: Final = Code(
    "C0011",
    "empty-block",
    "error",
    "A policy without a rule, an invariant without a claim or a table without a row says nothing.",
)
LONG_NUMBER: Final = Code(
    "C0012",
    "long-number",
    "error",
    f"A number is written with more than {NUMBER_CHARS_MAX} characters.",
)

SYNTAX_CODES: Final = (
    UNEXPECTED_WORD,
    UNEXPECTED_END,
    UNCLOSED_BRACKET,
    UNKNOWN_CHARACTER,
    HIDDEN_CHARACTER,
    UNCLOSED_STRING,
    UNKNOWN_ESCAPE,
    TOO_DEEP,
    TOO_LARGE,
    NOT_UTF_8,
    EMPTY_BLOCK,
    LONG_NUMBER,
)

CATALOGUE: Final = catalogue_of(SYNTAX_CODES)


def unexpected_word(span: Span, found: str, expected: str, advice: str = "") -> Diagnostic:
    """``found`` as written, ``expected`` in words or empty, ``advice`` the better help."""
    label = f"expected {expected}" if advice and expected else ""
    expectation = f"expected {expected}" if expected else ""
    return Diagnostic(
        UNEXPECTED_WORD,
        span,
        f"unexpected `{found}`",
        label or "not allowed here",
        advice or expectation,
    )


def unexpected_end(span: Span, expected: str) -> Diagnostic:
    message = "the file ends in the middle of a declaration"
    return Diagnostic(
        UNEXPECTED_END,
        span,
        message,
        "the file ends here",
        f"expected {expected}" if expected else "",
    )


def unclosed_bracket(
    opening: Span, bracket: str, closing: str, noticed: Span, where: str
) -> Diagnostic:
    """``noticed`` is the place, named ``where``, at which the bracket should have been closed."""
    related = ((noticed, f"not closed before {where}"),)
    return Diagnostic(
        UNCLOSED_BRACKET,
        opening,
        f"`{bracket}` is never closed",
        "opened here",
        f"add `{closing}` before {where}",
        related,
    )


def unknown_character(span: Span, found: str, advice: str = "") -> Diagnostic:
    noun = "character" if len(found) == 1 else "characters"
    return Diagnostic(
        UNKNOWN_CHARACTER, span, f"unknown {noun} `{found}`", "not part of the language", advice
    )


def hidden_character(span: Span, code_point: int, name: str) -> Diagnostic:
    return Diagnostic(
        HIDDEN_CHARACTER,
        span,
        f"hidden character U+{code_point:04X} ({name})",
        "not visible in an editor",
        "remove it",
    )


def unclosed_string(span: Span) -> Diagnostic:
    return Diagnostic(
        UNCLOSED_STRING,
        span,
        "the text is never closed",
        'no closing `"` on this line',
        'close the text with `"` on the same line; a line break inside a text is written `\\n`',
    )


def unknown_escape(span: Span, found: str) -> Diagnostic:
    return Diagnostic(
        UNKNOWN_ESCAPE,
        span,
        f"unknown escape `{found}`",
        "",
        'the escapes are `\\"`, `\\\\`, `\\n`, `\\t` and `\\*`; a backslash is `\\\\`, or use r"…"',
    )


def too_deep(span: Span) -> Diagnostic:
    return Diagnostic(
        TOO_DEEP,
        span,
        f"nested more than {NESTING_MAX} deep",
        "too deep from here",
        "split the expression with a `predicate`",
    )


def too_many_words(span: Span, words: int) -> Diagnostic:
    return Diagnostic(
        TOO_LARGE,
        span,
        f"the file holds {words:,} words and signs; at most {FILE_WORDS_MAX:,} are allowed",
        "",
        "split the file, or move long lists into a `data` file",
    )


def too_large(span: Span, size_bytes: int) -> Diagnostic:
    return Diagnostic(
        TOO_LARGE,
        span,
        f"the file holds {size_bytes:,} bytes; at most {FILE_BYTES_MAX:,} are allowed",
        "",
        "split the file, or move long lists into a `data` file",
    )


def not_utf_8(span: Span, byte: int) -> Diagnostic:
    return Diagnostic(
        NOT_UTF_8,
        span,
        f"the file is not UTF-8: byte 0x{byte:02X} cannot be read",
        "",
        "save the file as UTF-8",
    )


def empty_block(span: Span, block: str, missing: str) -> Diagnostic:
    """``block`` and ``missing`` with their articles: `a policy`, `a rule`."""
    return Diagnostic(EMPTY_BLOCK, span, f"{block} needs at least one {missing}", f"no {missing}")


def long_number(span: Span) -> Diagnostic:
    return Diagnostic(
        LONG_NUMBER, span, f"the number is longer than {NUMBER_CHARS_MAX} characters", "too long"
    )
