"""What somebody may try with a set or a directory bundle, each by name, and the cause it meets."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from pdp.bundles import composing
from pdp.bundles.composing import VerifiedSet
from pdp.bundles.documents.truststore import TrustStore
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.bundles.verification import Demands, Floor, verify
from tests.bundles import samples as s
from tests.bundles import set_samples as t


@dataclass(frozen=True, slots=True)
class SetAttack:
    """``cause`` is the refusal that must come, or None for what must be accepted."""

    cause: Cause | None
    data: bytes
    freshness: bytes | None = None
    demands: Demands = field(default_factory=t.demands)
    store: TrustStore = field(default_factory=t.store)

    def run(self) -> None:
        composing.verify_set(self.data, self.store, self.demands, self.freshness)


@dataclass(frozen=True, slots=True)
class DirectoryAttack:
    """As ``SetAttack``, for a directory bundle, most often one that a set pins."""

    cause: Cause | None
    data: bytes
    demands: Demands = field(default_factory=lambda: t.demands(name=t.PEOPLE))
    pinned_by: VerifiedSet | None = field(default_factory=t.verified)

    def run(self) -> None:
        composing.verify_directory(self.data, t.store(), self.demands, pinned_by=self.pinned_by)


@dataclass(frozen=True, slots=True)
class BundleAttack:
    """A set where a bundle is expected."""

    cause: Cause | None
    data: bytes

    def run(self) -> None:
        # The same keys are trusted as a bundle's, under the same name.
        verify(self.data, t.store(), t.demands())


def outcome(attack: SetAttack | DirectoryAttack | BundleAttack) -> Cause | None:
    """What verification says: a cause, or None if it accepts."""
    try:
        attack.run()
    except BundleRefused as refused:
        return refused.cause
    return None


def _set(cause: Cause | None, **changes: Any) -> SetAttack:
    return SetAttack(cause, t.set_file(**changes))


def _with(cause: Cause | None, *members: t.Piece) -> SetAttack:
    """The set made and signed for just these members."""
    return SetAttack(cause, t.set_file(members))


def _swapped(cause: Cause, member: t.Piece) -> SetAttack:
    """The set as signed, but with ``member`` where payments stood; lengths are made to fit."""
    pinned = [t.orders().pinned(), t.payments().pinned(length=len(member.data))]
    body = t.body_of((t.orders(), member))
    return SetAttack(cause, t.set_file(body=body, bundles=pinned))


def _pinned(cause: Cause, **changes: Any) -> SetAttack:
    """Payments' entry with other members."""
    return _set(cause, bundles=[t.orders().pinned(), t.payments().pinned(**changes)])


def _now(seconds: float, cause: Cause | None) -> SetAttack:
    now = s.NOW + datetime.timedelta(seconds=seconds)
    return SetAttack(cause, t.set_file(), demands=t.demands(now=now))


def _floor(cause: Cause | None, revision: int, digest: str) -> SetAttack:
    return SetAttack(cause, t.set_file(), demands=t.demands(floor=Floor(revision, digest)))


def _fresh(cause: Cause | None, freshness: bytes | None) -> SetAttack:
    asked = t.demands(require_freshness=True)
    return SetAttack(cause, t.set_file(), freshness, asked)


def _keys(cause: Cause, **changes: Any) -> SetAttack:
    return _set(cause, directory={"name": t.PEOPLE, **s.signers_of(("robot",), 1), **changes})


def _file_digest() -> SetAttack:
    return _pinned(Cause.OTHER_MEMBER_DIGEST, digest=t.program_of(t.payments().data)["sha256"])


def _in_each_others_place() -> SetAttack:
    orders, payments = t.pieces()
    pinned = [orders.pinned(length=len(payments.data)), payments.pinned(length=len(orders.data))]
    data = t.set_file(bundles=pinned, body=t.body_of((payments, orders)))
    return SetAttack(Cause.UNKNOWN_KEY, data)


def _directory(cause: Cause | None, **changes: Any) -> DirectoryAttack:
    return DirectoryAttack(cause, t.people(**changes))


def _without_directory() -> DirectoryAttack:
    found = t.verified(directory=None)
    return DirectoryAttack(Cause.UNKNOWN_BUNDLE, t.people(), pinned_by=found)


_ZEROS: Final = "0" * 64
_DIRECTORY_TWICE: Final = {"p.directory.json": b"{}", "p.directory.json.charter": b""}

SET_ATTACKS: Final[dict[str, Callable[[], SetAttack | DirectoryAttack | BundleAttack]]] = {
    "honest": lambda: _set(None),
    "honest_without_directory": lambda: _set(None, directory=None),
    "honest_with_one_member": lambda: _with(None, t.payments()),
    # Who signed.
    "nobody_signed": lambda: _set(Cause.TOO_FEW_SIGNATURES, signers=()),
    "fewer_than_threshold": lambda: _set(Cause.TOO_FEW_SIGNATURES, signers=("eve",)),
    "signed_by_the_members_keys": lambda: _set(Cause.UNKNOWN_KEY, signers=("ann", "dan")),
    "member_signed_by_too_few": lambda: _with(
        Cause.TOO_FEW_SIGNATURES, t.orders(), t.payments(signers=("ann",))
    ),
    "member_signed_by_the_sets_keys": lambda: _with(
        Cause.UNKNOWN_KEY, t.orders(), t.payments(signers=("eve", "cid"))
    ),
    "member_that_nobody_trusts": lambda: _with(
        Cause.UNKNOWN_BUNDLE, t.payments(), t.payments(name="acme.refunds")
    ),
    # What was signed.
    "wrong_type_tag": lambda: _set(Cause.WRONG_TYPE, type="pdp.bundle.v1"),
    "bundle_as_set": lambda: SetAttack(
        Cause.WRONG_TYPE, s.packed(s.signed(s.spelled(s.manifest(name=t.NAME)), ("eve", "cid")))
    ),
    "bundle_signed_as_set": lambda: SetAttack(
        Cause.WRONG_TYPE,
        s.packed(s.signed(s.spelled(s.manifest(name=t.NAME)), ("eve", "cid"), t.SET_TYPE)),
    ),
    "set_signed_as_a_bundle_for_a_set": lambda: _set(Cause.WRONG_TYPE, kind=s.BUNDLE_TYPE),
    "set_as_bundle": lambda: BundleAttack(Cause.WRONG_TYPE, t.set_file()),
    "set_signed_as_bundle": lambda: BundleAttack(Cause.WRONG_TYPE, t.set_file(kind=s.BUNDLE_TYPE)),
    "set_as_member": lambda: _swapped(
        Cause.WRONG_TYPE, t.Piece(s.NAME, 7, _ZEROS, t.set_file(name=s.NAME))
    ),
    "wrong_name": lambda: _set(Cause.WRONG_NAME, name="other"),
    "wrong_audience": lambda: _set(Cause.WRONG_AUDIENCE, audience="staging"),
    "member_for_another_audience": lambda: _with(
        Cause.WRONG_AUDIENCE, t.orders(), t.payments(audience="staging")
    ),
    "member_governs_more_than_it_may": lambda: _with(
        Cause.GOVERNS_MORE_THAN_TRUSTED, t.orders(governs=["payment"]), t.payments()
    ),
    "member_governs_more_than_the_set_may": lambda: _with(
        Cause.GOVERNS_MORE_THAN_TRUSTED, t.orders(governs=["delivery"]), t.payments()
    ),
    # When, and which revision.
    "a_second_before_it_expires": lambda: _now(1799, None),
    "expired_this_second": lambda: _now(1800, Cause.EXPIRED),
    "member_expired_this_second": lambda: _with(
        Cause.EXPIRED, t.orders(), t.payments(expires=s.moment(0))
    ),
    "made_in_the_future": lambda: _set(Cause.NOT_YET_VALID, created=s.moment(301)),
    "older_set": lambda: _floor(Cause.ROLLBACK, 10, _ZEROS),
    "same_revision_other_digest": lambda: _floor(Cause.SAME_REVISION_OTHER_DIGEST, 9, _ZEROS),
    "same_set_again": lambda: _floor(None, 9, t.digest_of()),
    "fresh": lambda: _fresh(None, t.statement()),
    "missing_freshness": lambda: _fresh(Cause.FROZEN, None),
    "freshness_of_a_member": lambda: _fresh(Cause.FROZEN, t.statement(name=s.NAME)),
    "freshness_for_another_digest": lambda: _fresh(
        Cause.FROZEN, t.statement(manifest_digest=_ZEROS)
    ),
    "freshness_expired_this_second": lambda: _fresh(Cause.FROZEN, t.statement(expires=s.moment(0))),
    "freshness_for_a_second_more": lambda: _fresh(
        Cause.FRESH_FOR_TOO_LONG, t.statement(expires=s.moment(86_401))
    ),
    "freshness_of_a_members_key": lambda: _fresh(Cause.UNKNOWN_KEY, t.statement(("robot",))),
    # The members.
    "member_of_another_revision": lambda: _swapped(
        Cause.OTHER_MEMBER_DIGEST, t.payments(revision=8)
    ),
    "member_of_the_same_revision": lambda: _swapped(
        Cause.OTHER_MEMBER_DIGEST, t.payments(owners=["somebody-else"])
    ),
    "member_of_another_name": lambda: _swapped(Cause.WRONG_NAME, t.payments(name="acme.orders")),
    "members_in_each_others_place": _in_each_others_place,
    "member_missing": lambda: SetAttack(
        Cause.WRONG_LENGTH, t.set_file(body=t.body_of((t.orders(),)))
    ),
    "member_twice": lambda: _with(Cause.MALFORMED, t.payments(), t.payments()),
    "no_member": lambda: _with(Cause.MALFORMED),
    "members_not_sorted": lambda: _with(Cause.MALFORMED, t.payments(), t.orders()),
    "members_that_differ_in_case": lambda: _with(
        Cause.MALFORMED, t.payments(name="Acme.payments"), t.payments()
    ),
    "member_that_is_a_path": lambda: _pinned(Cause.MALFORMED, name="acme/payments"),
    "member_that_leaves": lambda: _pinned(Cause.MALFORMED, name=".."),
    "member_called_directory": lambda: _pinned(Cause.MALFORMED, name="directory"),
    "member_called_as_the_set": lambda: _set(
        Cause.MALFORMED, bundles=[t.payments().pinned(name=t.NAME)]
    ),
    "digest_of_the_file": _file_digest,
    "revision_that_is_not_the_members": lambda: _pinned(Cause.OTHER_MEMBER_DIGEST, revision=8),
    "revision_as_a_string": lambda: _pinned(Cause.MALFORMED, revision="7"),
    "unknown_member_of_an_entry": lambda: _pinned(Cause.MALFORMED, url="http://x.example"),
    # The program.
    "changed_program": lambda: SetAttack(
        Cause.BAD_FILE_HASH, t.set_file(body=t.body_of()[:-1] + b"X")
    ),
    "longer": lambda: SetAttack(Cause.WRONG_LENGTH, t.set_file(body=t.body_of() + b"x")),
    "no_program": lambda: _set(Cause.MALFORMED, program=None),
    "empty_program": lambda: _set(Cause.MALFORMED, program=t.program_of(b"")),
    # The form.
    "unknown_member": lambda: _set(Cause.MALFORMED, governs=["payment"]),
    "engine_of_no_version": lambda: _set(Cause.MALFORMED, minimum_engine="new"),
    "expires_before_it_is_created": lambda: _set(Cause.MALFORMED, expires=s.moment(-900)),
    "unsigned_and_malformed": lambda: SetAttack(
        Cause.TOO_FEW_SIGNATURES, s.packed(s.enveloped(b"\xff not JSON", [], t.SET_TYPE))
    ),
    # Who says who there is.
    "no_keys_for_the_directory": lambda: _keys(Cause.MALFORMED, keys=[]),
    "threshold_of_zero": lambda: _keys(Cause.MALFORMED, threshold=0),
    "threshold_that_cannot_be_met": lambda: _keys(Cause.MALFORMED, threshold=2),
    "one_key_as_two": lambda: _keys(
        Cause.MALFORMED,
        keys=[{"id": name, "public": s.public("robot").hex()} for name in ("one", "two")],
    ),
    "directory_called_as_a_member": lambda: _keys(Cause.MALFORMED, name=s.NAME),
    "directory": lambda: _directory(None),
    "directory_without_a_set": lambda: DirectoryAttack(
        None, t.people(signers=("dan",)), pinned_by=None
    ),
    "directory_signed_by_keys_of_the_store": lambda: _directory(
        Cause.UNKNOWN_KEY, signers=("dan",)
    ),
    "directory_signed_by_keys_of_an_older_set": lambda: DirectoryAttack(
        Cause.UNKNOWN_KEY,
        t.people(),
        pinned_by=t.verified(directory={"name": t.PEOPLE, **s.signers_of(("ann",), 1)}),
    ),
    "directory_signed_by_nobody": lambda: _directory(Cause.TOO_FEW_SIGNATURES, signers=()),
    "directory_that_no_set_pins": _without_directory,
    "directory_of_another_name": lambda: _directory(Cause.WRONG_NAME, name="acme.agents"),
    "directory_for_another_audience": lambda: _directory(Cause.WRONG_AUDIENCE, audience="staging"),
    "directory_that_expired": lambda: _directory(Cause.EXPIRED, expires=s.moment(0)),
    "older_directory": lambda: DirectoryAttack(
        Cause.ROLLBACK, t.people(), t.demands(name=t.PEOPLE, floor=Floor(41, _ZEROS))
    ),
    "directory_without_freshness": lambda: DirectoryAttack(
        Cause.FROZEN, t.people(), t.demands(name=t.PEOPLE, require_freshness=True)
    ),
    "directory_that_governs": lambda: _directory(
        Cause.GOVERNS_MORE_THAN_TRUSTED, governs=["payment"]
    ),
    "directory_with_a_policy": lambda: _directory(
        Cause.MALFORMED, files={"p.directory.json": b"{}", "x.charter": b""}
    ),
    "directory_with_a_program": lambda: _directory(
        Cause.MALFORMED, files={"p.directory.json": b"{}", "program.compact": b""}
    ),
    "directory_with_a_file_that_ends_otherwise": lambda: _directory(
        Cause.MALFORMED, files=_DIRECTORY_TWICE
    ),
}
