"""Verified bundles to a release: where the files of each stand, and what was signed. Pure.

Nothing is merged: every part keeps a folder of its own, so that no file can stand in for another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from msgspec import structs

from pdp.activation.compatibility import check_governs
from pdp.activation.release import PROGRAM_FILE, Part, PartKind, Release
from pdp.bundles.composing import DIRECTORY_SUFFIX, VerifiedSet, check_is_directory
from pdp.bundles.documents.composition import DIRECTORY_FOLDER
from pdp.bundles.documents.declaration import Manifest
from pdp.bundles.flatfile import check_names
from pdp.bundles.refusal import Cause, refuse
from pdp.bundles.verification import VerifiedBundle
from pdp.lang.checked import CheckedPolicies


def release_of_bundle(bundle: VerifiedBundle, directory: VerifiedBundle | None) -> Release:
    """One bundle, and who there is: the bundle's own directory files, or also a directory bundle.

    Raises BundleRefused (malformed) for files that cannot stand beside each other.
    """
    files = own_files(bundle)
    check_has_policies(bundle)
    check_leaves_folder_free(bundle)
    files.update(_placed_directory(directory))
    parts = [_part("bundle", bundle), *_directory_parts(directory)]
    return _release(files, bundle.files.get(PROGRAM_FILE), parts)


def release_of_set(found: VerifiedSet, directory: VerifiedBundle | None) -> Release:
    """All bundles of a set, each in a folder of its name, and the directory that the set pins.

    Raises BundleRefused: the directory is missing or another one, or files cannot stand beside
    each other.
    """
    check_is_the_pinned(found, directory)
    files: dict[str, bytes] = {}
    for member in found.members:
        check_has_policies(member)
        check_says_not_who_exists(member, found)
        # The programs of members are parts of nothing: the set has one of the whole.
        files.update(placed(member.manifest.name, own_files(member)))
    files.update(_placed_directory(directory))
    head = found.composition.head
    whole = Part(
        "set",
        head.name,
        head.revision,
        found.digest,
        found.signers,
        head.expires,
        found.fresh_until,
    )
    members = [_part("bundle", member) for member in found.members]
    return _release(files, found.program, [whole, *members, *_directory_parts(directory)])


def check_members(members: Sequence[tuple[Manifest, bool]], checked: CheckedPolicies) -> None:
    """Raise BundleRefused unless each member keeps to its own manifest; ``checked`` is the whole.

    With each manifest comes whether the member may be a guard. Every member has one `bundle` line,
    of its own name: otherwise its files would count as another member's, and reach as far.
    """
    infos = {info.name: info for info in checked.bundles}
    names = sorted(manifest.name for manifest, _ in members)
    if sorted(infos) != names:
        refuse(
            Cause.GOVERNS_MORE_THAN_SIGNED,
            f"expected one `bundle` line for each of {_listed(names)} in the set's policies,"
            f" and there are those of {_listed(sorted(infos))}",
        )
    for manifest, may_be_guard in members:
        own = structs.replace(checked, bundles=(infos[manifest.name],))
        check_governs(manifest, own, may_be_guard=may_be_guard)


def placed(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files below ``folder``: `payments.charter` becomes `acme.payments/payments.charter`."""
    return {f"{folder}/{name}": data for name, data in files.items()}


def own_files(bundle: VerifiedBundle) -> dict[str, bytes]:
    """What people wrote: all files but the program that was made of them."""
    return {name: data for name, data in bundle.files.items() if name != PROGRAM_FILE}


def check_has_policies(bundle: VerifiedBundle) -> None:
    """Raise BundleRefused (malformed) for a bundle that could decide nothing: a directory."""
    if not any(name.endswith(".charter") for name in bundle.files):
        refuse(Cause.MALFORMED, f"the bundle `{bundle.manifest.name}` holds no policy")


def check_says_not_who_exists(member: VerifiedBundle, found: VerifiedSet) -> None:
    """Raise BundleRefused (malformed) where the set pins who may say who there is."""
    if found.composition.directory is None:
        return
    for name in member.files:
        if name.endswith(DIRECTORY_SUFFIX):
            refuse(
                Cause.MALFORMED,
                f"`{member.manifest.name}` brings `{name}`, and the set pins its own directory",
            )


def check_leaves_folder_free(bundle: VerifiedBundle) -> None:
    """Raise BundleRefused (malformed) for files where only a directory bundle's may stand."""
    for name in bundle.files:
        if name.partition("/")[0].casefold() == DIRECTORY_FOLDER:
            refuse(
                Cause.MALFORMED,
                f"`{name}`: the folder `{DIRECTORY_FOLDER}` is for directory bundles;"
                " call it otherwise",
            )


def check_is_the_pinned(found: VerifiedSet, directory: VerifiedBundle | None) -> None:
    """Raise BundleRefused unless the directory is there, and the set's, or neither."""
    pinned, name = found.composition.directory, found.composition.head.name
    if pinned is None:
        if directory is not None:
            refuse(Cause.WRONG_NAME, f"the set `{name}` pins no directory")
        return
    if directory is None:
        refuse(Cause.PART_MISSING, f"the set `{name}` needs the directory `{pinned.name}`")
    if directory.manifest.name != pinned.name:
        refuse(
            Cause.WRONG_NAME,
            f"this is the directory `{directory.manifest.name}`, not `{pinned.name}`",
        )


def _placed_directory(directory: VerifiedBundle | None) -> dict[str, bytes]:
    if directory is None:
        return {}
    check_is_directory(directory)
    return placed(DIRECTORY_FOLDER, directory.files)


def _directory_parts(directory: VerifiedBundle | None) -> Iterator[Part]:
    if directory is not None:
        yield _part("directory", directory)


def _part(kind: PartKind, bundle: VerifiedBundle) -> Part:
    manifest = bundle.manifest
    return Part(
        kind,
        manifest.name,
        manifest.revision,
        bundle.digest,
        bundle.signers,
        manifest.expires,
        bundle.fresh_until,
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _release(files: dict[str, bytes], program: bytes | None, parts: list[Part]) -> Release:
    # Two parts, each with good names, can still have too many files, or too long names, together.
    names = sorted(files)
    check_names(names)
    return Release(MappingProxyType({name: files[name] for name in names}), program, tuple(parts))
