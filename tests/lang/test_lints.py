"""The static checks against files that say beside each line what they must say, and where."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from pdp.engine import check_files
from pdp.lang.checker import read_sources
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.source import Source

CORPUS = Path(__file__).parent.parent / "corpus" / "lints"
BESIDE = ("_schema.charter", "_people.directory.json", "words.json")
FILES = sorted(path.name for path in CORPUS.glob("*.charter") if path.name not in BESIDE)
EXPECTED = re.compile(r"(C\d{4}) `([^`]*)`")

Found = Counter[tuple[int, str, str]]


def underlined(diagnostic: Diagnostic, sources: dict[str, Source]) -> str:
    """The words under the carets."""
    span = diagnostic.span
    lines = sources[span.file].text.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


def found_in(name: str) -> Found:
    files = {part: (CORPUS / part).read_bytes() for part in (*BESIDE, name)}
    found = check_files(files).diagnostics
    sources = read_sources(files)
    assert [d for d in found if d.span.file != name] == []
    return Counter((d.span.line, d.code.code, underlined(d, sources)) for d in found)


def expected_in(name: str) -> Found:
    lines = (CORPUS / name).read_text().split("\n")
    return Counter(
        (number, code, words)
        for number, line in enumerate(lines, 1)
        for code, words in EXPECTED.findall(line.partition("#!")[2])
    )


@pytest.mark.parametrize("name", FILES)
def test_every_slip_is_found_at_its_words_and_nothing_else(name: str) -> None:
    expected = expected_in(name)
    found = found_in(name)
    assert found == expected, f"missing {expected - found}\nextra {found - expected}"
