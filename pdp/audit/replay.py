"""A recorded decision made again, by the recorded policies at the recorded time, and compared.

Equal is what is equal to the last bit: all that the evaluator determines is serialized as it was
for the record. Only ids, times of measurement and versions are taken over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from msgspec import structs

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.answerform import Answers
from pdp.audit.survey import Activated, Survey, identity_of
from pdp.audit.tally import Difference, Flip, Tally, direction_of
from pdp.decisionlog import record, redact
from pdp.decisionlog.errors import LogError
from pdp.decisionlog.keeping.filestore import FileStore
from pdp.decisionlog.record import Kind
from pdp.engine import NS_PER_US, Engine, SignedAs
from pdp.eval.facts import BoundRequest
from pdp.model import Decision, DenyCause, Effect, PdpError, PolicyError, RequestError
from pdp.overruling.denial import expired
from pdp.overruling.orders import InForce, order_from_proto
from pdp.protoform import decision_from_proto, request_from_proto
from pdp.request import Request

_ORDER: Final = re.compile(r"cause stopped: order (\S+), ", re.ASCII)
# A record that names the bundle and a request that the PDP could not read holds nothing to ask.
_INVALID: Final = DenyCause.INVALID_REQUEST.value
_IDENTICAL: Final[tuple[str, ...]] = ()


class NotReplayed(PdpError):
    """The replay cannot go on: a bundle that decided cannot be had again as it was."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a process needs to replay its share; ``other`` are the files of another bundle."""

    log_dir: Path
    survey: Survey
    other: Mapping[str, bytes] | None = None


class Replayer:
    """Replays in one process, with engines of its own, each made when it is first needed."""

    def __init__(self, plan: Plan) -> None:
        self._plan: Final = plan
        self._files: Final = FileStore(plan.log_dir)
        self._engines: Final[dict[bytes, Engine]] = {}
        self._orders: Final[dict[str, InForce]] = {}
        self._answers: Final = Answers()
        self._other: Final = None if plan.other is None else Engine(plan.other)

    def replay(self, decisions: Iterable[tuple[int, bytes]]) -> Tally:
        """Number and payload of each to what they come to.

        Raises NotReplayed when a bundle cannot be had as it was: nothing is guessed.
        """
        tally = Tally()
        for seq, payload in decisions:
            self._one(tally, seq, payload)
        return tally

    def _one(self, tally: Tally, seq: int, payload: bytes) -> None:
        try:
            message = record.parse(Kind.DECISION, payload)
        except ValueError:
            raise NotReplayed(f"record {seq} is no decision; `pdp log verify` says more") from None
        assert isinstance(message, log_pb2.DecisionRecord)
        tally.versions[message.engine_version, message.tzdata_version] += 1
        key = identity_of(message.bundle)
        activated = self._plan.survey.activated.get(key)
        if activated is None or not activated.is_active(seq):
            tally.differences.append(Difference(seq, message.decision_id, ("bundle",)))
            return
        if message.omitted_paths:
            tally.not_replayable[", ".join(message.omitted_paths)] += 1
            return
        engine = self._engines.get(key) or self._load(key, activated)
        try:
            request = request_from_proto(message.request)
            bound = engine.policies.bind(request)  # its limits were checked as it was read
        except RequestError:
            self._refused(tally, seq, message, engine)
            return
        decision = engine.decide(bound, message.time_unix_ns // NS_PER_US)
        fields = self._compared(seq, message, activated, bound, decision)
        if fields:
            tally.differences.append(Difference(seq, message.decision_id, fields))
            return
        cause = message.answer.cause
        if cause in _OVERRULED:
            tally.not_by_policy[_OVERRULED[cause]] += 1
            return
        tally.identical += 1
        if self._other is not None:
            _try_other(tally, self._other, seq, message, request)

    # ---------------------------------------------------------------- one decision

    def _compared(
        self,
        seq: int,
        message: log_pb2.DecisionRecord,
        activated: Activated,
        bound: BoundRequest,
        decision: Decision,
    ) -> tuple[str, ...]:
        """The fields of the record that differ from what must stand there."""
        time_ns = message.time_unix_ns
        if message.answer.cause == pb.DENY_CAUSE_BUNDLE_EXPIRED:
            decision = expired(decision)
            if not activated.may_be_expired(seq, time_ns):
                return ("time_unix_ns",)
        elif not activated.may_decide(seq, time_ns):
            return ("time_unix_ns",)
        elif message.answer.cause == pb.DENY_CAUSE_STOPPED:
            order = self._order(message.answer.reasons.for_auditor)
            decision = decision if order is None else order.overrule(bound, decision)
        answer = self._answers.message(decision, bound.request.request_id)
        answer.decision_id = message.decision_id
        if decision.hidden_paths and decision.approval is not None:
            redact.omit_shown(answer, bound.request)
        if is_as_recorded(message, answer, decision):
            return _IDENTICAL
        return differing(message, _rebuilt(message, bound.request, answer, decision))

    def _order(self, told: str) -> InForce | None:
        """The stop order that a record names, if the log holds it."""
        named = _ORDER.match(told)
        data = self._plan.survey.orders.get(named[1]) if named else None
        if named is None or data is None:
            return None
        known = self._orders.get(named[1])
        if known is None:
            order = order_from_proto(log_pb2.StopOrder.FromString(data))
            known = self._orders[named[1]] = InForce([order])
        return known

    @staticmethod
    def _refused(tally: Tally, seq: int, message: log_pb2.DecisionRecord, engine: Engine) -> None:
        """An item of a batch that was no request: it is denied without asking the policies.

        The words of the complaint are not made again, as what could not be read is not recorded.
        """
        told = decision_from_proto(message.answer)
        bare = Decision(
            Effect.DENY,
            DenyCause.INVALID_REQUEST,
            attribution=structs.replace(
                told.attribution, accountable="", agent="", policy_owners=()
            ),
            bundle=engine.bundle,
            reasons=structs.replace(told.reasons, for_auditor=""),
            decision_id=message.decision_id,
        )
        if told == bare and not message.errors and not message.shadow:
            tally.not_by_policy[_INVALID] += 1
        else:
            tally.differences.append(Difference(seq, message.decision_id, ("request",)))

    # ---------------------------------------------------------------- engines

    def _load(self, key: bytes, activated: Activated) -> Engine:
        """The engine of a bundle, from its files as they are kept beside the log."""
        what = f"the bundle {activated.name} revision {activated.revision}"
        try:
            files = {name: self._files.read(digest) for name, digest in activated.files}
        except LogError as error:
            raise NotReplayed(f"{what} cannot be had again: {error}") from None
        signed = SignedAs(activated.name, activated.revision) if activated.is_signed else None
        try:
            engine = Engine(files, signed=signed)
        except PolicyError as error:
            raise NotReplayed(f"{what} does not check in this version: {error}") from None
        if engine.bundle.digest != activated.digest:
            raise NotReplayed(
                f"{what} was recorded with files that have not its digest; `pdp log verify` says"
                " whether the log was changed"
            )
        self._engines[key] = engine
        return engine


_OVERRULED: Final = {
    int(pb.DENY_CAUSE_BUNDLE_EXPIRED): DenyCause.BUNDLE_EXPIRED.value,
    int(pb.DENY_CAUSE_STOPPED): DenyCause.STOPPED.value,
}


def is_as_recorded(
    message: log_pb2.DecisionRecord, answer: pb.DecideResponse, decision: Decision
) -> bool:
    """Whether the answer is the recorded one to the last bit, and nothing else is to be looked at.

    A quick look, which most decisions pass: what it does not settle, ``differing`` does.
    """
    return (
        not (decision.errors or decision.shadow)
        and not (message.errors or message.shadow or len(UnknownFieldSet(message)))
        and decision.request_digest == message.request_digest
        and answer.SerializeToString(deterministic=True)
        == message.answer.SerializeToString(deterministic=True)
    )


def differing(message: log_pb2.DecisionRecord, rebuilt: log_pb2.DecisionRecord) -> tuple[str, ...]:
    """The names of the fields that are not the same to the last bit, those of the answer each."""
    if _bytes(message) == _bytes(rebuilt):
        return ()
    found = [*_fields(message, rebuilt, "answer"), *_fields(message.answer, rebuilt.answer, "")]
    return tuple(found or ["a field that this version does not know"])


def _fields(one: Message, other: Message, left_out: str) -> list[str]:
    prefix = "" if left_out else "answer."
    differ: list[str] = []
    for field in one.DESCRIPTOR.fields:
        if field.name == left_out:
            continue
        sides = []
        for side in (one, other):
            alone = type(side)()
            alone.CopyFrom(side)
            for known in side.DESCRIPTOR.fields:
                if known is not field and known.name != field.name:
                    alone.ClearField(known.name)
            alone.DiscardUnknownFields()
            sides.append(_bytes(alone))
        if sides[0] != sides[1]:
            differ.append(prefix + field.name)
    return differ


def _rebuilt(
    message: log_pb2.DecisionRecord,
    request: Request,
    answer: pb.DecideResponse,
    decision: Decision,
) -> log_pb2.DecisionRecord:
    """The record as the service would write it, of a request with nothing to leave out."""
    payload = record.decision_record(
        request=request,
        omitted=(),
        answer=answer,
        decision=decision,
        time_unix_ns=message.time_unix_ns,
        decide_ns=message.timings.decide_ns,
        engine_version=message.engine_version,
        tzdata_version=message.tzdata_version,
    )
    return log_pb2.DecisionRecord.FromString(payload)


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


# ---------------------------------------------------------------- another bundle


def _try_other(
    tally: Tally, other: Engine, seq: int, message: log_pb2.DecisionRecord, request: Request
) -> None:
    """Ask another bundle the same; a request that it refuses is one that it denies."""
    told = decision_from_proto(message.answer)
    tally.asked += 1
    try:
        bound = other.policies.bind(request)
        tried = other.decide(bound, message.time_unix_ns // NS_PER_US)
    except RequestError:
        tally.refused += 1
        tried = Decision(Effect.DENY, DenyCause.INVALID_REQUEST)
    direction = direction_of(told.effect, tried.effect)
    if direction is None:
        return
    before = {rule.rule: rule.owner for rule in told.rules}
    after = {rule.rule: rule.owner for rule in tried.rules}
    names = sorted(before.keys() ^ after.keys())
    owners = {before[name] if name in before else after[name] for name in names}
    tally.flips.append(
        Flip(
            seq,
            message.decision_id,
            message.time_unix_ns,
            direction,
            told.effect,
            tried.effect,
            "" if tried.cause is None else tried.cause.value,
            tuple(names),
            tuple(sorted(owners)),
        )
    )
