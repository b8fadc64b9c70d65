"""Each kind of argument becomes the type that can hold it, and each claim its classification."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pdp.authoring.toollist import Json, ToolListError
from pdp.engine import Engine
from pdp.model import DenyCause, RequestError
from pdp.request import Request
from tests.authoring.judging import PEOPLE, actions, declarations, draft, problems, tool, tool_of

STRING: Json = {"type": "string"}
NULL: Json = {"type": "null"}
ITEM: Json = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def drafted(schema: Json, name: str = "x") -> str:
    """The draft of one tool with one mandatory argument; it must be good."""
    text = draft(tool_of("a__b", {name: schema}, (name,))).text
    assert problems(text) == []
    return text


def line_of(schema: Json, name: str = "x") -> str:
    """What stands behind the argument's name."""
    text = drafted(schema, name)
    body = text[text.index("action a.b") :]
    [line] = [part.strip() for part in body.replace("{", "\n").splitlines() if f"{name}: " in part]
    return line.removeprefix(f"{name}: ").rstrip(" ,}")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (STRING, "string untrusted"),
        ({"type": "string", "minLength": 1}, "string untrusted"),
        ({"type": "string", "format": "email"}, "string"),
        ({"type": "string", "pattern": "^a$"}, "string"),
        ({"type": "string", "format": "date-time"}, "timestamp"),
        ({"type": "integer"}, "int"),
        ({"type": "number"}, "decimal"),
        ({"type": "boolean"}, "bool"),
        ({"enum": [1, 2]}, "int"),
        ({"enum": [1, 2.5]}, "decimal"),
        ({"type": "number", "enum": [1, 2]}, "decimal"),
        ({"const": True}, "bool"),
        ({"enum": ["a", 1]}, "json"),
        ({"enum": [[1]]}, "json"),
        ({"enum": ["a", "b"]}, "AX"),
        ({"const": "a"}, "AX"),
        ({"type": "string", "enum": ["a", 5]}, "AX"),
        ({"enum": [f"v{n}" for n in range(200)]}, "AX"),
        ({"enum": [f"v{n}" for n in range(201)]}, "string"),
        ({"enum": ["a", "b\u202e"]}, "string"),
        ({"oneOf": [{"const": "a", "title": "A"}, {"const": "b"}]}, "AX"),
        ({"type": "string", "anyOf": [{"const": "a"}, {"enum": ["b"]}]}, "AX"),
        # null beside one type
        ({"type": ["string", "null"]}, "string untrusted nullable"),
        ({"anyOf": [{"type": "integer"}, NULL]}, "int nullable"),
        ({"oneOf": [NULL, {"enum": ["a"]}]}, "AX nullable"),
        ({"enum": ["a", None]}, "AX nullable"),
        ({"anyOf": [{"const": "a"}, {"const": "b"}, {"const": None}]}, "AX nullable"),
        # collections
        ({"type": "array", "items": STRING}, "list<string>[0..100] untrusted"),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 3}, "list<int>[0..3]"),
        (
            {"type": "array", "items": {"enum": ["a"]}, "uniqueItems": True, "minItems": 2},
            "set<AXItem>[2..100]",
        ),
        ({"type": "array", "items": ITEM, "minItems": 1.0, "maxItems": 5}, "list<AXItem>[1..5]"),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 80}, "list<bool>[80..160]"),
        (
            {"type": "array", "items": {"type": "boolean"}, "maxItems": 10**9},
            "list<bool>[0..10000]",
        ),
        ({"items": {"type": "integer"}, "maxItems": 3}, "list<int>[0..3]"),
        ({"type": "array"}, "json"),
        ({"type": "array", "items": {}}, "json"),
        ({"type": "array", "items": [STRING]}, "json"),
        ({"type": "array", "prefixItems": [STRING]}, "json"),
        ({"type": "array", "items": {"type": ["string", "null"]}}, "json"),
        ({"type": "array", "items": STRING, "maxItems": 0}, "json"),
        ({"type": "array", "items": STRING, "minItems": 3, "maxItems": 2}, "json"),
        ({"type": "array", "items": STRING, "minItems": 20_000}, "json"),
        # objects
        (ITEM, "AX"),
        ({"properties": {"n": STRING}}, "AX"),
        ({"type": "object"}, "json"),
        ({"type": "object", "properties": {}}, "json"),
        ({"type": "object", "additionalProperties": STRING}, "json"),
        ({"type": "object", "properties": {"n": STRING}, "additionalProperties": {}}, "json"),
        ({"type": "object", "properties": {"n": STRING}, "patternProperties": {}}, "json"),
        ({"type": "object", "properties": {"n": STRING}, "additionalProperties": False}, "AX"),
        ({"type": "object", "properties": {" ": STRING}, "required": [" "]}, "json"),
        ({"type": "object", "properties": {" ": STRING}}, "json"),
        # what has no type of its own
        (True, "json"),
        (False, "json"),
        ({}, "json"),
        (NULL, "json nullable"),
        ({"type": ["string", "integer"]}, "json"),
        ({"type": "file"}, "json"),
        ({"anyOf": [STRING, {"type": "integer"}]}, "json"),
        ({"anyOf": [STRING, {"type": "integer"}, NULL]}, "json nullable"),
        ({"anyOf": [STRING], "oneOf": [STRING]}, "json"),
        ({"allOf": [STRING]}, "string untrusted"),
        ({"allOf": [STRING, {"minLength": 1}]}, "json"),
        ({"$ref": "#"}, "json"),
        ({"$ref": "https://example.org/x"}, "json"),
        ({"$ref": "#/$defs/none"}, "json"),
        ({"$ref": "#/properties/x"}, "json"),
    ],
)
def test_types(schema: Json, expected: str) -> None:
    assert line_of(schema) == expected


@pytest.mark.parametrize(
    ("name", "schema", "expected"),
    [
        ("password", STRING, "string untrusted secret"),
        ("api_key", {"type": "string", "pattern": "^k"}, "string secret"),
        ("token", {"type": ["string", "null"]}, "string untrusted secret nullable"),
        ("credentials", {"type": "object"}, "json secret"),
        ("secrets", {"type": "array", "items": STRING}, "list<string>[0..100] untrusted secret"),
        ("token", {"type": "integer"}, "int"),
        ("token", {"enum": ["bearer"]}, "AToken"),
        ("page_token", STRING, "string untrusted"),
    ],
)
def test_secrets(name: str, schema: Json, expected: str) -> None:
    assert line_of(schema, name) == expected


@pytest.mark.parametrize(
    ("annotations", "reversible", "risk"),
    [
        (None, False, "high"),
        ({}, False, "high"),
        ({"readOnlyHint": None, "destructiveHint": None}, False, "high"),
        ({"readOnlyHint": False}, False, "high"),
        ({"destructiveHint": True}, False, "high"),
        ({"idempotentHint": True, "openWorldHint": False}, False, "high"),
        ({"destructiveHint": False}, True, "medium"),
        ({"destructiveHint": False, "openWorldHint": True}, True, "medium"),
        ({"destructiveHint": False, "idempotentHint": True}, True, "medium"),
        ({"readOnlyHint": True}, True, "low"),
        ({"readOnlyHint": True, "destructiveHint": False}, True, "low"),
        ({"readOnlyHint": True, "openWorldHint": False}, True, "low"),
        ({"readOnlyHint": True, "openWorldHint": True}, True, "medium"),
        ({"readOnlyHint": True, "destructiveHint": True}, False, "high"),
    ],
)
def test_claims(annotations: Json, reversible: object, risk: str) -> None:
    found = actions(draft({**tool(), "annotations": annotations}).text)["a.b"]
    assert (found.reversible, found.risk.text) == (reversible, risk)


def test_what_is_claimed_is_said() -> None:
    claims: Json = {"destructiveHint": False, "idempotentHint": True, "openWorldHint": True}
    text = draft({**tool(), "annotations": claims}).text
    assert (
        "# claimed: it destroys nothing, and it reaches beyond its own system;"
        " twice is the same as once\n"
    ) in text
    assert "# no claim: it may destroy\n" in draft(tool()).text


def test_a_definition_is_read_once_and_named_after_itself() -> None:
    schema: Json = {
        "type": "object",
        "properties": {"to": {"$ref": "#/$defs/Address"}, "from": {"$ref": "#/$defs/Address"}},
        "$defs": {"Address": {"type": "object", "properties": {"zip": {"type": "integer"}}}},
    }
    text = draft({"name": "mail__send", "inputSchema": schema}).text
    assert "type MailAddress = { zip?: int }" in text
    assert "{ to?: MailAddress, from?: MailAddress }" in text


def test_equal_types_are_shared_and_others_are_told_apart() -> None:
    tools = [
        tool("s__one", state={"enum": ["a"]}, sort={"enum": ["up"]}),
        tool("s__three", state={"enum": ["a"]}, sort={"enum": ["up"]}),
        tool("s__two", state={"enum": ["a", "b"]}, sort={"enum": ["up"]}),
    ]
    text = draft(*tools).text
    assert [line for line in text.split("\n") if line.startswith("enum")] == [
        "enum SOneState { a }",
        "enum SSort { up }",
        "enum STwoState { a, b }",
    ]
    assert "s.three " in text
    assert text.count("state?: SOneState") == 2
    assert text.count("sort?: SSort") == 3


def test_a_type_is_declared_before_what_needs_it_and_only_if_something_does() -> None:
    inner: Json = {"type": "object", "properties": {"kind": {"enum": ["k"]}}}
    unused: Json = {"type": "array", "items": {"anyOf": [inner, NULL]}}
    outer: Json = {"type": "object", "properties": {"inner": inner}}
    text = draft(tool("a__b", x=unused)).text
    assert "type" not in {line.split(" ")[0] for line in text.split("\n")}
    text = draft(tool("a__b", x=unused, y=outer)).text
    assert text.index("enum AKind") < text.index("type AXItem") < text.index("type AY")


def test_a_root_that_is_a_reference() -> None:
    definition: Json = {"type": "object", "properties": {"n": {"type": "integer"}}}
    schema: Json = {"$ref": "#/$defs/Args", "$defs": {"Args": definition}}
    assert "{ n?: int }" in draft({"name": "a__b", "inputSchema": schema}).text
    for ref in ("#", "#/$defs/none", "https://example.org"):
        text = draft({"name": "a__b", "inputSchema": {"$ref": ref}}).text
        assert "# its arguments are described elsewhere" in text


def test_a_mandatory_argument_without_a_schema_is_declared() -> None:
    assert "{ y?: int,".replace(",", "") in draft(tool("a__b", y={"type": "integer"})).text
    text = draft(tool("a__b", ("x",), y={"type": "integer"})).text
    assert "    x: json,\n" in text


def test_what_one_server_calls_two_things_is_refused() -> None:
    with pytest.raises(ToolListError, match="would both be `s__a`; leave out --server"):
        draft(tool("a"), tool("s__a"), server="s")


@pytest.mark.parametrize("server", ["1a", "a b", "", "é", "a\n", "-a", "x" * 65, "a`b"])
def test_a_server_has_a_plain_name(server: str) -> None:
    if server:
        with pytest.raises(ToolListError, match="cannot name a server"):
            draft(tool(), server=server)
    else:
        assert draft(tool(), server=server).actions == ("a.b",)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "object", "properties": []}, "`properties` must be an object, found an array"),
        ({"type": "object", "required": "x"}, "`required` must be an array of strings"),
        ({"type": "object", "required": [1]}, "`required` must hold strings, found a number"),
        ({"type": "string"}, "its arguments are not an object"),
        ({"properties": {"x": 5}}, "argument `x`: a schema must be an object or a boolean"),
        ({"properties": {"x": {"enum": []}}}, "`enum` must be an array with something in it"),
        ({"properties": {"x": {"anyOf": {}}}}, "`anyOf` must be an array"),
        ({"properties": {"x": {"type": 5}}}, "`type` must be an array of strings"),
        ({"properties": {"x": {"$ref": 5}}}, "`$ref` must be a string"),
        ({"properties": {"x": {"description": 5}}}, "`description` must be a string"),
        (
            {"properties": {"x": {"type": "array", "items": {"type": "array", "items": 5}}}},
            "argument `x_item_item`: a schema must be",
        ),
        (
            {"properties": {"x": {"type": "array", "items": STRING, "maxItems": -1}}},
            "argument `x`: `maxItems` must be a whole number from 0, found a number",
        ),
        (
            {"properties": {"x": {"properties": {"y": {"type": [None]}}}}},
            "tool `a`, argument `x.y`: `type` must hold strings, found null",
        ),
    ],
)
def test_a_malformed_schema_is_refused_with_its_place(
    schema: Mapping[str, Json], words: str
) -> None:
    with pytest.raises(ToolListError) as caught:
        draft({"name": "a", "inputSchema": dict(schema)})
    assert words in str(caught.value)


def test_more_than_a_file_may_hold_is_refused() -> None:
    description = "x" * 90
    many: dict[str, Json] = {
        f"f{n}": {"type": "integer", "description": description} for n in range(900)
    }
    with pytest.raises(ToolListError, match="convert fewer tools at once"):
        draft(*[tool_of(f"a__t{n}", many) for n in range(12)])


def test_the_order_of_tools_changes_nothing() -> None:
    tools = [tool("b__x"), tool("a.x"), tool("a__x"), tool("A__x", state={"enum": ["q"]})]
    assert draft(*tools).text == draft(*reversed(tools)).text


def test_the_types_take_the_arguments_that_the_server_takes() -> None:
    address: Json = {"type": "object", "properties": {"zip": STRING}, "required": ["zip"]}
    properties: dict[str, Json] = {
        "items": {"type": "array", "items": ITEM, "minItems": 1},
        "Ship-To": address,
        "express": {"type": "boolean"},
        "before": {"type": "string", "format": "date-time"},
        "price": {"type": "number"},
    }
    text = draft(tool_of("shop__order-it", properties, ("items", "Ship-To"))).text
    bundle = 'bundle t.t { version "1" language 1 owner "o" contact "c" governs shop }'
    files = {
        "d.charter": text,
        "p.charter": bundle + PEOPLE,
        "people.directory.json": '{"TestUser": {"u": {}}}',
    }
    engine = Engine({name: content.encode() for name, content in files.items()})
    args = (
        '{"items": [{"n": 1}], "Ship-To": {"zip": "1"}, "express": true,'
        ' "before": "2026-03-02T10:00:00Z", "price": 1.5}'
    )

    def ask(arguments: str) -> DenyCause | None:
        document = (
            '{"principal": {"type": "TestUser", "id": "u"}, "action": "shop__order-it",'
            f' "args": {arguments}}}'
        )
        return engine.decide(Request.from_json(document.encode())).cause

    assert ask(args) is DenyCause.NO_ALLOW
    for wrong in ('{"items": []', '{"items": [{"n": "1"}]', '{"new": 1, "items": [{"n": 1}]'):
        with pytest.raises(RequestError):
            ask(args.replace('{"items": [{"n": 1}]', wrong))


def test_the_header_says_what_to_review() -> None:
    text = draft(tool(), server="shop").text
    assert text.startswith("# What the MCP server `shop` can do: a draft by `pdp schema from-mcp`.")
    for words in ("Review every line", "A claim is no proof", "never followed", "add `on TYPE`"):
        assert words in text
    assert len(declarations(text)) == 1
