"""Signed data with bytes changed at random, always the same for a seed; nothing of it may be taken.

``wrong_of`` says what must not be; ``test_mutated`` tries thousands, ``tools/mutate_bundles.py``
any number.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from pdp.bundles import envelope, flatfile
from pdp.bundles.composing import verify_set
from pdp.bundles.documents.truststore import rotated
from pdp.bundles.refusal import BundleRefused
from pdp.bundles.verification import verify
from tests.bundles import samples as s
from tests.bundles import set_samples as t

# What counts beside causes: the very bytes that were signed, and other bytes that say the same.
SAME: Final = "the same bytes"
RESPELLED: Final = "the same content, spelled otherwise"
ACCEPTED: Final = "other content was accepted"
CRASHED: Final = "another exception than a refusal"
_RANGE_MAX: Final = 64

Mutation: TypeAlias = Callable[[bytes, "Kind", random.Random], bytes]


class Taken(NamedTuple):
    """What comes of signed data that is accepted, and the ids of who signed it, where told."""

    content: object
    signers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of signed data: ``originals`` were signed, ``taken`` is all that taking it gives.

    ``taken`` raises BundleRefused; ``envelope_start`` is where the envelope begins.
    """

    originals: tuple[bytes, ...]
    taken: Callable[[bytes], Taken]
    envelope_start: int


# Read once: looking at the keys of a store takes longer than all the rest.
_STORE: Final = s.store()
_STORE_OF_SETS: Final = t.store()
_BUNDLE: Final = s.bundle()


def _bundle(data: bytes) -> Taken:
    found = verify(data, _STORE, s.demands())
    return Taken((found.manifest, tuple(found.files.items()), found.digest), found.signers)


def _set(data: bytes) -> Taken:
    found = verify_set(data, _STORE_OF_SETS, t.demands())
    members = tuple(
        (member.manifest, tuple(member.files.items()), member.digest, member.signers)
        for member in found.members
    )
    whole = found.composition.head, members, found.program, found.digest
    return Taken(whole, found.signers)


def _statement(data: bytes) -> Taken:
    found = verify(_BUNDLE, _STORE, s.demands(require_freshness=True), data)
    return Taken((found.digest, found.fresh_until))


def _rotation(data: bytes) -> Taken:
    found = rotated(_STORE, data)
    return Taken((found.version, repr(found.bundles[s.NAME])))


def _rotations() -> tuple[bytes, ...]:
    """Dan and Eve come for Ann and Ben, or Dan alone for Ben; two of both signed."""
    news = (
        s.trust(signers=s.signers_of(("cid", "dan", "eve"), 2)),
        s.trust(signers=s.signers_of(("ann", "cid", "dan"), 2)),
    )
    signers = (("ben", "cid", "dan"), ("ann", "cid"))
    return tuple(
        s.signed(s.store_bytes(new, version=2), who, s.STORE_TYPE)
        for new, who in zip(news, signers, strict=True)
    )


KINDS: Final[Mapping[str, Kind]] = {
    "bundle": Kind((s.bundle(), s.bundle(revision=8)), _bundle, flatfile.HEAD_BYTES),
    "set": Kind((t.set_file(), t.set_file(revision=10)), _set, flatfile.HEAD_BYTES),
    "freshness": Kind((s.statement(), s.statement(expires=s.moment(1800))), _statement, 0),
    "rotation": Kind(_rotations(), _rotation, 0),
}


# ---------------------------------------------------------------- what is changed


def _range(data: bytes, kind: Kind, rng: random.Random) -> tuple[int, int]:
    """A short stretch: of head, envelope, body or the last bytes, each as often as the others."""
    end, size = _envelope_end(data, kind), len(data)
    last = max(0, size - _RANGE_MAX // 2)
    parts = [(0, kind.envelope_start), (kind.envelope_start, end), (end, size), (last, size)]
    start, stop = rng.choice([part for part in parts if part[0] < part[1]])
    at = rng.randrange(start, stop)
    return at, min(len(data), at + rng.randint(1, _RANGE_MAX))


def _envelope_end(data: bytes, kind: Kind) -> int:
    if not kind.envelope_start:
        return len(data)
    return min(len(data), kind.envelope_start + int.from_bytes(data[12:16], "big"))


def one_byte(data: bytes, kind: Kind, rng: random.Random) -> bytes:
    at, _ = _range(data, kind, rng)
    return data[:at] + bytes([data[at] ^ rng.randint(1, 255)]) + data[at + 1 :]


def one_bit(data: bytes, kind: Kind, rng: random.Random) -> bytes:
    at, _ = _range(data, kind, rng)
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def several_bytes(data: bytes, kind: Kind, rng: random.Random) -> bytes:
    for _ in range(rng.randint(2, 8)):
        data = one_byte(data, kind, rng)
    return data


def cut_short(data: bytes, kind: Kind, rng: random.Random) -> bytes:
    return data[: _range(data, kind, rng)[0]]


def cut_out(data: bytes, kind: Kind, rng: random.Random) -> bytes:
    start, stop = _range(data, kind, rng)
    return data[:start] + data[stop:]


def doubled(data: bytes, kind: Kind, rng: random.Random) -> bytes:
    start, stop = _range(data, kind, rng)
    return data[:stop] + data[start:]


def put_in(data: bytes, kind: Kind, rng: random.Random) -> bytes:
    at, _ = _range(data, kind, rng)
    return data[:at] + rng.randbytes(rng.randint(1, 4)) + data[at:]


def moved(data: bytes, kind: Kind, rng: random.Random) -> bytes:
    """A stretch from elsewhere in it, over another of the same length."""
    start, stop = _range(data, kind, rng)
    at = rng.randrange(len(data) - (stop - start) + 1)
    return data[:at] + data[start:stop] + data[at + stop - start :]


def spliced(data: bytes, kind: Kind, rng: random.Random) -> bytes:
    """The start of one and the end of another that was signed as well."""
    other = rng.choice(kind.originals)
    at, _ = _range(data, kind, rng)
    return data[:at] + other[at + rng.choice((0, 0, 0, -1, 1)) :]


def inside(data: bytes, kind: Kind, rng: random.Random) -> bytes:
    """A byte of what was signed, in base64 as it should be, under the same signatures."""
    end = _envelope_end(data, kind)
    tree = json.loads(data[kind.envelope_start : end])
    payload = bytearray(base64.b64decode(tree["payload"]))
    at = rng.randrange(len(payload))
    # Digits and letters more often than not, so that it is still a document.
    payload[at] = rng.choice(b"0123456789abcdef") if rng.random() < 0.8 else rng.randrange(256)
    return _with_envelope(data, kind, {**tree, "payload": base64.b64encode(payload).decode()})


def other_signatures(data: bytes, kind: Kind, rng: random.Random) -> bytes:
    """Signatures of another one, in another order, twice, under other ids, or fewer of them."""
    trees = [
        json.loads(one[kind.envelope_start : _envelope_end(one, kind)]) for one in kind.originals
    ]
    whole = [signature for tree in trees for signature in tree["signatures"]]
    chosen = [dict(rng.choice(whole)) for _ in range(rng.randint(0, 4))]
    for signature in chosen:
        if rng.random() < 0.3:
            signature["keyid"] = rng.choice(list(s.KEYS))
    tree = json.loads(data[kind.envelope_start : _envelope_end(data, kind)])
    return _with_envelope(data, kind, {**tree, "signatures": chosen})


def _with_envelope(data: bytes, kind: Kind, tree: object) -> bytes:
    spelled = json.dumps(tree, separators=(",", ":")).encode()
    if not kind.envelope_start:
        return spelled
    return data[:12] + len(spelled).to_bytes(4, "big") + spelled + data[_envelope_end(data, kind) :]


MUTATIONS: Final[tuple[Mutation, ...]] = (
    one_byte,
    one_bit,
    several_bytes,
    cut_short,
    cut_out,
    doubled,
    put_in,
    moved,
    spliced,
    inside,
    other_signatures,
)


# ---------------------------------------------------------------- what comes of it


@dataclass(frozen=True, slots=True)
class Wrong:
    """What must not be; ``seed`` makes the same bytes again, which ``sha256`` names."""

    what: str
    kind: str
    mutation: str
    seed: int
    sha256: str
    detail: str


def made(seed: int) -> tuple[str, Mutation, bytes]:
    """The changed bytes of a seed: the kind of signed data, how it was changed, and the result."""
    rng = random.Random(seed)
    name = rng.choice(list(KINDS))
    mutation = rng.choice(MUTATIONS)
    data = mutation(rng.choice(KINDS[name].originals), KINDS[name], rng)
    return name, mutation, data


def outcome_of(kind: Kind, data: bytes) -> tuple[str, str]:
    """A cause, SAME or RESPELLED, which may be; or ACCEPTED or CRASHED with a detail."""
    try:
        taken = kind.taken(data)
    except BundleRefused as refused:
        return str(refused.cause), ""
    except BaseException as error:  # noqa: BLE001 - whatever else there is, is what is looked for
        return CRASHED, repr(error)
    if data in kind.originals:
        return SAME, ""
    if _is_respelled(kind, data, taken):
        return RESPELLED, ""
    return ACCEPTED, repr(taken)[:500]


def _is_respelled(kind: Kind, data: bytes, taken: Taken) -> bool:
    """Whether it is an original in all that was signed, and by nobody else.

    An envelope is JSON that nobody signs: spaces in it, the order of signatures, those that do not
    hold beside enough that do, and either alphabet of base64 (DSSE asks for both) are no content.
    """
    for original in kind.originals:
        if _signed_of(kind, data) == _signed_of(kind, original):
            of_original = kind.taken(original)
            is_by_them = set(taken.signers) <= set(of_original.signers)
            return is_by_them and taken.content == of_original.content
    return False


def _signed_of(kind: Kind, data: bytes) -> tuple[bytes, bytes]:
    """The payload and the body, which its hashes cover."""
    end = _envelope_end(data, kind)
    found = envelope.decode(data[kind.envelope_start : end])
    return found.unverified_payload, data[end:]


def tried(seeds: Iterable[int]) -> tuple[Counter[str], list[Wrong]]:
    """How often each outcome came, by kind of data and name; and what must not be."""
    counts: Counter[str] = Counter()
    wrong: list[Wrong] = []
    for seed in seeds:
        name, mutation, data = made(seed)
        what, detail = outcome_of(KINDS[name], data)
        counts[f"{name}: {what}"] += 1
        if what in (ACCEPTED, CRASHED):
            digest = hashlib.sha256(data).hexdigest()
            wrong.append(Wrong(what, name, mutation.__name__, seed, digest, detail))
    return counts, wrong
