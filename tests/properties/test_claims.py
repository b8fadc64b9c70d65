"""Claims about generated programs: nothing drawn is refused, and each counterexample reproduces."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from pdp.eval import invariants, policytest
from pdp.eval.policyset import PolicySet
from pdp.lang.checked import CheckedPolicies
from pdp.lang.checker import check
from pdp.model import Decision
from tests.properties.differential import built, checked_of
from tests.properties.generate import Program, program

_CLAIMS = (
    *("never allow", "never deny", "never approval"),
    *("always allow", "always deny", "always approval"),
)
_MAIN = b"bundle generated {"


def _with_text(made: Program, text: str) -> Program:
    """The program with more declarations in the file of its own bundle."""
    files = {
        name: body + f"\n{text}\n".encode() if _MAIN in body else body
        for name, body in made.files.items()
    }
    return replace(made, files=files)


def _claims(rng: Random, made: Program) -> str:
    """Plain claims, most of them wrong: what matters is how they are broken."""
    who = [*made.shape.principals(), "anyone"]
    actions = list(made.shape.schema.actions)
    return "\n".join(
        f'invariant "claim {index}" {{ owner "x"'
        f" {rng.choice(_CLAIMS)} {rng.choice(who)} to {rng.choice(actions)} }}"
        for index in range(4)
    )


def _answer_of_pasted(made: Program, text: str) -> tuple[bool, Decision | None]:
    """Whether the counterexample passes as a test of the program, and its answer."""
    pasted = _with_text(made, text)
    checked = checked_of(pasted)
    return _last(checked, built(pasted, checked))


def _last(checked: CheckedPolicies, policies: PolicySet) -> tuple[bool, Decision | None]:
    *_, found = policytest.run(checked, policies)
    return found.passed, found.decision


def _can_be_written(made: Program, text: str) -> bool:
    """A test cannot write a mandatory parameter of type json."""
    checked, diagnostics = check(_with_text(made, text).files)
    missing = {d.code.code for d in diagnostics if d.is_error}
    assert checked is not None or missing == {"C0415"}, (missing, text)
    return checked is not None


@pytest.mark.parametrize("first", range(0, 30, 10))
def test_claims_on_generated_programs(first: int):
    broken = written = 0
    for seed in range(first, first + 10):
        rng = Random(seed)
        made = program(rng, size=1 + seed % 3)
        claiming = _with_text(made, _claims(rng, made))
        checked = checked_of(claiming)
        policies = built(claiming, checked)
        for result in invariants.run(checked, policies, made.directory, seed, 40):
            assert result.refused == 0, (seed, result)
            if result.passed:
                continue
            broken += 1
            if not _can_be_written(made, result.counterexample):
                continue
            written += 1
            passed, decision = _answer_of_pasted(made, result.counterexample)
            assert not passed, (seed, result.counterexample)
            assert _told(decision) == _told(result.decision), (seed, result.counterexample)
    assert written > broken * 0.4
    assert broken > 10


def _told(decision: Decision | None) -> tuple[object, ...]:
    assert decision is not None
    return decision.effect, decision.cause, decision.rules
