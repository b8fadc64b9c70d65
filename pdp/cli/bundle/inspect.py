"""`pdp bundle inspect`: what a bundle or set says of itself. It is never trusted here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp.activation.assembling.sets import UnverifiedSet
from pdp.activation.building import misnamed
from pdp.bundles.documents.truststore import Signers, TrustStore
from pdp.bundles.envelope import Envelope, distinct, holding
from pdp.cli.bundle.showing import (
    BundleFile,
    Unverified,
    found_or_exit,
    head_of,
    member_to_json,
    print_lines,
    read_bundle,
    read_store,
    row,
    signature_ids,
    signature_lines,
    signed_lines,
    to_json,
)
from pdp.cli.output import Format, FormatOption, console, print_json, safe

_HOLDS: Final = "holds"
_FAILS: Final = "does not hold"
_UNKNOWN: Final = "of a key that the trust store does not know"
_STYLES: Final = {_HOLDS: "green", _FAILS: "bold red", _UNKNOWN: "yellow"}


def inspect_bundle(
    path: BundleFile,
    trust: Annotated[
        Path | None,
        typer.Option("--trust", metavar="STORE", help="Say which signatures hold under it."),
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Show what a bundle or set says of itself, and who signed it.

    Nothing is accepted by this: only `pdp bundle verify` says what a server would.
    """
    found = found_or_exit(read_bundle(path), path)
    store = None if trust is None else read_store(trust)
    if form is Format.JSON:
        _print_json(found, store)
        return
    print_lines(signed_lines(found))
    if store is None:
        print_lines(signature_lines(found.envelope))
        console().print("[yellow]unverified[/]: name a trust store with `--trust`")
    else:
        print_lines(_checked_lines(found, store))


def _checked_lines(found: Unverified, store: TrustStore) -> Iterator[str]:
    name = head_of(found).name
    yield from _envelope_lines("signatures", found.envelope, store.trust_of(name).signers)
    for member in found.members if isinstance(found, UnverifiedSet) else ():
        name = member.manifest.name
        if name in store.bundles:
            yield f"of [bold]{safe(name)}[/]"
            yield from _envelope_lines("signatures", member.envelope, store.bundles[name].signers)
        else:
            yield f"of [bold]{safe(name)}[/] the trust store knows nothing"
    yield "this is no verdict: `pdp bundle verify` gives one"


def _envelope_lines(name: str, envelope: Envelope, signers: Signers) -> Iterator[str]:
    count = distinct(holding(envelope, signers), signers)
    style = "green" if count >= signers.threshold else "bold red"
    text = f"{count} of {signers.threshold} needed signatures hold"
    yield row(name, f"[{style}]{text}[/]")
    for key_id, outcome in _outcomes(envelope, signers):
        yield f"  [{_STYLES[outcome]}]{outcome}[/]: {safe(key_id)}"
    for key_id, known_as in misnamed(envelope, signers):
        yield f"  {safe(key_id)} is the key that the store calls {safe(known_as)}: sign as that"


def _outcomes(envelope: Envelope, signers: Signers) -> list[tuple[str, str]]:
    held = holding(envelope, signers)
    found: list[tuple[str, str]] = []
    for key_id in signature_ids(envelope):
        if key_id in held:
            found.append((key_id, _HOLDS))
        else:
            found.append((key_id, _FAILS if key_id in signers.keys else _UNKNOWN))
    return found


def _print_json(found: Unverified, store: TrustStore | None) -> None:
    report: dict[str, object] = {"verified": False, **to_json(found)}
    signers = None if store is None else store.trust_of(head_of(found).name).signers
    report["signatures"] = _judged(found.envelope, signers)
    if isinstance(found, UnverifiedSet):
        known = {} if store is None else store.bundles
        report["bundles"] = [
            {
                **member_to_json(member),
                "signatures": _judged(member.envelope, None if trust is None else trust.signers),
            }
            for member in found.members
            for trust in [known.get(member.manifest.name)]
        ]
    print_json(report)


def _judged(envelope: Envelope, signers: Signers | None) -> list[dict[str, object]]:
    if signers is None:
        return [{"key_id": key_id, "holds": None} for key_id in signature_ids(envelope)]
    return [
        {"key_id": key_id, "holds": outcome == _HOLDS}
        for key_id, outcome in _outcomes(envelope, signers)
    ]
