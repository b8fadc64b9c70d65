"""What all requests share that name the same action and types: looked up once, not by each request.

Holds nothing of any request.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from pdp.eval.binding.typeplans import TypePlan
from pdp.eval.facts import Judge
from pdp.eval.reading.decoder import ObjectDecoder
from pdp.lang.types import ActionDef
from pdp.request import Request

# Frames kept. A chain may be of many types, so callers could ask for more of them than that.
FRAMES_MAX: Final = 4_096

# The action as named, and the types of the principal, the resource and those acted for.
Key: TypeAlias = "tuple[str | None, ...]"


class Frame(NamedTuple):
    """``agent_at`` is the place of the first agent in the chain, -1 without one.

    ``directory_at`` are the places of those whom the directory must know. ``decoders`` are those of
    the attributes of everyone in the chain and of the resource; None where only the directory
    describes the type.
    """

    action: ActionDef
    args: ObjectDecoder
    chain_types: tuple[str, ...]
    first: TypePlan
    agent_at: int
    ends_in_person: bool
    directory_at: tuple[int, ...]
    decoders: tuple[ObjectDecoder | None, ...]
    judge: Judge


def key_of(request: Request) -> Key:
    """Under which the frame of ``request`` is kept."""
    resource = request.resource
    on = None if resource is None else resource.type
    others = request.on_behalf_of
    if len(others) == 1:
        return (request.action, request.principal.type, on, others[0].type)
    return (request.action, request.principal.type, on, *[member.type for member in others])


def names_groups(request: Request) -> bool:
    """Whether there are names in the request besides those of its frame: of groups, of others."""
    if request.entities or request.principal.groups:
        return True
    if request.resource is not None and request.resource.groups:
        return True
    return any(member.groups for member in request.on_behalf_of)


__all__ = ["FRAMES_MAX", "Frame", "Key", "key_of", "names_groups"]
