"""What the code of a condition depends on, apart from its constants. Emits nothing.

Conditions of one shape share one code object; their constants and places come from tables of their
own. So the shape must hold everything that emission looks at: a differing answer for equal shapes
is what the comparison with the reference interpreter would find.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final, assert_never

from pdp.eval.emit.paths import PARAMETER, Scope
from pdp.lang.checked import (
    And,
    Attr,
    Begins,
    Compare,
    Const,
    Count,
    Expr,
    Has,
    InCollection,
    InEntity,
    InNetwork,
    InWindow,
    Like,
    Matches,
    Not,
    Or,
    Quantified,
    Root,
    Scale,
    Sum,
    Under,
    Value,
    Var,
    type_of,
)
from pdp.lang.source import Span
from pdp.lang.types import CIDR, EntityT


class Shape:
    """The shape of some conditions in one scope, read one after the other.

    ``key`` is equal for equal shapes. ``constants`` are the values that the code takes as
    parameters, in order. ``places`` and ``parameters`` give, by the identity of a node, the index
    of its span in ``spans`` and of its value in ``constants``; a node that occurs twice counts
    once, and the key says so.
    """

    __slots__ = ("_nodes", "_scope", "constants", "key", "parameters", "places")

    def __init__(self, scope: Scope, conditions: Iterable[Expr] = ()) -> None:
        self._scope: Final = scope
        self._nodes: Final[list[Expr]] = []
        self.key: list[Hashable] = []
        self.constants: Final[list[object]] = []
        self.places: Final[dict[int, int]] = {}
        self.parameters: Final[dict[int, int]] = {}
        for condition in conditions:
            self._read(condition)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The spans of all nodes, in the order read."""
        return tuple(node.span for node in self._nodes)

    def _read(self, expr: Expr) -> None:
        known = self.places.get(id(expr))
        if known is not None:
            self._read_again(expr, known)
            return
        self.places[id(expr)] = len(self._nodes)
        self._nodes.append(expr)
        kind = type(expr)
        match expr:
            case And() | Or():
                self.key += (kind, len(expr.operands))
                self._read_all(expr.operands)
            case Not():
                self.key.append(kind)
                self._read(expr.operand)
            case Quantified():
                self.key += (kind, expr.quantifier, expr.variable)
                self._read_all((expr.collection, expr.body))
            case Compare():
                self.key += (kind, expr.op)
                self._operand(expr.left, plain(expr.left))
                self._operand(expr.right, plain(expr.right))
            case InCollection():
                self.key.append(kind)
                self._operand(expr.item, plain(expr.item))
                self._operand(expr.collection, members(expr.collection))
            case InEntity():
                self.key.append(kind)
                self._read(expr.item)
                self._operand(expr.ancestor, plain(expr.ancestor))
            case _:
                self._read_part(expr)

    def _read_again(self, expr: Expr, place: int) -> None:
        self.key += (None, place)
        if (
            isinstance(expr, Const)
            and isinstance(expr.value, tuple)
            and id(expr) in self.parameters
        ):
            # As a parameter it is members without order, fit for `in` alone: now it is written out.
            del self.parameters[id(expr)]
            self.key += (repr(expr.value), repr(expr.type))

    def _read_part(self, expr: Expr) -> None:
        """What has no constants of its own: its values, if any, are part of the shape."""
        kind = type(expr)
        match expr:
            case Const():
                self.key += (kind, repr(expr.value), repr(expr.type))
            case Root():
                self.key += (kind, expr.name, self._scope.resource_type is None)
                if expr.name == "action":
                    self.key.append(repr(self._scope.action_facts()))
            case Var():
                self.key += (kind, expr.name)
            case Attr():
                self.key += (kind, expr.name, *self._declared(expr))
                self._read(expr.base)
            case Has():
                self.key.append(kind)
                self._read(expr.target)
            case InNetwork():
                self.key += (kind, type_of(expr.networks) == CIDR)
                self._read_all((expr.item, expr.networks))
            case InWindow():
                self.key += (kind, expr.window)
                self._read(expr.item)
            case Like():
                self.key += (kind, expr.parts)
                self._read(expr.subject)
            case Matches():
                self.key += (kind, expr.pattern)
                self._read(expr.subject)
            case Under():
                self.key += (kind, expr.prefix)
                self._read(expr.subject)
            case Begins():
                self.key += (kind, repr(expr.prefix))
                self._read(expr.subject)
            case Count():
                self.key.append(kind)
                self._read(expr.collection)
            case Sum():
                self.key += (kind, tuple(sign for sign, _ in expr.terms), repr(expr.type))
                self._read_all(operand for _, operand in expr.terms)
            case Scale():
                self._read(self._factors(expr))
            case And() | Or() | Not() | Quantified() | Compare() | InCollection() | InEntity():
                raise AssertionError(f"{kind.__name__} was read before")
            case _:
                assert_never(expr)

    def _factors(self, expr: Scale) -> Expr:
        """What a chain of products multiplies; the chain can be longer than Python nests."""
        operand: Expr = expr
        while isinstance(operand, Scale):
            self.key += (Scale, repr(operand.factor.value), repr(operand.type))
            operand = operand.operand
        return operand

    def _read_all(self, exprs: Iterable[Expr]) -> None:
        for expr in exprs:
            self._read(expr)

    def _operand(self, expr: Expr, constant: object) -> None:
        """An operand: a parameter of the code if it is a constant that can be one."""
        if constant is None or id(expr) in self.places:
            self._read(expr)
            return
        self.places[id(expr)] = len(self._nodes)
        self._nodes.append(expr)
        self.parameters[id(expr)] = len(self.constants)
        self.constants.append(constant)
        self.key.append("?")

    def _declared(self, path: Attr) -> tuple[bool, bool, bool, bool]:
        """All that the code of a path takes from the schema at hand."""
        base = path.base
        if isinstance(base, Const) or (isinstance(base, Root) and base.name in {"action", "risk"}):
            return (False, False, False, False)
        declared = self._scope.declared(base, path.name)
        return (
            isinstance(self._scope.type_of(base), EntityT),
            None in declared,
            any(field is not None for field in declared),
            all(field is not None and not field.may_be_absent for field in declared),
        )


def parameter_names(count: int) -> list[str]:
    """The parameters that hold so many constants, in order."""
    return [f"{PARAMETER}{position}" for position in range(count)]


def plain(expr: Expr) -> object:
    """The value of a constant that is one bool, number or string; None for all else."""
    if isinstance(expr, Const) and isinstance(expr.value, bool | int | str):
        return expr.value
    return None


def members(expr: Expr) -> frozenset[Value] | None:
    """The members of a constant collection of plain values, which have one type; else None."""
    if not isinstance(expr, Const) or not isinstance(expr.value, tuple):
        return None
    for value in expr.value:
        parts = value if isinstance(value, tuple) else (value,)
        if not all(isinstance(part, bool | int | str) for part in parts):
            return None
    return frozenset(expr.value)


__all__ = ["Shape", "members", "parameter_names", "plain"]
