"""One of two versions: a bundle file, a set file or a directory's files, ready to decide.

Nothing is verified: a reviewer looks at what is not signed yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pdp.activation.assembling.directories import is_directory
from pdp.activation.assembling.sets import unverified_set
from pdp.activation.assembling.signing import is_set
from pdp.activation.building import UnverifiedBundle, unverified
from pdp.activation.composing import placed
from pdp.activation.program import policy_files
from pdp.bundles.documents.composition import DIRECTORY_FOLDER
from pdp.bundles.documents.declaration import Manifest
from pdp.bundles.documents.fields import time_to_text
from pdp.bundles.refusal import Cause, refuse
from pdp.engine import Engine


@dataclass(frozen=True, slots=True)
class Side:
    """``facts`` are what its manifest says, by name and in order, each as text.

    ``files`` are those that people wrote; ``engine`` decides by them.
    """

    facts: Mapping[str, str]
    files: Mapping[str, bytes]
    engine: Engine


def side_of_files(files: Mapping[str, bytes], directory: bytes | None = None) -> Side:
    """A policy directory. Raises PolicyError with every diagnostic, BundleRefused."""
    return _side({}, policy_files(files), directory)


def side_of_bytes(data: bytes, directory: bytes | None = None) -> Side:
    """A bundle or set file, with a directory bundle beside it or without.

    Raises BundleRefused for no such file, PolicyError when its policies do not check.
    """
    if is_set(data):
        found = unverified_set(data)
        facts = {**_facts(found.composition.head, found.members), **_pinned(found.members)}
        pinned = found.composition.directory
        if pinned is not None:
            keys = ", ".join(
                f"{name}={key.hex()}" for name, key in sorted(pinned.signers.keys.items())
            )
            facts["directory"] = f"{pinned.name}, {pinned.signers.threshold} of {keys}"
        return _side(facts, found.policies, directory)
    bundle = unverified(data)
    return _side(_facts(bundle.manifest, (bundle,)), policy_files(bundle.files), directory)


def _side(facts: Mapping[str, str], files: Mapping[str, bytes], directory: bytes | None) -> Side:
    whole = dict(files)
    if directory is not None:
        bundle = unverified(directory)
        if not is_directory(bundle):
            refuse(Cause.MALFORMED, "expected a directory bundle: directory files and no policy")
        whole.update(placed(DIRECTORY_FOLDER, bundle.files))
    return Side(facts, whole, Engine(whole))


def _facts(head: Manifest, members: Iterable[UnverifiedBundle]) -> dict[str, str]:
    manifests = [member.manifest for member in members]
    return {
        "name": head.name,
        "audience": head.audience,
        "revision": str(head.revision),
        "expires": time_to_text(head.expires),
        "minimum engine": head.minimum_engine,
        "language": head.language,
        "tzdata": head.tzdata,
        "governs": _each_once(manifest.governs for manifest in manifests),
        "owners": _each_once(manifest.owners for manifest in manifests),
    }


def _pinned(members: Iterable[UnverifiedBundle]) -> dict[str, str]:
    return {
        f"member {member.manifest.name}": f"revision {member.manifest.revision}"
        for member in members
    }


def _each_once(lists: Iterable[Iterable[str]]) -> str:
    return ", ".join(sorted({text for texts in lists for text in texts}))
