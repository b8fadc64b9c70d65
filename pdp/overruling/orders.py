"""What a stop order is, whom it denies, and the deny it makes. Pure: no clock, file or log."""

from __future__ import annotations

import datetime
import difflib
import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from msgspec.structs import replace

from pdp._proto import log_pb2
from pdp.canonical import CanonicalError, check_identifier
from pdp.eval.facts import BoundRequest
from pdp.lang.types import Schema
from pdp.model import Decision, DenyCause, Effect, PdpError, Reasons
from pdp.overruling.denial import denied

ORDERS_MAX: Final = 10_000
TEXT_CHARS_MAX: Final = 512
TEXTS: Final = ("order_id", "target", "who", "why")

_NS_PER_S: Final = 1_000_000_000


class OrderError(PdpError):
    """An order that cannot be given as it is written; ``field`` is what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class StopKind(enum.Enum):
    """What the target of an order names. The numbers on the wire are those of ``pdp.v1``."""

    AGENT = "agent"
    PERSON = "person"
    ACTION = "action"
    TOOL = "tool"


KIND_TO_NUMBER: Final[Mapping[StopKind, log_pb2.StopKind]] = {
    StopKind.AGENT: log_pb2.STOP_KIND_AGENT,
    StopKind.PERSON: log_pb2.STOP_KIND_PERSON,
    StopKind.ACTION: log_pb2.STOP_KIND_ACTION,
    StopKind.TOOL: log_pb2.STOP_KIND_TOOL,
}
NUMBER_TO_KIND: Final[Mapping[int, StopKind]] = {
    int(number): kind for kind, number in KIND_TO_NUMBER.items()
}


@dataclass(frozen=True, slots=True)
class StopOrder:
    """One order: ``target`` is ``Type::id``, an action or its first words, or a tool's name."""

    order_id: str
    kind: StopKind
    target: str
    who: str
    why: str
    time_unix_ns: int


class InForce:
    """The orders that deny now, at least one; never changed."""

    def __init__(self, orders: Iterable[StopOrder]) -> None:
        self._uids: Final[dict[str, _Stop]] = {}
        self._people: Final[dict[str, _Stop]] = {}
        self._actions: Final[dict[str, _Stop]] = {}
        self._tools: Final[dict[str, _Stop]] = {}
        for order in orders:
            # Of several orders for one target the oldest is told.
            self._table(order.kind).setdefault(order.target, _Stop(order, _reasons(order)))
            if order.kind is StopKind.PERSON:
                self._uids.setdefault(order.target, self._people[order.target])

    def overrule(self, bound: BoundRequest, decision: Decision) -> Decision:
        """``decision``, or a deny with cause ``stopped`` if an order is for what it would let be.

        It is recorded as a deny of the policies is: what they hide from the log stays hidden.
        """
        if decision.effect is Effect.DENY:
            return decision
        stop = self._first(bound)
        if stop is None:
            return decision
        return denied(decision, DenyCause.STOPPED, stop.reasons)

    def note(self, bound: BoundRequest, decision: Decision) -> Decision:
        """What the policies say, with a note that an order denies it all the same."""
        stop = None if decision.effect is Effect.DENY else self._first(bound)
        if stop is None:
            return decision
        told = decision.reasons
        reasons = Reasons(
            stop.reasons.for_model,
            f"{told.for_person} {stop.reasons.for_person}".strip(),
            f"{told.for_auditor}; {stop.reasons.for_auditor}",
        )
        return replace(decision, reasons=reasons)

    def _first(self, bound: BoundRequest) -> _Stop | None:
        """An order that is for this request, whoever it names and by whichever name."""
        for uid in bound.chain:
            if uid in self._uids:
                return self._uids[uid]
        # Whoever answers for an agent is asked for by nobody in the chain.
        if bound.accountable in self._people:
            return self._people[bound.accountable]
        if self._actions:
            for words in _names_of(bound):
                if words in self._actions:
                    return self._actions[words]
        tool = bound.request.tool
        if tool is None:
            return None
        return self._tools.get(tool.name) or self._tools.get(f"{tool.server}/{tool.name}")

    def _table(self, kind: StopKind) -> dict[str, _Stop]:
        match kind:
            case StopKind.AGENT:
                return self._uids
            case StopKind.PERSON:
                return self._people
            case StopKind.ACTION:
                return self._actions
            case StopKind.TOOL:
                return self._tools


class Stopping(Protocol):
    """Whoever keeps the orders; ``in_force`` is None while there are none."""

    @property
    def in_force(self) -> InForce | None: ...


class _NothingStopped:
    """For those whom no operator can reach."""

    in_force: InForce | None = None


NOTHING_STOPPED: Final = _NothingStopped()


@dataclass(frozen=True, slots=True)
class _Stop:
    """An order, and what those are told whom it denies."""

    order: StopOrder
    reasons: Reasons


def check_order(order: StopOrder) -> None:
    """Raise OrderError unless every text is 1 to 512 characters: NFC, nothing hidden."""
    for field in TEXTS:
        check_words(field, getattr(order, field))


def check_words(field: str, text: str) -> None:
    """As ``check_order``, for one text."""
    if not text:
        raise OrderError(field, "is missing")
    try:
        check_identifier(text, field, TEXT_CHARS_MAX)
    except CanonicalError as error:
        raise OrderError(field, str(error)) from None


def check_target(kind: StopKind, target: str, schema: Schema | None) -> None:
    """Raise OrderError for what names nothing that can be stopped: a slip would stop nobody.

    A person or an agent needs a declared type, an action a declared action; tools are not declared.
    Without a ``schema`` only the form is looked at: an order too many denies, and no more.
    """
    if kind in {StopKind.AGENT, StopKind.PERSON}:
        _check_uid(target)
    if schema is None:
        return
    if kind is StopKind.ACTION:
        named = {words for name in schema.action_by_wire() for words in _beginnings(name)}
        if target not in named:
            what = "no declared action is it or begins with it"
            raise OrderError("target", f"`{target}`: {what}{_suggestion(target, named)}")
    elif kind is not StopKind.TOOL:
        _check_principal(kind, target, schema)


def _check_uid(target: str) -> None:
    type_name, colons, name = target.partition("::")
    if not (type_name and colons and name):
        raise OrderError("target", f"expected `Type::id`, not `{target}`")


def _check_principal(kind: StopKind, target: str, schema: Schema) -> None:
    type_name = target.partition("::")[0]
    is_meant = {
        declared: entity.is_agent if kind is StopKind.AGENT else entity.is_person
        for declared, entity in schema.entities.items()
    }
    if not is_meant.get(type_name, False):
        known = {declared for declared, meant in is_meant.items() if meant}
        what = f"no {kind.value} type is named `{type_name}`"
        raise OrderError("target", what + _suggestion(type_name, known))


def order_to_proto(order: StopOrder) -> log_pb2.StopOrder:
    """The message of an order."""
    return log_pb2.StopOrder(
        order_id=order.order_id,
        kind=KIND_TO_NUMBER[order.kind],
        target=order.target,
        who=order.who,
        why=order.why,
        time_unix_ns=order.time_unix_ns,
    )


def order_from_proto(message: log_pb2.StopOrder) -> StopOrder:
    """The order in a message. Raises OrderError for a kind that this version does not know."""
    kind = NUMBER_TO_KIND.get(message.kind)
    if kind is None:
        raise OrderError("kind", "expected agent, person, action or tool")
    return StopOrder(
        message.order_id, kind, message.target, message.who, message.why, message.time_unix_ns
    )


def _names_of(bound: BoundRequest) -> Iterator[str]:
    """Every name of the action, and the first words of each: it may be asked for by any."""
    names = {bound.request.action}
    if bound.action is not None:
        names |= {bound.action.name, bound.action.wire}
    for name in names:
        yield from _beginnings(name)


def _beginnings(name: str) -> Iterator[str]:
    """``a.b.c``, ``a.b`` and ``a``."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _reasons(order: StopOrder) -> Reasons:
    since = datetime.datetime.fromtimestamp(order.time_unix_ns // _NS_PER_S, datetime.UTC)
    return Reasons(
        for_model="An operator has stopped this. Do not try again or look for another way;"
        " tell the person you act for.",
        for_person=f"Stopped by an operator since {since:%Y-%m-%dT%H:%M:%SZ}. Ask {order.who}.",
        for_auditor=f"cause stopped: order {order.order_id}, {order.kind.value} {order.target}",
    )


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""
