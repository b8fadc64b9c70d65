"""``--format json``: exact shapes, one document on standard output, on every way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from pdp._proto import decision_pb2 as pb
from pdp.cli.exit_codes import Exit
from tests.cli.world import DECISION_ID, MISTAKES, World

DIAGNOSTIC_KEYS: Final = [
    "code", "name", "severity", "message", "file", "line", "column", "end_line", "end_column",
    "help",
]  # fmt: skip


# ---------------------------------------------------------------- check


@pytest.mark.parametrize(
    "line",
    [
        "check {mistakes} --format json",
        "decide {allow} --policies {mistakes} --unsafe-accept-unsigned --format json",
    ],
)
def test_twelve_mistakes_are_twelve_diagnostics_at_their_words(world: World, line: str) -> None:
    done = world.run(line)
    assert done.code == Exit.INVALID
    assert list(done.json) == ["diagnostics"]
    found = done.json["diagnostics"]
    assert {tuple(item) for item in found} == {tuple(DIAGNOSTIC_KEYS)}
    assert {item["severity"] for item in found} == {"error"}
    expected = json.loads((MISTAKES / "expected.json").read_text())
    assert [(item["file"], item["line"], words(item)) for item in found] == [
        (item["file"], item["line"], item["words"]) for item in expected
    ]
    assert len(found) == len({item["code"] for item in found}) == 12


def words(diagnostic: dict[str, Any]) -> str:
    """The text that a diagnostic on one line points at."""
    assert diagnostic["line"] == diagnostic["end_line"]
    text = (MISTAKES / diagnostic["file"]).read_text().split("\n")[diagnostic["line"] - 1]
    return text[diagnostic["column"] - 1 : diagnostic["end_column"] - 1]


@pytest.mark.parametrize(("name", "count"), [("policies", 0), ("warned", 1)])
def test_without_mistakes(world: World, name: str, count: int) -> None:
    done = world.run(f"check {{{name}}} --format json")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert [item["severity"] for item in done.json["diagnostics"]] == ["warning"] * count


# ---------------------------------------------------------------- decide


def test_an_allow(world: World) -> None:
    answer = world.run("decide {allow} {unsafe} --format json").json
    assert len(answer.pop("request_digest")) == len(answer["bundle"].pop("digest")) == 64
    assert answer == {
        "effect": "allow",
        "request_id": "r-1",
        "rules": [
            {"rule": "refunds.small", "owner": "payments@desk.example", "contact": "#payments"}
        ],
        "attribution": {
            "accountable": "User::ann",
            "agent": "Agent::bot",
            "chain": ["Agent::bot", "User::ann"],
            "policy_owners": ["payments@desk.example"],
        },
        "obligations": [{"name": "log", "value": "full"}],
        "bundle": {"name": "test.desk", "version": "1.0.0"},
        "reasons": {
            "for_model": "Allowed.",
            "for_person": "Allowed.",
            "for_auditor": "allow; rules: refunds.small",
        },
    }


@pytest.mark.parametrize(
    ("name", "code", "effect", "cause"),
    [
        ("allow", Exit.SUCCESS, "allow", None),
        ("deny", Exit.DENY, "deny", "rule"),
        ("no_allow", Exit.DENY, "deny", "no_allow"),
        ("unknown", Exit.DENY, "deny", "invalid_request"),
        ("approval", Exit.APPROVAL, "require_approval", None),
    ],
)
def test_every_effect_in_the_form_of_the_contract(
    world: World, name: str, code: Exit, effect: str, cause: str | None
) -> None:
    done = world.run(f"decide {{{name}}} {{unsafe}} --explain --format json")
    answer = done.json
    explanation = answer.pop("explanation")
    assert (done.code, done.err) == (code, "")
    assert (answer["effect"], answer.get("cause")) == (effect, cause)
    assert foreign(answer, pb.DecideResponse.DESCRIPTOR) == []
    assert explanation.pop("now").endswith("Z")
    assert foreign(explanation, pb.ExplainResponse.DESCRIPTOR) == []
    assert bool(explanation.get("outcomes")) == (cause != "invalid_request")
    assert bool(explanation.get("nearest")) == (cause == "no_allow")
    assert bool(explanation.get("approvers")) == (effect == "require_approval")


def foreign(shown: dict[str, Any], contract: Any) -> list[str]:
    """Names, at any depth, that the contract (a message's descriptor) does not have."""
    found: list[str] = []
    for name, value in shown.items():
        field = contract.fields_by_name.get(name)
        if field is None:
            found.append(name)
        elif field.message_type is not None:
            items = value if isinstance(value, list) else [value]
            inner = [path for item in items for path in foreign(item, field.message_type)]
            found += [f"{name}.{path}" for path in inner]
    return found


def test_a_foreign_name_is_seen() -> None:
    answer = {"effect": "allow", "Effect": 1, "rules": [{"rule": "a.b", "policy": "a"}]}
    assert foreign(answer, pb.DecideResponse.DESCRIPTOR) == ["Effect", "rules.policy"]


def test_an_explanation(world: World) -> None:
    answer = world.run("decide {approval} {unsafe} --explain --format json").json
    outcomes = answer["explanation"]["outcomes"]
    assert [(o["principal"], o["rule"], o["effect"], o["outcome"]) for o in outcomes] == [
        (principal, *rest)
        for principal in ("Agent::bot", "User::ann")
        for rest in (
            ("refunds.hurried", "deny", "false"),
            ("refunds.large", "require", "held"),
            ("refunds.small", "allow", "held"),
        )
    ]
    [hurried, held, _, *_] = outcomes
    [unmet] = hurried["unmet"]
    lines = (Path(world.places["policies"]) / unmet["file"]).read_text().split("\n")
    assert lines[unmet["line"] - 1][unmet["column"] - 1 :].startswith("args.note like")
    assert unmet["text"] == 'args.note like "*hurry*"'
    assert unmet["values"] == [{"path": "args.note", "value": "late"}]
    assert (held["is_determining"], "unmet" in held) == (True, False)
    [approvers] = answer["explanation"]["approvers"]
    assert (approvers["count"], approvers["people"]) == (1, ["User::eva"])


def test_why_a_rule_was_no_candidate(world: World) -> None:
    line = "decide {approval} {unsafe} --format json --why-not refunds.large"
    answer = world.run(line).json
    assert "explanation" not in answer
    assert answer["why_not"] == [{"rule": "refunds.large", "is_candidate": True, "reason": ""}]
    [other] = world.run("decide {unknown} {unsafe} --format json --why-not refunds.large").json[
        "why_not"
    ]
    assert other["reason"] == "unknown action `pay.refnd`; did you mean `pay.refund`?"


def test_another_time_may_be_asked_about(world: World) -> None:
    line = "decide {allow} {unsafe} --explain --now 2026-01-31T12:00:00+01:00 --format json"
    assert world.run(line).json["explanation"]["now"] == "2026-01-31T11:00:00.000000000Z"


# ---------------------------------------------------------------- test


def test_tests(world: World) -> None:
    done = world.run("test {failing} --format json")
    assert (done.code, done.err) == (Exit.FAILURE, "")
    report = done.json
    assert (report["passed"], report["failed"]) == (1, 1)
    failed, passed = report["tests"]
    assert list(failed) == ["title", "file", "line", "passed", "problems", "decision"]
    assert failed["title"] == "a small refund"
    assert failed["problems"][0] == "expected deny, found allow"
    assert failed["decision"]["effect"] == "allow"
    assert (passed["passed"], passed["problems"]) == (True, [])


# ---------------------------------------------------------------- log


def test_a_verified_log(world: World) -> None:
    report = world.run("log verify {log} --format json").json
    assert list(report) == [
        "ok", "log_id", "records", "segments", "first_seq", "last_seq", "tree_size", "root",
        "problems",
    ]  # fmt: skip
    assert (report["ok"], report["tree_size"], report["problems"]) == (True, 3, [])
    assert report["records"] == {"decision": 1, "refusal": 1, "stop": 1}


def test_a_damaged_log(world: World) -> None:
    done = world.run("log verify {damaged} --format json")
    assert done.code == Exit.FAILURE
    assert done.json["ok"] is False
    [problem] = done.json["problems"]
    assert list(problem) == ["segment", "offset", "first_seq", "last_seq", "what"]
    assert (problem["segment"], problem["first_seq"]) == ("0000000001.seg", 1)


def test_a_record(world: World) -> None:
    record = world.run("log show {log} 1 --format json").json
    assert record == world.run("log show {log} {id} --format json").json
    assert (record["seq"], record["kind"], record["decision_id"]) == (1, "decision", DECISION_ID)
    assert record["answer"]["effect"] == "require_approval"


def test_the_newest_records_are_a_document_a_line(world: World) -> None:
    done = world.run("log tail {log} -n 2 --format json")
    assert [json.loads(line)["kind"] for line in done.out.splitlines()] == ["refusal", "stop"]


# ---------------------------------------------------------------- complaints


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        ("decide {refused} {unsafe} --format json", Exit.INVALID, "args.amount"),
        ("decide {allow} --format=json", Exit.INVALID, ""),
        ("check {gone} --format json", Exit.INVALID, ""),
        ("log show {log} 999 --format json", Exit.FAILURE, ""),
    ],
)
def test_a_complaint_is_said_to_programs_and_to_people(
    world: World, line: str, code: Exit, field: str
) -> None:
    done = world.run(line)
    assert done.code == code
    assert list(done.json) == ["error"]
    error = done.json["error"]
    assert list(error) == ["message", "field"]
    assert error["field"] == field
    assert done.err.startswith(f"error: {error['message']}\n")
