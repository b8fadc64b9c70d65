"""Paths (roots, attributes, ``has``) and constants to Python expression nodes. No operators.

The fast form reads an entity's attributes and ancestors from locals set once at the start of the
function, which raise when the entity is unknown; the exact form calls a function that raises with
the place of the error. Nothing else differs.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pdp.eval import runtime
from pdp.eval.emit.nodes import call, compare, constant, method, name
from pdp.eval.facts import attribute_name
from pdp.lang.checked import Attr, Const, Expr, Has, Root, Value, Var, type_of
from pdp.lang.types import (
    BOOL,
    RISK,
    ActionDef,
    CollT,
    EntityT,
    FieldT,
    RecordT,
    Schema,
    Type,
)

# Parameters of every generated function, the prefix of a quantifier's variable, one free local.
BOUND: Final = "bound"
ACTOR: Final = "actor"
KNOWN: Final = "known"
NOW: Final = "now"
TIER: Final = "tier"
VARIABLE: Final = "v_"
PARAMETER: Final = "p"
_SPARE: Final = "spare"

# Roots that refer to an entity; in generated functions the actor is the principal or the approver.
ACTOR_ROOTS: Final = frozenset({"principal", "approver"})
ENTITY_ROOTS: Final = ("principal", "approver", "resource", "agent", "user")
_OPTIONAL_ROOTS: Final = frozenset({"agent", "user", "tool"})
_ACTION_FACTS: Final = RecordT("", (FieldT("reversible", "", BOOL), FieldT("risk", "", RISK)))


@dataclass(frozen=True, slots=True)
class Scope:
    """What is fixed before any request: functions are generated for one action and types at a time.

    ``principal_type`` is None in routes: there the actor is the approver.
    """

    schema: Schema
    action: ActionDef
    resource_type: str | None
    principal_type: str | None

    def judging(self, principal_type: str) -> Scope:
        """The same, where the principal is of that type."""
        return Scope(self.schema, self.action, self.resource_type, principal_type)

    def type_of(self, base: Expr) -> Type | None:
        """The type of ``base``, narrowed to the action and types at hand."""
        match base:
            case Root(name="principal") if self.principal_type is not None:
                return EntityT(frozenset((self.principal_type,)))
            case Root(name="resource") if self.resource_type is not None:
                return EntityT(frozenset((self.resource_type,)))
            case Root(name="args"):
                return RecordT("", self.action.fields)
            case Root(name="context"):
                return RecordT("", self.schema.context)
            case Root(name="action"):
                return _ACTION_FACTS
            case _:
                return type_of(base)

    def declared(self, base: Expr, field: str) -> list[FieldT | None]:
        """What each type that ``base`` may have declares of ``field``: None where it does not."""
        type_ = self.type_of(base)
        if isinstance(type_, EntityT):
            return [self.schema.entities[entity].field(field) for entity in sorted(type_.names)]
        if isinstance(type_, RecordT):
            return [type_.field(field)]
        raise AssertionError(f"`{field}` of a value that has no attributes")

    def action_facts(self) -> dict[str, Value]:
        """The root ``action`` as a record; its risk is a rank."""
        risk = RISK.members.index(self.action.risk)
        return {"reversible": self.action.reversible, "risk": risk}


class Paths:
    """Emits the paths and constants of one generated function.

    ``places`` and ``parameters`` are those of the shape, by the identity of a node: where its span
    is in the table of places, and which of the function's parameters holds its value. ``prefix``
    keeps the names of several parts of one function apart.

    After emitting: ``constants`` are the bound names, ``locals_used`` the locals that the function
    must set first (fast form only), ``reads_clock`` and ``reads_actor`` whether it looks at the
    time, and at who acts or approves.
    ``is_in_iterable`` is set while the iterable of a quantifier is emitted.
    """

    def __init__(
        self,
        scope: Scope,
        places: Mapping[int, int],
        parameters: Mapping[int, int],
        *,
        is_exact: bool,
        prefix: str = "",
    ) -> None:
        self._scope: Final = scope
        self._places: Final = places
        self._parameters: Final = parameters
        self._is_exact: Final = is_exact
        self._prefix: Final = prefix
        self.is_in_iterable = False
        self.reads_clock = False
        self.reads_actor = False
        self.constants: Final[dict[str, object]] = {}
        self.locals_used: Final[set[str]] = set()

    def value(self, expr: Expr) -> ast.expr:
        """The value of a path or constant; what is absent or unknown raises."""
        match expr:
            case Const():
                return self.parameter(expr) or self._constant(expr.value, expr.type)
            case Root():
                return self._root(expr)
            case Var():
                return name(VARIABLE + expr.name)
            case Attr():
                return self._attribute(expr)
            case _:
                raise AssertionError(f"{type(expr).__name__} is not a path")

    def parameter(self, node: Expr) -> ast.expr | None:
        """The parameter that holds the value of ``node``, if one does."""
        index = self._parameters.get(id(node))
        return None if index is None else name(f"{PARAMETER}{index}")

    def place(self, node: Expr) -> ast.expr:
        """The index of the span of ``node`` in the table of places."""
        return constant(self._places[id(node)])

    def bind(self, value: object) -> ast.expr:
        """A name that stands for ``value`` in the generated function."""
        bound_name = f"{self._prefix}constant_{len(self.constants)}"
        self.constants[bound_name] = value
        return name(bound_name)

    def ancestors_local(self, item: Expr) -> ast.expr | None:
        """The local that holds the ancestors of ``item``, if the fast form has one."""
        if self._is_exact or not isinstance(item, Root) or item.name not in ENTITY_ROOTS:
            return None
        return self._local(item.name, "ancestors")

    def _local(self, root: str, what: str) -> ast.expr:
        local = f"{root}_{what}"
        self.locals_used.add(local)
        return name(local)

    # ------------------------------------------------------------ constants and roots

    def _constant(self, value: Value, type_: Type) -> ast.expr:
        plain = _plain_constant(value, type_)
        items = plain if isinstance(plain, tuple) else (plain,)
        if all(isinstance(item, bool | int | str) for item in items):
            return constant(plain)
        return self.bind(plain)

    def _root(self, expr: Root) -> ast.expr:
        match expr.name:
            case "principal" | "approver":
                self.reads_actor = True
                return name(ACTOR)
            case "now":
                self.reads_clock = True
                return name(NOW)
            case "args" | "context":
                if self._is_exact:
                    return bound(expr.name)
                self.locals_used.add(expr.name)
                return name(expr.name)
            case "chain":
                return bound(expr.name)
            case "agent" | "user" | "tool":
                return self._checked(bound(expr.name), constant(None), expr)
            case "resource":
                if self._scope.resource_type is None:
                    return call("absent", self.place(expr))
                return bound(expr.name)
            case "action":
                return self._constant(self._scope.action_facts(), _ACTION_FACTS)
            case "risk":
                return call("risk", name(TIER))
            case _:
                raise AssertionError(f"unknown root `{expr.name}`")

    # ------------------------------------------------------------ attributes

    def _attribute(self, expr: Attr) -> ast.expr:
        record = self._constant_record(expr.base)
        if record is not None:
            if expr.name in record:
                return self._constant(record[expr.name], expr.type)
            return call("absent", self.place(expr))
        if isinstance(expr.base, Root) and expr.base.name == "risk":
            return name(TIER)
        declared = self._scope.declared(expr.base, expr.name)
        holder = self._holder(expr.base, expr, is_proven=False)
        node = _read(expr.name, holder, declared)
        if _is_mandatory(declared):
            return node
        return self._checked(node, name("UNSET"), expr)

    def _constant_record(self, base: Expr) -> dict[str, Value] | None:
        """``base`` if its fields are known before any request."""
        match base:
            case Const(value=dict() as record):
                return record
            case Root(name="action"):
                return self._scope.action_facts()
            case _:
                return None

    def _holder(self, base: Expr, at: Expr, *, is_proven: bool) -> ast.expr:
        """The record that holds the attributes of ``base``; an unknown entity raises.

        ``is_proven``: the base was found present just before, so it is read without that check.
        """
        if not isinstance(self._scope.type_of(base), EntityT):
            return self._bare(base) if is_proven else self.value(base)
        if isinstance(base, Root) and not self._is_exact:
            # The local of an unknown entity raises at any read; so does that of an absent root.
            return self._local(base.name, "attributes")
        uid = self._bare(base) if is_proven else self.value(base)
        return call("attributes", name(BOUND), uid, self.place(at))

    def _bare(self, base: Expr) -> ast.expr:
        """``base`` as a value that is known to be present."""
        match base:
            case Root() if base.name in _OPTIONAL_ROOTS:
                return bound(base.name)
            case Attr() if self._constant_record(base.base) is None:
                holder = self._holder(base.base, base, is_proven=True)
                return _read(base.name, holder, self._scope.declared(base.base, base.name))
            case _:
                return self.value(base)

    def _checked(self, node: ast.expr, missing: ast.expr, at: Expr) -> ast.expr:
        """``node``, unless it is ``missing`` (UNSET or None): then absent is raised."""
        if self.is_in_iterable or self._is_exact:
            # Python allows no assignment in the iterable of a loop inside an expression.
            return call("present", node, self.place(at))
        spare = ast.NamedExpr(ast.Name(_SPARE, ast.Store()), node)
        test = compare(spare, ast.IsNot(), missing)
        return ast.IfExp(test, name(_SPARE), call("absent", self.place(at)))

    # ------------------------------------------------------------ has

    def has(self, expr: Has) -> ast.expr:
        """Each segment in turn, plain ``and``: the first absent one or the first error decides."""
        segments: list[Attr] = []
        root: Expr = expr.target
        while isinstance(root, Attr):
            segments.append(root)
            root = root.base
        tests = [self._has_root(root)]
        tests += [self._has_segment(segment, expr) for segment in reversed(segments)]
        needed: list[ast.expr] = []
        for test in tests:
            if not isinstance(test, ast.Constant):
                needed.append(test)
            elif not test.value:
                # Absent for sure, but what stands before may still err.
                needed.append(test)
                break
        if len(needed) > 1:
            return ast.BoolOp(ast.And(), needed)
        return needed[0] if needed else constant(value=True)

    def _has_root(self, root: Expr) -> ast.expr:
        if isinstance(root, Root) and root.name in _OPTIONAL_ROOTS:
            return compare(bound(root.name), ast.IsNot(), constant(None))
        is_missing = (
            isinstance(root, Root) and root.name == "resource" and not self._scope.resource_type
        )
        return constant(not is_missing)

    def _has_segment(self, segment: Attr, at: Has) -> ast.expr:
        record = self._constant_record(segment.base)
        if record is not None:
            return constant(segment.name in record)
        declared = self._scope.declared(segment.base, segment.name)
        if not isinstance(self._scope.type_of(segment.base), EntityT):
            if not any(declared):
                return constant(value=False)
            if _is_mandatory(declared):
                return constant(value=True)
        # An attribute that every entity has is read all the same: an unknown entity is an error.
        holder = self._holder(segment.base, at, is_proven=True)
        return compare(_read(segment.name, holder, declared), ast.IsNot(), name("UNSET"))


def bound(field: str) -> ast.expr:
    """A field of the bound request."""
    return ast.Attribute(name(BOUND), field, ast.Load())


def known(root: str) -> ast.expr:
    """What is known of the entity that ``root`` refers to: Facts or None."""
    match root:
        case "principal" | "approver":
            return name(KNOWN)
        case "resource":
            return bound("resource_facts")
        case _:
            return method(name(BOUND), "lookup", bound(root))


def _read(field: str, holder: ast.expr, declared: list[FieldT | None]) -> ast.expr:
    """The bare read: UNSET where absent."""
    attribute = attribute_name(field)
    if None in declared:
        return call("getattr", holder, constant(attribute), name("UNSET"))
    return ast.Attribute(holder, attribute, ast.Load())


def _is_mandatory(declared: list[FieldT | None]) -> bool:
    return all(field is not None and not field.may_be_absent for field in declared)


def _plain_constant(value: Value, type_: Type | None) -> object:
    """A constant as bound facts look: records with attributes, collections as tuples."""
    if isinstance(value, tuple):
        item = type_.item if isinstance(type_, CollT) else None
        return tuple(_plain_constant(member, item) for member in value)
    if isinstance(value, dict):
        fields = type_.fields if isinstance(type_, RecordT) else ()
        types = {field.name: field.type for field in fields}
        plain = {key: _plain_constant(member, types.get(key)) for key, member in value.items()}
        return runtime.record_of(plain, [*types, *value])
    return value


__all__ = [
    "ACTOR",
    "ACTOR_ROOTS",
    "BOUND",
    "ENTITY_ROOTS",
    "KNOWN",
    "NOW",
    "PARAMETER",
    "TIER",
    "VARIABLE",
    "Paths",
    "Scope",
    "bound",
    "known",
]
