"""A rename keeps all meaning, or does not happen."""

from __future__ import annotations

import pytest

from pdp.engine import Engine
from pdp.lang.declared.report import RESERVED
from pdp.lsp.answers import renaming
from pdp.lsp.answers.edits import Edit
from pdp.lsp.answers.renaming import NotRenamed, rename
from pdp.lsp.symbols import Kind, Symbol
from pdp.lsp.workspace import Workspace
from tests.lsp.desk import REFUNDS, after, offset, shop, starter


def place_of(workspace: Workspace, symbol: Symbol) -> tuple[str, int]:
    span = workspace.index.declared[symbol].name.span
    return span.file, workspace.lines(span.file).range(span)[0]


def test_whatever_is_renamed_everything_is_decided_as_before() -> None:
    workspace = starter()
    renamed = 0
    for symbol in workspace.index.declared:
        new = {Kind.TYPE: "Brand_new", Kind.MEMBER: "BRAND_NEW", Kind.ACTION: "order.brand_new"}
        file, here = place_of(workspace, symbol)
        # Types that requests name, and the one attribute that the language knows.
        if symbol.kind is Kind.TYPE and symbol.name in workspace.schema.entities:
            continue
        if symbol == Symbol(Kind.FIELD, "owner", "Agent"):
            continue
        edits = rename(workspace, file, here, new.get(symbol.kind, "brand_new"))
        changed = after(workspace, edits)
        assert [d for d in changed.found.diagnostics if d.is_error] == []
        results = Engine(changed.files).run_tests()
        assert len(results) == 8
        assert all(result.passed for result in results), symbol
        renamed += 1
    assert renamed > 25


@pytest.mark.parametrize(
    ("file", "words", "new", "why"),
    [
        (REFUNDS, "support_team", "finance_leads", "taken"),
        (REFUNDS, "support_team", "order", "taken"),  # a fixture: one name for both confuses
        (REFUNDS, "support_team", "principal", "reserved word"),
        (REFUNDS, "support_team", "Support", "not a name"),
        (REFUNDS, "support_team", "a b", "not a name"),
        (REFUNDS, "support_team", "", "not a name"),
        (REFUNDS, "to |order.refund", "shop.refund", "does not govern"),
        (REFUNDS, "to |order.refund", "order.read", "taken"),
        (REFUNDS, "|disputed:", "support_reads", "taken"),
        (REFUNDS, "Agent", "Bot", "directory files name"),
        (REFUNDS, "# Re|funds", "x", "no name here"),
        ("schema.charter", "Currency", "currency", "not a name"),
        ("schema.charter", "E|UR", "GBP", "taken"),
        ("schema.charter", "amount", "note", "taken"),
    ],
)
def test_why_not(file: str, words: str, new: str, why: str) -> None:
    workspace = starter()
    with pytest.raises(NotRenamed, match=why):
        rename(workspace, file, offset(workspace, file, words), new)


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_reserved_words_are_refused(word: str) -> None:
    workspace = starter()
    with pytest.raises(NotRenamed, match="reserved"):
        rename(workspace, REFUNDS, offset(workspace, REFUNDS, "support_team"), word)


def test_what_callers_spell_stays() -> None:
    workspace = shop()
    edits = rename(
        workspace, "shop.charter", offset(workspace, "shop.charter", "pay.out on"), "pay.x"
    )
    text = after(workspace, edits).lines("shop.charter").text
    assert 'action pay.x "pay.out" on Order' in text
    edits = rename(workspace, "shop.charter", offset(workspace, "shop.charter", "price:"), "cost")
    text = after(workspace, edits).lines("shop.charter").text
    assert 'cost "price": decimal' in text
    assert "i.cost > 5.00" in text


def test_a_name_shared_by_two_declarations_is_not_torn_apart() -> None:
    workspace = shop()
    here = offset(workspace, "shop.charter", "args.am|ount <= cap")
    with pytest.raises(NotRenamed, match="at once; rename both by hand"):
        rename(workspace, "shop.charter", here, "sum")


def test_a_name_that_would_be_captured_is_refused() -> None:
    """`cap` inside the quantifier would be the variable."""
    workspace = shop("predicate p(s: set<decimal>) = some i in s satisfies (i > cap)\n")
    here = offset(workspace, "more.charter", "some |i")
    with pytest.raises(NotRenamed, match=r"`cap` is declared twice|mean something else"):
        rename(workspace, "more.charter", here, "cap")


def test_a_file_with_syntax_errors_blocks_every_rename() -> None:
    workspace = shop("policy x { rule a: allow clerks to when\n")
    here = offset(workspace, "shop.charter", "group |clerks")
    with pytest.raises(NotRenamed, match=r"more\.charter:1"):
        rename(workspace, "shop.charter", here, "people")


def test_the_proof_catches_a_place_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sabotage: one edit is forgotten. Neither the check nor the meanings let it pass."""
    complete_edits = renaming.edits_for

    def forgetful(workspace: Workspace, symbol: Symbol, new: str) -> list[Edit]:
        return complete_edits(workspace, symbol, new)[:-1]

    monkeypatch.setattr(renaming, "edits_for", forgetful)
    workspace = starter()
    for words in ("support_team", "|disputed:", "args.am|ount"):
        with pytest.raises(NotRenamed, match="would"):
            rename(workspace, REFUNDS, offset(workspace, REFUNDS, words), "brand_new")
