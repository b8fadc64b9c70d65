"""The checker against files that say beside each line what it must complain about, and where."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from pdp.lang.checker import check, read_sources
from pdp.lang.complaints import CODES
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.source import Source

CORPUS = Path(__file__).parent.parent / "corpus" / "diagnostics"
SCHEMA = "_schema.charter"
FILES = sorted(path.name for path in CORPUS.glob("*.charter") if path.name != SCHEMA)
EXPECTED = re.compile(r"(C\d{4}) `([^`]*)`")

# Codes that need files of their own: a missing bundle line, another language, a whole directory.
ELSEWHERE = {
    "C0213", "C0217", "C0218", "C0220", "C0303", "C0304", "C0306", "C0307", "C0418", "C0428",
    "C0502", "C0601",
}  # fmt: skip


def underlined(diagnostic: Diagnostic, sources: dict[str, Source]) -> str:
    """The words under the carets."""
    span = diagnostic.span
    lines = sources[span.file].text.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


def found_in(name: str) -> Counter[tuple[int, str, str]]:
    files = {part: (CORPUS / part).read_bytes() for part in (SCHEMA, name)}
    _, diagnostics = check(files)
    sources = read_sources(files)
    stray = [d for d in diagnostics if d.span.file != name]
    assert not stray, stray
    return Counter((d.span.line, d.code.code, underlined(d, sources)) for d in diagnostics)


def expected_in(name: str) -> Counter[tuple[int, str, str]]:
    lines = (CORPUS / name).read_text().split("\n")
    return Counter(
        (number, code, words)
        for number, line in enumerate(lines, 1)
        for code, words in EXPECTED.findall(line.partition("#!")[2])
    )


def test_the_schema_beside_them_is_fine() -> None:
    program, diagnostics = check({SCHEMA: (CORPUS / SCHEMA).read_bytes()})
    assert program is not None, diagnostics
    assert not any(diagnostic.is_error for diagnostic in diagnostics)


@pytest.mark.parametrize("name", FILES)
def test_every_mistake_is_found_at_its_words_and_nothing_else(name: str) -> None:
    expected = expected_in(name)
    assert sum(expected.values()) > 10
    found = found_in(name)
    assert found == expected, f"missing {expected - found}\nextra {found - expected}"


def test_every_code_is_shown_by_an_example() -> None:
    shown = {code for name in FILES for _, code, _ in expected_in(name)}
    assert shown | ELSEWHERE == set(CODES)
    assert not shown & ELSEWHERE
