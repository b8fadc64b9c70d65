from pdp._proto import decision_pb2 as _decision_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecordKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECORD_KIND_UNSPECIFIED: _ClassVar[RecordKind]
    RECORD_KIND_DECISION: _ClassVar[RecordKind]
    RECORD_KIND_JOINED_DECISION: _ClassVar[RecordKind]
    RECORD_KIND_REFUSAL: _ClassVar[RecordKind]
    RECORD_KIND_SHED_SUMMARY: _ClassVar[RecordKind]
    RECORD_KIND_APPROVAL_STEP: _ClassVar[RecordKind]
    RECORD_KIND_REDEMPTION: _ClassVar[RecordKind]
    RECORD_KIND_OUTCOME: _ClassVar[RecordKind]
    RECORD_KIND_BUNDLE_ACTIVATION: _ClassVar[RecordKind]
    RECORD_KIND_STOP_ORDER: _ClassVar[RecordKind]
    RECORD_KIND_KEY_CHANGE: _ClassVar[RecordKind]
    RECORD_KIND_SETTINGS: _ClassVar[RecordKind]
    RECORD_KIND_ERASURE: _ClassVar[RecordKind]
    RECORD_KIND_RECOVERY: _ClassVar[RecordKind]
    RECORD_KIND_CHECKPOINT: _ClassVar[RecordKind]
    RECORD_KIND_START: _ClassVar[RecordKind]
    RECORD_KIND_STOP: _ClassVar[RecordKind]
    RECORD_KIND_EXPLANATION: _ClassVar[RecordKind]
    RECORD_KIND_BUNDLE_REFUSAL: _ClassVar[RecordKind]
    RECORD_KIND_SHADOW_FLIP: _ClassVar[RecordKind]

class StopKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOP_KIND_UNSPECIFIED: _ClassVar[StopKind]
    STOP_KIND_AGENT: _ClassVar[StopKind]
    STOP_KIND_PERSON: _ClassVar[StopKind]
    STOP_KIND_ACTION: _ClassVar[StopKind]
    STOP_KIND_TOOL: _ClassVar[StopKind]
RECORD_KIND_UNSPECIFIED: RecordKind
RECORD_KIND_DECISION: RecordKind
RECORD_KIND_JOINED_DECISION: RecordKind
RECORD_KIND_REFUSAL: RecordKind
RECORD_KIND_SHED_SUMMARY: RecordKind
RECORD_KIND_APPROVAL_STEP: RecordKind
RECORD_KIND_REDEMPTION: RecordKind
RECORD_KIND_OUTCOME: RecordKind
RECORD_KIND_BUNDLE_ACTIVATION: RecordKind
RECORD_KIND_STOP_ORDER: RecordKind
RECORD_KIND_KEY_CHANGE: RecordKind
RECORD_KIND_SETTINGS: RecordKind
RECORD_KIND_ERASURE: RecordKind
RECORD_KIND_RECOVERY: RecordKind
RECORD_KIND_CHECKPOINT: RecordKind
RECORD_KIND_START: RecordKind
RECORD_KIND_STOP: RecordKind
RECORD_KIND_EXPLANATION: RecordKind
RECORD_KIND_BUNDLE_REFUSAL: RecordKind
RECORD_KIND_SHADOW_FLIP: RecordKind
STOP_KIND_UNSPECIFIED: StopKind
STOP_KIND_AGENT: StopKind
STOP_KIND_PERSON: StopKind
STOP_KIND_ACTION: StopKind
STOP_KIND_TOOL: StopKind

class RuleErrorRecord(_message.Message):
    __slots__ = ("rule", "kind", "file", "line", "column")
    RULE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    rule: str
    kind: str
    file: str
    line: int
    column: int
    def __init__(self, rule: _Optional[str] = ..., kind: _Optional[str] = ..., file: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ...) -> None: ...

class ShadowOutcomeRecord(_message.Message):
    __slots__ = ("rule", "effect", "outcome")
    RULE_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    rule: str
    effect: str
    outcome: str
    def __init__(self, rule: _Optional[str] = ..., effect: _Optional[str] = ..., outcome: _Optional[str] = ...) -> None: ...

class DecisionTimings(_message.Message):
    __slots__ = ("decide_ns",)
    DECIDE_NS_FIELD_NUMBER: _ClassVar[int]
    decide_ns: int
    def __init__(self, decide_ns: _Optional[int] = ...) -> None: ...

class DecisionRecord(_message.Message):
    __slots__ = ("decision_id", "time_unix_ns", "request", "answer", "errors", "omitted_paths", "request_digest", "bundle", "timings", "tzdata_version", "engine_version", "shadow")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    OMITTED_PATHS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    TZDATA_VERSION_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    time_unix_ns: int
    request: _decision_pb2.DecideRequest
    answer: _decision_pb2.DecideResponse
    errors: _containers.RepeatedCompositeFieldContainer[RuleErrorRecord]
    omitted_paths: _containers.RepeatedScalarFieldContainer[str]
    request_digest: str
    bundle: _decision_pb2.BundleIdentity
    timings: DecisionTimings
    tzdata_version: str
    engine_version: str
    shadow: _containers.RepeatedCompositeFieldContainer[ShadowOutcomeRecord]
    def __init__(self, decision_id: _Optional[str] = ..., time_unix_ns: _Optional[int] = ..., request: _Optional[_Union[_decision_pb2.DecideRequest, _Mapping]] = ..., answer: _Optional[_Union[_decision_pb2.DecideResponse, _Mapping]] = ..., errors: _Optional[_Iterable[_Union[RuleErrorRecord, _Mapping]]] = ..., omitted_paths: _Optional[_Iterable[str]] = ..., request_digest: _Optional[str] = ..., bundle: _Optional[_Union[_decision_pb2.BundleIdentity, _Mapping]] = ..., timings: _Optional[_Union[DecisionTimings, _Mapping]] = ..., tzdata_version: _Optional[str] = ..., engine_version: _Optional[str] = ..., shadow: _Optional[_Iterable[_Union[ShadowOutcomeRecord, _Mapping]]] = ...) -> None: ...

class RefusalRecord(_message.Message):
    __slots__ = ("time_unix_ns", "peer", "rpc", "status", "reason", "field", "request_bytes", "request_sha256", "principal", "action", "engine_version")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    RPC_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    REQUEST_BYTES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_SHA256_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    peer: str
    rpc: str
    status: str
    reason: str
    field: str
    request_bytes: int
    request_sha256: str
    principal: str
    action: str
    engine_version: str
    def __init__(self, time_unix_ns: _Optional[int] = ..., peer: _Optional[str] = ..., rpc: _Optional[str] = ..., status: _Optional[str] = ..., reason: _Optional[str] = ..., field: _Optional[str] = ..., request_bytes: _Optional[int] = ..., request_sha256: _Optional[str] = ..., principal: _Optional[str] = ..., action: _Optional[str] = ..., engine_version: _Optional[str] = ...) -> None: ...

class ExplanationRecord(_message.Message):
    __slots__ = ("time_unix_ns", "peer", "request_id", "chain", "action", "resource", "now_unix_us", "effect", "cause", "bundle", "engine_version")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    NOW_UNIX_US_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    peer: str
    request_id: str
    chain: _containers.RepeatedScalarFieldContainer[str]
    action: str
    resource: str
    now_unix_us: int
    effect: _decision_pb2.Effect
    cause: _decision_pb2.DenyCause
    bundle: _decision_pb2.BundleIdentity
    engine_version: str
    def __init__(self, time_unix_ns: _Optional[int] = ..., peer: _Optional[str] = ..., request_id: _Optional[str] = ..., chain: _Optional[_Iterable[str]] = ..., action: _Optional[str] = ..., resource: _Optional[str] = ..., now_unix_us: _Optional[int] = ..., effect: _Optional[_Union[_decision_pb2.Effect, str]] = ..., cause: _Optional[_Union[_decision_pb2.DenyCause, str]] = ..., bundle: _Optional[_Union[_decision_pb2.BundleIdentity, _Mapping]] = ..., engine_version: _Optional[str] = ...) -> None: ...

class ShedCount(_message.Message):
    __slots__ = ("peer", "status", "count")
    PEER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    peer: str
    status: str
    count: int
    def __init__(self, peer: _Optional[str] = ..., status: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class ShedSummaryRecord(_message.Message):
    __slots__ = ("time_unix_ns", "counts", "engine_version")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    counts: _containers.RepeatedCompositeFieldContainer[ShedCount]
    engine_version: str
    def __init__(self, time_unix_ns: _Optional[int] = ..., counts: _Optional[_Iterable[_Union[ShedCount, _Mapping]]] = ..., engine_version: _Optional[str] = ...) -> None: ...

class BundleFile(_message.Message):
    __slots__ = ("name", "sha256")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    name: str
    sha256: str
    def __init__(self, name: _Optional[str] = ..., sha256: _Optional[str] = ...) -> None: ...

class SignedPart(_message.Message):
    __slots__ = ("kind", "name", "revision", "digest", "signers", "expires_unix_ns", "fresh_until_unix_ns")
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIGNERS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    FRESH_UNTIL_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    name: str
    revision: int
    digest: str
    signers: _containers.RepeatedScalarFieldContainer[str]
    expires_unix_ns: int
    fresh_until_unix_ns: int
    def __init__(self, kind: _Optional[str] = ..., name: _Optional[str] = ..., revision: _Optional[int] = ..., digest: _Optional[str] = ..., signers: _Optional[_Iterable[str]] = ..., expires_unix_ns: _Optional[int] = ..., fresh_until_unix_ns: _Optional[int] = ...) -> None: ...

class BundleActivationRecord(_message.Message):
    __slots__ = ("time_unix_ns", "bundle", "files", "engine_version", "parts", "source", "trust_store_version", "is_shadow")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TRUST_STORE_VERSION_FIELD_NUMBER: _ClassVar[int]
    IS_SHADOW_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    bundle: _decision_pb2.BundleIdentity
    files: _containers.RepeatedCompositeFieldContainer[BundleFile]
    engine_version: str
    parts: _containers.RepeatedCompositeFieldContainer[SignedPart]
    source: str
    trust_store_version: int
    is_shadow: bool
    def __init__(self, time_unix_ns: _Optional[int] = ..., bundle: _Optional[_Union[_decision_pb2.BundleIdentity, _Mapping]] = ..., files: _Optional[_Iterable[_Union[BundleFile, _Mapping]]] = ..., engine_version: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[SignedPart, _Mapping]]] = ..., source: _Optional[str] = ..., trust_store_version: _Optional[int] = ..., is_shadow: _Optional[bool] = ...) -> None: ...

class BundleRefusalRecord(_message.Message):
    __slots__ = ("time_unix_ns", "source", "cause", "message", "sha256", "engine_version")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    source: str
    cause: str
    message: str
    sha256: str
    engine_version: str
    def __init__(self, time_unix_ns: _Optional[int] = ..., source: _Optional[str] = ..., cause: _Optional[str] = ..., message: _Optional[str] = ..., sha256: _Optional[str] = ..., engine_version: _Optional[str] = ...) -> None: ...

class ShadowFlipRecord(_message.Message):
    __slots__ = ("time_unix_ns", "decision_id", "effect", "shadow_effect", "shadow_cause", "shadow_rules", "shadow_bundle", "uncounted", "engine_version")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    SHADOW_EFFECT_FIELD_NUMBER: _ClassVar[int]
    SHADOW_CAUSE_FIELD_NUMBER: _ClassVar[int]
    SHADOW_RULES_FIELD_NUMBER: _ClassVar[int]
    SHADOW_BUNDLE_FIELD_NUMBER: _ClassVar[int]
    UNCOUNTED_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    decision_id: str
    effect: _decision_pb2.Effect
    shadow_effect: _decision_pb2.Effect
    shadow_cause: _decision_pb2.DenyCause
    shadow_rules: _containers.RepeatedScalarFieldContainer[str]
    shadow_bundle: _decision_pb2.BundleIdentity
    uncounted: int
    engine_version: str
    def __init__(self, time_unix_ns: _Optional[int] = ..., decision_id: _Optional[str] = ..., effect: _Optional[_Union[_decision_pb2.Effect, str]] = ..., shadow_effect: _Optional[_Union[_decision_pb2.Effect, str]] = ..., shadow_cause: _Optional[_Union[_decision_pb2.DenyCause, str]] = ..., shadow_rules: _Optional[_Iterable[str]] = ..., shadow_bundle: _Optional[_Union[_decision_pb2.BundleIdentity, _Mapping]] = ..., uncounted: _Optional[int] = ..., engine_version: _Optional[str] = ...) -> None: ...

class StopOrder(_message.Message):
    __slots__ = ("order_id", "kind", "target", "who", "why", "time_unix_ns")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    kind: StopKind
    target: str
    who: str
    why: str
    time_unix_ns: int
    def __init__(self, order_id: _Optional[str] = ..., kind: _Optional[_Union[StopKind, str]] = ..., target: _Optional[str] = ..., who: _Optional[str] = ..., why: _Optional[str] = ..., time_unix_ns: _Optional[int] = ...) -> None: ...

class StopOrderRecord(_message.Message):
    __slots__ = ("time_unix_ns", "order", "is_resumed", "resumed_by", "resumed_why", "engine_version")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    IS_RESUMED_FIELD_NUMBER: _ClassVar[int]
    RESUMED_BY_FIELD_NUMBER: _ClassVar[int]
    RESUMED_WHY_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    order: StopOrder
    is_resumed: bool
    resumed_by: str
    resumed_why: str
    engine_version: str
    def __init__(self, time_unix_ns: _Optional[int] = ..., order: _Optional[_Union[StopOrder, _Mapping]] = ..., is_resumed: _Optional[bool] = ..., resumed_by: _Optional[str] = ..., resumed_why: _Optional[str] = ..., engine_version: _Optional[str] = ...) -> None: ...

class Setting(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class SettingsRecord(_message.Message):
    __slots__ = ("time_unix_ns", "digest", "settings")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    digest: str
    settings: _containers.RepeatedCompositeFieldContainer[Setting]
    def __init__(self, time_unix_ns: _Optional[int] = ..., digest: _Optional[str] = ..., settings: _Optional[_Iterable[_Union[Setting, _Mapping]]] = ...) -> None: ...

class QuarantinedBytes(_message.Message):
    __slots__ = ("file", "segment", "offset", "size_bytes", "sha256")
    FILE_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    file: str
    segment: int
    offset: int
    size_bytes: int
    sha256: str
    def __init__(self, file: _Optional[str] = ..., segment: _Optional[int] = ..., offset: _Optional[int] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class RecoveryRecord(_message.Message):
    __slots__ = ("time_unix_ns", "segment", "offset", "last_seq", "synced_to", "quarantined")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    SYNCED_TO_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    segment: int
    offset: int
    last_seq: int
    synced_to: int
    quarantined: _containers.RepeatedCompositeFieldContainer[QuarantinedBytes]
    def __init__(self, time_unix_ns: _Optional[int] = ..., segment: _Optional[int] = ..., offset: _Optional[int] = ..., last_seq: _Optional[int] = ..., synced_to: _Optional[int] = ..., quarantined: _Optional[_Iterable[_Union[QuarantinedBytes, _Mapping]]] = ...) -> None: ...

class CheckpointRecord(_message.Message):
    __slots__ = ("time_unix_ns", "note")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    note: str
    def __init__(self, time_unix_ns: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class KeyChangeRecord(_message.Message):
    __slots__ = ("time_unix_ns", "key_id", "public_key", "engine_version")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    key_id: str
    public_key: str
    engine_version: str
    def __init__(self, time_unix_ns: _Optional[int] = ..., key_id: _Optional[str] = ..., public_key: _Optional[str] = ..., engine_version: _Optional[str] = ...) -> None: ...

class OutcomeRecord(_message.Message):
    __slots__ = ("time_unix_ns", "peer", "decision_id", "request_digest", "status", "effect", "engine_version")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    peer: str
    decision_id: str
    request_digest: str
    status: _decision_pb2.OutcomeStatus
    effect: _decision_pb2.Effect
    engine_version: str
    def __init__(self, time_unix_ns: _Optional[int] = ..., peer: _Optional[str] = ..., decision_id: _Optional[str] = ..., request_digest: _Optional[str] = ..., status: _Optional[_Union[_decision_pb2.OutcomeStatus, str]] = ..., effect: _Optional[_Union[_decision_pb2.Effect, str]] = ..., engine_version: _Optional[str] = ...) -> None: ...

class StartRecord(_message.Message):
    __slots__ = ("time_unix_ns", "node", "pid", "engine_version", "settings_digest", "unsafe")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    UNSAFE_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    node: str
    pid: int
    engine_version: str
    settings_digest: str
    unsafe: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, time_unix_ns: _Optional[int] = ..., node: _Optional[str] = ..., pid: _Optional[int] = ..., engine_version: _Optional[str] = ..., settings_digest: _Optional[str] = ..., unsafe: _Optional[_Iterable[str]] = ...) -> None: ...

class StopRecord(_message.Message):
    __slots__ = ("time_unix_ns", "reason")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    reason: str
    def __init__(self, time_unix_ns: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...
