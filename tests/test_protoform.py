"""Requests and decisions survive the wire, and nothing the wire can hold becomes an allow."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp import protoform
from pdp._proto import decision_pb2 as pb
from pdp.model import (
    REQUEST_BYTES_MAX,
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
from pdp.request import Request

NAMES = st.text("abcXYZ019._-é", min_size=1, max_size=12)
TEXTS = st.text(max_size=20)
OBJECTS = st.sampled_from(["{}", '{"a":1}', '{"a":{"b":[1,2.50,"x"]}}', "not json"])
ENTITIES = st.builds(
    Entity,
    type=NAMES,
    id=NAMES,
    attributes=st.none() | OBJECTS,
    groups=st.lists(NAMES, max_size=3).map(tuple),
)
REQUESTS = st.builds(
    Request,
    principal=ENTITIES,
    action=NAMES,
    args=OBJECTS,
    resource=st.none() | ENTITIES,
    context=OBJECTS,
    on_behalf_of=st.lists(ENTITIES, max_size=3).map(tuple),
    request_id=NAMES,
    session=st.builds(Session, NAMES, NAMES, NAMES, NAMES) | st.just(Session()),
    supported_obligations=st.lists(NAMES, max_size=3).map(tuple),
    grants=st.lists(st.binary(max_size=9), max_size=3).map(tuple),
    tool=st.none() | st.builds(ToolIdentity, NAMES, NAMES, st.just("0" * 64)),
    entities=st.lists(ENTITIES, max_size=3).map(tuple),
    digest_salt=st.sampled_from([b"", bytes(range(16))]),
)
COUNTS = st.integers(0, 2**31)
NEEDS = st.lists(st.builds(Need, TEXTS, TEXTS, COUNTS), max_size=2).map(tuple)
ESCALATIONS = st.builds(
    Escalation,
    after_s=COUNTS,
    route=TEXTS,
    needs=NEEDS,
    exclude=st.lists(TEXTS, max_size=2).map(tuple),
    decide_within_s=COUNTS,
    use_within_s=COUNTS,
    confirm_user=st.booleans(),
)
APPROVALS = st.builds(
    ApprovalRequirement,
    routes=st.lists(TEXTS, max_size=2).map(tuple),
    needs=NEEDS,
    exclude=st.lists(TEXTS, max_size=2).map(tuple),
    decide_within_s=COUNTS,
    use_within_s=COUNTS,
    show=st.lists(st.tuples(TEXTS, st.none() | TEXTS), max_size=3).map(tuple),
    confirm_user=st.booleans(),
    escalations=st.lists(ESCALATIONS, max_size=2).map(tuple),
)


@st.composite
def decisions(draw) -> Decision:
    effect = draw(st.sampled_from(Effect))
    return Decision(
        effect=effect,
        cause=draw(st.sampled_from(DenyCause)) if effect is Effect.DENY else None,
        rules=tuple(draw(st.lists(st.builds(DeterminingRule, TEXTS, TEXTS, TEXTS, TEXTS)))),
        attribution=Attribution(draw(TEXTS), draw(TEXTS), (draw(TEXTS),), (draw(TEXTS),)),
        obligations=tuple(draw(st.lists(st.builds(Obligation, TEXTS, TEXTS), max_size=3))),
        approval=draw(APPROVALS) if effect is Effect.REQUIRE_APPROVAL else None,
        risk=draw(st.none() | st.builds(RiskAssessment, COUNTS, st.just(("r",)), TEXTS)),
        bundle=draw(st.builds(BundleIdentity, TEXTS, TEXTS, TEXTS, st.booleans())),
        reasons=draw(st.builds(Reasons, TEXTS, TEXTS, TEXTS)),
        next_action=draw(st.sampled_from(NextAction)),
        request_digest=draw(TEXTS),
        decision_id=draw(TEXTS),
        receipt=draw(st.none() | st.builds(ReceiptPointer, TEXTS, COUNTS, TEXTS)),
    )


def message(**fields) -> pb.DecideRequest:
    principal = pb.Entity(type="Agent", id="a")
    return pb.DecideRequest(**{"principal": principal, "action": "x", **fields})


def refusal(sent: pb.DecideRequest) -> RequestError:
    with pytest.raises(RequestError) as caught:
        protoform.request_from_proto(sent)
    return caught.value


@given(REQUESTS)
def test_a_request_survives_the_wire(request_sent):
    sent = protoform.request_to_proto(request_sent).SerializeToString()
    assert protoform.request_from_proto(pb.DecideRequest.FromString(sent)) == request_sent


@given(decisions(), TEXTS)
@settings(max_examples=200)
def test_a_decision_survives_the_wire(decision, request_id):
    sent = protoform.decision_to_proto(decision, request_id).SerializeToString()
    answer = pb.DecideResponse.FromString(sent)
    assert answer.request_id == request_id
    assert protoform.decision_from_proto(answer) == decision


@given(decisions())
def test_the_approval_carries_the_request_digest(decision):
    answer = protoform.decision_to_proto(decision, "")
    expected = decision.request_digest if decision.approval else ""
    assert answer.approval.request_digest == expected


@given(st.binary(max_size=60))
def test_bytes_from_anyone_give_a_request_or_a_request_error(data):
    sent = pb.DecideRequest()
    try:
        sent.ParseFromString(data)
    except DecodeError:  # what protobuf refuses never reaches us
        return
    outcome: Request | RequestError
    try:
        outcome = protoform.request_from_proto(sent)
    except RequestError as error:
        outcome = error
    assert isinstance(outcome, Request | RequestError)


@given(st.integers(), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
def test_only_a_bare_known_allow_is_an_allow(seed, effect, cause):
    numbers = [0, 1, 2, 3, 4, effect], [0, 1, 10, 11, cause]
    answer = pb.DecideResponse()
    answer.effect = numbers[0][seed % 6]
    answer.cause = numbers[1][seed // 6 % 5]
    decision = protoform.decision_from_proto(answer)
    if decision.effect is Effect.ALLOW:
        assert (answer.effect, answer.cause) == (1, 0)
    if (answer.effect, answer.cause) == (1, 0):
        assert decision.effect is Effect.ALLOW


@pytest.mark.parametrize(("effect", "cause"), [(0, 0), (4, 0), (99, 0), (1, 11), (3, 11), (1, 1)])
def test_what_a_client_does_not_know_is_a_deny(effect, cause):
    answer = pb.DecideResponse()
    answer.effect = effect
    answer.cause = cause
    answer.approval.routes.append("r")
    decision = protoform.decision_from_proto(answer)
    assert decision.effect is Effect.DENY
    assert decision.approval is None
    assert decision.next_action is NextAction.NONE


def test_an_unknown_next_action_is_none():
    answer = pb.DecideResponse(effect=pb.EFFECT_ALLOW)
    answer.MergeFromString(b"\x60\x4d")  # next_action = 77
    assert answer.next_action == 77
    assert protoform.decision_from_proto(answer).next_action is NextAction.NONE


def test_absent_objects_are_empty_objects():
    request = protoform.request_from_proto(message())
    assert (request.args, request.context, request.resource) == ("{}", "{}", None)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (pb.DecideRequest(action="x"), "principal"),
        (message(action=""), "action"),
        (message(now={"seconds": 1}), "now"),
        (message(now={}), "now"),
        (message(resource=pb.Entity(type="T")), "resource.id"),
        (message(digest_salt=b"short"), "digest_salt"),
        (message(entities=[pb.Entity(type="T", id="a\u202eb")]), "entities[0].id"),
        (message(on_behalf_of=[pb.Entity(type="T", id="a")] * 16), "on_behalf_of"),
        (message(args="x" * REQUEST_BYTES_MAX), ""),
    ],
)
def test_a_refusal_names_its_field(sent, field):
    assert refusal(sent).field == field


UNKNOWN = b"\xa2\x06\x01x"  # field 100, length-delimited
WRONG_TYPE = b"\x20\x01"  # field 4 (action) as a varint


@pytest.mark.parametrize(
    ("place", "data", "field"),
    [
        (lambda sent: sent, UNKNOWN, "100"),
        (lambda sent: sent, WRONG_TYPE, "4"),
        (lambda sent: sent.principal, UNKNOWN, "principal.100"),
        (lambda sent: sent.on_behalf_of[1], UNKNOWN, "on_behalf_of[1].100"),
        (lambda sent: sent.session, UNKNOWN, "session.100"),
        (lambda sent: sent.tool, UNKNOWN, "tool.100"),
        (lambda sent: sent.entities[0], UNKNOWN, "entities[0].100"),
    ],
)
def test_an_unknown_field_is_refused_wherever_it_stands(place, data, field):
    entity = pb.Entity(type="T", id="a")
    sent = message(
        on_behalf_of=[entity, entity],
        session=pb.Session(session_id="s"),
        tool=pb.ToolIdentity(name="t"),
        entities=[entity],
    )
    protoform.request_from_proto(sent)
    place(sent).MergeFromString(data)
    before = sent.SerializeToString()
    assert refusal(sent).field == field
    assert sent.SerializeToString() == before


def test_a_lone_surrogate_is_a_request_error():
    with pytest.raises(RequestError):
        protoform.request_to_proto(Request(Entity("T", "a"), "x", args='{"a":"\ud800"}'))
