"""A tool list is read in each of its forms, and a malformed one is refused with its place."""

from __future__ import annotations

import json

import pytest

from pdp.authoring.toollist import INPUT_BYTES_MAX, Hints, Json, ToolListError, read_tool_list

TOOL: dict[str, Json] = {"name": "a", "inputSchema": {"type": "object"}}


def read(document: Json) -> object:
    return read_tool_list(json.dumps(document).encode())


@pytest.mark.parametrize(
    "document",
    [
        [TOOL],
        {"tools": [TOOL]},
        {"result": {"tools": [TOOL]}},
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": [TOOL], "_meta": {}}},
        {"tools": [TOOL], "nextCursor": None},
    ],
)
def test_each_form_of_an_answer(document: Json) -> None:
    found = read_tool_list(json.dumps(document).encode())
    assert [tool.name for tool in found.tools] == ["a"]
    assert not found.has_more


def test_one_page_of_several_says_so() -> None:
    assert read_tool_list(json.dumps({"tools": [TOOL], "nextCursor": "x"}).encode()).has_more


def test_tools_are_sorted_by_name() -> None:
    names = ["b", "a", "B", "a-c", "a_b"]
    found = read_tool_list(json.dumps([{**TOOL, "name": name} for name in names]).encode())
    assert [tool.name for tool in found.tools] == ["B", "a", "a-c", "a_b", "b"]


def test_hints_and_description() -> None:
    annotations: Json = {"title": "A title", "readOnlyHint": True, "openWorldHint": None}
    [tool] = read_tool_list(json.dumps([{**TOOL, "annotations": annotations}]).encode()).tools
    assert tool.hints == Hints(read_only=True)
    assert tool.description == "A title"
    [tool] = read_tool_list(json.dumps([{**TOOL, "description": "Text"}]).encode()).tools
    assert (tool.hints, tool.description) == (Hints(), "Text")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "found an object without `tools`"),
        ({"result": []}, "found an object without `tools`"),
        ({"tools": {}}, "found an object"),
        ("tools", "found a string"),
        (None, "found null"),
        ([], "the list holds no tool"),
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601}}, "an error answer of the server"),
        ([TOOL, 5], "tool 2: expected an object, found a number"),
        ([{"inputSchema": {}}], "tool 1: it has no `name`"),
        ([{**TOOL, "name": 5}], "tool 1: it has no `name`"),
        ([{**TOOL, "name": ""}], "tool 1: it has no `name`"),
        ([{"name": "a"}], "tool `a`: `inputSchema` must be an object"),
        ([{**TOOL, "inputSchema": True}], "must be an object, found a boolean"),
        ([{**TOOL, "description": ["x"]}], "`description` must be a string, found an array"),
        ([{**TOOL, "annotations": []}], "`annotations` must be an object, found an array"),
        (
            [{**TOOL, "annotations": {"readOnlyHint": "true"}}],
            "tool `a`: `readOnlyHint` must be true or false, found a string",
        ),
        ([{**TOOL, "annotations": {"destructiveHint": 0}}], "found a number"),
        ([TOOL, TOOL], "tool `a` is listed twice"),
        ([{**TOOL, "name": f"t{n}"} for n in range(1_001)], "1,001 tools; at most 1,000"),
        ([{**TOOL, "name": "\u202ea", "description": 1}], "tool `<U+202E>a`"),
    ],
)
def test_what_is_refused(document: Json, words: str) -> None:
    with pytest.raises(ToolListError) as caught:
        read(document)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not valid JSON: line 1, column 1"),
        (b'[{"a": 1}\n,]', "not valid JSON: line 2, column 2"),
        (b"\xff", "not UTF-8 text"),
        (b'[{"name": "a", "name": "b"}]', "two members of one object are `name`"),
        (b'[{"x": NaN}]', "`NaN` is not a number"),
        (b"[" * 100_000, "nested too deep"),
        (b'[{"x": ' + b"9" * 5_000 + b"}]", "a number is too long"),
        (b" " * (INPUT_BYTES_MAX + 1), "larger than 4,194,304 bytes"),
    ],
)
def test_what_is_no_json(data: bytes, words: str) -> None:
    with pytest.raises(ToolListError) as caught:
        read_tool_list(data)
    assert words in str(caught.value)


def test_a_thousand_tools_are_read() -> None:
    tools: list[Json] = [{**TOOL, "name": f"t{n}"} for n in range(1_000)]
    assert len(read_tool_list(json.dumps(tools).encode()).tools) == 1_000
