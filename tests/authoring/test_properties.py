"""Whatever a server answers: a draft that checks, or a refusal in words; never anything else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Final

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from pdp.authoring import declarations, frommcp, jsonschema, plaintext
from pdp.authoring.frommcp import draft_from_tools
from pdp.authoring.toollist import Json, ToolListError, read_tool_list
from pdp.lang.codes import FILE_BYTES_MAX
from tests.authoring.judging import actions, draft, problems
from tests.authoring.toolschemas import almost_tools, documents, tools

SERVERS = st.sampled_from(["", "", "a", "Git-Hub", "any", "risk"])


def faults(found: list[Mapping[str, Json]], server: str) -> list[str]:
    """What is wrong with the draft for well-formed tools."""
    try:
        made = draft(*found, server=server)
    except ToolListError as error:
        return [] if "leave out --server" in str(error) else [f"refused: {error}"]
    except AssertionError as error:
        return [f"broken: {error}"]
    if len(made.actions) + len(made.left_out) != len(found):
        return ["a tool is neither declared nor left out"]
    if set(actions(made.text)) != set(made.actions):
        return ["the draft declares other actions than it says"]
    return problems(made.text)


@given(tools, SERVERS)
@settings(max_examples=40)
def test_the_draft_of_well_formed_tools_checks(
    found: list[Mapping[str, Json]], server: str
) -> None:
    assert faults(found, server) == []


@given(tools, SERVERS, st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_the_draft_depends_on_nothing_but_the_tools(
    found: list[Mapping[str, Json]], server: str, random: Random
) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    try:
        expected = draft(*found, server=server).text
    except ToolListError:
        return
    assert draft(*shuffled, server=server).text == expected
    assert len(expected.encode()) <= FILE_BYTES_MAX


@given(documents | almost_tools)
@settings(max_examples=80)
def test_anything_else_is_refused_or_checks(document: Json) -> None:
    try:
        made = draft_from_tools(read_tool_list(json.dumps(document).encode()))
    except ToolListError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert problems(made.text) == []
    assert refusal.isprintable()


# ---------------------------------------------------------------- the property can fail


def undistinguished(wires: list[str]) -> dict[str, str]:
    return dict.fromkeys(wires, "same")


def unescaped(text: str) -> str:
    return f'"{text}"'


def as_it_is(text: str, _: int) -> str:
    return text


def anything(_: str) -> bool:
    return True


SABOTAGE: Final = {
    "fields that share a name": ("field_names", undistinguished),
    "texts that end themselves": ("text_literal", unescaped),
    "comments of several lines": ("one_line", as_it_is),
    "names that cannot be written": ("is_wire_name", anything),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_a_broken_build_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, broken = SABOTAGE[what]
    for module in (declarations, frommcp, jsonschema, plaintext):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, broken)
    quick = settings(max_examples=150, phases=[Phase.generate], database=None)
    try:
        example = find(tools, lambda found: bool(faults(found, "")), settings=quick)
    except NoSuchExample:
        pytest.fail(f"not noticed: {what}")
    assert faults(example, "")
