"""Every attack on a signed bundle is refused for its own cause, and what is honest is accepted."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from pdp.bundles.documents.declaration import manifest_to_bytes
from pdp.bundles.envelope import sign
from pdp.bundles.flatfile import TOTAL_BYTES_MAX, read_limited, write
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.bundles.verification import Floor, verify
from tests.bundles import samples as s
from tests.bundles.attacks import ATTACKS, Attack, outcome
from tests.changed import replace

MUTATIONS = 20_000


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(name: str) -> None:
    attack = ATTACKS[name]()
    assert outcome(attack) is attack.cause


# Causes that no bundle file by itself leads to, and what attacks them instead.
ELSEWHERE: Final = {
    Cause.ROTATES_MORE_THAN_KEYS: "bundles/test_truststore.py",
    Cause.OTHER_MEMBER_DIGEST: "bundles/set_attacks.py",
    Cause.PART_MISSING: "activation/test_composing.py",
    Cause.NEEDS_NEWER_ENGINE: "activation/authored.py",
    Cause.OTHER_LANGUAGE: "activation/authored.py",
    Cause.OTHER_TZDATA: "activation/authored.py",
    Cause.GOVERNS_MORE_THAN_SIGNED: "activation/test_compatibility.py",
    Cause.GUARD_NOT_TRUSTED: "activation/authored.py",
    Cause.POLICIES_WITH_ERRORS: "activation/test_program.py",
    Cause.PROGRAM_DIFFERS: "activation/test_program.py",
    Cause.SELF_TEST_FAILED: "activation/test_selftest.py",
    Cause.SOURCE_FAILED: "activation/test_worker.py",
    Cause.NOT_LOADED: "service/activating/test_source_faults.py",
    Cause.STATE_CORRUPT: "activation/test_state.py",
}


def test_every_cause_has_its_attack() -> None:
    found = {attack.cause for attack in (make() for make in ATTACKS.values())}
    assert found - {None} == set(Cause) - set(ELSEWHERE)
    for cause, file in ELSEWHERE.items():
        text = (Path(__file__).parent.parent / file).read_text(encoding="utf-8")
        assert f"Cause.{cause.name}" in text, cause


def test_what_is_verified_is_what_was_signed() -> None:
    found = verify(s.bundle(), s.store(), s.demands(), s.statement())
    assert dict(found.files) == s.FILES
    assert found.digest == s.bundle_digest()
    assert found.signers == ("ann", "ben")
    assert (found.manifest.name, found.manifest.revision) == (s.NAME, 7)
    assert found.fresh_until is not None
    assert not found.may_be_guard


def test_the_steps_stand_in_their_order() -> None:
    """A bundle with every fault at once; they are mended one after another."""
    faults: list[tuple[Cause, dict[str, object]]] = [
        (Cause.WRONG_TYPE, {"type": "pdp.bundle.v2"}),
        (Cause.MALFORMED, {"revision": "7"}),
        (Cause.WRONG_NAME, {"name": "acme.orders"}),
        (Cause.WRONG_AUDIENCE, {"audience": "staging"}),
        (Cause.GOVERNS_MORE_THAN_TRUSTED, {"governs": ["everything"]}),
        (Cause.EXPIRED, {"expires": s.moment(0)}),
        (Cause.ROLLBACK, {}),
    ]
    demands = s.demands(floor=Floor(8, "0" * 64), require_freshness=True)
    body = b"".join(s.FILES.values())[:-1] + b"x"

    def attack(signers: Sequence[str], at: int) -> Attack:
        changes = {name: value for _, fault in faults[at:] for name, value in fault.items()}
        data = s.packed(s.signed(s.spelled(s.manifest(**changes)), signers), body)
        return Attack(None, data, demands=demands)

    assert outcome(attack(("ann",), 0)) is Cause.TOO_FEW_SIGNATURES
    for at, (cause, _) in enumerate(faults):
        assert outcome(attack(("ann", "ben"), at)) is cause
    last = replace(attack(("ann", "ben"), len(faults)), demands=s.demands(require_freshness=True))
    assert outcome(last) is Cause.FROZEN
    assert outcome(replace(last, freshness=s.statement())) is Cause.BAD_FILE_HASH


def test_whatever_is_signed_is_accepted_as_it_says_or_refused() -> None:
    """Mutated manifests that the right people signed: only BundleRefused may come."""
    store, demands = s.store(), s.demands()
    accepted = refused = 0
    for payload in _mutations(s.spelled(s.manifest()), seed=12, count=2_000):
        try:
            bundle = verify(s.packed(s.signed(payload)), store, demands)
        except BundleRefused:
            refused += 1
            continue
        # Its signers may give a file another name, but not one name to two files.
        assert [*bundle.files.values()] == [*s.FILES.values()]
        assert manifest_to_bytes(bundle.manifest) == payload
        accepted += 1
    assert min(accepted, refused) > 0


def test_without_keys_of_its_own_the_signers_say_what_is_fresh() -> None:
    store = s.store(freshness=None)
    assert verify(s.bundle(), store, s.demands(), s.statement(("ann", "cid"))).fresh_until
    with pytest.raises(BundleRefused) as refused:
        verify(s.bundle(), store, s.demands(), s.statement(("ann",)))
    assert refused.value.cause is Cause.TOO_FEW_SIGNATURES


def test_our_own_writer_makes_the_same_bytes() -> None:
    payload = s.spelled(s.manifest())
    envelope = sign(s.BUNDLE_TYPE, payload, {name: s.KEYS[name] for name in ("ben", "ann")})
    assert write(envelope, s.FILES, list(s.FILES)) == s.bundle()


def test_an_endless_stream_ends() -> None:
    class Endless:
        given = 0

        def read(self, size: int, /) -> bytes:
            self.given += size
            return bytes(size)

    stream = Endless()
    with pytest.raises(BundleRefused) as refused:
        read_limited(stream)
    assert refused.value.cause is Cause.TOO_LARGE
    assert stream.given == TOTAL_BYTES_MAX + 1


def test_a_stream_is_read_whole() -> None:
    assert read_limited(io.BytesIO(s.bundle())) == s.bundle()


def _mutations(data: bytes, seed: int, count: int) -> Iterator[bytes]:
    draw = random.Random(seed)
    for _ in range(count):
        at = draw.randrange(len(data))
        to = min(len(data), at + draw.choice((1, 1, 1, 4, 40)))
        piece = data[at:to]
        match draw.randrange(6):
            case 0:
                new = bytes([piece[0] ^ (1 << draw.randrange(8))]) + piece[1:]
            case 1:
                new = draw.randbytes(len(piece))
            case 2:
                new = b""
            case 3:
                new = piece + piece
            case 4:
                new = bytes(reversed(piece))
            case _:
                other = draw.randrange(len(data))
                new = data[other : other + len(piece)]
        yield data[:at] + new + data[to:]


def test_no_mutation_is_accepted_with_other_contents() -> None:
    # A third signature is more than is needed, so that some mutations must be accepted.
    data = s.packed(s.signed(s.spelled(s.manifest()), ("ann", "ben", "cid")))
    store, demands = s.store(), s.demands()
    found: Counter[str] = Counter()
    for mutated in _mutations(data, seed=11, count=MUTATIONS):
        try:
            bundle = verify(mutated, store, demands)
        except BundleRefused as refused:
            found[refused.cause] += 1
            continue
        assert dict(bundle.files) == s.FILES
        assert bundle.digest == s.bundle_digest()
        found["accepted" if mutated != data else "unchanged"] += 1
    assert found.total() == MUTATIONS
    assert {"accepted", "unchanged", Cause.MALFORMED, Cause.BAD_SIGNATURE} <= found.keys()
    assert {Cause.BAD_FILE_HASH, Cause.WRONG_LENGTH, Cause.WRONG_TYPE} <= found.keys()
