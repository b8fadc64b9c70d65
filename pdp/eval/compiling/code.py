"""Python statements to functions, one code object for each shape. Decides nothing.

Every function takes (bound, actor, known, now_us, tier): ``actor`` is the uid of the chain member
judged, or of the approver; ``known`` is what is known of it, or None; ``tier`` is a rank of level
Risk. What follows are the constants of its rules, as defaults: read like locals, never looked up.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple, TypeAlias, cast

from msgspec import UNSET

from pdp.eval import runtime
from pdp.eval.compiling.places import Places, inherit, locate
from pdp.eval.emit import paths
from pdp.eval.emit.nodes import call, compare, constant, name, parameters
from pdp.eval.emit.paths import ACTOR, BOUND, KNOWN, NOW, TIER, Paths
from pdp.eval.facts import BoundRequest, Facts
from pdp.lang.source import Span

Function: TypeAlias = "Callable[[BoundRequest, str, Facts | None, int, int], Any]"

_FUNCTION: Final = "rules"
ARGUMENTS: Final = (BOUND, ACTOR, KNOWN, NOW, TIER)

# All that generated code can name, besides its constants.
NAMES: Final[dict[str, object]] = {
    "__builtins__": {}, "all": all, "any": any, "getattr": getattr, "len": len, "UNSET": UNSET,
    "UNKNOWN": runtime.UNKNOWN, "absent": runtime.absent, "ancestors": runtime.ancestors,
    "attributes": runtime.attributes, "begins": runtime.begins, "below": runtime.below,
    "decided": runtime.decided, "in_network": runtime.in_network,
    "in_networks": runtime.in_networks, "in_ranges": runtime.in_ranges,
    "in_scaled": runtime.in_scaled, "k_and": runtime.k_and, "k_every": runtime.k_every,
    "k_not": runtime.k_not, "k_or": runtime.k_or, "k_some": runtime.k_some, "like": runtime.like,
    "matches": runtime.matches, "present": runtime.present, "risk": runtime.risk,
    "settle": runtime.settle,
}  # fmt: skip


class Code(NamedTuple):
    """What all functions of one shape share. ``reads_clock``: whether ``now_us`` is looked at."""

    code: CodeType
    names: dict[str, Any]
    reads_clock: bool


class Body(NamedTuple):
    """The statements of a function, and the values of the names that they need.

    ``reads_clock``: whether they look at the time. ``span`` places the function.
    """

    statements: list[ast.stmt]
    constants: Mapping[str, object]
    reads_clock: bool
    span: Span

    @classmethod
    def of(cls, statements: list[ast.stmt], needs: Paths, span: Span) -> Body:
        """With the locals that ``needs`` says set first."""
        start = prologue(needs.locals_used)
        return cls([*start, *statements], needs.constants, needs.reads_clock, span)


def made(
    places: Places,
    key: Hashable,
    body: Callable[[], Body],
    constants: Sequence[str] = (),
    arguments: Sequence[str] = ARGUMENTS,
) -> Code:
    """The code for ``key``, from ``body`` if nothing of that shape was made yet.

    ``constants`` are the names of the parameters that hold constants, ``arguments`` the others.
    """
    known: Code | None = places.made.get(key)
    if known is None:
        # Two threads may both do this; either result will do.
        known = places.inherited.get(key)
        if known is None or not places.holds(known.code.co_filename):
            known = _code(places, body(), [*arguments, *constants])
        places.made[key] = known
    return known


def function_of(code: Code, constants: Iterable[object] = ()) -> Function:
    """A function with that code and constants of its own."""
    defaults = tuple(constants)
    made_ = FunctionType(code.code, code.names, _FUNCTION, defaults or None)
    return cast("Function", made_)


def _code(places: Places, body: Body, arguments: Sequence[str]) -> Code:
    text = places.text(body.span.file)
    function = ast.FunctionDef(_FUNCTION, parameters(*arguments), body.statements, [])
    locate(function, body.span, text)
    inherit(function)
    module = ast.Module([function], [])
    names = {**NAMES, **body.constants, "__name__": text.filename, "__loader__": text}
    # The tree was built node by node from a checked program: no text is ever read as code here.
    exec(compile(module, text.filename, "exec"), names)  # noqa: S102
    compiled = cast("FunctionType", names.pop(_FUNCTION))
    return Code(compiled.__code__, names, body.reads_clock)


def prologue(locals_used: Iterable[str]) -> list[ast.stmt]:
    """Sets the locals that a fast form uses. Nothing here raises: unknown facts raise when read."""
    used = frozenset(locals_used)
    statements: list[ast.stmt] = [
        ast.Assign([store(root)], paths.bound(root)) for root in ("args", "context") if root in used
    ]
    for root in paths.ENTITY_ROOTS:
        facts, attributes, ancestors = (f"{root}_{w}" for w in ("facts", "attributes", "ancestors"))
        if root == "resource" and attributes in used:
            known_attributes = paths.bound("resource_attributes")
            statements.append(ast.Assign([store(attributes)], known_attributes))
            used -= {attributes}
        if attributes not in used and ancestors not in used:
            continue
        statements.append(ast.Assign([store(facts)], paths.known(root)))
        if attributes in used:
            is_known = compare(name(facts), ast.IsNot(), constant(None))
            known = ast.Attribute(name(facts), "attributes", ast.Load())
            value = ast.IfExp(is_known, known, name("UNKNOWN"))
            statements.append(ast.Assign([store(attributes)], value))
        if ancestors in used:
            statements.append(ast.Assign([store(ancestors)], call("ancestors", name(facts))))
    return statements


def store(identifier: str) -> ast.Name:
    return ast.Name(identifier, ast.Store())


__all__ = [
    "ARGUMENTS",
    "NAMES",
    "Body",
    "Code",
    "Function",
    "function_of",
    "made",
    "prologue",
    "store",
]
