"""Binding a request: what is refused, what is invalid, and what evaluation then gets to see."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from pdp.digest import request_digest
from pdp.eval.binding import binder as binder_module
from pdp.eval.binding import described
from pdp.eval.binding.binder import Binder
from pdp.eval.facts import BoundRequest, Directory
from pdp.eval.reading.decoder import Decoders
from pdp.lang.types import BOOL, STRING
from pdp.model import Entity, RequestError, ToolIdentity
from pdp.request import Request, check_limits
from tests.eval import shop
from tests.eval.outcome import plain
from tests.eval.shop import CONTEXT, DIRECTORY, MAIL, REFUND, SCHEMA, field

BINDER: Final = shop.binder()
ORDER: Final = Entity("Order", "o-1", '{"customer":"bob","total":1}')
ANN: Final = Entity("User", "ann")
BOT: Final = Entity("Bot", "b1")


def bind(request: Request, binder: Binder = BINDER) -> BoundRequest:
    check_limits(request)
    return binder.bind(request)


def result(request: Request) -> str:
    """``ok``, ``invalid: message``, ``field: message`` or ``crashed``."""
    try:
        bound = bind(request)
    except RequestError as error:
        return f"{error.field}: {error}"
    except KeyError:
        return "crashed"
    return "ok" if bound.invalid is None else f"invalid: {bound.invalid}"


def mail(args: str, **changes: Any) -> Request:
    return replace(MAIL, args=args, **changes)


def order(attributes: str | None, groups: tuple[str, ...] = ()) -> Request:
    return replace(REFUND, resource=Entity("Order", "o-1", attributes, groups))


def third(*entities: Entity, request: Request = REFUND) -> Request:
    return replace(request, entities=entities)


def acting(*chain: Entity, request: Request = REFUND) -> Request:
    return replace(request, principal=chain[0], on_behalf_of=chain[1:])


# ---------------------------------------------------------------- what gets which answer

PAID: Final = '{"customer":"bob","total":1,"paidAt":"2026-03-02T10:00:00Z"}'
DIFFERS: Final = "entities[0]: differs from the same entity at `resource`"
DEEP: Final = "[" * 17 + "]" * 17
# name, request, beginning of the answer
ANSWERS: Final[list[tuple[str, Request, str]]] = [
    ("a usual request", REFUND, "ok"),
    ("the wire name", replace(REFUND, action="payments__refund"), "ok"),
    ("a bare resource", order(None), "ok"),
    ("a known bare resource", third(ORDER, request=order(None)), "ok"),
    ("an action without resource", MAIL, "ok"),
    ("one of two resource types", replace(MAIL, action="shop.close", args="{}",
        resource=Entity("Region", "eu")), "ok"),
    # step 1: strict JSON, whatever the names
    ("args are no JSON", mail("{"), "args: not valid JSON"),
    ("args are empty text", mail(""), "args: not valid JSON"),
    ("args are an array", mail("[]"), "args: expected a JSON object"),
    ("a duplicate key in args", mail('{"to":"x","to":"x"}'), "args: a duplicate key"),
    ("an escaped duplicate", mail('{"to":"x","\\u0074o":"y"}'), "args: a duplicate key"),
    ("an exponent", mail('{"to":"x","count":1e2}'), "args: a number with an exponent"),
    ("a number past a double", mail('{"to":"x","count":1e400}'), "args: a number with"),
    ("NaN", mail('{"to":"x","count":NaN}'), "args: `NaN` is not a JSON number"),
    ("2^53-1 in args", mail('{"to":"x","count":9007199254740991}'), "ok"),
    ("2^53 in args", mail('{"to":"x","count":9007199254740992}'), "args.count: an integer past"),
    ("2^53+1 in args", mail('{"to":"x","count":9007199254740993}'), "args.count: an integer past"),
    ("-2^53 in args", mail('{"to":"x","count":-9007199254740992}'), "args.count: an integer past"),
    ("args not NFC", mail('{"to":"e\u0301"}'), "args.to: is not in Unicode normal form NFC"),
    ("args too deep", mail(f'{{"to":{DEEP}}}'), "args.to: nested deeper than 16"),
    ("context is no JSON", replace(MAIL, context="x"), "context: not valid JSON"),
    ("a duplicate in context", replace(MAIL, context=CONTEXT[:-1] + ',"tier":"gold"}'),
        "context: a duplicate key"),
    ("attributes are no JSON", order("{"), "resource.attributes: not valid JSON"),
    ("a duplicate in attributes", order('{"customer":"bob","total":1,"total":1}'),
        "resource.attributes: a duplicate key"),
    ("bad JSON beside a bad name", replace(REFUND, action="payment.refnd", args="{"),
        "args: not valid JSON"),
    ("bad context beside a bad name", replace(REFUND, action="x", context='{"a":1e2}'),
        "context: a number with an exponent"),
    ("bad attributes beside a bad name", replace(order("{]"), action="x"),
        "resource.attributes: not valid JSON"),
    ("2^53 beside a bad name", mail('{"x":9007199254740993}', action="x"), "args.x: an integer"),
    # step 2: names
    ("an unknown action", replace(REFUND, action="payment.refnd"),
        "invalid: unknown action `payment.refnd`; did you mean `payment.refund`?"),
    ("an action like nothing", replace(REFUND, action="zzz"), "invalid: unknown action `zzz`"),
    ("a long unknown action", replace(REFUND, action="p" * 512),
        f"invalid: unknown action `{'p' * 64}…`"),
    ("an unknown principal type", acting(Entity("Bott", "b"), ANN),
        "invalid: unknown type `Bott`; did you mean `Bot`?"),
    ("an unknown chain type", acting(BOT, Entity("user", "ann")),
        "invalid: unknown type `user`; did you mean `User`?"),
    ("a principal that cannot act", acting(Entity("Order", "o"), ANN),
        "invalid: `Order` cannot act: it is neither a person nor an agent"),
    ("a chain member that cannot act", acting(BOT, Entity("Team", "support")),
        "invalid: `Team` cannot act"),
    ("no resource", replace(REFUND, resource=None),
        "invalid: `payment.refund` needs a resource: `Order`"),
    ("a resource too many", replace(MAIL, resource=ORDER),
        "invalid: `mail.send` takes no resource"),
    ("the wrong resource type", replace(REFUND, resource=Entity("Shop", "s", "{}")),
        "invalid: `payment.refund` is not for `Shop`; it is for `Order`"),
    ("an unknown resource type", replace(REFUND, resource=Entity("Oder", "o")),
        "invalid: unknown type `Oder`; did you mean `Order`?"),
    ("an unknown third type", third(Entity("Shopp", "s")),
        "invalid: unknown type `Shopp`; did you mean `Shop`?"),
    ("an unknown group type", third(Entity("Shop", "s", "{}", ("Regoin::eu",))),
        "invalid: unknown type `Regoin`; did you mean `Region`?"),
    ("a bad name beside a bad value", replace(REFUND, action="x", args='{"amount":true}'),
        "invalid: unknown action `x`"),
    # step 3: types and shape
    ("a missing argument", replace(REFUND, args="{}"), "args.amount: is missing"),
    ("an unknown argument", mail('{"to":"x","cc":"y"}'), "args.cc: unknown member"),
    ("a wrong type", replace(REFUND, args='{"amount":true}'), "args.amount: expected a decimal"),
    ("null", mail('{"to":"x","count":null}'), "args.count: is null; leave it out instead"),
    ("no context", replace(MAIL, context="{}"), "context.channel: is missing"),
    ("an unknown context field", replace(MAIL, context=CONTEXT[:-1] + ',"x":1}'),
        "context.x: unknown member"),
    ("an attribute missing", order('{"customer":"bob"}'), "resource.attributes.total: is missing"),
    ("a Charter name where the wire name is another",
        order('{"customer":"bob","total":1,"paid_at":"2026-03-02T10:00:00Z"}'),
        "resource.attributes.paid_at: unknown member"),
    ("a zoneless time", order('{"customer":"bob","total":1,"paidAt":"2026-03-02T10:00:00"}'),
        "resource.attributes.paidAt: expected a timestamp with zone"),
    ("attributes for a directory type", acting(Entity("Bot", "b1", '{"owner":"ann"}'), ANN),
        "principal: `Bot` is described by the directory only"),
    ("empty attributes for a directory type", acting(BOT, Entity("User", "ann", "{}")),
        "on_behalf_of[0]: `User` is described by the directory only"),
    ("groups for a directory type", acting(Entity("Bot", "b1", None, ("Team::all",)), ANN),
        "principal: needs attributes beside groups"),
    ("attributes for an unknown directory entity", third(Entity("Team", "new", "{}")),
        "entities[0]: `Team` is described by the directory only"),
    ("groups without attributes", order(None, ("Shop::north",)),
        "resource: needs attributes beside groups"),
    ("a group of another type", order(ORDER.attributes, ("Shop::n", "Region::eu")),
        "resource.groups[1]: a `Order` cannot be in a `Region`"),
    ("a group without type", order(ORDER.attributes, ("north",)),
        "resource.groups[0]: expected `Type::id`"),
    ("a group with one colon", order(ORDER.attributes, ("Shop:north",)),
        "resource.groups[0]: expected `Type::id`"),
    ("a group without id", order(ORDER.attributes, ("Shop::",)),
        "resource.groups[0]: expected `Type::id`"),
    ("third entities are typed", third(Entity("Shop", "s", '{"x":1}')),
        "entities[0].attributes.x: unknown member"),
    ("also without a resource", third(ANN, Entity("Shop", "s", '{"x":1}'), request=MAIL),
        "entities[1].attributes.x: unknown member"),
    # the same entity twice
    ("twice and equal", third(ORDER, replace(ORDER, attributes='{"total":"1.0", "customer":"bob"}'),
        request=order(ORDER.attributes)), "ok"),
    ("twice, once bare", third(Entity("Order", "o-1"), request=order(ORDER.attributes)), "ok"),
    ("twice, groups in another order", third(replace(ORDER, groups=("Shop::b", "Shop::a")),
        request=order(ORDER.attributes, ("Shop::a", "Shop::b"))), "ok"),
    ("twice with other attributes", third(replace(ORDER, attributes='{"customer":"bob","total":2}'),
        request=order(ORDER.attributes)), DIFFERS),
    ("twice, an optional more",
        third(replace(ORDER, attributes=PAID), request=order(ORDER.attributes)), DIFFERS),
    ("twice with other groups", third(replace(ORDER, groups=("Shop::n",)),
        request=order(ORDER.attributes)), DIFFERS),
    ("twice among the chain", acting(Entity("Script", "s", "{}"), Entity("Script", "s",
        '{"owner":"ann"}'), ANN), "on_behalf_of[0]: differs from the same entity at `principal`"),
    ("twice among the rest",
        third(Entity("Shop", "s", "{}"), Entity("Shop", "s", "{}", ("Region::e",))),
        "entities[1]: differs from the same entity at `entities[0]`"),
]  # fmt: skip


def wrong_answers() -> set[str]:
    """The rows that the code under test does not keep."""
    found = set()
    for name, request, expected in ANSWERS:
        seen = result(request)
        if not (seen == "ok" if expected == "ok" else seen.startswith(expected)):
            found.add(name)
    return found


def test_answers() -> None:
    assert wrong_answers() == set()


def test_rows_have_names_of_their_own() -> None:
    assert len({name for name, _, _ in ANSWERS}) == len(ANSWERS)


# ---------------------------------------------------------------- what is bound


def test_a_usual_request() -> None:
    bound = bind(REFUND)
    assert plain(bound.args) == {"amount": 125_000, "note": "late"}
    assert plain(bound.context) == {"channel": "web", "tier": 2, "age": 900_000_000}
    assert bound.action is shop.SCHEMA.actions["payment.refund"]
    assert (bound.chain, bound.chain_types) == (("Bot::b1", "User::ann"), ("Bot", "User"))
    assert (bound.agent, bound.user) == ("Bot::b1", "User::ann")
    assert (bound.resource, bound.resource_type) == ("Order::o-1", "Order")
    assert (bound.accountable, bound.unattributed) == ("User::ann", False)
    assert bound.digest == request_digest(REFUND)
    assert bound.request is REFUND
    assert bound.tool is None
    facts = bound.lookup("Order::o-1")
    assert facts is bound.entities["Order::o-1"]
    assert facts is not None
    assert plain(facts.attributes) == {
        "customer": "User::bob",
        "total": 1_200_000,
        "paid_at": 1_772_445_600_000_000,
    }
    assert bound.lookup("User::ann") is BINDER.bind(MAIL).lookup("User::ann")
    assert bound.lookup("Shop::north") is None


def test_absent_optionals_are_unset() -> None:
    bound = bind(replace(REFUND, args='{"amount":1}', context='{"channel":"web","tier":"gold"}'))
    assert bound.args.f_note is msgspec.UNSET  # type: ignore[attr-defined]
    assert bound.context.f_age is msgspec.UNSET  # type: ignore[attr-defined]


def test_the_tool() -> None:
    tool = ToolIdentity("pay", "refund", "")
    bound = bind(replace(REFUND, tool=tool))
    assert plain(bound.tool) == {"server": "pay", "name": "refund", "digest": ""}


def test_wire_and_charter_name_are_one_action_with_two_digests() -> None:
    by_wire, by_name = bind(replace(REFUND, action="payments__refund")), bind(REFUND)
    assert by_wire.action is by_name.action
    assert by_wire.digest != by_name.digest


def test_binding_context_fields_enter_the_digest() -> None:
    fields = (
        replace(field("ticket", STRING, "Ticket-Id", optional=True), binding=True, nullable=True),
        field("vip", BOOL),
    )
    schema = replace(SCHEMA, context=fields)
    decoders = Decoders(schema)
    bound = Binder(schema, Directory(DIRECTORY, schema, decoders), decoders).bind

    def digest(context: str, action: str = REFUND.action) -> str:
        return bound(replace(REFUND, context=context, action=action)).digest

    for action in (REFUND.action, "payment.refnd"):
        one = digest('{"Ticket-Id":"T-1","vip":true}', action)
        assert digest('{"vip":false,"Ticket-Id":"T\\u002d1"}', action) == one
        assert digest('{"Ticket-Id":"T-2","vip":true}', action) != one
        absent = digest('{"vip":true}', action)
        assert absent not in {one, ""}
        assert digest('{"Ticket-Id":null,"vip":true}', action) == absent
    assert digest('{"vip":true}') == bind(REFUND).digest


def test_an_invalid_request_has_a_digest_and_no_facts() -> None:
    request = replace(REFUND, action="payment.refnd")
    bound = bind(request)
    assert bound.action is None
    assert bound.digest == request_digest(request)
    assert bound.entities == {}
    assert (bound.agent, bound.user, bound.accountable) == ("Bot::b1", "User::ann", "User::ann")
    unknown = bind(acting(Entity("Bott", "b"), ANN))
    assert (unknown.agent, unknown.chain_types) == (None, ("Bott", "User"))


# ---------------------------------------------------------------- sabotage


def principal_only(request: Request) -> tuple[Entity, ...]:
    return (request.principal,)


@pytest.mark.parametrize(
    ("place", "seam", "broken", "caught"),
    [
        (binder_module, "everyone_of", principal_only, "bad attributes beside a bad name"),
        (described, "check_groups", lambda *_: None, "a group of another type"),
        (binder_module, "request_digest", lambda *_: "", "2^53 in args"),
        (binder_module, "unknown_name", "unknown {} `{}`".format, "an unknown action"),
        (described.Describing, "_described", lambda *_: {}, "attributes for a directory type"),
        (described.Describing, "_described", lambda *_: {}, "twice with other attributes"),
        (Binder, "_invalid", lambda *_: None, "a resource too many"),
        (Binder, "_bind_invalid", lambda *_: bind(MAIL), "bad JSON beside a bad name"),
    ],
)
def test_sabotage(
    monkeypatch: pytest.MonkeyPatch, place: Any, seam: str, broken: Callable[..., Any], caught: str
) -> None:
    monkeypatch.setattr(place, seam, broken)
    assert caught in wrong_answers()


def test_values_never_show_in_refusals() -> None:
    word = "hunter2"
    for name, request, _ in ANSWERS:
        args = json.dumps({"amount": word, "to": [word]})
        assert word not in result(replace(request, args=args)), name
