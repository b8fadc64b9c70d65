"""What strangers wrote is shown on one line, visibly, and as a quotation."""

from __future__ import annotations

import pytest

from pdp.authoring.plaintext import (
    hides_something,
    is_wire_name,
    one_line,
    quoted,
    spelt_out,
    text_literal,
)
from pdp.lang import nodes
from pdp.lang.parser import parse
from pdp.lang.reading.scanner import HIDDEN
from pdp.lang.source import Source


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (" two\n\n lines\t and a tab ", "two lines and a tab"),
        ("next\u0085line\u2028and\u2029paragraph\x0b\x0c", "next line and paragraph"),
        ("bell\x07 escape\x1b[31m null\x00", "bell escape[31m null"),
        ("\u202eabc\u202c \u2066x\u2069", "abc x"),
        (
            "zero\u200bwidth\ufeff \u3164filler \U000e0041tag \ud800half",
            "zerowidth filler tag half",
        ),
        ("👩\u200d💻 ⚠\ufe0f", "👩💻 ⚠"),
        ("", ""),
        ("\u200b", ""),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text, 100) == line


def test_every_character_that_the_language_refuses_is_hidden() -> None:
    text = "".join(map(chr, range(0x110000)))
    assert HIDDEN.search(one_line(text, len(text))) is None


def test_a_long_text_is_cut() -> None:
    assert one_line("abcdef", 6) == "abcdef"
    assert one_line("abcdefg", 6) == "abcde…"
    assert one_line("abcd  efg", 6) == "abcd…"
    assert one_line("\u200b" * 10_000 + "far behind", 6) == "…"


def test_a_quotation_cannot_end_itself() -> None:
    assert quoted('say "yes"', 100) == "\"say 'yes'\""
    assert quoted("abcdefgh", 8) == '"abcde…"'
    assert quoted(" \n ", 100) == ""


@pytest.mark.parametrize("text", ["a\u202eb", "\u200b", "x\x1b[0m", "\U000e0020", "\u3164"])
def test_hidden_characters_are_noticed(text: str) -> None:
    assert hides_something(text)


@pytest.mark.parametrize("text", ["", "plain", "two\r\nlines\t", "👩\u200d💻 ⚠\ufe0f", "メモ é"])
def test_visible_text_hides_nothing(text: str) -> None:
    assert not hides_something(text)


@pytest.mark.parametrize(
    "text", ["", " ", " a", "a ", "a\nb", "a\u00a0b", "a\u3000b", "e\u0301", "\u202e", "x" * 257]
)
def test_what_cannot_be_a_wire_name(text: str) -> None:
    assert not is_wire_name(text)


@pytest.mark.parametrize("text", ["a", "a b", 'a"b', "é", "メモ", "#", "\\", "x" * 256])
def test_a_wire_name_is_written_and_read_back_as_it_is(text: str) -> None:
    assert is_wire_name(text)
    file, problems = parse(Source("x.charter", f"enum E {{ a {text_literal(text)} }}"))
    assert problems == ()
    [decl] = file.declarations
    assert isinstance(decl, nodes.EnumDecl)
    wire = decl.members[0].wire
    assert wire is not None
    assert wire.value == text


def test_a_name_is_spelt_out() -> None:
    assert spelt_out("a\u202eb\n", 20) == "a<U+202E>b<U+000A>"
    assert spelt_out("e\u0301 é", 20) == "e<U+0301> é"
    assert spelt_out("abcdef", 3) == "abc…"
    assert spelt_out("a\u202eb", 8) == "a…"
