"""The page and the extension for editors say what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from pdp.lsp.answers.unfinished import keywords
from tests.lsp import transcript

VSCODE: Final = Path(__file__).resolve().parents[2] / "editors" / "vscode"


def test_the_session_on_the_page_is_what_happens() -> None:
    page = transcript.PAGE.read_text("utf-8")
    written = transcript.page_with(page, transcript.session())
    assert page == written, "run `python -m tests.lsp.transcript`"


def test_another_session_is_noticed() -> None:
    page = transcript.PAGE.read_text("utf-8")
    assert transcript.BEGIN in page
    assert transcript.END in page
    assert transcript.page_with(page, "nothing was said\n") != page


def grammar() -> dict[str, Any]:
    text = (VSCODE / "syntaxes" / "charter.tmLanguage.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_the_colours_know_every_keyword() -> None:
    patterns = [re.compile(rule["match"]) for rule in grammar()["repository"]["word"]["patterns"]]
    words = keywords() | {"principal", "args", "chain", "now", "approver", "tool"}
    assert [w for w in sorted(words) if not any(p.fullmatch(w) for p in patterns)] == []
    assert not any(pattern.fullmatch("amount") for pattern in patterns)


def test_every_included_rule_exists() -> None:
    rules = grammar()
    included = {rule["include"].removeprefix("#") for rule in rules["patterns"]}
    assert included == set(rules["repository"])


def test_the_extension_names_files_that_are_there() -> None:
    package = json.loads((VSCODE / "package.json").read_text("utf-8"))
    contributes = package["contributes"]
    named = [
        package["main"],
        contributes["languages"][0]["configuration"],
        contributes["grammars"][0]["path"],
    ]
    assert [name for name in named if not (VSCODE / name).is_file()] == []
    assert contributes["configuration"]["properties"]["charter.command"]["scope"] == "machine"
    json.loads((VSCODE / "language-configuration.json").read_text("utf-8"))


def test_the_extension_starts_the_command_as_it_is_set() -> None:
    # A client that is told the transport adds `--stdio`, which `pdp lsp` does not know.
    text = (VSCODE / "extension.js").read_text("utf-8")
    assert "{ command, args }" in text
    assert not re.search(r"\btransport\b\s*:|TransportKind", text)
