"""A bundle with a field of each newer type, and requests to it; asks the reference, no other."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from pdp.eval.reference import decide
from pdp.lang.checked import CheckedPolicies
from pdp.lang.checker import check
from pdp.model import Decision, DenyCause, Entity
from pdp.request import Request

HEAD: Final = """
bundle depot {
    version "1" language 1 owner "depot@x.example" contact "#depot" governs job
}
enum Region { us_east "us-east-1", eu "eu-1" }
level Grade { low "L0" < mid "L1" < top "L2" }
type Extra = { note?: string nullable, blob: json nullable }
context { from?: ip, zone: Region binding, mode?: string nullable binding }
entity Team directory in Team
entity User person directory in Team { grade: Grade }
entity Agent agent directory in Team { owner: User }
entity Host in Host { home: path, nets: set<cidr>[0..4], at?: timestamp }
action job.run "tool__run" on Host reversible risk low {
    file: path, net: cidr, addr: ip, text: string, at: timestamp, region: Region, grade: Grade,
    opt?: int nullable, must: int nullable, any?: json, blob: json nullable,
    guess?: int untrusted, key?: string secret
}
action job.drop on Host irreversible risk high { at: timestamp }
action job.ping reversible risk low
group crew = Team::"crew"
group leads = Team::"leads"
policy base { owner "base@x.example" contact "#b" reason "B" rule all: allow anyone to any_job }
actions some_jobs = job.run, job.drop
actions any_job = some_jobs, job.ping
"""

DIRECTORY: Final = {
    entity.uid: entity
    for entity in (
        Entity("Team", "crew", "{}"),
        Entity("Team", "leads", "{}", ("Team::crew",)),
        Entity("User", "ann", '{"grade":"L0"}', ("Team::crew",)),
        Entity("User", "lea", '{"grade":"L2"}', ("Team::leads",)),
        Entity("User", "max", '{"grade":"L1"}', ("Team::leads",)),
        Entity("User", "kim", '{"grade":"L1"}', ("Team::crew",)),
        Entity("Agent", "bot", '{"owner":"lea"}', ("Team::crew",)),
    )
}
BOT, ANN = Entity("Agent", "bot"), Entity("User", "ann")
HOST_ATTRIBUTES: Final = {"home": "/srv", "nets": ["10.0.0.0/8", "2001:db8::/32"]}
HOST: Final = Entity("Host", "h", json.dumps(HOST_ATTRIBUTES))
ARGS: Final[dict[str, object]] = {
    "file": "/srv/app/x",
    "net": "10.0.0.0/8",
    "addr": "10.1.2.3",
    "text": "",
    "at": "2026-03-02T08:00:00Z",
    "region": "us-east-1",
    "grade": "L1",
    "must": None,
    "blob": None,
}


def program(*declarations: str) -> CheckedPolicies:
    text = "\n".join((HEAD, *declarations))
    checked, diagnostics = check({"depot.charter": text.encode()})
    assert checked is not None, [(d.message, d.span) for d in diagnostics]
    return checked


def policy(*rules: str, name: str = "p", more: str = "") -> str:
    return (
        f'policy {name} {{ owner "{name}@x.example" contact "#{name}" reason "R" {more}\n'
        + "\n".join(rules)
        + "\n}"
    )


def request(*chain: Entity, action: str = "job.run", **args: Any) -> Request:
    first, *others = chain or (BOT, ANN)
    sent: dict[str, object] = {"at": ARGS["at"]} if action == "job.drop" else dict(ARGS)
    return Request(
        principal=first,
        on_behalf_of=tuple(others),
        action=action,
        args=json.dumps({} if action == "job.ping" else sent | args),
        resource=None if action == "job.ping" else HOST,
        context='{"zone":"eu-1"}',
    )


def ask(checked: CheckedPolicies, asked: Request, now_us: int = 0) -> Decision:
    return decide(checked, DIRECTORY, asked, now_us)


def holds(condition: str, *declarations: str, now: str = "", **args: Any) -> bool:
    """Whether a deny under that condition denies; the request is otherwise allowed."""
    deny = f'rule d: deny anyone to job.run when {condition} because "x"'
    now_us = micros(now) if now else 0
    decision = ask(program(*declarations, policy(deny)), request(**args), now_us)
    assert decision.cause in {None, DenyCause.RULE}
    return decision.cause is DenyCause.RULE


def micros(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * 1_000_000
