"""Each claim against requests made up for it: what it applied to, and the first that breaks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Protocol

from pdp.eval.invariants.cast import Cast, cast_of
from pdp.eval.invariants.drawing import Artist
from pdp.eval.invariants.hints import hints_of
from pdp.eval.invariants.printing import charter_test
from pdp.eval.invariants.scene import Scene
from pdp.eval.invariants.shrinking import shrunk
from pdp.eval.reference.rules import Case, case_of, is_candidate, outcome
from pdp.eval.reference.terms import truth
from pdp.lang.checked import And, CheckedPolicies, Expr, Invariant, Rule
from pdp.model import Decision, Effect, Entity, RequestError
from pdp.request import Request

_EFFECTS: Final = {
    "allow": Effect.ALLOW,
    "deny": Effect.DENY,
    "approval": Effect.REQUIRE_APPROVAL,
}
# An unknown entity leads to a deny: of these claims it would break every one.
_BROKEN_BY_UNKNOWN: Final = {("never", "deny"), ("always", "allow"), ("always", "approval")}
_CLIMBS_MAX: Final = 12
_KEPT_MAX: Final = 50


class Policies(Protocol):
    """What answers requests: a policy set."""

    def with_fixtures(self, entities: Iterable[Entity]) -> Policies: ...

    def bind(self, request: Request) -> Any: ...

    def decide(self, bound: Any, now_us: int) -> Decision: ...


@dataclass(frozen=True, slots=True)
class InvariantResult:
    """One claim: how many requests it was asked with and how many of these it spoke of.

    ``counterexample`` is a test in Charter to paste, and ``decision`` its answer; empty and None
    when nothing broke the claim, which proves nothing. ``refused`` requests were not even bound.
    """

    invariant: Invariant
    asked: int
    tested: int
    refused: int = 0
    counterexample: str = ""
    decision: Decision | None = None

    @property
    def passed(self) -> bool:
        return not self.counterexample

    @property
    def is_idle(self) -> bool:
        """Whether no request was one that the claim speaks of: worth a warning."""
        return self.passed and self.tested == 0

    def summary(self) -> str:
        """One line for people."""
        if not self.passed:
            return "a request breaks it"
        if self.is_idle:
            return f"not tested: it applied to none of {self.asked:,} requests"
        return f"tested on {self.tested:,} requests, not proved"


def run(
    checked: CheckedPolicies,
    policies: Policies,
    directory: Mapping[str, Entity],
    seed: int,
    count: int,
) -> tuple[InvariantResult, ...]:
    """Every claim of the program against ``count`` requests; the same for the same seed.

    ``policies`` answers for ``checked`` over ``directory``. Fixtures of directory types count as
    part of the directory, as in tests.
    """
    if not checked.invariants:
        return ()
    hints = hints_of(checked)
    rng = Random(f"{seed}")  # noqa: S311 - makes test requests; no secret
    artist = Artist(rng, checked, cast_of(checked, directory), hints)
    artist.fill_cast()
    cast = artist.cast
    answering = policies.with_fixtures(cast.added.values())
    results: list[InvariantResult] = []
    for index, claim in enumerate(checked.invariants):
        of_claim = Random(f"{seed}/{index}")  # noqa: S311 - makes test requests; no secret
        trial = _Trial(checked, answering, cast, claim)
        results.append(trial.run(Artist(of_claim, checked, cast, hints), of_claim, count))
    return tuple(results)


class _Trial:
    """One claim being tested."""

    def __init__(
        self, checked: CheckedPolicies, policies: Policies, cast: Cast, claim: Invariant
    ) -> None:
        self._checked = checked
        self._policies = policies
        self._cast = cast
        self._claim = claim
        self._rule = _as_rule(claim)
        self._parts = tuple(_conjuncts(claim.when))
        self._refused = 0

    def run(self, artist: Artist, rng: Random, count: int) -> InvariantResult:
        claim = self._claim
        artist.is_wary = (claim.quantifier, claim.effect) in _BROKEN_BY_UNKNOWN
        kept: list[Scene] = []
        tested = 0
        for asked in range(1, count + 1):
            start = rng.choice(kept) if kept and rng.random() < 0.5 else None  # noqa: PLR2004
            scene = self._drawn(artist, start)
            if self._score(scene) < self._full_score:
                continue
            tested += 1
            kept = [*kept, scene][-_KEPT_MAX:]
            decision = self._decision(scene)
            if decision is None:
                self._refused += 1
            elif self._breaks(decision):
                return self._result(self._smallest(scene, decision), asked, tested)
        return InvariantResult(claim, count, tested, self._refused)

    def _result(self, scene: Scene, asked: int, tested: int) -> InvariantResult:
        decision = self._decision(scene)
        assert decision is not None
        text = charter_test(scene, self._claim, decision, self._checked, self._cast)
        return InvariantResult(self._claim, asked, tested, self._refused, text, decision)

    def _drawn(self, artist: Artist, start: Scene | None) -> Scene:
        """A scene; towards one that the claim speaks of, by changes that lead no further away."""
        claim = self._claim
        scene = artist.scene(claim) if start is None else artist.changed(claim, start)
        score = self._score(scene)
        for _ in range(_CLIMBS_MAX):
            if score == self._full_score:
                break
            changed = artist.changed(claim, scene)
            changed_score = self._score(changed)
            if changed_score >= score:
                scene, score = changed, changed_score
        return scene

    @property
    def _full_score(self) -> int:
        return len(self._parts) + 1

    def _score(self, scene: Scene) -> int:
        """How much of the claim's scope and condition is true of the acting principal."""
        case = self._case(scene)
        principal = case.chain[0]
        if not is_candidate(self._rule, principal, case):
            return 0
        scope = case.scope_of(principal)
        in_scope = outcome(self._rule, principal, case) is True
        return in_scope + sum(truth(part, scope) is True for part in self._parts)

    def _case(self, scene: Scene) -> Case:
        request = scene.request(self._checked.schema)
        return case_of(self._checked, self._cast.directory, request, scene.now_us)

    def _decision(self, scene: Scene) -> Decision | None:
        """The answer; None when the door refuses the request."""
        try:
            bound = self._policies.bind(scene.request(self._checked.schema))
        except RequestError:
            return None
        return self._policies.decide(bound, scene.now_us)

    def _breaks(self, decision: Decision) -> bool:
        claim = self._claim
        is_so = decision.effect is _EFFECTS[claim.effect]
        if claim.route is not None:
            routes = decision.approval.routes if decision.approval is not None else ()
            is_so = is_so and claim.route in routes
        return is_so if claim.quantifier == "never" else not is_so

    def _smallest(self, scene: Scene, decision: Decision) -> Scene:
        """The scene made small; it still breaks the claim, and in the same way."""

        def still_fails(simpler: Scene) -> bool:
            if self._score(simpler) < self._full_score:
                return False
            found = self._decision(simpler)
            return found is not None and self._breaks(found) and found.cause is decision.cause

        return shrunk(scene, still_fails, self._checked.schema)


def _as_rule(claim: Invariant) -> Rule:
    """The claim's scope as a rule that holds where it applies; its condition is counted apart."""
    return Rule(
        name=claim.title,
        owner=claim.owner,
        contact="",
        effect=claim.effect,
        who=claim.who,
        actions=claim.actions,
        resources=claim.resources,
        routes=(),
        when=None,
        unless=None,
        because="",
        obligations=(),
        span=claim.span,
    )


def _conjuncts(when: Expr | None) -> Iterable[Expr]:
    if isinstance(when, And):
        for operand in when.operands:
            yield from _conjuncts(operand)
    elif when is not None:
        yield when


__all__ = ["InvariantResult", "Policies", "run"]
