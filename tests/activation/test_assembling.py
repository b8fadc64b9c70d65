"""Sets and directory bundles: built, signed, verified; and members that reach too far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from pdp.activation import composing
from pdp.activation.assembling import directories, sets, signing
from pdp.activation.building import Declared, unverified
from pdp.activation.release import PROGRAM_FILE
from pdp.bundles.composing import VerifiedSet, verify_directory, verify_set
from pdp.bundles.documents.composition import composition_to_bytes
from pdp.bundles.documents.declaration import declared
from pdp.bundles.documents.truststore import store_from_bytes
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.engine import Engine
from pdp.lang.checker import check
from pdp.model import PolicyError
from tests.bundles import samples as s
from tests.bundles import set_samples as t
from tests.changed import replace
from tests.lang.test_bundle_folders import LINE, PAY, SHIP, encoded

WHAT: Final = sets.DeclaredSet(
    name=t.NAME,
    audience="production",
    revision=9,
    created=s.NOW,
    expires=s.NOW.replace(month=6),
    minimum_engine="0.1.0",
    tzdata="2026.1",
)

PEOPLE: Final = Declared(
    name=t.PEOPLE,
    audience="production",
    revision=3,
    created=s.NOW,
    expires=s.NOW.replace(month=6),
    minimum_engine="0.1.0",
    tzdata="2026.1",
)


def _files(files: Mapping[str, str | bytes], folder: str) -> dict[str, bytes]:
    """A member's own files, as its signers know them."""
    return {name.removeprefix(f"{folder}/"): data for name, data in encoded(files).items()}


def _member(name: str, files: Mapping[str, bytes], governs: str, owner: str) -> bytes:
    """A bundle that Ann and Ben sign. Its own program is of no use here."""
    contents = dict(sorted({**files, PROGRAM_FILE: b"its own"}.items()))
    changes = {"name": name, "governs": [governs], "owners": [owner]}
    return t.piece(contents, **changes).data


def _pay(**more: bytes) -> bytes:
    return _member("acme.pay", {**_files(PAY, "acme.pay"), **more}, "pay", "pay-team")


def _ship(files: Mapping[str, bytes] | None = None) -> bytes:
    own = _files(SHIP, "acme.ship") if files is None else files
    return _member("acme.ship", own, "ship", "ship-team")


def _verified(data: bytes) -> VerifiedSet:
    names = {t.NAME: ["pay", "ship"], "acme.pay": ["pay"], "acme.ship": ["ship"]}
    entries = [s.trust(name=name, governs=governs) for name, governs in names.items()]
    return verify_set(data, store_from_bytes(s.store_bytes(*entries)), t.demands())


def _signed(data: bytes) -> bytes:
    for name in ("ann", "ben"):
        data = signing.sign(data, s.KEYS[name], name)
    return data


def test_a_set_that_is_built_and_signed_decides() -> None:
    found = _verified(_signed(sets.build_set([_ship(), _pay()], WHAT)))
    release = composing.release_of_set(found, None)
    engine = Engine(release.files, compact=release.program)
    assert [info.name for info in engine.checked.bundles] == ["acme.pay", "acme.ship"]
    members = [(member.manifest, member.may_be_guard) for member in found.members]
    composing.check_members(members, engine.checked)
    assert Engine(release.files).compact() == release.program


def test_the_order_of_members_changes_no_byte() -> None:
    assert sets.build_set([_pay(), _ship()], WHAT) == sets.build_set([_ship(), _pay()], WHAT)


def test_members_that_do_not_go_together_are_no_set() -> None:
    with pytest.raises(PolicyError, match="error"):
        sets.build_set([_ship()], WHAT)


def _with_another_program() -> bytes:
    """A set whose manifest and program agree with each other, and not with the members."""
    alone = sets.unverified_set(sets.build_set([_pay()], WHAT))
    built = sets.unverified_set(sets.build_set([_ship(), _pay()], WHAT))
    program = alone.pieces[PROGRAM_FILE]
    head = replace(built.composition.head, files=(declared(PROGRAM_FILE, program),))
    payload = composition_to_bytes(replace(built.composition, head=head))
    envelope = replace(built.envelope, unverified_payload=payload)
    return sets.packed(envelope, {**built.pieces, PROGRAM_FILE: program})


def _with_another_member() -> bytes:
    """A set with payments of the same length that are not those that it names."""
    built = sets.unverified_set(sets.build_set([_ship(), _pay()], WHAT))
    other = _pay(**{"p.json": b"1"})
    composition = replace(
        built.composition,
        bundles=tuple(
            replace(member, length=len(other)) if member.name == "acme.pay" else member
            for member in built.composition.bundles
        ),
    )
    envelope = replace(built.envelope, unverified_payload=composition_to_bytes(composition))
    return sets.packed(envelope, {**built.pieces, "acme.pay": other})


# ---------------------------------------------------------------- reaching for others' actions

_STOWAWAY: Final = 'policy x "X" { owner "pay-team" contact "c" reason "r" rule all: RULE }\n'
_ALLOW_PAY: Final = _STOWAWAY.replace("RULE", "allow User to pay.now").encode()
_SAYS_MORE: Final = LINE.format("acme.ship", "ship-team", "pay") + "import acme.pay\n"
_SAYS_PAY: Final = LINE.format("acme.pay", "pay-team", "pay").encode() + _ALLOW_PAY


def _reaching(files: Mapping[str, bytes]) -> bytes:
    """A set of payments and a member, signed as it should be, whose rules are about payments."""
    return sets.build_set([_pay(), _ship(files)], WHAT)


def _reaching_at_activation(files: Mapping[str, bytes]) -> None:
    members = [unverified(data) for data in (_pay(), _ship(files))]
    checked, _ = check(sets.policies_of(members))
    assert checked is not None, "the language alone does not refuse it"
    composing.check_members([(member.manifest, True) for member in members], checked)


REFUSALS: Final[dict[str, tuple[Cause, Callable[[], object]]]] = {
    "sign_another_program": (
        Cause.PROGRAM_DIFFERS,
        lambda: signing.sign(_with_another_program(), s.KEYS["ann"], "ann"),
    ),
    "sign_another_member": (
        Cause.OTHER_MEMBER_DIGEST,
        lambda: signing.sign(_with_another_member(), s.KEYS["ann"], "ann"),
    ),
    "sign_twice": (
        Cause.MALFORMED,
        lambda: signing.sign(_signed(sets.build_set([_pay()], WHAT)), s.KEYS["ann"], "ann-again"),
    ),
    "member_without_a_line": (
        Cause.GOVERNS_MORE_THAN_SIGNED,
        lambda: _reaching({"x.charter": _ALLOW_PAY}),
    ),
    "member_without_a_line_at_activation": (
        Cause.GOVERNS_MORE_THAN_SIGNED,
        lambda: _reaching_at_activation({"x.charter": _ALLOW_PAY}),
    ),
    "member_that_says_more_than_its_manifest": (
        Cause.GOVERNS_MORE_THAN_SIGNED,
        lambda: _reaching({"x.charter": _SAYS_MORE.encode() + _ALLOW_PAY}),
    ),
    "directory_with_a_policy": (
        Cause.MALFORMED,
        lambda: directories.build_directory({"x.charter": b""}, PEOPLE),
    ),
}


def _outcome(name: str) -> Cause | None:
    try:
        REFUSALS[name][1]()
    except BundleRefused as refused:
        return refused.cause
    return None


@pytest.mark.parametrize("name", REFUSALS)
def test_it_is_refused(name: str) -> None:
    assert _outcome(name) is REFUSALS[name][0]


def test_a_member_that_calls_itself_as_another_makes_no_program() -> None:
    with pytest.raises(PolicyError):
        _reaching({"x.charter": _SAYS_PAY})


# ---------------------------------------------------------------- directories


def test_a_directory_that_is_built_and_signed_is_verified() -> None:
    built = directories.build_directory(t.PEOPLE_FILES, PEOPLE)
    assert directories.build_directory(t.PEOPLE_FILES, PEOPLE) == built
    signed = signing.sign(built, s.KEYS["dan"], "dan")
    found = verify_directory(signed, t.store(), t.demands(name=t.PEOPLE))
    assert (dict(found.files), found.signers) == (t.PEOPLE_FILES, ("dan",))


# ---------------------------------------------------------------- broken builds


def _nothing(*_: object, **__: object) -> None:
    return None


def _lines_of_members_will_do(members: Any, checked: Any) -> None:
    """Each line is a member's, so that a member without one is not missed."""
    assert {info.name for info in checked.bundles} <= {manifest.name for manifest, _ in members}


TWINS: Final[dict[str, tuple[Any, str, Any, str]]] = {
    "program_is_not_rebuilt": (signing, "check_set_program", _nothing, "sign_another_program"),
    "program_is_not_compared": (sets, "check_equal", _nothing, "sign_another_program"),
    "a_set_may_lack_lines": (
        composing,
        "check_members",
        _lines_of_members_will_do,
        "member_without_a_line_at_activation",
    ),
    "a_set_is_not_checked": (sets, "check_members", _nothing, "member_without_a_line"),
    "reach_is_not_compared": (
        composing,
        "check_governs",
        _nothing,
        "member_that_says_more_than_its_manifest",
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, attribute, broken, seen_by = TWINS[name]
    cause = REFUSALS[seen_by][0]
    assert _outcome(seen_by) is cause
    monkeypatch.setattr(owner, attribute, broken)
    assert _outcome(seen_by) is not cause
