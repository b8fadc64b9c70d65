"""What every front door answers: bytes in, durable record, bytes out. Knows no transport."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from google.protobuf.message import DecodeError
from msgspec import structs

from pdp import model
from pdp._proto import decision_pb2 as pb
from pdp.answerform import Answers
from pdp.decisionlog import record, redact
from pdp.decisionlog.errors import LogError
from pdp.decisionlog.proving.evidence import outcome_record
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.engine import Engine, places_of
from pdp.explanationform import explanation_to_proto, question_from_proto
from pdp.model import Attribution, Decision, DenyCause, Effect, Entity, Reasons, RequestError
from pdp.overruling.orders import NOTHING_STOPPED, Stopping
from pdp.protoform import receipt_to_proto, request_from_proto
from pdp.request import Request
from pdp.service import identity, status
from pdp.service.activating.active import Active
from pdp.service.activating.watching import NOBODY_WATCHES, Watching
from pdp.service.batch import merged_items
from pdp.service.evidence import calls
from pdp.service.explaining import Explainer
from pdp.service.metrics import Metrics
from pdp.service.refusals import RefusalTally
from pdp.service.status import Refused, Status

SERVICE: Final = "pdp.v1.DecisionService"

_LOG: Final = logging.getLogger("pdp.service")
_SUMMARY: Final = model.Obligation("log", "summary")

MessageT = TypeVar(
    "MessageT", pb.DecideRequest, pb.DecideBatchRequest, pb.OutcomeRequest, pb.ReceiptRequest
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What handlers would otherwise take from the world: clocks, randomness, versions.

    ``clock_ns`` is the time of day, ``timer_ns`` only ever rises, both in nanoseconds; ``entropy``
    gives as many random bytes as asked.
    """

    clock_ns: Callable[[], int]
    timer_ns: Callable[[], int]
    entropy: Callable[[int], bytes]
    engine_version: str
    tzdata_version: str


@dataclass(slots=True)
class _Call:
    """One call, and what has become known about it by the time it may have to be refused."""

    rpc: str
    data: bytes
    peer: str
    principal: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class _Answered:
    """One decision, ready to be recorded and then sent."""

    decision: Decision
    answer: pb.DecideResponse
    payload: bytes


class Handlers:
    """The calls of ``DecisionService``. Every method may be called from any thread.

    ``peer`` is who the transport says is calling. All methods return the answer's bytes, or raise
    Refused once that is recorded too, or counted; never anything else. ``active`` may be replaced
    while calls are running: each call reads it once. While it is None nothing is answered.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - all that a call stands on
        self,
        active: Active | None,
        log: Writer,
        metrics: Metrics,
        surroundings: Surroundings,
        stops: Stopping = NOTHING_STOPPED,
        watching: Watching = NOBODY_WATCHES,
    ) -> None:
        self.active = active
        self._stops = stops
        self._watching = watching
        self._log = log
        self._metrics = metrics
        self._around = surroundings
        self._tally = RefusalTally()
        self._answers = Answers()
        self._failed = False
        self._explainer = Explainer()
        metrics.watch_log(lambda: self.available, lambda: log.batches)

    @property
    def available(self) -> bool:
        """Whether the latest batch of records became durable, so that answers can be given."""
        return self._log.trouble is None and not self._log.failed

    @property
    def decides(self) -> bool:
        """Whether there is a bundle, and it is still valid."""
        active = self.active
        return active is not None and self._around.clock_ns() < active.valid_until_ns

    def decide(self, data: bytes, peer: str) -> bytes:
        """``DecideRequest`` to ``DecideResponse``."""
        return self._guarded(_Call("Decide", data, peer), self._decide)

    def decide_batch(self, data: bytes, peer: str) -> bytes:
        """``DecideBatchRequest`` to ``DecideBatchResponse``."""
        return self._guarded(_Call("DecideBatch", data, peer), self._decide_batch)

    def explain(self, data: bytes, peer: str) -> bytes:
        """``DecideRequest`` to ``ExplainResponse``."""
        return self._guarded(_Call("Explain", data, peer), self._explain)

    def report_outcome(self, data: bytes, peer: str) -> bytes:
        """``OutcomeRequest`` to ``OutcomeResponse``."""
        return self._guarded(_Call("ReportOutcome", data, peer), self._report_outcome)

    def get_receipt(self, data: bytes, peer: str) -> bytes:
        """``ReceiptRequest`` to ``Receipt``; nothing of it is recorded."""
        return self._guarded(_Call("GetReceipt", data, peer), self._get_receipt)

    def count(self, ended: Status, cause: str, count: int) -> None:
        """Calls that a door ended itself (shed, too late); they enter the next summary."""
        self._tally.count("", ended.name, count)
        self._metrics.refused(ended, cause, count)

    def summarise(self) -> bool:
        """Write down what was only counted; called about once a second, and before a stop.

        Whether every record since the last call became durable. While the log is failing this is
        also the probe that finds out when it can be written again.
        """
        had_failed, self._failed = self._failed, False
        counts = self._tally.take()
        if not counts and self.available:
            return not had_failed
        payload = record.shed_summary_record(
            time_unix_ns=self._around.clock_ns(),
            counts=counts,
            engine_version=self._around.engine_version,
        )
        try:
            self._write([(Kind.SHED_SUMMARY, payload)])
        except Refused:
            self._tally.restore(counts)
        return not (had_failed or self._failed)

    # ---------------------------------------------------------------- one call

    def _guarded(self, call: _Call, work: Callable[[_Call], bytes]) -> bytes:
        started_ns = self._around.timer_ns()
        try:
            return work(call)
        except Refused as refused:
            ended = refused
        except BaseException as bug:  # noqa: BLE001 - outermost: whatever broke, no allow
            _report(call.rpc, bug)
            ended = status.internal()
        finally:
            elapsed_s = (self._around.timer_ns() - started_ns) / 1e9
            self._metrics.called(call.rpc, elapsed_s)
        raise self._recorded(call, ended) from None

    def _decide(self, call: _Call) -> bytes:
        message = _parsed(pb.DecideRequest, call.data)
        active = self._active()
        try:
            request = request_from_proto(message, call.data)
            call.principal, call.action = request.principal.uid, request.action
            started_ns, now_ns = self._around.timer_ns(), self._around.clock_ns()
            decision = self._judged(active, request, now_ns)
        except RequestError as error:
            raise status.invalid(error) from None
        decide_ns = self._around.timer_ns() - started_ns
        answered = self._answered(request, decision, now_ns, decide_ns)
        return self._sent([answered])[0].SerializeToString()

    def _decide_batch(self, call: _Call) -> bytes:
        batch = _parsed(pb.DecideBatchRequest, call.data)
        active = self._active()
        answered = [self._item(active, message) for message in merged_items(batch)]
        return pb.DecideBatchResponse(answers=self._sent(answered)).SerializeToString()

    def _item(self, active: Active, message: pb.DecideRequest) -> _Answered:
        request = _UNREAD
        started_ns, now_ns = self._around.timer_ns(), self._around.clock_ns()
        try:
            request = request_from_proto(message)
            decision = self._judged(active, request, now_ns)
        except RequestError as error:
            decision = _invalid_item(active.engine, request, error)
        return self._answered(request, decision, now_ns, self._around.timer_ns() - started_ns)

    def _active(self) -> Active:
        if self.active is None:
            raise Refused(Status.UNAVAILABLE, "no_bundle", status.UNAVAILABLE_TEXT)
        return self.active

    def _judged(self, active: Active, request: Request, now_ns: int) -> Decision:
        """The answer at the time that its record will give, so that it can be replayed."""
        bound = active.engine.bind(request)
        decision = active.decide(bound, now_ns)
        # Looked at last, so that an order counts for whatever is not yet answered.
        orders = self._stops.in_force
        return decision if orders is None else orders.overrule(bound, decision)

    def _explain(self, call: _Call) -> bytes:
        message = _parsed(pb.DecideRequest, call.data)
        engine = self._active().engine
        try:
            request, now_us = question_from_proto(message)
            call.principal, call.action = request.principal.uid, request.action
            explanation = self._explainer.explain(engine, request, now_us, self._stops.in_force)
        except RequestError as error:
            raise status.invalid(error) from None
        answer = explanation_to_proto(explanation, request.request_id)
        payload = record.explanation_record(
            time_unix_ns=self._around.clock_ns(),
            peer=call.peer,
            request=request,
            now_us=explanation.now_us,
            decision=explanation.decision,
            engine_version=self._around.engine_version,
        )
        [receipt] = self._write([(Kind.EXPLANATION, payload)])
        answer.receipt.CopyFrom(receipt_to_proto(receipt))
        return answer.SerializeToString()

    def _answered(
        self, request: Request, decision: Decision, now_ns: int, decide_ns: int
    ) -> _Answered:
        entropy = self._around.entropy(identity.ENTROPY_BYTES)
        decision = structs.replace(decision, decision_id=identity.decision_id(now_ns, entropy))
        self._watching.saw(request, decision, now_ns)
        answer = self._answers.message(decision, request.request_id)
        hidden_paths = redact.spelled_out(request, decision.hidden_paths)
        kept, omitted = redact.omit(request, hidden_paths)
        if _SUMMARY in decision.obligations:
            kept, args = redact.omit_args(kept)
            omitted = tuple(dict.fromkeys((*omitted, *args)))
        payload = record.decision_record(
            request=kept,
            omitted=omitted,
            answer=answer,
            decision=decision
            if hidden_paths is decision.hidden_paths
            else structs.replace(decision, hidden_paths=hidden_paths),
            time_unix_ns=now_ns,
            decide_ns=decide_ns,
            engine_version=self._around.engine_version,
            tzdata_version=self._around.tzdata_version,
        )
        return _Answered(decision, answer, payload)

    def _sent(self, answered: Sequence[_Answered]) -> list[pb.DecideResponse]:
        """The answers, once every one of them is durable."""
        receipts = self._write([(Kind.DECISION, item.payload) for item in answered])
        for item, receipt in zip(answered, receipts, strict=True):
            item.answer.receipt.CopyFrom(receipt_to_proto(receipt))
            self._metrics.decided(item.decision)
        return [item.answer for item in answered]

    def _report_outcome(self, call: _Call) -> bytes:
        request = _parsed(pb.OutcomeRequest, call.data)
        calls.check_outcome(request)
        payload = outcome_record(
            request,
            time_unix_ns=self._around.clock_ns(),
            peer=call.peer,
            engine_version=self._around.engine_version,
        )
        [receipt] = self._write([(Kind.OUTCOME, payload)])
        return pb.OutcomeResponse(receipt=receipt_to_proto(receipt)).SerializeToString()

    def _get_receipt(self, call: _Call) -> bytes:
        return calls.proven(self._log, _parsed(pb.ReceiptRequest, call.data)).SerializeToString()

    # ---------------------------------------------------------------- the log

    def _write(self, records: Sequence[tuple[Kind, bytes]]) -> Sequence[model.ReceiptPointer]:
        """Receipts once all is durable. Raises Refused: no record, no answer."""
        try:
            receipts = self._log.append_many(records)
        except LogError:
            self._failed = True
            self._metrics.log_failed()
            raise status.log_unavailable() from None
        self._metrics.log_wrote(len(records))
        return receipts

    def _recorded(self, call: _Call, ended: Refused) -> Refused:
        """The refusal to give, recorded or counted; a failing log makes it UNAVAILABLE."""
        now_ns = self._around.clock_ns()
        if ended.status is Status.UNAVAILABLE:
            self._tally.count(call.peer, ended.status.name)
        elif self._tally.admit(call.peer, now_ns):
            try:
                self._write([(Kind.REFUSAL, self._refusal(call, ended, now_ns))])
            except Refused as unavailable:
                ended = unavailable
                self._tally.count(call.peer, ended.status.name)
            except Exception as bug:  # noqa: BLE001 - as in `_guarded`
                _report(call.rpc, bug)
                ended = status.internal()
                self._tally.count(call.peer, ended.status.name)
        else:
            ended = ended if self.available else status.log_unavailable()
            self._tally.count(call.peer, ended.status.name)
        self._metrics.refused(ended.status, ended.cause)
        return ended

    def _refusal(self, call: _Call, ended: Refused, now_ns: int) -> bytes:
        return record.refusal_record(
            time_unix_ns=now_ns,
            peer=call.peer,
            rpc=f"/{SERVICE}/{call.rpc}",
            status=ended.status.name,
            reason=ended.cause,
            field=ended.field,
            request_bytes=len(call.data),
            request_sha256=hashlib.sha256(call.data).hexdigest(),
            principal=call.principal,
            action=call.action,
            engine_version=self._around.engine_version,
        )


# Stands in the record of an item whose request could not even be read.
_UNREAD: Final = Request(principal=Entity("", ""), action="")


def _parsed(kind: type[MessageT], data: bytes) -> MessageT:
    if len(data) > model.REQUEST_BYTES_MAX:
        raise Refused(
            Status.INVALID_ARGUMENT,
            "request_too_large",
            f"invalid request: larger than {model.REQUEST_BYTES_MAX} bytes",
        )
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise Refused(
            Status.INVALID_ARGUMENT,
            "malformed_message",
            f"invalid request: the bytes are no {kind.DESCRIPTOR.name} message",
        ) from None
    return message


def _invalid_item(engine: Engine, request: Request, error: RequestError) -> Decision:
    chain = () if request is _UNREAD else tuple(entity.uid for entity in request.chain)
    return Decision(
        effect=Effect.DENY,
        cause=DenyCause.INVALID_REQUEST,
        attribution=Attribution(chain=chain),
        bundle=engine.bundle,
        reasons=Reasons(for_model="The request is not valid.", for_person=status.complaint(error)),
        hidden_paths=("*",),
    )


def _report(rpc: str, bug: BaseException) -> None:
    """Tell the operator where a bug is, without its text: that may hold a caller's values."""
    _LOG.error("internal error in %s: %s at %s", rpc, type(bug).__name__, places_of(bug))
