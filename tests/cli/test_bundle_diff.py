"""`pdp bundle diff`: what a reviewer is told, as text and as JSON, and how the command leaves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pdp.cli.exit_codes import Exit
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.request import Request
from tests.activation.versions import decided
from tests.cli.world import POLICIES, World, refund
from tests.decisionlog import samples

QUICK = ("--requests", "300")


@pytest.fixture
def higher(tmp_path: Path) -> Path:
    """The desk with a higher limit for what needs no approval."""
    path = tmp_path / "higher"
    shutil.copytree(POLICIES, path)
    desk = path / "desk.charter"
    desk.write_text(desk.read_text().replace("args.amount > 200.00", "args.amount > 400.00"))
    return path


def test_a_reviewer_is_told_the_rule_and_what_gets_looser(world: World, higher: Path) -> None:
    done = world.pdp("bundle", "diff", str(POLICIES), str(higher), *QUICK)
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert "~ rule refunds.large  payments@desk.example" in done.out
    assert "-     when args.amount > 200.00" in done.out
    assert "+     when args.amount > 400.00" in done.out
    assert "looser" in done.out
    assert "require_approval became allow, such as" in done.out


def test_the_example_is_one_that_decide_takes(world: World, higher: Path) -> None:
    report = world.pdp(
        "bundle", "diff", str(POLICIES), str(higher), *QUICK, "--format", "json"
    ).json
    assert report["made_up"]["looser"] > 0
    assert report["logged"] is None
    [flip] = report["made_up"]["flips"]
    asked = json.dumps(flip["example"]["request"]).encode()
    codes = [
        world.pdp(
            *("decide", "-", "--policies", str(path), "--unsafe-accept-unsigned"), stdin=asked
        ).code
        for path in (POLICIES, higher)
    ]
    assert codes == [Exit.APPROVAL, Exit.SUCCESS]


def test_the_exit_code_says_whether_decisions_differ(world: World, higher: Path) -> None:
    asked = ("bundle", "diff", str(POLICIES))
    assert world.pdp(*asked, str(higher), *QUICK, "--exit-code").code == Exit.FAILURE
    assert world.pdp(*asked, str(POLICIES), *QUICK, "--exit-code").code == Exit.SUCCESS
    assert world.pdp(*asked, str(higher), *QUICK).code == Exit.SUCCESS


def test_what_was_logged_is_asked_again(world: World, higher: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    request = Request.from_json(json.dumps(refund("300.00")))
    with Writer.open(log, samples.setup()) as writer:
        for decision_id, omitted in (("0197-a", ()), ("0197-b", ("args.amount",))):
            record = decided(request, decision_id, omitted)
            writer.append(Kind.DECISION, record.payload)
    asked = ("bundle", "diff", str(POLICIES), str(higher), "--requests", "0", "--log", str(log))
    found = world.pdp(*asked, "--format", "json").json["logged"]
    assert (found["requests"], found["skipped"], found["looser"]) == (1, 1, 1)
    assert found["flips"][0]["example"]["source"] == "0197-a"
    text = world.pdp(*asked).out
    assert "logged requests: 1 asked, 1 decided otherwise; 1 cannot be asked again" in text
    assert "decision 0197-a" in text


def test_what_is_no_version_is_refused(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("hello")
    done = world.pdp("bundle", "diff", str(POLICIES), str(other))
    assert done.code == Exit.INVALID
    assert "is no bundle, no set and no policy directory" in done.err


def test_policies_that_do_not_check_are_refused(world: World, higher: Path) -> None:
    (higher / "desk.charter").write_text("bundle x {")
    done = world.pdp("bundle", "diff", str(POLICIES), str(higher))
    assert done.code == Exit.INVALID
    assert "in the policies" in done.err
