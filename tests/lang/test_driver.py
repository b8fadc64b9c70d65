"""The driver reads as Lark does: the same trees, the same places, the same first mistake.

The slow way stays here: Lark parses the text, and its tree is given to the same builder.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from lark import Token as LarkToken
from lark import Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.utils import TextSlice

from pdp.lang.reading import driver, grammar, tables
from pdp.lang.reading.builder import Builder
from pdp.lang.reading.driver import END, Driver, Token
from pdp.lang.reading.grammar import charter_grammar
from pdp.lang.reading.scanner import Places
from tests.fuzz import mutation
from tests.lang import derivations

ROOT: Final = Path(__file__).parents[2]
MUTANTS: Final = 400
DERIVED: Final = 150
# Beginnings that several kinds of numbers share, and what may follow them.
NUMBERS: Final = (
    "1", "1_0", "12", "12:30", "12:30:00", "1.5", "1..2", "1h", "15ms", "1hh", "2026", "2026-01",
    "2026-01-02", "2026-01-02T10:00Z", "2026-01-02T10:00:00+01:00", "2026-01-02T10", "1.5h", "0x1",
)  # fmt: skip
WORDS: Final = ("a", "A", "_", "inbox", '"x"', 'r"x"', 'r"', '"', "&", "|", ";", "\0", "=!", ">>=")
AFTER: Final = ("", " ", "x", "0", "_", ".", "..", ":", "-", "=", ">", '"', "(", "\n", "Z", "#")


def by_driver(text: str) -> Any:
    """The declarations, or the offset at which the driver stops."""
    made = Driver(text, Builder(Places("a.charter", text)))
    stopped = made.run(0)
    return made.made if stopped is None else stopped


def by_lark(text: str) -> Any:
    """The same by Lark alone."""
    try:
        tree = charter_grammar().parse(text)
    except UnexpectedToken as error:
        return len(text) if error.token.type == END else error.pos_in_stream
    except UnexpectedInput as error:
        return error.pos_in_stream
    return built(tree, Builder(Places("a.charter", text)))


def built(tree: Any, builder: Builder) -> Any:
    """What the builder makes of Lark's tree, from the leaves up."""
    if not isinstance(tree, Tree):
        return tree and Token(tables.TERMINALS.index(tree.type), str(tree), tree.start_pos or 0)
    children = [built(child, builder) for child in tree.children]
    leaves = list(tree.scan_values(lambda value: isinstance(value, LarkToken)))
    builder.start = leaves[0].start_pos if leaves else 0
    builder.end = leaves[-1].end_pos if leaves else 0
    return getattr(builder, tree.data)(children)


def texts() -> Iterator[str]:
    rng = random.Random(20_261_124)
    files = [path.read_text(encoding="utf-8") for path in mutation.policy_files()]
    yield from files
    small = [text for text in files if len(text) < 4_000] + [*mutation.declarations()]
    for _ in range(MUTANTS):
        data = mutation.text(rng.choice(small).encode(), rng)
        yield data.decode("utf-8", "replace")
    for seed in range(DERIVED):
        words = derivations.words(random.Random(seed))
        yield " ".join(words)
        yield "\n".join(words[: rng.randrange(len(words) + 1)])


def test_trees_and_first_mistakes_are_those_of_lark() -> None:
    right = wrong = 0
    for text in texts():
        found = by_driver(text)
        assert found == by_lark(text), text
        right, wrong = right + isinstance(found, tuple), wrong + isinstance(found, int)
    assert right >= 200
    assert wrong >= 200


def first_of_lark(state: int, text: str) -> tuple[str, str] | None:
    """Terminal and words of the first token, where Lark's parser is in a state of its own."""
    lexer: Any = charter_grammar().parser.lexer
    found = lexer.lexers[state].scanner.match(TextSlice(text, 0, len(text)), 0)
    return found and (found[1], found[0])


def first_of_driver(text: str) -> tuple[str, str] | None:
    """The same by the driver, which stops behind the first token: its second state has no moves."""
    made = Driver(text, Builder(Places("a.charter", text)))
    made.run(0)
    if len(made.values) == 1:
        return None
    token: Token = made.values[1]
    return tables.TERMINALS[token.terminal], token.text


def test_in_every_state_every_word_is_what_lark_takes_it_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = charter_grammar().parser.parser.parser.parse_table.states
    distinct = {frozenset(filter(str.isupper, row)): state for state, row in states.items()}
    assert len(distinct) > 100
    words = [*(lexeme for lexeme, _ in tables.LEXEMES), *NUMBERS, *WORDS]
    rng = random.Random(7)
    for terminals, state in distinct.items():
        row = {tables.TERMINALS.index(name): 1 for name in terminals - {END}}
        monkeypatch.setattr(driver, "ACTIONS", [row, {}])
        for _ in range(300):
            text = rng.choice(words) + rng.choice(AFTER)
            assert first_of_driver(text) == first_of_lark(state, text), (text, sorted(terminals))


# ---------------------------------------------------------------- the tables


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "tools" / "generate_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", ["0", "1"])
def test_tables_are_up_to_date(tmp_path: Path, seed: str) -> None:
    """Made anew they are the same, whatever Python's hashes are."""
    script, made = ROOT / "tools" / "generate_tables.py", tmp_path / "tables.py"
    command = [sys.executable, str(script), str(made)]
    subprocess.run(
        command, check=True, timeout=60, env=os.environ | {"PYTHONHASHSEED": seed}, cwd=ROOT
    )
    committed = ROOT / "pdp" / "lang" / "reading" / "tables.py"
    assert made.read_text(encoding="utf-8") == committed.read_text(encoding="utf-8")


def test_every_rule_has_a_method() -> None:
    methods = {method for _, method, _ in tables.RULES} - {"=", "+"}
    assert len(methods) > 100
    assert [method for method in methods if not hasattr(Builder, method)] == []


def test_keywords_without_a_boundary_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver reads whole words; a grammar that would end a keyword within one is another."""
    monkeypatch.setattr(grammar, "_bound_keyword", lambda _: None)
    unbound = charter_grammar.__wrapped__()
    assert unbound.parse("predicate p = args.a inbox").data == "bundle_file"
    module = generator()
    monkeypatch.setattr(module, "charter_grammar", lambda: unbound)
    with pytest.raises(ValueError, match="no list of whole words"):
        module.generate()


# ---------------------------------------------------------------- sabotage


def fails(monkeypatch: pytest.MonkeyPatch, name: str, broken: Any) -> bool:
    """Whether the comparison above sees a broken driver."""
    monkeypatch.setattr(driver, name, broken)
    try:
        test_trees_and_first_mistakes_are_those_of_lark()
    except (AssertionError, TypeError):
        return True
    return False


def test_a_driver_that_reads_a_keyword_as_a_name_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = (tables.TERMINALS.index("NAME"),)
    assert fails(monkeypatch, "LEXEMES", driver.LEXEMES | {"agent": name})


def test_a_driver_that_cuts_no_word_short_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "OPEN", [])
    with pytest.raises(AssertionError):
        test_in_every_state_every_word_is_what_lark_takes_it_for(monkeypatch)


def test_a_driver_that_skips_no_comments_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = driver.TOKEN.pattern.replace("|#[^\n]*", "")
    assert pattern != driver.TOKEN.pattern
    assert fails(monkeypatch, "TOKEN", re.compile(pattern, re.DOTALL))
