"""Diagnostics as people and tools see them: exact text, and never a control character."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from pdp.lang.diagnostics import Code, Diagnostic
from pdp.lang.parser import parse
from pdp.lang.presenting.render import render_text, shown, to_json
from pdp.lang.source import Source, Span

UNKNOWN: Final = Code("C0202", "unknown-action", "error", "")
VACUOUS: Final = Code("C0603", "vacuous-every", "warning", "")
LINE: Final = "        allow support_bots to payment.refnd on Order"


def span(line: int, column: int, end_column: int, file: str = "refunds.charter") -> Span:
    return Span(file, line, column, line, end_column)


def refunds(text: str) -> dict[str, Source]:
    return {"refunds.charter": Source("refunds.charter", text)}


def mistake(place: Span, **more: Any) -> Diagnostic:
    return Diagnostic(UNKNOWN, place, "unknown action `payment.refnd`", **more)


def test_text_as_on_the_language_page() -> None:
    place = span(6, 31, 44)
    found = mistake(place, label="not declared", help="did you mean `payment.refund`?")
    assert render_text([found], refunds("\n" * 5 + LINE + "\n")) == (
        "error[C0202 unknown-action]: unknown action `payment.refnd`\n"
        "  --> refunds.charter:6:31\n"
        "   |\n"
        " 6 |         allow support_bots to payment.refnd on Order\n"
        "   |                               ^^^^^^^^^^^^^ not declared\n"
        "   = help: did you mean `payment.refund`?\n"
        "\n"
        "1 error\n"
    )


def test_related_places_and_wide_line_numbers() -> None:
    text = "\n" * 8 + "group a\n" + "group b\n"
    found = mistake(span(10, 7, 8), label="again", related=((span(9, 7, 8), "first here"),))
    assert render_text([found], refunds(text)) == (
        "error[C0202 unknown-action]: unknown action `payment.refnd`\n"
        "   --> refunds.charter:10:7\n"
        "    |\n"
        " 10 | group b\n"
        "    |       ^ again\n"
        "   ::: refunds.charter:9:7\n"
        "    |\n"
        "  9 | group a\n"
        "    |       - first here\n"
        "\n"
        "1 error\n"
    )


def underline(line: str, place: Span) -> tuple[str, str]:
    """The shown line and what stands above the carets, by columns of a terminal."""
    rendered = render_text([mistake(place)], refunds(line)).split("\n")
    marks = rendered[4].removeprefix("   | ")
    assert set(marks.strip()) == {"^"}
    return rendered[3].removeprefix(" 1 | "), marks


def test_tabs_wide_and_combining_characters_keep_the_carets_below_the_words() -> None:
    assert underline("\tab\tcd", span(1, 5, 7)) == ("    ab  cd", " " * 8 + "^^")
    assert underline("漢字 ab", span(1, 4, 6)) == ("漢字 ab", " " * 5 + "^^")
    assert underline("漢字 ab", span(1, 1, 3)) == ("漢字 ab", "^^^^")
    assert underline("e\u0301x ab", span(1, 5, 7)) == ("e\u0301x ab", "   ^^")


def test_what_cannot_be_seen_is_spelt_out() -> None:
    assert underline("a\u202eb cd", span(1, 5, 7)) == ("a<U+202E>b cd", " " * 11 + "^^")
    assert underline("a\x1b[31mb", span(1, 2, 3)) == ("a<U+001B>[31mb", " ^^^^^^^^")
    assert shown("a\nb\ud800 c") == "a<U+000A>b<U+D800> c"
    found = Diagnostic(UNKNOWN, span(1, 1, 2, "a\x1bb"), "m\x1bm", "l\x1bl", "h\x1bh\nsecond")
    text = render_text([found], {})
    assert "\x1b" not in text
    assert "          second\n" not in text.split("help")[0]


def test_long_lines_are_cut_around_the_words() -> None:
    shown_line, marks = underline("a" * 500 + " bad " + "b" * 500, span(1, 502, 505))
    assert len(shown_line) <= 160
    assert shown_line.startswith("…")
    assert shown_line.endswith("…")
    assert shown_line[marks.index("^") : len(marks)] == "bad"
    shown_line, marks = underline("x" * 1000, span(1, 1, 1001))
    assert len(marks) <= len(shown_line) <= 161


def test_a_span_over_lines_or_past_the_end_is_still_shown() -> None:
    both = Span("refunds.charter", 1, 3, 2, 2)
    text = render_text([mistake(both)], refunds("ab cd\nx\n"))
    assert "   |   ^^^\n" in text
    assert underline("ab", span(1, 3, 3)) == ("ab", "  ^")
    assert underline("ab", span(1, 9, 20)) == ("ab", "  ^")


def test_an_unknown_file_is_named_without_its_line() -> None:
    text = render_text([mistake(span(7, 1, 2), label="not declared")], {})
    assert text == (
        "error[C0202 unknown-action]: unknown action `payment.refnd`\n"
        "  --> refunds.charter:7:1\n"
        "   = note: not declared\n"
        "\n"
        "1 error\n"
    )


def test_sorted_limited_and_counted() -> None:
    many = [mistake(span(line, 1, 2)) for line in range(150, 0, -1)]
    text = render_text(many, refunds("x\n" * 150))
    lines = [int(line) for line in re.findall(r"--> refunds\.charter:(\d+):1", text)]
    assert lines == list(range(1, 101))
    assert text.endswith("\n150 errors (50 more not shown)\n")
    assert len(to_json(many)) == 100
    warning = Diagnostic(VACUOUS, span(1, 1, 2), "`every` is vacuous")
    assert render_text([warning, *many[:2]], {}).endswith("\n2 errors, 1 warning\n")
    assert render_text([warning], {}).startswith("warning[C0603 vacuous-every]: ")
    assert render_text([], {}) == ""


def test_colour_adds_only_colour() -> None:
    found = mistake(span(6, 31, 44), label="not declared", help="did you mean `x`?")
    sources = refunds("\n" * 5 + LINE)
    plain = render_text([found], sources)
    coloured = render_text([found], sources, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_json_is_flat() -> None:
    found = mistake(span(6, 31, 44), label="not declared", help="did you mean `x`?")
    assert to_json([found]) == [
        {
            "code": "C0202",
            "name": "unknown-action",
            "severity": "error",
            "message": "unknown action `payment.refnd`",
            "file": "refunds.charter",
            "line": 6,
            "column": 31,
            "end_line": 6,
            "end_column": 44,
            "help": "did you mean `x`?",
        }
    ]


@given(st.text())
def test_any_text_renders_without_controls(text: str) -> None:
    source = Source("a\x07.charter", text)
    found = parse(source)[1]
    rendered = render_text(found, {source.name: source})
    assert all(character == "\n" or character.isprintable() for character in rendered)
    assert len(json.loads(json.dumps(to_json(found)))) == len(found)
