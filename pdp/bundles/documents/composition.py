"""A set's manifest: bundles pinned by digest, their program, and who may say who exists. Pure.

It is signed and trusted as a bundle's manifest is, under another payload type. A set has one file
of its own, the program of the whole; its members are bundle files, each with its own signatures.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from pdp.bundles.documents.declaration import DeclaredFile, Manifest, manifest_to_bytes
from pdp.bundles.documents.fields import Fields, fields_of, members_of, time_to_text
from pdp.bundles.documents.truststore import TYPE as STORE_TYPE
from pdp.bundles.documents.truststore import Trust, store_from_bytes
from pdp.bundles.flatfile import check_names
from pdp.bundles.refusal import Cause, refuse
from pdp.canonical import Number, Tree, canonical, parse, write

TYPE: Final = "pdp.set.v1"
PAYLOAD_TYPE: Final = "application/vnd.pdp.set+json"
PROGRAM_NAME: Final = "program.compact"
# Where the files of a directory bundle stand; no member may be called so.
DIRECTORY_FOLDER: Final = "directory"
_MEMBERS: Final = frozenset(
    "type name audience revision created expires minimum_engine language tzdata previous bundles"
    " program directory".split()
)
_MEMBER: Final = frozenset({"name", "revision", "digest", "length"})
_PROGRAM: Final = frozenset({"length", "sha256"})
_DIRECTORY: Final = frozenset({"name", "threshold", "keys"})


@dataclass(frozen=True, slots=True)
class Member:
    """One bundle: its name and revision, its manifest's digest, and its file's length in bytes."""

    name: str
    revision: int
    digest: str
    length: int


@dataclass(frozen=True, slots=True)
class Composition:
    """What a set pins: ``bundles`` sorted by name, and the directory bundle that belongs to it.

    ``head`` is what a set says as a bundle does: its one file is the program, it governs nothing
    by itself and has no owners but its members'. ``directory`` says who signs the directory bundle;
    people change daily, so its digest is not pinned.
    """

    head: Manifest
    bundles: tuple[Member, ...]
    directory: Trust | None


def composition_to_bytes(composition: Composition) -> bytes:
    """The canonical bytes. Raises BundleRefused for what ``composition_from_bytes`` refuses."""
    head = composition.head
    [program] = head.files
    tree = {
        "type": TYPE,
        "name": head.name,
        "audience": head.audience,
        "revision": head.revision,
        "created": time_to_text(head.created),
        "expires": time_to_text(head.expires),
        "minimum_engine": head.minimum_engine,
        "language": head.language,
        "tzdata": head.tzdata,
        "previous": head.previous,
        "bundles": [
            {
                "name": member.name,
                "revision": member.revision,
                "digest": member.digest,
                "length": member.length,
            }
            for member in composition.bundles
        ],
        "program": {"length": program.length, "sha256": program.sha256},
        "directory": _directory_to_tree(composition.directory),
    }
    text = json.dumps(tree)
    # The reader knows every rule, so the writer needs none of its own.
    _composition(fields_of(members_of(text.encode(), "set"), "set", _MEMBERS))
    return canonical(parse(text))


def composition_from_bytes(payload: bytes) -> Composition:
    """A verified payload's set. Raises BundleRefused: malformed, wrong type, too large."""
    members = members_of(payload, "set")
    check_type(members.get("type"))
    composition = _composition(fields_of(members, "set", _MEMBERS))
    if canonical(parse(payload.decode())) != payload:
        refuse(Cause.MALFORMED, "the set is not in canonical form")
    return composition


def check_type(tag: object) -> None:
    """Raise BundleRefused (wrong type) unless ``tag`` is this version's."""
    if tag != TYPE:
        refuse(Cause.WRONG_TYPE, f"the signed document is not a `{TYPE}`")


def _directory_to_tree(directory: Trust | None) -> dict[str, object] | None:
    if directory is None:
        return None
    signers = directory.signers
    keys = [{"id": name, "public": raw.hex()} for name, raw in sorted(signers.keys.items())]
    return {"name": directory.name, "threshold": signers.threshold, "keys": keys}


def _composition(fields: Fields) -> Composition:
    """A set of its members, all but the type checked. Raises BundleRefused."""
    program = fields.inner("program", _PROGRAM)
    head = Manifest(
        name=fields.text("name"),
        audience=fields.text("audience"),
        revision=fields.whole("revision", 1),
        created=fields.time("created"),
        expires=fields.time("expires"),
        minimum_engine=fields.text("minimum_engine"),
        language=fields.text("language"),
        tzdata=fields.text("tzdata"),
        previous=fields.hex_32_or_null("previous"),
        files=(DeclaredFile(PROGRAM_NAME, program.whole("length", 1), program.hex_32("sha256")),),
        governs=(),
        owners=(),
    )
    # What a set says as a bundle does must be what a bundle could say.
    manifest_to_bytes(head)
    bundles = tuple(
        Member(
            name=member.text("name"),
            revision=member.whole("revision", 1),
            digest=member.hex_32("digest"),
            length=member.whole("length", 1),
        )
        for member in fields.objects("bundles", _MEMBER)
    )
    has_directory = fields.members["directory"] is not None
    directory = (
        _directory(fields.inner("directory", _DIRECTORY), head.audience) if has_directory else None
    )
    _check_members(bundles, head, directory)
    return Composition(head, bundles, directory)


def _check_members(bundles: tuple[Member, ...], head: Manifest, directory: Trust | None) -> None:
    """Raise BundleRefused unless the members' files can stand in folders of their names."""
    names = [member.name for member in bundles]
    if not names:
        refuse(Cause.MALFORMED, "set: it names no bundle")
    if names != sorted(names):
        refuse(Cause.MALFORMED, "set: the bundles are not sorted by name")
    # None may be called twice, nor as what stands beside their folders, in whatever spelling.
    check_names([*names, DIRECTORY_FOLDER, PROGRAM_NAME])
    if any("/" in name for name in names):
        refuse(Cause.MALFORMED, "set: a bundle's name cannot be a folder's")
    others = {head.name} if directory is None else {head.name, directory.name}
    if others & set(names) or (directory is not None and directory.name == head.name):
        refuse(
            Cause.MALFORMED, "set: the set, its bundles and its directory need names of their own"
        )


def _directory(fields: Fields, audience: str) -> Trust:
    """What a trust store of this one bundle would say, so that it is read with the same care."""
    tree: Tree = {
        "type": STORE_TYPE,
        "version": Number("1"),
        "bundles": [
            {
                "name": fields.members["name"],
                "audience": audience,
                "signers": {name: fields.members[name] for name in ("keys", "threshold")},
                "freshness": None,
                "governs": [],
                "may_be_guard": False,
            }
        ],
    }
    [trust] = store_from_bytes(write(tree).encode()).bundles.values()
    return trust
