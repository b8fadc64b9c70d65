"""What every test run shares: the Hypothesis profile, and the rule that nothing is skipped in CI.

A skip is for a machine that lacks something a test needs, and CI's machine lacks nothing that the
tests need. So with ``CI=true`` one skipped test fails the run, by name; a test that can never run
there says so with a reason that starts with ``elsewhere:``, and is shown like any skip. Fixtures
live beside the tests that use them, not here.
"""

from __future__ import annotations

import os
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

CI: Final = os.environ.get("CI") == "true"
ELSEWHERE: Final = "elsewhere:"

_SKIPPED: Final = pytest.StashKey[list[str]]()

# Nothing here may depend on how fast the machine is. `ci` makes every run the same run; the other
# profile looks for new examples each time and remembers what failed.
_UNTIMED: Final = (HealthCheck.too_slow,)
settings.register_profile(
    "ci",
    database=None,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=_UNTIMED,
)
settings.register_profile("dev", deadline=None, print_blob=True, suppress_health_check=_UNTIMED)
settings.load_profile("ci" if CI else "dev")


def skip_complaint(reason: str) -> str | None:
    """Why a test skipped for ``reason`` fails a CI run, or None where it may be skipped."""
    text = reason.removeprefix("Skipped: ")
    return None if text.startswith(ELSEWHERE) else text


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SKIPPED] = []
    config.pluginmanager.register(_SkipWatch(config.stash[_SKIPPED]), "skip-watch")


class _SkipWatch:
    """Collects the skips that may not be. Runs where the reports arrive, also with xdist."""

    def __init__(self, skipped: list[str]) -> None:
        self.skipped = skipped

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not CI or not report.skipped or hasattr(report, "wasxfail"):
            return
        where = report.longrepr
        reason = where[2] if isinstance(where, tuple) else str(where)
        complaint = skip_complaint(reason)
        if complaint is not None:
            self.skipped.append(f"{report.nodeid}: {complaint}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash[_SKIPPED] and session.exitstatus in (
        pytest.ExitCode.OK,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    skipped = config.stash[_SKIPPED]
    if skipped:
        terminalreporter.section("skipped in CI, so the run fails", red=True)
        for line in skipped:
            terminalreporter.write_line(line)
