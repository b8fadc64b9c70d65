"""From bytes that somebody offers to a release that may decide: verified, proven, tested. Pure.

The steps stand in their order. What may be skipped for a release that was proven here before is the
proof that its program is what its sources say, and nothing else.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import msgspec

from pdp.activation.compatibility import check_compatible, check_governs
from pdp.activation.composing import check_members, release_of_bundle, release_of_set
from pdp.activation.program import check_equal
from pdp.activation.release import Release
from pdp.activation.selftest import check_self_test
from pdp.bundles.composing import VerifiedSet, verify_directory, verify_set
from pdp.bundles.documents.composition import PAYLOAD_TYPE as SET_PAYLOAD_TYPE
from pdp.bundles.documents.truststore import TrustStore
from pdp.bundles.envelope import decode
from pdp.bundles.flatfile import split
from pdp.bundles.manifest import directory_digest, file_hashes
from pdp.bundles.refusal import Cause, refuse
from pdp.bundles.verification import Demands, Floor, VerifiedBundle, verify
from pdp.engine import Engine, SignedAs, check_files
from pdp.lang import nodes
from pdp.lang.checked import CheckedPolicies
from pdp.lang.checker import Reader
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.packing.compact import is_of_this_version, pack
from pdp.lang.parser import parse
from pdp.lang.source import Source

ParsedFile: TypeAlias = tuple[nodes.PolicyFile, tuple[Diagnostic, ...]]

# Fixed, so that a refusal can be repeated.
SELF_TEST_SEED: Final = 20_260_101


@dataclass(frozen=True, slots=True)
class Offer:
    """Bytes from sources, nothing of them verified.

    ``main`` is a bundle file or a set file; beside it may come a directory bundle, and statements
    of freshness in their envelopes.
    """

    main: bytes
    freshness: bytes | None = None
    directory: bytes | None = None
    directory_freshness: bytes | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to decide: the names of the bundle or set and of the directory bundle, if any.

    ``floors`` by name. ``now`` is aware. ``self_test_cases`` is how many generated requests the
    compiled policies and the reference interpreter must agree on.
    """

    name: str
    directory_name: str | None
    now: datetime.datetime
    floors: Mapping[str, Floor]
    require_freshness: bool
    engine_version: str
    tzdata_version: str
    self_test_cases: int

    def demands(self, name: str) -> Demands:
        return Demands(name, self.now, self.floors.get(name), self.require_freshness)


@dataclass(frozen=True, slots=True)
class Trusted:
    """A release of verified parts: it may not decide yet. ``members`` are its policy bundles."""

    release: Release
    members: tuple[VerifiedBundle, ...]

    @property
    def is_set(self) -> bool:
        return self.release.parts[0].kind == "set"

    @property
    def content(self) -> str:
        """What names the files that decide: lower-case hex SHA-256."""
        return directory_digest(file_hashes(self.release.files))

    @property
    def fingerprint(self) -> str:
        """What a proof speaks of: the files, what was signed of them, and how far that is trusted.

        Lower-case hex SHA-256; a newer statement of freshness changes nothing of it.
        """
        guards = [member.manifest.name for member in self.members if member.may_be_guard]
        signed = [part.digest for part in self.release.parts]
        told = msgspec.json.encode([self.content, signed, guards])
        return hashlib.sha256(told).hexdigest()

    def with_program(self, program: bytes | None) -> Release:
        """The release, for a program that was proven of the same files before."""
        return replace(self.release, program=program)


class Parsed:
    """Files as they were parsed last: a new revision changes few of them."""

    def __init__(self) -> None:
        self._last: dict[Source, ParsedFile] = {}
        self._now: dict[Source, ParsedFile] = {}

    def read(self, source: Source) -> ParsedFile:
        """As ``parse``; for a file that is as it was, what came of it then."""
        found = self._now.get(source) or self._last.get(source) or parse(source)
        self._now[source] = found
        return found

    def forget(self) -> None:
        """What the last revision does not hold is kept no longer."""
        self._last, self._now = self._now, {}


def trusted(offer: Offer, store: TrustStore, wanted: Wanted) -> Trusted:
    """Verify every part of an offer, and put them together. Raises BundleRefused."""
    demands = wanted.demands(wanted.name)
    if is_set(offer.main):
        found = verify_set(offer.main, store, demands, offer.freshness)
        directory = _directory(offer, store, wanted, found)
        check_compatible(found.composition.head, wanted.engine_version, wanted.tzdata_version)
        return Trusted(release_of_set(found, directory), found.members)
    bundle = verify(offer.main, store, demands, offer.freshness)
    directory = _directory(offer, store, wanted, None)
    check_compatible(bundle.manifest, wanted.engine_version, wanted.tzdata_version)
    return Trusted(release_of_bundle(bundle, directory), (bundle,))


def proven(found: Trusted, wanted: Wanted, read: Reader = parse) -> Release:
    """The release with the program that its sources say, after its self-test.

    ``read`` parses a file, or knows what came of it before. Takes some seconds for 10,000 rules.
    Raises BundleRefused.
    """
    release = found.release
    checked = checked_of(release.files, read)
    check_signed(found, checked)
    ready = replace(release, program=program_of(release, checked))
    engine = Engine(ready.files, compact=ready.program, signed=signed_as(ready))
    check_self_test(engine, seed=SELF_TEST_SEED, cases=wanted.self_test_cases)
    return ready


def checked_of(files: Mapping[str, bytes], read: Reader = parse) -> CheckedPolicies:
    """Policies and directory, checked together. Raises BundleRefused (policies with errors)."""
    result = check_files(files, read=read)
    if result.policies is None:
        first = next(item for item in result.diagnostics if item.is_error)
        span = first.span
        refuse(
            Cause.POLICIES_WITH_ERRORS,
            f"{span.file}:{span.line}: {first.code.code} {first.message}; `pdp check` shows all",
        )
    return result.policies


def program_of(release: Release, checked: CheckedPolicies) -> bytes:
    """The program of the sources that were signed, which an embedded one must equal.

    One that another version of the engine made cannot be compared; the sources can be read.
    """
    program = pack(checked)
    if release.program is not None and is_of_this_version(release.program):
        check_equal(release.program, program)
    return program


def check_signed(found: Trusted, checked: CheckedPolicies) -> None:
    """Raise BundleRefused unless the policies keep to what each manifest says of them."""
    members = [(member.manifest, member.may_be_guard) for member in found.members]
    if found.is_set:
        check_members(members, checked)
        return
    [(manifest, may_be_guard)] = members
    check_governs(manifest, checked, may_be_guard=may_be_guard)


def is_set(data: bytes) -> bool:
    """What the bytes claim to be; verifying them finds out whether they are."""
    head, _ = split(data)
    return decode(head).payload_type == SET_PAYLOAD_TYPE


def signed_as(release: Release) -> SignedAs | None:
    """The name and revision that answers give; None when nothing is signed."""
    if not release.parts:
        return None
    return SignedAs(release.parts[0].name, release.parts[0].revision)


def _directory(
    offer: Offer, store: TrustStore, wanted: Wanted, found: VerifiedSet | None
) -> VerifiedBundle | None:
    name = wanted.directory_name
    if name is None:
        if offer.directory is not None:
            refuse(Cause.WRONG_NAME, "a directory came with it, and the settings name none")
        return None
    if offer.directory is None:
        refuse(Cause.PART_MISSING, f"the directory `{name}` is wanted, and none came")
    return verify_directory(
        offer.directory, store, wanted.demands(name), offer.directory_freshness, pinned_by=found
    )
