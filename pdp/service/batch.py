"""A batch's items, each merged with the defaults. Messages in, messages out; nothing is decided."""

from __future__ import annotations

from typing import Final

from google.protobuf.unknown_fields import UnknownFieldSet

from pdp import model
from pdp._proto import decision_pb2 as pb
from pdp.service.status import Refused, Status

# All items together, merged: large defaults could otherwise turn one small message into a thousand
# large ones, each of them decided and logged.
MERGED_BYTES_MAX: Final = 4 * model.REQUEST_BYTES_MAX


def merged_items(batch: pb.DecideBatchRequest) -> list[pb.DecideRequest]:
    """The items as they would have been sent alone, in order. Raises Refused for the whole batch.

    A message, string or repeated field set in an item replaces the default whole. An item's own
    faults are left in it, to be found when it is read.
    """
    if batch.joined:
        raise Refused(
            Status.UNIMPLEMENTED, "not_in_this_version", "joined answers come in a later version"
        )
    if len(UnknownFieldSet(batch)) or _holds_unknown(batch.defaults):
        raise _invalid("the batch or its defaults hold a field that this version does not know")
    if not batch.items:
        raise _invalid("items: is empty")
    if len(batch.items) > model.BATCH_ITEMS_MAX:
        raise _invalid(f"items: has more than {model.BATCH_ITEMS_MAX} items", "items")
    defaults_bytes = batch.defaults.ByteSize()
    merged: list[pb.DecideRequest] = []
    total_bytes = 0
    for item in batch.items:
        # At most what merging can give, before it is done.
        total_bytes += defaults_bytes + item.ByteSize()
        if total_bytes > MERGED_BYTES_MAX:
            raise Refused(
                Status.INVALID_ARGUMENT,
                "request_too_large",
                f"invalid request: with the defaults, the items are larger than"
                f" {MERGED_BYTES_MAX} bytes; send fewer at once",
            )
        merged.append(_merged(batch.defaults, item))
    return merged


def _merged(defaults: pb.DecideRequest, item: pb.DecideRequest) -> pb.DecideRequest:
    merged = pb.DecideRequest()
    merged.CopyFrom(defaults)
    for field, _ in item.ListFields():
        merged.ClearField(field.name)
    merged.MergeFrom(item)
    return merged


def _holds_unknown(message: pb.DecideRequest) -> bool:
    known = pb.DecideRequest()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    return known.ByteSize() != message.ByteSize()


def _invalid(message: str, field: str = "") -> Refused:
    return Refused(Status.INVALID_ARGUMENT, "invalid_request", f"invalid request: {message}", field)
