"""`pdp bundle verify`: whether a server would let a bundle or set decide, and why not.

It goes through the server's own door, but for what a server remembers.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final

import typer

import pdp
from pdp.activation.building import check_sources, misnamed
from pdp.activation.compatibility import check_compatible
from pdp.activation.preparing import Offer, Wanted, is_set, proven, trusted
from pdp.activation.program import lines_of_part
from pdp.activation.release import PROGRAM_FILE, Part, PartKind
from pdp.activation.selftest import CASES
from pdp.bundles.composing import DIRECTORY_SUFFIX, check_is_directory
from pdp.bundles.documents.composition import PAYLOAD_TYPE as SET_PAYLOAD_TYPE
from pdp.bundles.documents.composition import composition_from_bytes
from pdp.bundles.documents.declaration import Manifest, manifest_from_bytes
from pdp.bundles.documents.fields import time_to_text
from pdp.bundles.documents.truststore import TrustStore
from pdp.bundles.envelope import BYTES_MAX as ENVELOPE_BYTES_MAX
from pdp.bundles.envelope import decode
from pdp.bundles.flatfile import split
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.bundles.verification import VerifiedBundle, verify
from pdp.cli.bundle.showing import (
    BundleFile,
    Unverified,
    found_in,
    head_of,
    read_bundle,
    read_store,
    row,
    title,
    working,
)
from pdp.cli.exit_codes import Exit
from pdp.cli.moments import NowOption, now_or
from pdp.cli.output import Format, FormatOption, console, print_json, safe
from pdp.cli.wholefiles import read_whole

_PART: Final = "none: a part of a set, to be checked with the others"

TrustOption = Annotated[
    Path, typer.Option("--trust", metavar="STORE", help="The trust store: whom to believe.")
]


@dataclass(frozen=True, slots=True)
class _Accepted:
    """``parts`` are what was signed, the file itself first; ``is_part`` cannot decide alone."""

    parts: tuple[Part, ...]
    is_part: bool = False


def verify_bundle(
    path: BundleFile,
    trust: TrustOption,
    *,
    freshness: Annotated[
        Path | None,
        typer.Option(
            "--freshness", metavar="FILE", help="A freshness statement, which must hold, too."
        ),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--directory", metavar="FILE", help="The directory bundle to decide with."),
    ] = None,
    now: NowOption = "",
    form: FormatOption = Format.TEXT,
) -> None:
    """Say whether a server would accept a bundle or set.

    Checks signatures, times and hashes under the trust store, then this engine, the program,
    rebuilt from the policies, and the self-test. What was active before is the server's to know.
    Exit 3, with the cause, if it would not.
    """
    store, data, at = read_store(trust), read_bundle(path), now_or(now)
    statement = None if freshness is None else read_whole(freshness, ENVELOPE_BYTES_MAX)
    people = None if directory is None else read_bundle(directory)
    try:
        accepted = _accepted(Offer(data, statement, people), store, at)
    except BundleRefused as refused:
        _say_refused(refused, _hint(refused, data, store), path, form)
        raise typer.Exit(Exit.INVALID) from None
    _say(found_in(data), accepted, path, form)


# ---------------------------------------------------------------- judging


def _accepted(offer: Offer, store: TrustStore, now: datetime.datetime) -> _Accepted:
    """As a server would, but for what it remembers. Raises BundleRefused.

    What the files say they are only selects whom to believe; everything is verified under that.
    """
    head = _claimed(offer.main)
    wanted = Wanted(
        name=head.name,
        directory_name=None if offer.directory is None else _claimed(offer.directory).name,
        now=now,
        floors={},
        require_freshness=False,
        engine_version=pdp.__version__,
        tzdata_version=metadata.version("tzdata"),
        self_test_cases=CASES,
    )
    if offer.directory is None and not is_set(offer.main):
        bundle = verify(offer.main, store, wanted.demands(head.name), offer.freshness)
        if (kind := _kind_of_what_cannot_decide(bundle)) is not None:
            return _accepted_alone(bundle, kind)
    with working("rebuilding the program from the policies, and testing it"):
        return _Accepted(proven(trusted(offer, store, wanted), wanted).parts)


def _claimed(data: bytes) -> Manifest:
    """The head of a manifest that nobody looked at yet. Raises BundleRefused."""
    envelope = decode(split(data)[0])
    if envelope.payload_type == SET_PAYLOAD_TYPE:
        return composition_from_bytes(envelope.unverified_payload).head
    return manifest_from_bytes(envelope.unverified_payload)


def _kind_of_what_cannot_decide(bundle: VerifiedBundle) -> PartKind | None:
    """People, and a bundle that needs others, decide only together with the rest."""
    if bundle.files and all(name.endswith(DIRECTORY_SUFFIX) for name in bundle.files):
        return "directory"
    if PROGRAM_FILE not in bundle.files and lines_of_part(bundle.files):
        return "bundle"
    return None


def _accepted_alone(bundle: VerifiedBundle, kind: PartKind) -> _Accepted:
    manifest = bundle.manifest
    check_compatible(manifest, pdp.__version__, metadata.version("tzdata"))
    if kind == "directory":
        check_is_directory(bundle)
    else:
        check_sources(manifest, bundle.files, may_be_guard=bundle.may_be_guard)
    part = Part(
        kind,
        manifest.name,
        manifest.revision,
        bundle.digest,
        bundle.signers,
        manifest.expires,
        bundle.fresh_until,
    )
    return _Accepted((part,), is_part=kind == "bundle")


def _hint(refused: BundleRefused, data: bytes, store: TrustStore) -> str:
    """What people most often got wrong: a key with a name, used without it."""
    if refused.cause is not Cause.UNKNOWN_KEY:
        return ""
    trust = store.bundles.get(_claimed(data).name)
    names = [] if trust is None else misnamed(decode(split(data)[0]), trust.signers)
    return "".join(
        f"; `{key_id}` is the key that the store calls `{name}`: build again and sign with"
        f" `--as {name}`"
        for key_id, name in names
    )


# ---------------------------------------------------------------- saying it


def _say_refused(refused: BundleRefused, hint: str, path: Path, form: Format) -> None:
    message = f"{refused}{hint}"
    if form is Format.JSON:
        print_json({"accepted": False, "cause": refused.cause.value, "message": message})
    console(stderr=True).print(
        f"[bold red]refused[/] ({refused.cause.value}): {safe(str(path))}: {safe(message)}"
    )


def _say(found: Unverified, accepted: _Accepted, path: Path, form: Format) -> None:
    whole, *others = accepted.parts
    if form is Format.JSON:
        print_json(
            {
                "accepted": True,
                "audience": head_of(found).audience,
                "is_part": accepted.is_part,
                **_part_to_json(whole),
                "with": [_part_to_json(part) for part in others],
            }
        )
        return
    out = console()
    out.print(f"[green]ok[/]: {safe(str(path))}: {title(found)}")
    if accepted.is_part:
        out.print(row("program", _PART))
    for line in _part_lines(whole):
        out.print(line)
    for part in others:
        out.print(row("with", f"{part.kind} [bold]{safe(part.name)}[/] revision {part.revision}"))
        for line in _part_lines(part):
            out.print(f"  {line}")


def _part_lines(part: Part) -> Iterator[str]:
    yield row("signed by", safe(", ".join(part.signers)))
    yield row("digest", part.digest)
    yield row("expires", time_to_text(part.expires))
    if part.fresh_until is not None:
        yield row("fresh until", time_to_text(part.fresh_until))


def _part_to_json(part: Part) -> dict[str, object]:
    fresh = None if part.fresh_until is None else time_to_text(part.fresh_until)
    return {
        "kind": part.kind,
        "name": part.name,
        "revision": part.revision,
        "digest": part.digest,
        "signers": list(part.signers),
        "expires": time_to_text(part.expires),
        "fresh_until": fresh,
    }
