"""Every fix, on the example that explains its complaint: done, the complaint is gone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from pdp.lang.presenting.explain import explanations
from pdp.lsp.answers import quickfixes
from pdp.lsp.answers.fixing.fix import replacement
from pdp.lsp.answers.quickfixes import fixes, fixes_of
from pdp.lsp.workspace import Workspace, open_workspace
from tests.lsp.desk import after, offset, shop

PRELUDE: Final = Path(__file__).resolve().parents[1] / "corpus" / "explanations" / "prelude.charter"
RULE: Final = 'policy p { owner "o" contact "c" reason "r"\nrule a: '
BUNDLE: Final = 'bundle {} {{ version "1" language 1 owner "o" contact "c" governs x }}\n'
# Where the explanation has no example, or the fix has more sides than that shows.
MORE: Final = [
    ("C0001", RULE + "permit User to pay.out }", "allow User"),
    ("C0001", 'window w = mon 9:00..17:00 in "UTC"', "mon 09:00..17:00"),
    ("C0003", 'predicate p(x: Item) = (x.price > 1.00\ngroup g = Team::"g"', "1.00)\n"),
    ("C0003", 'const l: set<string> = ["a"\n\ngroup g = Team::"g"', '["a"]\n'),
    ("C0004", 'group more = Team::"more";', 'Team::"more"'),
    ("C0005", 'group \u200bmore = Team::"more"', "group more"),
    ("C0101", "predicate p(x: Item) = !(x.price > 1.00)", "= not (x"),
    ("C0101", 'predicate p(x: Item) = x.price>1.00&&x.name=="a"', '1.00 and x.name=="a"'),
    ("C0102", "predicate p(x: Item) = x.price = 1.00", "x.price == 1.00"),
    ("C0103", RULE + "allow User to pay.out when calm and true or true and calm or calm }",
     "(calm and true) or (true and calm) or calm"),
    ("C0105", RULE + 'allow User to pay.out when principal in Team::"clerks" }', "in clerks"),
    ("C0202", RULE + "allow User to pay.uot }", "pay.out"),
    ("C0301", 'policy p { owner "o" reason "r" rule a: allow User to pay.out }',
     'owner "o"\n    contact "#payments-oncall" reason'),
    ("C0301", 'policy p { contact "o" reason "r" rule a: allow User to pay.out }',
     '{\n    owner "payments@acme.example" contact'),
    ("C0301", 'policy p { owner "" contact "o" reason "r" rule a: allow User to pay.out }',
     '{ owner "payments@acme.example" contact'),
    ("C0301", 'invariant "i" { never allow User to pay.out when false }', "{\n    owner"),
    ("C0302", RULE.replace("reason", "governs pay\nreason")
     + "allow User to pay.out }", 'c"\nreason'),
    ("C0401", 'fixture x = Order::"x" { total: 5, currency: EUR, buyer: ann, level: public }',
     "total: 5.00"),
    ("C0401", "const low: decimal = 3", "= 3.00"),
    ("C0402", RULE + "allow User to pay.out when resource.paid }",
     "has resource.paid and resource.paid"),
    ("C0402", RULE + "allow User to pay.out when not resource.paid }",
     "when has resource.paid and not resource.paid"),
    ("C0402", RULE + "allow User to pay.out when calm or resource.paid }",
     "calm or (has resource.paid and resource.paid)"),
    ("C0402", RULE + "allow User to pay.out when calm and not (calm or resource.paid) }",
     "calm and has resource.paid and not (calm"),
    ("C0402", RULE + "allow User to pay.out when principal.limit + 1.00 > args.amount }",
     "has principal.limit and principal.limit + 1.00 >"),
    ("C0402", RULE + "allow User to pay.out when true unless resource.paid }",
     "unless has resource.paid and resource.paid"),
    ("C0406", RULE + "allow User to pay.out when args.amount > 5 }", "> 5.00"),
    ("C0406", RULE + "allow User to pay.out when -5 < args.amount }", "-5.00 <"),
    ("C0406", RULE + "allow User to mail.send when count(args.items) > 5.00 }", "> 5 }"),
    ("C0425", "type Two = { a: int binding }", "a: int }"),
    ("C0503", "type Two = { a: set<int> }", "set<int>[0..100]"),
    ("C0618", 'group alone = Team::"alone"\ngroup leaders = Team::"leads"\n', "group leaders"),
    ("C0701", RULE + "deny User to pay.out }", 'because "say what'),
]  # fmt: skip


def examples() -> dict[str, tuple[str, bool]]:
    return {
        code: (found.bad.text, found.bad.is_whole)
        for code, found in explanations().items()
        if found.bad is not None
    }


def workspace_of(code: str) -> Workspace:
    text, is_whole = examples()[code]
    prelude = {} if is_whole else {"prelude.charter": PRELUDE.read_bytes()}
    return open_workspace({**prelude, "example.charter": text.encode()})


def left(workspace: Workspace, code: str) -> int:
    return sum(found.code.code == code for found in workspace.found.diagnostics)


# No example that fits on a page, or one that shows the complaint in another way.
ELSEWHERE: Final = {"C0005", "C0218", "C0402", "C0619"}
EXPLAINED: Final = sorted(
    (set(quickfixes.FIXES) | {"C0201", "C0202", "C0203", "C0204", "C0205", "C0206", "C0207"})
    - ELSEWHERE
)


@pytest.mark.parametrize("code", EXPLAINED)
def test_the_example_is_put_right(code: str) -> None:
    workspace = workspace_of(code)
    [found, *_] = [d for d in workspace.found.diagnostics if d.code.code == code]
    proposed = fixes_of(workspace, found)
    assert proposed
    for fix in proposed:
        changed = after(workspace, list(fix.edits))
        assert left(changed, code) < left(workspace, code), fix.title
        fresh = {d.code.code for d in changed.found.diagnostics if d.is_error}
        assert fresh <= {d.code.code for d in workspace.found.diagnostics}


@pytest.mark.parametrize(("code", "text", "expected"), MORE)
def test_what_is_written(code: str, text: str, expected: str) -> None:
    workspace = shop(text)
    [found, *_] = [d for d in workspace.diagnostics("more.charter") if d.code.code == code]
    [fix, *_] = fixes_of(workspace, found)
    changed = after(workspace, list(fix.edits))
    assert expected in changed.lines("more.charter").text
    assert left(changed, code) < left(workspace, code)


def test_an_import_is_added_and_removed() -> None:
    a = BUNDLE.format("a") + "type T = { x: int }\n"
    b = BUNDLE.format("b") + "const c: set<string> = []\ncontext { t: T }\n"
    workspace = open_workspace({"a.charter": a.encode(), "b.charter": b.encode()})
    [found] = [d for d in workspace.found.diagnostics if d.code.code == "C0218"]
    [fix] = fixes_of(workspace, found)
    changed = after(workspace, list(fix.edits))
    assert "\n\nimport a\n" in changed.lines("b.charter").text
    assert left(changed, "C0218") == 0
    b = BUNDLE.format("b") + "import a\n"
    workspace = open_workspace({"a.charter": a.encode(), "b.charter": b.encode()})
    [found] = [d for d in workspace.found.diagnostics if d.code.code == "C0619"]
    [fix] = fixes_of(workspace, found)
    assert after(workspace, list(fix.edits)).lines("b.charter").text == BUNDLE.format("b")


def test_only_what_is_touched_is_offered() -> None:
    workspace = shop(RULE + "allow User to pay.uot\nrule b: allow User to pay.refnd }")
    here = offset(workspace, "more.charter", "pay.uo|t")
    assert [f.title for f in fixes(workspace, "more.charter", here, here)] == ["write `pay.out`"]
    assert len(fixes(workspace, "more.charter", 0, 999)) == 2
    assert fixes(workspace, "more.charter", 3, 3) == []


def test_a_fix_that_does_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sabotage: `==` is written as `=` again."""
    monkeypatch.setattr(
        quickfixes,
        "FIXES",
        {"C0102": lambda w, d: iter([replacement(w, d, "=")])},
    )
    with pytest.raises(AssertionError):
        test_the_example_is_put_right("C0102")
