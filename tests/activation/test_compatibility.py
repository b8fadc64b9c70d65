"""Versions are numbers, and what a bundle governs is at most what its manifest says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pdp.activation.building import unverified
from pdp.activation.compatibility import check_governs, is_at_least
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.lang.checked import CheckedPolicies
from pdp.lang.checker import check
from tests.activation.authored import BUNDLE, FILES, built


@pytest.mark.parametrize(
    ("version", "least"),
    [
        ("0.1.0", "0.1.0"),
        ("0.10.0", "0.9.0"),
        ("1.0.0", "0.999999.9"),
        ("1.0", "1.0.0"),
        ("1.0.0", "1.0"),
        ("2026.10", "2026.9"),
        ("2027.1", "2026.6"),
    ],
)
def test_new_enough(version: str, least: str) -> None:
    assert is_at_least(version, least)


@pytest.mark.parametrize(
    ("version", "least"),
    [
        ("0.9.0", "0.10.0"),
        ("0.1.0", "0.1.1"),
        ("2025.12", "2026.1"),
        ("2026", "2026.1"),
        # What is no version is never enough, and nothing is enough for it.
        ("0.2.0.dev1", "0.1.0"),
        ("0.2.0", "0.1.0rc1"),
        ("", "0.1.0"),
        ("0.1.0", ""),
        ("1..0", "0.1.0"),
        ("1.0.", "0.1.0"),
        ("٢.0", "1.0"),
        ("1" * 7, "1"),
        ("2026f", "2026a"),
    ],
)
def test_not_new_enough(version: str, least: str) -> None:
    assert not is_at_least(version, least)


def checked_with(governs: str) -> CheckedPolicies:
    text = BUNDLE.replace("governs payment", f"governs {governs}")
    checked, _ = check({**FILES, "bundle.charter": text.encode()})
    assert checked is not None
    return checked


@pytest.mark.parametrize(
    ("signed", "governs", "is_within"),
    [
        ("payment", "payment", True),
        ("payment", "payment.refund", True),
        ("payment.refund", "payment.refund", True),
        ("payment.refund", "payment", False),
        ("pay", "payment", False),
        ("payment.ref", "payment.refund", False),
        ("payment", "payment, ticket", False),
    ],
)
def test_reach(signed: str, governs: str, is_within: bool) -> None:  # noqa: FBT001 - a table
    manifest = replace(unverified(built()).manifest, governs=(signed,))
    checked = checked_with(governs)
    found = None
    try:
        check_governs(manifest, checked, may_be_guard=False)
    except BundleRefused as refused:
        found = refused.cause
    assert found is (None if is_within else Cause.GOVERNS_MORE_THAN_SIGNED)


@pytest.mark.parametrize(
    ("wire", "is_within"),
    [("", True), ("payment.give_back", True), ("pay__refund", True), ("ticket.close", False)],
)
def test_no_action_goes_by_anothers_name(wire: str, is_within: bool) -> None:  # noqa: FBT001
    named = f'action payment.refund "{wire}" on' if wire else "action payment.refund on"
    text = BUNDLE.replace("action payment.refund on", named)
    checked, _ = check({**FILES, "bundle.charter": text.encode()})
    assert checked is not None
    manifest = unverified(built()).manifest
    if is_within:
        check_governs(manifest, checked, may_be_guard=False)
        return
    with pytest.raises(BundleRefused, match=r"is also called `ticket\.close`") as refused:
        check_governs(manifest, checked, may_be_guard=False)
    assert refused.value.cause is Cause.GOVERNS_MORE_THAN_SIGNED


def test_whether_it_is_a_guard_is_in_the_program() -> None:
    assert not checked_with("payment").bundles[0].is_guard
    text = (
        'bundle acme.guard guard { version "1" language 1 owner "o" contact "c" governs security }'
    )
    checked, diagnostics = check({"guard.charter": text.encode()})
    assert checked is not None, diagnostics
    assert checked.bundles[0].is_guard
