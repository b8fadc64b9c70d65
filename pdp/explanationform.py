"""Explanations as protobuf messages and back, and the time asked about; shape only, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet

from pdp._proto import decision_pb2 as pb
from pdp.explanation import (
    Approvers,
    Condition,
    Explanation,
    FactorOutcome,
    Nearest,
    RiskOutcome,
    RuleOutcome,
)
from pdp.model import Need, RequestError
from pdp.protoform import decision_from_proto, decision_to_proto, request_from_proto
from pdp.request import Request

_US_PER_S: Final = 1_000_000
_NS_PER_US: Final = 1_000
_NS_PER_S: Final = 1_000_000_000
# What a Timestamp may hold: the years 1 to 9999.
_SECONDS_MIN: Final = -62_135_596_800
_SECONDS_MAX: Final = 253_402_300_799


def question_from_proto(message: pb.DecideRequest) -> tuple[Request, int | None]:
    """The request in a message and the time to explain it at, if it names one; ``now`` may stand.

    Microseconds since 1970; what is finer is cut off. Raises RequestError as
    ``request_from_proto`` does, which refuses all else that Decide refuses.
    """
    if not message.HasField("now"):
        return request_from_proto(message), None
    bare = pb.DecideRequest()
    bare.CopyFrom(message)
    bare.ClearField("now")
    request = request_from_proto(bare)
    return request, _instant_us(message.now)


def _instant_us(now: Timestamp) -> int:
    if len(UnknownFieldSet(now)):
        raise RequestError("holds a field that this version does not know", "now")
    if not (_SECONDS_MIN <= now.seconds <= _SECONDS_MAX and 0 <= now.nanos < _NS_PER_S):
        raise RequestError("is no time of the years 1 to 9999", "now")
    return now.seconds * _US_PER_S + now.nanos // _NS_PER_US


def time_to_proto(now_us: int) -> Timestamp:
    """Microseconds since 1970 as a message."""
    seconds, rest_us = divmod(now_us, _US_PER_S)
    return Timestamp(seconds=seconds, nanos=rest_us * _NS_PER_US)


def explanation_to_proto(explanation: Explanation, request_id: str) -> pb.ExplainResponse:
    """The answer to send, without its receipt."""
    message = pb.ExplainResponse(
        decision=decision_to_proto(explanation.decision, request_id),
        now=time_to_proto(explanation.now_us),
        outcomes=_outcomes_to_proto(explanation.outcomes),
        left_out=explanation.left_out,
        nearest=[
            pb.NearestAllows(principal=item.principal, rules=_outcomes_to_proto(item.rules))
            for item in explanation.nearest
        ],
        approvers=[_approvers_to_proto(item) for item in explanation.approvers],
    )
    if explanation.risk is not None:
        message.risk.CopyFrom(_risk_to_proto(explanation.risk))
    return message


def explanation_from_proto(message: pb.ExplainResponse) -> Explanation:
    """What a client was told; never raises."""
    return Explanation(
        decision_from_proto(message.decision),
        message.now.seconds * _US_PER_S + message.now.nanos // _NS_PER_US,
        _outcomes_from_proto(message.outcomes),
        message.left_out,
        tuple(
            Nearest(item.principal, _outcomes_from_proto(item.rules)) for item in message.nearest
        ),
        _risk_from_proto(message.risk) if message.HasField("risk") else None,
        tuple(_approvers_from_proto(item) for item in message.approvers),
    )


def _outcomes_to_proto(outcomes: Iterable[RuleOutcome]) -> list[pb.RuleOutcome]:
    return [
        pb.RuleOutcome(
            principal=item.principal,
            rule=item.rule,
            effect=item.effect,
            outcome=item.outcome,
            unmet=[_condition_to_proto(condition) for condition in item.unmet],
            unmet_left_out=item.unmet_left_out,
            is_determining=item.determining,
            is_shadow=item.shadow,
        )
        for item in outcomes
    ]


def _outcomes_from_proto(messages: Iterable[pb.RuleOutcome]) -> tuple[RuleOutcome, ...]:
    return tuple(
        RuleOutcome(
            message.principal,
            message.rule,
            message.effect,
            message.outcome,
            tuple(_condition_from_proto(condition) for condition in message.unmet),
            message.unmet_left_out,
            message.is_determining,
            message.is_shadow,
        )
        for message in messages
    )


def _condition_to_proto(condition: Condition) -> pb.Condition:
    return pb.Condition(
        file=condition.file,
        line=condition.line,
        column=condition.column,
        text=condition.text,
        error=condition.error,
        values=[pb.ShownValue(path=path, value=value) for path, value in condition.values],
    )


def _condition_from_proto(message: pb.Condition) -> Condition:
    return Condition(
        message.file,
        message.line,
        message.column,
        message.text,
        message.error,
        tuple((item.path, item.value) for item in message.values),
    )


def _risk_to_proto(risk: RiskOutcome) -> pb.RiskOutcome:
    return pb.RiskOutcome(
        points=risk.points,
        tier=risk.tier,
        factors=[
            pb.FactorOutcome(
                reason=factor.reason,
                points=factor.points,
                outcome=factor.outcome,
                condition=_condition_to_proto(factor.condition),
            )
            for factor in risk.factors
        ],
    )


def _risk_from_proto(message: pb.RiskOutcome) -> RiskOutcome:
    return RiskOutcome(
        message.points,
        message.tier,
        tuple(
            FactorOutcome(
                item.reason, item.points, item.outcome, _condition_from_proto(item.condition)
            )
            for item in message.factors
        ),
    )


def _approvers_to_proto(approvers: Approvers) -> pb.NeedApprovers:
    need = approvers.need
    return pb.NeedApprovers(
        need=pb.Need(group=need.group, where=need.where, count=need.count),
        count=approvers.count,
        people=approvers.people,
    )


def _approvers_from_proto(message: pb.NeedApprovers) -> Approvers:
    need = message.need
    return Approvers(Need(need.group, need.where, need.count), message.count, tuple(message.people))


__all__ = ["explanation_from_proto", "explanation_to_proto", "question_from_proto", "time_to_proto"]
