"""Tool lists as servers answer them, each beside the draft that people are to review."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from pdp.authoring import declarations, frommcp, jsonschema, plaintext
from pdp.authoring.frommcp import Draft, draft_from_tools
from pdp.authoring.naming import ActionName
from pdp.authoring.toollist import read_tool_list
from tests.authoring.judging import actions, problems

CORPUS: Final = Path(__file__).parent.parent / "corpus" / "mcp"
NAMES: Final = sorted(path.stem for path in CORPUS.glob("*.json"))
SERVERS: Final = {
    "browser": "browser",
    "file_system": "filesystem",
    "git_host": "github",
    "limits": "travel",
    "payments": "pay",
}


def drafted(name: str) -> Draft:
    return draft_from_tools(
        read_tool_list((CORPUS / f"{name}.json").read_bytes()), SERVERS.get(name, "")
    )


def test_the_corpus_is_there() -> None:
    assert len(NAMES) >= 9
    assert {path.stem for path in CORPUS.glob("*.charter")} == set(NAMES)
    assert set(SERVERS) < set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_draft_is_the_one_that_was_reviewed(name: str) -> None:
    server = f" --server {SERVERS[name]}" if name in SERVERS else ""
    command = f"pdp schema from-mcp tests/corpus/mcp/{name}.json{server}"
    expected = (CORPUS / f"{name}.charter").read_text(encoding="utf-8")
    assert drafted(name).text == expected, f"review the output of: {command}"


@pytest.mark.parametrize("name", NAMES)
def test_the_draft_checks_and_rules_can_use_it(name: str) -> None:
    assert problems(drafted(name).text) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_tool_is_an_action_or_said_to_be_none(name: str) -> None:
    found = read_tool_list((CORPUS / f"{name}.json").read_bytes())
    draft = drafted(name)
    assert len(draft.actions) + len(draft.left_out) == len(found.tools)
    assert set(draft.actions) == set(actions(draft.text))
    for line in draft.left_out:
        assert f"# * {line}\n" in draft.text


def test_nothing_that_a_hostile_server_writes_becomes_a_declaration() -> None:
    text = drafted("hostile").text
    assert [name for name in actions(text) if "admin" in name or "gift" in name] == []
    assert "\npolicy" not in text
    assert "\u202e" not in text
    assert drafted("hostile").left_out == (
        "`notes__re<U+202E>ad`: its name cannot be written or sent",
        "`notes__tag`: an argument it needs cannot be written or sent",
    )


# ---------------------------------------------------------------- the judge can fail


def as_it_is(text: str, _: int) -> str:
    return text


def unescaped(text: str) -> str:
    return f'"{text}"'


def same_names(names: list[ActionName]) -> list[ActionName]:
    return names


def undistinguished(wires: list[str]) -> dict[str, str]:
    return {wire: "".join(c if c.isalnum() else "_" for c in wire).lower() for wire in wires}


def kept(wires: tuple[str, ...]) -> dict[str, str]:
    return {wire: wire if wire.isidentifier() and wire.isascii() else "x" for wire in wires}


SABOTAGE: Final = {
    "a comment of several lines": ("one_line", as_it_is),
    "a text that ends itself": ("text_literal", unescaped),
    "two actions of one name": ("distinct_actions", same_names),
    "two fields of one name": ("field_names", undistinguished),
    "members called like words of the language": ("member_names", kept),
    "a hidden character in a name": ("is_wire_name", bool),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_the_judge_finds_a_broken_build(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, broken = SABOTAGE[what]
    users = [
        module for module in (declarations, frommcp, jsonschema, plaintext) if hasattr(module, name)
    ]
    assert users
    for module in users:
        monkeypatch.setattr(module, name, broken)
    try:
        found = problems(drafted("hostile").text)
    except AssertionError as error:
        found = [str(error)]
    assert found, f"not noticed: {what}"
