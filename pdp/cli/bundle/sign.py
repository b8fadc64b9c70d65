"""`pdp bundle sign`: one more signature on whatever is signed, after showing what that is."""

from __future__ import annotations

from pathlib import Path

from pdp.activation.assembling.signing import sign
from pdp.bundles.keys import PrivateKey
from pdp.cli.bundle.showing import (
    BundleFile,
    Unverified,
    found_in,
    found_or_exit,
    print_lines,
    read_bundle,
    signature_ids,
    signature_lines,
    signed_lines,
    title,
    to_json,
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
    found = found_or_exit(data, path)
    check_can_ask(yes=yes)
    if form is Format.TEXT:
        print_lines(signed_lines(found))
        print_lines(signature_lines(found.envelope))
    ask(f"sign this as `{safe(key_id)}`?", yes=yes)
    signed = _signed(data, key, key_id)
    write_whole(path, signed)
    _say(found_in(signed), path, key_id, form)


def _signed(data: bytes, key: PrivateKey, key_id: str) -> bytes:
    with working("rebuilding the program from the policies"):
        return sign(data, key, key_id)


def _say(found: Unverified, path: Path, key_id: str, form: Format) -> None:
    ids = signature_ids(found.envelope)
    if form is Format.JSON:
        report = {"file": str(path), "signed_as": key_id, "signatures": ids}
        print_json({**report, **to_json(found)})
        return
    out = console()
    out.print(f"[green]ok[/]: {safe(str(path))}: {title(found)}")
    out.print(f"signed by {safe(', '.join(ids))}")
