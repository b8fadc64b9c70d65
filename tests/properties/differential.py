"""Compiled against reference on generated programs and requests: every part of each answer.

``python -m tests.properties.differential FIRST COUNT`` runs a range of seeds on its own.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from pdp.eval.policyset import PolicySet
from pdp.eval.reference import decide as reference_decide
from pdp.lang.checked import CheckedPolicies
from pdp.lang.checker import check
from pdp.lang.source import Source
from pdp.model import Decision, Entity, RequestError
from pdp.request import Request
from tests.properties.generate import Program, program, requests
from tests.properties.worlds import Asked

# What both sides must agree on. The rest of a Decision is texts, identities and receipts.
PARTS: Final = (
    "effect",
    "cause",
    "rules",
    "attribution",
    "obligations",
    "approval",
    "errors",
    "risk",
    "shadow",
    "hidden_paths",
    "next_action",
)
REQUESTS_PER_PROGRAM: Final = 200
# Requests are drawn from a stream of their own, so that more of them never change the program.
_REQUEST_SEED: Final = 1 << 40

Decide = Callable[[CheckedPolicies, Mapping[str, Entity], Request, int], Decision]


class DifferenceError(AssertionError):
    """Two answers to one request; the text holds all that is needed to look at it."""


@dataclass
class Tally:
    """What a run has seen: cases compared, requests refused at the door, answers by cause.

    ``parts`` counts answers that have something to say in a part that most leave empty.
    """

    cases: int = 0
    refused: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    parts: Counter[str] = field(default_factory=Counter)

    def count(self, decision: Decision) -> None:
        """One more case, and its answer."""
        self.cases += 1
        cause = decision.cause
        self.answers[decision.effect.value if cause is None else cause.value] += 1
        risk, approval = decision.risk, decision.approval
        if risk is not None:
            self.parts[f"tier {risk.tier}"] += 1
        self.parts.update({f"shadow {found.outcome}" for found in decision.shadow})
        self.parts["required by a tier"] += any(r.rule.startswith("risk.") for r in decision.rules)
        if approval is not None:
            self.parts["confirmation"] += approval.confirm_user
            self.parts["confirmation alone"] += not approval.needs
            self.parts["escalation"] += len(approval.escalations) > 0
            self.parts["second escalation"] += len(approval.escalations) > 1

    def __str__(self) -> str:
        answers = ", ".join(f"{name} {count}" for name, count in self.answers.most_common())
        return f"{self.cases} cases, {self.refused} requests refused; {answers}"


def checked_of(made: Program) -> CheckedPolicies:
    """The generator's promise: its programs have no errors."""
    checked, diagnostics = check(made.files)
    if checked is None:
        told = "\n".join(f"{d.span} {d.code.code} {d.message}" for d in diagnostics)
        raise AssertionError(f"a generated program was refused\n{told}\n{made.text()}")
    return checked


def built(made: Program, checked: CheckedPolicies) -> PolicySet:
    sources = {
        name: Source(name, body.decode())
        for name, body in made.files.items()
        if name.endswith(".charter")
    }
    return PolicySet.build(checked, made.directory, sources)


def compare_program(
    made: Program,
    asked: Iterable[Asked],
    tally: Tally,
    *,
    label: str = "",
    reference: Decide = reference_decide,
) -> None:
    """Every request, judged by both. Raises DifferenceError at the first difference.

    Spoiled requests must be refused at the door, and no others; the rest is judged by both.
    """
    checked = checked_of(made)
    policies = built(made, checked)
    for item in asked:
        difference = _compare(made, checked, policies, item, tally, reference)
        if difference:
            text = f"{made.text()}\n# ==== request, now_us = {item.now_us}\n{shown(item.body)}"
            raise DifferenceError(f"{label}: {difference}\n{text}")


def _compare(  # noqa: PLR0917 - one request, and all that it is judged with
    made: Program,
    checked: CheckedPolicies,
    policies: PolicySet,
    item: Asked,
    tally: Tally,
    reference: Decide,
) -> str:
    """What differs, for people; empty if nothing does."""
    try:
        request = Request.from_json(item.body)
        bound = policies.bind(request)
    except RequestError as error:
        tally.refused += 1
        return "" if item.spoiled else f"refused: {error.field}: {error}"
    if item.spoiled:
        return f"not refused, though spoiled: {item.spoiled}"
    if bound.invalid is not None:
        return f"called invalid: {bound.invalid}"
    got = policies.decide(bound, item.now_us)
    wanted = reference(checked, made.directory, request, item.now_us)
    tally.count(got)
    parts = [part for part in PARTS if getattr(got, part) != getattr(wanted, part)]
    return _told(parts, got, wanted) if parts else ""


def compare_seed(
    seed: int,
    tally: Tally,
    *,
    count: int = REQUESTS_PER_PROGRAM,
    reference: Decide = reference_decide,
) -> None:
    """One seed: a program and ``count`` requests."""
    made = program(Random(seed), size=1 + seed % 3)
    asked = requests(made, Random(seed + _REQUEST_SEED), count)
    compare_program(made, asked, tally, label=f"seed {seed}", reference=reference)


def shown(body: dict[str, object]) -> str:
    """A request for people; numbers with the digits they had."""
    return json.dumps(body, indent=1, ensure_ascii=False)


def _told(parts: list[str], got: Decision, wanted: Decision) -> str:
    lines = [f"compiled and reference differ in {', '.join(parts)}"]
    for part in parts:
        lines += [
            f"# ==== {part}",
            f"compiled:  {getattr(got, part)}",
            f"reference: {getattr(wanted, part)}",
        ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    first, count = int(arguments[0]), int(arguments[1])
    tally = Tally()
    differences = 0
    for seed in range(first, first + count):
        try:
            compare_seed(seed, tally)
        except DifferenceError as difference:
            differences += 1
            sys.stdout.write(f"{difference}\n\n")
    sys.stdout.write(f"{differences} differences; {tally}\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
