"""Checked rules to Python functions whose code points into the policy file. Decides nothing.

A fast function answers for all rules of a cell at once. When a fact it needs is unknown it raises,
and the exact function, compiled on first use, gives each rule's answer by three-valued logic.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from msgspec import UNSET

from pdp.eval import runtime
from pdp.eval.emit import paths
from pdp.eval.emit.expressions import Emitter
from pdp.eval.emit.nodes import call, compare, constant, method, name, parameters, thunk
from pdp.eval.emit.paths import ACTOR, BOUND, NOW, TIER, Paths, Scope
from pdp.eval.facts import BoundRequest
from pdp.eval.runtime import EvalError, Truth
from pdp.lang.checked import And, Const, Expr, InEntity, Not, Or, Root, Rule
from pdp.lang.source import Source, Span
from pdp.lang.types import EntityT

# (bound, actor, now_us, tier): the actor is the uid of the chain member judged, or of the approver;
# the tier is a rank of level Risk.
FastRules: TypeAlias = "Callable[[BoundRequest, str, int, int], int]"
ExactRules: TypeAlias = "Callable[[BoundRequest, str, int, int], tuple[Truth, ...]]"
Read: TypeAlias = "Callable[[BoundRequest, str, int, int], Any]"
Test: TypeAlias = "Callable[[BoundRequest, str, int, int], bool]"
# The index of its bit, and a tree whose span says where it stands.
Condition: TypeAlias = "tuple[int, And]"
# (index of the condition, kind of the error, where).
Erred: TypeAlias = "tuple[int, str, Span]"

# The nodes that have a place, of those that are emitted.
_PLACED: Final = (ast.expr, ast.stmt, ast.arg)
_FUNCTION: Final = "rules"
_HELD: Final = "held"

# Rules compiled into one function, and the bits that its constants may have.
RULES_PER_FUNCTION_MAX: Final = 256
BITS_INLINE_MAX: Final = 1_024

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

# What str.splitlines takes for a line break and a policy file does not.
_OTHER_BREAKS: Final = re.compile("\r(?!\n)|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


# ---------------------------------------------------------------- places


class PolicyText:
    """One policy file as tracebacks need it: a module loader that ``linecache`` asks for text.

    The file name that code carries holds a digest of the text, so two versions never mix.
    """

    __slots__ = ("_lines", "_text", "filename")

    def __init__(self, source: Source) -> None:
        digest = hashlib.sha256(source.text.encode(errors="surrogatepass")).hexdigest()[:16]
        self.filename: Final = f"charter:{digest}/{source.name}"
        self._text: Final = source.text
        self._lines: Final = source.text.split("\n")

    def get_source(self, module: str) -> str:
        """The text, with the line numbers that spans use (PEP 302; ``module`` is not looked at)."""
        del module
        return _OTHER_BREAKS.sub(" ", self._text)

    def offset(self, line: int, column: int) -> int:
        """The UTF-8 bytes before a 1-based column: what ``col_offset`` counts."""
        if not 0 < line <= len(self._lines):
            return column - 1
        before = self._lines[line - 1][: column - 1]
        return len(before.encode(errors="surrogatepass"))


class Places:
    """Every policy file of a program, by its name. Files that were not given have no text."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._texts: Final = {file: PolicyText(source) for file, source in sources.items()}

    def text(self, file: str) -> PolicyText:
        return self._texts.get(file) or PolicyText(Source(file, ""))

    def marker(self, file: str) -> Callable[[ast.expr, Span], None]:
        """Gives nodes their place in ``file``.

        What was inlined from another file keeps the place of what it was inlined into, because a
        code object has one file.
        """
        text = self.text(file)

        def mark(node: ast.expr, span: Span) -> None:
            if span.file == file and not hasattr(node, "lineno"):
                _locate(node, span, text)

        return mark


def _locate(node: ast.expr | ast.stmt, span: Span, text: PolicyText) -> None:
    node.lineno = span.line
    node.col_offset = text.offset(span.line, span.column)
    node.end_lineno = span.end_line
    node.end_col_offset = text.offset(span.end_line, span.end_column)


# ---------------------------------------------------------------- conditions


class Cell:
    """Conditions in one scope (action, principal type, resource type); each has a bit of its own.

    A rule's is what it asks for (``condition_of``). ``held`` answers the bits of the conditions
    that hold. It raises EvalError when a fact it needs is unknown, which may be for nothing: then
    ``exactly`` decides.
    """

    __slots__ = ("_functions", "held")

    def __init__(self, conditions: Iterable[Condition], scope: Scope, places: Places) -> None:
        by_file: dict[str, list[Condition]] = {}
        for condition in conditions:
            by_file.setdefault(condition[1].span.file, []).append(condition)
        self._functions: Final = tuple(
            _CellFunction(group[start : start + RULES_PER_FUNCTION_MAX], scope, places)
            for group in by_file.values()
            for start in range(0, len(group), RULES_PER_FUNCTION_MAX)
        )
        self.held: Final[FastRules] = _joined([function.held for function in self._functions])

    def exactly(
        self, bound: BoundRequest, actor: str, now_us: int, tier: int
    ) -> tuple[int, list[Erred]]:
        """The bits of what holds, and what is in error with the first error of each."""
        held = 0
        erred: list[Erred] = []
        for function in self._functions:
            try:
                held |= function.held(bound, actor, now_us, tier)
            except EvalError:
                bits, found = function.exactly(bound, actor, now_us, tier)
                held |= bits
                erred += found
        return held, erred


class _CellFunction:
    """Some conditions of one cell and file, in both forms; the exact one is made on first use."""

    __slots__ = ("_conditions", "_exact", "_places", "_scope", "held")

    def __init__(self, conditions: list[Condition], scope: Scope, places: Places) -> None:
        self._conditions: Final = tuple(conditions)
        self._scope: Final = scope
        self._places: Final = places
        self._exact: tuple[ExactRules, tuple[Span, ...]] | None = None
        indexes = [index for index, _ in conditions]
        # Wide constants, one for each rule, would cost memory by the square of their number.
        is_wide = max(indexes) >= BITS_INLINE_MAX
        self.held: Final[FastRules] = (
            _spread(self._fast(range(len(conditions))), indexes) if is_wide else self._fast(indexes)
        )

    def exactly(
        self, bound: BoundRequest, actor: str, now_us: int, tier: int
    ) -> tuple[int, list[Erred]]:
        """As Cell.exactly, for these conditions."""
        if self._exact is None:
            # Two threads may both do this; either result will do.
            self._exact = self._compile_exact()
        function, spans = self._exact
        held = 0
        erred: list[Erred] = []
        truths = function(bound, actor, now_us, tier)
        for (index, _), truth in zip(self._conditions, truths, strict=True):
            if isinstance(truth, EvalError):
                erred.append((index, truth.kind, spans[truth.place]))
            elif truth:
                held |= 1 << index
        return held, erred

    def _fast(self, indexes: Sequence[int]) -> FastRules:
        first = self._conditions[0][1].span
        text = self._places.text(first.file)
        emit = Emitter(self._scope, self._places.marker(first.file), is_exact=False)
        body: list[ast.stmt] = [ast.Assign([_store(_HELD)], constant(0))]
        for index, (_, condition) in zip(indexes, self._conditions, strict=True):
            test = emit.truth(condition)
            if isinstance(test, ast.Constant) and not test.value:
                continue
            add = ast.AugAssign(_store(_HELD), ast.BitOr(), constant(1 << index))
            statement = ast.If(test, [add], [])
            _locate(statement, condition.span, text)
            body.append(statement)
        body.append(ast.Return(name(_HELD)))
        body = [*_prologue(emit.paths.locals_used), *body]
        return cast("FastRules", _function(body, first, emit.paths, text))

    def _compile_exact(self) -> tuple[ExactRules, tuple[Span, ...]]:
        first = self._conditions[0][1].span
        text = self._places.text(first.file)
        emit = Emitter(self._scope, self._places.marker(first.file), is_exact=True)
        truths: list[ast.expr] = []
        for _, condition in self._conditions:
            truth = call("settle", thunk(emit.truth(condition)))
            _locate(truth, condition.span, text)
            truths.append(truth)
        body: list[ast.stmt] = [ast.Return(ast.Tuple(truths, ast.Load()))]
        function = cast("ExactRules", _function(body, first, emit.paths, text))
        return function, tuple(emit.paths.spans)


def _joined(functions: list[FastRules]) -> FastRules:
    """One function that answers the bits of all of them."""
    if len(functions) == 1:
        return functions[0]

    def held(bound: BoundRequest, actor: str, now_us: int, tier: int) -> int:
        bits = 0
        for function in functions:
            bits |= function(bound, actor, now_us, tier)
        return bits

    return held


def _spread(function: FastRules, indexes: Sequence[int]) -> FastRules:
    """``function`` with its bit ``n`` moved to ``indexes[n]``."""

    def held(bound: BoundRequest, actor: str, now_us: int, tier: int) -> int:
        near = function(bound, actor, now_us, tier)
        far = 0
        while near:
            lowest = near & -near
            far |= 1 << indexes[lowest.bit_length() - 1]
            near ^= lowest
        return far

    return held


def condition_of(rule: Rule, scope: Scope) -> And:
    """What ``rule`` asks for where the principal's and the resource's types are those of ``scope``.

    Clauses for other types are false there, so they are left out; one without a group is true.
    """
    parts: list[Expr] = []
    who = [clause for clause in rule.who if scope.principal_type in clause.types]
    parts += _clauses("principal", [(clause.group, clause.span) for clause in who], scope)
    if rule.resources is not None:
        on = [clause for clause in rule.resources if clause.type == scope.resource_type]
        parts += _clauses("resource", [(clause.group, clause.span) for clause in on], scope)
    if rule.when is not None:
        parts.append(rule.when)
    if rule.unless is not None:
        parts.append(Not(rule.unless, rule.unless.span))
    return And(tuple(parts), rule.span)


def _clauses(root: str, clauses: list[tuple[str | None, Span]], scope: Scope) -> list[Expr]:
    if not clauses:
        raise AssertionError(f"no clause fits the {root}, so the rule is no candidate")
    actor_type = scope.principal_type if root == "principal" else scope.resource_type
    item_type = EntityT(frozenset((actor_type or "",)))
    tests: list[Expr] = []
    for group, span in clauses:
        if group is None:
            return []
        group_type = EntityT(frozenset((group.partition("::")[0],)))
        tests.append(InEntity(Root(root, item_type, span), Const(group, group_type, span), span))
    return [Or(tuple(tests), clauses[0][1])]


# ---------------------------------------------------------------- conditions and values of routes


def compile_test(expr: Expr, scope: Scope, places: Places) -> Test:
    """Whether ``expr`` is true of the actor; an error counts as false, as routes demand."""
    fast = _expression(expr, scope, places, is_exact=False)
    exact: list[Read] = []

    def test(bound: BoundRequest, actor: str, now_us: int, tier: int) -> bool:
        try:
            return fast(bound, actor, now_us, tier) is True
        except EvalError:
            if not exact:
                exact.append(_expression(expr, scope, places, is_exact=True))
            return exact[0](bound, actor, now_us, tier) is True

    return test


def compile_value(expr: Expr, scope: Scope, places: Places) -> Read:
    """Reads the value of ``expr``. What it returns raises EvalError when that is not known."""
    return _expression(expr, scope, places, is_exact=False)


def _expression(expr: Expr, scope: Scope, places: Places, *, is_exact: bool) -> Read:
    text = places.text(expr.span.file)
    emit = Emitter(scope, places.marker(expr.span.file), is_exact=is_exact)
    node = emit.truth(expr)
    if is_exact:
        node = call("settle", thunk(node))
    body = [*_prologue(emit.paths.locals_used), ast.Return(node)]
    return _function(body, expr.span, emit.paths, text)


# ---------------------------------------------------------------- functions


def _prologue(locals_used: Iterable[str]) -> list[ast.stmt]:
    """Sets the locals that a fast form uses. Nothing here raises: unknown facts raise when read."""
    used = frozenset(locals_used)
    statements: list[ast.stmt] = [
        ast.Assign([_store(root)], paths.bound(root))
        for root in ("args", "context")
        if root in used
    ]
    for root in paths.ENTITY_ROOTS:
        facts, attributes, ancestors = (f"{root}_{w}" for w in ("facts", "attributes", "ancestors"))
        if attributes not in used and ancestors not in used:
            continue
        uid = name(ACTOR) if root in paths.ACTOR_ROOTS else paths.bound(root)
        lookup = method(name(BOUND), "lookup", uid)
        statements.append(ast.Assign([_store(facts)], lookup))
        if attributes in used:
            is_known = compare(name(facts), ast.IsNot(), constant(None))
            known = ast.Attribute(name(facts), "attributes", ast.Load())
            value = ast.IfExp(is_known, known, name("UNKNOWN"))
            statements.append(ast.Assign([_store(attributes)], value))
        if ancestors in used:
            statements.append(ast.Assign([_store(ancestors)], call("ancestors", name(facts))))
    return statements


def _inherit(node: ast.AST, place: tuple[int, int, int, int]) -> None:
    """Gives every node that has no place the place of the nearest one above.

    As ``ast.fix_missing_locations``, which takes longer than compiling does.
    """
    own: dict[str, Any] = node.__dict__
    if "lineno" in own:
        place = (own["lineno"], own["col_offset"], own["end_lineno"], own["end_col_offset"])
    elif isinstance(node, _PLACED):
        own["lineno"], own["col_offset"], own["end_lineno"], own["end_col_offset"] = place
    for value in own.values():
        if isinstance(value, list):
            for item in value:
                _inherit(item, place)
        elif isinstance(value, ast.AST) and value._fields:
            _inherit(value, place)


def _store(identifier: str) -> ast.Name:
    return ast.Name(identifier, ast.Store())


def _function(body: list[ast.stmt], span: Span, needs: Paths, text: PolicyText) -> Read:
    """The function with that body. ``span`` places what has no place of its own."""
    function = ast.FunctionDef(_FUNCTION, parameters(BOUND, ACTOR, NOW, TIER), body, [])
    _locate(function, span, text)
    _inherit(function, (0, 0, 0, 0))
    module = ast.Module([function], [])
    names = {**NAMES, **needs.constants, "__name__": text.filename, "__loader__": text}
    # The tree was built node by node from a checked program: no text is ever read as code here.
    exec(compile(module, text.filename, "exec"), names)  # noqa: S102
    return cast("Read", names[_FUNCTION])


__all__ = [
    "Cell", "Condition", "Erred", "FastRules", "Places", "PolicyText", "Read", "Test",
    "compile_test", "compile_value", "condition_of",
]  # fmt: skip
