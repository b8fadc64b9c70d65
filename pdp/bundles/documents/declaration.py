"""A bundle's manifest: what people sign. Text in, typed manifest out, and back. Pure.

Version 1 is one JSON object in canonical form (``pdp.canonical``), so that a manifest has one
spelling and one digest.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final

from pdp.bundles.documents.fields import Fields, fields_of, members_of, time_to_text
from pdp.bundles.flatfile import check_names
from pdp.bundles.refusal import Cause, refuse
from pdp.canonical import canonical, parse

TYPE: Final = "pdp.bundle.v1"
PAYLOAD_TYPE: Final = "application/vnd.pdp.bundle+json"
_MEMBERS: Final = frozenset(
    "type name audience revision created expires minimum_engine language tzdata previous files"
    " governs owners".split()
)
_FILE_MEMBERS: Final = frozenset({"name", "length", "sha256"})
_VERSION: Final = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeclaredFile:
    """A file's name, its length in bytes and its SHA-256 as lower-case hex."""

    name: str
    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Times are aware and in whole seconds; ``previous`` is the digest of the manifest before."""

    name: str
    audience: str
    revision: int
    created: datetime.datetime
    expires: datetime.datetime
    minimum_engine: str
    language: str
    tzdata: str
    previous: str | None
    files: tuple[DeclaredFile, ...]
    governs: tuple[str, ...]
    owners: tuple[str, ...]


def declared(name: str, data: bytes) -> DeclaredFile:
    """What a manifest says of a file."""
    return DeclaredFile(name, len(data), hashlib.sha256(data).hexdigest())


def manifest_to_bytes(manifest: Manifest) -> bytes:
    """The canonical bytes. Raises BundleRefused for what ``manifest_from_bytes`` would refuse."""
    tree = {
        "type": TYPE,
        "name": manifest.name,
        "audience": manifest.audience,
        "revision": manifest.revision,
        "created": time_to_text(manifest.created),
        "expires": time_to_text(manifest.expires),
        "minimum_engine": manifest.minimum_engine,
        "language": manifest.language,
        "tzdata": manifest.tzdata,
        "previous": manifest.previous,
        "files": [
            {"name": file.name, "length": file.length, "sha256": file.sha256}
            for file in manifest.files
        ],
        "governs": list(manifest.governs),
        "owners": list(manifest.owners),
    }
    text = json.dumps(tree)
    # The reader knows every rule, so the writer needs none of its own.
    _manifest(fields_of(members_of(text.encode(), "manifest"), "manifest", _MEMBERS))
    return canonical(parse(text))


def manifest_from_bytes(payload: bytes) -> Manifest:
    """A verified payload's manifest. Raises BundleRefused: malformed, wrong type, too large."""
    members = members_of(payload, "manifest")
    check_type(members.get("type"))
    manifest = _manifest(fields_of(members, "manifest", _MEMBERS))
    if canonical(parse(payload.decode())) != payload:
        refuse(Cause.MALFORMED, "the manifest is not in canonical form")
    return manifest


def check_type(tag: object) -> None:
    """Raise BundleRefused (wrong type) unless ``tag`` is this version's."""
    if tag != TYPE:
        refuse(Cause.WRONG_TYPE, f"the signed document is not a `{TYPE}`")


def digest_of(payload: bytes) -> str:
    """A manifest's digest, which names the bundle: lower-case hex SHA-256 of the signed bytes."""
    return hashlib.sha256(payload).hexdigest()


def _manifest(fields: Fields) -> Manifest:
    """A manifest of its members, all but the type checked. Raises BundleRefused."""
    manifest = Manifest(
        name=fields.text("name"),
        audience=fields.text("audience"),
        revision=fields.whole("revision", 1),
        created=fields.time("created"),
        expires=fields.time("expires"),
        minimum_engine=fields.text("minimum_engine"),
        language=fields.text("language"),
        tzdata=fields.text("tzdata"),
        previous=fields.hex_32_or_null("previous"),
        files=tuple(
            DeclaredFile(file.text("name"), file.whole("length", 0), file.hex_32("sha256"))
            for file in fields.objects("files", _FILE_MEMBERS)
        ),
        governs=fields.texts("governs"),
        owners=fields.texts("owners"),
    )
    if not _VERSION.fullmatch(manifest.minimum_engine):
        refuse(Cause.MALFORMED, "manifest: `minimum_engine`: expected a version such as 1.0.0")
    if manifest.created >= manifest.expires:
        refuse(Cause.MALFORMED, "manifest: it expires before it is created")
    _check_files(manifest.files)
    return manifest


def _check_files(files: tuple[DeclaredFile, ...]) -> None:
    names = [file.name for file in files]
    if not names:
        refuse(Cause.MALFORMED, "manifest: it names no file")
    check_names(names)
    if names != sorted(names):
        refuse(Cause.MALFORMED, "manifest: the files are not sorted by name")
