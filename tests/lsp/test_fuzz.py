"""Nothing that somebody types breaks an answer: mutated policies, every question, any place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pdp.lsp.answers import completion, hover, navigation, quickfixes, renaming
from pdp.lsp.answers.edits import Edit, applied
from pdp.lsp.workspace import Workspace, open_workspace
from tests.lsp.desk import PEOPLE, SHOP, shop

PIECES: Final = (
    "policy", "rule a:", "allow ", "when ", 'test "x" {', "{", "}", "(", ")", "[", "]", '"', ",",
    ".", "::", "&&", "!", "=", "#", "\n", "\r", " ", "pay.out", "args.amount", "Order", "clerks",
    "é", "\U0001f600", "\u200b", "\x00", "\ud800", "5", "2026-01-01", "import a\n", "risk {",
    'bundle b { version "1" language 1 owner "o" contact "c" governs x }\n', "some i in ",
    "entity Order {}", "action pay.out reversible risk low", 'fixture order = Order::"1" {',
    "predicate calm = calm", "actions money = money", "type Item = { next: Item }",
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The shop after some cuts, insertions and moves."""
    text = SHOP
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 1, 3, 20, 400])))
        new = draw(st.sampled_from(PIECES) | st.just("") | st.just(text[end : end + 60]))
        text = text[:start] + new + text[end:]
    return text


# The seam of the sabotage below.
QUESTIONS: Final[dict[str, Callable[[Workspace, str, int], object]]] = {
    "hover": hover.hover,
    "complete": lambda w, f, o: completion.complete(w, f, w.lines(f).text, o),
    "definition": navigation.definition,
    "references": navigation.references,
    "outline": lambda w, f, _: navigation.outline(w, f),
    "search": lambda w, _, __: navigation.search(w, "a"),
    "renamable": renaming.renamable,
}


def ask(
    text: str, offset: int, questions: Mapping[str, Callable[[Workspace, str, int], object]]
) -> None:
    """Everything, about one place; spans must lie in the text."""
    data = text.encode("utf-8", "surrogatepass")
    workspace = open_workspace(
        {"shop.charter": data, "people.directory.json": PEOPLE.encode()}, BEFORE
    )
    for diagnostic in workspace.found.diagnostics:
        lines = workspace.lines(diagnostic.span.file)
        start, end = lines.range(diagnostic.span)
        assert 0 <= start <= end <= len(lines.text)
    for question in questions.values():
        question(workspace, "shop.charter", offset)
    with contextlib.suppress(renaming.NotRenamed):
        renaming.rename(workspace, "shop.charter", offset, "brand_new")
    for fix in quickfixes.fixes(workspace, "shop.charter", 0, len(text)):
        made: list[Edit] = [edit for edit in fix.edits if edit.file == "shop.charter"]
        assert applied(workspace.lines("shop.charter").text, made) != text


BEFORE: Final = shop()
_SETTINGS: Final = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@given(mutated(), st.integers(0, len(SHOP)))
@_SETTINGS
def test_every_buffer_gets_an_answer(text: str, offset: int) -> None:
    ask(text, min(offset, len(text)), QUESTIONS)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("utf-8", "replace")))
@_SETTINGS
def test_anything_at_all_gets_an_answer(text: str) -> None:
    ask(text, len(text), QUESTIONS)


def test_what_is_not_unicode_is_a_complaint() -> None:
    workspace = open_workspace({"shop.charter": SHOP.encode() + b"\xff"})
    assert "C0010" in {d.code.code for d in workspace.found.diagnostics}
    assert hover.hover(workspace, "shop.charter", 10) is None
    assert navigation.outline(workspace, "shop.charter") == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        # Found by the fuzzer: the directory was read with a schema that has unknown types.
        ("entity Team directory in Team\n", "", "group cle|rks"),
        ("level: Sensitivity, limit", "level: Nothing, limit", "group cle|rks"),
    ],
)
def test_what_broke_before(old: str, new: str, words: str) -> None:
    assert old in SHOP
    text = SHOP.replace(old, new, 1)
    ask(text, text.index(words.replace("|", "")), QUESTIONS)


def test_the_fuzzer_finds_a_question_that_breaks() -> None:
    """Sabotage: a hover that only bears what parses."""

    def brittle(workspace: Workspace, file: str, offset: int) -> object:
        assert not workspace.syntax_errors(), "brittle"
        return hover.hover(workspace, file, offset)

    @given(mutated())
    @settings(_SETTINGS, max_examples=20, phases=[Phase.generate], database=None)
    def fuzz(text: str) -> None:
        ask(text, 0, {"hover": brittle})

    with pytest.raises(AssertionError, match="brittle"):
        fuzz()
