"""`pdp bundle inspect`: what a bundle file says of itself. It is never trusted here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from pdp.activation.building import UnverifiedBundle, misnamed
from pdp.bundles.documents.truststore import TrustStore
from pdp.bundles.envelope import distinct, holding
from pdp.cli.bundle.showing import (
    BundleFile,
    manifest_lines,
    manifest_to_json,
    print_lines,
    read_bundle,
    read_store,
    row,
    signature_lines,
    unverified_or_exit,
)
from pdp.cli.output import Format, FormatOption, console, print_json, safe

_HOLDS = "holds"
_FAILS = "does not hold"
_UNKNOWN = "of a key that the trust store does not know"
_STYLES = {_HOLDS: "green", _FAILS: "bold red", _UNKNOWN: "yellow"}


def inspect_bundle(
    path: BundleFile,
    trust: Annotated[
        Path | None,
        typer.Option("--trust", metavar="STORE", help="Say which signatures hold under it."),
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Show what a bundle file says of itself, and who signed it.

    Nothing is accepted by this: only `pdp bundle verify` says what a server would.
    """
    bundle = unverified_or_exit(read_bundle(path), path)
    store = None if trust is None else read_store(trust)
    if form is Format.JSON:
        _print_json(bundle, store)
        return
    print_lines(manifest_lines(bundle))
    if store is None:
        print_lines(signature_lines(bundle))
        console().print("[yellow]unverified[/]: name a trust store with `--trust`")
    else:
        print_lines(_checked_lines(bundle, store))


def _checked_lines(bundle: UnverifiedBundle, store: TrustStore) -> Iterator[str]:
    trust = store.trust_of(bundle.manifest.name)
    found = _found(bundle, store)
    count = distinct(holding(bundle.envelope, trust.signers), trust.signers)
    style = "green" if count >= trust.signers.threshold else "bold red"
    text = f"{count} of {trust.signers.threshold} needed signatures hold"
    yield row("signatures", f"[{style}]{text}[/]")
    for key_id, outcome in found:
        yield f"  [{_STYLES[outcome]}]{outcome}[/]: {safe(key_id)}"
    for key_id, name in misnamed(bundle.envelope, trust.signers):
        yield f"  {safe(key_id)} is the key that the store calls {safe(name)}: sign as that"
    yield "this is no verdict: `pdp bundle verify` gives one"


def _found(bundle: UnverifiedBundle, store: TrustStore) -> list[tuple[str, str]]:
    signers = store.trust_of(bundle.manifest.name).signers
    held = holding(bundle.envelope, signers)
    found: list[tuple[str, str]] = []
    for one in bundle.envelope.signatures:
        if one.key_id in held:
            found.append((one.key_id, _HOLDS))
        else:
            found.append((one.key_id, _FAILS if one.key_id in signers.keys else _UNKNOWN))
    return found


def _print_json(bundle: UnverifiedBundle, store: TrustStore | None) -> None:
    ids = [one.key_id for one in bundle.envelope.signatures]
    report: dict[str, object] = {"verified": False, **manifest_to_json(bundle)}
    if store is None:
        report["signatures"] = [{"key_id": key_id, "holds": None} for key_id in ids]
    else:
        report["signatures"] = [
            {"key_id": key_id, "holds": outcome == _HOLDS}
            for key_id, outcome in _found(bundle, store)
        ]
    print_json(report)
