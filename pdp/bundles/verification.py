"""The one door for a signed bundle: bytes, trust and time in; a verified bundle or a refusal out.

Nothing is parsed before it is verified, and what was verified is what is parsed. The steps stand in
``verify`` in their order; none may be left out or moved before the signatures.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pdp.bundles.documents.declaration import PAYLOAD_TYPE, Manifest, digest_of, manifest_from_bytes
from pdp.bundles.documents.freshness import PAYLOAD_TYPE as STATEMENT_PAYLOAD_TYPE
from pdp.bundles.documents.freshness import (
    Statement,
    check_is_current,
    check_speaks_of,
    statement_from_bytes,
)
from pdp.bundles.documents.truststore import Trust, TrustStore
from pdp.bundles.envelope import opened
from pdp.bundles.flatfile import cut, split
from pdp.bundles.refusal import BundleRefused, Cause, refuse

# How far the clock of whoever made the bundle may be ahead of ours.
CLOCK_SKEW_MAX: Final = datetime.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Floor:
    """The highest revision that was ever activated, and its manifest's digest.

    Without a digest it is only demanded: whatever has that revision may be the first.
    """

    revision: int
    digest: str | None


@dataclass(frozen=True, slots=True)
class Demands:
    """What the caller knows: the bundle it wants, the time (aware), and what was active before."""

    name: str
    now: datetime.datetime
    floor: Floor | None
    require_freshness: bool


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """Made by ``verify`` alone. ``digest`` names it, ``signers`` are the ids of who signed.

    ``fresh_until`` is when its freshness statement expires, or None without one. Whether the engine
    is new enough, and what the policies really govern, is for whoever loads the files to check:
    a guard bundle only if ``may_be_guard``.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    digest: str
    signers: tuple[str, ...]
    fresh_until: datetime.datetime | None
    may_be_guard: bool


def verify(
    data: bytes, store: TrustStore, demands: Demands, freshness: bytes | None = None
) -> VerifiedBundle:
    """The bundle in the bytes of a bundle file; ``freshness`` is a statement in its envelope.

    Raises BundleRefused, whose ``cause`` says why, and never anything else for whatever bytes. A
    statement that is given must hold, whether it is required or not.
    """
    assert demands.now.tzinfo is not None, "a time without its zone cannot be compared"
    trust = store.trust_of(demands.name)
    head, body = split(data)
    verified = opened(head, PAYLOAD_TYPE, trust.signers)
    manifest = manifest_from_bytes(verified.payload)
    digest = digest_of(verified.payload)
    check_is_meant(manifest, trust)
    check_is_valid(manifest, demands.now)
    check_floor(manifest, digest, demands.floor)
    fresh_until = end_of_freshness(freshness, trust, demands, manifest, digest)
    files = cut(body, [(file.name, file.length) for file in manifest.files])
    check_hashes(manifest, files)
    frozen = MappingProxyType(files)
    return VerifiedBundle(
        manifest, frozen, digest, verified.signers, fresh_until, trust.may_be_guard
    )


def check_is_meant(manifest: Manifest, trust: Trust) -> None:
    """Raise BundleRefused unless it is this bundle, for this deployment, within its reach."""
    if manifest.name != trust.name:
        refuse(Cause.WRONG_NAME, f"this is the bundle `{manifest.name}`, not `{trust.name}`")
    if manifest.audience != trust.audience:
        refuse(Cause.WRONG_AUDIENCE, f"made for `{manifest.audience}`, not `{trust.audience}`")
    for prefix in manifest.governs:
        if not trust.covers(prefix):
            refuse(
                Cause.GOVERNS_MORE_THAN_TRUSTED,
                f"`{trust.name}` is not trusted to govern `{prefix}`",
            )


def check_is_valid(manifest: Manifest, now: datetime.datetime) -> None:
    """Raise BundleRefused unless ``now`` lies between the manifest's times."""
    if manifest.created - now > CLOCK_SKEW_MAX:
        refuse(Cause.NOT_YET_VALID, "the bundle was made in the future, or this clock is behind")
    if now >= manifest.expires:
        refuse(Cause.EXPIRED, "the bundle has expired; publish a newer revision")


def check_floor(manifest: Manifest, digest: str, floor: Floor | None) -> None:
    """Raise BundleRefused for an older revision, or for another bundle of the same revision."""
    if floor is None:
        return
    if manifest.revision < floor.revision:
        refuse(
            Cause.ROLLBACK,
            f"revision {manifest.revision} is older than {floor.revision}, which was active before"
            " or is the least that may be",
        )
    if manifest.revision == floor.revision and floor.digest not in (None, digest):
        refuse(
            Cause.SAME_REVISION_OTHER_DIGEST,
            f"another bundle was active as revision {floor.revision}: somebody signed both",
        )


def check_hashes(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Raise BundleRefused unless every file is the one that was signed."""
    for file in manifest.files:
        if hashlib.sha256(files[file.name]).hexdigest() != file.sha256:
            refuse(Cause.BAD_FILE_HASH, f"`{file.name}` is not the file that was signed")


def end_of_freshness(
    freshness: bytes | None, trust: Trust, demands: Demands, manifest: Manifest, digest: str
) -> datetime.datetime | None:
    """When the statement about a manifest expires; None where there is none, and none is required.

    Raises BundleRefused for one that does not hold.
    """
    if freshness is None:
        if demands.require_freshness:
            refuse(Cause.FROZEN, "a freshness statement is required, and there is none")
        return None
    statement = _statement(freshness, trust)
    check_speaks_of(statement, manifest.name, manifest.revision, digest)
    check_is_current(statement, demands.now)
    return statement.expires


def _statement(freshness: bytes, trust: Trust) -> Statement:
    try:
        payload = opened(freshness, STATEMENT_PAYLOAD_TYPE, trust.vouching).payload
    except BundleRefused as error:
        # The causes are those of a bundle's own envelope: say which of the two it is.
        refuse(error.cause, f"the freshness statement: {error}")
    return statement_from_bytes(payload)
