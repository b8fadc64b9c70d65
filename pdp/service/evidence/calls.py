"""The calls that give and take evidence: full receipts, and what callers say they then did."""

from __future__ import annotations

import re
from typing import Final

from pdp._proto import decision_pb2 as pb
from pdp.decisionlog.errors import LogUnavailable
from pdp.decisionlog.proving.receipt import NotProven, Receipt, receipt
from pdp.decisionlog.writer import Writer
from pdp.model import RequestError
from pdp.protoform import receipt_from_proto, receipt_to_proto
from pdp.service import status
from pdp.service.status import Refused, Status

_DECISION_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_DIGEST: Final = re.compile(r"(?:[0-9a-f]{64})?", re.ASCII)
_WHY: Final = {
    NotProven.OTHER_LOG: "pointer.log_id: not the log of this server",
    NotProven.NO_RECORD: "pointer.seq: this log has no such record",
    NotProven.OTHER_RECORD: "pointer.leaf_hash: another record stands in that place",
}


def proven(log: Writer, request: pb.ReceiptRequest) -> pb.Receipt:
    """The receipt asked for. Raises Refused; LogCorrupt if the log is not what was signed."""
    pointer = receipt_from_proto(request.pointer)
    if not log.signs:
        raise Refused(
            Status.FAILED_PRECONDITION,
            "log_not_signed",
            "this server signs no checkpoints; its setting `log_key` names no key",
        )
    if pointer.log_id == log.log_id and log.checkpoint[0] < pointer.seq <= log.spine.size:
        try:
            log.sign()
        except LogUnavailable:
            raise status.log_unavailable() from None
    _, note = log.checkpoint
    if not note:
        raise Refused(Status.NOT_FOUND, NotProven.NO_RECORD.value, _WHY[NotProven.NO_RECORD])
    found = receipt(log.directory, log.spine, note, pointer)
    if isinstance(found, NotProven):
        raise Refused(Status.NOT_FOUND, found.value, _WHY[found])
    return _message(found)


def check_outcome(request: pb.OutcomeRequest) -> None:
    """Raise Refused (INVALID_ARGUMENT) unless it is fit to be recorded."""
    if _DECISION_ID.fullmatch(request.decision_id) is None:
        raise _invalid("decision_id", "expected the id of a decision, as the answer had it")
    if _DIGEST.fullmatch(request.request_digest) is None:
        raise _invalid("request_digest", "expected 64 lower-case hex digits, or nothing")
    if request.status not in pb.OutcomeStatus.values() or not request.status:
        raise _invalid("status", "expected EXECUTED, FAILED or NOT_EXECUTED")
    if request.effect not in pb.Effect.values() or not request.effect:
        raise _invalid("effect", "expected the answer that was acted on")


def _invalid(field: str, why: str) -> Refused:
    return status.invalid(RequestError(why, field))


def _message(found: Receipt) -> pb.Receipt:
    return pb.Receipt(
        pointer=receipt_to_proto(found.pointer),
        tree_size=found.tree_size,
        root=found.root.hex(),
        path=[node.hex() for node in found.path],
        checkpoint=found.checkpoint,
    )
