"""`pdp resume`: take one stop order back."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from pdp.cli.administering import AdminOption, WhoOption, WhyOption, asking, connected
from pdp.cli.output import Format, FormatOption, console, print_json, safe
from pdp.decisionlog.show import message_to_json
from pdp.overruling.orders import NUMBER_TO_KIND

OrderArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ORDER", help="The order's id, as `pdp stop` and `status` show it.")
]


def resume(
    order_id: OrderArgument,
    *,
    why: WhyOption,
    who: WhoOption = None,
    admin: AdminOption = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Let the policies decide again about what one order stopped.

    Exit 1 if that could not be made durable: then the order goes on.
    """
    with connected(admin) as client:
        order = client.resume(order_id, asking(who), why).order
    if form is Format.JSON:
        print_json({"order": message_to_json(order)})
        return
    kind = NUMBER_TO_KIND[order.kind].value
    out = console()
    out.print(f"[bold green]resumed[/] {kind} {safe(order.target)}")
    out.print(f"  [dim]order[/]  {safe(order.order_id)}, given by {safe(order.who)}")
