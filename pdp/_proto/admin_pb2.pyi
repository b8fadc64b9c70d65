from pdp._proto import decision_pb2 as _decision_pb2
from pdp._proto import log_pb2 as _log_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RefusedBundle(_message.Message):
    __slots__ = ("time_unix_ns", "source", "cause", "message")
    TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    time_unix_ns: int
    source: str
    cause: str
    message: str
    def __init__(self, time_unix_ns: _Optional[int] = ..., source: _Optional[str] = ..., cause: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class SourceStatus(_message.Message):
    __slots__ = ("source", "use", "read_unix_ns", "trouble")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    USE_FIELD_NUMBER: _ClassVar[int]
    READ_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    source: str
    use: str
    read_unix_ns: int
    trouble: str
    def __init__(self, source: _Optional[str] = ..., use: _Optional[str] = ..., read_unix_ns: _Optional[int] = ..., trouble: _Optional[str] = ...) -> None: ...

class ShadowStatus(_message.Message):
    __slots__ = ("bundle", "decisions", "stricter", "looser", "asked")
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    STRICTER_FIELD_NUMBER: _ClassVar[int]
    LOOSER_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    bundle: _decision_pb2.BundleIdentity
    decisions: int
    stricter: int
    looser: int
    asked: int
    def __init__(self, bundle: _Optional[_Union[_decision_pb2.BundleIdentity, _Mapping]] = ..., decisions: _Optional[int] = ..., stricter: _Optional[int] = ..., looser: _Optional[int] = ..., asked: _Optional[int] = ...) -> None: ...

class StatusResponse(_message.Message):
    __slots__ = ("is_serving", "trouble", "bundle", "parts", "activated_unix_ns", "valid_until_unix_ns", "sources", "refused", "shadow", "stops", "unsafe", "engine_version", "node", "now_unix_ns")
    IS_SERVING_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    ACTIVATED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    STOPS_FIELD_NUMBER: _ClassVar[int]
    UNSAFE_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    NOW_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    is_serving: bool
    trouble: str
    bundle: _decision_pb2.BundleIdentity
    parts: _containers.RepeatedCompositeFieldContainer[_log_pb2.SignedPart]
    activated_unix_ns: int
    valid_until_unix_ns: int
    sources: _containers.RepeatedCompositeFieldContainer[SourceStatus]
    refused: RefusedBundle
    shadow: ShadowStatus
    stops: _containers.RepeatedCompositeFieldContainer[_log_pb2.StopOrder]
    unsafe: _containers.RepeatedScalarFieldContainer[str]
    engine_version: str
    node: str
    now_unix_ns: int
    def __init__(self, is_serving: _Optional[bool] = ..., trouble: _Optional[str] = ..., bundle: _Optional[_Union[_decision_pb2.BundleIdentity, _Mapping]] = ..., parts: _Optional[_Iterable[_Union[_log_pb2.SignedPart, _Mapping]]] = ..., activated_unix_ns: _Optional[int] = ..., valid_until_unix_ns: _Optional[int] = ..., sources: _Optional[_Iterable[_Union[SourceStatus, _Mapping]]] = ..., refused: _Optional[_Union[RefusedBundle, _Mapping]] = ..., shadow: _Optional[_Union[ShadowStatus, _Mapping]] = ..., stops: _Optional[_Iterable[_Union[_log_pb2.StopOrder, _Mapping]]] = ..., unsafe: _Optional[_Iterable[str]] = ..., engine_version: _Optional[str] = ..., node: _Optional[str] = ..., now_unix_ns: _Optional[int] = ...) -> None: ...

class ActivateRequest(_message.Message):
    __slots__ = ("bundle", "freshness")
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    FRESHNESS_FIELD_NUMBER: _ClassVar[int]
    bundle: bytes
    freshness: bytes
    def __init__(self, bundle: _Optional[bytes] = ..., freshness: _Optional[bytes] = ...) -> None: ...

class ActivateResponse(_message.Message):
    __slots__ = ("is_activated", "bundle", "refused")
    IS_ACTIVATED_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    is_activated: bool
    bundle: _decision_pb2.BundleIdentity
    refused: RefusedBundle
    def __init__(self, is_activated: _Optional[bool] = ..., bundle: _Optional[_Union[_decision_pb2.BundleIdentity, _Mapping]] = ..., refused: _Optional[_Union[RefusedBundle, _Mapping]] = ...) -> None: ...

class StopRequest(_message.Message):
    __slots__ = ("kind", "target", "who", "why")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    kind: _log_pb2.StopKind
    target: str
    who: str
    why: str
    def __init__(self, kind: _Optional[_Union[_log_pb2.StopKind, str]] = ..., target: _Optional[str] = ..., who: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class StopResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _log_pb2.StopOrder
    def __init__(self, order: _Optional[_Union[_log_pb2.StopOrder, _Mapping]] = ...) -> None: ...

class ResumeRequest(_message.Message):
    __slots__ = ("order_id", "who", "why")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    who: str
    why: str
    def __init__(self, order_id: _Optional[str] = ..., who: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class ResumeResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _log_pb2.StopOrder
    def __init__(self, order: _Optional[_Union[_log_pb2.StopOrder, _Mapping]] = ...) -> None: ...
