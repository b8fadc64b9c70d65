"""A request's names and values checked against the schema and typed: Request in, BoundRequest out.

The only door to evaluation. Reads no rule, keeps nothing between requests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from msgspec import UNSET

from pdp.digest import request_digest
from pdp.eval.binding.described import Describing, everyone_of, place_of
from pdp.eval.binding.frames import FRAMES_MAX, Frame, Key, key_of, names_groups
from pdp.eval.binding.typeplans import TypePlan, flags_of, type_plan
from pdp.eval.facts import (
    BoundRequest,
    Directory,
    Facts,
    Judge,
    Tool,
)
from pdp.eval.reading import values
from pdp.eval.reading.decoder import Decoders, ObjectDecoder
from pdp.eval.runtime import UNKNOWN
from pdp.eval.suggestion import quoted, unknown_name
from pdp.lang.types import ActionDef, Schema
from pdp.model import Decision, Entity, ToolIdentity
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
        "_describing",
        "_directory",
        "_empty",
        "_frames",
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
        self._describing: Final = Describing(schema, directory, decoders, self._types)
        self._frames: Final[dict[Key, Frame]] = {}
        self._empty: Final = decoders.types.of(())()
        self._binding: Final = tuple(
            sorted(field.wire for field in schema.context if field.binding)
        )

    def bind(self, request: Request) -> BoundRequest:
        """The request, typed. Raises RequestError when its shape is wrong, naming the field.

        A request whose names are wrong is bound with ``invalid`` set instead. The caller has run
        ``pdp.request.check_limits``. Source of the order: the request contract.
        """
        frame = self._frames.get(key_of(request))
        is_grouped = names_groups(request)
        if frame is None or is_grouped:
            invalid = self._invalid(request)
            if invalid is not None:
                return self._bind_invalid(request, invalid)
            frame = frame or self._frame(request)
        uids = tuple([member.uid for member in request.chain])
        resource = request.resource
        on = None if resource is None else resource.uid
        args = frame.args.read(request.args, "args")
        context = self._decoders.context.read(request.context, "context")
        entities = None if is_grouped else self._describing.facts_quickly(request, frame, uids, on)
        if entities is None:
            entities = self._describing.facts(request)
        user = uids[-1] if frame.ends_in_person else None
        accountable = user or self._owner(frame.first, uids[0], entities)
        facts = self._directory.facts
        known, lookup = entities.get, facts.get
        chain_facts = tuple([known(uid) or lookup(uid) for uid in uids])
        resource_facts = None if on is None else known(on) or lookup(on)
        unattributed = not accountable
        for place in frame.directory_at:
            unattributed |= uids[place] not in facts
        return BoundRequest(
            request=request,
            invalid=None,
            action=frame.action,
            args=args,
            context=context,
            chain=uids,
            chain_types=frame.chain_types,
            agent=None if frame.agent_at < 0 else uids[frame.agent_at],
            user=user,
            resource=on,
            resource_type=None if resource is None else resource.type,
            tool=_tool(request.tool),
            entities=entities,
            directory=self._directory,
            accountable=accountable,
            unattributed=unattributed,
            digest=request_digest(request, self._binding),
            judge=frame.judge,
            flags=flags_of(request, unattributed=unattributed),
            chain_facts=chain_facts,
            chain_attributes=tuple([UNKNOWN if f is None else f.attributes for f in chain_facts]),
            resource_facts=resource_facts,
            resource_attributes=UNKNOWN if resource_facts is None else resource_facts.attributes,
        )

    def _frame(self, request: Request) -> Frame:
        """The frame of a request whose names fit the schema; kept, unless too many are."""
        plan = self._actions[request.action]
        chain = request.chain
        types = [self._types[member.type] for member in chain]
        resource_type = None if request.resource is None else request.resource.type
        everyone = [*types] if resource_type is None else [*types, self._types[resource_type]]
        agents = [place for place, member in enumerate(types) if member.is_agent]
        frame = Frame(
            action=plan.definition,
            args=plan.args,
            chain_types=tuple([member.name for member in types]),
            first=types[0],
            agent_at=agents[0] if agents else -1,
            ends_in_person=types[-1].is_person,
            directory_at=tuple(place for place, each in enumerate(types) if each.is_directory),
            decoders=tuple(
                None if each.is_directory else self._decoders.of_type(each.name)
                for each in everyone
            ),
            judge=self._judge_of(plan.definition.name, resource_type),
        )
        if len(self._frames) < FRAMES_MAX:
            self._frames[key_of(request)] = frame
        return frame

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
        for entity in everyone_of(request):
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
        for index, entity in enumerate(everyone_of(request)):
            if entity.attributes is not None:
                values.strict_object(entity.attributes, f"{place_of(request, index)}.attributes")
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


def _tool(tool: ToolIdentity | None) -> Tool | None:
    if tool is None:
        return None
    return Tool(f_server=tool.server, f_name=tool.name, f_digest=tool.definition_digest)


def _one_of(names: tuple[str, ...]) -> str:
    return " or ".join([f"`{name}`" for name in names])
