"""Every code has an explanation whose bad example shows it and whose good example does not."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from pdp.lang.checker import check
from pdp.lang.diagnostics import Code
from pdp.lang.presenting.everycode import EVERY_CODE
from pdp.lang.presenting.explain import Example, explanations, page, text_of

ROOT = Path(__file__).parent.parent.parent
PRELUDE = (ROOT / "tests" / "corpus" / "explanations" / "prelude.charter").read_text()
TODAY = datetime.date(2026, 11, 24)
# These need several bundles, a directory or a large file; tests of their own show them.
WITHOUT_EXAMPLE = {"C0009", "C0010", "C0217", "C0218", "C0220", "C0601", "C0613", "C0614", "C0619"}


def diagnosed(example: Example) -> list[Code]:
    text = example.text.replace("\\u202e", "\u202e")
    files = {"sample.charter": text}
    if not example.is_whole:
        files["prelude.charter"] = PRELUDE
    _, found = check({name: content.encode() for name, content in files.items()}, TODAY)
    return [d.code for d in found if d.span.file == "sample.charter"]


def test_every_code_is_explained_and_nothing_else() -> None:
    assert set(explanations()) == set(EVERY_CODE)
    assert len(EVERY_CODE) >= 45
    assert {c for c, e in explanations().items() if e.bad is None} == WITHOUT_EXAMPLE


@pytest.mark.parametrize("code", sorted(set(EVERY_CODE) - WITHOUT_EXAMPLE))
def test_the_bad_example_shows_it_and_the_good_one_does_not(code: str) -> None:
    explanation = explanations()[code]
    assert explanation.bad is not None
    assert explanation.good is not None
    assert code in {found.code for found in diagnosed(explanation.bad)}
    after = diagnosed(explanation.good)
    assert code not in {found.code for found in after}
    assert [found.code for found in after if found.severity == "error"] == []


def test_the_page_is_what_the_catalogue_makes() -> None:
    assert (ROOT / "docs" / "errors.md").read_text() == page(EVERY_CODE)


def test_a_code_is_explained_in_full_in_a_terminal() -> None:
    shown = text_of(EVERY_CODE["C0202"])
    assert shown.startswith("error[C0202 unknown-action]")
    assert "instead of" in shown
    assert "pay.chek" in shown
