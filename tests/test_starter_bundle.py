"""The starter bundle keeps what it promises: no complaint, tests for all of it, a description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from pdp.bundles.sources.directory import read_policy_directory
from pdp.describing.bundle import Evidence, describe
from pdp.describing.markdown import to_markdown
from pdp.describing.page import to_html
from pdp.engine import Engine, check_files
from pdp.eval import policytest
from pdp.eval.coverage import RULE, Coverage, measure
from pdp.lang.checked import Rule
from pdp.lang.checker import read_sources
from pdp.service.config import STARTER_POLICIES

TESTS_MIN: Final = 40
CAST: Final = "cast.charter"


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return read_policy_directory(STARTER_POLICIES)


@pytest.fixture(scope="module")
def engine(files: dict[str, bytes]) -> Engine:
    return Engine(files)


@pytest.fixture(scope="module")
def results(engine: Engine) -> tuple[policytest.TestResult, ...]:
    return tuple(engine.run_tests())


@pytest.fixture(scope="module")
def measured(engine: Engine, results: tuple[policytest.TestResult, ...]) -> Coverage:
    return measure(engine.checked, engine.directory, results)


# ---------------------------------------------------------------- what is asked of a bundle


def complaints(files: Mapping[str, bytes]) -> list[str]:
    """Warnings and notes count as much as errors."""
    found = check_files(files).diagnostics
    return [f"{d.span.file}:{d.span.line} {d.code.code} {d.message}" for d in found]


def failed(results: tuple[policytest.TestResult, ...]) -> list[str]:
    return [f"{result.test.title}: {result.problems}" for result in results if not result.passed]


def one_sided(engine: Engine, measured: Coverage) -> list[str]:
    """Rules that no test shows to hold, or, where something has to be true, not to hold."""
    shown = {
        (goal.name, goal.outcome) for goal in measured.goals if goal.kind == RULE and goal.is_met
    }
    return [
        f"{rule.name} never {outcome}"
        for rule in engine.checked.rules
        for outcome in ("held", "not held")
        if (rule.name, outcome) not in shown and not (outcome == "not held" and always_holds(rule))
    ]


def always_holds(rule: Rule) -> bool:
    """Said again here, so that a coverage model that asks for too little is noticed."""
    groups = [clause.group for clause in rule.who]
    groups += [clause.group for clause in rule.resources or ()]
    has_condition = rule.when is not None or rule.unless is not None
    return not has_condition and all(group is None for group in groups)


def missing(measured: Coverage) -> list[str]:
    return [
        f"{goal.span.file}:{goal.span.line}:{goal.span.column} {goal.name}: {goal.outcome}"
        for goal in measured.missing
    ]


# ---------------------------------------------------------------- the starter bundle


def test_it_checks_without_any_diagnostic(files: dict[str, bytes]) -> None:
    assert complaints(files) == []


def test_all_its_tests_pass(results: tuple[policytest.TestResult, ...]) -> None:
    assert failed(results) == []
    assert len(results) >= TESTS_MIN


def test_its_tests_show_every_rule_both_ways(engine: Engine, measured: Coverage) -> None:
    assert engine.checked.rules
    assert one_sided(engine, measured) == []


def test_its_tests_show_every_outcome(measured: Coverage) -> None:
    assert missing(measured) == []
    assert measured.percent == 100.0


def test_it_can_be_described(
    files: dict[str, bytes],
    engine: Engine,
    results: tuple[policytest.TestResult, ...],
    measured: Coverage,
) -> None:
    held = {g.name: g.tests for g in measured.goals if (g.kind, g.outcome) == (RULE, "held")}
    evidence = Evidence(engine.bundle.digest, engine.directory, held, len(failed(results)))
    description = describe(engine.checked, read_sources(files), evidence)
    markdown, page = to_markdown(description), to_html(description)
    for text in (markdown, page):
        assert engine.bundle.name in text
        assert engine.bundle.digest in text
    assert [r.name for r in engine.checked.rules if r.name not in markdown] == []
    assert [r.name for r in engine.checked.rules if r.name not in page] == []


# ---------------------------------------------------------------- bundles that promise too much


def changed(files: Mapping[str, bytes], name: str, old: str, new: str) -> dict[str, bytes]:
    text = files[name].decode()
    assert text.count(old) == 1, f"`{old}` stands once in `{name}`"
    return {**files, name: text.replace(old, new).encode()}


def test_a_name_that_nobody_uses_is_noticed(files: dict[str, bytes]) -> None:
    spare = {**files, CAST: files[CAST] + b'fixture spare = User::"spare"\n'}
    assert [line for line in complaints(spare) if "C0618" in line]


def test_a_rule_that_says_something_else_is_noticed(files: dict[str, bytes]) -> None:
    looser = changed(files, "payments.charter", "count(chain) > 2", "count(chain) > 3")
    assert failed(tuple(Engine(looser).run_tests()))


def test_a_policy_without_its_tests_is_noticed(files: dict[str, bytes]) -> None:
    untested = Engine({name: files[name] for name in files if name != "tickets_tests.charter"})
    found = measure(untested.checked, untested.directory, untested.run_tests())
    assert "tickets.urgent_is_personal never held" in one_sided(untested, found)
    assert found.percent < 100.0


@pytest.mark.parametrize(
    ("name", "fixture"),
    [
        ("people_tests.charter", "stranger"),
        ("payments_tests.charter", "unknown_invoice"),
        ("deployments_tests.charter", "unknown_service"),
    ],
)
def test_an_outcome_that_no_test_shows_any_more_is_noticed(
    files: dict[str, bytes], name: str, fixture: str
) -> None:
    """Without the tests about something that nobody describes, its errors are not shown."""
    tests = files[name].decode().split("\ntest ")
    kept = "\ntest ".join(test for test in tests if fixture not in test)
    fewer = Engine({**files, name: kept.encode() + b"\n"})
    found = measure(fewer.checked, fewer.directory, fewer.run_tests())
    assert {goal.outcome for goal in found.missing} == {"error"}
