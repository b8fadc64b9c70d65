"""A bundle, in text, with risk, shadow rules, escalations and actions that take no resource."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from pdp.eval.policyset import PolicySet
from pdp.lang.checked import CheckedPolicies
from pdp.lang.checker import check, read_sources
from pdp.model import Decision, Entity
from pdp.request import Request

FILE: Final = "fleet.charter"
# 2026-03-02T10:00:00Z, a Monday.
NOW_US: Final = 1_772_445_600_000_000
TEXT: Final = """
bundle fleet {
    version "1.0.0"
    language 1
    owner "fleet@acme.example"
    contact "#fleet"
    governs host, note
}
context { ticket: string binding, source?: ip, vip: bool }
entity Team directory in Team
entity User person directory in Team
entity Agent agent directory in Team { owner: User }
entity Host in Team { owner: User, weight: int, parent?: Host }
action host.stop on Host irreversible risk high { count: int, path?: path }
action host.tag on Host reversible risk low { count: int }
action note.write reversible risk low { text: string secret, size?: int }
group bots = Team::"bots"
group leads = Team::"leads"
group board = Team::"board"
window office = mon..fri 09:00..17:30 in "Europe/Berlin"
route asked { confirm user }
route lead {
    need 1 of leads
    exclude requester
    expires 4h
    use within 30m
    escalate to both after 1h
    show args.count, risk.tier, resource.weight
}
route both {
    need 1 of leads
    need 1 of board
    exclude requester, owner
    confirm user
    use within 2h
    escalate to board_only after 90m
}
route board_only {
    need 1 of leads
    need 2 of board
    exclude requester, owner
    confirm user
    expires 2d
    use within 10m
}
risk {
    owner "risk@acme.example"
    contact "#risk"
    reason "R-1"
    points 10 "many at once" when has args.count and args.count > 5
    points 20 "a heavy host" when has resource and resource.weight > 100
    points 30 "outside office hours" when not (now in office)
    points 40 "its parent is heavy" when has resource.parent and resource.parent.weight > 100
    points 5 "irreversible" when not action.reversible
    tier medium from 20
    tier high from 35 requires lead
    tier critical from 90 requires lead, both
}
policy hosts "Hosts" {
    owner "hosts@acme.example"
    contact "#hosts"
    reason "H-1"
    rule all: allow anyone to host.stop, host.tag on Host
    rule never: deny anyone to host.stop when risk.tier >= critical and context.vip
        because "Nothing critical for the important."
    rule ask: require approval from asked for Agent to host.tag when args.count == 3
    rule ask_lead: require approval from lead for Agent to host.tag when args.count == 4
    rule ask_both: require approval from both, lead for Agent to host.tag when args.count == 2
}
policy notes "Notes" {
    owner "notes@acme.example"
    contact "#notes"
    reason "N-1"
    rule write: allow anyone to note.write
}
policy trial "Not yet" {
    owner "trial@acme.example"
    contact "#trial"
    reason "T-1"
    shadow until 2099-01-01
    rule stop: deny anyone to host.stop, note.write
    rule ask: require approval from lead for Agent to host.tag, note.write
    rule tell: oblige Agent to host.tag then redact [args.count], rate 1 per 1h by agent
    rule odd: oblige anyone to host.tag
        when has resource.parent and resource.parent.weight > 1
        then redact [resource.weight]
    rule more: allow anyone to note.write
    rule idle: deny anyone to host.tag when args.count == 99
}
"""
DIRECTORY: Final = {
    entity.uid: entity
    for entity in (
        Entity("Team", "bots", "{}"),
        Entity("Team", "leads", "{}"),
        Entity("Team", "board", "{}"),
        Entity("User", "ann", "{}"),
        Entity("User", "lea", "{}", ("Team::leads",)),
        Entity("User", "leo", "{}", ("Team::leads",)),
        Entity("User", "bea", "{}", ("Team::board",)),
        Entity("User", "ben", "{}", ("Team::board",)),
        Entity("Agent", "bot", '{"owner":"lea"}', ("Team::bots",)),
    )
}
HOST: Final = Entity("Host", "h1", '{"owner":"ann","weight":1}')
HEAVY: Final = Entity("Host", "h1", '{"owner":"ann","weight":101}')


def program(text: str = TEXT) -> CheckedPolicies:
    """The checked program of ``text``."""
    checked, diagnostics = check({FILE: text.encode()})
    assert checked is not None, diagnostics
    return checked


def policies(text: str = TEXT, without: str = "") -> PolicySet:
    """``text`` over the fleet's directory, less the entries in ``without``."""
    directory = {uid: item for uid, item in DIRECTORY.items() if uid not in without.split()}
    return PolicySet.build(program(text), directory, read_sources({FILE: text.encode()}))


FLEET: Final = policies()


def ask(
    action: str, count: int = 1, chain: str = "Agent::bot User::ann", host: Entity | None = HOST
) -> Request:
    """A request to do ``action``, acted on by the chain in order."""
    names = [uid.partition("::") for uid in chain.split()]
    members = [Entity(type_name, id_) for type_name, _, id_ in names]
    args: dict[str, object] = {"count": count}
    if action == "note.write":
        args, host = {"text": "hush"}, None
    return Request(
        principal=members[0],
        on_behalf_of=tuple(members[1:]),
        action=action,
        args=msgspec.json.encode(args).decode(),
        resource=host,
        context='{"ticket":"T-1","vip":false}',
        supported_obligations=("redact", "rate"),
    )


def decide(request: Request, rules: PolicySet = FLEET, now_us: int = NOW_US) -> Decision:
    return rules.decide(rules.bind(request), now_us)


def vip(request: Request) -> Request:
    return replace(request, context=request.context.replace("false", "true"))
