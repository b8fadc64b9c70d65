"""A request's names and values checked against the schema and typed: Request in, BoundRequest out.

The only door to evaluation. Reads no rule, keeps nothing between requests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET

from pdp.digest import request_digest
from pdp.eval.facts import (
    BoundRequest,
    Directory,
    Facts,
    Judge,
    Tool,
    ancestors_of,
)
from pdp.eval.reading import values
from pdp.eval.reading.decoder import Decoders, ObjectDecoder
from pdp.eval.runtime import UNKNOWN
from pdp.eval.suggestion import quoted, unknown_name
from pdp.eval.typeplans import TypePlan, check_groups, first_agent, flags_of, type_plan
from pdp.lang.types import ActionDef, Schema
from pdp.model import Decision, Entity, RequestError, ToolIdentity
from pdp.request import Request

# What decides on a valid action and resource type, by Charter name.
JudgeOf: TypeAlias = "Callable[[str, str | None], Judge]"

_OWNER: Final = "owner"
_REDACT: Final = "redact"
_RATE: Final = "rate"


@dataclass(frozen=True, slots=True)
class _ActionPlan:
    definition: ActionDef
    args: ObjectDecoder


class _Described(msgspec.Struct, frozen=True):
    """An entity with attributes, typed; ``path`` is where it was first seen."""

    entity: Entity
    attributes: msgspec.Struct
    path: str


class _Undecided:
    """For requests bound without policies."""

    def decide(self, bound: BoundRequest, clock: Callable[[], int]) -> Decision:
        raise AssertionError("no policies to decide by", bound.request.action, clock)


class Binder:
    """Binds requests against one schema and one directory. Made at load; safe to share."""

    __slots__ = (
        "_actions",
        "_binding",
        "_decoders",
        "_directory",
        "_empty",
        "_judge_of",
        "_refusing",
        "_schema",
        "_types",
    )

    def __init__(
        self,
        schema: Schema,
        directory: Directory,
        decoders: Decoders | None = None,
        judge_of: JudgeOf | None = None,
        refusing: Judge | None = None,
    ) -> None:
        """``decoders`` are those of ``schema``; pass the directory's to make them once.

        ``refusing`` decides on what is invalid. Without judges nothing that is bound is decided.
        """
        decoders = Decoders(schema) if decoders is None else decoders
        self._judge_of: Final = judge_of or (lambda _action, _resource: _Undecided())
        self._refusing: Final = refusing or _Undecided()
        self._schema: Final = schema
        self._directory: Final = directory
        self._decoders: Final = decoders
        self._types: Final = {
            name: type_plan(entity, schema) for name, entity in schema.entities.items()
        }
        self._actions: Final = {
            name: _ActionPlan(action, decoders.actions[action.name])
            for name, action in schema.action_by_wire().items()
        }
        self._empty: Final = decoders.types.of(())()
        self._binding: Final = tuple(
            sorted(field.wire for field in schema.context if field.binding)
        )

    def bind(self, request: Request) -> BoundRequest:
        """The request, typed. Raises RequestError when its shape is wrong, naming the field.

        A request whose names are wrong is bound with ``invalid`` set instead. The caller has run
        ``pdp.request.check_limits``. Source of the order: the request contract.
        """
        invalid = self._invalid(request)
        if invalid is not None:
            return self._bind_invalid(request, invalid)
        action = self._actions[request.action]
        chain = request.chain
        plans = [self._types[member.type] for member in chain]
        uids = tuple([member.uid for member in chain])
        args = action.args.read(request.args, "args")
        context = self._decoders.context.read(request.context, "context")
        entities = self._facts(request)
        last = plans[-1]
        user = uids[-1] if last.is_person else None
        accountable = user or self._owner(plans[0], uids[0], entities)
        resource = request.resource
        lookup = self._directory.facts.get
        known = entities.get
        chain_facts = tuple([known(uid) or lookup(uid) for uid in uids])
        resource_facts = None if resource is None else known(resource.uid) or lookup(resource.uid)
        unattributed = not accountable or not self._vouched(plans, uids)
        return BoundRequest(
            request=request,
            invalid=None,
            action=action.definition,
            args=args,
            context=context,
            chain=uids,
            chain_types=tuple([plan.name for plan in plans]),
            agent=first_agent(plans, uids),
            user=user,
            resource=None if resource is None else resource.uid,
            resource_type=None if resource is None else resource.type,
            tool=_tool(request.tool),
            entities=entities,
            directory=self._directory,
            accountable=accountable,
            unattributed=unattributed,
            digest=request_digest(request, self._binding),
            judge=self._judge_of(
                action.definition.name, None if resource is None else resource.type
            ),
            flags=flags_of(request, unattributed=unattributed),
            chain_facts=chain_facts,
            chain_attributes=tuple(
                [UNKNOWN if facts is None else facts.attributes for facts in chain_facts]
            ),
            resource_facts=resource_facts,
            resource_attributes=UNKNOWN if resource_facts is None else resource_facts.attributes,
        )

    def _vouched(self, plans: list[TypePlan], uids: tuple[str, ...]) -> bool:
        known = self._directory.facts
        for plan, uid in zip(plans, uids, strict=True):
            if plan.is_directory and uid not in known:
                return False
        return True

    def _owner(self, plan: TypePlan, uid: str, entities: dict[str, Facts]) -> str:
        """The person who answers for an agent that acts for nobody; empty if there is none."""
        if plan.owner is None:
            return ""
        facts = entities.get(uid) or self._directory.facts.get(uid)
        if facts is None:
            return ""
        owner = getattr(facts.attributes, plan.owner)
        if owner is UNSET or (plan.is_owner_in_directory and owner not in self._directory.facts):
            return ""
        return str(owner)

    # ------------------------------------------------------------ names

    def _invalid(self, request: Request) -> str | None:
        """What is wrong with the names, for the person; None when they fit the schema."""
        action = self._actions.get(request.action)
        if action is None:
            return unknown_name("action", request.action, sorted(self._actions))
        for member in request.chain:
            plan = self._types.get(member.type)
            if plan is None:
                return self._unknown_type(member.type)
            if not (plan.is_person or plan.is_agent):
                return f"{quoted(member.type)} cannot act: it is neither a person nor an agent"
        resource = request.resource
        takes = action.definition.resources
        if resource is None:
            if takes:
                return f"`{action.definition.name}` needs a resource: {_one_of(takes)}"
        elif resource.type not in self._types:
            return self._unknown_type(resource.type)
        elif not takes:
            return f"`{action.definition.name}` takes no resource"
        elif resource.type not in takes:
            return (
                f"`{action.definition.name}` is not for {quoted(resource.type)};"
                f" it is for {_one_of(takes)}"
            )
        return self._unknown_among(request)

    def _unknown_among(self, request: Request) -> str | None:
        for entity in request.entities:
            if entity.type not in self._types:
                return self._unknown_type(entity.type)
        for entity in _everyone(request):
            for group in entity.groups:
                type_name, colons, _ = group.partition("::")
                if colons and type_name not in self._types:
                    return self._unknown_type(type_name)
        return None

    def _unknown_type(self, name: str) -> str:
        return unknown_name("type", name, sorted(self._types))

    def _bind_invalid(self, request: Request, invalid: str) -> BoundRequest:
        """Nothing is typed, but every text must be strict JSON all the same."""
        digest = request_digest(request, self._binding)
        values.strict_object(request.context, "context")
        for index, entity in enumerate(_everyone(request)):
            if entity.attributes is not None:
                values.strict_object(entity.attributes, f"{_place(request, index)}.attributes")
        chain = request.chain
        uids = tuple([member.uid for member in chain])
        action = self._actions.get(request.action)
        last = self._types.get(chain[-1].type)
        user = uids[-1] if last is not None and last.is_person else None
        agents = [uid for uid, member in zip(uids, chain, strict=True) if self._is_agent(member)]
        resource = request.resource
        return BoundRequest(
            request=request,
            invalid=invalid,
            action=None if action is None else action.definition,
            args=self._empty,
            context=self._empty,
            chain=uids,
            chain_types=tuple([member.type for member in chain]),
            agent=agents[0] if agents else None,
            user=user,
            resource=None if resource is None else resource.uid,
            resource_type=None if resource is None else resource.type,
            tool=_tool(request.tool),
            entities={},
            directory=self._directory,
            accountable=user or "",
            unattributed=user is None,
            digest=digest,
            judge=self._refusing,
            flags=0,
        )

    def _is_agent(self, member: Entity) -> bool:
        plan = self._types.get(member.type)
        return plan is not None and plan.is_agent

    # ------------------------------------------------------------ entities

    def _facts(self, request: Request) -> dict[str, Facts]:
        """Everything this request describes that the directory does not, by uid."""
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
        for index, entity in enumerate(_everyone(request)):
            if entity.attributes is None and not entity.groups:
                continue
            path = _place(request, index)
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


def _everyone(request: Request) -> tuple[Entity, ...]:
    """Every entity of a request; ``_place`` says where the one at an index stands."""
    if request.resource is None:
        return (*request.chain, *request.entities)
    return (*request.chain, request.resource, *request.entities)


def _place(request: Request, index: int) -> str:
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


def _tool(tool: ToolIdentity | None) -> Tool | None:
    if tool is None:
        return None
    return Tool(f_server=tool.server, f_name=tool.name, f_digest=tool.definition_digest)


def _one_of(names: tuple[str, ...]) -> str:
    return " or ".join([f"`{name}`" for name in names])
