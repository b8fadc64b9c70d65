"""Two versions of the refund desk for tests of comparing: one text replaced by another."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pdp import protoform
from pdp.activation.comparing.changes import Changes, changes
from pdp.activation.comparing.sides import Side, side_of_files
from pdp.bundles.sources.directory import read_policy_directory
from pdp.decisionlog.record import Kind, Record, decision_record
from pdp.model import Decision, Effect
from pdp.request import Request

DESK: Final = read_policy_directory(Path(__file__).parents[1] / "cli" / "policies")
OLD: Final = side_of_files(DESK)
TIME_NS: Final = 1_700_000_000_000_000_000

# What a reviewer may be shown; each is the desk with one text replaced.
EDITS: Final[dict[str, tuple[str, str]]] = {
    "higher_limit": ("args.amount > 200.00", "args.amount > 400.00"),
    "lower_limit": ("args.amount <= 500.00", "args.amount <= 50.00"),
    "more_approval": ("args.amount > 200.00", "args.amount > 100.00"),
    "no_log": ("\n        then log full", ""),
    "other_route": ("need 1 of leads", "need 1 of clerks"),
    "without_deny": ("args.note like", "false_flag and args.note like"),
    "new_action": ("group clerks", "action pay.tip reversible risk low\ngroup clerks"),
    "other_layout": ("rule small:\n        allow", "rule small:\n\n            allow"),
    "clerk_leaves": ('"ann@desk.example"}, "groups": ["Team::clerks"]', '"ann@desk.example"}'),
    "clerk_joins": ('"ben@desk.example"}', '"ben@desk.example"}, "groups": ["Team::clerks"]'),
    "group_elsewhere": ('group leads = Team::"leads"', 'group leads = Team::"clerks"'),
}


def edited(name: str) -> Side:
    before, after = EDITS[name]
    files = {file: data.replace(before.encode(), after.encode()) for file, data in DESK.items()}
    assert files != DESK
    if name == "without_deny":
        files["desk.charter"] = files["desk.charter"].replace(
            b"has args.note and false_flag and args.note like",
            b'has args.note and args.note == "no" and args.note like',
        )
    return side_of_files(files)


def said(name: str) -> Changes:
    return changes(OLD, edited(name))


def decided(request: Request, decision_id: str, omitted: tuple[str, ...] = ()) -> Record:
    """A record of some answer to a request; which one it was does not matter."""
    answered = Decision(Effect.DENY, decision_id=decision_id)
    payload = decision_record(
        request=request,
        omitted=omitted,
        answer=protoform.decision_to_proto(answered, ""),
        decision=answered,
        time_unix_ns=TIME_NS,
        decide_ns=1,
        engine_version="0.1",
        tzdata_version="2026.1",
    )
    return Record(1, Kind.DECISION, payload, "segment", 0)
