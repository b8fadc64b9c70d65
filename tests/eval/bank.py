"""A small bundle, in text, with every effect, route and obligation; and requests to it."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from pdp.eval.policyset import PolicySet
from pdp.lang.checked import CheckedPolicies
from pdp.lang.checker import check, read_sources
from pdp.model import Entity
from pdp.request import Request

FILE: Final = "bank.charter"
NOW_US: Final = 1_772_445_600_000_000
TEXT: Final = """
bundle bank {
    version "1.0.0"
    language 1
    owner "bank@acme.example"
    contact "#bank"
    governs pay, mail, misc
}
level Grade { low < mid < high }
type Line = { text: string, cents: int }
type Box = { code: string secret }
context { grade: Grade, night: bool, trace: string secret }
entity Team directory in Team
entity User person directory in Team { grade: Grade }
entity Visitor person
entity Agent agent directory in Team { owner: User }
entity Account in Team { owner: User, balance: decimal, key: string secret, country?: string }
entity Other
action pay.send on Account irreversible risk high {
    amount: decimal, iban "IBAN": string secret, at: timestamp, wait: duration, note?: string,
    lines: list<Line>[0..9], boxes: list<Box>[0..9], via?: Account
}
action pay.undo on Account reversible risk low { amount: decimal }
action mail.send reversible risk low { to: string, raw: string untrusted }
action misc.free reversible risk low
group bots = Team::"bots"
group leads = Team::"leads"
group risk_office = Team::"risk"
route leads_only {
    need 1 of leads
    exclude requester, owner, same_team
    expires 4h
    show args.amount, args.at, args.wait, context.grade,
        resource.owner, resource.country, agent.owner
}
route two_eyes {
    need 2 of leads where (approver.grade >= mid)
    need 1 of risk_office
    exclude requester
    show args.amount, args.note, args.lines
}
route small { need 1 of leads exclude requester, owner }
policy pay "Payments" {
    owner "pay@acme.example"
    contact "#pay"
    reason "P-1"
    rule bots: allow bots to pay.send, pay.undo on Account when args.amount <= 1_000.00
    rule people: allow User to pay.send, pay.undo on Account
    rule own: allow Visitor to pay.undo on Account when args.amount < 5.00
    rule frozen:
        deny anyone to pay.send when context.night and args.amount > 500.00
        because "No large payments at night."
    rule foreign:
        deny anyone to pay.send when has args.via and args.via.balance < 0.00
        because "The account in between is overdrawn."
    rule big:
        require approval from leads_only for Agent to pay.send when args.amount > 100.00
        because "Payments over 100.00 need a lead."
    rule huge:
        require approval from two_eyes for anyone to pay.send when args.amount > 900.00
        because "Payments over 900.00 need two leads and the risk office."
    rule undo_big: require approval from small for Agent to pay.undo when args.amount > 100.00
}
policy extra "Duties" {
    owner "audit@acme.example"
    contact "#audit"
    reason "P-2"
    rule brief: oblige anyone to pay.send then log summary, notify "ops@acme.example"
    rule fully:
        oblige Agent to pay.send when args.amount > 50.00
        then log full, notify risk_office, redact [args.amount, resource.balance]
    rule slowly: oblige Agent to pay.undo then rate 30 per 1h by agent, rate 5 per 90s by user
    rule slower: oblige Agent to pay.undo when args.amount > 10.00 then rate 10 per 1h by agent
    rule via:
        oblige anyone to pay.send when has args.via and args.via.balance > 9.00
        then redact [args.note]
}
policy mail "Mail" {
    owner "mail@acme.example"
    contact "#mail"
    reason "P-3"
    rule any: allow anyone to mail.send when args.to like "*@acme.example"
    rule maybe: allow User to mail.send when context.grade >= mid
}
"""
CONTEXT: Final = '{"grade":"mid","night":false,"trace":"t-1"}'
DIRECTORY: Final = {
    entity.uid: entity
    for entity in (
        Entity("Team", "bots", "{}"),
        Entity("Team", "staff", "{}"),
        Entity("Team", "leads", "{}", ("Team::staff",)),
        Entity("Team", "risk", "{}"),
        Entity("User", "ann", '{"grade":"low"}', ("Team::staff",)),
        Entity("User", "lea", '{"grade":"high"}', ("Team::leads",)),
        Entity("User", "max", '{"grade":"mid"}', ("Team::leads", "Team::risk")),
        Entity("User", "kim", '{"grade":"low"}', ("Team::leads", "Team::risk")),
        Entity("Agent", "bot", '{"owner":"lea"}', ("Team::bots",)),
        Entity("Agent", "helper", '{"owner":"ann"}', ("Team::bots",)),
        Entity("Agent", "loose", '{"owner":"ann"}'),
        Entity("Agent", "stray", '{"owner":"gone"}', ("Team::bots",)),
    )
}
ARGS: Final = {
    "amount": "20.00",
    "IBAN": "DE00-very-secret",
    "at": "2026-03-02T11:30:00.250+01:00",
    "wait": "90m",
    "lines": [{"text": "for ann", "cents": 5}],
    "boxes": [{"code": "hush"}],
}
ACCOUNT: Final = Entity(
    "Account", "a-1", '{"owner":"ann","balance":"10.5","key":"k"}', ("Team::staff",)
)


def program(text: str = TEXT) -> CheckedPolicies:
    """The checked program of ``text``."""
    checked, diagnostics = check({FILE: text.encode()})
    assert checked is not None, diagnostics
    return checked


def policies(text: str = TEXT) -> PolicySet:
    """``text`` over the bank's directory."""
    return PolicySet.build(program(text), DIRECTORY, read_sources({FILE: text.encode()}))


def send(amount: str = "20.00", chain: str = "Agent::bot User::ann", **args: object) -> Request:
    """A payment of that amount, acted on by the chain in order."""
    members = [_member(uid) for uid in chain.split()]
    return Request(
        principal=members[0],
        on_behalf_of=tuple(members[1:]),
        action="pay.send",
        args=msgspec.json.encode(ARGS | {"amount": amount} | args).decode(),
        resource=ACCOUNT,
        context=CONTEXT,
        supported_obligations=("log", "notify", "rate", "redact"),
    )


def _member(uid: str) -> Entity:
    type_name, _, name = uid.partition("::")
    return Entity(type_name, name, "{}" if type_name == "Visitor" else None)


def undo(amount: str = "1.00", chain: str = "Agent::bot User::ann") -> Request:
    """The payment undone: reversible, and other rules."""
    args = f'{{"amount":"{amount}"}}'
    return replace(send(chain=chain), action="pay.undo", args=args)


def mail(to: str = "x@acme.example", chain: str = "Agent::bot User::ann") -> Request:
    """A mail: an action without a resource."""
    args = msgspec.json.encode({"to": to, "raw": "raw text"}).decode()
    return replace(send(chain=chain), action="mail.send", args=args, resource=None)
