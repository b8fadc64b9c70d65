"""Requests to the shop's policies, each with the answer its name says. Data, no assertions."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from pdp._proto import decision_pb2 as pb
from pdp.model import Entity
from pdp.protoform import request_to_proto
from pdp.request import Request

CARD: Final = "4111-secret-card"
BOT: Final = Entity("Agent", "bot")
ANN: Final = Entity("User", "ann")
ORDER: Final = Entity("Order", "o-1", '{"total":"400.00","disputed":false}')

ALLOW: Final = Request(
    principal=BOT,
    on_behalf_of=(ANN,),
    action="pay__refund",
    args='{"amount":"120.00"}',
    resource=ORDER,
    request_id="r-allow",
)
APPROVAL: Final = replace(ALLOW, args='{"amount":"300.00"}', request_id="r-approval")
NO_ALLOW: Final = replace(ALLOW, args='{"amount":"900.00"}', request_id="r-no-allow")
RULE: Final = replace(
    ALLOW,
    resource=Entity("Order", "o-2", '{"total":"400.00","disputed":true}'),
    request_id="r-rule",
)
# Nothing says who owns the account.
ERROR: Final = replace(
    ALLOW,
    resource=Entity("Order", "o-3", '{"total":"1.00","disputed":false,"account":"a-1"}'),
    request_id="r-error",
)
UNATTRIBUTED: Final = replace(
    ALLOW, principal=Entity("Agent", "nobody"), on_behalf_of=(), request_id="r-unattributed"
)
UNSUPPORTED: Final = Request(
    principal=ANN,
    action="report.send",
    args='{"to":"a@b.example"}',
    request_id="r-unsupported",
)
REDACTED: Final = replace(UNSUPPORTED, supported_obligations=("redact",), request_id="r-redacted")
SECRET: Final = replace(ALLOW, args=f'{{"amount":"120.00","card":"{CARD}"}}', request_id="r-secret")
SUMMARY: Final = Request(
    principal=ANN,
    action="note.write",
    args='{"text":"a private note"}',
    resource=ORDER,
    request_id="r-summary",
)
UNKNOWN_ACTION: Final = replace(SECRET, action="pay__refnd", request_id="r-unknown-action")
UNKNOWN_TYPE: Final = replace(SECRET, resource=Entity("Ordr", "o-1"), request_id="r-unknown-type")
NO_RESOURCE: Final = replace(SECRET, resource=None, request_id="r-no-resource")
RESOURCE_TOO_MANY: Final = replace(REDACTED, resource=ORDER, request_id="r-resource")
# Refused: the amount is no decimal.
REFUSED: Final = replace(ALLOW, args=f'{{"amount":true,"card":"{CARD}"}}', request_id="r-refused")


def message(request: Request) -> pb.DecideRequest:
    """The request as a client would send it."""
    return request_to_proto(request)


def data(request: Request) -> bytes:
    """Its bytes."""
    return request_to_proto(request).SerializeToString()
