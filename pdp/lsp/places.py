"""Places where a name is used, with what may stand there: data, found by ``walk``."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

from pdp.lang import nodes
from pdp.lang.conditions.scope import Env
from pdp.lang.declared.names import Names
from pdp.lang.source import Span
from pdp.lang.types import FieldT, Type


class Role(enum.Enum):
    """What a name stands for by its place alone."""

    ACTION = "an action or a set of actions"
    ONE_ACTION = "an action"
    TYPE = "a type"
    ENTITY = "an entity type"
    PRINCIPAL = "a type that can act"
    RESOURCE = "a type that the actions are on"
    GROUP = "a group"
    ROUTE = "a route"
    RULE = "a rule"
    AGENT = "a fixture that is an agent"
    PERSON = "a fixture that is a person"
    THING = "a fixture of a resource"
    HOLIDAYS = "a const of dates"
    BUNDLE = "a bundle"
    RISK = "a level of Risk"
    CAUSE = "a deny cause"
    LOG_LEVEL = "full or summary"
    BUDGET = "a budget"


@dataclass(frozen=True, slots=True)
class NameUse:
    """A name by itself. ``types``: the entity types that make sense here, where that is known."""

    role: Role
    name: nodes.Name
    names: Names
    types: frozenset[str] | None = None

    @property
    def span(self) -> Span:
        return self.name.span


@dataclass(frozen=True, slots=True)
class PathUse:
    """A path in a condition. ``through``: sets in it stand for their members (``redact``)."""

    path: nodes.Path
    env: Env
    expected: Type | None = None
    through: bool = False

    @property
    def span(self) -> Span:
        return self.path.span


@dataclass(frozen=True, slots=True)
class CallUse:
    """The name of a predicate that is called."""

    name: nodes.Name
    env: Env

    @property
    def span(self) -> Span:
        return self.name.span


@dataclass(frozen=True, slots=True)
class ValueUse:
    """A name in a closed value. ``fixtures``: those may be named, too."""

    name: nodes.Name
    expected: Type | None
    names: Names
    fixtures: bool

    @property
    def span(self) -> Span:
        return self.name.span


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key of a record value. ``owners``: (label, fields) of each record it may belong to."""

    name: nodes.Name
    owners: tuple[tuple[str, tuple[FieldT, ...]], ...]
    names: Names
    taken: frozenset[str] = frozenset()

    @property
    def span(self) -> Span:
        return self.name.span


@dataclass(frozen=True, slots=True)
class Binding:
    """The variable of a quantifier, where it is declared."""

    name: nodes.Name
    type: Type | None

    @property
    def span(self) -> Span:
        return self.name.span


Place: TypeAlias = NameUse | PathUse | CallUse | ValueUse | KeyUse | Binding
