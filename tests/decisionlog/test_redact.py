"""What is hidden does not reach the record, wherever it was sent, and nothing else is touched."""

from __future__ import annotations

import pytest
from msgspec import structs

from pdp import protoform
from pdp._proto import log_pb2
from pdp.decisionlog import record, redact
from pdp.decisionlog.record import Kind
from pdp.model import Decision, Effect, Entity
from pdp.request import Request
from tests.decisionlog import samples

REQUEST = samples.request()


def attributes(request: Request) -> list[str | None]:
    sent = (*request.chain, request.resource, *request.entities)
    return [entity.attributes for entity in sent if entity is not None]


BEFORE = attributes(REQUEST)
BOT, ANN, INVOICE, BARE_ANN, INVOICE_AGAIN, ACCOUNT = BEFORE


@pytest.mark.parametrize(
    ("path", "args"),
    [
        ("args.iban", '{"amount":12.50,"items":[{"sku":"s1","price":3},{"sku":"s2"}]}'),
        ("args.items.price", '{"amount":12.50,"iban":"DE1","items":[{"sku":"s1"},{"sku":"s2"}]}'),
        ("args.items", '{"amount":12.50,"iban":"DE1"}'),
        ("args", "{}"),
    ],
)
def test_members_of_args(path, args):
    request, omitted = redact.omit(REQUEST, [path])
    assert (request.args, omitted) == (args, (path,))
    assert structs.replace(request, args=REQUEST.args) == REQUEST


def test_members_of_context():
    request, omitted = redact.omit(REQUEST, ["context.card.pan", "context.channel"])
    assert request.context == '{"card":{"brand":"v"}}'
    assert omitted == ("context.card.pan", "context.channel")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("resource.iban", [BOT, ANN, '{"total":99}', BARE_ANN, '{"total":99}', ACCOUNT]),
        ("principal.token", ['{"tier":2}', *BEFORE[1:]]),
        ("agent.token", ['{"tier":2}', *BEFORE[1:]]),
        ("user.email", [BOT, '{"team":"a"}', *BEFORE[2:]]),
        ("chain.email", [BOT, '{"team":"a"}', *BEFORE[2:]]),
        ("entities.Account.iban", [*BEFORE[:5], '{"open":true}']),
        ("entities.Invoice.iban", [BOT, ANN, '{"total":99}', BARE_ANN, '{"total":99}', ACCOUNT]),
        ("entities.User.email", [BOT, '{"team":"a"}', *BEFORE[2:]]),
        ("entities.Account", [*BEFORE[:5], "{}"]),
        ("resource", [BOT, ANN, "{}", BARE_ANN, "{}", ACCOUNT]),
    ],
)
def test_attributes_of_entities(path, expected):
    request, omitted = redact.omit(REQUEST, [path])
    assert (attributes(request), omitted) == (expected, (path,))
    assert (request.args, request.context) == (REQUEST.args, REQUEST.context)


@pytest.mark.parametrize(
    "path",
    [
        "args.missing", "args.amount.x", "context.x", "resource.x", "user.x", "entities.Team.x",
        "entities.Invoice2.iban", "entities.Inv.iban", "session.session_id", "tool.name", "",
    ],
)  # fmt: skip
def test_what_is_not_there_changes_nothing(path):
    assert redact.omit(REQUEST, [path]) == (REQUEST, ())


def test_a_request_without_a_resource():
    bare = Request(Entity("Agent", "a"), "x")
    assert redact.omit(bare, ["resource.iban", "principal.x", "args.x"]) == (bare, ())


def test_names_that_hold_dots():
    request = Request(
        Entity("acme.Bot", "b", '{"net.ip":"10.0.0.1","net":{"ip":"10.0.0.2"}}'),
        "x",
        '{"a.b":{"c":1,"d":2}}',
    )
    request, omitted = redact.omit(request, ["args.a.b.c", "entities.acme.Bot.net.ip"])
    assert request.args == '{"a.b":{"d":2}}'
    assert request.principal.attributes == '{"net":{}}'
    assert omitted == ("args.a.b.c", "entities.acme.Bot.net.ip")


def test_text_that_does_not_parse_goes_as_a_whole():
    request = structs.replace(REQUEST, args='{"iban":"DE1",}')
    assert redact.omit(request, ["args.iban"])[0].args == "{}"
    assert redact.omit(request, ["context.channel"])[0].args == request.args


def test_untouched_text_stays_as_received():
    request = structs.replace(REQUEST, args='{ "a": 1.0 }')
    assert redact.omit(request, ["args.b"])[0].args == '{ "a": 1.0 }'


def test_a_summary_has_no_args():
    request, omitted = redact.omit_args(REQUEST)
    assert (request.args, omitted) == ("{}", ("args",))
    assert structs.replace(request, args=REQUEST.args) == REQUEST


def logged(decision: Decision, request: Request = REQUEST) -> log_pb2.DecisionRecord:
    cleared, omitted = redact.omit(request, decision.hidden_paths)
    payload = record.decision_record(
        request=cleared,
        omitted=omitted,
        answer=protoform.decision_to_proto(decision, "r-1"),
        decision=decision,
        time_unix_ns=1,
        decide_ns=2,
        engine_version="0.1",
        tzdata_version="2025b",
    )
    message = record.parse(Kind.DECISION, payload)
    assert isinstance(message, log_pb2.DecisionRecord)
    return message


def hiding(*paths: str) -> Decision:
    return structs.replace(samples.decision(), hidden_paths=paths)


def shown(message: log_pb2.DecisionRecord) -> dict[str, str]:
    items = message.answer.approval.show
    return {item.path: item.value for item in items if item.HasField("value")}


def test_hidden_values_are_nowhere_in_the_record():
    message = logged(hiding("args.iban", "context.card.pan", "resource.iban"))
    data = message.SerializeToString()
    for secret in (b"DE1", b"DE2", b"4111"):
        assert secret not in data
    assert shown(message) == {"args.amount": "12.50"}
    assert list(message.omitted_paths)[:3] == ["args.iban", "context.card.pan", "resource.iban"]


@pytest.mark.parametrize(
    ("hidden", "label", "value"),
    [
        ("entities.Invoice.iban", "resource.iban", '"DE2"'),
        ("entities.Account.iban", "resource.account.iban", '"DE3"'),
        ("args.iban", "args.account_number", '"DE1"'),
        ("context.card.pan", "context.card", '{"brand":"v","pan":"4111"}'),
        ("user.email", "user.email", '"ann@x.org"'),
        ("user.email", "user.manager.name", '"only the directory says so"'),
        ("args.iban", "args.amount", "not json"),
    ],
)
def test_a_value_hidden_by_another_name_is_not_shown_either(hidden, label, value):
    approval = samples.decision().approval
    assert approval is not None
    approval = structs.replace(approval, show=((label, value), ("resource.total", "99.0")))
    message = logged(structs.replace(hiding(hidden), approval=approval))
    assert shown(message) == {"resource.total": "99.0"}
    assert value.encode() not in message.SerializeToString()


def test_all_is_shown_when_nothing_is_hidden():
    assert len(shown(logged(hiding()))) == 3


def test_a_digest_over_hidden_values_is_left_out():
    message = logged(hiding("args.iban"))
    assert list(message.omitted_paths) == ["args.iban", "request_digest"]
    assert b"cd" * 32 not in message.SerializeToString()


def test_a_salted_digest_stays_and_the_salt_goes():
    salt = bytes(range(16))
    message = logged(hiding("args.iban"), structs.replace(REQUEST, digest_salt=salt))
    assert list(message.omitted_paths) == ["args.iban", "digest_salt"]
    assert message.request_digest == message.answer.request_digest == "cd" * 32
    assert salt not in message.SerializeToString()


@pytest.mark.parametrize("paths", [(), ("args.missing",), ("resource.iban",)])
def test_a_digest_over_nothing_hidden_stays(paths):
    message = logged(hiding(*paths), structs.replace(REQUEST, digest_salt=bytes(range(16))))
    assert message.request_digest == message.answer.request_digest == "cd" * 32
    assert message.answer.approval.request_digest == "cd" * 32
    assert message.request.digest_salt == bytes(range(16))


def test_a_summary_shows_no_args_either():
    request, omitted = redact.omit_args(REQUEST)
    decision = samples.decision()
    answer = protoform.decision_to_proto(decision, "r-1")
    payload = record.decision_record(
        request=request,
        omitted=omitted,
        answer=answer,
        decision=decision,
        time_unix_ns=1,
        decide_ns=2,
        engine_version="0.1",
        tzdata_version="2025b",
    )
    message = record.parse(Kind.DECISION, payload)
    assert isinstance(message, log_pb2.DecisionRecord)
    assert set(shown(message)) == {"context.card"}
    assert answer.approval.show[0].value == "12.50", "the answer itself is not changed"
    assert message.answer.effect == protoform.EFFECT_TO_NUMBER[Effect.REQUIRE_APPROVAL]
