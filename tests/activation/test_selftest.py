"""What a program shows before it decides: its tests, and that both engines mean the same."""

from __future__ import annotations

import pytest
from msgspec import structs

from pdp.activation.selftest import check_self_test, self_test
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.engine import Engine
from pdp.eval import reference, selfcheck
from pdp.eval.selfcheck import COMPARED, compare
from pdp.lang.packing.compact import PackedRules
from pdp.model import Decision
from tests.activation.authored import FILES, with_text
from tests.properties.differential import PARTS, built, checked_of, program_of


def test_good_policies_pass() -> None:
    result = self_test(Engine(FILES), seed=1, cases=100)
    assert result.passed
    assert [test.passed for test in result.tests] == [True, True]
    assert result.comparison.compared + result.comparison.refused == 100
    assert result.comparison.compared > 50


def test_also_from_the_compact_form() -> None:
    engine = Engine(FILES, compact=Engine(FILES).compact())
    assert isinstance(engine.checked.rules, PackedRules)
    assert self_test(engine, seed=1, cases=100) == self_test(Engine(FILES), seed=1, cases=100)


def test_a_seed_is_a_run() -> None:
    engine = Engine(FILES)
    first, again, other = (_first_requests(engine, seed) for seed in (1, 1, 2))
    assert first == again != other


def _first_requests(engine: Engine, seed: int) -> list[str]:
    asked: list[str] = []

    class Listening:
        def with_fixtures(self, entities: object) -> Listening:
            del entities
            return self

        def bind(self, request: object) -> object:
            asked.append(repr(request))
            return engine.policies.bind(request)  # type: ignore[arg-type]

        def decide(self, bound: object, now_us: int) -> Decision:
            return engine.policies.decide(bound, now_us)  # type: ignore[arg-type]

    compare(engine.checked, Listening(), engine.directory, seed, 20)
    return asked


def test_the_first_failing_test_is_named() -> None:
    engine = Engine(
        with_text("tests/refunds.charter", "expect allow by refunds.small", "expect deny")
    )
    assert not self_test(engine, seed=1, cases=0).passed
    with pytest.raises(BundleRefused) as refused:
        check_self_test(engine, seed=1)
    assert refused.value.cause is Cause.SELF_TEST_FAILED
    assert str(refused.value) == (
        "the test `a small refund` (tests/refunds.charter:6) fails: expected deny, found allow"
    )


def test_no_tests_are_none_that_fail() -> None:
    engine = Engine({**FILES, "tests/refunds.charter": b""})
    assert check_self_test(engine, seed=1, cases=20).tests == ()


def test_no_rules_are_nothing_to_compare() -> None:
    engine = Engine({name: FILES[name] for name in ("bundle.charter", "countries.json")})
    result = check_self_test(engine, seed=1)
    assert (result.comparison.compared, result.comparison.refused) == (0, 0)


def test_all_that_matters_is_compared() -> None:
    assert set(COMPARED) == set(PARTS)


@pytest.mark.parametrize("part", ["rules", "obligations", "hidden_paths"])
def test_a_difference_is_named(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decide = reference.decide
    monkeypatch.setattr(
        reference, "decide", lambda *given: structs.replace(decide(*given), **{part: ("x",)})
    )
    with pytest.raises(BundleRefused) as refused:
        check_self_test(Engine(FILES), seed=1, cases=20)
    assert refused.value.cause is Cause.SELF_TEST_FAILED
    assert f"compiled and reference answers differ in {part}, for a request" in str(refused.value)


def test_a_decision_that_breaks_off_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Decision:
        raise ZeroDivisionError("secret")

    engine = Engine(FILES)
    monkeypatch.setattr(type(engine.policies), "decide", broken)
    found = selfcheck.compare(engine.checked, engine.policies, engine.directory, 1, 20)
    assert "broke off with ZeroDivisionError" in found.difference
    assert "secret" not in found.difference


def test_generated_programs_agree() -> None:
    compared = 0
    for seed in range(12):
        made = program_of(seed)
        checked = checked_of(made)
        found = compare(checked, built(made, checked), made.directory, seed, 50)
        assert found.difference == ""
        compared += found.compared
    assert compared > 300
