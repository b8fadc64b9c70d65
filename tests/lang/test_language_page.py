"""The language reference: its policies check, its tests pass, its mistakes are complained about."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from pdp.engine import Engine, check_files
from pdp.lang.checker import read_sources

PAGE = Path(__file__).parent.parent.parent / "docs" / "language.md"
BLOCK = re.compile(r"^```(charter(?: wrong)?)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXPECTED = re.compile(r"(C\d{4}) `([^`]*)`")
DIRECTORY = {
    "Team": {"support-bots": {}, "clerks": {}, "finance": {}},
    "User": {
        name: {
            "attributes": {"email": f"{name}@harbour.example", "level": "internal"},
            "groups": ["Team::finance"],
        }
        for name in ("fay", "finn", "flo")
    },
}


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCK.findall(PAGE.read_text()) if found == kind]


def page_files() -> dict[str, bytes]:
    return {
        "page.charter": "\n".join(blocks("charter")).encode(),
        "people.directory.json": json.dumps(DIRECTORY).encode(),
    }


def test_the_policies_of_the_page_check() -> None:
    assert len(blocks("charter")) >= 8
    found = check_files(page_files())
    errors = [d for d in found.diagnostics if d.is_error]
    assert not errors
    assert found.policies is not None
    assert len(found.policies.rules) >= 10


def test_the_tests_of_the_page_pass() -> None:
    results = Engine(page_files()).run_tests()
    assert len(results) == 4
    assert [(r.test.title, r.problems) for r in results if not r.passed] == []


def test_the_mistakes_of_the_page_are_found_at_their_words() -> None:
    wrong = blocks("charter wrong")
    assert wrong
    for text in wrong:
        files = page_files() | {"wrong.charter": text.encode()}
        sources = read_sources(files)
        found = Counter(
            (
                d.code.code,
                sources[d.span.file].line(d.span.line)[d.span.column - 1 : d.span.end_column - 1],
            )
            for d in check_files(files).diagnostics
            if d.is_error
        )
        expected = Counter(EXPECTED.findall(text))
        assert found == expected
        assert sum(expected.values()) >= 5
