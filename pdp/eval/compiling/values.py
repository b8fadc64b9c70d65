"""Conditions and values of routes and of the index as functions: one expression each."""

from __future__ import annotations

import ast
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, TypeAlias, cast

from pdp.eval.compiling.code import ARGUMENTS, Body, Function, function_of, made
from pdp.eval.compiling.places import Places
from pdp.eval.compiling.shapes import Shape, parameter_names
from pdp.eval.emit.expressions import Emitter
from pdp.eval.emit.nodes import call, thunk
from pdp.eval.emit.paths import BOUND, Paths, Scope
from pdp.eval.facts import BoundRequest, attribute_name
from pdp.eval.runtime import EvalError
from pdp.lang.checked import Attr, Expr, Root

# (bound, actor, now_us, tier): the actor is the uid of the approver, or of nobody.
Read: TypeAlias = "Callable[[BoundRequest, str, int, int], Any]"
Test: TypeAlias = "Callable[[BoundRequest, str, int, int], bool]"


# Where a bound request holds the records that these roots stand for.
_HOLDERS: Final = {"args": "args", "context": "context", "resource": "resource_attributes"}


def compile_test(expr: Expr, scope: Scope, places: Places) -> Test:
    """Whether ``expr`` is true of the actor; an error counts as false, as routes demand."""
    fast = _expression(expr, scope, places, is_exact=False)
    exact: list[Function] = []

    def test(bound: BoundRequest, actor: str, now_us: int, tier: int) -> bool:
        known = bound.lookup(actor)
        try:
            return fast(bound, actor, known, now_us, tier) is True
        except EvalError:
            if not exact:
                exact.append(_expression(expr, scope, places, is_exact=True))
            return exact[0](bound, actor, known, now_us, tier) is True

    return test


def compile_value(expr: Expr, scope: Scope, places: Places) -> Read:
    """Reads the value of ``expr``. What it returns raises EvalError when that is not known."""
    fast = _expression(expr, scope, places, is_exact=False)

    def read(bound: BoundRequest, actor: str, now_us: int, tier: int) -> Any:
        return fast(bound, actor, bound.lookup(actor), now_us, tier)

    return read


def read_path(path: Attr, scope: Scope, places: Places) -> Callable[[BoundRequest], Any]:
    """Reads a path that is the same for everyone in the chain, and whose parts are always there.

    What it returns raises EvalError where an entity on the way is unknown.
    """
    holder = _HOLDERS.get(path.base.name) if isinstance(path.base, Root) else None
    if holder is not None:
        # One step from what the request holds: C code reads it in half the time.
        return attrgetter(f"{holder}.{attribute_name(path.name)}")
    read: Any = _expression(path, scope, places, is_exact=False, arguments=(BOUND,))
    return cast("Callable[[BoundRequest], Any]", read)


def _expression(
    expr: Expr,
    scope: Scope,
    places: Places,
    *,
    is_exact: bool,
    arguments: tuple[str, ...] = ARGUMENTS,
) -> Function:
    shape = Shape(scope, [expr])

    def body() -> Body:
        paths = Paths(scope, shape.places, shape.parameters, is_exact=is_exact)
        emit = Emitter(paths, places.marker(expr.span.file), is_exact=is_exact)
        node = emit.truth(expr)
        if is_exact:
            node = call("settle", thunk(node))
        return Body.of([ast.Return(node)], paths, expr.span)

    names = parameter_names(len(shape.constants))
    compiled = made(
        places, ("value", is_exact, arguments, tuple(shape.key)), body, names, arguments
    )
    return function_of(compiled, shape.constants)


__all__ = ["Read", "Test", "compile_test", "compile_value", "read_path"]
