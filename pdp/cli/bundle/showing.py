"""What can be signed, for people and for programs: what it says, who signed. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pdp.activation.assembling.directories import is_directory
from pdp.activation.assembling.sets import UnverifiedSet, unverified_set
from pdp.activation.assembling.signing import is_set
from pdp.activation.building import UnverifiedBundle, unverified
from pdp.bundles.documents.declaration import Manifest
from pdp.bundles.documents.fields import time_to_text
from pdp.bundles.documents.truststore import BYTES_MAX as STORE_BYTES_MAX
from pdp.bundles.documents.truststore import Trust, TrustStore, store_from_bytes
from pdp.bundles.envelope import Envelope
from pdp.bundles.flatfile import TOTAL_BYTES_MAX
from pdp.cli.exit_codes import Exit
from pdp.cli.output import console, counted, fail, safe
from pdp.cli.wholefiles import read_whole
from pdp.model import BundleError

BundleFile: TypeAlias = Annotated[
    Path, typer.Argument(metavar="FILE", help="A bundle, a set of bundles or a directory bundle.")
]
# A directory bundle is a bundle without policies.
Unverified: TypeAlias = UnverifiedBundle | UnverifiedSet


# ---------------------------------------------------------------- reading


def read_bundle(path: Path) -> bytes:
    """The bytes of a bundle file."""
    return read_whole(path, TOTAL_BYTES_MAX)


def unverified_or_exit(data: bytes, path: Path) -> UnverifiedBundle:
    """What the file holds; what is no bundle ends the command."""
    try:
        return unverified(data)
    except BundleError as error:
        fail(f"`{path}`: {error}", Exit.INVALID)


def found_or_exit(data: bytes, path: Path) -> Unverified:
    """What the file holds; what nobody could sign ends the command."""
    try:
        return found_in(data)
    except BundleError as error:
        fail(f"`{path}`: {error}", Exit.INVALID)


def found_in(data: bytes) -> Unverified:
    """A bundle or a set. Raises BundleRefused for anything else."""
    return unverified_set(data) if is_set(data) else unverified(data)


def read_store(path: Path) -> TrustStore:
    """The trust store in a file; what is none ends the command."""
    try:
        return store_from_bytes(read_whole(path, STORE_BYTES_MAX))
    except BundleError as error:
        fail(f"`{path}`: {error}", Exit.INVALID)


# ---------------------------------------------------------------- what all of them have


def kind_of(found: Unverified) -> str:
    """``set``, ``bundle``, or ``directory`` for a bundle of people."""
    if isinstance(found, UnverifiedSet):
        return "set"
    return "directory" if is_directory(found) else "bundle"


def head_of(found: Unverified) -> Manifest:
    """Name, audience, revision, times and versions."""
    return found.composition.head if isinstance(found, UnverifiedSet) else found.manifest


def title(found: Unverified) -> str:
    """Which one it is, in a few words, marked up."""
    head = head_of(found)
    if isinstance(found, UnverifiedSet):
        size = counted(len(found.members), "bundle")
    else:
        size = counted(len(head.files), "file")
    return f"{safe(head.name)} revision {head.revision} for {safe(head.audience)}, {size}"


def signature_ids(envelope: Envelope) -> list[str]:
    """Whose signatures are there, none of them checked."""
    return [one.key_id for one in envelope.signatures]


# ---------------------------------------------------------------- for people


def signed_lines(found: Unverified) -> Iterator[str]:
    """Marked-up lines: everything that a signature on it speaks for."""
    head = head_of(found)
    yield row(kind_of(found), f"[bold]{safe(head.name)}[/]")
    yield row("audience", f"[bold]{safe(head.audience)}[/]")
    yield row("revision", f"[bold]{head.revision}[/]")
    yield row("digest", found.digest)
    yield row("previous", head.previous or "none")
    yield row("created", time_to_text(head.created))
    yield row("expires", time_to_text(head.expires))
    if kind_of(found) == "bundle":
        yield row("owners", safe(", ".join(head.owners)))
        yield row("governs", safe(", ".join(head.governs)))
    yield row("engine", f"{safe(head.minimum_engine)} or newer")
    yield row("language", safe(head.language))
    yield row("time zones", f"{safe(head.tzdata)} or newer")
    if isinstance(found, UnverifiedSet):
        yield from _pinned_lines(found)
    yield row("files", f"{len(head.files)}, with their SHA-256")
    for file in head.files:
        yield f"  {file.sha256}  {safe(file.name)}"


def signature_lines(envelope: Envelope) -> Iterator[str]:
    """Marked-up lines: whose signatures are there, none of them checked."""
    ids = signature_ids(envelope)
    yield row("signatures", f"{len(ids)}, not checked" if ids else "none")
    for key_id in ids:
        yield f"  {safe(key_id)}"


def _pinned_lines(found: UnverifiedSet) -> Iterator[str]:
    for member in found.members:
        manifest = member.manifest
        yield row("bundle", f"[bold]{safe(manifest.name)}[/] revision {manifest.revision}")
        yield f"  {member.digest}"
        yield f"  governs {safe(', '.join(manifest.governs))}"
        yield f"  owners {safe(', '.join(manifest.owners))}"
        yield f"  signatures {safe(', '.join(signature_ids(member.envelope))) or 'none'}"
    directory = found.composition.directory
    if directory is None:
        yield row("directory", "none")
        return
    signers = directory.signers
    yield row("directory", f"[bold]{safe(directory.name)}[/], {_quorum(directory)} sign it")
    for key_id in sorted(signers.keys):
        yield f"  {safe(key_id)}  {signers.keys[key_id].hex()}"


def _quorum(trust: Trust) -> str:
    return f"{trust.signers.threshold} of {safe(', '.join(sorted(trust.signers.keys)))}"


# ---------------------------------------------------------------- for programs


def to_json(found: Unverified) -> dict[str, object]:
    """The members of what is signed by their names, its kind and its digest."""
    head = head_of(found)
    common: dict[str, object] = {
        "kind": kind_of(found),
        "name": head.name,
        "audience": head.audience,
        "revision": head.revision,
        "digest": found.digest,
        "previous": head.previous,
        "created": time_to_text(head.created),
        "expires": time_to_text(head.expires),
        "minimum_engine": head.minimum_engine,
        "language": head.language,
        "tzdata": head.tzdata,
        "files": [
            {"name": file.name, "length": file.length, "sha256": file.sha256} for file in head.files
        ],
    }
    if not isinstance(found, UnverifiedSet):
        return {**common, "owners": list(head.owners), "governs": list(head.governs)}
    directory = found.composition.directory
    return {
        **common,
        "bundles": [member_to_json(member) for member in found.members],
        "directory": None if directory is None else _directory_to_json(directory),
    }


def member_to_json(member: UnverifiedBundle) -> dict[str, object]:
    """What a set pins of one bundle."""
    manifest = member.manifest
    return {
        "name": manifest.name,
        "revision": manifest.revision,
        "digest": member.digest,
        "governs": list(manifest.governs),
        "owners": list(manifest.owners),
        "signatures": signature_ids(member.envelope),
    }


def _directory_to_json(directory: Trust) -> dict[str, object]:
    signers = directory.signers
    keys = [{"id": key_id, "public": signers.keys[key_id].hex()} for key_id in sorted(signers.keys)]
    return {"name": directory.name, "threshold": signers.threshold, "keys": keys}


# ---------------------------------------------------------------- printing


def row(name: str, text: str) -> str:
    """A name in its column, and what is said of it, which is marked up."""
    return f"[dim]{name:<11}[/] {text}"


def working(what: str) -> AbstractContextManager[object]:
    """While it lasts, a terminal shows what takes so long."""
    out = console(stderr=True)
    return out.status(what) if out.is_terminal else nullcontext()


def print_lines(lines: Iterator[str]) -> None:
    out = console()
    for line in lines:
        out.print(line)
