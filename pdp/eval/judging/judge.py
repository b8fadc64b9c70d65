"""One decision: the rules that can matter, who of the chain they hold for, what follows.

Everything is made on first use and kept; filling it needs no lock, as either of two equal entries
will do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pdp.eval.compiling.places import Places
from pdp.eval.compiling.quick import NOT_EVERYONE
from pdp.eval.consequences import obligations
from pdp.eval.consequences.approvers import Requirement
from pdp.eval.emit.paths import Scope
from pdp.eval.facts import BoundRequest
from pdp.eval.judging import answer
from pdp.eval.judging.answer import Beside, Outcome
from pdp.eval.judging.index import Target, is_enforced
from pdp.eval.judging.leaf import OUTCOMES_KEPT_MAX, Leaf
from pdp.eval.judging.risk import WITHOUT_RISK, RiskScale, Weighed
from pdp.eval.judging.shadow import Shadows
from pdp.eval.judging.tree import Given, Tree
from pdp.eval.runtime import EvalError
from pdp.lang.checked import CheckedPolicies, Rule
from pdp.model import ApprovalRequirement, Attribution, BundleIdentity, Decision, Effect


class Judges:
    """The judge of each action and resource type, made on first use. Safe to share.

    ``bundle`` is whose policies these are; it goes into each answer. ``by_target`` is what
    ``candidates`` gave. Without ``is_indexed`` no rule is left out before it is judged: the answers
    are the same.
    """

    __slots__ = ("_candidates", "_checked", "_is_indexed", "_judges", "_places", "bundle")

    def __init__(
        self,
        checked: CheckedPolicies,
        places: Places,
        bundle: BundleIdentity,
        by_target: Mapping[Target, Sequence[int]],
        *,
        is_indexed: bool = True,
    ) -> None:
        self._checked: Final = checked
        self._places: Final = places
        self._is_indexed: Final = is_indexed
        self._candidates: Final = by_target
        self._judges: Final[dict[Target, TargetJudge]] = {}
        self.bundle: Final = bundle

    def of(self, action: str, resource_type: str | None) -> TargetJudge:
        """The judge of an action, by its Charter name, and a resource type that it takes."""
        target = action, resource_type
        judge = self._judges.get(target)
        if judge is None:
            judge = self._judges.setdefault(target, self._made(target))
        return judge

    def _made(self, target: Target) -> TargetJudge:
        checked = self._checked
        action = checked.schema.actions[target[0]]
        given = Given(
            obligations.secret_paths(checked.schema, action.fields),
            checked.bundle,
            Scope(checked.schema, action, target[1], None),
            self._places,
            self._is_indexed,
        )
        rules = [checked.rules[place] for place in self._candidates[target]]
        return TargetJudge(checked, rules, given, self.bundle)

    def refusing(self) -> InvalidJudge:
        """The judge of requests that no rule is read for."""
        return InvalidJudge(self._checked.bundle.contact, self.bundle)


class InvalidJudge:
    """Denies every request."""

    __slots__ = ("_bundle", "_contact")

    def __init__(self, contact: str, bundle: BundleIdentity) -> None:
        self._contact: Final = contact
        self._bundle: Final = bundle

    def decide(self, bound: BoundRequest, clock: Callable[[], int]) -> Decision:
        """The answer to a request that names what does not exist."""
        del clock
        return answer.invalid(bound, self._contact, self._bundle)


class TargetJudge:
    """Decides on the requests of one action and resource type."""

    __slots__ = (
        "_bundle",
        "_checked",
        "_is_plain",
        "_leaf",
        "_places",
        "_reads_clock",
        "_requirements",
        "_risk",
        "_root",
        "_scope",
        "_shadows",
    )

    def __init__(
        self, checked: CheckedPolicies, rules: Sequence[Rule], given: Given, bundle: BundleIdentity
    ) -> None:
        self._checked: Final = checked
        self._places: Final = given.places
        self._bundle: Final = bundle
        self._scope: Final = given.scope
        enforced = [rule for rule in rules if is_enforced(rule)]
        watched = [rule for rule in rules if not is_enforced(rule)]
        self._root: Final = Tree(enforced, given, frozenset())
        # Without a switch there is one leaf; it is asked for once.
        self._leaf: Final = self._root.leaf if self._root.switch is None else None
        # By the bits of the require rules that held, and the rank of the tier.
        self._requirements: Final[dict[tuple[Leaf, int, int], Requirement]] = {}
        self._risk: Final = (
            None if checked.risk is None else RiskScale(checked.risk, given.scope, given.places)
        )
        self._shadows: Final = Shadows(watched, given.scope, given.places) if watched else None
        self._is_plain: Final = self._risk is None and self._shadows is None
        # Shadow rules are compiled later; until then they are taken to look at the time.
        self._reads_clock: Final = self._shadows is not None or (
            self._risk is not None and self._risk.reads_clock
        )

    def decide(self, bound: BoundRequest, clock: Callable[[], int]) -> Decision:
        """The answer. Unknown facts are part of it; anything raised is a bug.

        ``clock`` gives microseconds since 1970. One decision looks at one time: where the quick way
        looked and found nothing, the careful one starts again.
        """
        root = self._root
        try:
            leaf = self._leaf or root.leaves.get(root.read(bound)) or root.reached(bound)
            quick = leaf.quick.get(bound.chain_types)
            made = None if quick is None else quick(bound, clock)
        except EvalError:
            leaf = root.reached(bound)
        else:
            if made is not None:
                # As answer.decision_of, written out and by position: a call takes as long.
                effect, cause, rules, owners, obliged, reasons, next_action, hidden = made
                whose = Attribution(bound.accountable, bound.agent or "", bound.chain, owners)
                return Decision(
                    effect, cause, rules, whose, obliged, self._bundle, reasons, next_action,
                    bound.digest, hidden,
                )  # fmt: skip
            if quick is None and self._is_plain:
                leaf.prepare(bound.chain_types)
        return self._decide_carefully(leaf, bound, clock)

    def _decide_carefully(
        self, leaf: Leaf, bound: BoundRequest, clock: Callable[[], int]
    ) -> Decision:
        plan = leaf.plan(bound.chain_types)
        now_us = clock() if plan.reads_clock or self._reads_clock else 0
        risk = WITHOUT_RISK if self._risk is None else self._risk.weigh(bound, now_us)
        tier, allow = risk.rank, leaf.table.allow
        held = 0
        flags = bound.flags & leaf.flag_mask
        try:
            members = zip(plan.functions, bound.chain, bound.chain_facts, strict=True)
            for run, actor, known in members:
                bits = run(bound, actor, known, now_us, tier)
                if not bits & allow:
                    flags |= NOT_EVERYONE
                held |= bits
        except EvalError:
            outcome = leaf.exact_outcome(bound, now_us, flags, risk)
        else:
            outcome = leaf.outcome(held, flags, risk)
        approval = None
        if outcome.unfillable is not None:
            if not (plan.reads_clock or self._reads_clock):
                now_us = clock()
            outcome, approval = self._approval(leaf, outcome, bound, now_us, risk)
        if self._is_plain:
            return answer.decision_of(outcome, bound, approval, self._bundle)
        beside = self._beside(bound, now_us, risk)
        return answer.decision_of(outcome, bound, approval, self._bundle, beside)

    def _approval(
        self, leaf: Leaf, outcome: Outcome, bound: BoundRequest, now_us: int, risk: Weighed
    ) -> tuple[Outcome, ApprovalRequirement | None]:
        """``outcome`` with the approval it asks for, or what stands where nobody could give it."""
        if outcome.unfillable is None:
            raise AssertionError("an outcome that needs no approval")
        requirement = self._requirement(leaf, outcome.required, risk)
        if not requirement.is_fillable(bound, now_us):
            return outcome.unfillable, None
        if outcome.decision.effect is not Effect.REQUIRE_APPROVAL:
            return outcome, None
        return outcome, requirement.of(bound, now_us)

    def _requirement(self, leaf: Leaf, required: int, risk: Weighed) -> Requirement:
        """The joined requirement of the require rules of those bits, and of the tier."""
        key = (leaf, required, risk.rank)
        requirement = self._requirements.get(key)
        if requirement is None:
            names = {name for rule in leaf.table.select(required) for name in rule.routes}
            requirement = Requirement(
                names.union(risk.need.routes if risk.need else ()),
                self._checked.routes,
                self._scope,
                self._places,
                risk.rank,
            )
            if len(self._requirements) < OUTCOMES_KEPT_MAX:
                self._requirements[key] = requirement
        return requirement

    def _beside(self, bound: BoundRequest, now_us: int, risk: Weighed) -> Beside:
        """The risk and what the shadow rules came to."""
        if self._shadows is None:
            return answer.NOTHING_BESIDE if risk.told is None else Beside(risk.told)
        outcomes, hidden = self._shadows.watch(bound, now_us, risk.rank)
        return Beside(risk.told, outcomes, hidden)


__all__ = ["InvalidJudge", "Judges", "TargetJudge"]
