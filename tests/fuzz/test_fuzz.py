"""Inputs that fuzzing kept are replayed, a short burst finds nothing, and broken builds are found.

The long run is `make campaign`.
"""

from __future__ import annotations

import logging
import pkgutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

import pytest

from pdp.lang.codes import unexpected_word
from pdp.lang.source import Source
from tests.fuzz import targets
from tests.fuzz.bursts import burst
from tests.fuzz.targets import TARGETS

EXECUTIONS: Final = {
    "parser": 3_000,
    "formatter": 2_000,
    "checker": 900,
    "tests": 900,
    "request": 8_000,
    "handlers": 6_000,
}
SEED: Final = 20_260_302

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Refusals are logged; thousands of them are noise."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_kept_is_still_right(name: str) -> None:
    found = [*TARGETS[name].starts(), *(path.read_bytes() for path in targets.seeds(name))]
    assert found
    accepted = sum(targets.run(name, data) for data in found)
    assert accepted > 0


def test_there_are_seeds_and_not_too_many() -> None:
    paths = [path for name in TARGETS for path in targets.seeds(name)]
    assert 20 <= len(paths) <= 200
    assert max(path.stat().st_size for path in paths) <= 4_096


@pytest.mark.parametrize("name", TARGETS)
def test_a_burst_finds_nothing(name: str) -> None:
    found = burst(name, EXECUTIONS[name], SEED)
    assert found.error is None, (repr(found.error), found.wrong)
    assert found.executions == EXECUTIONS[name]
    assert found.accepted > 0


def test_a_burst_is_large_enough() -> None:
    assert set(EXECUTIONS) == set(TARGETS)
    assert sum(EXECUTIONS.values()) >= 10_000


# ---------------------------------------------------------------- sabotage


class Sabotage(NamedTuple):
    """``target`` becomes ``broken(target)``; fuzzing ``name`` must fail and say ``words``."""

    name: str
    target: str
    broken: Callable[[Any], Any]
    words: str


def _raising(error: type[Exception]) -> Callable[[Any], Any]:
    def broken(_: Any) -> Any:
        def fail(*_args: object, **_named: object) -> Any:
            raise error

        return fail

    return broken


def _busy(real: Any) -> Any:
    def slow(source: Source) -> Any:
        end_s = time.process_time() + ("deny" in source.text) * 1.2
        while time.process_time() < end_s:
            pass
        return real(source)

    return slow


SABOTAGE: Final = {
    "an exception of the parser's library": Sabotage(
        "parser", "pdp.lang.parser._Reading._step_back", _raising(IndexError), "IndexError"
    ),
    "a place that does not exist": Sabotage(
        "parser",
        "pdp.lang.parser.codes.unexpected_word",
        lambda _: lambda span, *rest: unexpected_word(replace(span, end_line=10**6), *rest),
        "no such line",
    ),
    "a bug in the formatter": Sabotage(
        "formatter", "pdp.lang.formatting.tokens.Tokens.is_one_line", _raising(KeyError), "KeyError"
    ),
    "never the same twice": Sabotage(
        "formatter",
        "tests.fuzz.targets.format_source",
        lambda real: lambda source: real(source) + "#\n",
        "formatted twice",
    ),
    "a bug in the checker": Sabotage(
        "checker", "pdp.lang.conditions.terms._both", _raising(ZeroDivisionError), "ZeroDivision"
    ),
    "a bug in a decision of a test": Sabotage(
        "tests", "pdp.eval.policytest._problems", _raising(RecursionError), "RecursionError"
    ),
    "a bug in a decision": Sabotage(
        "request", "pdp.eval.judging.judge.TargetJudge.decide", _raising(KeyError), "broke off"
    ),
    "a bug in a door": Sabotage(
        "handlers", "pdp.service.handlers.request_from_proto", _raising(ValueError), "internal"
    ),
    "too slow": Sabotage("parser", "tests.fuzz.targets.parse", _busy, "took"),
}


@pytest.mark.parametrize("name", SABOTAGE)
def test_a_burst_catches(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage = SABOTAGE[name]
    monkeypatch.setattr(sabotage.target, sabotage.broken(pkgutil.resolve_name(sabotage.target)))
    found = burst(sabotage.name, 300, SEED)
    assert found.error is not None
    assert sabotage.words in repr(found.error)
