"""What names mean: every mention of a name is found, and nothing that is none."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from pdp.bundles.sources.directory import read_policy_directory
from pdp.lsp.answers.navigation import definition, outline, references, search
from pdp.lsp.answers.unfinished import keywords
from pdp.lsp.symbols import Kind, Symbol
from pdp.lsp.workspace import Workspace, open_workspace
from tests.lsp.desk import offset, shop, starter

POLICIES: Final = Path(__file__).resolve().parents[2] / "policies"
_TOKEN: Final = re.compile(r'#[^\n]*|r?"(?:[^"\\\n]|\\.)*"|([A-Za-z_]\w*(?:\.[a-z_]\w*)*)')


def words(workspace: Workspace) -> Counter[str]:
    """How often each word stands in the policies, outside texts and comments."""
    found: Counter[str] = Counter()
    for source in workspace.sources.values():
        for match in _TOKEN.finditer(source.text):
            if match[1]:
                found.update(match[1].split("."))
                found[match[1]] += "." in match[1]
    return found


def by_name_of(by_name: dict[str, list[Symbol]], kind: Kind) -> list[Symbol]:
    return [symbol for symbols in by_name.values() for symbol in symbols if symbol.kind is kind]


@pytest.mark.parametrize("name", ["starter", "policies", "shop"])
def test_every_mention_of_a_name_is_found(name: str) -> None:
    """The oracle is a search for the word; words that stand for other things are left out."""
    workspace = {
        "starter": starter,
        "policies": lambda: open_workspace(read_policy_directory(POLICIES)),
        "shop": shop,
    }[name]()
    mentions = words(workspace)
    by_name: dict[str, list[Symbol]] = {}
    for symbol in workspace.index.declared:
        by_name.setdefault(symbol.name, []).append(symbol)
    others = set(keywords()).union(
        *(s.name.split(".") for s in by_name_of(by_name, Kind.ACTION)),
        (s.name for s in by_name_of(by_name, Kind.TIER)),
        *(s.name.split(".") for s in by_name_of(by_name, Kind.BUNDLE)),
    )
    compared = 0
    for symbol in workspace.index.declared:
        if len(by_name[symbol.name]) > 1 or symbol.name in others or symbol.kind is Kind.BUNDLE:
            continue
        spans = {o.span for o in workspace.index.occurrences[symbol]}
        assert len(spans) == mentions[symbol.name], symbol
        compared += 1
    assert compared > len(workspace.index.declared) / 2


@pytest.mark.parametrize(
    ("words_here", "kind", "name", "home"),
    [
        ("args.am|ount <= cap", Kind.FIELD, "amount", "pay.refund"),
        ("to mon|ey on", Kind.ACTION_SET, "money", "acme.shop"),
        ("resource.currency == E|UR", Kind.MEMBER, "EUR", "Currency"),
        ("approver.level >= inter|nal", Kind.MEMBER, "internal", "Sensitivity"),
        ("not in ho|urs", Kind.WINDOW, "hours", "acme.shop"),
        ("except holi|days", Kind.CONST, "holidays", "acme.shop"),
        ("requires le|ad", Kind.ROUTE, "lead", ""),
        ("not che|ap(i)", Kind.PREDICATE, "cheap", "acme.shop"),
        ("by shop.sm|all", Kind.RULE, "small", "shop"),
        ("by sh|op.small", Kind.POLICY, "shop", ""),
        ("owner: a|nn", Kind.FIXTURE, "ann", "acme.shop"),
        ("in [cle|rks] { email", Kind.GROUP, "clerks", "acme.shop"),
        ("context { fro|zen: false", Kind.FIELD, "frozen", "context"),
        ("{ am|ount: 1.00", Kind.FIELD, "amount", "pay.refund"),
        ("buyer: U|ser", Kind.TYPE, "User", ""),
        ("expect approval from le|ad", Kind.ROUTE, "lead", ""),
        ("i.pri|ce > 5.00", Kind.FIELD, "price", "Item"),
    ],
)
def test_what_a_name_means(words_here: str, kind: Kind, name: str, home: str) -> None:
    workspace = shop()
    here = offset(workspace, "shop.charter", words_here)
    lines = workspace.lines("shop.charter")
    found = {o.symbol for o in workspace.index.at("shop.charter", *lines.place(here))}
    assert Symbol(kind, name, home) in found


def test_a_name_of_several_declarations_leads_to_all() -> None:
    workspace = shop()
    here = offset(workspace, "shop.charter", "args.am|ount <= cap")
    found = definition(workspace, "shop.charter", here)
    lines = workspace.lines("shop.charter").text
    assert [lines[t.start : t.end] for t in found] == ["amount", "amount"]
    owners = [lines[: t.start].rpartition("action ")[2].partition(" ")[0] for t in found]
    assert sorted(owners) == ["pay.out", "pay.refund"]


def test_variables_are_their_own() -> None:
    workspace = shop(
        'predicate two(s: set<string>) = (some i in s satisfies (i == "a"))'
        ' and (no i in s satisfies (i == "b"))\n'
    )
    first = offset(workspace, "more.charter", "some |i")
    second = offset(workspace, "more.charter", "no |i")
    found = [references(workspace, "more.charter", here) for here in (first, second)]
    assert [len(targets) for targets in found] == [2, 2]
    assert not {t.start for t in found[0]} & {t.start for t in found[1]}


def test_imported_names_are_found_in_their_bundle() -> None:
    files = {
        "a.charter": b'bundle a { version "1" language 1 owner "o" contact "c" governs x }\n'
        b'entity Team directory in Team\ngroup staff = Team::"s"\n',
        "b.charter": b'bundle b { version "1" language 1 owner "o" contact "c" governs x }\n'
        b"import a\nentity U person directory in Team {}\naction x.y reversible risk low\n"
        b'policy p { owner "o" contact "c" reason "r"\n'
        b"rule one: allow U in staff to x.y\nrule two: allow U in a.staff to x.y }\n",
    }
    workspace = open_workspace(files)
    here = offset(workspace, "a.charter", "staff")
    found = references(workspace, "a.charter", here)
    assert [(t.file, workspace.lines(t.file).text[t.start : t.end]) for t in found] == [
        ("a.charter", "staff"),
        ("b.charter", "staff"),
        ("b.charter", "staff"),
    ]
    bundle = definition(workspace, "b.charter", offset(workspace, "b.charter", "import |a"))
    assert [t.file for t in bundle] == ["a.charter"]


def test_a_data_file_can_be_opened() -> None:
    files = {**shop().files, "list.json": b'["x"]'}
    files["more.charter"] = b'data listed: set<string>[0..5] from "list.json"\n'
    workspace = open_workspace(files)
    here = offset(workspace, "more.charter", "list|.json")
    assert [t.file for t in definition(workspace, "more.charter", here)] == ["list.json"]


def test_mistakes_elsewhere_hide_nothing() -> None:
    workspace = shop("policy broken { rule x: allow to when\n")
    assert workspace.found.policies is None
    here = offset(workspace, "shop.charter", "in cl|erks, User")
    assert len(references(workspace, "shop.charter", here)) == 5


def test_outline_and_search() -> None:
    workspace = shop()
    entries = {entry.name: entry for entry in outline(workspace, "shop.charter")}
    assert [child.name for child in entries["shop"].children] == ["small", "large", "late", "dear"]
    assert entries["shop"].detail == "Shop"
    assert [c.name for c in entries["Order"].children][:2] == ["total", "currency"]
    assert entries["small"].kind == "test"
    assert [e.name for e in search(workspace, "SHLA")] == ["shop.large", "shop.late"]
    assert search(workspace, "zzz") == []
    for entry in entries.values():
        assert entry.span.line <= entry.name_span.line <= entry.span.end_line
