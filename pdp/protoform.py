"""Requests and decisions as protobuf messages and back; shape only, no meaning, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from pdp import model
from pdp._proto import decision_pb2 as pb
from pdp.model import (
    ApprovalRequirement,
    Attribution,
    BundleIdentity,
    Decision,
    DenyCause,
    DeterminingRule,
    Effect,
    Entity,
    Escalation,
    Need,
    NextAction,
    Obligation,
    Reasons,
    ReceiptPointer,
    RequestError,
    RiskAssessment,
    Session,
    ToolIdentity,
)
from pdp.request import NO_SESSION, Request, check_limits

# One row for each member, both ways.
EFFECT_TO_NUMBER: Final[dict[Effect, pb.Effect]] = {
    Effect.ALLOW: pb.EFFECT_ALLOW,
    Effect.DENY: pb.EFFECT_DENY,
    Effect.REQUIRE_APPROVAL: pb.EFFECT_REQUIRE_APPROVAL,
}
CAUSE_TO_NUMBER: Final[dict[DenyCause, pb.DenyCause]] = {
    DenyCause.RULE: pb.DENY_CAUSE_RULE,
    DenyCause.ERROR: pb.DENY_CAUSE_ERROR,
    DenyCause.UNATTRIBUTED: pb.DENY_CAUSE_UNATTRIBUTED,
    DenyCause.NO_ALLOW: pb.DENY_CAUSE_NO_ALLOW,
    DenyCause.UNSUPPORTED_OBLIGATION: pb.DENY_CAUSE_UNSUPPORTED_OBLIGATION,
    DenyCause.NO_ELIGIBLE_APPROVER: pb.DENY_CAUSE_NO_ELIGIBLE_APPROVER,
    DenyCause.APPROVAL_MISMATCH: pb.DENY_CAUSE_APPROVAL_MISMATCH,
    DenyCause.APPROVAL_EXPIRED: pb.DENY_CAUSE_APPROVAL_EXPIRED,
    DenyCause.INVALID_REQUEST: pb.DENY_CAUSE_INVALID_REQUEST,
    DenyCause.BUNDLE_EXPIRED: pb.DENY_CAUSE_BUNDLE_EXPIRED,
    DenyCause.STOPPED: pb.DENY_CAUSE_STOPPED,
}
NEXT_TO_NUMBER: Final[dict[NextAction, pb.NextAction]] = {
    NextAction.NONE: pb.NEXT_ACTION_NONE,
    NextAction.REQUEST_APPROVAL: pb.NEXT_ACTION_REQUEST_APPROVAL,
    NextAction.RETRY: pb.NEXT_ACTION_RETRY,
    NextAction.HAND_OFF: pb.NEXT_ACTION_HAND_OFF,
}
_NUMBER_TO_EFFECT: Final = {int(number): item for item, number in EFFECT_TO_NUMBER.items()}
_NUMBER_TO_CAUSE: Final = {int(number): item for item, number in CAUSE_TO_NUMBER.items()}
_NUMBER_TO_NEXT: Final = {int(number): item for item, number in NEXT_TO_NUMBER.items()}


def request_to_proto(request: Request) -> pb.DecideRequest:
    """The message a client sends for ``request``. Raises RequestError for a lone surrogate."""
    try:
        message = pb.DecideRequest(
            request_id=request.request_id,
            principal=_entity_to_proto(request.principal),
            on_behalf_of=[_entity_to_proto(entity) for entity in request.on_behalf_of],
            action=request.action,
            args=request.args,
            context=request.context,
            supported_obligations=request.supported_obligations,
            grants=request.grants,
            entities=[_entity_to_proto(entity) for entity in request.entities],
            digest_salt=request.digest_salt,
        )
        if request.resource is not None:
            message.resource.CopyFrom(_entity_to_proto(request.resource))
        if request.session != Session():
            message.session.CopyFrom(_session_to_proto(request.session))
        if request.tool is not None:
            message.tool.CopyFrom(_tool_to_proto(request.tool))
    except UnicodeEncodeError:
        raise RequestError("holds a lone surrogate") from None
    return message


def request_from_proto(message: pb.DecideRequest, data: bytes | None = None) -> Request:
    """The request in a message, within limits. Raises RequestError naming the field at fault.

    Empty ``args`` and ``context`` mean ``{}``. A field this version does not know is refused, since
    it could have been a restriction. ``data`` are the bytes that ``message`` was parsed from, if
    the caller has them and needs ``message`` no more: it loses what this version does not know.
    """
    if data is None:
        _refuse_unknown(message)
    else:
        message.DiscardUnknownFields()
        # What is known takes at least this many bytes, so as many leave no room for anything else.
        if message.ByteSize() != len(data):
            _refuse_unknown(pb.DecideRequest.FromString(data))
    has = message.HasField
    if not has("principal"):
        raise RequestError("is missing", "principal")
    if has("now"):
        raise RequestError("is the PDP's to say; leave it out", "now")
    supported, grants, entities = message.supported_obligations, message.grants, message.entities
    # By position, in the order of Request: this is done for every call. Asking a repeated field
    # whether it is empty takes a third of what copying nothing takes.
    request = Request(
        _entity_from_proto(message.principal),
        message.action,
        message.args or "{}",
        _entity_from_proto(message.resource) if has("resource") else None,
        message.context or "{}",
        tuple([_entity_from_proto(entity) for entity in message.on_behalf_of]),
        message.request_id,
        _session_from_proto(message.session) if has("session") else NO_SESSION,
        tuple(supported) if supported else (),
        tuple(grants) if grants else (),
        _tool_from_proto(message.tool) if has("tool") else None,
        tuple([_entity_from_proto(entity) for entity in entities]) if entities else (),
        message.digest_salt,
    )
    check_limits(request)
    return request


def decision_to_proto(decision: Decision, request_id: str) -> pb.DecideResponse:
    """The answer to send. Rule errors, shadow outcomes and hidden paths are the log's: left out."""
    message = pb.DecideResponse(
        effect=EFFECT_TO_NUMBER[decision.effect],
        decision_id=decision.decision_id,
        rules=[_rule_to_proto(rule) for rule in decision.rules],
        attribution=_attribution_to_proto(decision.attribution),
        obligations=[
            pb.Obligation(name=item.name, value=item.value) for item in decision.obligations
        ],
        bundle=bundle_to_proto(decision.bundle),
        reasons=pb.Reasons(
            for_model=decision.reasons.for_model,
            for_person=decision.reasons.for_person,
            for_auditor=decision.reasons.for_auditor,
        ),
        next_action=NEXT_TO_NUMBER[decision.next_action],
        request_id=request_id,
        request_digest=decision.request_digest,
    )
    if decision.cause is not None:
        message.cause = CAUSE_TO_NUMBER[decision.cause]
    if decision.approval is not None:
        message.approval.CopyFrom(_approval_to_proto(decision.approval, decision.request_digest))
    if decision.risk is not None:
        message.risk.CopyFrom(_risk_to_proto(decision.risk))
    if decision.receipt is not None:
        message.receipt.CopyFrom(receipt_to_proto(decision.receipt))
    return message


def decision_from_proto(message: pb.DecideResponse) -> Decision:
    """The answer as a client may act on it; never raises.

    An effect that is unspecified or unknown, an unknown cause, or a cause beside an effect other
    than deny makes the answer DENY, with the cause if it is known and without an approval.
    """
    cause = _NUMBER_TO_CAUSE.get(message.cause)
    effect = _NUMBER_TO_EFFECT.get(message.effect, Effect.DENY)
    if message.cause != pb.DENY_CAUSE_UNSPECIFIED:
        effect = Effect.DENY
    approval = None
    if effect is Effect.REQUIRE_APPROVAL and message.HasField("approval"):
        approval = _approval_from_proto(message.approval)
    reasons = message.reasons
    return Decision(
        effect=effect,
        cause=cause,
        rules=tuple(_rule_from_proto(rule) for rule in message.rules),
        attribution=_attribution_from_proto(message.attribution),
        obligations=tuple(Obligation(item.name, item.value) for item in message.obligations),
        approval=approval,
        risk=_risk_from_proto(message.risk) if message.HasField("risk") else None,
        bundle=bundle_from_proto(message.bundle),
        reasons=Reasons(reasons.for_model, reasons.for_person, reasons.for_auditor),
        next_action=_NUMBER_TO_NEXT.get(message.next_action, NextAction.NONE),
        request_digest=message.request_digest,
        decision_id=message.decision_id,
        receipt=receipt_from_proto(message.receipt) if message.HasField("receipt") else None,
    )


def bundle_to_proto(bundle: BundleIdentity) -> pb.BundleIdentity:
    """Which policies decided, as a message."""
    return pb.BundleIdentity(
        name=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        is_signed=bundle.signed,
        revision=bundle.revision,
    )


def bundle_from_proto(message: pb.BundleIdentity) -> BundleIdentity:
    """Which policies decided, from a message."""
    return BundleIdentity(
        message.name, message.version, message.digest, message.is_signed, message.revision
    )


def receipt_to_proto(receipt: ReceiptPointer) -> pb.ReceiptPointer:
    """Where the record is, as a message."""
    return pb.ReceiptPointer(log_id=receipt.log_id, seq=receipt.seq, leaf_hash=receipt.leaf_hash)


def receipt_from_proto(message: pb.ReceiptPointer) -> ReceiptPointer:
    """Where the record is, from a message."""
    return ReceiptPointer(message.log_id, message.seq, message.leaf_hash)


def _refuse_unknown(message: pb.DecideRequest) -> None:
    size_bytes = message.ByteSize()
    if size_bytes > model.REQUEST_BYTES_MAX:
        raise RequestError(f"is larger than {model.REQUEST_BYTES_MAX} bytes")
    known = pb.DecideRequest()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    # Also finds unknown fields of nested messages, and known fields sent with another wire type.
    if known.ByteSize() != size_bytes:
        raise RequestError(
            "holds a field that this version does not know", _unknown_field(message, "")
        )


def _unknown_field(message: Message, path: str) -> str:
    """Where the first unknown field stands, such as ``principal.99``; for the refusal only."""
    unknown = UnknownFieldSet(message)
    if len(unknown) > 0:
        return f"{path}{unknown[0].field_number}"
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        items = value if field.is_repeated else [value]
        for index, item in enumerate(items):
            place = f"{field.name}[{index}]." if field.is_repeated else f"{field.name}."
            found = _unknown_field(item, f"{path}{place}")
            if found:
                return found
    return ""


def _entity_to_proto(entity: Entity) -> pb.Entity:
    return pb.Entity(
        type=entity.type, id=entity.id, attributes=entity.attributes, groups=entity.groups
    )


def _entity_from_proto(message: pb.Entity) -> Entity:
    attributes = message.attributes if message.HasField("attributes") else None
    groups = message.groups
    return Entity(message.type, message.id, attributes, tuple(groups) if groups else ())


def _session_to_proto(session: Session) -> pb.Session:
    return pb.Session(
        session_id=session.session_id,
        task_id=session.task_id,
        traceparent=session.traceparent,
        tracestate=session.tracestate,
    )


def _session_from_proto(message: pb.Session) -> Session:
    return Session(message.session_id, message.task_id, message.traceparent, message.tracestate)


def _tool_to_proto(tool: ToolIdentity) -> pb.ToolIdentity:
    return pb.ToolIdentity(
        server=tool.server, name=tool.name, definition_digest=tool.definition_digest
    )


def _tool_from_proto(message: pb.ToolIdentity) -> ToolIdentity:
    return ToolIdentity(message.server, message.name, message.definition_digest)


def _rule_to_proto(rule: DeterminingRule) -> pb.DeterminingRule:
    return pb.DeterminingRule(
        rule=rule.rule, owner=rule.owner, contact=rule.contact, because=rule.because
    )


def _rule_from_proto(message: pb.DeterminingRule) -> DeterminingRule:
    return DeterminingRule(message.rule, message.owner, message.contact, message.because)


def _attribution_to_proto(attribution: Attribution) -> pb.Attribution:
    return pb.Attribution(
        accountable=attribution.accountable,
        agent=attribution.agent,
        chain=attribution.chain,
        policy_owners=attribution.policy_owners,
    )


def _attribution_from_proto(message: pb.Attribution) -> Attribution:
    return Attribution(
        message.accountable, message.agent, tuple(message.chain), tuple(message.policy_owners)
    )


def _approval_to_proto(approval: ApprovalRequirement, digest: str) -> pb.ApprovalRequirement:
    return pb.ApprovalRequirement(
        routes=approval.routes,
        needs=_needs_to_proto(approval.needs),
        exclude=approval.exclude,
        decide_within_s=approval.decide_within_s,
        use_within_s=approval.use_within_s,
        request_digest=digest,
        show=[pb.ShownValue(path=path, value=value) for path, value in approval.show],
        confirm_user=approval.confirm_user,
        escalations=[_escalation_to_proto(item) for item in approval.escalations],
    )


def _approval_from_proto(message: pb.ApprovalRequirement) -> ApprovalRequirement:
    return ApprovalRequirement(
        routes=tuple(message.routes),
        needs=_needs_from_proto(message.needs),
        exclude=tuple(message.exclude),
        decide_within_s=message.decide_within_s,
        use_within_s=message.use_within_s,
        show=tuple(
            (item.path, item.value if item.HasField("value") else None) for item in message.show
        ),
        confirm_user=message.confirm_user,
        escalations=tuple(_escalation_from_proto(item) for item in message.escalations),
    )


def _escalation_to_proto(escalation: Escalation) -> pb.Escalation:
    return pb.Escalation(
        after_s=escalation.after_s,
        route=escalation.route,
        needs=_needs_to_proto(escalation.needs),
        exclude=escalation.exclude,
        decide_within_s=escalation.decide_within_s,
        use_within_s=escalation.use_within_s,
        confirm_user=escalation.confirm_user,
    )


def _escalation_from_proto(message: pb.Escalation) -> Escalation:
    return Escalation(
        after_s=message.after_s,
        route=message.route,
        needs=_needs_from_proto(message.needs),
        exclude=tuple(message.exclude),
        decide_within_s=message.decide_within_s,
        use_within_s=message.use_within_s,
        confirm_user=message.confirm_user,
    )


def _needs_to_proto(needs: Iterable[Need]) -> list[pb.Need]:
    return [pb.Need(group=need.group, where=need.where, count=need.count) for need in needs]


def _needs_from_proto(messages: Iterable[pb.Need]) -> tuple[Need, ...]:
    return tuple(Need(message.group, message.where, message.count) for message in messages)


def _risk_to_proto(risk: RiskAssessment) -> pb.RiskAssessment:
    return pb.RiskAssessment(points=risk.points, reasons=risk.reasons, tier=risk.tier)


def _risk_from_proto(message: pb.RiskAssessment) -> RiskAssessment:
    return RiskAssessment(message.points, tuple(message.reasons), message.tier)
