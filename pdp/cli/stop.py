"""`pdp stop`: deny from now on, without a key and without a bundle."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from pdp.cli.administering import AdminOption, WhoOption, WhyOption, asking, connected, moment
from pdp.cli.output import Format, FormatOption, console, print_json, safe
from pdp.decisionlog.show import message_to_json
from pdp.overruling.orders import KIND_TO_NUMBER, StopKind

KindArgument: TypeAlias = Annotated[
    StopKind, typer.Argument(metavar="agent|person|action|tool", help="What TARGET names.")
]
TargetArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="`Type::id` of an agent or a person, an action or its first words, or a tool as NAME"
        " or SERVER/NAME.",
    ),
]


def stop(
    kind: KindArgument,
    target: TargetArgument,
    *,
    why: WhyOption,
    who: WhoOption = None,
    admin: AdminOption = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Deny at once whatever an agent, person, action or tool is in.

    It lasts, also through restarts, until `pdp resume` takes it back. Exit 1 if it could not be
    made durable: then it is in force, but may end with the server.
    """
    with connected(admin) as client:
        order = client.stop(KIND_TO_NUMBER[kind], target, asking(who), why).order
    if form is Format.JSON:
        print_json({"order": message_to_json(order)})
        return
    out = console()
    out.print(f"[bold red]stopped[/] {kind.value} {safe(order.target)}")
    out.print(f"  [dim]order[/]  {safe(order.order_id)}")
    out.print(f"  [dim]since[/]  {moment(order.time_unix_ns)}")
    out.print(f"  [dim]who[/]    {safe(order.who)}")
    out.print(f'  [dim]back[/]   pdp resume {safe(order.order_id)} --why "…"')
