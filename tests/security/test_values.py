"""What a caller may not slip past checks, digest or record, and what no file may keep."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace

from pdp import digest
from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.model import Entity, RequestError
from pdp.request import Request
from pdp.service.status import Refused, Status
from tests.service import questions as ask
from tests.service.desk import Desk

SECRET: Final = "PIN-7319-secret"  # noqa: S105 - what is looked for
ESCAPED: Final = "".join(f"\\u{ord(char):04x}" for char in SECRET)
TWICE: Final = '{"a":1,"a":2}'
TWICE_BELOW: Final = '{"a":[{"b":":","b":":"}]}'
TOO_LARGE: Final = '{"a":9007199254740992}'
TWICE_ESCAPED: Final = '{"a":1,"\\u0061":2}'


def places(text: str) -> dict[str, Request]:
    """Requests that hold ``text`` wherever JSON text may stand, valid names or not."""
    order = replace(ask.ORDER, attributes=text)
    return {
        "args": replace(ask.ALLOW, args=text),
        "args of an unknown action": replace(ask.ALLOW, action="nope", args=text),
        "context": replace(ask.ALLOW, context=text),
        "context of an unknown action": replace(ask.ALLOW, action="nope", context=text),
        "resource": replace(ask.ALLOW, resource=order),
        "resource of an unknown action": replace(ask.ALLOW, action="nope", resource=order),
        "entities": replace(ask.ALLOW, entities=(Entity("Account", "a", text),)),
        "entities of an unknown action": replace(
            ask.ALLOW, action="nope", entities=(Entity("Account", "a", text),)
        ),
    }


@pytest.mark.parametrize("text", [TWICE, TWICE_BELOW, TWICE_ESCAPED])
@pytest.mark.parametrize("place", places("{}"))
def test_a_member_sent_twice_is_refused_everywhere(desk: Desk, place: str, text: str) -> None:
    refused = desk.refused(lambda: desk.decide(ask.data(places(text)[place])))
    assert refused.status is Status.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "text",
    [
        '{"a":"x\ty"}', '{"a":01}', '{"a":-01}', '{"a":1.}', '{"a":.5}', '{"a":1e5}', '{"a":NaN}',
        '{"a":"e\u0301"}', '{"a":1}x', '\ufeff{"a":1}', '{"a":\u00a01}', '{"a":\u0661}', "{'a':1}",
        '{"a":1,}', '{"a":"\\ud800"}', TOO_LARGE, TWICE, TWICE_BELOW, TWICE_ESCAPED,
        "[]", "", '{"a":' + "[" * 17 + "]" * 17 + "}", '{"a":' + "[" * 9999 + "]" * 9999 + "}",
    ],
)  # fmt: skip
def test_what_two_parsers_may_read_differently_has_no_digest(text: str) -> None:
    assert digest.quick_canonical(text) is None
    with pytest.raises(RequestError):
        digest.request_digest(Request(Entity("User", "u"), "a", args=text))
    if text != TOO_LARGE:  # the bound is for what is executed
        with pytest.raises(RequestError):
            digest.request_digest(Request(Entity("User", "u"), "a", context=text), {"b"})


def test_fields_sent_twice_are_decided_and_recorded_alike(desk: Desk) -> None:
    """Protobuf merges messages sent twice and keeps the last text: no part may see the first."""
    first = ask.message(replace(ask.ALLOW, args='{"amount":"1.00"}'))
    second = ask.message(
        Request(Entity("Agent", "nobody"), ask.ALLOW.action, ask.NO_ALLOW.args, request_id="r")
    )
    answer = desk.decide(first.SerializeToString() + second.SerializeToString())
    (recorded,) = desk.records()
    assert isinstance(recorded, log_pb2.DecisionRecord)
    assert answer.effect == recorded.answer.effect == pb.EFFECT_DENY
    assert list(answer.attribution.chain) == ["Agent::nobody", "User::ann"]
    assert (recorded.request.principal.id, recorded.request.args) == ("nobody", ask.NO_ALLOW.args)


def secretive() -> dict[str, Request]:
    """Requests with a secret where one belongs, and where a careless caller may put it."""
    card = f'{{"amount":"120.00","card":"{SECRET}"}}'
    return {
        "allowed": replace(ask.ALLOW, args=card),
        "escaped": replace(ask.ALLOW, args=card.replace(SECRET, ESCAPED)),
        "escaped name": replace(ask.ALLOW, args=card.replace("card", "c\\u0061rd")),
        "approval": replace(ask.APPROVAL, args=card.replace("120", "300")),
        "denied": replace(ask.RULE, args=card),
        "unknown action": replace(ask.ALLOW, action="nope", args=card),
        "unknown type": replace(ask.ALLOW, resource=Entity("Ordr", "o"), args=card),
        "amount missing": replace(ask.ALLOW, args=f'{{"card":"{SECRET}"}}'),
        "amount wrong": replace(ask.ALLOW, args=card.replace('"120.00"', "true")),
        "as an array": replace(ask.ALLOW, args=f'{{"amount":"1.00","card":["{SECRET}"]}}'),
        "as the amount": replace(ask.ALLOW, args=f'{{"amount":"{SECRET}","card":"1"}}'),
        "twice": replace(ask.ALLOW, args=f'{{"amount":"1.00","card":"{SECRET}","card":"1"}}'),
        "not JSON": replace(ask.ALLOW, args=card + "}"),
        "errors": replace(ask.ERROR, args=card),
    }


@pytest.mark.parametrize("name", secretive())
def test_no_secret_in_any_file_of_the_log(desk: Desk, name: str) -> None:
    message = ask.message(secretive()[name])
    try:
        answers = [desk.decide(message.SerializeToString())]
    except Refused as refused:
        answers, told = [], str(refused)
    else:
        told = ""
    assert SECRET not in told
    answers += desk.batch(pb.DecideBatchRequest(items=[message]))
    assert all(SECRET.encode() not in answer.SerializeToString() for answer in answers)
    assert len(desk.records()) == 2
    for path in desk.directory.iterdir():
        held = path.read_bytes()
        assert SECRET.encode() not in held
        assert ESCAPED.encode() not in held
