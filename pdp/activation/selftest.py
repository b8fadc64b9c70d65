"""What a program must show before it may decide: its own tests, and one meaning in both engines.

Whether the tests are enough is for whoever builds the bundle; a bundle without any passes here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pdp.bundles.refusal import Cause, refuse
from pdp.engine import Engine
from pdp.eval import selfcheck
from pdp.eval.policytest import TestResult
from pdp.eval.selfcheck import Comparison

# Some tenths of a second for a common program.
CASES: Final = 200


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """Every test beside the policies, and the comparison of compiled and reference answers."""

    tests: tuple[TestResult, ...]
    comparison: Comparison

    @property
    def passed(self) -> bool:
        return not self.problem

    @property
    def problem(self) -> str:
        """The first test that fails, or else the first difference; empty when there is none."""
        for result in self.tests:
            if not result.passed:
                return failure_of(result)
        return self.comparison.difference


def self_test(engine: Engine, *, seed: int, cases: int = CASES) -> SelfTestResult:
    """Run the tests, then compare ``cases`` requests; always the same for the same seed."""
    compared = selfcheck.compare(engine.checked, engine.policies, engine.directory, seed, cases)
    return SelfTestResult(engine.run_tests(), compared)


def check_self_test(engine: Engine, *, seed: int, cases: int = CASES) -> SelfTestResult:
    """The result. Raises BundleRefused (self test failed), naming the first thing that failed."""
    result = self_test(engine, seed=seed, cases=cases)
    if result.problem:
        refuse(Cause.SELF_TEST_FAILED, result.problem)
    return result


def failure_of(result: TestResult) -> str:
    """One line about a test that fails: which, where, and what was expected."""
    test = result.test
    where = f"{test.span.file}:{test.span.line}"
    return f"the test `{test.title}` ({where}) fails: {'; '.join(result.problems)}"
