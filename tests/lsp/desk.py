"""Small bundles for the tests of the core, and places in them by the words that stand there."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

from pdp.bundles.sources.directory import read_policy_directory
from pdp.lsp.answers.edits import Edit, applied
from pdp.lsp.workspace import Workspace, open_workspace

STARTER: Final = Path(str(resources.files("pdp.authoring"))) / "starter"
REFUNDS: Final = "refunds.charter"
TESTS: Final = "refunds_tests.charter"
MARK: Final = "|"

SHOP: Final = """\
bundle acme.shop {
    version "1.0.0"
    language 1
    owner "o@acme.example"
    contact "#o"
    governs pay, mail, watch
}
level Sensitivity { public < internal < secret }
enum Currency { EUR, USD }
entity Team directory in Team
entity User person directory in Team { email: string, level: Sensitivity, limit?: decimal }
entity Agent agent directory in Team { owner: User, purpose: string }
entity Order { total: decimal, currency: Currency, buyer: User, paid?: bool, level: Sensitivity }
type Item = { name: string, price: decimal }
context { frozen?: bool, score?: decimal untrusted }
action pay.refund on Order reversible risk medium { amount: decimal, currency: Currency }
action pay.out on Order irreversible risk high { amount: decimal, to: string }
action mail.send reversible risk low { items: set<Item>[0..10], level: Sensitivity }
action watch.camera reversible risk low
actions money = pay.refund, pay.out
group clerks = Team::"clerks"
group leads = Team::"leads"
const cap: decimal = 200.00
const words: set<string> = ["a", "b"]
const holidays: set<string> = ["2027-01-01"]
predicate cheap(i: Item) = i.price < cap
predicate calm = not has context.frozen
window hours = mon..fri 09:00..17:00 in "Europe/Berlin" except holidays
route lead {
    need 1 of leads where (approver.level >= internal)
    show args.amount, resource.total
}
risk {
    owner "o@acme.example"
    reason "because"
    points 60 "grave" when not action.reversible
    tier high from 60 requires lead
}
policy shop "Shop" {
    owner "o@acme.example"
    contact "#o"
    reason "because"
    rule small: allow Agent in clerks, User in clerks to money on Order when args.amount <= cap
    rule large:
        require approval from lead for anyone to money
        when args.amount > cap and resource.currency == EUR
        because "large"
    rule late: deny anyone to mail.send when now not in hours because "late"
    rule dear:
        deny anyone to mail.send
        when some i in args.items satisfies (i.price > 5.00 and not cheap(i))
        because "dear"
}
fixture ann = User::"ann" in [clerks] { email: "a", level: internal }
fixture bot = Agent::"bot" in [clerks] { owner: ann, purpose: "p" }
fixture order = Order::"1" { total: 9.00, currency: EUR, buyer: ann, level: public }
test "small" {
    agent bot
    user ann
    do pay.refund on order { amount: 1.00, currency: EUR }
    context { frozen: false }
    expect allow by shop.small
    cases [ { amount: 999.00 } expect approval from lead ]
}
invariant "no" { owner "o" never allow User to pay.out when args.amount < 0.00 }
"""
PEOPLE: Final = """\
{"Team": {"clerks": {}, "leads": {"groups": ["Team::clerks"]}},
 "User": {"zoe": {"attributes": {"email": "z", "level": "secret"}, "groups": ["Team::leads"]},
          "ben": {"attributes": {"email": "b", "level": "secret"}, "groups": ["Team::clerks"]}}}
"""


def shop(more: str = "") -> Workspace:
    """The shop, with a second file ``more.charter``."""
    files = {"shop.charter": SHOP.encode(), "people.directory.json": PEOPLE.encode()}
    return open_workspace({**files, "more.charter": more.encode()})


def starter() -> Workspace:
    """The bundle of `pdp init`."""
    return open_workspace(read_policy_directory(STARTER))


def offset(workspace: Workspace, file: str, words: str) -> int:
    """Where ``words`` first stand in a file: at the mark in them, or at their start."""
    before, mark, after = words.partition(MARK)
    text = workspace.lines(file).text
    return text.index(before + after) + (len(before) if mark else 0)


def after(workspace: Workspace, edits: list[Edit]) -> Workspace:
    """The workspace once the edits are made."""
    files = dict(workspace.files)
    for file in {edit.file for edit in edits}:
        own = [edit for edit in edits if edit.file == file]
        files[file] = applied(workspace.lines(file).text, own).encode()
    return open_workspace(files, workspace)
