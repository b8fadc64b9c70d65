"""`pdp bundle push`: have a server decide by a bundle now, or put it where servers look."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from pdp._proto import admin_pb2 as pb
from pdp.bundles.envelope import BYTES_MAX as STATEMENT_BYTES_MAX
from pdp.bundles.flatfile import TOTAL_BYTES_MAX
from pdp.bundles.sources import places
from pdp.cli.administering import AdminOption, connected
from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, FormatOption, console, counted, fail, print_json, safe
from pdp.cli.wholefiles import read_whole
from pdp.decisionlog.show import message_to_json

BundleArgument: TypeAlias = Annotated[
    Path, typer.Argument(metavar="FILE", help="A signed bundle, or a set of bundles.")
]
FreshnessOption: TypeAlias = Annotated[
    Path | None, typer.Option("--freshness", metavar="FILE", help="A freshness statement for it.")
]

ToOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="URI",
        help="Put the file there instead, for servers that read it: a path, http(s)://, s3:// or"
        " oci://.",
    ),
]

_PUT_TIMEOUT_S: Final = 300.0


def push_bundle(
    bundle: BundleArgument,
    *,
    freshness: FreshnessOption = None,
    admin: AdminOption = None,
    to: ToOption = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Have a server decide by a signed bundle, from now on.

    The server verifies it as if its source had sent it. Exit 3 if it refuses; then what decided
    before goes on deciding.
    """
    data = _read(bundle, TOTAL_BYTES_MAX)
    if to is not None:
        _put(data, to, freshness, form)
        return
    statement = b"" if freshness is None else _read(freshness, STATEMENT_BYTES_MAX)
    with connected(admin) as client:
        answer = client.activate(data, statement)
    if form is Format.JSON:
        print_json({"is_activated": answer.is_activated, **message_to_json(answer)})
        raise typer.Exit(Exit.SUCCESS if answer.is_activated else Exit.INVALID)
    if not answer.is_activated:
        refused = answer.refused
        fail(f"not activated, {refused.cause}: {refused.message}", Exit.INVALID)
    _show(answer)


def _put(data: bytes, to: str, freshness: Path | None, form: Format) -> None:
    if freshness is not None:
        fail("a freshness statement has a place of its own; push it there by itself", Exit.INVALID)
    places.put(to, data, timeout_s=_PUT_TIMEOUT_S)
    if form is Format.JSON:
        print_json({"to": places.shown(to), "size_bytes": len(data)})
    else:
        console().print(f"put {counted(len(data), 'byte')} at {safe(places.shown(to))}")


def _show(answer: pb.ActivateResponse) -> None:
    bundle = answer.bundle
    out = console()
    out.print(
        f"[bold green]decides now[/]  {safe(bundle.name)} {safe(bundle.version)},"
        f" revision {bundle.revision}"
    )
    out.print(f"digest       {safe(bundle.digest)}")


def _read(path: Path, bytes_max: int) -> bytes:
    data = read_whole(path, bytes_max)
    if len(data) > bytes_max:
        fail(f"`{path}` is larger than {bytes_max} bytes", Exit.INVALID)
    if not data:
        fail(f"`{path}` is empty; name a signed file", Exit.INVALID)
    return data
