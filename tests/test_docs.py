"""What the documents show is what happens: examples run, pages named exist, links hold."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from pdp import Effect, Engine, Request
from pdp.lang.parser import parse
from pdp.lang.source import Source

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]+\]\(([^)#]+)(?:#[^)]*)?\)")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def request_of_readme() -> Request:
    """The dict that the README's Python hands to ``Request.from_json``."""
    (code,) = blocks(ROOT / "README.md", "python")
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Request.from_json":
            return Request.from_json(ast.literal_eval(node.args[0]))
    raise AssertionError("the README asks nothing")


def test_the_question_of_the_readme_gets_the_answer_it_hopes_for() -> None:
    engine = Engine.from_directory(ROOT / "policies", unsafe_accept_unsigned=True)
    decision = engine.decide(request_of_readme())
    assert decision.effect is Effect.ALLOW
    assert "refunds.small" in {rule.rule for rule in decision.rules}


def test_the_policy_of_the_readme_is_charter() -> None:
    (text,) = blocks(ROOT / "README.md", "charter")
    tree, complaints = parse(Source("README.charter", text))
    assert complaints == ()
    assert len(tree.declarations) == 1


def test_links_between_pages_lead_somewhere() -> None:
    links = [(page, link) for page in PAGES for link in LINK.findall(page.read_text())]
    assert len(links) >= 5
    broken = [
        f"{page.name}: {link}"
        for page, link in links
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert broken == []


def test_no_page_has_a_gap_left_to_fill() -> None:
    assert [page.name for page in PAGES if re.search(r"@[A-Z]+@", page.read_text())] == []


def test_every_room_is_on_the_map() -> None:
    text = (ROOT / "README.md").read_text()
    rooms = [path.name for path in (ROOT / "pdp").iterdir() if (path / "__init__.py").exists()]
    assert [room for room in rooms if room != "_proto" and f"`pdp/{room}/`" not in text] == []
