"""`pdp bundle verify`: whether a bundle file would be accepted under a trust store, and why not."""

from __future__ import annotations

import datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

import pdp
from pdp.activation.building import check_sources, misnamed, unverified
from pdp.activation.compatibility import check_compatible
from pdp.activation.release import PROGRAM_FILE
from pdp.bundles.documents.fields import time_to_text
from pdp.bundles.documents.truststore import TrustStore
from pdp.bundles.envelope import BYTES_MAX as ENVELOPE_BYTES_MAX
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.bundles.verification import Demands, VerifiedBundle, verify
from pdp.cli.bundle.showing import BundleFile, read_bundle, read_store, row, working
from pdp.cli.exit_codes import Exit
from pdp.cli.moments import NowOption, now_or
from pdp.cli.output import Format, FormatOption, console, counted, print_json, safe
from pdp.cli.wholefiles import read_whole

TrustOption = Annotated[
    Path, typer.Option("--trust", metavar="STORE", help="The trust store: whom to believe.")
]


def verify_bundle(
    path: BundleFile,
    trust: TrustOption,
    freshness: Annotated[
        Path | None,
        typer.Option(
            "--freshness", metavar="FILE", help="A freshness statement, which must hold, too."
        ),
    ] = None,
    now: NowOption = "",
    form: FormatOption = Format.TEXT,
) -> None:
    """Say whether a server would accept a bundle file.

    Checks signatures, times and hashes under the trust store, the program, rebuilt from the
    policies, and this engine. What was active before is the server's to know. Exit 3, with the
    cause, if it would not.
    """
    store, data, at = read_store(trust), read_bundle(path), now_or(now)
    statement = None if freshness is None else read_whole(freshness, ENVELOPE_BYTES_MAX)
    try:
        bundle = _verified(data, store, at, statement)
    except BundleRefused as refused:
        _say_refused(refused, _hint(refused, data, store), path, form)
        raise typer.Exit(Exit.INVALID) from None
    _say(bundle, path, form)


def _verified(
    data: bytes, store: TrustStore, now: datetime.datetime, statement: bytes | None
) -> VerifiedBundle:
    """As a server would, but for what it remembers. Raises BundleRefused."""
    # The name only selects whom to believe; everything is verified under that.
    demands = Demands(unverified(data).manifest.name, now, floor=None, require_freshness=False)
    bundle = verify(data, store, demands, statement)
    check_compatible(bundle.manifest, pdp.__version__, metadata.version("tzdata"))
    with working("rebuilding the program from the policies"):
        check_sources(bundle.manifest, bundle.files, may_be_guard=bundle.may_be_guard)
    return bundle


def _hint(refused: BundleRefused, data: bytes, store: TrustStore) -> str:
    """What people most often got wrong: a key with a name, used without it."""
    if refused.cause is not Cause.UNKNOWN_KEY:
        return ""
    bundle = unverified(data)
    names = misnamed(bundle.envelope, store.trust_of(bundle.manifest.name).signers)
    return "".join(
        f"; `{key_id}` is the key that the store calls `{name}`: build again and sign with"
        f" `--as {name}`"
        for key_id, name in names
    )


def _say_refused(refused: BundleRefused, hint: str, path: Path, form: Format) -> None:
    message = f"{refused}{hint}"
    if form is Format.JSON:
        print_json({"accepted": False, "cause": refused.cause.value, "message": message})
    console(stderr=True).print(
        f"[bold red]refused[/] ({refused.cause.value}): {safe(str(path))}: {safe(message)}"
    )


def _say(bundle: VerifiedBundle, path: Path, form: Format) -> None:
    manifest = bundle.manifest
    fresh = None if bundle.fresh_until is None else time_to_text(bundle.fresh_until)
    if form is Format.JSON:
        print_json(
            {
                "accepted": True,
                "name": manifest.name,
                "audience": manifest.audience,
                "revision": manifest.revision,
                "digest": bundle.digest,
                "signers": list(bundle.signers),
                "is_part": PROGRAM_FILE not in bundle.files,
                "expires": time_to_text(manifest.expires),
                "fresh_until": fresh,
            }
        )
        return
    out = console()
    out.print(
        f"[green]ok[/]: {safe(str(path))}: {safe(manifest.name)} revision {manifest.revision} for"
        f" {safe(manifest.audience)}, {counted(len(manifest.files), 'file')}"
    )
    if PROGRAM_FILE not in bundle.files:
        out.print(row("program", "none: a part of a set, to be checked with the others"))
    out.print(row("signed by", safe(", ".join(bundle.signers))))
    out.print(row("digest", bundle.digest))
    out.print(row("expires", time_to_text(manifest.expires)))
    if fresh is not None:
        out.print(row("fresh until", fresh))
