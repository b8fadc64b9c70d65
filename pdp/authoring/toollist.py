"""An MCP `tools/list` answer as text to tools, checked for shape; schemas are not read here."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias

from pdp.authoring.plaintext import spelt_out
from pdp.model import PdpError

INPUT_BYTES_MAX: Final = 4 * 1_048_576
TOOLS_MAX: Final = 1_000
_SHOWN_CHARS: Final = 80

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class ToolListError(PdpError):
    """The tool list is at fault; the message names the tool and the place."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What a server claims about a tool; None where it says nothing."""

    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    open_world: bool | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. ``schema`` is the JSON Schema of its arguments, an object, not looked into."""

    name: str
    description: str
    hints: Hints
    schema: dict[str, Json]


@dataclass(frozen=True, slots=True)
class ToolList:
    """Tools sorted by name. ``has_more``: the answer was one page of several."""

    tools: tuple[Tool, ...]
    has_more: bool


def read_tool_list(data: bytes) -> ToolList:
    """The tools in a JSON-RPC answer, a ``tools/list`` result or a bare array.

    Raises ToolListError: larger than 4 MiB, not JSON, no tool list, more than 1,000 tools, a tool
    listed twice, or one without a name or an input schema.
    """
    document = _parse(data)
    has_more = False
    if isinstance(document, dict):
        if "error" in document:
            raise ToolListError("this is an error answer of the server; there are no tools in it")
        result = document.get("result", document)
        if not isinstance(result, dict) or "tools" not in result:
            raise ToolListError(f"{_FORMS}; found an object without `tools`")
        has_more = bool(result.get("nextCursor"))
        document = result["tools"]
    if not isinstance(document, list):
        raise ToolListError(f"{_FORMS}; found {describe(document)}")
    if len(document) > TOOLS_MAX:
        raise ToolListError(f"{len(document):,} tools; at most {TOOLS_MAX:,} are converted at once")
    tools = sorted((_tool(item, n) for n, item in enumerate(document, 1)), key=lambda t: t.name)
    for before, after in itertools.pairwise(tools):
        if before.name == after.name:
            raise ToolListError(f"tool `{_shown(after.name)}` is listed twice")
    if not tools:
        raise ToolListError("the list holds no tool")
    return ToolList(tuple(tools), has_more)


_FORMS: Final = "expected the answer to `tools/list`, its result or an array of tools"


def describe(value: Json) -> str:
    """A JSON value by its kind."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case dict():
            return "an object"


def _parse(data: bytes) -> Json:
    if len(data) > INPUT_BYTES_MAX:
        raise ToolListError(f"larger than {INPUT_BYTES_MAX:,} bytes; convert fewer tools at once")
    try:
        document: Json = json.loads(
            data.decode("utf-8"), object_pairs_hook=_members, parse_constant=_constant
        )
    except UnicodeDecodeError:
        raise ToolListError("not UTF-8 text") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ToolListError(f"not valid JSON: {place}") from None
    except RecursionError:
        raise ToolListError("not valid JSON: nested too deep") from None
    except ValueError:  # a number of thousands of digits
        raise ToolListError("not valid JSON: a number is too long") from None
    return document


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """Two parsers could read a duplicate key differently."""
    members: dict[str, Json] = {}
    for key, value in pairs:
        if key in members:
            raise ToolListError(f"not valid JSON: two members of one object are `{_shown(key)}`")
        members[key] = value
    return members


def _constant(name: str) -> NoReturn:
    raise ToolListError(f"not valid JSON: `{name}` is not a number")


def _shown(text: str) -> str:
    return spelt_out(text, _SHOWN_CHARS)


def _tool(item: Json, number: int) -> Tool:
    if not isinstance(item, dict):
        raise ToolListError(f"tool {number}: expected an object, found {describe(item)}")
    name = item.get("name")
    if not isinstance(name, str) or not name:
        raise ToolListError(f"tool {number}: it has no `name`")
    place = f"tool `{_shown(name)}`"
    schema = item.get("inputSchema")
    if not isinstance(schema, dict):
        found = "" if schema is None else f", found {describe(schema)}"
        raise ToolListError(f"{place}: `inputSchema` must be an object{found}")
    annotations = _object(item, "annotations", place)
    texts = [_text(item, "description", place), _text(item, "title", place)]
    texts.append(_text(annotations, "title", place))
    return Tool(name, next(filter(None, texts), ""), _hints(annotations, place), schema)


def _hints(annotations: dict[str, Json], place: str) -> Hints:
    return Hints(
        _hint(annotations, "readOnlyHint", place),
        _hint(annotations, "destructiveHint", place),
        _hint(annotations, "idempotentHint", place),
        _hint(annotations, "openWorldHint", place),
    )


def _hint(annotations: dict[str, Json], key: str, place: str) -> bool | None:
    # Some servers write null for what they do not say.
    value = annotations.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise ToolListError(f"{place}: `{key}` must be true or false, found {describe(value)}")


def _text(members: dict[str, Json], key: str, place: str) -> str:
    value = members.get(key)
    if value is None or isinstance(value, str):
        return value or ""
    raise ToolListError(f"{place}: `{key}` must be a string, found {describe(value)}")


def _object(members: dict[str, Json], key: str, place: str) -> dict[str, Json]:
    value = members.get(key)
    if value is None or isinstance(value, dict):
        return value or {}
    raise ToolListError(f"{place}: `{key}` must be an object, found {describe(value)}")
