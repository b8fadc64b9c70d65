"""``pdp check``: SARIF against the rules of version 2.1.0, written by hand; and ``--today``."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.cli.exit_codes import Exit
from pdp.lang.presenting.everycode import EVERY_CODE
from tests.cli.world import MISTAKES, World

LEVELS: Final = {"none", "note", "warning", "error"}


def problems(log: Any) -> list[str]:
    """What is wrong with a log by the standard; empty when all is fine."""
    found = []
    if log.get("version") != "2.1.0":
        found.append("version")
    if not str(log.get("$schema", "")).startswith("https://"):
        found.append("$schema")
    for run in log.get("runs", [None]):
        found += _run_problems(run) if isinstance(run, dict) else ["runs"]
    return found


def _run_problems(run: dict[str, Any]) -> list[str]:
    found = []
    driver = run.get("tool", {}).get("driver", {})
    if not driver.get("name"):
        found.append("tool.driver.name")
    if run.get("columnKind") not in {"utf16CodeUnits", "unicodeCodePoints"}:
        found.append("columnKind")
    rules = driver.get("rules", [])
    if len({rule.get("id") for rule in rules}) != len(rules):
        found.append("rule ids are unique")
    for rule in rules:
        texts = ("shortDescription", "fullDescription", "help")
        found += [f"{rule['id']}.{name}" for name in texts if not rule.get(name, {}).get("text")]
        if rule.get("defaultConfiguration", {}).get("level") not in LEVELS:
            found.append(f"{rule.get('id')}.defaultConfiguration.level")
    for result in run.get("results", [None]):
        found += _result_problems(result, rules) if result else ["results"]
    return found


def _result_problems(result: dict[str, Any], rules: list[dict[str, Any]]) -> list[str]:
    found = []
    index = result.get("ruleIndex", -1)
    if not 0 <= index < len(rules) or rules[index]["id"] != result.get("ruleId"):
        found.append("ruleIndex names ruleId")
    if result.get("level") not in LEVELS:
        found.append("level")
    if not result.get("message", {}).get("text"):
        found.append("message.text")
    places = result.get("locations", []) + result.get("relatedLocations", [])
    if not result.get("locations"):
        found.append("locations")
    for place in places:
        physical = place.get("physicalLocation", {})
        if not physical.get("artifactLocation", {}).get("uri"):
            found.append("artifactLocation.uri")
        found += _region_problems(physical.get("region", {}))
    ids = [place.get("id") for place in result.get("relatedLocations", [])]
    if len(set(ids)) != len(ids):
        found.append("relatedLocations.id is unique")
    return found


def _region_problems(region: dict[str, Any]) -> list[str]:
    numbers = [region.get(n, 0) for n in ("startLine", "startColumn", "endLine", "endColumn")]
    start_line, start_column, end_line, end_column = numbers
    if min(numbers) < 1:
        return ["region starts at 1"]
    if (end_line, end_column) < (start_line, start_column):
        return ["region ends after it starts"]
    return []


@pytest.fixture(scope="module")
def log(world: World) -> Any:
    done = world.run("check {mistakes} --format sarif")
    assert (done.code, done.err) == (Exit.INVALID, "")
    return done.json


def test_the_log_keeps_the_standard(log: Any) -> None:
    assert problems(log) == []


def test_a_broken_log_is_seen(log: Any) -> None:
    """Each wrong by one member, so that the check above can fail."""
    wrongs = {
        "version": lambda bad: bad.update(version="2.0.0"),
        "ruleIndex": lambda bad: bad["runs"][0]["results"][0].update(ruleIndex=9_999),
        "message": lambda bad: bad["runs"][0]["results"][0].pop("message"),
        "region ends": lambda bad: bad["runs"][0]["results"][0]["locations"][0]["physicalLocation"][
            "region"
        ].update(endLine=1, startLine=2),
        "rule ids": lambda bad: bad["runs"][0]["tool"]["driver"]["rules"][0].update(id="C0002"),
        "driver.name": lambda bad: bad["runs"][0]["tool"]["driver"].pop("name"),
    }
    for words, spoil in wrongs.items():
        bad = copy.deepcopy(log)
        spoil(bad)
        assert any(words in problem for problem in problems(bad)), words


def test_rules_are_the_catalogue_and_results_the_mistakes_at_their_words(
    world: World, log: Any
) -> None:
    [run] = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == sorted(EVERY_CODE)
    expected = json.loads((MISTAKES / "expected.json").read_text())
    shown = [words(result["locations"][0]["physicalLocation"]) for result in run["results"]]
    assert shown == [item["words"] for item in expected]
    plain = world.run("check {mistakes} --format json").json["diagnostics"]
    assert [result["ruleId"] for result in run["results"]] == [item["code"] for item in plain]
    helped = next(result for result in run["results"] if result["ruleId"] == "C0202")
    assert "\nhelp: did you mean" in helped["message"]["text"]


def words(place: dict[str, Any]) -> str:
    """The text that a region on one line covers."""
    path = place["artifactLocation"]["uri"].removeprefix("file://")
    line = Path(path).read_text().split("\n")[place["region"]["startLine"] - 1]
    return line[place["region"]["startColumn"] - 1 : place["region"]["endColumn"] - 1]


def test_related_places_are_told(world: World, tmp_path: Path) -> None:
    twice = (Path(world.places["policies"]) / "desk.charter").read_text()
    (tmp_path / "desk.charter").write_text(twice + '\ngroup clerks = Team::"others"\n')
    log = world.pdp("check", str(tmp_path), "--format", "sarif").json
    assert problems(log) == []
    [result] = [r for r in log["runs"][0]["results"] if r["ruleId"] == "C0210"]
    [related] = result["relatedLocations"]
    assert related["message"]["text"] == "first declared here"
    assert words(related["physicalLocation"]) == "clerks"


def test_without_mistakes_there_are_no_results(world: World) -> None:
    done = world.run("check {policies} --format sarif")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert (problems(done.json), done.json["runs"][0]["results"]) == ([], [])


# ---------------------------------------------------------------- today


@pytest.fixture(scope="module")
def dated(world: World, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The good policies, to be reviewed by the last day of March 2026."""
    directory = tmp_path_factory.mktemp("dated")
    policies = Path(world.places["policies"])
    text = (policies / "desk.charter").read_text()
    reason = 'reason "Small refunds are routine."'
    assert reason in text
    (directory / "desk.charter").write_text(
        text.replace(reason, f"{reason}\n    review_by 2026-03-31")
    )
    people = (policies / "people.directory.json").read_bytes()
    (directory / "people.directory.json").write_bytes(people)
    return str(directory)


@pytest.mark.parametrize(
    ("day", "codes"), [("2026-03-31", []), ("2026-04-01", ["C0306"]), ("2199-01-01", ["C0306"])]
)
def test_a_date_passes_at_its_end(world: World, dated: str, day: str, codes: list[str]) -> None:
    for form in ("json", "sarif"):
        done = world.pdp("check", dated, "--today", day, "--format", form)
        assert done.code == Exit.SUCCESS
        found = done.json["diagnostics"] if form == "json" else done.json["runs"][0]["results"]
        assert [item.get("code", item.get("ruleId")) for item in found] == codes


@pytest.mark.parametrize("day", ["2026-02-30", "tomorrow", "2026-3"])
def test_a_day_that_is_none(world: World, dated: str, day: str) -> None:
    done = world.pdp("check", dated, "--today", day)
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert done.err.startswith(f"error: `{day}` is not a calendar date; write it as `")
