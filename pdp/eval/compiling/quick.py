"""All rules of a leaf for all members of a short chain as one function: the usual request's way.

It finds out which rules held, and looks up what is kept for that. What does not depend on the
principal is judged once for the whole chain. It raises EvalError when a fact is unknown, and knows
nothing where nothing is kept yet: then the slower way answers.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, cast

from pdp.eval.compiling.code import Body, function_of, made, prologue, store
from pdp.eval.compiling.conditions import conditions_for
from pdp.eval.compiling.places import Places, locate
from pdp.eval.compiling.shapes import Shape, parameter_names
from pdp.eval.emit import paths
from pdp.eval.emit.expressions import Emitter
from pdp.eval.emit.nodes import call, constant, method, name
from pdp.eval.emit.paths import ACTOR, BOUND, KNOWN, NOW, Paths, Scope
from pdp.eval.facts import BoundRequest
from pdp.lang.checked import And, Expr, Rule
from pdp.lang.types import Node

# (bound, clock): what is kept for the rules that held, or None.
Quick: TypeAlias = "Callable[[BoundRequest, Callable[[], int]], Any]"

CHAIN_MAX: Final = 3
RULES_MAX: Final = 64
# Set in the key of what is kept when some member had no allow rule of its own.
NOT_EVERYONE: Final = 16
FLAG_BITS: Final = 5

_HELD: Final = "held"
_BITS: Final = "bits"
_FLAGS: Final = "flags"
_KEPT: Final = "kept"
_MASK: Final = "mask"
_ALLOW: Final = "allow"
_CLOCK: Final = "clock"


class Member(NamedTuple):
    """A member of the chain: its scope, and the bit and the condition of each rule for its type."""

    scope: Scope
    conditions: tuple[tuple[int, And], ...]


class _Section(NamedTuple):
    """Conditions of one scope with the numbers of their parameters in the whole function."""

    emit: Emitter
    shape: Shape


def is_short(rules: Sequence[Rule], chain_types: Sequence[str]) -> bool:
    """Whether there is a quick way: with more rules or members it would be too long."""
    return 0 < len(chain_types) <= CHAIN_MAX and 0 < len(rules) <= RULES_MAX


def quick_of(
    members: Sequence[Member],
    rules: Sequence[Rule],
    places: Places,
    kept: Mapping[int, object],
    mask: int,
) -> Quick:
    """The function for a chain of ``members``, where ``is_short``.

    ``kept`` is read at every call, by the bits of the rules that held and the flags of ``mask``;
    where only one is in the chain, without ``NOT_EVERYONE``, which follows from those bits.
    """
    return _Quick(members, rules, places).function(kept, mask)


class _Quick:
    """One function in the making."""

    def __init__(self, members: Sequence[Member], rules: Sequence[Rule], places: Places) -> None:
        self._places: Final = places
        self._span: Final = rules[0].span
        self._allow: Final = sum(1 << bit for bit, r in enumerate(rules) if r.effect == "allow")
        self._members: Final = members
        counts = Counter(bit for member in members for bit, _ in member.conditions)
        # Rules of which a part is judged once, for several members.
        self._shared: Final[dict[int, And]] = {}
        self._own: Final[list[list[tuple[int, And]]]] = []
        for member in members:
            own: list[tuple[int, And]] = []
            for bit, condition in member.conditions:
                once, each = _split(condition) if counts[bit] > 1 else ((), ())
                if once:
                    self._shared[bit] = And(once, condition.span)
                    own.append((bit, And(each, condition.span)))
                else:
                    own.append((bit, condition))
            self._own.append(own)
        shared_scope = members[0].scope
        self._shapes: Final = [
            Shape(shared_scope, self._shared.values()),
            *(
                Shape(member.scope, [condition for _, condition in own])
                for member, own in zip(members, self._own, strict=True)
            ),
        ]

    def function(self, kept: Mapping[int, object], mask: int) -> Quick:
        shapes = self._shapes
        count = sum(len(shape.constants) for shape in shapes)
        names = [_KEPT, _MASK, *parameter_names(count)]
        bits = tuple(tuple(bit for bit, _ in own) for own in self._own)
        key = (
            "quick",
            self._allow,
            bits,
            tuple(self._shared),
            *(tuple(shape.key) for shape in shapes),
        )
        code = made(self._places, key, self._body, names, [BOUND, _CLOCK])
        constants = [value for shape in shapes for value in shape.constants]
        return cast("Quick", function_of(code, [kept, mask, *constants]))

    def _body(self) -> Body:
        sections = self._sections()
        once: list[ast.stmt] = []
        for bit, condition in self._shared.items():
            test = sections[0].emit.truth(condition)
            self._locate(test, condition)
            once.append(ast.Assign([store(f"once{bit}")], test))
        each: list[ast.stmt] = []
        for position, section in enumerate(sections[1:]):
            each += self._member(position, section)
        used = {local for section in sections for local in section.emit.paths.locals_used}
        start = prologue(used - _OF_PRINCIPALS)
        masked = ast.BinOp(paths.bound("flags"), ast.BitAnd(), name(_MASK))
        start.append(ast.Assign([store(_FLAGS)], masked))
        reads_clock = any(section.emit.paths.reads_clock for section in sections)
        if reads_clock:
            start.append(ast.Assign([store(NOW)], call(_CLOCK)))
        shifted = ast.BinOp(name(_HELD), ast.LShift(), constant(FLAG_BITS))
        key = ast.BinOp(shifted, ast.BitOr(), name(_FLAGS))
        end = ast.Return(method(name(_KEPT), "get", key))
        constants: dict[str, object] = {}
        for section in sections:
            constants |= section.emit.paths.constants
        return Body([*start, *once, *each, end], constants, reads_clock, self._span)

    def _locate(self, node: ast.expr | ast.stmt, condition: And) -> None:
        """A code object has one file: what is of another stays where the function begins."""
        if condition.span.file == self._span.file:
            locate(node, condition.span, self._places.text(self._span.file))

    def _sections(self) -> list[_Section]:
        sections: list[_Section] = []
        offset = 0
        scopes = [self._members[0].scope, *(member.scope for member in self._members)]
        for number, (scope, shape) in enumerate(zip(scopes, self._shapes, strict=True)):
            numbered = {node: index + offset for node, index in shape.parameters.items()}
            needs = Paths(scope, shape.places, numbered, prefix=f"s{number}_", is_exact=False)
            marker = self._places.marker(self._span.file)
            sections.append(_Section(Emitter(needs, marker, is_exact=False), shape))
            offset += len(shape.constants)
        return sections

    def _member(self, position: int, section: _Section) -> list[ast.stmt]:
        """Judges one member: ``held`` gains its bits, ``flags`` says if it was not allowed."""
        # The first member's bits are the first that held.
        target = _HELD if position == 0 else _BITS
        judging: list[ast.stmt] = [ast.Assign([store(target)], constant(0))]
        for bit, condition in self._own[position]:
            test = section.emit.truth(condition)
            if bit in self._shared:
                test = _both(name(f"once{bit}"), test)
            if isinstance(test, ast.Constant) and not test.value:
                continue
            adding = ast.AugAssign(store(target), ast.BitOr(), constant(1 << bit))
            statement = ast.If(test, [adding], [])
            self._locate(statement, condition)
            judging.append(statement)
        if len(self._members) > 1:
            allowed = ast.BinOp(name(target), ast.BitAnd(), constant(self._allow))
            flagged = ast.AugAssign(store(_FLAGS), ast.BitOr(), constant(NOT_EVERYONE))
            judging.append(ast.If(ast.UnaryOp(ast.Not(), allowed), [flagged], []))
        if position:
            judging.append(ast.AugAssign(store(_HELD), ast.BitOr(), name(_BITS)))
        used = section.emit.paths.locals_used & _OF_PRINCIPALS
        start: list[ast.stmt] = []
        for local, field, is_used in (
            (ACTOR, "chain", section.emit.paths.reads_actor),
            (KNOWN, "chain_facts", _ANCESTORS in used),
            (_ATTRIBUTES, "chain_attributes", _ATTRIBUTES in used),
        ):
            if is_used:
                of_member = ast.Subscript(paths.bound(field), constant(position), ast.Load())
                start.append(ast.Assign([store(local)], of_member))
        return [*start, *prologue(used - {_ATTRIBUTES}), *judging]


_ATTRIBUTES: Final = "principal_attributes"
_ANCESTORS: Final = "principal_ancestors"
_OF_PRINCIPALS: Final = frozenset({_ATTRIBUTES, _ANCESTORS})


def _both(left: ast.expr, right: ast.expr) -> ast.expr:
    if isinstance(right, ast.Constant):
        return left if right.value else right
    return ast.BoolOp(ast.And(), [left, right])


def _split(condition: And) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
    """The conjuncts that are the same for every principal, and the others."""
    flat: list[Expr] = []
    for operand in condition.operands:
        flat += operand.operands if isinstance(operand, And) else (operand,)
    once: list[Expr] = []
    each: list[Expr] = []
    for operand in flat:
        (each if _reads_principal(operand) else once).append(operand)
    return tuple(once), tuple(each)


def _reads_principal(node: object) -> bool:
    # As plain loops: this is asked for every condition of what is compiled.
    if isinstance(node, tuple):
        for item in node:
            if _reads_principal(item):
                return True
    elif isinstance(node, Node):
        if getattr(node, "name", None) == "principal":
            return True
        for field in node.__struct_fields__:
            if _reads_principal(getattr(node, field)):
                return True
    return False


def members_of(rules: Sequence[Rule], scope: Scope, chain_types: Sequence[str]) -> list[Member]:
    """The members of a chain of those types, with the conditions of the rules that fit each."""
    scopes = [scope.judging(principal_type) for principal_type in chain_types]
    return [Member(own, tuple(conditions_for(rules, own))) for own in scopes]


__all__ = [
    "CHAIN_MAX", "FLAG_BITS", "NOT_EVERYONE", "Member", "Quick", "is_short", "members_of",
    "quick_of",
]  # fmt: skip
