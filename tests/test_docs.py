"""What the documents show is what happens: examples run, pages named exist, links hold."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pdp import Effect, Engine, Request
from pdp.lang.parser import parse
from pdp.lang.source import Source
from tests.service.served import room
from tests.walkthrough import GAP, Step, Walk, commands_in

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


def quick_start() -> list[Step]:
    """The README's commands from policies to a server, and the answer to the question they ask."""
    (block,) = [
        block for block in blocks(ROOT / "README.md", "console") if "keys generate" in block
    ]
    assert len(block.splitlines()) <= 12
    typed = [step.command for step in commands_in("here", block.splitlines())]
    asked = (GAP, "sign this as `ann`? [y/N] y", GAP)
    return [
        Step(
            "here",
            f"{command} &" if command.startswith("pdp serve ") else command,
            asked if command.startswith("pdp bundle sign ") else (GAP,),
        )
        for command in typed
    ]


@pytest.mark.slow
def test_the_quick_start_of_the_readme_serves_what_was_signed() -> None:
    (code,) = blocks(ROOT / "README.md", "python")
    with room() as folder:
        shutil.copytree(ROOT / "policies", folder / "here" / "policies")
        walk = Walk(folder)
        try:
            for step in quick_start():
                walk.do(step)
            told = code + "\nprint(decision.effect.value, decision.bundle.revision)\n"
            asking = [sys.executable, "-c", told]
            run = subprocess.run(
                asking, cwd=folder / "here", capture_output=True, timeout=60, check=False
            )
        finally:
            walk.close()
    assert run.stdout == b"allow 1\n", run.stderr


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
