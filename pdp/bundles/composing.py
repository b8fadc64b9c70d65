"""The doors for sets and directory bundles: each is verified as a bundle is, and so is each member.

A set's members are pinned by their manifests' digests and still need their own signers: who puts
bundles together cannot speak for those who wrote them. Nothing is parsed before it is verified.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from pdp.bundles.documents.composition import (
    PAYLOAD_TYPE,
    PROGRAM_NAME,
    Composition,
    Member,
    composition_from_bytes,
)
from pdp.bundles.documents.declaration import digest_of
from pdp.bundles.documents.truststore import Trust, TrustStore
from pdp.bundles.envelope import opened
from pdp.bundles.flatfile import cut, split
from pdp.bundles.refusal import BundleRefused, Cause, refuse
from pdp.bundles.verification import (
    Demands,
    VerifiedBundle,
    check_floor,
    check_hashes,
    check_is_meant,
    check_is_valid,
    end_of_freshness,
    verify,
)

DIRECTORY_SUFFIX: Final = ".directory.json"


@dataclass(frozen=True, slots=True)
class VerifiedSet:
    """Made by ``verify_set`` alone. ``members`` are in the order of their names.

    ``digest`` names it, ``signers`` are the ids of who signed the set itself, ``fresh_until`` is
    when its freshness statement expires, or None without one.
    """

    composition: Composition
    members: tuple[VerifiedBundle, ...]
    program: bytes
    digest: str
    signers: tuple[str, ...]
    fresh_until: datetime.datetime | None


def verify_set(
    data: bytes, store: TrustStore, demands: Demands, freshness: bytes | None = None
) -> VerifiedSet:
    """The set in the bytes of a set file; ``freshness`` is a statement about it, in its envelope.

    Raises BundleRefused, whose ``cause`` says why, and never anything else for whatever bytes. What
    a member lacks is said with the member's name.
    """
    trust = store.trust_of(demands.name)
    head, body = split(data)
    verified = opened(head, PAYLOAD_TYPE, trust.signers)
    composition = composition_from_bytes(verified.payload)
    digest = digest_of(verified.payload)
    check_is_meant(composition.head, trust)
    check_is_valid(composition.head, demands.now)
    check_floor(composition.head, digest, demands.floor)
    fresh_until = end_of_freshness(freshness, trust, demands, composition.head, digest)
    [program] = composition.head.files
    lengths = [(member.name, member.length) for member in composition.bundles]
    pieces = cut(body, [*lengths, (PROGRAM_NAME, program.length)])
    check_hashes(composition.head, pieces)
    members = tuple(
        verify_member(pieces[member.name], member, trust, store, demands)
        for member in composition.bundles
    )
    return VerifiedSet(
        composition,
        members,
        pieces[PROGRAM_NAME],
        digest,
        verified.signers,
        fresh_until,
    )


def verify_member(
    data: bytes, member: Member, of_set: Trust, store: TrustStore, demands: Demands
) -> VerifiedBundle:
    """A member's bundle, trusted by itself, pinned by the set and within the set's reach.

    Neither a floor nor a statement of its own is asked for: the set's speak of all that it pins.
    It may be a guard only if both may.
    """
    own = Demands(member.name, demands.now, floor=None, require_freshness=False)
    try:
        found = verify(data, store, own)
    except BundleRefused as error:
        # The causes are those of the set's own envelope: say whose they are.
        refuse(error.cause, f"the member `{member.name}`: {error}")
    check_is_pinned(found, member)
    check_reach(found, of_set)
    return replace(found, may_be_guard=found.may_be_guard and of_set.may_be_guard)


def check_is_pinned(found: VerifiedBundle, member: Member) -> None:
    """Raise BundleRefused unless the member is the very bundle that the set names."""
    if (found.manifest.revision, found.digest) != (member.revision, member.digest):
        refuse(
            Cause.OTHER_MEMBER_DIGEST,
            f"the set names another `{member.name}` than the one in it,"
            f" which is revision {found.manifest.revision}",
        )


def check_reach(found: VerifiedBundle, of_set: Trust) -> None:
    """Raise BundleRefused unless the set may bring in a member that reaches so far."""
    for prefix in found.manifest.governs:
        if not of_set.covers(prefix):
            refuse(
                Cause.GOVERNS_MORE_THAN_TRUSTED,
                f"the set `{of_set.name}` is not trusted to govern `{prefix}`,"
                f" as its member `{found.manifest.name}` does",
            )


def verify_directory(
    data: bytes,
    store: TrustStore,
    demands: Demands,
    freshness: bytes | None = None,
    *,
    pinned_by: VerifiedSet | None = None,
) -> VerifiedBundle:
    """The directory bundle in the bytes of a bundle file: people, agents and groups, no policy.

    Its signers are those that the set pins, or without a set those in the store. Raises
    BundleRefused, whose ``cause`` says why, and never anything else for whatever bytes.
    """
    found = verify(data, store if pinned_by is None else _pinned(pinned_by), demands, freshness)
    check_is_directory(found)
    return found


def check_is_directory(found: VerifiedBundle) -> None:
    """Raise BundleRefused (malformed) unless the bundle holds directory files and nothing else."""
    for name in found.files:
        if not name.endswith(DIRECTORY_SUFFIX):
            refuse(Cause.MALFORMED, f"`{name}` is no directory file, in a directory bundle")
    if found.manifest.governs:
        refuse(Cause.MALFORMED, "a directory bundle governs nothing")


def _pinned(found: VerifiedSet) -> TrustStore:
    """Whom the set trusts to say who there is, and nobody else."""
    directory = found.composition.directory
    if directory is None:
        refuse(Cause.UNKNOWN_BUNDLE, f"the set `{found.composition.head.name}` pins no directory")
    return TrustStore(1, MappingProxyType({directory.name: directory}))
