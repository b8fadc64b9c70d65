"""`pdp bundle sign`: one more signature on a bundle file, after showing what is signed."""

from __future__ import annotations

from pathlib import Path

from pdp.activation.building import UnverifiedBundle, sign, unverified
from pdp.bundles.keys import PrivateKey
from pdp.cli.bundle.showing import (
    BundleFile,
    manifest_lines,
    manifest_to_json,
    print_lines,
    read_bundle,
    signature_lines,
    title,
    unverified_or_exit,
    working,
)
from pdp.cli.output import Format, FormatOption, console, print_json, safe
from pdp.cli.signing import AsOption, KeyOption, YesOption, ask, check_can_ask, id_for, read_key
from pdp.cli.wholefiles import write_whole


def sign_bundle(
    path: BundleFile,
    key_file: KeyOption,
    name: AsOption = "",
    *,
    yes: YesOption = False,
    form: FormatOption = Format.TEXT,
) -> None:
    """Add your signature, after showing what you sign.

    The program is rebuilt from the policies first, and must be the same. Exit 3 if it is not, or
    if this key has signed already.
    """
    key = read_key(key_file)
    key_id = id_for(key, name)
    data = read_bundle(path)
    bundle = unverified_or_exit(data, path)
    check_can_ask(yes=yes)
    if form is Format.TEXT:
        print_lines(manifest_lines(bundle))
        print_lines(signature_lines(bundle))
    ask(f"sign this as `{safe(key_id)}`?", yes=yes)
    signed = _signed(data, key, key_id)
    write_whole(path, signed)
    _say(unverified(signed), path, key_id, form)


def _signed(data: bytes, key: PrivateKey, key_id: str) -> bytes:
    with working("rebuilding the program from the policies"):
        return sign(data, key, key_id)


def _say(bundle: UnverifiedBundle, path: Path, key_id: str, form: Format) -> None:
    ids = [one.key_id for one in bundle.envelope.signatures]
    if form is Format.JSON:
        report = {"file": str(path), "signed_as": key_id, "signatures": ids}
        print_json({**report, **manifest_to_json(bundle)})
        return
    out = console()
    out.print(f"[green]ok[/]: {safe(str(path))}: {title(bundle)}")
    out.print(f"signed by {safe(', '.join(ids))}")
