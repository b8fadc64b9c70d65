"""Broken builds, one defence less in each, that the attack with that name must notice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import pytest

from pdp.bundles import envelope, flatfile, keys, verification
from pdp.bundles.documents import declaration
from pdp.bundles.documents.fields import Fields
from pdp.bundles.envelope import Verified, decode, pae
from tests.bundles.attacks import ATTACKS, outcome


@dataclass(frozen=True, slots=True)
class Twin:
    """``owner``'s ``name`` becomes ``broken``; the attack ``seen_by`` must come out otherwise."""

    owner: Any
    name: str
    broken: Any
    seen_by: str


def _nothing(*_: object) -> None:
    return None


def _signatures_counted(data: bytes, payload_type: str, quorum: envelope.Quorum) -> Verified:
    found = decode(data)
    message = pae(payload_type, found.unverified_payload)
    held = [
        one.key_id
        for one in found.signatures
        if one.key_id in quorum.keys
        and keys.signature_holds(quorum.keys[one.key_id], one.data, message)
    ]
    if len(held) < quorum.threshold:
        return envelope.opened(data, payload_type, quorum)
    return Verified(found.unverified_payload, tuple(held))


def _type_of_the_message(data: bytes, _: str, quorum: envelope.Quorum) -> Verified:
    return envelope.opened(data, decode(data).payload_type, quorum)


def _parsed_before_verified(data: bytes, payload_type: str, quorum: envelope.Quorum) -> Verified:
    declaration.manifest_from_bytes(decode(data).unverified_payload)
    return envelope.opened(data, payload_type, quorum)


def _pae_without_lengths(payload_type: str, payload: bytes) -> bytes:
    return b"DSSEv1 " + payload_type.encode() + b" " + payload


def _cut_what_is_declared(body: bytes, lengths: list[tuple[str, int]]) -> dict[str, bytes]:
    files = {}
    for name, length in lengths:
        files[name], body = body[:length], body[length:]
    return files


def _whole_number_of_anything(fields: Fields, name: str, _: int) -> int:
    return int(float(str(fields.members[name])))


def _only_older_refused(manifest: Any, digest: str, floor: Any) -> None:
    if floor is not None and manifest.revision < floor.revision:
        verification.check_floor(manifest, digest, floor)


def _a_second_late(manifest: Any, now: Any) -> None:
    if now != manifest.expires:
        _check_is_valid(manifest, now)


_check_is_valid = verification.check_is_valid

TWINS: Final = {
    "key_ids_are_counted": Twin(
        envelope, "distinct", lambda ids, _: len(ids), seen_by="two_ids_for_one_key"
    ),
    "signatures_are_counted": Twin(
        verification, "opened", _signatures_counted, seen_by="same_key_twice"
    ),
    "signatures_are_not_checked": Twin(
        envelope, "signature_holds", lambda *_: True, seen_by="key_id_of_a_trusted_key"
    ),
    "type_tag_is_not_checked": Twin(declaration, "check_type", _nothing, seen_by="wrong_type_tag"),
    "type_is_the_messages_choice": Twin(
        verification, "opened", _type_of_the_message, seen_by="signed_as_another_type"
    ),
    "parsed_before_verified": Twin(
        verification, "opened", _parsed_before_verified, seen_by="unsigned_and_malformed"
    ),
    "pae_without_lengths": Twin(envelope, "pae", _pae_without_lengths, seen_by="honest"),
    "expiry_is_skipped": Twin(
        verification, "check_is_valid", _nothing, seen_by="expired_by_a_second"
    ),
    "expires_a_second_late": Twin(
        verification, "check_is_valid", _a_second_late, seen_by="expired_this_second"
    ),
    "floor_is_not_checked": Twin(verification, "check_floor", _nothing, seen_by="older_revision"),
    "floor_without_digest": Twin(
        verification, "check_floor", _only_older_refused, seen_by="same_revision_other_digest"
    ),
    "reach_is_not_checked": Twin(verification, "check_is_meant", _nothing, seen_by="governs_more"),
    "any_statement_will_do": Twin(
        verification, "check_speaks_of", _nothing, seen_by="freshness_for_another_revision"
    ),
    "statements_hold_for_ever": Twin(
        verification, "check_is_current", _nothing, seen_by="freshness_expired_by_a_second"
    ),
    "hash_is_not_checked": Twin(verification, "check_hashes", _nothing, seen_by="changed_file"),
    "what_follows_is_ignored": Twin(verification, "cut", _cut_what_is_declared, seen_by="longer"),
    "limit_is_not_checked": Twin(
        flatfile, "check_total", _nothing, seen_by="one_byte_over_the_limit"
    ),
    "names_are_not_checked": Twin(declaration, "check_names", _nothing, seen_by="name_that_leaves"),
    "numbers_are_converted": Twin(
        Fields, "whole", _whole_number_of_anything, seen_by="revision_as_a_fraction"
    ),
    "last_of_duplicate_keys_wins": Twin(
        envelope, "_DECODER", json.JSONDecoder(), seen_by="duplicate_keys_in_the_envelope"
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    twin = TWINS[name]
    attack = ATTACKS[twin.seen_by]()
    assert outcome(attack) is attack.cause
    monkeypatch.setattr(twin.owner, twin.name, twin.broken)
    assert outcome(attack) is not attack.cause
