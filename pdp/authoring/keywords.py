"""Single keywords of a JSON Schema, each checked for its shape; no type is made here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from pdp.authoring.plaintext import one_line, quoted
from pdp.authoring.toollist import Json, ToolListError, describe

NOTE_CHARS_MAX: Final = 60
UNIONS: Final = ("anyOf", "oneOf")
# What says by itself what a value is.
STRUCTURE: Final = ("type", "enum", "const", "properties", "items", "prefixItems", "allOf")
_EXACT_INT_MAX: Final = 2**53 - 1

Schema: TypeAlias = dict[str, Json]


@dataclass(frozen=True, slots=True)
class At:
    """How far into the schema of a tool we are.

    ``levels`` counts objects and arrays; ``hops`` references and unions since the last of those;
    ``refs`` are the references being followed.
    """

    tool: str
    path: tuple[str, ...] = ()
    levels: int = 0
    hops: int = 0
    refs: frozenset[str] = frozenset()

    def field(self, wire: str) -> At:
        return replace(self, path=(*self.path, wire), levels=self.levels + 1, hops=0)

    def item(self) -> At:
        path = (*self.path[:-1], f"{self.path[-1]}_item") if self.path else ("item",)
        return replace(self, path=path, levels=self.levels + 1, hops=0)

    def hop(self, ref: str = "") -> At:
        refs = self.refs | {ref} if ref else self.refs
        return replace(self, hops=self.hops + 1, refs=refs)


def malformed(at: At, problem: str, found: Json) -> ToolListError:
    """The complaint about a schema that is none."""
    where = ".".join(note(part) for part in at.path)
    place = f", argument `{where}`" if where else ""
    return ToolListError(f"tool `{at.tool}`{place}: {problem}, found {describe(found)}")


def note(text: str) -> str:
    """A stranger's word in a note of ours."""
    return one_line(text, NOTE_CHARS_MAX)


def types_of(schema: Schema, at: At) -> list[str]:
    """The words of ``type``; none if it is not there."""
    value = schema.get("type")
    if value is None or isinstance(value, str):
        return [value] if value else []
    return list(dict.fromkeys(strings_of(schema, "type", at)))


def text_of(schema: Schema, key: str, at: At) -> str:
    value = schema.get(key)
    if value is None or isinstance(value, str):
        return value or ""
    raise malformed(at, f"`{key}` must be a string", value)


def object_of(schema: Schema, key: str, at: At) -> Schema:
    value = schema.get(key)
    if value is None or isinstance(value, dict):
        return value or {}
    raise malformed(at, f"`{key}` must be an object", value)


def list_of(schema: Schema, key: str, at: At) -> list[Json]:
    """A mandatory keyword that lists something."""
    value = schema.get(key)
    if isinstance(value, list) and value:
        return value
    raise malformed(at, f"`{key}` must be an array with something in it", value)


def strings_of(schema: Schema, key: str, at: At) -> list[str]:
    value = schema.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise malformed(at, f"`{key}` must be an array of strings", value)
    found: list[str] = []
    for item in value:
        if not isinstance(item, str):
            raise malformed(at, f"`{key}` must hold strings", item)
        found.append(item)
    return found


def count_of(schema: Schema, key: str, at: At) -> int | None:
    value = schema.get(key)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():  # 2.0 is a whole number to JSON Schema
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise malformed(at, f"`{key}` must be a whole number from 0", value)
    return value


def is_open(schema: Schema) -> bool:
    """Whether an object says that it takes members beside its properties. Silence is no."""
    others = schema.get("additionalProperties")
    return "patternProperties" in schema or not (others is None or others is False)


def is_null(schema: Json) -> bool:
    """Whether null is all that fits."""
    if not isinstance(schema, dict):
        return False
    if "const" in schema:
        return schema["const"] is None
    return schema.get("type") in ("null", ["null"]) or schema.get("enum") == [None]


def closed_texts(branches: list[Json]) -> list[str]:
    """The texts of branches that are all closed lists of texts; empty if one is anything else."""
    found = list(_closed_texts(branches))
    return [] if None in found else [text for text in found if text is not None]


def _closed_texts(branches: list[Json]) -> Iterator[str | None]:
    for branch in branches:
        values: Json = None
        if isinstance(branch, dict) and branch.get("type", "string") == "string":
            values = [branch["const"]] if "const" in branch else branch.get("enum")
        for value in values if isinstance(values, list) else [None]:
            yield value if isinstance(value, str) else None


def inferred_type(schema: Schema) -> str:
    """The type that a schema without one must mean, or ''."""
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else ""


def limit_notes(schema: Schema) -> tuple[str, ...]:
    """What limits a text: its format, its pattern."""
    found = {key: schema.get(key) for key in ("format", "pattern")}
    return tuple(
        f"{key} {quoted(value, NOTE_CHARS_MAX)}"
        for key, value in found.items()
        if isinstance(value, str) and value
    )


def range_notes(schema: Schema) -> tuple[str, ...]:
    """The range of a number in words, unless it is only that of exact integers."""
    lo, hi = _limit(schema.get("minimum")), _limit(schema.get("maximum"))
    if lo and hi:
        return (f"{lo} to {hi}",)
    if lo:
        return (f"at least {lo}",)
    return (f"at most {hi}",) if hi else ()


def _limit(value: Json) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return ""
    return note(str(value)) if abs(value) != _EXACT_INT_MAX else ""
