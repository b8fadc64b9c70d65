"""What every name in a bundle's files stands for, by place: data, made by ``indexing``.

A symbol is declared once and used anywhere. A use that can mean several declarations (an attribute
of a union of types) occurs once for each.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pdp.lang import nodes
from pdp.lang.conditions.scope import Scope
from pdp.lang.declared.bundles import Bundles
from pdp.lang.declared.names import Names
from pdp.lang.source import Span


class Kind(enum.Enum):
    """The kinds of declared things, as an author calls them."""

    BUNDLE = "bundle"
    TYPE = "type"
    MEMBER = "member"
    FIELD = "field"
    ACTION = "action"
    ACTION_SET = "action set"
    GROUP = "group"
    CONST = "const"
    DATA = "data"
    PREDICATE = "predicate"
    PARAMETER = "parameter"
    VARIABLE = "variable"
    WINDOW = "window"
    ROUTE = "route"
    BUDGET = "budget"
    TIER = "tier"
    POLICY = "policy"
    RULE = "rule"
    FIXTURE = "fixture"


@dataclass(frozen=True, slots=True)
class Symbol:
    """``home`` is what the name belongs to.

    A type or action for a field, an enum for a member, a policy for a rule, the place for a
    parameter or variable, the bundle for what is named within one; else ''.
    """

    kind: Kind
    name: str
    home: str = ""


Node: TypeAlias = (
    nodes.Declaration | nodes.Member | nodes.Field | nodes.Param | nodes.RuleDecl | nodes.Tier
    | nodes.Name
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One place of a symbol: the words that a rename replaces."""

    span: Span
    symbol: Symbol
    is_declaration: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration: the node that declares, and the name in it."""

    node: Node
    name: nodes.Name
    bundle: str


@dataclass(frozen=True, slots=True)
class Program:
    """The declarations of all files, as far as they make sense, mistakes or not."""

    bundles: Bundles
    names: Mapping[str, Names]
    routes: Mapping[str, Scope]

    def at(self, file: str) -> Names | None:
        """The names that a file can use."""
        bundle = self.bundles.by_file.get(file)
        return None if bundle is None else self.names.get(bundle.name)


@dataclass(frozen=True, slots=True)
class Index:
    """Every symbol's declaration and occurrences, and those of each file in order."""

    declared: Mapping[Symbol, Declared]
    occurrences: Mapping[Symbol, Sequence[Occurrence]]
    by_file: Mapping[str, Sequence[Occurrence]]
    _starts: dict[str, list[tuple[int, int]]] = field(default_factory=dict, repr=False)

    def at(self, file: str, line: int, column: int) -> list[Occurrence]:
        """What stands at a 1-based place; right behind a word counts as on it."""
        found = self.by_file.get(file, ())
        if file not in self._starts:
            self._starts[file] = [(o.span.line, o.span.column) for o in found]
        index = bisect_right(self._starts[file], (line, column))
        here: list[Occurrence] = []
        while index > 0:
            index -= 1
            occurrence = found[index]
            if (occurrence.span.end_line, occurrence.span.end_column) >= (line, column):
                here.append(occurrence)
            elif here or occurrence.span.line < line - 1:
                break
        inside = [o for o in here if (o.span.end_line, o.span.end_column) > (line, column)]
        return inside or here
