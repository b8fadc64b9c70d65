"""What is shown when the pointer rests on a word."""

from __future__ import annotations

import pytest

from pdp.lsp.answers.hover import hover, plain
from tests.lsp.desk import offset, shop

FILE = "shop.charter"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("rule lar|ge", ["**require** rule `shop.large`", "owner: o@acme.example",
                         "contact: \\#o", "No test names this rule."]),
        ("rule sma|ll", ["**allow** rule `shop.small`", "Tests: shop.charter:62."]),
        ("clerks to", ['group clerks = Team::"clerks"', "2 User, 0 Agent"]),
        ("to pay.re|fund on order".replace("to ", "do "),
         ["action pay.refund on Order", "Can be undone; base risk **medium**, on `Order`",
          "`shop.small` (allow)"]),
        ("action pay.o|ut", ["**Cannot be undone**; base risk **high**"]),
        ("action watch.ca|mera", ["No rule speaks of it: always denied."]),
        ("approval from le|ad for",
         ["1 person of `leads` agrees where `approver.level >= internal`",
          "not by whoever takes part in the request, the agent's owner",
          "decided within 24h, used within 1h", "Asked by `shop.large`"]),
        ("<= ca|p when".replace(" when", ""), ["const cap: decimal = 200.00"]),
        ("not che|ap(i)", ["predicate cheap(i: Item) = i.price < cap"]),
        ("to mon|ey on", ["2 actions: `pay.refund`, `pay.out`"]),
        ("approver.le|vel", ["level: Sensitivity", "Of `User`."]),
        ("paid|?: bool", ["May be absent: read it after `has`."]),
        ("some |i in", ["Each member: `Item`."]),
        ("reso|urce.currency", ["`resource: Order`", "What the action is done on."]),
        ("ar|gs.items", ["`items: set<Item>`", "exactly what will be executed"]),
        ("risk me|dium {", ["low < medium < high < critical"]),
        ('be|cause "large"', ["What the person or the agent is told"]),
        ("entity Us|er", ["A person: can act and approve", "2 entries"]),
        ("enum Curr|ency", ["enum Currency { EUR, USD }"]),
        ("window ho|urs", ["mon..fri 09:00..17:00"]),
        ("policy sh|op", ["4 rules", "reason: because"]),
        ("fixture o|rder", ['fixture order = Order::"1"']),
    ],
)  # fmt: skip
def test_what_is_said(words: str, said: list[str]) -> None:
    workspace = shop()
    found = hover(workspace, FILE, offset(workspace, FILE, words))
    assert found is not None
    for part in said:
        assert part in found.text
    text = workspace.lines(FILE).text
    assert found.start <= offset(workspace, FILE, words) <= found.end
    assert text[found.start : found.end].strip() == text[found.start : found.end]


@pytest.mark.parametrize("words", ['owner "o@ac|me', "governs pay|, mail", "= 200|.00"])
def test_nothing_is_said_of_texts_and_numbers(words: str) -> None:
    workspace = shop()
    assert hover(workspace, FILE, offset(workspace, FILE, words)) is None


def test_members_are_counted_while_something_is_wrong() -> None:
    workspace = shop("policy p {\n")
    found = hover(workspace, FILE, offset(workspace, FILE, "group cle|rks"))
    assert found is not None
    assert "2 User" in found.text


def test_text_of_a_policy_is_no_markup() -> None:
    assert plain("a *b* <c>\n[d](e)") == r"a \*b\* \<c\> \[d\]\(e\)"
    workspace = shop(
        'policy q "T" { owner "<b>" contact "c" reason "r" rule a: deny anyone to money }'
    )
    found = hover(workspace, "more.charter", offset(workspace, "more.charter", "rule |a"))
    assert found is not None
    assert r"owner: \<b\>" in found.text
