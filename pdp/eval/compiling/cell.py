"""The conditions of one scope as functions: which hold, and which cannot be evaluated, and where.

A fast function answers for all its conditions at once. When a fact it needs is unknown it raises,
and the exact function, compiled on first use, gives each condition's answer by three-valued logic.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterable, Sequence
from typing import Final, TypeAlias

from pdp.eval.compiling.code import Body, Function, function_of, made, store
from pdp.eval.compiling.places import Places, locate
from pdp.eval.compiling.shapes import Shape, parameter_names
from pdp.eval.emit.expressions import Emitter
from pdp.eval.emit.nodes import call, constant, name, thunk
from pdp.eval.emit.paths import Paths, Scope
from pdp.eval.facts import BoundRequest, Facts
from pdp.eval.runtime import EvalError, Truth
from pdp.lang.checked import And
from pdp.lang.source import Span

# The index of its bit, and a tree whose span says where it stands.
Condition: TypeAlias = "tuple[int, And]"
# (index of the condition, kind of the error, where).
Erred: TypeAlias = "tuple[int, str, Span]"

_HELD: Final = "held"
_BIT: Final = "bit"
_ROWS: Final = "rows"

# Conditions written out in one function; each of their constants is a parameter.
INLINE_MAX: Final = 64
# From so many conditions of one shape on, one loop over their constants serves them all.
LOOP_MIN: Final = 24
LOOP_MAX: Final = 256
# Bits from here on are set at the end: one wide constant for each condition would cost memory by
# the square of their number.
NEAR_BITS: Final = 1_024


class Cell:
    """Conditions in one scope (action, principal type, resource type); each has a bit of its own.

    A rule's is what it asks for (``condition_of``). ``run`` answers the bits of the conditions that
    hold. It raises EvalError when a fact it needs is unknown, which may be for nothing: then
    ``exactly`` decides. ``reads_clock``: whether the time is looked at.
    """

    __slots__ = ("_functions", "reads_clock", "run")

    def __init__(self, conditions: Iterable[Condition], scope: Scope, places: Places) -> None:
        self._functions: Final = tuple(
            _CellFunction(group, scope, places, is_loop=is_loop)
            for group, is_loop in _grouped(conditions, scope)
        )
        self.reads_clock: Final = any(function.reads_clock for function in self._functions)
        self.run: Final[Function] = _joined(self._functions)

    def held(self, bound: BoundRequest, actor: str, now_us: int, tier: int) -> int:
        """As ``run``, with what is known of the actor looked up."""
        bits: int = self.run(bound, actor, bound.lookup(actor), now_us, tier)
        return bits

    def exactly(
        self, bound: BoundRequest, actor: str, now_us: int, tier: int
    ) -> tuple[int, list[Erred]]:
        """The bits of what holds, and what is in error with the first error of each."""
        held = 0
        erred: list[Erred] = []
        known = bound.lookup(actor)
        for function in self._functions:
            try:
                held |= function.spread(function.run(bound, actor, known, now_us, tier))
            except EvalError:
                bits, found = function.exactly(bound, actor, known, now_us, tier)
                held |= bits
                erred += found
        return held, erred


def _grouped(
    conditions: Iterable[Condition], scope: Scope
) -> Iterable[tuple[list[Condition], bool]]:
    """The conditions of each function, and whether it is a loop over conditions of one shape.

    Those of one function are of one file: that is all that a code object can name.
    """
    by_file: dict[str, list[Condition]] = {}
    for condition in conditions:
        by_file.setdefault(condition[1].span.file, []).append(condition)
    for in_file in by_file.values():
        inline = in_file
        if len(in_file) >= LOOP_MIN:
            by_shape: dict[Hashable, list[Condition]] = {}
            for condition in in_file:
                key = tuple(Shape(scope, [condition[1]]).key)
                by_shape.setdefault(key, []).append(condition)
            for alike in by_shape.values():
                if len(alike) >= LOOP_MIN:
                    for start in range(0, len(alike), LOOP_MAX):
                        yield alike[start : start + LOOP_MAX], True
            inline = [c for alike in by_shape.values() if len(alike) < LOOP_MIN for c in alike]
        for start in range(0, len(inline), INLINE_MAX):
            yield inline[start : start + INLINE_MAX], False


class _CellFunction:
    """Some conditions of one cell and file, in both forms; the exact one is made on first use.

    ``run`` answers the bits of what holds; where ``is_far``, ``spread`` moves them to their places.
    """

    __slots__ = (
        "_conditions",
        "_exact",
        "_is_loop",
        "_places",
        "_scope",
        "indexes",
        "is_far",
        "reads_clock",
        "run",
    )

    def __init__(
        self, conditions: Sequence[Condition], scope: Scope, places: Places, *, is_loop: bool
    ) -> None:
        self._conditions: Final = tuple(conditions)
        self._scope: Final = scope
        self._places: Final = places
        self._is_loop: Final = is_loop
        # Each function, the conditions it answers for, and their places.
        self._exact: list[tuple[Function, Sequence[Condition], tuple[Span, ...]]] = []
        self.indexes: Final = [index for index, _ in conditions]
        self.is_far: Final = max(self.indexes, default=0) >= NEAR_BITS
        bits = range(len(conditions)) if self.is_far else self.indexes
        fast = _looped if is_loop else _written_out
        self.run, self.reads_clock = fast(self._conditions, bits, scope, places)

    def spread(self, held: int) -> int:
        """The bits of ``run`` at the places that the conditions have in the cell."""
        return _gathered([(self, held)]) if self.is_far else held

    def exactly(
        self, bound: BoundRequest, actor: str, known: Facts | None, now_us: int, tier: int
    ) -> tuple[int, list[Erred]]:
        """As Cell.exactly, for these conditions."""
        if not self._exact:
            # Two threads may both do this; either result will do.
            self._exact = self._compile_exact()
        held = 0
        erred: list[Erred] = []
        for function, conditions, spans in self._exact:
            truths: tuple[Truth, ...] = function(bound, actor, known, now_us, tier)
            for (index, _), truth in zip(conditions, truths, strict=True):
                if isinstance(truth, EvalError):
                    erred.append((index, truth.kind, spans[truth.place]))
                elif truth:
                    held |= 1 << index
        return held, erred

    def _compile_exact(self) -> list[tuple[Function, Sequence[Condition], tuple[Span, ...]]]:
        """One function, or for a loop one for each condition, all of the same code."""
        groups = (
            [[condition] for condition in self._conditions] if self._is_loop else [self._conditions]
        )
        compiled: list[tuple[Function, Sequence[Condition], tuple[Span, ...]]] = []
        for group in groups:
            shape = Shape(self._scope, [condition for _, condition in group])
            function = _exact(group, shape, self._scope, self._places)
            compiled.append((function, group, shape.spans))
        return compiled


def _written_out(
    conditions: Sequence[Condition], bits: Iterable[int], scope: Scope, places: Places
) -> tuple[Function, bool]:
    """One statement for each condition."""
    shape = Shape(scope, [condition for _, condition in conditions])
    bit_names = [f"{_BIT}{position}" for position in range(len(conditions))]

    def body() -> Body:
        emit = _emitter(conditions, shape, scope, places, is_exact=False)
        statements: list[ast.stmt] = [ast.Assign([store(_HELD)], constant(0))]
        for bit, (_, condition) in zip(bit_names, conditions, strict=True):
            statements += _adding(emit, condition, bit, places)
        statements.append(ast.Return(name(_HELD)))
        return Body.of(statements, emit.paths, conditions[0][1].span)

    names = [*bit_names, *parameter_names(len(shape.constants))]
    compiled = made(places, ("fast", tuple(shape.key)), body, names)
    values = [1 << bit for bit in bits]
    return function_of(compiled, [*values, *shape.constants]), compiled.reads_clock


def _looped(
    conditions: Sequence[Condition], bits: Iterable[int], scope: Scope, places: Places
) -> tuple[Function, bool]:
    """One loop over the constants of conditions that have one shape."""
    shapes = [Shape(scope, [condition]) for _, condition in conditions]
    first, condition = shapes[0], conditions[0][1]

    def body() -> Body:
        emit = _emitter(conditions, first, scope, places, is_exact=False)
        row = [_BIT, *parameter_names(len(first.constants))]
        columns = ast.Tuple([store(column) for column in row], ast.Store())
        adding = _adding(emit, condition, _BIT, places) or [ast.Pass()]
        loop = ast.For(columns, name(_ROWS), adding, [])
        start = ast.Assign([store(_HELD)], constant(0))
        return Body.of([start, loop, ast.Return(name(_HELD))], emit.paths, condition.span)

    compiled = made(places, ("loop", tuple(first.key)), body, [_ROWS])
    rows = tuple((1 << bit, *shape.constants) for bit, shape in zip(bits, shapes, strict=True))
    return function_of(compiled, [rows]), compiled.reads_clock


def _exact(conditions: Sequence[Condition], shape: Shape, scope: Scope, places: Places) -> Function:
    def body() -> Body:
        emit = _emitter(conditions, shape, scope, places, is_exact=True)
        truths: list[ast.expr] = []
        for _, condition in conditions:
            truth = call("settle", thunk(emit.truth(condition)))
            locate(truth, condition.span, places.text(condition.span.file))
            truths.append(truth)
        result: list[ast.stmt] = [ast.Return(ast.Tuple(truths, ast.Load()))]
        return Body.of(result, emit.paths, conditions[0][1].span)

    names = parameter_names(len(shape.constants))
    compiled = made(places, ("exact", tuple(shape.key)), body, names)
    return function_of(compiled, shape.constants)


def _adding(emit: Emitter, condition: And, bit: str, places: Places) -> list[ast.stmt]:
    """Adds ``bit`` where ``condition`` holds; nothing where it never does."""
    test = emit.truth(condition)
    if isinstance(test, ast.Constant) and not test.value:
        return []
    statement = ast.If(test, [ast.AugAssign(store(_HELD), ast.BitOr(), name(bit))], [])
    locate(statement, condition.span, places.text(condition.span.file))
    return [statement]


def _emitter(
    conditions: Sequence[Condition], shape: Shape, scope: Scope, places: Places, *, is_exact: bool
) -> Emitter:
    paths = Paths(scope, shape.places, shape.parameters, is_exact=is_exact)
    marker = places.marker(conditions[0][1].span.file)
    return Emitter(paths, marker, is_exact=is_exact)


def _joined(functions: Sequence[_CellFunction]) -> Function:
    """One function that answers the bits of all of them."""
    if len(functions) == 1 and not functions[0].is_far:
        return functions[0].run
    near = [function.run for function in functions if not function.is_far]
    far = [function for function in functions if function.is_far]

    def run(bound: BoundRequest, actor: str, known: Facts | None, now_us: int, tier: int) -> int:
        bits = 0
        for function in near:
            bits |= function(bound, actor, known, now_us, tier)
        return bits

    def run_far(
        bound: BoundRequest, actor: str, known: Facts | None, now_us: int, tier: int
    ) -> int:
        found = [(function, function.run(bound, actor, known, now_us, tier)) for function in far]
        return run(bound, actor, known, now_us, tier) | _gathered(found)

    return run_far if far else run


def _gathered(found: Iterable[tuple[_CellFunction, int]]) -> int:
    """The bits of several functions, each at its place: time by what held, and once by the width.

    Setting one bit after the other of a wide number would copy it each time.
    """
    gathered = bytearray()
    for function, bits in found:
        indexes, held = function.indexes, bits
        if held:
            gathered.extend(bytes(max(0, (max(indexes) >> 3) + 1 - len(gathered))))
        while held:
            lowest = held & -held
            index = indexes[lowest.bit_length() - 1]
            gathered[index >> 3] |= 1 << (index & 7)
            held ^= lowest
    return int.from_bytes(gathered, "little")


__all__ = ["Cell", "Condition", "Erred"]
