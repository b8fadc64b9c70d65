"""The formatter: a table of files to read, and no text anywhere that it changes or cannot keep.

Every check here has a twin: a formatter with one fault that the check must name.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.lang import codes, formatter
from pdp.lang import nodes as n
from pdp.lang.formatter import CommentLost, MeaningChanged, NotParsed, TooLong, format_source
from pdp.lang.formatting import expressions, layout
from pdp.lang.formatting.layout import Doc
from pdp.lang.formatting.tape import Tape
from pdp.lang.formatting.tokens import Tokens, read
from pdp.lang.parser import parse
from pdp.lang.reading.grammar import charter_grammar
from pdp.lang.source import Source, Span
from tests.lang import derivations
from tests.properties.generate import program

ROOT: Final = Path(__file__).resolve().parents[2]
TABLE: Final = sorted((ROOT / "tests" / "corpus" / "formatting").glob("*.before.charter"))
EVERYWHERE: Final = sorted(
    path for folder in ("policies", "pdp", "tests") for path in (ROOT / folder).rglob("*.charter")
)
SEEDS: Final = 1_000
SEEDS_PER_ITEM: Final = 100
_COMMENT: Final = re.compile(r'r"[^"\n]*"|"(?:[^"\\\n]|\\.)*"|#[^\n]*')


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8").removeprefix("\ufeff")


def tree_of(text: str) -> tuple[n.Declaration, ...]:
    tree, diagnostics = parse(Source("a.charter", text))
    assert diagnostics == ()
    return tree.declarations


def said(node: Any) -> Any:
    """A node as nested tuples without places, and without parentheses around parentheses."""
    if isinstance(node, tuple):
        return tuple(map(said, node))
    if not dataclasses.is_dataclass(node):
        return (type(node).__name__, node)
    parts = {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}
    for name in {"Group": "inner", "Quantified": "body", "NeedItem": "where"}.get(
        type(node).__name__, ""
    ).split():
        while isinstance(parts[name], n.Group):
            parts[name] = parts[name].inner
    return (
        type(node).__name__,
        *(said(part) for part in parts.values() if not isinstance(part, Span)),
    )


def comments_in(text: str) -> list[str]:
    return [piece.rstrip() for piece in _COMMENT.findall(text) if piece.startswith("#")]


def formatted(text: str) -> str:
    return format_source(Source("a.charter", text))


def assert_kept(text: str) -> str:
    """Formatting keeps the tree and the comments, and formatting again changes nothing."""
    once = formatted(text)
    assert said(tree_of(once)) == said(tree_of(text)), "the tree differs"
    assert comments_in(once) == comments_in(text), "a comment is lost"
    assert formatted(once) == once, "a second run changes the text"
    lines = once.split("\n")
    assert lines[-1] == ""
    assert not any(line.endswith((" ", "\t", "\r")) for line in lines), "blanks at a line's end"
    assert "\n\n\n" not in once
    assert not once.startswith("\n")
    return once


# ---------------------------------------------------------------- the table, and every file


def test_table_has_files() -> None:
    assert len(TABLE) >= 12
    after = {path.name for path in TABLE[0].parent.glob("*.after.charter")}
    assert after == {path.name.replace(".before.", ".after.") for path in TABLE}


@pytest.mark.parametrize("path", TABLE, ids=lambda path: path.name.partition(".")[0])
def test_table(path: Path) -> None:
    after = text_of(path.with_name(path.name.replace(".before.", ".after.")))
    assert formatted(text_of(path)) == after
    assert formatted(after) == after
    assert_kept(text_of(path))


def kinds(node: Any) -> Iterator[str]:
    if isinstance(node, tuple):
        for item in node:
            yield from kinds(item)
    elif dataclasses.is_dataclass(node):
        yield type(node).__name__
        for field in dataclasses.fields(node):
            yield from kinds(getattr(node, field.name))


KINDS: Final = {
    kind.__name__
    for kind in vars(n).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind is not n.PolicyFile
}


def test_table_shows_every_kind_of_node() -> None:
    assert {kind for path in TABLE for kind in kinds(tree_of(text_of(path)))} == KINDS


def test_there_are_files_everywhere() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in EVERYWHERE}
    assert {"policies", "tests"} <= folders
    assert len(EVERYWHERE) > 40


@pytest.mark.parametrize("path", EVERYWHERE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_is_kept(path: Path) -> None:
    text = text_of(path)
    if parse(Source(path.name, text))[1]:
        with pytest.raises(NotParsed):
            formatted(text)
        return
    assert_kept(text)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "policies").glob("*.charter")), ids=lambda path: path.name
)
def test_the_starter_policies_are_formatted(path: Path) -> None:
    assert formatted(text_of(path)) == text_of(path)


# ---------------------------------------------------------------- made texts


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_PER_ITEM))
def test_whole_grammar_is_kept(first: int) -> None:
    for seed in range(first, first + SEEDS_PER_ITEM):
        rng = Random(seed)
        assert_kept(derivations.spread(rng, derivations.words(rng)))


def test_derivations_reach_every_kind_of_node() -> None:
    reached: set[str] = set()
    for seed in range(SEEDS):
        reached |= set(kinds(tree_of(" ".join(derivations.words(Random(seed))))))
    assert reached == KINDS


@pytest.mark.parametrize("seed", range(12))
def test_generated_programs_are_kept(seed: int) -> None:
    made = program(Random(seed))
    for name, data in made.files.items():
        if name.endswith(".charter"):
            assert_kept(data.decode())


def token_ends(text: str) -> list[tuple[int, int]]:
    """Where each token ends and the next one begins, as the grammar's own lexer sees them."""
    tokens = list(charter_grammar().parse_interactive(text).iter_parse())
    return [(one.end_pos or 0, two.start_pos or 0) for one, two in pairwise(tokens)]


@settings(max_examples=60)
@given(st.data())
def test_inserted_blanks_and_comments_are_kept(data: st.DataObject) -> None:
    text = text_of(data.draw(st.sampled_from(TABLE)))
    places = [place for ends in token_ends(text) for place in ends]
    chosen = data.draw(st.sets(st.sampled_from(places), max_size=8)) if places else set()
    for number, place in enumerate(sorted(chosen, reverse=True)):
        insert = data.draw(st.sampled_from((*derivations.COMMENTED, "\n", "\n\n", "\t ", "\r\n")))
        text = text[:place] + insert.format(number) + text[place:]
    assert_kept(text)


def test_line_breaks_of_other_systems_and_a_missing_last_one() -> None:
    text = text_of(TABLE[-1])
    assert formatted(text.replace("\n", "\r\n")) == formatted(text) == formatted(text.rstrip())


@pytest.mark.parametrize("text", ["", "\n", " \t\r\n"])
def test_nothing_stays_nothing(text: str) -> None:
    assert formatted(text) == ""


@pytest.mark.parametrize("columns", [99, 100, 101])
def test_a_line_may_have_100_columns(columns: int) -> None:
    head, tail = 'predicate p = has a and b == "', '"\n'
    text = head + "x" * (columns - len(head) - len('"')) + tail
    assert (formatted(text) == text) is (columns <= layout.COLUMNS_MAX)


def test_code_keeps_within_100_columns() -> None:
    for path in EVERYWHERE:
        text = text_of(path)
        for line in formatted(text).split("\n") if not parse(Source("a", text))[1] else ():
            code = _COMMENT.sub(lambda found: "" if found[0].startswith("#") else '""', line)
            assert len(code.rstrip()) <= layout.COLUMNS_MAX, line


def test_syntax_errors_are_told() -> None:
    with pytest.raises(NotParsed) as caught:
        formatted("policy p {\n    rule\n}\n")
    assert [found.span.line for found in caught.value.found] == [3]
    assert caught.value.diagnostics == caught.value.found


def test_a_text_that_would_outgrow_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'policy p { owner "a" rule a: allow Agent to pay.refund }\n'
    monkeypatch.setattr(codes, "FILE_BYTES_MAX", len(formatted(text)))
    assert len(text) < len(formatted(text))
    monkeypatch.setattr(codes, "FILE_BYTES_MAX", len(text))
    with pytest.raises(TooLong, match="split it"):
        formatted(text)


# ---------------------------------------------------------------- twins


def reading_without_trailing_comments(text: str) -> Tokens:
    tokens = read(text)
    tokens.after.clear()
    return tokens


def reading_without_own_lines(text: str) -> Tokens:
    tokens = read(text)
    tokens.before.clear()
    return tokens


def reading_comments_backwards(text: str) -> Tokens:
    tokens = read(text)
    for index, comments in tokens.before.items():
        tokens.before[index] = comments[::-1]
    return tokens


def without_parentheses(tape: Tape, inner: n.Expr) -> Doc:
    tape.skip("(")
    doc = expressions.expression(tape, inner)
    tape.skip(")")
    return doc


TIDY: Final = """\
# one
# two
policy p {
    owner "a"  # who

    rule r:
        allow Agent to pay.refund
        when (a or b) and c
}
"""
UNTIDY: Final = TIDY.replace("  # who", " # who")
FAULTS: Final[dict[str, tuple[Any, str, Callable[..., Any], type[Exception]]]] = {
    "drops comments behind code": (
        *(formatter, "read", reading_without_trailing_comments, CommentLost),
    ),
    "drops comments on their own lines": (
        *(formatter, "read", reading_without_own_lines, CommentLost),
    ),
    "swaps comments": (formatter, "read", reading_comments_backwards, CommentLost),
    "drops parentheses": (expressions, "parentheses", without_parentheses, MeaningChanged),
    "writes nothing": (formatter, "lay_out", lambda _: "", MeaningChanged),
}


def written_instead(old: str, new: str) -> Callable[[Doc], str]:
    assert TIDY.count(old) == 1
    return lambda _: TIDY.replace(old, new)


for _old, _new, _caught in (
    (" or ", " and ", MeaningChanged),
    ("(a or b)", "(a or b", MeaningChanged),
    ('"a"', '"b"', MeaningChanged),
    ("and c\n", "and not c\n", MeaningChanged),
    ("# who", "# whom", CommentLost),
    ("# two\n", "# two\n# three\n", CommentLost),
):
    FAULTS[f"writes {_new!r}"] = (formatter, "lay_out", written_instead(_old, _new), _caught)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught_by_the_formatter_itself(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert formatted(UNTIDY) == TIDY
    room, seam, fault, caught = FAULTS[name]
    monkeypatch.setattr(room, seam, fault)
    with pytest.raises(caught, match="the file is left as it is"):
        formatted(UNTIDY)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught_by_these_tests_too(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """With its own proof switched off, so that the checks of this file stand on their own."""
    monkeypatch.setattr(formatter, "prove", lambda *_: None)
    assert_kept(UNTIDY)
    room, seam, fault, caught = FAULTS[name]
    monkeypatch.setattr(room, seam, fault)
    found = "a comment is lost" if caught is CommentLost else "differs|assert"
    with pytest.raises(AssertionError, match=found):
        assert_kept(UNTIDY)


def test_a_formatter_that_never_settles_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def restless(doc: Doc) -> str:
        text = layout.lay_out(doc)
        near, apart = "# one\n# two", "# one\n\n# two"
        return text.replace(near, apart) if near in text else text.replace(apart, near)

    monkeypatch.setattr(formatter, "lay_out", restless)
    with pytest.raises(AssertionError, match="a second run changes the text"):
        assert_kept(UNTIDY)
