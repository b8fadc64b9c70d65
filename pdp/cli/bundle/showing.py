"""A bundle for people and for programs: what it says of itself, and who signed. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pdp.activation.building import UnverifiedBundle, unverified
from pdp.bundles.documents.fields import time_to_text
from pdp.bundles.documents.truststore import BYTES_MAX as STORE_BYTES_MAX
from pdp.bundles.documents.truststore import TrustStore, store_from_bytes
from pdp.bundles.flatfile import TOTAL_BYTES_MAX
from pdp.cli.exit_codes import Exit
from pdp.cli.output import console, counted, fail, safe
from pdp.cli.wholefiles import read_whole
from pdp.model import BundleError

BundleFile: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE", help="The bundle file.")]


def read_bundle(path: Path) -> bytes:
    """The bytes of a bundle file."""
    return read_whole(path, TOTAL_BYTES_MAX)


def unverified_or_exit(data: bytes, path: Path) -> UnverifiedBundle:
    """What the file holds; what is no bundle ends the command."""
    try:
        return unverified(data)
    except BundleError as error:
        fail(f"`{path}`: {error}", Exit.INVALID)


def read_store(path: Path) -> TrustStore:
    """The trust store in a file; what is none ends the command."""
    try:
        return store_from_bytes(read_whole(path, STORE_BYTES_MAX))
    except BundleError as error:
        fail(f"`{path}`: {error}", Exit.INVALID)


def manifest_lines(bundle: UnverifiedBundle) -> Iterator[str]:
    """Marked-up lines: everything that a signature on this bundle speaks for."""
    manifest = bundle.manifest
    yield row("bundle", f"[bold]{safe(manifest.name)}[/]")
    yield row("audience", f"[bold]{safe(manifest.audience)}[/]")
    yield row("revision", f"[bold]{manifest.revision}[/]")
    yield row("digest", bundle.digest)
    yield row("previous", manifest.previous or "none")
    yield row("created", time_to_text(manifest.created))
    yield row("expires", time_to_text(manifest.expires))
    yield row("owners", safe(", ".join(manifest.owners)))
    yield row("governs", safe(", ".join(manifest.governs)))
    yield row("engine", f"{safe(manifest.minimum_engine)} or newer")
    yield row("language", safe(manifest.language))
    yield row("time zones", f"{safe(manifest.tzdata)} or newer")
    yield row("files", f"{len(manifest.files)}, with their SHA-256")
    for file in manifest.files:
        yield f"  {file.sha256}  {safe(file.name)}"


def signature_lines(bundle: UnverifiedBundle) -> Iterator[str]:
    """Marked-up lines: whose signatures are there, none of them checked."""
    ids = [one.key_id for one in bundle.envelope.signatures]
    yield row("signatures", f"{len(ids)}, not checked" if ids else "none")
    for key_id in ids:
        yield f"  {safe(key_id)}"


def manifest_to_json(bundle: UnverifiedBundle) -> dict[str, object]:
    """The manifest's members by their names, and its digest."""
    manifest = bundle.manifest
    return {
        "name": manifest.name,
        "audience": manifest.audience,
        "revision": manifest.revision,
        "digest": bundle.digest,
        "previous": manifest.previous,
        "created": time_to_text(manifest.created),
        "expires": time_to_text(manifest.expires),
        "owners": list(manifest.owners),
        "governs": list(manifest.governs),
        "minimum_engine": manifest.minimum_engine,
        "language": manifest.language,
        "tzdata": manifest.tzdata,
        "files": [
            {"name": file.name, "length": file.length, "sha256": file.sha256}
            for file in manifest.files
        ],
    }


def title(bundle: UnverifiedBundle) -> str:
    """Which bundle it is, in a few words, marked up."""
    manifest = bundle.manifest
    return (
        f"{safe(manifest.name)} revision {manifest.revision} for {safe(manifest.audience)},"
        f" {counted(len(manifest.files), 'file')}"
    )


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
