"""Reference interpreters broken in one line each; what must notice is in ``test_sabotage.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import re2

from pdp.eval.reference import approval, decision, facts, risk, rules, terms, windows
from pdp.eval.reference.risk import assess as honest_assess
from pdp.eval.reference.rules import judge as honest_judge
from pdp.lang.types import BOOL
from tests.changed import replace


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


TWINS: tuple[Callable[[pytest.MonkeyPatch], None], ...] = (
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
