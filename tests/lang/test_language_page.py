"""The language reference: its policies check, its tests pass, its mistakes are complained about."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from pdp.engine import Engine, check_files
from pdp.lang import codes
from pdp.lang.checker import FILES_MAX, read_sources
from pdp.lang.checking.policytests import CASES_MAX
from pdp.lang.checking.risks import POINTS_MAX
from pdp.lang.checking.routes import EXPIRES_MAX_S, NEED_MAX
from pdp.lang.checking.rules import RULES_MAX
from pdp.lang.conditions.expressions import CONJUNCTS_MAX, DEPTH_MAX, NODES_MAX
from pdp.lang.conditions.paths import REFERENCE_DEPTH_MAX
from pdp.lang.declared.names import COVERED_MAX
from pdp.lang.declared.report import MISTAKES_MAX
from pdp.lang.declared.schema import COLLECTION_MAX, FIELDS_MAX
from pdp.lang.diagnostics import DIAGNOSTICS_MAX
from pdp.lang.lints.cost import STEPS_MAX, TERMS_MAX
from pdp.lang.presenting.everycode import EVERY_CODE

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


# The words with which a row of the table of limits begins, and what the checker holds to.
LIMITS = {
    "bytes of a file": codes.FILE_BYTES_MAX,
    "words, texts and signs of a file": codes.FILE_WORDS_MAX,
    "files of a bundle": FILES_MAX,
    "rules of a bundle": RULES_MAX,
    "actions and principal types": COVERED_MAX,
    "characters of a number": codes.NUMBER_CHARS_MAX,
    "brackets": codes.NESTING_MAX,
    "records, sets and lists": codes.NESTING_MAX,
    "fields of a record": FIELDS_MAX,
    "bound of a set": COLLECTION_MAX,
    "action sets": codes.NESTING_MAX,
    "references on one path": REFERENCE_DEPTH_MAX,
    "conditions in a row": CONJUNCTS_MAX,
    "terms in a row": TERMS_MAX,
    "parts of a rule": NODES_MAX,
    "levels of a condition": DEPTH_MAX,
    "steps of a rule": STEPS_MAX,
    "points of a line": POINTS_MAX,
    "people of a": NEED_MAX,
    "days of": EXPIRES_MAX_S // 86_400,
    "cases of a test": CASES_MAX,
}
LIMIT = re.compile(r"^\| (.+) \| ([0-9,]+) \| (C\d{4}) \|$", re.MULTILINE)


@pytest.mark.parametrize("row", LIMIT.findall(PAGE.read_text()), ids=lambda row: row[0][:20])
def test_the_limits_of_the_page_are_those_of_the_checker(row: tuple[str, str, str]) -> None:
    what, most, code = row
    [limit] = [limit for words, limit in LIMITS.items() if what.startswith(words)]
    assert int(most.replace(",", "")) == limit
    assert code in EVERY_CODE


def test_the_page_names_every_limit() -> None:
    assert len(LIMIT.findall(PAGE.read_text())) == len(LIMITS)
    text = PAGE.read_text()
    assert f"ends after {MISTAKES_MAX} errors; the first {DIAGNOSTICS_MAX} are shown" in text
