"""The trust store: what is refused when it is read, and who may rotate which keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest

from pdp.bundles import keys
from pdp.bundles.documents.truststore import rotated, store_from_bytes
from pdp.bundles.refusal import BundleRefused, Cause
from tests.bundles import samples as s

FIELD: Final = 2**255 - 19
# A signature that holds for every message under the key of order 1.
ORDER_1: Final = (1).to_bytes(32, "little")
NEW: Final = s.trust(signers=s.signers_of(("cid", "dan", "eve"), 2))


def cause_of(data: bytes) -> Cause:
    with pytest.raises(BundleRefused) as refused:
        store_from_bytes(data)
    return refused.value.cause


def with_keys(*made: dict[str, Any], threshold: Any = 1) -> bytes:
    signers = {"keys": list(made), "threshold": threshold}
    return s.store_bytes(s.trust(signers=signers))


def key(key_id: str, public: bytes) -> dict[str, Any]:
    return {"id": key_id, "public": public.hex()}


def test_a_store_is_read() -> None:
    store = store_from_bytes(s.store_bytes(s.trust(), s.trust(name="acme.orders"), version=3))
    assert store.version == 3
    assert set(store.bundles) == {s.NAME, "acme.orders"}
    trust = store.trust_of(s.NAME)
    assert trust.signers.threshold == 2
    assert trust.signers.keys["ann"] == s.public("ann")


@pytest.mark.parametrize(
    "governed", ["payment", "payment.wire", "refund.small", "refund.small.card"]
)
def test_a_prefix_covers_whole_parts(governed: str) -> None:
    trust = s.store().trust_of(s.NAME)
    assert trust.covers(governed)
    assert not trust.covers(f"x.{governed}")
    assert not trust.covers(governed.partition(".")[0] + "x")


def test_two_ids_for_one_key_are_refused() -> None:
    made = (key("ann", s.public("ann")), key("ann2", s.public("ann")))
    assert cause_of(with_keys(*made)) is Cause.MALFORMED


def test_two_keys_for_one_id_are_refused() -> None:
    made = (key("ann", s.public("ann")), key("ann", s.public("ben")))
    assert cause_of(with_keys(*made)) is Cause.MALFORMED


@pytest.mark.parametrize("threshold", [0, -1, 3, 1.0, "1", True, None])
def test_a_threshold_that_nobody_or_anybody_reaches_is_refused(threshold: object) -> None:
    made = (key("ann", s.public("ann")), key("ben", s.public("ben")))
    assert cause_of(with_keys(*made, threshold=threshold)) is Cause.MALFORMED


def _doubled(y: int) -> int:
    """The y of twice the point with that y, on the curve of Ed25519."""
    d = -121665 * pow(121666, -1, FIELD)
    square = y * y % FIELD
    x_square = (square - 1) * pow(d * square + 1, -1, FIELD) % FIELD
    return (square + x_square) * pow(2 - square + x_square, -1, FIELD) % FIELD


def test_keys_of_small_order_are_refused() -> None:
    assert keys.signature_holds(ORDER_1, ORDER_1 + bytes(32), b"whatever")
    # The five y, each with both signs of x, and with what one field element more would spell.
    order_4 = [0, 1, FIELD - 1]
    order_8 = [
        int.from_bytes(bytes.fromhex(text), "little")
        for text in (
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        )
    ]
    assert [_doubled(_doubled(_doubled(y))) for y in order_4 + order_8] == [1] * 5
    for y in (*order_4, *order_8, FIELD, FIELD + 1):
        for sign in (0, 2**255):
            public = (y + sign).to_bytes(32, "little")
            assert cause_of(with_keys(key("ann", public))) is Cause.MALFORMED


def test_a_key_spelled_with_a_field_element_too_many_is_refused() -> None:
    assert cause_of(with_keys(key("ann", (FIELD + 3).to_bytes(32, "little")))) is Cause.MALFORMED


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        s.store_bytes(),
        s.store_bytes(s.trust(), s.trust()),
        s.store_bytes(s.trust(), version=0),
        s.store_bytes(s.trust(), version=1.0),
        s.store_bytes(s.trust(), version=True),
        s.store_bytes(s.trust(algorithm="rsa")),
        s.store_bytes(s.trust(may_be_guard=1)),
        s.store_bytes(s.trust(may_be_guard="true")),
        s.store_bytes(s.trust(signers=None)),
        s.store_bytes(s.trust(governs=None)),
        s.store_bytes(s.trust()).replace(b'"version"', b'"version":1,"version"'),
        with_keys(key("ann", s.public("ann")[:31])),
        with_keys({"id": "ann", "public": s.public("ann").hex().upper()}),
        with_keys(key("a" * 65, s.public("ann"))),
        with_keys(key("", s.public("ann"))),
    ],
)
def test_anything_but_a_store_is_refused(data: bytes) -> None:
    assert cause_of(data) in {Cause.MALFORMED, Cause.WRONG_TYPE}


def test_a_store_of_another_type_is_refused() -> None:
    data = s.store_bytes(s.trust()).replace(b"truststore.v1", b"truststore.v2")
    assert cause_of(data) is Cause.WRONG_TYPE


def test_a_store_over_the_limit_is_refused() -> None:
    data = s.store_bytes(s.trust())
    store_from_bytes(data + b" " * (256 * 1024 - len(data)))
    assert cause_of(data + b" " * (256 * 1024 + 1 - len(data))) is Cause.TOO_LARGE


def rotation(signers: Sequence[str], *trusts: dict[str, Any], version: int = 2) -> bytes:
    return s.signed(s.store_bytes(*trusts, version=version), signers, s.STORE_TYPE)


def test_old_and_new_signers_rotate_keys() -> None:
    new = rotated(s.store(), rotation(("ann", "ben", "dan", "eve"), NEW))
    assert new.version == 2
    assert set(new.trust_of(s.NAME).signers.keys) == {"cid", "dan", "eve"}


def test_who_is_in_both_counts_in_both() -> None:
    assert rotated(s.store(), rotation(("ann", "cid", "eve"), NEW)).version == 2


@pytest.mark.parametrize(
    ("signers", "cause"),
    [
        (("ann", "ben"), Cause.UNKNOWN_KEY),  # not the new threshold
        (("ann", "ben", "dan"), Cause.UNKNOWN_KEY),
        (("dan", "eve"), Cause.UNKNOWN_KEY),  # not the old threshold
        (("ann", "dan", "eve"), Cause.UNKNOWN_KEY),
        (("cid",), Cause.TOO_FEW_SIGNATURES),
        ((), Cause.TOO_FEW_SIGNATURES),
    ],
)
def test_too_few_of_either_rotate_nothing(signers: Sequence[str], cause: Cause) -> None:
    with pytest.raises(BundleRefused) as refused:
        rotated(s.store(), rotation(signers, NEW))
    assert refused.value.cause is cause


@pytest.mark.parametrize(
    ("trusts", "version", "cause"),
    [
        ((NEW,), 1, Cause.ROLLBACK),
        ((NEW,), 3, Cause.ROLLBACK),
        ((s.trust(),), 2, Cause.MALFORMED),
        (({**NEW, "governs": ["payment", "refund"]},), 2, Cause.ROTATES_MORE_THAN_KEYS),
        (({**NEW, "may_be_guard": True},), 2, Cause.ROTATES_MORE_THAN_KEYS),
        (({**NEW, "audience": "staging"},), 2, Cause.ROTATES_MORE_THAN_KEYS),
        (({**NEW, "name": "acme.orders"},), 2, Cause.ROTATES_MORE_THAN_KEYS),
        ((NEW, s.trust(name="acme.orders")), 2, Cause.ROTATES_MORE_THAN_KEYS),
    ],
)
def test_all_signers_together_cannot_do_more(
    trusts: Sequence[dict[str, Any]], version: int, cause: Cause
) -> None:
    data = rotation(("ann", "ben", "cid", "dan", "eve"), *trusts, version=version)
    with pytest.raises(BundleRefused) as refused:
        rotated(s.store(), data)
    assert refused.value.cause is cause


def test_signers_of_one_bundle_cannot_rotate_keys_of_another() -> None:
    orders = s.trust(name="acme.orders", signers=s.signers_of(("dan", "eve"), 2))
    old = store_from_bytes(s.store_bytes(s.trust(), orders))
    taken = s.trust(name="acme.orders", signers=s.signers_of(("ann", "ben"), 2))
    with pytest.raises(BundleRefused) as refused:
        rotated(old, rotation(("ann", "ben"), s.trust(), taken))
    assert refused.value.cause is Cause.UNKNOWN_KEY
    assert rotated(old, rotation(("ann", "ben", "dan", "eve"), s.trust(), taken)).version == 2


def test_the_freshness_key_alone_cannot_rotate_itself() -> None:
    changed = s.trust(freshness=s.signers_of(("eve",), 1))
    with pytest.raises(BundleRefused):
        rotated(s.store(), rotation(("robot", "eve"), changed))
    assert rotated(s.store(), rotation(("ann", "ben"), changed)).version == 2


def test_a_document_signed_as_a_bundle_rotates_nothing() -> None:
    data = s.signed(s.store_bytes(NEW, version=2), ("ann", "ben", "dan", "eve"), s.BUNDLE_TYPE)
    with pytest.raises(BundleRefused) as refused:
        rotated(s.store(), data)
    assert refused.value.cause is Cause.WRONG_TYPE
