"""Where the files of each part stand in a release, and which parts may come together."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from pdp.activation import composing
from pdp.activation.release import PROGRAM_FILE, Release
from pdp.bundles.composing import verify_directory, verify_set
from pdp.bundles.documents.composition import PROGRAM_NAME
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.bundles.verification import VerifiedBundle, verify
from tests.bundles import samples as s
from tests.bundles import set_samples as t


def _bundle(files: dict[str, bytes] | None = None) -> VerifiedBundle:
    made = t.payments() if files is None else t.piece(dict(sorted(files.items())))
    return verify(made.data, s.store(), s.demands())


def _people(**changes: Any) -> VerifiedBundle:
    # Who signs it is not looked at again here.
    data = t.people(signers=("dan",), **changes)
    return verify_directory(data, t.store(), t.demands(name=t.PEOPLE))


def _set(**changes: Any) -> Release:
    found = verify_set(t.set_file(**changes), t.store(), t.demands(), None)
    return composing.release_of_set(found, _people())


def test_both_rooms_name_the_program_alike() -> None:
    assert PROGRAM_NAME == PROGRAM_FILE


def test_a_bundle_stands_at_the_top_and_its_directory_below() -> None:
    bundle = _bundle({**s.FILES, PROGRAM_FILE: b"made"})
    release = composing.release_of_bundle(bundle, _people())
    assert sorted(release.files) == [
        "bundle.charter",
        "data/limits.json",
        "directory/people.directory.json",
        "payments.charter",
    ]
    assert release.program == b"made"
    assert [(part.kind, part.name, part.revision) for part in release.parts] == [
        ("bundle", "acme.payments", 7),
        ("directory", "acme.people", 40),
    ]
    assert release.parts[0].digest == bundle.digest
    assert release.parts[0].signers == ("ann", "ben")


def test_a_bundle_alone_is_one_part_and_may_have_no_program() -> None:
    release = composing.release_of_bundle(_bundle(), None)
    assert dict(release.files) == s.FILES
    assert release.program is None
    [part] = release.parts
    assert part.valid_until == release.valid_until == s.NOW + datetime.timedelta(hours=1)


def test_each_bundle_of_a_set_has_a_folder_of_its_name() -> None:
    release = _set()
    assert release.files["acme.payments/payments.charter"] == s.FILES["payments.charter"]
    assert release.files["directory/people.directory.json"] == b'{"User":{"ann":{}}}'
    # The program of a member decides nothing.
    assert sorted(name for name in release.files if name.startswith("acme.orders/")) == [
        "acme.orders/orders.charter"
    ]
    assert release.program == t.PROGRAM
    assert [(part.kind, part.name) for part in release.parts] == [
        ("set", "acme"),
        ("bundle", "acme.orders"),
        ("bundle", "acme.payments"),
        ("directory", "acme.people"),
    ]


def test_a_release_is_valid_until_its_first_part_is_not() -> None:
    assert _set().valid_until == s.NOW + datetime.timedelta(minutes=30)
    members = (t.orders(expires=s.moment(60)), t.payments())
    assert _set(members=members).valid_until == s.NOW + datetime.timedelta(minutes=1)
    found = verify_set(t.set_file(), t.store(), t.demands(), t.statement(expires=s.moment(5)))
    fresh = composing.release_of_set(found, _people())
    assert fresh.valid_until == s.NOW + datetime.timedelta(seconds=5)


# ---------------------------------------------------------------- what may not come together

_DIRECTORY_NAMES: Final = ("directory/x.directory.json", "Directory/x.charter", "directory")


def _taken_folder(name: str) -> None:
    composing.release_of_bundle(_bundle({**s.FILES, name: b"{}"}), None)


def _too_many_files() -> None:
    """Each member has as many as it may have, and none has too many."""
    names = {f"{number:03}.charter": b"" for number in range(129)}
    members = (
        t.piece(names, ("dan",), name="acme.orders", governs=["order"]),
        t.piece(names),
    )
    found = verify_set(t.set_file(members, directory=None), t.store(), t.demands())
    composing.release_of_set(found, None)


REFUSALS: Final[dict[str, tuple[Cause, Callable[[], object]]]] = {
    "no_directory": (
        Cause.PART_MISSING,
        lambda: composing.release_of_set(t.verified(), None),
    ),
    "directory_nobody_pinned": (
        Cause.WRONG_NAME,
        lambda: composing.release_of_set(t.verified(directory=None), _people()),
    ),
    "another_directory": (
        Cause.WRONG_NAME,
        lambda: composing.release_of_set(
            t.verified(directory={"name": "acme.agents", **s.signers_of(("robot",), 1)}), _people()
        ),
    ),
    "policies_as_directory": (
        Cause.MALFORMED,
        lambda: composing.release_of_bundle(_bundle(), _bundle()),
    ),
    "directory_as_bundle": (
        Cause.MALFORMED,
        lambda: composing.release_of_bundle(_people(), None),
    ),
    "folder_taken": (Cause.MALFORMED, lambda: _taken_folder(_DIRECTORY_NAMES[0])),
    "folder_taken_in_capitals": (Cause.MALFORMED, lambda: _taken_folder(_DIRECTORY_NAMES[1])),
    "file_called_as_the_folder": (Cause.MALFORMED, lambda: _taken_folder(_DIRECTORY_NAMES[2])),
    "too_many_files": (Cause.TOO_LARGE, _too_many_files),
}


def _outcome(name: str) -> Cause | None:
    try:
        REFUSALS[name][1]()
    except BundleRefused as refused:
        return refused.cause
    return None


@pytest.mark.parametrize("name", REFUSALS)
def test_what_may_not_come_together_is_refused(name: str) -> None:
    assert _outcome(name) is REFUSALS[name][0]


# ---------------------------------------------------------------- broken builds


@dataclass(frozen=True, slots=True)
class Twin:
    """``composing.name`` becomes ``broken``; the refusal ``seen_by`` must come out otherwise."""

    name: str
    broken: Callable[..., object]
    seen_by: str


def _nothing(*_: object) -> None:
    return None


TWINS: Final = {
    "set_without_its_directory": Twin("check_is_the_pinned", _nothing, "no_directory"),
    "any_directory_will_do": Twin("check_is_the_pinned", _nothing, "another_directory"),
    "bundle_brings_people_of_its_own": Twin("check_leaves_folder_free", _nothing, "folder_taken"),
    "directory_brings_policies": Twin("check_is_directory", _nothing, "policies_as_directory"),
    "nothing_decides": Twin("check_has_policies", _nothing, "directory_as_bundle"),
    "names_are_not_checked_together": Twin("check_names", _nothing, "too_many_files"),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    twin = TWINS[name]
    cause = REFUSALS[twin.seen_by][0]
    assert _outcome(twin.seen_by) is cause
    monkeypatch.setattr(composing, twin.name, twin.broken)
    assert _outcome(twin.seen_by) is not cause
