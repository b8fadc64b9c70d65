"""The Markdown of a description: word for word, escaped, and every part of a policy in it."""

from __future__ import annotations

import re

import pytest

from pdp.describing.markdown import escaped, to_markdown
from tests.describing.clinic import GOLDEN, described, engine_of


@pytest.fixture(scope="module")
def text() -> str:
    return to_markdown(described())


def test_it_is_the_golden_text(text: str) -> None:
    """Made by `to_markdown(described())`; read every changed line before it is made anew."""
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_the_clinic_uses_every_kind_of_text(text: str) -> None:
    checked = engine_of().checked
    for rule in checked.rules:
        assert f"**`{rule.name}`**" in text
        assert escaped(rule.because) in text
    for title in (test.title for test in checked.tests if test.expect.by):
        assert escaped(f"“{title}”") in text
    owners = {rule.owner for rule in checked.rules} | {claim.owner for claim in checked.invariants}
    signed = text.partition("## Sign-off")[2]
    assert [owner for owner in owners if owner not in signed] == []


@pytest.mark.parametrize(
    ("written", "safe"),
    [
        ("a | b", r"a \| b"),
        ("<b>x</b> & y", r"\<b\>x\</b\> \& y"),
        ("*so* _it_ `is` [a](b)", r"\*so\* \_it\_ \`is\` \[a\](b)"),
        ("# head", r"\# head"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("a\\b", r"a\\b"),
        ("two\nlines \u202e", "two<U+000A>lines <U+202E>".replace("<", r"\<").replace(">", r"\>")),
    ],
)
def test_text_is_never_markup(written: str, safe: str) -> None:
    assert escaped(written) == safe


def test_tables_are_whole(text: str) -> None:
    """Each row has the cells of its head, whatever stands in them."""
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(widths) == 1, table


def test_failing_tests_are_said_on_top() -> None:
    top = to_markdown(described(failed=2)).partition("## ")[0]
    assert "2 of 3 tests FAIL: not ready to be signed" in top
