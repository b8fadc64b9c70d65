"""`pdp status`: what decides at a server, until when, and what is in its way."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from pdp._proto import admin_pb2 as pb
from pdp._proto import log_pb2
from pdp.cli.administering import AdminOption, connected, moment, span
from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, FormatOption, console, counted, print_json, safe
from pdp.decisionlog.show import message_to_json
from pdp.overruling.orders import NUMBER_TO_KIND


def status(admin: AdminOption = None, form: FormatOption = Format.TEXT) -> None:
    """Show what decides, who signed it, until when it holds, and what is stopped.

    Exit 1 if the server answers nothing, or denies everything.
    """
    with connected(admin) as client:
        found = client.status()
    if form is Format.JSON:
        # What matters most is said also when it is false.
        print_json({"is_serving": found.is_serving, **message_to_json(found)})
    else:
        out = console()
        for line in lines(found):
            out.print(line)
    raise typer.Exit(Exit.SUCCESS if found.is_serving else Exit.FAILURE)


def lines(found: pb.StatusResponse) -> Iterator[str]:
    """The page for people, one marked-up line each."""
    if found.is_serving:
        yield _row("serving", f"[bold green]yes[/], as {safe(found.node)}")
    else:
        yield _row("serving", f"[bold red]no[/]: {safe(found.trouble)}")
    yield from _bundle_lines(found)
    for source in found.sources:
        yield _row("source", _source(source, found.now_unix_ns))
    if found.HasField("refused"):
        last = found.refused
        yield _row("refused", f"[yellow]{safe(last.cause)}[/] at {moment(last.time_unix_ns)}")
        yield _row("", f"{safe(last.message)} ({safe(last.source)})")
    if found.HasField("shadow"):
        yield _row("shadow", _shadow(found.shadow))
    for order in found.stops:
        yield from _stop_lines(order)
    for name in found.unsafe:
        yield _row("unsafe", f"[yellow]{safe(name)}[/]")
    yield _row("engine", safe(found.engine_version))


def _bundle_lines(found: pb.StatusResponse) -> Iterator[str]:
    bundle = found.bundle
    if not bundle.name:
        return
    revision = f", revision {bundle.revision}" if bundle.revision else ""
    signed = "" if bundle.is_signed else ", [yellow]unsigned[/]"
    yield _row("bundle", f"[bold]{safe(bundle.name)}[/] {safe(bundle.version)}{revision}{signed}")
    yield _row("digest", safe(bundle.digest))
    yield _row("since", moment(found.activated_unix_ns))
    if found.valid_until_unix_ns:
        yield _row("valid until", _until(found.valid_until_unix_ns, found.now_unix_ns))
    for part in found.parts:
        signers = ", ".join(part.signers)
        yield _row(
            "signed", f"{safe(part.kind)} {safe(part.name)} {part.revision} by {safe(signers)}"
        )


def _until(until_ns: int, now_ns: int) -> str:
    left_ns = until_ns - now_ns
    if left_ns > 0:
        return f"{moment(until_ns)} (in {span(left_ns)})"
    return f"{moment(until_ns)} ([bold red]{span(-left_ns)} ago[/])"


def _source(source: pb.SourceStatus, now_ns: int) -> str:
    read = "never read"
    if source.read_unix_ns:
        read = f"read {span(now_ns - source.read_unix_ns)} ago"
    trouble = f", [red]{safe(source.trouble)}[/]" if source.trouble else ""
    return f"{safe(source.use)} {safe(source.source)}: {read}{trouble}"


def _shadow(shadow: pb.ShadowStatus) -> str:
    bundle = shadow.bundle
    return (
        f"{safe(bundle.name)} {safe(bundle.version)}, revision {bundle.revision}:"
        f" of {counted(shadow.decisions, 'decision')}, {shadow.stricter} stricter,"
        f" {shadow.looser} looser, {shadow.asked} asked"
    )


def _stop_lines(order: log_pb2.StopOrder) -> Iterator[str]:
    kind = NUMBER_TO_KIND.get(order.kind)
    name = "unknown" if kind is None else kind.value
    yield _row("stopped", f"[red]{name} {safe(order.target)}[/] since {moment(order.time_unix_ns)}")
    yield _row("", f"by {safe(order.who)}: {safe(order.why)}")
    yield _row("", f"[dim]{safe(order.order_id)}[/]")


def _row(name: str, text: str) -> str:
    return f"[dim]{name:<12}[/]{text}"
