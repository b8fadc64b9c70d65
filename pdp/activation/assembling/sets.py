"""From bundle files to a set file, and what a set file holds before anybody trusts it. Pure.

The same arguments give the same bytes. Whether the members are trusted is for whoever activates the
set; here they are only put together and shown to make one program.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pdp.activation.building import UnverifiedBundle, unverified
from pdp.activation.compatibility import LANGUAGE
from pdp.activation.composing import check_members, placed
from pdp.activation.program import check_equal, policy_files, program_of
from pdp.bundles.documents.composition import (
    PAYLOAD_TYPE,
    PROGRAM_NAME,
    Composition,
    Member,
    composition_from_bytes,
    composition_to_bytes,
)
from pdp.bundles.documents.declaration import Manifest, declared, digest_of
from pdp.bundles.documents.truststore import Trust
from pdp.bundles.envelope import Envelope, decode, encode
from pdp.bundles.flatfile import cut, split, write
from pdp.bundles.refusal import BundleRefused, Cause, refuse
from pdp.bundles.verification import check_hashes
from pdp.lang.packing.compact import unpack
from pdp.model import PolicyError


@dataclass(frozen=True, slots=True)
class DeclaredSet:
    """What the members do not say. Times are aware; ``previous`` is the digest of the set before.

    ``directory`` is the directory bundle that belongs to the set, and who signs it.
    """

    name: str
    audience: str
    revision: int
    created: datetime.datetime
    expires: datetime.datetime
    minimum_engine: str
    tzdata: str
    previous: str | None = None
    directory: Trust | None = None


@dataclass(frozen=True, slots=True)
class UnverifiedSet:
    """A set file that is whole, whoever made it: to be shown or signed, never to decide with.

    ``pieces`` are the members' files and the program, by name and in the order of the file.
    """

    composition: Composition
    members: tuple[UnverifiedBundle, ...]
    pieces: Mapping[str, bytes]
    digest: str
    envelope: Envelope

    @property
    def policies(self) -> dict[str, bytes]:
        """The files of all members, each in a folder of the member's name."""
        return policies_of(self.members)


def build_set(members: Sequence[bytes], what: DeclaredSet) -> bytes:
    """A set file without signatures; ``members`` are bundle files, in whatever order.

    Raises PolicyError with every diagnostic when they do not go together, or BundleRefused: no
    bundle file, a member whose policies say another name, or limits.
    """
    found = sorted(((unverified(data), data) for data in members), key=_name)
    bundles = [bundle for bundle, _ in found]
    program = program_of(policies_of(bundles))
    _check_members(bundles, program)
    composition = Composition(
        head=Manifest(
            name=what.name,
            audience=what.audience,
            revision=what.revision,
            created=what.created,
            expires=what.expires,
            minimum_engine=what.minimum_engine,
            language=LANGUAGE,
            tzdata=what.tzdata,
            previous=what.previous,
            files=(declared(PROGRAM_NAME, program),),
            governs=(),
            owners=(),
        ),
        bundles=tuple(
            Member(bundle.manifest.name, bundle.manifest.revision, bundle.digest, len(data))
            for bundle, data in found
        ),
        directory=what.directory,
    )
    payload = composition_to_bytes(composition)
    pieces = {bundle.manifest.name: data for bundle, data in found}
    return packed(Envelope(PAYLOAD_TYPE, payload, ()), {**pieces, PROGRAM_NAME: program})


def packed(envelope: Envelope, pieces: Mapping[str, bytes]) -> bytes:
    """A set file of its envelope, and of its pieces in their order."""
    return write(encode(envelope), pieces, list(pieces))


def unverified_set(data: bytes) -> UnverifiedSet:
    """What a set file holds, its members as pinned. Raises BundleRefused as ``verify_set`` does."""
    head, body = split(data)
    envelope = decode(head)
    if envelope.payload_type != PAYLOAD_TYPE:
        refuse(Cause.WRONG_TYPE, f"expected a set (`{PAYLOAD_TYPE}`)")
    composition = composition_from_bytes(envelope.unverified_payload)
    [program] = composition.head.files
    lengths = [(member.name, member.length) for member in composition.bundles]
    pieces = cut(body, [*lengths, (PROGRAM_NAME, program.length)])
    check_hashes(composition.head, pieces)
    members = tuple(_member(pieces[pinned.name], pinned) for pinned in composition.bundles)
    digest = digest_of(envelope.unverified_payload)
    return UnverifiedSet(composition, members, pieces, digest, envelope)


def check_set_program(found: UnverifiedSet) -> None:
    """Raise BundleRefused unless the program is what the members' sources say together."""
    try:
        rebuilt = program_of(found.policies)
    except PolicyError as error:
        refuse(Cause.POLICIES_WITH_ERRORS, f"{error}, put together")
    check_equal(found.pieces[PROGRAM_NAME], rebuilt)
    _check_members(found.members, rebuilt)


def policies_of(members: Sequence[UnverifiedBundle]) -> dict[str, bytes]:
    """The files of all members, each in a folder of the member's name."""
    files: dict[str, bytes] = {}
    for member in members:
        files.update(placed(member.manifest.name, policy_files(member.files)))
    return files


def _member(data: bytes, pinned: Member) -> UnverifiedBundle:
    try:
        found = unverified(data)
    except BundleRefused as error:
        refuse(error.cause, f"the member `{pinned.name}`: {error}")
    said = (found.manifest.name, found.manifest.revision, found.digest)
    if said != (pinned.name, pinned.revision, pinned.digest):
        refuse(Cause.OTHER_MEMBER_DIGEST, f"the set names another `{pinned.name}`")
    return found


def _check_members(members: Sequence[UnverifiedBundle], program: bytes) -> None:
    # Whether a member may be a guard is for the trust store of whoever activates the set.
    check_members([(member.manifest, True) for member in members], unpack(program))


def _name(pair: tuple[UnverifiedBundle, bytes]) -> str:
    return pair[0].manifest.name
