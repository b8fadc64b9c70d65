"""Broken builds, one line each, that the differential harness and the laws must catch by name.

Each twin patches one seam of the evaluator or of the reference and must lead to a
difference within a few seeds. A twin that nothing catches is a hole in the harness.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pdp.eval import runtime
from pdp.eval.binding.binder import Binder
from pdp.eval.compiling import code
from pdp.eval.consequences import approvers, obligations
from pdp.eval.emit import expressions
from pdp.eval.judging import answer, judge, leaf
from pdp.eval.reading import records
from pdp.model import DenyCause
from tests.changed import replace
from tests.properties import breakage, misreading
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
# Where the difference shows first; elsewhere it is looked for only if it no longer does.
SEEN_AT: dict[str, int] = {
    "reference_takes_unknown_for_absent": 3005,
    "one_person_fills_two_needs": 3007,
    "flags_run_into_rules": 3010,
    "below_a_path_taken_for_its_text": 3018,
    "requester_may_approve": 3018,
    "reference_takes_prefixes_of_text_for_paths": 3018,
    "shape_without_what_is_declared": 3020,
    "largest_rate_wins": 3023,
    "owner_nobody_knows_is_accountable": 3024,
    "reference_knows_no_holidays": 3029,
    "exact_form_is_skipped": 3030,
    "begins_too_short": 3034,
    "reference_matches_a_part_of_the_text": 3035,
    "true_equals_one": 3038,
    "unless_is_forgotten": 3040,
    "like_overlaps_its_parts": 3043,
    "switch_demands_of_a_not": 3050,
    "quick_forgets_members": 3050,
    "shape_without_the_parts_of_a_pattern": 3060,
    "like_ignores_its_end": 3060,
    "switch_ignores_the_rest": 3070,
    "tree_forgets_a_rule": 3070,
    "shadow_rules_are_enforced": 3070,
    "loop_takes_the_constants_of_the_first": 3080,
    "loop_forgets_the_last": 3080,
    "reference_compares_addresses_by_number": 3112,
    "reference_lets_an_owner_approve_grave_risks": 3128,
    "reference_takes_null_for_a_value": 4674,
    "switch_takes_unequal_for_equal": 3120,
    "switch_takes_unknown_for_a_value": 3120,
    "shape_without_constants_written_out": 3150,
    "scale_of_a_product_forgotten": 3212,
    "switch_demands_of_an_or": 3230,
    "shape_without_the_operator": 3230,
    "at_most_taken_for_less": 3240,
    "quick_forgets_the_shared_part": 3260,
    "quick_takes_what_differs_for_shared": 3260,
    "quick_forgets_who_was_not_allowed": 3410,
}

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
)


ALL = [*TWINS, *breakage.TWINS, *misreading.TWINS]


@pytest.mark.parametrize("twin", ALL, ids=lambda twin: twin.__name__)
def test_a_broken_build_is_caught(twin: Twin, monkeypatch: pytest.MonkeyPatch):
    twin(monkeypatch)
    with pytest.raises(DifferenceError, match=r"differ in|not refused|raised"):
        _compare_all(SEEN_AT.get(twin.__name__, SEEDS[0]))


def _compare_all(first: int) -> None:
    for seed in (first, *SEEDS):
        compare_seed(seed, Tally(), count=REQUESTS)


def test_the_compiler_and_the_index_are_broken_in_enough_ways():
    assert len(set(breakage.TWINS)) >= 20


def test_what_is_not_broken_is_not_caught():
    """The seeds that show the differences show none of the honest build."""
    tally = Tally()
    seeds = {*SEEN_AT.values()}
    for seed in seeds:
        compare_seed(seed, tally, count=REQUESTS)
    assert tally.cases + tally.refused == len(seeds) * REQUESTS


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
