"""What a request tells of its entities: read once, and known only as far as it goes. No names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from pdp.eval.binding.frames import Frame
from pdp.eval.binding.typeplans import TypePlan, check_groups
from pdp.eval.facts import Directory, Facts, ancestors_of
from pdp.eval.reading.decoder import Decoders
from pdp.lang.types import Schema
from pdp.model import Entity, RequestError
from pdp.request import Request


class _Described(msgspec.Struct, frozen=True):
    """An entity with attributes, typed; ``path`` is where it was first seen."""

    entity: Entity
    attributes: msgspec.Struct
    path: str


class Describing:
    """Reads the facts in requests against one schema and one directory."""

    __slots__ = ("_decoders", "_directory", "_schema", "_types")

    def __init__(
        self,
        schema: Schema,
        directory: Directory,
        decoders: Decoders,
        types: Mapping[str, TypePlan],
    ) -> None:
        self._schema: Final = schema
        self._directory: Final = directory
        self._decoders: Final = decoders
        self._types: Final = types

    def facts_quickly(
        self, request: Request, frame: Frame, uids: tuple[str, ...], on: str | None
    ) -> dict[str, Facts] | None:
        """As ``facts`` where everyone described is described once, else None.

        The request names no groups and no entities besides those of its frame.
        """
        known = self._directory.facts
        if self._directory.dangling:
            return None
        facts: dict[str, Facts] = {}
        everyone = [request.principal, *request.on_behalf_of]
        if request.resource is not None and on is not None:
            everyone.append(request.resource)
            uids = (*uids, on)
        for entity, uid, decoder in zip(everyone, uids, frame.decoders, strict=True):
            text = entity.attributes
            if text is None:
                continue
            if decoder is None or uid in facts or uid in known:
                return None
            # Those who act do so often; what they act on is another thing each time.
            attributes = (
                decoder.read_quickly(text)
                if uid == on
                else self._decoders.read_again(decoder, text)
            )
            if attributes is None:
                return None
            facts[uid] = Facts(uid, entity.type, attributes, (), frozenset((uid,)))
        return facts

    def facts(self, request: Request) -> dict[str, Facts]:
        """Everything this request describes that the directory does not, by uid.

        Raises RequestError naming the place at fault.
        """
        described = self._described(request)
        if not described:
            return {}
        known = self._directory.facts
        parents = {uid: item.entity.groups for uid, item in described.items() if uid not in known}
        facts = {}
        for uid, groups in parents.items():
            item = described[uid]
            ancestors, is_open = (
                ancestors_of(uid, known, parents, self._schema)
                if groups
                else (frozenset((uid,)), False)
            )
            facts[uid] = Facts(
                uid=uid,
                type=item.entity.type,
                attributes=item.attributes,
                groups=groups,
                ancestors=ancestors,
                is_open=is_open,
            )
        if self._directory.dangling:
            self._complete(parents, facts)
        return facts

    def _complete(self, parents: dict[str, tuple[str, ...]], facts: dict[str, Facts]) -> None:
        """Add directory entries whose ancestors are known further now that ``parents`` are."""
        known = self._directory.facts
        for described in parents:
            for uid in self._directory.dangling.get(described, ()):
                if uid not in facts:
                    entry = known[uid]
                    ancestors, is_open = ancestors_of(uid, known, parents, self._schema)
                    facts[uid] = Facts(
                        uid=uid,
                        type=entry.type,
                        attributes=entry.attributes,
                        groups=entry.groups,
                        ancestors=ancestors,
                        is_open=is_open,
                    )

    def _described(self, request: Request) -> dict[str, _Described]:
        described: dict[str, _Described] = {}
        for index, entity in enumerate(everyone_of(request)):
            if entity.attributes is None and not entity.groups:
                continue
            path = place_of(request, index)
            if entity.attributes is None:
                raise RequestError("needs attributes beside groups (`{}` will do)", path)
            plan = self._types[entity.type]
            if plan.is_directory:
                raise RequestError(
                    f"`{entity.type}` is described by the directory only; send type and id", path
                )
            check_groups(entity.groups, plan, f"{path}.groups")
            attributes = self._decoders.attributes(
                entity.type, entity.attributes, f"{path}.attributes"
            )
            first = described.get(entity.uid)
            if first is None:
                described[entity.uid] = _Described(entity, attributes, path)
            elif first.attributes != attributes or set(first.entity.groups) != set(entity.groups):
                raise RequestError(f"differs from the same entity at `{first.path}`", path)
        return described


def everyone_of(request: Request) -> tuple[Entity, ...]:
    """Every entity of a request; ``place_of`` says where the one at an index stands."""
    if request.resource is None:
        return (*request.chain, *request.entities)
    return (*request.chain, request.resource, *request.entities)


def place_of(request: Request, index: int) -> str:
    """Where the entity at ``index`` of ``everyone_of`` stands in the request."""
    if index == 0:
        return "principal"
    index -= 1
    if index < len(request.on_behalf_of):
        return f"on_behalf_of[{index}]"
    index -= len(request.on_behalf_of)
    if request.resource is not None:
        if index == 0:
            return "resource"
        index -= 1
    return f"entities[{index}]"


__all__ = ["Describing", "everyone_of", "place_of"]
