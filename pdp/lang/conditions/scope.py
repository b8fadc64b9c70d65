"""Where an expression stands, and what is known there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from pdp.lang.checked import Attr, Expr, Root, Var
from pdp.lang.declared.names import Names, Predicate
from pdp.lang.declared.report import Report
from pdp.lang.types import (
    ActionDef,
    FieldT,
    Type,
)

# A path by its words, from root or variable: what ``has`` proves and guards are looked up by.
Key: TypeAlias = "tuple[str, ...]"
NOTHING: Final[frozenset[Key]] = frozenset()


@dataclass(frozen=True, slots=True)
class Typed:
    """A checked expression, its type (BOOL for conditions) and what it proves present.

    ``claimed``: it depends on a value that nobody enforces. ``true``/``false``: paths that are
    present when it is true/false. ``nodes``: of an argument, how much each use of it adds.
    """

    expr: Expr
    type: Type
    claimed: bool = False
    true: frozenset[Key] = NOTHING
    false: frozenset[Key] = NOTHING
    nodes: int = 1


@dataclass(frozen=True, slots=True)
class Owners:
    """Who declares the attributes of a value: a label for all, and (label, fields) of each.

    ``agreed`` are the attributes looked up so far that all of them declare alike.
    """

    label: str
    fields: Sequence[tuple[str, Sequence[FieldT]]]
    tolerant: bool
    agreed: dict[str, FieldT] = field(default_factory=dict, init=False, compare=False)
    _by_name: dict[str, list[tuple[str, FieldT]]] = field(
        default_factory=dict, init=False, compare=False
    )

    def named(self, name: str) -> Sequence[tuple[str, FieldT]]:
        """The label and field of each that declares the attribute."""
        return self._index().get(name, ())

    def names(self) -> list[str]:
        """Every attribute that some declare, sorted."""
        return sorted(self._index())

    def _index(self) -> dict[str, list[tuple[str, FieldT]]]:
        if not self._by_name:
            for label, fields in self.fields:
                for declared in fields:
                    self._by_name.setdefault(declared.name, []).append((label, declared))
        return self._by_name


@dataclass(frozen=True, slots=True)
class Scope:
    """What the roots can be where an expression stands.

    ``principals`` is None where ``principal`` has no meaning (routes). ``resourceless`` are the
    actions in scope that take no resource. What only some declare counts as optional: parameters
    with ``tolerant_args`` (``any action``), attributes with ``tolerant_types`` (``show``);
    ``optional_resource``: so is the resource. ``has_tier``: ``risk.tier`` may be read (not by
    points, which it is made of).
    """

    principals: frozenset[str] | None
    has_agent: bool
    actions: tuple[ActionDef, ...]
    resources: frozenset[str]
    resourceless: tuple[str, ...] = ()
    tolerant_args: bool = False
    tolerant_types: bool = False
    optional_resource: bool = False
    has_tier: bool = True
    approvers: frozenset[str] = frozenset()
    owners: dict[Type | str, Owners | None] = field(default_factory=dict, init=False, compare=False)


@dataclass(slots=True)
class WrittenOut:
    """How large the conditions of one rule have become by writing predicates out where they stand.

    ``nodes`` in bodies and arguments, ``depth`` of the expression being read, ``active`` calls
    around it. ``refused``: too large, and reported.
    """

    nodes: int = 0
    depth: int = 0
    active: int = 0
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Env:
    """Where an expression stands. ``claimed_where``: why claimed values may not be read, if so.

    ``turned``: under something that exchanges true and false, or might.

    A new one for each rule, route or points: ``written_out`` limits what predicates add to them.
    """

    names: Names
    scope: Scope
    report: Report
    proved: frozenset[Key] = NOTHING
    variables: Mapping[str, Typed] | None = None
    claimed_where: str = ""
    turned: bool = False
    in_quantifier: bool = False
    calls: tuple[Predicate, ...] = ()
    written_out: WrittenOut = field(default_factory=WrittenOut, compare=False)

    def knowing(self, proved: frozenset[Key]) -> Env:
        """The same place, with more known to be present."""
        return replace(self, proved=self.proved | proved)

    def without_claims(self, where: str) -> Env:
        """The same place, where a claimed value would loosen the answer."""
        return replace(self, claimed_where=self.claimed_where or where, turned=True)


def key_of(expr: Expr) -> Key | None:
    """The words of a plain path; None for anything else."""
    match expr:
        case Root() | Var():
            return (expr.name,)
        case Attr():
            base = key_of(expr.base)
            return None if base is None else (*base, expr.name)
        case _:
            return None
