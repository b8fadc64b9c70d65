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
from typing import Final, NoReturn

from pdp.eval.facts import BoundRequest
from pdp.eval.policyset import PolicySet
from pdp.eval.reference import decide as reference_decide
from pdp.lang.checked import CheckedPolicies
from pdp.lang.checker import check
from pdp.lang.source import Source
from pdp.model import Decision, Entity, RequestError
from pdp.request import Request
from tests.properties.crowds import crowded
from tests.properties.generate import Program, program
from tests.properties.mixing import mixed
from tests.properties.worlds import Asked, Requests

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
# One program in so many is a crowd of rules.
CROWDED_EVERY: Final = 10
REQUESTS_PER_PROGRAM: Final = 400
# Of so many requests written out, so many more are mixed.
WRITTEN: Final = 8
MIXED: Final = 32
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


def program_of(seed: int) -> Program:
    """The program that a seed stands for."""
    if seed % CROWDED_EVERY == 0:
        return crowded(Random(seed), size=1 + seed // CROWDED_EVERY % 2)
    return program(Random(seed), size=1 + seed % 3)


def built(made: Program, checked: CheckedPolicies, *, is_indexed: bool = True) -> PolicySet:
    """The program, loaded; see ``PolicySet.build``."""
    sources = {
        name: Source(name, body.decode())
        for name, body in made.files.items()
        if name.endswith(".charter")
    }
    return PolicySet.build(checked, made.directory, sources, is_indexed=is_indexed)


class Comparison:
    """One program, loaded for both; every request is judged by both.

    ``ask`` and ``compare`` raise DifferenceError at the first difference.
    """

    def __init__(
        self, made: Program, tally: Tally, label: str, reference: Decide = reference_decide
    ) -> None:
        self._made: Final = made
        self._tally: Final = tally
        self._label: Final = label
        self._reference: Final = reference
        self._checked: Final = checked_of(made)
        self.policies: Final = built(made, self._checked)

    def ask(self, item: Asked) -> Request | None:
        """Spoiled requests must be refused at the door, and no others; the rest is compared."""
        try:
            request = Request.from_json(item.body)
            bound = self.policies.bind(request)
        except RequestError as error:
            self._tally.refused += 1
            if not item.spoiled:
                self._fail(f"refused: {error.field}: {error}", shown(item.body), item.now_us)
            return None
        if item.spoiled:
            difference = f"not refused, though spoiled: {item.spoiled}"
            self._fail(difference, shown(item.body), item.now_us)
        self._judge(bound, item.now_us)
        return request

    def compare(self, request: Request, now_us: int) -> None:
        """A request that the door must accept."""
        self._judge(self.policies.bind(request), now_us)

    def _judge(self, bound: BoundRequest, now_us: int) -> None:
        """Asked twice: what was answered once may be answered in a quicker way."""
        request = bound.request
        if bound.invalid is not None:
            self._fail(f"called invalid: {bound.invalid}", repr(request), now_us)
        wanted = self._reference(self._checked, self._made.directory, request, now_us)
        for _ in range(2):
            try:
                got = self.policies.decide(bound, now_us)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told with the program
                self._fail(f"raised {error!r}", repr(request), now_us)
            parts = [part for part in PARTS if getattr(got, part) != getattr(wanted, part)]
            if parts:
                self._fail(_told(parts, got, wanted), repr(request), now_us)
        self._tally.count(got)

    def _fail(self, difference: str, request: str, now_us: int) -> NoReturn:
        text = f"{self._made.text()}\n# ==== request, now_us = {now_us}\n{request}"
        raise DifferenceError(f"{self._label}: {difference}\n{text}")


def compare_program(made: Program, asked: Iterable[Asked], tally: Tally, *, label: str) -> None:
    """Every request, judged by both."""
    comparison = Comparison(made, tally, label)
    for item in asked:
        comparison.ask(item)


def compare_seed(
    seed: int,
    tally: Tally,
    *,
    count: int = REQUESTS_PER_PROGRAM,
    reference: Decide = reference_decide,
) -> None:
    """One seed: a program and ``count`` requests, most of them mixed from a few."""
    made = program_of(seed)
    comparison = Comparison(made, tally, f"seed {seed}", reference)
    rng = Random(seed + _REQUEST_SEED)
    writer = Requests(rng, made.shape, made.pool, made.favourite)
    while count > 0:
        written = [comparison.ask(item) for item in writer.batch(min(count, WRITTEN))]
        accepted = [request for request in written if request is not None]
        count -= len(written)
        for _ in range(min(count, MIXED) if accepted else 0):
            comparison.compare(mixed(rng, accepted), writer.now_us())
            count -= 1


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
