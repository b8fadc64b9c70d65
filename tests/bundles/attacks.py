"""What somebody may try with a signed bundle, each by name: the bytes, and the cause that refuses.

``test_attacks`` runs all of them; ``test_sabotage`` runs each against a build without its defence.
"""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from pdp.bundles import envelope, flatfile
from pdp.bundles.documents.truststore import Signers, TrustStore
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.bundles.verification import Demands, Floor, verify
from tests.bundles import samples as s
from tests.changed import replace


@dataclass(frozen=True, slots=True)
class Attack:
    """``cause`` is the refusal that must come, or None for what must be accepted."""

    cause: Cause | None
    data: bytes
    freshness: bytes | None = None
    demands: Demands = field(default_factory=s.demands)
    store: TrustStore = field(default_factory=s.store)


def outcome(attack: Attack) -> Cause | None:
    """What ``verify`` says: a cause, or None if it accepts."""
    try:
        verify(attack.data, attack.store, attack.demands, attack.freshness)
    except BundleRefused as refused:
        return refused.cause
    return None


def _signed_by(*signers: str) -> bytes:
    return s.packed(s.signed(s.spelled(s.manifest()), signers))


def _payload(payload: bytes) -> bytes:
    return s.packed(s.signed(payload))


def _named(*names: str) -> bytes:
    files = dict.fromkeys(names, b"x")
    made = [entry for name in names for entry in s.entries({name: b"x"})]
    return s.packed(s.signed(s.spelled(s.manifest(files=made))), b"x" * len(files))


def _two_ids_for_one_key() -> Attack:
    # A store from a document never holds this; verification does not lean on that.
    store = s.store()
    keys = MappingProxyType({"ann": s.public("ann"), "ann-again": s.public("ann")})
    twice = replace(store.bundles[s.NAME], signers=Signers(keys, 2))
    payload = s.spelled(s.manifest())
    made = s.signatures(payload, ("ann", "ann"), s.BUNDLE_TYPE)
    made[1]["keyid"] = "ann-again"
    return Attack(
        Cause.TOO_FEW_SIGNATURES,
        s.packed(s.enveloped(payload, made)),
        store=replace(store, bundles=MappingProxyType({s.NAME: twice})),
    )


def _threshold_of_zero() -> Attack:
    # No document can say so.
    store = s.store()
    trust = store.bundles[s.NAME]
    careless = replace(trust, signers=replace(trust.signers, threshold=0))
    return Attack(
        Cause.TOO_FEW_SIGNATURES,
        _signed_by(),
        store=replace(store, bundles=MappingProxyType({s.NAME: careless})),
    )


def _signature_of_another_bundle() -> Attack:
    made = s.signatures(s.spelled(s.manifest()), ("ann", "ben"), s.BUNDLE_TYPE)
    payload = s.spelled(s.manifest(revision=8))
    return Attack(Cause.BAD_SIGNATURE, s.packed(s.enveloped(payload, made)))


def _key_id_of_a_trusted_key() -> Attack:
    payload = s.spelled(s.manifest())
    made = s.signatures(payload, ("ann", "eve"), s.BUNDLE_TYPE)
    made[1]["keyid"] = "ben"
    return Attack(Cause.BAD_SIGNATURE, s.packed(s.enveloped(payload, made)))


def _over_the_limit() -> Attack:
    data = s.bundle()
    return Attack(Cause.TOO_LARGE, data + bytes(flatfile.TOTAL_BYTES_MAX + 1 - len(data)))


def _envelope_over_the_limit() -> Attack:
    signed = s.signed(s.spelled(s.manifest()))
    spaces = b" " * (envelope.BYTES_MAX + 1 - len(signed))
    return Attack(Cause.TOO_LARGE, s.packed(signed + spaces))


def _envelope_at_the_limit() -> Attack:
    signed = s.signed(s.spelled(s.manifest()))
    spaces = b" " * (envelope.BYTES_MAX - len(signed))
    return Attack(None, s.packed(signed + spaces))


def _duplicate_keys_in_the_envelope() -> Attack:
    signed = s.signed(s.spelled(s.manifest()))
    other = base64.b64encode(b"{}").decode()
    return Attack(Cause.MALFORMED, s.packed(f'{{"payload":"{other}",'.encode() + signed[1:]))


def _unsigned_and_malformed() -> Attack:
    return Attack(Cause.TOO_FEW_SIGNATURES, s.packed(s.enveloped(b"\xff not JSON", [])))


def _expired(seconds: float) -> Attack:
    data = s.bundle(expires=s.moment(10))
    now = s.NOW + datetime.timedelta(seconds=10 + seconds)
    return Attack(Cause.EXPIRED if seconds >= 0 else None, data, demands=s.demands(now=now))


def _revision(value: object) -> Attack:
    return Attack(Cause.MALFORMED, _payload(s.spelled(s.manifest(revision=value))))


def _floor(revision: int, digest: str, cause: Cause | None) -> Attack:
    return Attack(cause, s.bundle(), demands=s.demands(floor=Floor(revision, digest)))


def _fresh(cause: Cause | None, freshness: bytes | None) -> Attack:
    return Attack(cause, s.bundle(), freshness, s.demands(require_freshness=True))


def _manifest(cause: Cause, **changes: object) -> Attack:
    return Attack(cause, s.bundle(**changes))


def _text(cause: Cause, old: bytes, new: bytes) -> Attack:
    payload = s.spelled(s.manifest())
    assert payload.count(old) == 1
    return Attack(cause, _payload(payload.replace(old, new)))


def _members(**changes: object) -> Attack:
    """An envelope, signed as it should be, with other members."""
    tree = {**json.loads(s.signed(s.spelled(s.manifest()))), **changes}
    return Attack(Cause.MALFORMED, s.packed(json.dumps(tree).encode()))


def _body(body: bytes, cause: Cause) -> Attack:
    return Attack(cause, s.packed(s.signed(s.spelled(s.manifest())), body))


_ALL: Final = b"".join(s.FILES.values())
_LAST: Final = s.FILES["payments.charter"]
_ZEROS: Final = "0" * 64
_SIGNATURE: Final = base64.b64encode(bytes(64)).decode()

ATTACKS: Final[dict[str, Callable[[], Attack]]] = {
    "honest": lambda: Attack(None, s.bundle()),
    "honest_signed_by_all": lambda: Attack(None, _signed_by("ann", "ben", "cid")),
    "honest_with_a_stranger": lambda: Attack(None, _signed_by("eve", "ann", "ben")),
    # Who signed.
    "nobody_signed": lambda: Attack(Cause.TOO_FEW_SIGNATURES, _signed_by()),
    "threshold_of_zero": _threshold_of_zero,
    "fewer_than_threshold": lambda: Attack(Cause.TOO_FEW_SIGNATURES, _signed_by("ann")),
    "same_key_twice": lambda: Attack(Cause.TOO_FEW_SIGNATURES, _signed_by("ann", "ann")),
    "two_ids_for_one_key": _two_ids_for_one_key,
    "unknown_key": lambda: Attack(Cause.UNKNOWN_KEY, _signed_by("ann", "eve")),
    "freshness_key_signs_a_bundle": lambda: Attack(Cause.UNKNOWN_KEY, _signed_by("ann", "robot")),
    "key_id_of_a_trusted_key": _key_id_of_a_trusted_key,
    "signature_of_another_bundle": _signature_of_another_bundle,
    "unsigned_and_malformed": _unsigned_and_malformed,
    # What was signed.
    "wrong_type_tag": lambda: _manifest(Cause.WRONG_TYPE, type="pdp.bundle.v2"),
    "no_type_tag": lambda: Attack(Cause.WRONG_TYPE, _payload(b"{}")),
    "signed_as_another_type": lambda: Attack(
        Cause.WRONG_TYPE,
        s.packed(s.signed(s.spelled(s.manifest()), ("ann", "ben"), s.FRESHNESS_TYPE)),
    ),
    "signed_as_another_type_and_renamed": lambda: Attack(
        Cause.BAD_SIGNATURE,
        s.packed(
            s.enveloped(
                s.spelled(s.manifest()),
                s.signatures(s.spelled(s.manifest()), ("ann", "ben"), s.FRESHNESS_TYPE),
            )
        ),
    ),
    "wrong_name": lambda: _manifest(Cause.WRONG_NAME, name="acme.orders"),
    "wrong_audience": lambda: _manifest(Cause.WRONG_AUDIENCE, audience="staging"),
    "governs_more": lambda: _manifest(
        Cause.GOVERNS_MORE_THAN_TRUSTED, governs=["payment", "refund"]
    ),
    "governs_a_longer_word": lambda: _manifest(
        Cause.GOVERNS_MORE_THAN_TRUSTED, governs=["payments"]
    ),
    "governs_a_part": lambda: Attack(None, s.bundle(governs=["payment.wire", "refund.small"])),
    "name_nobody_trusts": lambda: Attack(
        Cause.UNKNOWN_BUNDLE, s.bundle(), demands=s.demands(name="acme.orders")
    ),
    # When.
    "a_second_before_it_expires": lambda: _expired(-1),
    "expired_this_second": lambda: _expired(0),
    "expired_by_a_second": lambda: _expired(1),
    "made_in_the_future": lambda: _manifest(
        Cause.NOT_YET_VALID, created=s.moment(301), expires=s.moment(900)
    ),
    "expires_before_it_is_created": lambda: _manifest(Cause.MALFORMED, expires=s.moment(-3600)),
    "expires_in_another_zone": lambda: _manifest(
        Cause.MALFORMED, expires="2026-03-01T13:00:00+01:00"
    ),
    "expires_on_no_day": lambda: _manifest(Cause.MALFORMED, expires="2026-02-30T13:00:00Z"),
    # Which revision.
    "older_revision": lambda: _floor(8, _ZEROS, Cause.ROLLBACK),
    "same_revision_other_digest": lambda: _floor(7, _ZEROS, Cause.SAME_REVISION_OTHER_DIGEST),
    "same_bundle_again": lambda: _floor(7, s.bundle_digest(), None),
    "newer_revision": lambda: _floor(6, _ZEROS, None),
    "revision_zero": lambda: _revision(0),
    "revision_negative": lambda: _revision(-7),
    "revision_as_a_float": lambda: _revision(7.0),
    "revision_as_a_fraction": lambda: _revision(7.5),
    "revision_as_a_string": lambda: _revision("7"),
    "revision_as_true": lambda: _revision(value=True),
    "revision_as_null": lambda: _revision(None),
    "revision_with_an_exponent": lambda: _text(Cause.MALFORMED, b'"revision":7', b'"revision":7e0'),
    "revision_of_many_digits": lambda: _revision(10**15),
    # Whether it is the newest.
    "fresh": lambda: _fresh(None, s.statement()),
    "missing_freshness": lambda: _fresh(Cause.FROZEN, None),
    "freshness_expired_by_a_second": lambda: _fresh(
        Cause.FROZEN, s.statement(expires=s.moment(-1))
    ),
    "freshness_expired_this_second": lambda: _fresh(Cause.FROZEN, s.statement(expires=s.moment(0))),
    "freshness_for_another_revision": lambda: _fresh(Cause.FROZEN, s.statement(revision=8)),
    "freshness_for_another_bundle": lambda: _fresh(Cause.FROZEN, s.statement(name="acme.orders")),
    "freshness_for_another_digest": lambda: _fresh(
        Cause.FROZEN, s.statement(manifest_digest=_ZEROS)
    ),
    "freshness_for_24_hours": lambda: _fresh(None, s.statement(expires=s.moment(86_400))),
    "freshness_for_a_second_more": lambda: _fresh(
        Cause.FRESH_FOR_TOO_LONG, s.statement(expires=s.moment(86_401))
    ),
    "freshness_of_a_bundle_signer": lambda: _fresh(
        Cause.UNKNOWN_KEY, s.statement(signers=("ann", "ben"))
    ),
    "freshness_of_wrong_type": lambda: _fresh(
        Cause.WRONG_TYPE, s.statement(type="pdp.freshness.v2")
    ),
    "bundle_as_freshness": lambda: _fresh(
        Cause.WRONG_TYPE, s.signed(s.spelled(s.manifest()), ("robot",))
    ),
    "freshness_that_nobody_asked_for": lambda: Attack(
        Cause.FROZEN, s.bundle(), s.statement(revision=8)
    ),
    # The files.
    "longer": lambda: _body(_ALL + b"x", Cause.WRONG_LENGTH),
    "shorter": lambda: _body(_ALL[:-1], Cause.WRONG_LENGTH),
    "extra_file": lambda: _body(_ALL + _LAST, Cause.WRONG_LENGTH),
    "missing_file": lambda: _body(_ALL[: -len(_LAST)], Cause.WRONG_LENGTH),
    "changed_file": lambda: _body(_ALL[:-1] + b"x", Cause.BAD_FILE_HASH),
    "swapped_files": lambda: _body(b"".join(reversed(s.FILES.values())), Cause.BAD_FILE_HASH),
    "no_files": lambda: Attack(
        Cause.MALFORMED, s.packed(s.signed(s.spelled(s.manifest(files=[]))), b"")
    ),
    "unsorted_files": lambda: Attack(Cause.MALFORMED, _named("b", "a")),
    "duplicate_names": lambda: Attack(Cause.MALFORMED, _named("a", "a")),
    "duplicate_names_but_for_case": lambda: Attack(Cause.MALFORMED, _named("A", "a")),
    "duplicate_names_when_folded": lambda: Attack(Cause.MALFORMED, _named("strasse", "straße")),
    "name_in_another_unicode_form": lambda: Attack(Cause.MALFORMED, _named("cafe\u0301")),
    "name_of_a_folder": lambda: Attack(Cause.MALFORMED, _named("a", "a/b")),
    "name_that_leaves": lambda: Attack(Cause.MALFORMED, _named("../a")),
    "name_that_is_absolute": lambda: Attack(Cause.MALFORMED, _named("/a")),
    "name_with_a_backslash": lambda: Attack(Cause.MALFORMED, _named("..\\a")),
    "name_with_a_control": lambda: Attack(Cause.MALFORMED, _named("a\nb")),
    "name_that_is_empty": lambda: Attack(Cause.MALFORMED, _named("")),
    "name_of_200_bytes": lambda: Attack(None, _named("é" * 100)),
    "name_of_201_bytes": lambda: Attack(Cause.TOO_LARGE, _named("a" + "é" * 100)),
    "as_many_files_as_may_be": lambda: Attack(None, _named(*(f"{i:03}" for i in range(256)))),
    "one_file_too_many": lambda: Attack(Cause.MALFORMED, _named(*(f"{i:03}" for i in range(257)))),
    "length_as_a_float": lambda: _text(Cause.MALFORMED, b'"length":15', b'"length":15.0'),
    "hash_in_upper_case": lambda: _manifest(
        Cause.MALFORMED,
        files=[{**entry, "sha256": entry["sha256"].upper()} for entry in s.entries(s.FILES)],
    ),
    # The form.
    "empty": lambda: Attack(Cause.MALFORMED, b""),
    "head_alone": lambda: Attack(Cause.MALFORMED, s.bundle()[:16]),
    "another_magic": lambda: Attack(Cause.MALFORMED, b"\x00" + s.bundle()[1:]),
    "another_version": lambda: Attack(Cause.MALFORMED, s.bundle()[:9] + b"\x02" + s.bundle()[10:]),
    "reserved_place": lambda: Attack(Cause.MALFORMED, s.bundle()[:11] + b"\x01" + s.bundle()[12:]),
    "one_byte_over_the_limit": _over_the_limit,
    "envelope_at_the_limit": _envelope_at_the_limit,
    "envelope_one_byte_over_the_limit": _envelope_over_the_limit,
    "envelope_nested_without_end": lambda: Attack(Cause.MALFORMED, s.packed(b"[" * 100_000)),
    "invalid_utf8_in_the_envelope": lambda: Attack(Cause.MALFORMED, s.packed(b'{"a":"\xff"}')),
    "invalid_utf8_in_the_manifest": lambda: _text(Cause.MALFORMED, b"production", b"pro\xffduct"),
    "duplicate_keys_in_the_envelope": _duplicate_keys_in_the_envelope,
    "duplicate_keys_in_the_manifest": lambda: _text(
        Cause.MALFORMED, b'"revision":7', b'"revision":6,"revision":7'
    ),
    "unknown_member_of_the_envelope": lambda: _members(algorithm="none"),
    "payload_type_as_a_list": lambda: _members(payloadType=[s.BUNDLE_TYPE]),
    "payload_with_a_space": lambda: _members(payload=" e30="),
    "payload_with_spare_bits": lambda: _members(payload="e31="),
    "payload_without_padding": lambda: _members(payload="e30"),
    "signatures_as_null": lambda: _members(signatures=None),
    "signature_without_key_id": lambda: _members(signatures=[{"sig": _SIGNATURE}]),
    "signature_of_three_bytes": lambda: _members(signatures=[{"keyid": "ann", "sig": "AAAA"}]),
    "key_id_as_a_number": lambda: _members(signatures=[{"keyid": 1, "sig": _SIGNATURE}]),
    "more_signatures_than_may_be": lambda: _members(
        signatures=[{"keyid": "ann", "sig": _SIGNATURE}] * 65
    ),
    "unknown_member_of_the_manifest": lambda: _manifest(Cause.MALFORMED, extends="x"),
    "manifest_with_a_space": lambda: _text(Cause.MALFORMED, b'"revision":7', b'"revision": 7'),
    "name_as_a_number": lambda: _manifest(Cause.MALFORMED, name=7),
    "governs_as_a_text": lambda: _manifest(Cause.MALFORMED, governs="payment"),
    "governs_twice": lambda: _manifest(Cause.MALFORMED, governs=["payment", "payment"]),
    "owner_that_turns_text_around": lambda: _manifest(Cause.MALFORMED, owners=["a\u202eb"]),
    "engine_of_no_version": lambda: _manifest(Cause.MALFORMED, minimum_engine="new"),
    "previous_of_63_digits": lambda: _manifest(Cause.MALFORMED, previous="0" * 63),
}
