"""Random tool lists for Hypothesis: well-formed JSON Schemas with names and texts of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hypothesis import strategies as st

from pdp.authoring.toollist import Json
from pdp.lang.declared.report import RESERVED

# Names that are keywords, that collide once their signs are gone, or that cannot be written.
_WORDS: Final = (
    *sorted(RESERVED), *"a-b a_b a.b A_B aB a__b 1 2nd é e\u0301 メモ type rule risk Risk".split(),
    "", " ", "x y", '"', "\\", "#", "a\u202eb", "\n", "*", "\\*", "r", 'r"', "string", "password",
)  # fmt: skip
# Half of all names come from few words, so that they collide.
_TEXTS: Final = st.one_of(
    st.sampled_from(_WORDS), st.text(max_size=8), st.text("abAB_-. ", max_size=4)
)
_TOOL_NAMES: Final = st.one_of(
    st.sampled_from(["a__b", "a.b", "a.b_2", "A__B", "mcp__a__b", "any__x", "b", "__", "メモ"]),
    st.text(min_size=1, max_size=8),
    st.text("ab_.-/", min_size=1, max_size=5),
)
_DEFINITIONS: Final = ("A", "B", "a/b", "C")
_REFS: Final = st.sampled_from(
    ["#", "#/$defs/A", "#/$defs/B", "#/$defs/a~1b", "#/$defs/C", "#/$defs/none", "#/properties/r",
     "https://example.org/schema"]
)  # fmt: skip
_SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    _TEXTS,
)
_LEAVES: Final = st.one_of(
    st.booleans(),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                ["string", "integer", "number", "boolean", "null", "any", "array"]
            )
        },
        optional={
            "description": st.text(max_size=200),
            "format": st.sampled_from(["date-time", "email", "\u202e", ""]),
            "pattern": _TEXTS,
            "minimum": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
            "maximum": st.integers(),
            "default": _SCALARS,
        },
    ),
    st.fixed_dictionaries({"enum": st.lists(_SCALARS, min_size=1, max_size=5)}),
    st.fixed_dictionaries({"type": st.just("string"), "enum": st.lists(_TEXTS, min_size=1)}),
    st.fixed_dictionaries({"enum": st.lists(_TEXTS, min_size=195, max_size=205, unique=True)}),
    st.fixed_dictionaries({"const": _SCALARS}),
    st.fixed_dictionaries({"$ref": _REFS}, optional={"description": _TEXTS, "type": st.just("x")}),
)


def _object(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": st.dictionaries(_TEXTS, inner, max_size=5),
            "required": st.lists(_TEXTS, max_size=3),
            "additionalProperties": st.booleans() | inner,
        },
    )


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    bounds = st.none() | st.integers(0, 20_000)
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        _object(inner),
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner},
            optional={"minItems": bounds, "maxItems": bounds, "uniqueItems": st.booleans()},
        ),
        st.fixed_dictionaries({"type": st.just("array"), "prefixItems": several}),
        st.fixed_dictionaries({"anyOf": several}, optional={"type": st.just("string")}),
        st.fixed_dictionaries({"oneOf": several}),
        st.fixed_dictionaries({"allOf": several}),
        st.tuples(inner, st.just({"type": "null"})).map(lambda pair: {"anyOf": list(pair)}),
    )


schemas: Final = st.recursive(_LEAVES, _nested, max_leaves=12)
_ROOTS: Final = st.tuples(
    _object(schemas), st.dictionaries(st.sampled_from(_DEFINITIONS), schemas)
).map(lambda parts: {**parts[0], "$defs": parts[1]})
_HINTS: Final = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"),
        st.none() | st.booleans(),
    ),
)
_ABOUT: Final[dict[str, st.SearchStrategy[Any]]] = {
    "description": st.text(max_size=300),
    "annotations": st.one_of(st.none(), _HINTS),
}
_TOOLS: Final[st.SearchStrategy[dict[str, Any]]] = st.fixed_dictionaries(
    {"name": _TOOL_NAMES, "inputSchema": _ROOTS},
    optional=_ABOUT,
)
tools: Final[st.SearchStrategy[list[Mapping[str, Json]]]] = st.lists(
    _TOOLS, min_size=1, max_size=4, unique_by=lambda tool: str(tool["name"])
)

# Anything JSON, for what is no tool list at all; the keys are those that are looked for.
_KEYS: Final = st.sampled_from(
    "tools result name inputSchema type properties items enum anyOf $ref required description"
    " annotations readOnlyHint maxItems const $defs".split()
)
documents: Final = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=6),
    max_leaves=30,
)
almost_tools: Final = st.lists(
    st.fixed_dictionaries({"name": _TOOL_NAMES, "inputSchema": st.dictionaries(_KEYS, documents)}),
    min_size=1,
    max_size=3,
)
