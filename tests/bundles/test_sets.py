"""Attacks on sets and directory bundles, each refused for its own cause; what is honest is not."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from pdp.bundles.composing import verify_directory, verify_set
from pdp.bundles.documents.composition import composition_from_bytes, composition_to_bytes
from pdp.bundles.refusal import BundleRefused, Cause
from tests.bundles import samples as s
from tests.bundles import set_samples as t
from tests.bundles.set_attacks import SET_ATTACKS, outcome
from tests.changed import replace

MUTATIONS = 5_000


@pytest.mark.parametrize("name", SET_ATTACKS)
def test_attack(name: str) -> None:
    attack = SET_ATTACKS[name]()
    assert outcome(attack) is attack.cause


def test_what_is_verified_is_what_was_signed() -> None:
    found = verify_set(t.set_file(), t.store(), t.demands(), t.statement())
    assert [member.manifest.name for member in found.members] == ["acme.orders", "acme.payments"]
    assert [member.signers for member in found.members] == [("dan",), ("ann", "ben")]
    assert dict(found.members[1].files) == s.FILES
    assert found.program == t.PROGRAM
    assert found.digest == t.digest_of()
    assert found.signers == ("cid", "eve")
    assert found.fresh_until is not None


def test_a_member_is_a_guard_only_if_the_set_may_bring_one() -> None:
    for is_allowed in (False, True):
        found = verify_set(t.set_file(), t.store(may_be_guard=is_allowed), t.demands())
        # Payments may not, whatever is said of the set.
        assert [member.may_be_guard for member in found.members] == [is_allowed, False]


def test_what_a_member_lacks_is_said_with_its_name() -> None:
    data = t.set_file((t.orders(), t.payments(signers=("ann",))))
    with pytest.raises(BundleRefused, match=r"the member `acme\.payments`: 1 of 2 needed") as found:
        verify_set(data, t.store(), t.demands())
    assert found.value.cause is Cause.TOO_FEW_SIGNATURES


def test_our_own_writer_makes_the_same_bytes() -> None:
    for directory in (t.composition()["directory"], None):
        payload = s.spelled(t.composition(directory=directory))
        assert composition_to_bytes(composition_from_bytes(payload)) == payload


def test_the_writer_refuses_what_the_reader_would() -> None:
    found = composition_from_bytes(s.spelled(t.composition()))
    with pytest.raises(BundleRefused) as refused:
        composition_to_bytes(replace(found, bundles=found.bundles[::-1]))
    assert refused.value.cause is Cause.MALFORMED


def test_the_directory_is_as_fresh_as_its_own_statement() -> None:
    digest = t.piece(
        t.PEOPLE_FILES, ("robot",), name=t.PEOPLE, revision=40, governs=[], owners=[]
    ).digest
    statement = s.statement(name=t.PEOPLE, revision=40, manifest_digest=digest)
    asked = t.demands(name=t.PEOPLE, require_freshness=True)
    found = verify_directory(t.people(), t.store(), asked, statement, pinned_by=t.verified())
    assert found.fresh_until is not None
    assert dict(found.files) == t.PEOPLE_FILES


def test_no_mutation_is_accepted_with_other_contents() -> None:
    data, store, demands = t.set_file(), t.store(), t.demands()
    draw = random.Random(17)
    honest = verify_set(data, store, demands)
    found: Counter[str] = Counter()
    for _ in range(MUTATIONS):
        at = draw.randrange(len(data))
        mutated = data[:at] + bytes([data[at] ^ (1 << draw.randrange(8))]) + data[at + 1 :]
        try:
            outcome_ = verify_set(mutated, store, demands)
        except BundleRefused as refused:
            found[refused.cause] += 1
            continue
        # A bit of a signature's key id may be anything; what is signed may not.
        assert (outcome_.composition, outcome_.program) == (honest.composition, honest.program)
        found["accepted"] += 1
    assert found.total() == MUTATIONS
    assert {Cause.BAD_SIGNATURE, Cause.MALFORMED, Cause.BAD_FILE_HASH} <= found.keys()
