"""What the operator's commands share: the server's socket, who asks, how times are told."""

from __future__ import annotations

import getpass
import platform
from typing import Annotated, Final, TypeAlias

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.output import fail
from pdp.client.admin import AdminClient
from pdp.decisionlog.show import time_text

AdminOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--admin", metavar="unix:PATH", envvar="PDP_ADMIN", help="The server's operator socket."
    ),
]
WhoOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--who", metavar="NAME", help="Who asks. Left out: your login and this host."),
]
WhyOption: TypeAlias = Annotated[
    str, typer.Option("--why", metavar="TEXT", help="Why; it is kept in the decision log.")
]

_NS_PER_S: Final = 1_000_000_000
_UNITS_S: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def connected(admin: str | None) -> AdminClient:
    """The client of the server that was named. Raises PdpError if none answers there."""
    if not admin:
        fail("name the server's socket, with `--admin unix:PATH` or PDP_ADMIN", Exit.INVALID)
    return AdminClient(admin)


def asking(who: str | None) -> str:
    """Who asks, as it is kept: what was given, else login and host."""
    if who is not None:
        return who
    try:
        login = getpass.getuser()
    except (KeyError, OSError):
        fail("this user has no name; say who asks, with `--who`", Exit.INVALID)
    return f"{login}@{platform.node() or 'unnamed'}"


def moment(unix_ns: int) -> str:
    """RFC 3339 in UTC, to the second."""
    return f"{time_text(unix_ns).partition('.')[0]}Z"


def span(span_ns: int) -> str:
    """The two largest units of a time that passes: ``3 d 4 h``, ``45 s``."""
    rest_s = max(0, span_ns // _NS_PER_S)
    parts: list[str] = []
    for unit_s, unit in _UNITS_S:
        count, rest_s = divmod(rest_s, unit_s)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
