"""``pdp test``: which tests run, the reports, coverage and its floor, and the bar on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pdp.cli import test as command
from pdp.cli.exit_codes import Exit
from pdp.cli.reports.junit import Reported, junit
from tests.cli.world import END_S, World, environment
from tests.cli.world import command as command_line

# ---------------------------------------------------------------- which tests


@pytest.mark.parametrize(
    ("asked", "titles"),
    [
        ("", ["a small refund", "a large refund"]),
        ("-k LARGE", ["a large refund"]),
        ("-k desk", ["a small refund", "a large refund"]),
        ("--file desk.charter -k small", ["a small refund"]),
        ("--file {policies}/desk.charter", ["a small refund", "a large refund"]),
    ],
)
def test_only_what_is_asked_for_runs(world: World, asked: str, titles: list[str]) -> None:
    done = world.run(f"test {{policies}} --format json {asked}".strip())
    assert done.code == Exit.SUCCESS
    assert [test["title"] for test in done.json["tests"]] == titles


def test_none_that_is_asked_for_is_a_failure(world: World) -> None:
    done = world.run("test {policies} --file other.charter")
    assert (done.code, done.out) == (Exit.FAILURE, "")
    assert done.err.endswith("is asked for\n")


# ---------------------------------------------------------------- JUnit


def test_junit(world: World, tmp_path: Path) -> None:
    target = tmp_path / "report.xml"
    done = world.pdp("test", world.places["failing"], "--junit", str(target))
    assert done.code == Exit.FAILURE
    [suite] = ElementTree.parse(target).getroot()  # noqa: S314 - written by us a moment ago
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("test.desk", "2", "1")
    first, second = suite
    assert (first.get("name"), first.get("file")) == ("a small refund", "desk.charter")
    [failure] = first
    assert failure.get("message") == "expected deny, found allow"
    assert list(second) == []


def test_junit_holds_any_title() -> None:
    title = 'an <odd> "title" & \x00 \u202e \ufffe'
    report = junit([("s", [Reported(title, "a/b.charter", 3, ("one\x1b", "two"))])])
    [[case]] = ElementTree.fromstring(report)  # noqa: S314 - written by us a moment ago
    assert case.get("name") == 'an <odd> "title" & \ufffd \u202e \ufffd'
    assert case.get("classname") == "a.b"
    assert case[0].text == "one\ufffd\ntwo"


def test_junit_that_cannot_be_written(world: World) -> None:
    done = world.pdp("test", world.places["policies"], "--junit", "/nowhere/x.xml")
    assert done.code == Exit.FAILURE
    assert done.err == "error: `/nowhere/x.xml` cannot be written: No such file or directory\n"


# ---------------------------------------------------------------- coverage


def test_coverage_is_a_count_and_a_table_of_what_is_missing(world: World) -> None:
    done = world.run("test {policies} --coverage")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    lines = done.out.splitlines()
    assert lines[0] == "2 passed, 0 failed"
    assert lines[1].startswith("coverage ")
    desk = f"{world.places['policies']}/desk.charter"
    missing = lines[lines.index("no test shows:") + 1 :]
    text = Path(desk).read_text().split("\n")
    for line in missing:
        place, words = line.split()[0], line.split("  ")[-1].strip()
        file, number, column = place.rsplit(":", 2)
        assert file == desk
        assert int(number) > 0
        if "not held" not in line and " held" not in line:
            assert text[int(number) - 1][int(column) - 1 :].startswith(words)
    assert any("refunds.hurried held" in line for line in missing)
    assert not any("refunds.large held" in line for line in missing)


def test_coverage_as_json_is_all_of_it(world: World) -> None:
    found = world.run("test {policies} --coverage --format json").json["coverage"]
    assert list(found) == ["percent", "met", "total", "goals"]
    assert found["total"] == len(found["goals"])
    assert found["met"] == sum(goal["tests"] > 0 for goal in found["goals"])
    assert found["percent"] == pytest.approx(100 * found["met"] / found["total"])
    [held] = [
        goal
        for goal in found["goals"]
        if (goal["kind"], goal["name"], goal["outcome"]) == ("rule", "refunds.large", "held")
    ]
    assert (held["tests"], held["first_test"], held["file"]) == (
        1,
        "a large refund",
        "desk.charter",
    )
    assert {goal["kind"] for goal in found["goals"]} == {"rule", "condition", "route"}


def test_the_floor(world: World) -> None:
    percent = world.run("test {policies} --coverage --format json").json["coverage"]["percent"]
    for floor, code in ((int(percent), Exit.SUCCESS), (int(percent) + 1, Exit.FAILURE)):
        done = world.run(f"test {{policies}} --fail-under {floor}")
        assert done.code == code
        assert (f"coverage is below {floor} %" in done.out) == (code is Exit.FAILURE)
    assert "coverage" in world.run("test {policies} --fail-under 1 --format json").json


def test_without_being_asked_nothing_is_measured(world: World) -> None:
    assert "coverage" not in world.run("test {policies}").out
    assert "coverage" not in world.run("test {policies} --format json").json


# ---------------------------------------------------------------- invariants


def with_claim(world: World, folder: Path, claim: str) -> str:
    """The good policies with one more claim about every request."""
    policies = Path(world.places["policies"])
    for file in policies.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    with (folder / "desk.charter").open("a") as desk:
        desk.write(f'invariant "claimed" {{ owner "o" {claim} }}\n')
    return str(folder)


TRUE = "never allow anyone to pay.refund when args.amount > 500.00"
FALSE = "never allow anyone to pay.refund when args.amount < 50.00"
IDLE = "never allow anyone to pay.refund when args.amount < 5.00 and args.amount > 50.00"


def test_a_claim_that_holds_is_tested_not_proved(world: World, tmp_path: Path) -> None:
    folder = with_claim(world, tmp_path, TRUE)
    done = world.pdp("test", folder, "--invariants", "60", "--junit", str(tmp_path / "r.xml"))
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert "invariant claimed  " in done.out
    assert "requests, not proved" in done.out
    [_, suite] = ElementTree.parse(tmp_path / "r.xml").getroot()  # noqa: S314 - written by us
    assert (suite.get("name"), suite.get("failures")) == ("test.desk invariants", "0")
    [claim] = world.pdp("test", folder, "--invariants", "60", "--format", "json").json["invariants"]
    assert (claim["passed"], claim["asked"], claim["counterexample"]) == (True, 60, "")
    assert 0 < claim["tested"] <= 60


def test_a_claim_that_is_broken_fails_with_a_test_to_paste(world: World, tmp_path: Path) -> None:
    folder = with_claim(world, tmp_path, FALSE)
    done = world.pdp("test", folder, "--invariants", "200")
    assert done.code == Exit.FAILURE
    assert "BROKEN claimed  " in done.out
    assert done.out.startswith("2 passed, 0 failed\n")
    pasted = done.out.partition("paste this test to keep it (seed 1):\n")[2]
    assert "do pay.refund" in pasted
    same = world.pdp("test", folder, "--invariants", "200", "--format", "json")
    [claim] = same.json["invariants"]
    assert same.code == Exit.FAILURE
    assert claim["counterexample"].rstrip() == pasted.rstrip()
    assert claim["decision"]["effect"] == "allow"
    # What is printed is Charter: beside the policies it is one more test.
    with (tmp_path / "desk.charter").open("a") as desk:
        desk.write(pasted)
    again = world.pdp("test", folder, "--invariants", "0", "--format", "json")
    assert len(again.json["tests"]) == 3
    assert again.json["invariants"] == []


def test_a_claim_about_nothing_is_said_to_be_untested(world: World, tmp_path: Path) -> None:
    done = world.pdp("test", with_claim(world, tmp_path, IDLE), "--invariants", "40")
    assert done.code == Exit.SUCCESS
    assert "not tested: it applied to none of 40 requests" in done.out


def test_some_tests_only_means_no_claims(world: World, tmp_path: Path) -> None:
    folder = with_claim(world, tmp_path, FALSE)
    assert world.pdp("test", folder, "-k", "small").code == Exit.SUCCESS
    assert world.pdp("test", folder, "-k", "small", "--invariants", "200").code == Exit.FAILURE


# ---------------------------------------------------------------- a long run


def on_a_terminal(*arguments: str) -> str:
    """What reaches a terminal on standard error."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command_line(*arguments), stdout=subprocess.PIPE, stderr=theirs, env=environment()
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                chunk = os.read(ours, 4_096)
            except OSError:
                break  # the other end is closed
            shown += chunk
        process.communicate(timeout=END_S)
    os.close(ours)
    return shown.decode()


def test_a_long_run_shows_how_far_it_is(world: World, tmp_path: Path) -> None:
    policies = Path(world.places["policies"])
    for file in policies.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    case = 'test "%d" { agent bot user ann do pay.refund on order { amount: 1.00 } expect allow }'
    cases = "\n".join(case % number for number in range(command.LONG_RUN))
    with (tmp_path / "desk.charter").open("a") as desk:
        desk.write(cases + "\n")
    total = command.LONG_RUN + 2
    assert f"{total}/{total}" in on_a_terminal("test", str(tmp_path))
    assert on_a_terminal("test", str(policies)) == ""
    assert world.pdp("test", str(tmp_path)).err == ""
