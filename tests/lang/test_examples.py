"""The example files: each parses and says what its golden file says; two are a whole bundle."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pdp.engine import Engine, check_files
from pdp.lang.checker import read_sources
from pdp.lang.parser import decode, parse
from pdp.lang.presenting.render import render_text

CORPUS = Path(__file__).parent.parent / "corpus"
EXAMPLES = sorted((CORPUS / "examples").glob("*.charter"))
# Set to rewrite the golden files; read the difference before you commit it.
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"


def acme() -> dict[str, bytes]:
    parts = [*(CORPUS / "acme").iterdir(), *(CORPUS / "examples").glob("00_*.charter")]
    return {path.name: path.read_bytes() for path in parts}


def test_all_ten_are_there() -> None:
    assert len(EXAMPLES) == 10


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_parses_without_a_complaint(path: Path) -> None:
    source, complaints = decode(path.name, path.read_bytes())
    assert source is not None
    assert complaints == ()
    tree, complaints = parse(source)
    assert complaints == ()
    assert tree.declarations


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_alone_it_says_what_its_golden_file_says(path: Path) -> None:
    files = {path.name: path.read_bytes()}
    found = render_text(check_files(files).diagnostics, read_sources(files))
    golden = path.with_suffix(".diagnostics.txt")
    if UPDATE:
        golden.write_text(found)
    assert found == golden.read_text()


def test_bundle_and_schema_together_check_without_a_complaint() -> None:
    assert check_files(acme()).diagnostics == ()


def test_their_tests_pass() -> None:
    results = Engine(acme()).run_tests()
    assert len(results) == 4
    assert [(r.test.title, r.problems) for r in results if not r.passed] == []


def test_their_invariants_hold_on_generated_requests() -> None:
    results = Engine(acme()).try_invariants(seed=1, count=300)
    assert len(results) == 2
    assert [(r.invariant.title, r.counterexample) for r in results if not r.passed] == []
    assert all(result.tested > 100 for result in results)
