import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Effect(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EFFECT_UNSPECIFIED: _ClassVar[Effect]
    EFFECT_ALLOW: _ClassVar[Effect]
    EFFECT_DENY: _ClassVar[Effect]
    EFFECT_REQUIRE_APPROVAL: _ClassVar[Effect]

class DenyCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DENY_CAUSE_UNSPECIFIED: _ClassVar[DenyCause]
    DENY_CAUSE_RULE: _ClassVar[DenyCause]
    DENY_CAUSE_ERROR: _ClassVar[DenyCause]
    DENY_CAUSE_UNATTRIBUTED: _ClassVar[DenyCause]
    DENY_CAUSE_NO_ALLOW: _ClassVar[DenyCause]
    DENY_CAUSE_UNSUPPORTED_OBLIGATION: _ClassVar[DenyCause]
    DENY_CAUSE_NO_ELIGIBLE_APPROVER: _ClassVar[DenyCause]
    DENY_CAUSE_APPROVAL_MISMATCH: _ClassVar[DenyCause]
    DENY_CAUSE_APPROVAL_EXPIRED: _ClassVar[DenyCause]
    DENY_CAUSE_INVALID_REQUEST: _ClassVar[DenyCause]
    DENY_CAUSE_BUNDLE_EXPIRED: _ClassVar[DenyCause]
    DENY_CAUSE_STOPPED: _ClassVar[DenyCause]

class NextAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NEXT_ACTION_NONE: _ClassVar[NextAction]
    NEXT_ACTION_REQUEST_APPROVAL: _ClassVar[NextAction]
    NEXT_ACTION_RETRY: _ClassVar[NextAction]
    NEXT_ACTION_HAND_OFF: _ClassVar[NextAction]

class OutcomeStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_STATUS_UNSPECIFIED: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_EXECUTED: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_FAILED: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_NOT_EXECUTED: _ClassVar[OutcomeStatus]
EFFECT_UNSPECIFIED: Effect
EFFECT_ALLOW: Effect
EFFECT_DENY: Effect
EFFECT_REQUIRE_APPROVAL: Effect
DENY_CAUSE_UNSPECIFIED: DenyCause
DENY_CAUSE_RULE: DenyCause
DENY_CAUSE_ERROR: DenyCause
DENY_CAUSE_UNATTRIBUTED: DenyCause
DENY_CAUSE_NO_ALLOW: DenyCause
DENY_CAUSE_UNSUPPORTED_OBLIGATION: DenyCause
DENY_CAUSE_NO_ELIGIBLE_APPROVER: DenyCause
DENY_CAUSE_APPROVAL_MISMATCH: DenyCause
DENY_CAUSE_APPROVAL_EXPIRED: DenyCause
DENY_CAUSE_INVALID_REQUEST: DenyCause
DENY_CAUSE_BUNDLE_EXPIRED: DenyCause
DENY_CAUSE_STOPPED: DenyCause
NEXT_ACTION_NONE: NextAction
NEXT_ACTION_REQUEST_APPROVAL: NextAction
NEXT_ACTION_RETRY: NextAction
NEXT_ACTION_HAND_OFF: NextAction
OUTCOME_STATUS_UNSPECIFIED: OutcomeStatus
OUTCOME_STATUS_EXECUTED: OutcomeStatus
OUTCOME_STATUS_FAILED: OutcomeStatus
OUTCOME_STATUS_NOT_EXECUTED: OutcomeStatus

class Entity(_message.Message):
    __slots__ = ("type", "id", "attributes", "groups")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    type: str
    id: str
    attributes: str
    groups: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, type: _Optional[str] = ..., id: _Optional[str] = ..., attributes: _Optional[str] = ..., groups: _Optional[_Iterable[str]] = ...) -> None: ...

class Session(_message.Message):
    __slots__ = ("session_id", "task_id", "traceparent", "tracestate")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    TRACESTATE_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    task_id: str
    traceparent: str
    tracestate: str
    def __init__(self, session_id: _Optional[str] = ..., task_id: _Optional[str] = ..., traceparent: _Optional[str] = ..., tracestate: _Optional[str] = ...) -> None: ...

class ToolIdentity(_message.Message):
    __slots__ = ("server", "name", "definition_digest")
    SERVER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    server: str
    name: str
    definition_digest: str
    def __init__(self, server: _Optional[str] = ..., name: _Optional[str] = ..., definition_digest: _Optional[str] = ...) -> None: ...

class DecideRequest(_message.Message):
    __slots__ = ("request_id", "principal", "on_behalf_of", "action", "args", "resource", "context", "session", "supported_obligations", "grants", "tool", "entities", "now", "digest_salt")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SUPPORTED_OBLIGATIONS_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    DIGEST_SALT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    principal: Entity
    on_behalf_of: _containers.RepeatedCompositeFieldContainer[Entity]
    action: str
    args: str
    resource: Entity
    context: str
    session: Session
    supported_obligations: _containers.RepeatedScalarFieldContainer[str]
    grants: _containers.RepeatedScalarFieldContainer[bytes]
    tool: ToolIdentity
    entities: _containers.RepeatedCompositeFieldContainer[Entity]
    now: _timestamp_pb2.Timestamp
    digest_salt: bytes
    def __init__(self, request_id: _Optional[str] = ..., principal: _Optional[_Union[Entity, _Mapping]] = ..., on_behalf_of: _Optional[_Iterable[_Union[Entity, _Mapping]]] = ..., action: _Optional[str] = ..., args: _Optional[str] = ..., resource: _Optional[_Union[Entity, _Mapping]] = ..., context: _Optional[str] = ..., session: _Optional[_Union[Session, _Mapping]] = ..., supported_obligations: _Optional[_Iterable[str]] = ..., grants: _Optional[_Iterable[bytes]] = ..., tool: _Optional[_Union[ToolIdentity, _Mapping]] = ..., entities: _Optional[_Iterable[_Union[Entity, _Mapping]]] = ..., now: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., digest_salt: _Optional[bytes] = ...) -> None: ...

class DeterminingRule(_message.Message):
    __slots__ = ("rule", "owner", "contact", "because")
    RULE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    rule: str
    owner: str
    contact: str
    because: str
    def __init__(self, rule: _Optional[str] = ..., owner: _Optional[str] = ..., contact: _Optional[str] = ..., because: _Optional[str] = ...) -> None: ...

class Attribution(_message.Message):
    __slots__ = ("accountable", "agent", "chain", "policy_owners")
    ACCOUNTABLE_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    POLICY_OWNERS_FIELD_NUMBER: _ClassVar[int]
    accountable: str
    agent: str
    chain: _containers.RepeatedScalarFieldContainer[str]
    policy_owners: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, accountable: _Optional[str] = ..., agent: _Optional[str] = ..., chain: _Optional[_Iterable[str]] = ..., policy_owners: _Optional[_Iterable[str]] = ...) -> None: ...

class Obligation(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class Need(_message.Message):
    __slots__ = ("group", "where", "count")
    GROUP_FIELD_NUMBER: _ClassVar[int]
    WHERE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    group: str
    where: str
    count: int
    def __init__(self, group: _Optional[str] = ..., where: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class ShownValue(_message.Message):
    __slots__ = ("path", "value")
    PATH_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    path: str
    value: str
    def __init__(self, path: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class Escalation(_message.Message):
    __slots__ = ("after_s", "route", "needs", "exclude", "decide_within_s", "use_within_s", "confirm_user")
    AFTER_S_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    NEEDS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_FIELD_NUMBER: _ClassVar[int]
    DECIDE_WITHIN_S_FIELD_NUMBER: _ClassVar[int]
    USE_WITHIN_S_FIELD_NUMBER: _ClassVar[int]
    CONFIRM_USER_FIELD_NUMBER: _ClassVar[int]
    after_s: int
    route: str
    needs: _containers.RepeatedCompositeFieldContainer[Need]
    exclude: _containers.RepeatedScalarFieldContainer[str]
    decide_within_s: int
    use_within_s: int
    confirm_user: bool
    def __init__(self, after_s: _Optional[int] = ..., route: _Optional[str] = ..., needs: _Optional[_Iterable[_Union[Need, _Mapping]]] = ..., exclude: _Optional[_Iterable[str]] = ..., decide_within_s: _Optional[int] = ..., use_within_s: _Optional[int] = ..., confirm_user: _Optional[bool] = ...) -> None: ...

class ApprovalRequirement(_message.Message):
    __slots__ = ("routes", "needs", "exclude", "decide_within_s", "use_within_s", "request_digest", "show", "confirm_user", "escalations")
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    NEEDS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_FIELD_NUMBER: _ClassVar[int]
    DECIDE_WITHIN_S_FIELD_NUMBER: _ClassVar[int]
    USE_WITHIN_S_FIELD_NUMBER: _ClassVar[int]
    REQUEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SHOW_FIELD_NUMBER: _ClassVar[int]
    CONFIRM_USER_FIELD_NUMBER: _ClassVar[int]
    ESCALATIONS_FIELD_NUMBER: _ClassVar[int]
    routes: _containers.RepeatedScalarFieldContainer[str]
    needs: _containers.RepeatedCompositeFieldContainer[Need]
    exclude: _containers.RepeatedScalarFieldContainer[str]
    decide_within_s: int
    use_within_s: int
    request_digest: str
    show: _containers.RepeatedCompositeFieldContainer[ShownValue]
    confirm_user: bool
    escalations: _containers.RepeatedCompositeFieldContainer[Escalation]
    def __init__(self, routes: _Optional[_Iterable[str]] = ..., needs: _Optional[_Iterable[_Union[Need, _Mapping]]] = ..., exclude: _Optional[_Iterable[str]] = ..., decide_within_s: _Optional[int] = ..., use_within_s: _Optional[int] = ..., request_digest: _Optional[str] = ..., show: _Optional[_Iterable[_Union[ShownValue, _Mapping]]] = ..., confirm_user: _Optional[bool] = ..., escalations: _Optional[_Iterable[_Union[Escalation, _Mapping]]] = ...) -> None: ...

class RiskAssessment(_message.Message):
    __slots__ = ("points", "reasons", "tier")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    points: int
    reasons: _containers.RepeatedScalarFieldContainer[str]
    tier: str
    def __init__(self, points: _Optional[int] = ..., reasons: _Optional[_Iterable[str]] = ..., tier: _Optional[str] = ...) -> None: ...

class BundleIdentity(_message.Message):
    __slots__ = ("name", "version", "digest", "is_signed", "revision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    IS_SIGNED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    digest: str
    is_signed: bool
    revision: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., digest: _Optional[str] = ..., is_signed: _Optional[bool] = ..., revision: _Optional[int] = ...) -> None: ...

class ReceiptPointer(_message.Message):
    __slots__ = ("log_id", "seq", "leaf_hash")
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    LEAF_HASH_FIELD_NUMBER: _ClassVar[int]
    log_id: str
    seq: int
    leaf_hash: str
    def __init__(self, log_id: _Optional[str] = ..., seq: _Optional[int] = ..., leaf_hash: _Optional[str] = ...) -> None: ...

class Reasons(_message.Message):
    __slots__ = ("for_model", "for_person", "for_auditor")
    FOR_MODEL_FIELD_NUMBER: _ClassVar[int]
    FOR_PERSON_FIELD_NUMBER: _ClassVar[int]
    FOR_AUDITOR_FIELD_NUMBER: _ClassVar[int]
    for_model: str
    for_person: str
    for_auditor: str
    def __init__(self, for_model: _Optional[str] = ..., for_person: _Optional[str] = ..., for_auditor: _Optional[str] = ...) -> None: ...

class DecideResponse(_message.Message):
    __slots__ = ("effect", "decision_id", "cause", "rules", "attribution", "obligations", "approval", "risk", "bundle", "receipt", "reasons", "next_action", "request_id", "request_digest")
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    OBLIGATIONS_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    RISK_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_ACTION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    effect: Effect
    decision_id: str
    cause: DenyCause
    rules: _containers.RepeatedCompositeFieldContainer[DeterminingRule]
    attribution: Attribution
    obligations: _containers.RepeatedCompositeFieldContainer[Obligation]
    approval: ApprovalRequirement
    risk: RiskAssessment
    bundle: BundleIdentity
    receipt: ReceiptPointer
    reasons: Reasons
    next_action: NextAction
    request_id: str
    request_digest: str
    def __init__(self, effect: _Optional[_Union[Effect, str]] = ..., decision_id: _Optional[str] = ..., cause: _Optional[_Union[DenyCause, str]] = ..., rules: _Optional[_Iterable[_Union[DeterminingRule, _Mapping]]] = ..., attribution: _Optional[_Union[Attribution, _Mapping]] = ..., obligations: _Optional[_Iterable[_Union[Obligation, _Mapping]]] = ..., approval: _Optional[_Union[ApprovalRequirement, _Mapping]] = ..., risk: _Optional[_Union[RiskAssessment, _Mapping]] = ..., bundle: _Optional[_Union[BundleIdentity, _Mapping]] = ..., receipt: _Optional[_Union[ReceiptPointer, _Mapping]] = ..., reasons: _Optional[_Union[Reasons, _Mapping]] = ..., next_action: _Optional[_Union[NextAction, str]] = ..., request_id: _Optional[str] = ..., request_digest: _Optional[str] = ...) -> None: ...

class DecideBatchRequest(_message.Message):
    __slots__ = ("defaults", "items", "joined")
    DEFAULTS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    defaults: DecideRequest
    items: _containers.RepeatedCompositeFieldContainer[DecideRequest]
    joined: bool
    def __init__(self, defaults: _Optional[_Union[DecideRequest, _Mapping]] = ..., items: _Optional[_Iterable[_Union[DecideRequest, _Mapping]]] = ..., joined: _Optional[bool] = ...) -> None: ...

class DecideBatchResponse(_message.Message):
    __slots__ = ("answers", "joined")
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[DecideResponse]
    joined: DecideResponse
    def __init__(self, answers: _Optional[_Iterable[_Union[DecideResponse, _Mapping]]] = ..., joined: _Optional[_Union[DecideResponse, _Mapping]] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("file", "line", "column", "text", "error", "values")
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    file: str
    line: int
    column: int
    text: str
    error: str
    values: _containers.RepeatedCompositeFieldContainer[ShownValue]
    def __init__(self, file: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ..., text: _Optional[str] = ..., error: _Optional[str] = ..., values: _Optional[_Iterable[_Union[ShownValue, _Mapping]]] = ...) -> None: ...

class RuleOutcome(_message.Message):
    __slots__ = ("principal", "rule", "effect", "outcome", "unmet", "unmet_left_out", "is_determining", "is_shadow")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    UNMET_FIELD_NUMBER: _ClassVar[int]
    UNMET_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    IS_DETERMINING_FIELD_NUMBER: _ClassVar[int]
    IS_SHADOW_FIELD_NUMBER: _ClassVar[int]
    principal: str
    rule: str
    effect: str
    outcome: str
    unmet: _containers.RepeatedCompositeFieldContainer[Condition]
    unmet_left_out: int
    is_determining: bool
    is_shadow: bool
    def __init__(self, principal: _Optional[str] = ..., rule: _Optional[str] = ..., effect: _Optional[str] = ..., outcome: _Optional[str] = ..., unmet: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ..., unmet_left_out: _Optional[int] = ..., is_determining: _Optional[bool] = ..., is_shadow: _Optional[bool] = ...) -> None: ...

class NearestAllows(_message.Message):
    __slots__ = ("principal", "rules")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    principal: str
    rules: _containers.RepeatedCompositeFieldContainer[RuleOutcome]
    def __init__(self, principal: _Optional[str] = ..., rules: _Optional[_Iterable[_Union[RuleOutcome, _Mapping]]] = ...) -> None: ...

class FactorOutcome(_message.Message):
    __slots__ = ("reason", "points", "outcome", "condition")
    REASON_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    reason: str
    points: int
    outcome: str
    condition: Condition
    def __init__(self, reason: _Optional[str] = ..., points: _Optional[int] = ..., outcome: _Optional[str] = ..., condition: _Optional[_Union[Condition, _Mapping]] = ...) -> None: ...

class RiskOutcome(_message.Message):
    __slots__ = ("points", "tier", "factors")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    FACTORS_FIELD_NUMBER: _ClassVar[int]
    points: int
    tier: str
    factors: _containers.RepeatedCompositeFieldContainer[FactorOutcome]
    def __init__(self, points: _Optional[int] = ..., tier: _Optional[str] = ..., factors: _Optional[_Iterable[_Union[FactorOutcome, _Mapping]]] = ...) -> None: ...

class NeedApprovers(_message.Message):
    __slots__ = ("need", "count", "people")
    NEED_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    need: Need
    count: int
    people: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, need: _Optional[_Union[Need, _Mapping]] = ..., count: _Optional[int] = ..., people: _Optional[_Iterable[str]] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("decision", "now", "outcomes", "left_out", "nearest", "risk", "approvers", "receipt")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    NEAREST_FIELD_NUMBER: _ClassVar[int]
    RISK_FIELD_NUMBER: _ClassVar[int]
    APPROVERS_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    decision: DecideResponse
    now: _timestamp_pb2.Timestamp
    outcomes: _containers.RepeatedCompositeFieldContainer[RuleOutcome]
    left_out: int
    nearest: _containers.RepeatedCompositeFieldContainer[NearestAllows]
    risk: RiskOutcome
    approvers: _containers.RepeatedCompositeFieldContainer[NeedApprovers]
    receipt: ReceiptPointer
    def __init__(self, decision: _Optional[_Union[DecideResponse, _Mapping]] = ..., now: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., outcomes: _Optional[_Iterable[_Union[RuleOutcome, _Mapping]]] = ..., left_out: _Optional[int] = ..., nearest: _Optional[_Iterable[_Union[NearestAllows, _Mapping]]] = ..., risk: _Optional[_Union[RiskOutcome, _Mapping]] = ..., approvers: _Optional[_Iterable[_Union[NeedApprovers, _Mapping]]] = ..., receipt: _Optional[_Union[ReceiptPointer, _Mapping]] = ...) -> None: ...

class OutcomeRequest(_message.Message):
    __slots__ = ("decision_id", "request_digest", "status", "effect")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    request_digest: str
    status: OutcomeStatus
    effect: Effect
    def __init__(self, decision_id: _Optional[str] = ..., request_digest: _Optional[str] = ..., status: _Optional[_Union[OutcomeStatus, str]] = ..., effect: _Optional[_Union[Effect, str]] = ...) -> None: ...

class OutcomeResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: ReceiptPointer
    def __init__(self, receipt: _Optional[_Union[ReceiptPointer, _Mapping]] = ...) -> None: ...

class ReceiptRequest(_message.Message):
    __slots__ = ("pointer",)
    POINTER_FIELD_NUMBER: _ClassVar[int]
    pointer: ReceiptPointer
    def __init__(self, pointer: _Optional[_Union[ReceiptPointer, _Mapping]] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("pointer", "tree_size", "root", "path", "checkpoint")
    POINTER_FIELD_NUMBER: _ClassVar[int]
    TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    pointer: ReceiptPointer
    tree_size: int
    root: str
    path: _containers.RepeatedScalarFieldContainer[str]
    checkpoint: str
    def __init__(self, pointer: _Optional[_Union[ReceiptPointer, _Mapping]] = ..., tree_size: _Optional[int] = ..., root: _Optional[str] = ..., path: _Optional[_Iterable[str]] = ..., checkpoint: _Optional[str] = ...) -> None: ...
