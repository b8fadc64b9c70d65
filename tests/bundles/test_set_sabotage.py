"""Broken builds for sets, one defence less in each, that the attack with that name must notice."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import pytest

from pdp.bundles import composing, verification
from pdp.bundles.documents import composition
from pdp.bundles.documents.truststore import TrustStore
from pdp.bundles.envelope import Verified, decode, opened
from pdp.bundles.refusal import BundleRefused
from pdp.bundles.verification import Demands, VerifiedBundle, verify
from tests.bundles import set_samples as t
from tests.bundles.set_attacks import SET_ATTACKS, outcome
from tests.changed import replace


@dataclass(frozen=True, slots=True)
class Twin:
    """``owner``'s ``name`` becomes ``broken``; the attack ``seen_by`` must come out otherwise."""

    owner: Any
    name: str
    broken: Any
    seen_by: str


def _nothing(*_: object) -> None:
    return None


def _only_revision_pinned(found: VerifiedBundle, member: composition.Member) -> None:
    if found.manifest.revision != member.revision:
        composing.check_is_pinned(found, member)


def _type_of_the_message(data: bytes, _: str, quorum: Any) -> Verified:
    return opened(data, decode(data).payload_type, quorum)


def _parsed_before_verified(data: bytes, payload_type: str, quorum: Any) -> Verified:
    composition.composition_from_bytes(decode(data).unverified_payload)
    return opened(data, payload_type, quorum)


def _trusted_for_the_set(data: bytes, store: TrustStore, demands: Demands, *_: object) -> Any:
    """The set's signers speak for its members, too."""
    trust = replace(store.trust_of(demands.name), signers=store.trust_of(t.NAME).signers)
    trusting = replace(store, bundles=MappingProxyType({demands.name: trust}))
    try:
        return verify(data, store, demands)
    except BundleRefused:
        return verify(data, trusting, demands)


def _while_it_was_new(data: bytes, store: TrustStore, demands: Demands, *_: object) -> Any:
    """A pinned member needs no expiry of its own."""
    earlier = demands.now - datetime.timedelta(minutes=1)
    return verify(data, store, replace(demands, now=earlier))


TWINS: Final = {
    "members_are_not_pinned": Twin(
        composing, "check_is_pinned", _nothing, seen_by="member_of_another_revision"
    ),
    "members_are_pinned_by_revision": Twin(
        composing, "check_is_pinned", _only_revision_pinned, seen_by="member_of_the_same_revision"
    ),
    "any_digest_pins": Twin(
        composing, "check_is_pinned", _only_revision_pinned, seen_by="digest_of_the_file"
    ),
    "the_set_speaks_for_its_members": Twin(
        composing,
        "verify",
        _trusted_for_the_set,
        seen_by="member_signed_by_the_sets_keys",
    ),
    "members_never_expire": Twin(
        composing, "verify", _while_it_was_new, seen_by="member_expired_this_second"
    ),
    "reach_of_the_set_is_not_checked": Twin(
        composing, "check_reach", _nothing, seen_by="member_governs_more_than_the_set_may"
    ),
    "expiry_is_skipped": Twin(composing, "check_is_valid", _nothing, seen_by="expired_this_second"),
    "floor_is_not_checked": Twin(composing, "check_floor", _nothing, seen_by="older_set"),
    "audience_is_not_checked": Twin(
        composing, "check_is_meant", _nothing, seen_by="wrong_audience"
    ),
    "program_is_not_checked": Twin(composing, "check_hashes", _nothing, seen_by="changed_program"),
    "any_statement_will_do": Twin(
        verification, "check_speaks_of", _nothing, seen_by="freshness_of_a_member"
    ),
    "statements_hold_for_ever": Twin(
        verification, "check_is_current", _nothing, seen_by="freshness_expired_this_second"
    ),
    "type_is_the_messages_choice": Twin(
        composing, "opened", _type_of_the_message, seen_by="set_signed_as_a_bundle_for_a_set"
    ),
    "type_tag_is_not_checked": Twin(composition, "check_type", _nothing, seen_by="wrong_type_tag"),
    "parsed_before_verified": Twin(
        composing, "opened", _parsed_before_verified, seen_by="unsigned_and_malformed"
    ),
    "names_are_not_checked": Twin(
        composition, "check_names", _nothing, seen_by="member_called_directory"
    ),
    "the_store_speaks_for_the_directory": Twin(
        composing,
        "_pinned",
        lambda _: t.store(),
        seen_by="directory_signed_by_keys_of_the_store",
    ),
    "directories_may_hold_anything": Twin(
        composing, "check_is_directory", _nothing, seen_by="directory_with_a_policy"
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    twin = TWINS[name]
    attack = SET_ATTACKS[twin.seen_by]()
    assert outcome(attack) is attack.cause
    monkeypatch.setattr(twin.owner, twin.name, twin.broken)
    assert outcome(attack) is not attack.cause
