"""What binding needs to know of each entity type, and what a request is asked under."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pdp.eval.facts import (
    NO_RATE,
    NO_REDACT,
    PRESENTS_GRANTS,
    UNATTRIBUTED,
    attribute_name,
)
from pdp.lang.types import EntityDef, EntityT, Schema
from pdp.model import RequestError
from pdp.request import Request

_OWNER: Final = "owner"
_REDACT: Final = "redact"
_RATE: Final = "rate"


@dataclass(frozen=True, slots=True)
class TypePlan:
    """What binding needs to know of an entity type. ``owner`` is where an agent's owner stands."""

    name: str
    is_person: bool
    is_agent: bool
    is_directory: bool
    parents: frozenset[str]
    owner: str | None
    is_owner_in_directory: bool


def type_plan(entity: EntityDef, schema: Schema) -> TypePlan:
    """The plan of one type of ``schema``."""
    owner = entity.field(_OWNER) if entity.is_agent else None
    owner_type = None
    if owner is not None and isinstance(owner.type, EntityT) and len(owner.type.names) == 1:
        (name,) = owner.type.names
        if schema.entities[name].is_person:
            owner_type = schema.entities[name]
    return TypePlan(
        name=entity.name,
        is_person=entity.is_person,
        is_agent=entity.is_agent,
        is_directory=entity.is_directory,
        parents=frozenset(entity.parents),
        owner=None if owner_type is None else attribute_name(_OWNER),
        is_owner_in_directory=owner_type is not None and owner_type.is_directory,
    )


def check_groups(groups: tuple[str, ...], plan: TypePlan, path: str) -> None:
    """Raise RequestError for a group that is no uid, or that the type cannot be in."""
    for index, group in enumerate(groups):
        type_name, _, id_ = group.partition("::")
        if not id_:
            raise RequestError("expected `Type::id`", f"{path}[{index}]")
        if type_name not in plan.parents:
            raise RequestError(f"a `{plan.name}` cannot be in a `{type_name}`", f"{path}[{index}]")


def flags_of(request: Request, *, unattributed: bool) -> int:
    """The flags of a bound request."""
    flags = UNATTRIBUTED if unattributed else 0
    if request.grants:
        flags |= PRESENTS_GRANTS
    supported = request.supported_obligations
    if not supported:
        return flags | NO_REDACT | NO_RATE
    if _REDACT not in supported:
        flags |= NO_REDACT
    if _RATE not in supported:
        flags |= NO_RATE
    return flags


__all__ = ["TypePlan", "check_groups", "flags_of", "type_plan"]
