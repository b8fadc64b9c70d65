"""Broken builds, one line each, that the differential harness and the laws must catch by name.

Each twin patches one seam of the compiled evaluator (or, once, of the reference) and must lead to a
difference within a few seeds. A twin that nothing catches is a hole in the harness.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import re2
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pdp.eval import runtime
from pdp.eval.binding.binder import Binder
from pdp.eval.compiling import code
from pdp.eval.consequences import approvers, obligations
from pdp.eval.emit import expressions
from pdp.eval.judging import answer, judge, leaf
from pdp.eval.reading import records
from pdp.eval.reference import approval, decision, facts, risk, rules, terms, windows
from pdp.eval.reference.risk import assess as honest_assess
from pdp.eval.reference.rules import judge as honest_judge
from pdp.lang.types import BOOL
from pdp.model import DenyCause
from tests.changed import replace
from tests.properties.differential import DifferenceError, Tally, compare_seed
from tests.properties.generate import Program
from tests.properties.laws import (
    adding_a_deny_never_yields_more,
    adding_an_approval_never_yields_more,
    must_keep,
    order_changes_nothing,
    the_strictest_member_decides,
)
from tests.properties.test_differential import HYPOTHESIS, assert_drawn_agrees

SEEDS = range(3000, 3300)
REQUESTS = 60

Twin = Callable[[pytest.MonkeyPatch], None]
Law = Callable[[Program, int, int], None]


def _runtime(patch: pytest.MonkeyPatch, name: str, broken: object) -> None:
    """What generated code finds under ``name``."""
    assert name in code.NAMES
    patch.setitem(code.NAMES, name, broken)


def default_allow(patch: pytest.MonkeyPatch) -> None:
    honest = answer.conclude
    patch.setattr(
        answer,
        "conclude",
        lambda table, found: honest(table, replace(found, everyone_allowed=True)),
    )


def deny_that_lost_to_approval(patch: pytest.MonkeyPatch) -> None:
    honest = answer.conclude

    def conclude(table: answer.RuleTable, found: answer.Findings) -> answer.Outcome:
        ignored = table.deny if found.held & table.require else 0
        return honest(table, replace(found, held=found.held & ~ignored))

    patch.setattr(answer, "conclude", conclude)


def deny_counts_as_allow(patch: pytest.MonkeyPatch) -> None:
    honest = answer.conclude

    def conclude(table: answer.RuleTable, found: answer.Findings) -> answer.Outcome:
        allowed = found.everyone_allowed or bool(found.held & table.deny)
        return honest(
            table, replace(found, held=found.held & ~table.deny, everyone_allowed=allowed)
        )

    patch.setattr(answer, "conclude", conclude)


def error_skipped_on_deny(patch: pytest.MonkeyPatch) -> None:
    honest = answer.conclude
    patch.setattr(
        answer,
        "conclude",
        lambda table, found: honest(table, replace(found, erred=found.erred & ~table.deny)),
    )


def chain_judged_only_at_its_head(patch: pytest.MonkeyPatch) -> None:
    for module in (judge, leaf):
        patch.setattr(
            module, "zip", lambda *parts, **_: [tuple(p[0] for p in parts)], raising=False
        )


def true_equals_one(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(records.PRIMITIVES, "int", int | bool)


def begins_too_short(patch: pytest.MonkeyPatch) -> None:
    _runtime(
        patch,
        "begins",
        lambda subject, prefix: all(i in p for i, p in zip(subject, prefix, strict=False)),
    )


def like_ignores_its_end(patch: pytest.MonkeyPatch) -> None:
    honest = runtime.like
    _runtime(patch, "like", lambda text, prefix, middles, _: honest(text, prefix, middles, ""))


def like_overlaps_its_parts(patch: pytest.MonkeyPatch) -> None:
    _runtime(
        patch,
        "like",
        lambda text, prefix, middles, suffix: (
            text.startswith(prefix)
            and text.endswith(suffix)
            and all(middle in text for middle in middles)
        ),
    )


def some_treated_as_every(patch: pytest.MonkeyPatch) -> None:
    _runtime(patch, "any", all)


def error_beats_false(patch: pytest.MonkeyPatch) -> None:
    def strict_and(*thunks: Callable[[], runtime.Truth]) -> runtime.Truth:
        truths = [runtime.settle(thunk) for thunk in thunks]
        errors = [truth for truth in truths if isinstance(truth, runtime.EvalError)]
        return errors[0] if errors else all(truths)

    _runtime(patch, "k_and", strict_and)


def last_error_is_reported(patch: pytest.MonkeyPatch) -> None:
    _runtime(patch, "k_or", lambda *thunks: runtime.k_or(*reversed(thunks)))


def not_of_an_error_is_true(patch: pytest.MonkeyPatch) -> None:
    _runtime(patch, "k_not", lambda thunk: runtime.settle(thunk) is not True)


def open_ancestors_count_as_closed(patch: pytest.MonkeyPatch) -> None:
    _runtime(patch, "ancestors", lambda facts: facts.ancestors if facts else runtime.UNKNOWN)


def scale_of_a_product_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(expressions, "scale_of", lambda _: 0)


def one_person_fills_two_needs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approvers, "fillable", lambda needs, eligible: all(map(eligible, needs)))


def requester_may_approve(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approvers.Requirement, "_barred", lambda _self, _bound: set())


def largest_rate_wins(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(obligations, "min", max, raising=False)


def owner_nobody_knows_is_accountable(patch: pytest.MonkeyPatch) -> None:
    honest = Binder._owner  # noqa: SLF001 - the seam

    def owner(self: Binder, plan: object, uid: str, entities: object) -> str:
        blind = replace(plan, is_owner_in_directory=False)
        return honest(self, blind, uid, entities)  # type: ignore[arg-type]

    patch.setattr(Binder, "_owner", owner)


def error_comes_after_no_allow(patch: pytest.MonkeyPatch) -> None:
    honest = answer._denied  # noqa: SLF001 - the seam

    def denied(table, found, causes, determining):
        first = [cause for cause in causes if cause is DenyCause.NO_ALLOW] or causes
        return honest(table, found, first, determining)

    patch.setattr(answer, "_denied", denied)


def reference_takes_unknown_for_absent(patch: pytest.MonkeyPatch) -> None:
    honest = terms.in_group
    patch.setattr(terms, "in_group", lambda *asked: honest(*asked) is True)


def reference_never_goes_past_midnight(patch: pytest.MonkeyPatch) -> None:
    honest = windows._is_in_span  # noqa: SLF001 - the seam
    patch.setattr(
        windows,
        "_is_in_span",
        lambda weekday, of_day_us, span: (
            span.start_min < span.end_min and honest(weekday, of_day_us, span)
        ),
    )


def reference_knows_no_holidays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(windows, "_day_number", lambda _: None)


def reference_knows_no_zones(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(windows, "_offset_us", lambda _instant_us, _zone: 0)


def reference_takes_prefixes_of_text_for_paths(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(terms, "_under", lambda path, prefix: path.startswith(prefix))


def reference_matches_a_part_of_the_text(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(terms, "_matches", lambda text, pattern: bool(re2.search(pattern, text)))


def reference_compares_addresses_by_number(patch: pytest.MonkeyPatch) -> None:
    def contains(item: Any, networks: Any) -> bool:
        if isinstance(networks, tuple):
            return any(contains(item, network) for network in networks)
        first, last = networks[0], networks[-1]
        return int(first) <= int(item) <= int(last)

    patch.setattr(terms, "_is_in_network", contains)


def reference_takes_null_for_a_value(patch: pytest.MonkeyPatch) -> None:
    honest = facts.record_of

    def record_of(members: dict[str, Any], fields: Any) -> dict[str, Any]:
        listed = tuple(fields)
        nulls = [f for f in listed if f.type == BOOL and members.get(f.wire, False) is None]
        return {**dict.fromkeys((f.name for f in nulls), False), **honest(members, listed)}

    patch.setattr(rules, "record_of", record_of)


def reference_leaves_an_erring_factor_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(risk.JudgedFactor, "counts", property(lambda self: self.outcome is True))


def reference_reaches_a_tier_one_point_late(patch: pytest.MonkeyPatch) -> None:
    def assess(model: Any, scope: Any) -> Any:
        tiers = tuple(replace(tier, from_points=tier.from_points + 1) for tier in model.tiers)
        return honest_assess(replace(model, tiers=tiers), scope)

    patch.setattr(rules, "assess", assess)


def reference_asks_nobody_for_a_tier(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        rules, "assess", lambda model, scope: replace(honest_assess(model, scope), routes=())
    )


def reference_enforces_shadow_rules(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        decision,
        "judge",
        lambda case: tuple(
            replace(judged, rule=replace(judged.rule, shadow=False))
            for judged in honest_judge(case)
        ),
    )


def reference_lets_an_owner_approve_grave_risks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approval, "HIGH", 99)


def reference_confirms_without_a_person(patch: pytest.MonkeyPatch) -> None:
    honest = approval.can_be_filled
    patch.setattr(
        decision,
        "can_be_filled",
        lambda case, required: honest(case, replace(required, confirm_user=False)),
    )


def reference_counts_each_escalation_from_the_last(patch: pytest.MonkeyPatch) -> None:
    honest = approval._steps  # noqa: SLF001 - the seam

    def steps(route: Any, case: Any, base: Any) -> Any:
        before = 0
        for step in honest(route, case, base):
            yield replace(step, after_s=step.after_s - before)
            before = step.after_s

    patch.setattr(approval, "_steps", steps)


def reference_escalates_without_the_base(patch: pytest.MonkeyPatch) -> None:
    honest = approval._steps  # noqa: SLF001 - the seam
    patch.setattr(approval, "_steps", lambda route, case, _base: honest(route, case, [route]))


TWINS: tuple[Twin, ...] = (
    default_allow,
    deny_that_lost_to_approval,
    deny_counts_as_allow,
    error_skipped_on_deny,
    chain_judged_only_at_its_head,
    true_equals_one,
    begins_too_short,
    like_ignores_its_end,
    like_overlaps_its_parts,
    some_treated_as_every,
    error_beats_false,
    last_error_is_reported,
    not_of_an_error_is_true,
    open_ancestors_count_as_closed,
    scale_of_a_product_forgotten,
    one_person_fills_two_needs,
    requester_may_approve,
    largest_rate_wins,
    owner_nobody_knows_is_accountable,
    error_comes_after_no_allow,
    reference_takes_unknown_for_absent,
    reference_never_goes_past_midnight,
    reference_knows_no_holidays,
    reference_knows_no_zones,
    reference_takes_prefixes_of_text_for_paths,
    reference_matches_a_part_of_the_text,
    reference_compares_addresses_by_number,
    reference_takes_null_for_a_value,
    reference_leaves_an_erring_factor_out,
    reference_reaches_a_tier_one_point_late,
    reference_asks_nobody_for_a_tier,
    reference_enforces_shadow_rules,
    reference_lets_an_owner_approve_grave_risks,
    reference_confirms_without_a_person,
    reference_counts_each_escalation_from_the_last,
    reference_escalates_without_the_base,
)


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.__name__)
def test_a_broken_build_is_caught(twin: Twin, monkeypatch: pytest.MonkeyPatch):
    twin(monkeypatch)
    with pytest.raises(DifferenceError, match=r"differ in|not refused"):
        _compare_all()


def _compare_all() -> None:
    for seed in SEEDS:
        compare_seed(seed, Tally(), count=REQUESTS)


def test_a_broken_build_is_caught_by_hypothesis(monkeypatch: pytest.MonkeyPatch):
    default_allow(monkeypatch)
    unshrunk = settings(
        HYPOTHESIS, max_examples=400, phases=[Phase.generate], report_multiple_bugs=False
    )
    drawn = unshrunk(given(st.randoms(use_true_random=False))(assert_drawn_agrees))
    with pytest.raises(DifferenceError, match="differ in"):
        drawn()


BROKEN_LAWS: tuple[tuple[Twin, Law], ...] = (
    (deny_counts_as_allow, adding_a_deny_never_yields_more),
    (deny_that_lost_to_approval, adding_an_approval_never_yields_more),
    (chain_judged_only_at_its_head, the_strictest_member_decides),
)


@pytest.mark.parametrize(("twin", "law"), BROKEN_LAWS, ids=lambda part: part.__name__)
def test_a_broken_build_breaks_its_law(twin: Twin, law: Law, monkeypatch: pytest.MonkeyPatch):
    twin(monkeypatch)
    with pytest.raises(AssertionError, match="bundle generated"):
        must_keep(law, SEEDS, count=REQUESTS)


def test_an_order_that_matters_breaks_its_law(monkeypatch: pytest.MonkeyPatch):
    """Of the rules that determined an answer, only the one written last is told."""
    honest = answer.RuleTable.select

    def select(self: answer.RuleTable, bits: int):
        rules = sorted(honest(self, bits), key=lambda rule: (rule.span.file, rule.span.line))
        return iter(rules[-1:])

    monkeypatch.setattr(answer.RuleTable, "select", select)
    with pytest.raises(AssertionError, match="bundle generated"):
        must_keep(order_changes_nothing, SEEDS, count=REQUESTS)
