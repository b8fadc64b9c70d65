"""What is offered at the cursor: by schema, by grammar, and always what already stands there."""

from __future__ import annotations

import re
from typing import Final

import pytest

from pdp.lsp.answers.completion import Completions, complete
from pdp.lsp.answers.keywords import keyword_help
from pdp.lsp.answers.unfinished import keywords
from pdp.lsp.workspace import Workspace
from tests.lsp.desk import MARK, shop, starter

RULE: Final = 'policy p "t" {\n    owner "o"\n    rule a:\n        '
SHOP_ACTIONS: Final = {"pay.refund", "pay.out", "mail.send", "watch.camera", "money"}
GROUPS: Final = {"clerks", "leads"}
_WORD: Final = re.compile(
    r'#[^\n]*|r?"(?:[^"\\\n]|\\.)*"|(?<![\w.])([A-Za-z_][A-Za-z0-9_]*(?:\.[a-z_]\w*)*)'
)


@pytest.fixture(name="desk", scope="module")
def _desk() -> Workspace:
    return shop()


def offered(workspace: Workspace, text: str) -> Completions:
    before, _, behind = text.partition(MARK)
    return complete(workspace, "more.charter", before + behind, len(before))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RULE + "allow |", {"User", "Agent", "anyone"} | GROUPS),
        (RULE + "allow Agent in |", GROUPS),
        (RULE + "allow Agent to |", SHOP_ACTIONS | {"any"}),
        (RULE + "allow Agent to pay.|", SHOP_ACTIONS),
        (RULE + "allow Agent to pay.out on |", {"Order"}),
        (RULE + "require approval |", {"from"}),
        (RULE + "require approval from |", {"lead"}),
        (RULE + "require approval from lead for |", {"User", "Agent", "anyone"} | GROUPS),
        (RULE + "allow Agent to pay.out when args.|", {"amount", "to"}),
        (RULE + "allow Agent to pay.out when args.am|\n        unless x", {"amount", "to"}),
        (
            RULE + "allow Agent to pay.out when resource.buyer.|",
            {"email", "level", "limit"},
        ),
        (RULE + "allow Agent to pay.out when has principal.owner.|", {"email", "level", "limit"}),
        (RULE + "deny anyone to mail.send when args.level == Sensitivity.|",
         {"public", "internal", "secret"}),
        (
            RULE + "deny anyone to mail.send when every i in args.items satisfies (i.|",
            {"name", "price"},
        ),
        (RULE + "deny anyone to mail.send then |", {"log", "notify", "rate", "redact", "spend"}),
        (RULE + "allow Agent to mail.send then notify |", GROUPS),
        (RULE + "allow Agent to mail.send then log |", {"full", "summary"}),
        (RULE + "allow Agent to mail.send then redact [args.items.|", {"name", "price"}),
        (RULE + "allow Agent to mail.send then rate 5 per 1h by |",
         {"agent", "user", "resource", "everyone"}),
        ("route r { need 1 of |", GROUPS),
        ("route r { escalate to |", {"lead"}),
        ("route r { exclude |", {"requester", "owner", "same_team"}),
        ('risk { owner "o" reason "r" tier |', {"low", "medium", "high", "critical"}),
        ('test "t" { agent |', {"bot"}),
        ('test "t" { user |', {"ann"}),
        ('test "t" { do pay.|', SHOP_ACTIONS - {"money"}),
        ('test "t" { do pay.refund on |', {"order"}),
        ('test "t" { do pay.refund on order { |', {"amount", "currency"}),
        ('test "t" { do pay.refund on order { amount: 1.00, |', {"currency"}),
        ('test "t" { context { |', {"frozen", "score", "now"}),
        ('test "t" { do pay.out on order expect deny by |',
         {"shop.small", "shop.large", "shop.late", "shop.dear", "risk.high"}),
        ('test "t" { do pay.out cases [ { |', {"amount", "to", "frozen", "score", "now"}),
        ("fixture x = |", {"User", "Agent", "Team", "Order"}),
        ('fixture x = User::"x" in [|', GROUPS),
        ("action pay.x on |", {"User", "Agent", "Team", "Order"}),
        ("action pay.x reversible risk |", {"low", "medium", "high", "critical"}),
        ("actions more = |", SHOP_ACTIONS),
        ("predicate p(i: Item) = i.|", {"name", "price"}),
        ('window w = mon 09:00..17:00 in "Europe/Berlin" except |', {"words", "holidays"}),
        ('invariant "i" { owner "o" never |', {"allow", "deny", "approval"}),
        ('invariant "i" { owner "o" never allow anyone to |', SHOP_ACTIONS | {"any"}),
        ('const x: string = "|', set()),
        ("# a comm|", set()),
        ("const x: int = 5|", set()),
    ],
)  # fmt: skip
def test_exactly_what_fits(desk: Workspace, text: str, expected: set[str]) -> None:
    assert {candidate.label for candidate in offered(desk, text).candidates} == expected


@pytest.mark.parametrize(
    ("text", "some", "none"),
    [
        (RULE + "allow Agent to pay.out when resource.currency == |", {"EUR", "USD"},
         {"cap", "clerks", "words"}),
        (RULE + "allow Agent to pay.out when resource.currency in [EUR, |", {"USD"}, {"clerks"}),
        (RULE + "allow Agent to pay.out when principal in |", GROUPS, {"words", "hours"}),
        (RULE + "allow Agent to pay.out when now in |", {"hours"}, {"words", "clerks"}),
        (RULE + "allow Agent to pay.out when |", {"args", "calm", "has", "risk"}, {"approver"}),
        (RULE + "allow Agent to watch.camera when |", {"args"}, {"resource"}),
        ("route r { need 1 of leads where (|", {"approver"}, {"principal"}),
        (RULE + "allow Agent to pay.out |", {"when", "on", "then", "because"}, {"from"}),
        ("|", {"policy", "entity", "test"}, {"rule", "when"}),
        ("enum E { a }\n|", {"policy"}, {"when"}),
        ("const x: |", {"Item", "Currency", "int", "set"}, {"person"}),
        ("policy p { |", {"owner", "contact", "reason", "rule"}, {"allow"}),
        (RULE + "deny anyone to pay.out\n        |", {"when", "because", "rule"}, set()),
    ],
)  # fmt: skip
def test_what_fits_and_what_does_not(
    desk: Workspace, text: str, some: set[str], none: set[str]
) -> None:
    labels = {candidate.label for candidate in offered(desk, text).candidates}
    assert some <= labels
    assert not none & labels


def test_members_come_first(desk: Workspace) -> None:
    text = RULE + "allow Agent to pay.out when resource.currency == |"
    first = offered(desk, text).candidates[0]
    assert (first.label, first.detail) == ("EUR", "Currency")


def test_a_broken_rule_before_the_cursor_is_no_hindrance(desk: Workspace) -> None:
    text = RULE + "allow to when ((\n    rule b:\n        allow Agent in |"
    assert {c.label for c in offered(desk, text).candidates} == GROUPS


def test_the_word_that_is_replaced(desk: Workspace) -> None:
    text = RULE + "allow Agent to pay.re|"
    found = offered(desk, text)
    assert text[found.start : found.end] == "pay.re"


@pytest.mark.parametrize("file", ["refunds.charter", "schema.charter", "refunds_tests.charter"])
def test_what_stands_there_is_offered(file: str) -> None:
    """The oracle is a finished bundle: whatever word it has, would have been offered."""
    workspace = starter()
    text = workspace.lines(file).text
    declared = {
        workspace.lines(file).range(o.span)[0]
        for o in workspace.index.by_file[file]
        if o.is_declaration
    }
    missing, asked = [], 0
    for match in list(_WORD.finditer(text))[:90]:
        word = match[1]
        if not word or match.start() in declared:
            continue
        asked += 1
        here = complete(workspace, file, text, match.start())
        labels = {candidate.label for candidate in here.candidates}
        if not {word, word.partition(".")[0]} & labels:
            missing.append((text.count("\n", 0, match.start()) + 1, word))
    assert asked > 25
    assert missing == []


def test_every_keyword_has_a_help() -> None:
    assert {"bundle", "rule", "when", "satisfies", "irreversible", "mon"} <= keywords()
    assert sorted(keywords() - set(keyword_help())) == []
