"""`pdp bundle freshness`: a signed word that something is still the newest, for some hours."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

from pdp.bundles.documents.fields import time_to_text
from pdp.bundles.documents.freshness import (
    AHEAD_MAX,
    PAYLOAD_TYPE,
    Statement,
    statement_to_bytes,
)
from pdp.bundles.envelope import sign
from pdp.cli.bundle.showing import BundleFile, found_or_exit, head_of, read_bundle
from pdp.cli.exit_codes import Exit
from pdp.cli.moments import NowOption, now_or, span
from pdp.cli.output import Format, FormatOption, console, fail, print_json, safe
from pdp.cli.signing import AsOption, KeyOption, id_for, read_key
from pdp.cli.wholefiles import OutputOption, write_whole


def state_freshness(
    path: BundleFile,
    *,
    key_file: KeyOption,
    output: OutputOption,
    lasting: Annotated[
        str,
        typer.Option("--for", metavar="SPAN", help="How long it holds, such as 12h; at most 24h."),
    ],
    name: AsOption = "",
    now: NowOption = "",
    form: FormatOption = Format.TEXT,
) -> None:
    """Sign that a bundle or set is still the newest, for some hours.

    To be run again and again by the machine that publishes, with the store's freshness key.
    """
    key = read_key(key_file)
    lasts = _at_most_a_day(lasting)
    found = found_or_exit(read_bundle(path), path)
    head = head_of(found)
    statement = Statement(head.name, head.revision, found.digest, now_or(now) + lasts)
    key_id = id_for(key, name)
    write_whole(output, sign(PAYLOAD_TYPE, statement_to_bytes(statement), {key_id: key}))
    until = time_to_text(statement.expires)
    if form is Format.JSON:
        told = {"file": str(output), "name": head.name, "revision": head.revision}
        print_json({**told, "digest": found.digest, "expires": until, "signed_as": key_id})
        return
    console().print(
        f"[green]ok[/]: {safe(str(output))}: {safe(head.name)} revision {head.revision} is"
        f" the newest until {until}, says {safe(key_id)}"
    )


def _at_most_a_day(text: str) -> datetime.timedelta:
    found = span(text, "--for")
    if found > AHEAD_MAX:
        fail(
            f"`--for {text}`: expected at most 24h, so that a frozen bundle is noticed",
            Exit.INVALID,
        )
    return found
