"""Bundle files: what the manifest says of the sources, the same bytes every time, and who signs."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import replace

import pytest

from pdp.activation.building import (
    Declared,
    build,
    check_follows,
    misnamed,
    sign,
    unverified,
    with_signature,
)
from pdp.activation.program import program_of
from pdp.activation.release import PROGRAM_FILE
from pdp.bundles.documents.truststore import Signers
from pdp.bundles.envelope import SIGNATURES_MAX, Signature, opened
from pdp.bundles.flatfile import split
from pdp.bundles.keys import generate
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.model import PolicyError
from tests.activation.authored import (
    BUNDLE,
    FILES,
    HOUR,
    TICKETS,
    WHAT,
    built,
    changed,
    signed,
    with_text,
)
from tests.bundles import samples


def cause_of(refused: pytest.ExceptionInfo[BundleRefused]) -> Cause:
    return refused.value.cause


# ---------------------------------------------------------------- what is built


def test_the_manifest_says_what_the_sources_say() -> None:
    manifest = unverified(built()).manifest
    assert (manifest.name, manifest.audience, manifest.revision) == (
        "acme.payments",
        "production",
        7,
    )
    assert (manifest.governs, manifest.owners) == (("payment",), ("payments-team",))
    assert (manifest.created, manifest.expires) == (samples.NOW - HOUR, samples.NOW + HOUR)
    assert (manifest.language, manifest.minimum_engine, manifest.tzdata) == (
        "charter 1",
        "0.1.0",
        "2026.1",
    )
    assert manifest.previous is None


def test_every_file_is_in_it_and_the_program() -> None:
    bundle = unverified(built())
    assert bundle.files == {**FILES, PROGRAM_FILE: program_of(FILES)}
    assert [(file.name, file.sha256) for file in bundle.manifest.files] == [
        (name, hashlib.sha256(bundle.files[name]).hexdigest()) for name in sorted(bundle.files)
    ]


def test_it_is_named_by_the_bytes_that_are_signed() -> None:
    bundle = unverified(built())
    payload = bundle.envelope.unverified_payload
    assert bundle.digest == hashlib.sha256(payload).hexdigest()
    assert bundle.envelope.signatures == ()


def test_without_signatures_nobody_opens_it() -> None:
    head, _ = split(built())
    for threshold in (0, 1):
        quorum = Signers({"ann": samples.public("ann")}, threshold)
        with pytest.raises(BundleRefused) as refused:
            opened(head, samples.BUNDLE_TYPE, quorum)
        assert cause_of(refused) is Cause.TOO_FEW_SIGNATURES


def test_the_order_of_files_is_no_part_of_it() -> None:
    assert build(dict(sorted(FILES.items(), reverse=True)), WHAT) == built()


def test_a_program_that_lies_around_is_not_taken() -> None:
    assert build({**FILES, PROGRAM_FILE: b"mine"}, WHAT) == built()


def test_parts_of_seconds_are_left_out() -> None:
    later = replace(WHAT, created=WHAT.created + datetime.timedelta(milliseconds=999))
    assert build(FILES, later) == built()


def test_what_is_declared_counts() -> None:
    more = Declared(
        audience="test",
        revision=8,
        created=WHAT.created,
        expires=WHAT.expires,
        minimum_engine="0.0.9",
        tzdata="2025.1",
        previous="ab" * 32,
    )
    manifest = unverified(build(FILES, more)).manifest
    assert (manifest.audience, manifest.revision, manifest.previous) == ("test", 8, "ab" * 32)
    assert (manifest.minimum_engine, manifest.tzdata) == ("0.0.9", "2025.1")


def test_several_bundle_lines_need_a_name() -> None:
    other = BUNDLE.partition("entity")[0].replace("acme.payments", "acme.tickets")
    other = other.replace("governs payment", "governs ticket").replace("payments-team", "desk")
    action = "action ticket.read reversible risk low {}\n"
    files = {f"p/{name}": data for name, data in FILES.items()}
    for name, data in FILES.items():
        if name.endswith(".charter") and name != "bundle.charter":
            files["p/bundle.charter"] += data
            del files[f"p/{name}"]
    files["countries.json"] = FILES["countries.json"]
    files["t/bundle.charter"] = (other + action).encode()
    with pytest.raises(BundleRefused, match="several `bundle` lines") as refused:
        build(files, WHAT, 0)
    assert cause_of(refused) is Cause.WRONG_NAME
    manifest = unverified(build(files, replace(WHAT, name="acme.all"), 0)).manifest
    assert (manifest.name, manifest.governs) == ("acme.all", ("payment", "ticket"))
    assert manifest.owners == ("desk", "payments-team")


def test_one_bundle_line_has_its_own_name() -> None:
    with pytest.raises(BundleRefused, match=r"the `bundle` line says `acme\.payments`"):
        build(FILES, replace(WHAT, name="acme.other"))


def test_mistakes_are_all_told() -> None:
    with pytest.raises(PolicyError) as error:
        build({**FILES, "x.charter": b"rule", "y.charter": b"rule"}, WHAT)
    assert len(error.value.diagnostics) >= 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expires": WHAT.created}, "expires before it is created"),
        ({"revision": 0}, "at least 1"),
        ({"audience": ""}, "not empty"),
        ({"previous": "AB"}, "64 lower-case hex digits"),
        ({"minimum_engine": "1"}, "a version such as 1.0.0"),
    ],
)
def test_what_cannot_be_declared(changes: dict[str, object], words: str) -> None:
    with pytest.raises(BundleRefused, match=words):
        build(FILES, replace(WHAT, **changes))  # type: ignore[arg-type]


def test_the_floor_says_what_is_missing() -> None:
    files = with_text("tests/refunds.charter", "by refunds.large", "")
    files["tests/refunds.charter"] = files["tests/refunds.charter"].replace(b"501", b"101")
    files["tests/refunds.charter"] = files["tests/refunds.charter"].replace(b"cause rule", b"")
    with pytest.raises(BundleRefused) as refused:
        build(files, WHAT)
    assert str(refused.value) == (
        "expected tests for 100 % of the rules, and found 75.0 %: none shows `refunds.large` held;"
        " `pdp test --coverage` lists what is missing"
    )


# ---------------------------------------------------------------- together with others


def test_what_imports_others_is_built_beside_them() -> None:
    with pytest.raises(PolicyError):
        build(TICKETS, WHAT)
    bundle = unverified(build(TICKETS, WHAT, 100, [unverified(built())]))
    assert bundle.files == TICKETS
    manifest = bundle.manifest
    assert (manifest.name, manifest.governs, manifest.owners) == (
        "acme.tickets",
        ("ticket",),
        ("desk@acme.example",),
    )


def test_only_its_own_tests_and_rules_count() -> None:
    untested = {"bundle.charter": TICKETS["bundle.charter"].partition(b"test ")[0]}
    with pytest.raises(BundleRefused, match="there are no tests"):
        build(untested, WHAT, 0, [unverified(built())])
    half = {"bundle.charter": TICKETS["bundle.charter"].rpartition(b"test ")[0]}
    with pytest.raises(BundleRefused, match=r"found 50\.0 %: none shows `tickets.close` not held"):
        build(half, WHAT, 100, [unverified(built())])


def test_a_part_is_signed_without_a_program() -> None:
    part = build(TICKETS, WHAT, 100, [unverified(built())])
    assert len(unverified(signed(part)).envelope.signatures) == 2
    for less in (changed(part, governs=("other",)), changed(part, owners=("other",))):
        with pytest.raises(BundleRefused) as refused:
            signed(less)
        assert cause_of(refused) is Cause.GOVERNS_MORE_THAN_SIGNED
    with pytest.raises(BundleRefused) as refused:
        signed(changed(part, {**TICKETS, PROGRAM_FILE: program_of(FILES)}))
    assert cause_of(refused) is Cause.POLICIES_WITH_ERRORS


def test_a_guard_is_a_part_also_without_imports() -> None:
    text = b"""
bundle acme.guard guard { version "1" language 1 owner "o" contact "c" governs safety }
policy freeze "Freeze" {
    owner "o"
    contact "c"
    reason "Nothing moves."
    rule all: deny anyone to payment.refund because "Nothing moves."
}
"""
    part = changed(
        built(), {"guard.charter": text}, name="acme.guard", governs=("safety",), owners=("o",)
    )
    assert len(unverified(signed(part)).envelope.signatures) == 2


def test_people_can_come_from_elsewhere() -> None:
    """Who is in the directory bundle beside it answers in tests, and is not packed."""
    nobody = {name: data for name, data in FILES.items() if not name.endswith(".directory.json")}
    tests = FILES["tests/refunds.charter"].decode().replace('fixture ann = User::"ann" {}', "")
    nobody["tests/refunds.charter"] = (tests + 'fixture ann = User::"ann"\n').encode()
    with pytest.raises(BundleRefused, match="the test `a small refund`"):
        build(nobody, WHAT)
    people = {"staff.directory.json": FILES["people.directory.json"]}
    directory = changed(built(), people, name="acme.people", governs=(), owners=())
    found = unverified(build(nobody, WHAT, 100, [unverified(directory)]))
    assert found.files == {**nobody, PROGRAM_FILE: program_of(nobody)}


# ---------------------------------------------------------------- what follows what


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"revision": 8}, None),
        ({"revision": 70}, None),
        ({"revision": 7}, Cause.ROLLBACK),
        ({"revision": 6}, Cause.ROLLBACK),
        ({"revision": 8, "name": "acme.other"}, Cause.WRONG_NAME),
        ({"revision": 8, "audience": "test"}, Cause.WRONG_AUDIENCE),
    ],
)
def test_what_follows(changes: dict[str, object], cause: Cause | None) -> None:
    before = unverified(built()).manifest
    after = replace(before, **changes)  # type: ignore[arg-type]
    found = None
    try:
        check_follows(after, before)
    except BundleRefused as refused:
        found = refused.cause
    assert found is cause


# ---------------------------------------------------------------- signing


def test_signing_changes_signatures_alone() -> None:
    before, after = unverified(built()), unverified(signed(built()))
    assert (after.manifest, after.files, after.digest) == (
        before.manifest,
        before.files,
        before.digest,
    )
    assert [one.key_id for one in after.envelope.signatures] == ["ann", "ben"]


def test_whoever_signs_first_makes_no_difference() -> None:
    assert signed(built(), "ann", "ben", "cid") == signed(built(), "cid", "ben", "ann")


def test_a_file_that_was_changed_is_not_signed() -> None:
    data = built()
    with pytest.raises(BundleRefused) as refused:
        sign(data[:-1] + bytes([data[-1] ^ 1]), samples.KEYS["ann"], "ann")
    assert cause_of(refused) is Cause.BAD_FILE_HASH


def test_a_statement_is_no_bundle() -> None:
    head, body = split(built())
    other = head.replace(samples.BUNDLE_TYPE.encode(), samples.STORE_TYPE.encode())
    with pytest.raises(BundleRefused) as refused:
        sign(samples.packed(other, body), samples.KEYS["ann"], "ann")
    assert cause_of(refused) is Cause.WRONG_TYPE


def test_so_many_and_no_more() -> None:
    envelope = unverified(built()).envelope
    full = tuple(Signature(f"{number:02}", bytes(64)) for number in range(SIGNATURES_MAX))
    almost = replace(envelope, signatures=full[1:])
    assert len(with_signature(almost, samples.KEYS["ann"], "ann").signatures) == SIGNATURES_MAX
    with pytest.raises(BundleRefused) as refused:
        with_signature(replace(envelope, signatures=full), samples.KEYS["ann"], "ann")
    assert cause_of(refused) is Cause.TOO_LARGE


def test_a_guard_may_be_signed() -> None:
    """Who may be a guard is for the trust store to say, not for those who sign."""
    text = 'bundle acme.guard guard { version "1" language 1 owner "o" contact "c" governs safety }'
    files = {"guard.charter": text.encode()}
    data = changed(
        built(),
        {**files, PROGRAM_FILE: program_of(files)},
        name="acme.guard",
        governs=("safety",),
        owners=("o",),
    )
    assert len(unverified(signed(data)).envelope.signatures) == 2


def test_a_key_under_another_name_is_found() -> None:
    envelope = unverified(sign(signed(built(), "ann"), samples.KEYS["ben"], "benjamin")).envelope
    keys = {name: samples.public(name) for name in ("ann", "ben", "cid")}
    assert misnamed(envelope, Signers(keys)) == [("benjamin", "ben")]
    stranger = with_signature(envelope, generate(), "stranger")
    assert misnamed(stranger, Signers(keys)) == [("benjamin", "ben")]
