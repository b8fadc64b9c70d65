"""Records as events of the Open Cybersecurity Schema Framework, class API Activity (6003). Pure.

Decisions, refusals and explanations are calls, and so are events of this class; the other kinds are
not. Nothing is made up: what the log does not hold is not in the event.
"""

from __future__ import annotations

from typing import Any, Final

from pdp.audit.columns import Row
from pdp.decisionlog.show import Json, escaped

VERSION: Final = "1.4.0"
KINDS: Final = frozenset({"decision", "refusal", "explanation"})
_CATEGORY: Final = 6
_CLASS: Final = 6003
_ACTIVITY_OTHER: Final = 99  # actions have names of their own, not create, read, update, delete
_SEVERITY_INFORMATIONAL: Final = 1
_STATUS: Final = {
    "decision": (1, "Success"),
    "refusal": (2, "Failure"),
    "explanation": (1, "Success"),
}
# action_id and disposition_id of the profile security_control, with their captions.
_ACTIONS: Final = {
    "allow": (1, "Allowed", 1, "Allowed"),
    "deny": (2, "Denied", 2, "Blocked"),
}
_OTHER: Final = 99
_US_PER_MS: Final = 1_000
# Columns without a place in the class, kept under their own names.
_UNMAPPED: Final = (
    "seq", "kind", "chain", "rules", "owners", "policies", "errors", "omitted_paths", "decide_ns",
    "bundle_revision", "segment", "offset", "leaf_hash", "request_digest",
)  # fmt: skip


def event_of(row: Row) -> dict[str, Json] | None:
    """The event of one record; None for a kind that is no call. Text is safe for a terminal."""
    if row.kind not in KINDS:
        return None
    status_id, status = _STATUS[row.kind]
    event = {
        "activity_id": _ACTIVITY_OTHER,
        "activity_name": row.action or row.kind,
        "category_uid": _CATEGORY,
        "category_name": "Application Activity",
        "class_uid": _CLASS,
        "class_name": "API Activity",
        "type_uid": _CLASS * 100 + _ACTIVITY_OTHER,
        "type_name": "API Activity: Other",
        "time": row.time // _US_PER_MS,
        "severity_id": _SEVERITY_INFORMATIONAL,
        "severity": "Informational",
        "status_id": status_id,
        "status": status,
        "status_detail": "; ".join(row.errors or ()) if row.kind == "refusal" else row.cause,
        "metadata": _metadata(row),
        "actor": {"app_name": row.agent, "user": {"uid": row.person} if row.person else None},
        "src_endpoint": {"name": row.agent},
        "api": {"operation": row.action, "request": {"uid": row.request_id}},
        "resources": [_resource(row.resource)] if row.resource else None,
        "policy": {
            "name": row.bundle_name,
            "version": row.bundle_version,
            "uid": row.bundle_digest,
        },
        **(_decided(row) if row.effect else {}),
        "unmapped": {name: getattr(row, name) for name in _UNMAPPED},
    }
    told: dict[str, Json] = _told(event)
    return told


def _metadata(row: Row) -> dict[str, Any]:
    return {
        "version": VERSION,
        "profiles": ["security_control"],
        "uid": row.decision_id or row.leaf_hash,
        "sequence": row.seq,
        "product": {
            "name": "charter-pdp",
            "vendor_name": "charter-pdp",
            "version": row.engine_version,
        },
    }


def _decided(row: Row) -> dict[str, Any]:
    effect = row.effect or ""
    action_id, action, disposition_id, disposition = _ACTIONS.get(
        effect, (_OTHER, effect, _OTHER, effect)
    )
    return {
        "action_id": action_id,
        "action": action,
        "disposition_id": disposition_id,
        "disposition": disposition,
        "authorizations": [
            {"decision": effect, "policy": {"name": rule}} for rule in row.rules or ()
        ],
    }


def _resource(uid: str) -> dict[str, str]:
    kind, _, name = uid.partition("::")
    return {"type": kind, "uid": uid, "name": name}


def _told(value: Any) -> Any:
    """Without what is not known: members that are None, and objects and lists left empty."""
    if isinstance(value, dict):
        told = {name: _told(item) for name, item in value.items()}
        return {name: item for name, item in told.items() if item not in (None, {}, [])}
    if isinstance(value, list):
        return [_told(item) for item in value]
    return escaped(value) if isinstance(value, str) else value
