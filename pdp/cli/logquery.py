"""`pdp log query`: which records of the decision log say something, as text, JSON lines or CSV."""

from __future__ import annotations

import csv
import enum
import importlib
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pdp.audit.errors import QueryRefused
from pdp.audit.filters import Filters
from pdp.cli.exit_codes import Exit
from pdp.cli.log import Directory, reading
from pdp.cli.logexport import watching
from pdp.cli.moments import moment_us
from pdp.cli.output import EFFECT_STYLE, console, fail, print_json_line, safe
from pdp.cli.reports.cells import csv_cell, json_cell, text_cell
from pdp.model import DenyCause, Effect

if TYPE_CHECKING:
    from pdp.audit.query import Log

_LIBRARY: Final = "pdp.audit.query"
_STYLES: Final = {effect.value: style for effect, style in EFFECT_STYLE.items()}
_EFFECT_COLUMNS: Final = len("require_approval")


class QueryFormat(enum.StrEnum):
    """How rows are printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


def _option(name: str, metavar: str, text: str) -> Any:
    return typer.Option(name, metavar=metavar, help=text)


def query(
    directory: Directory,
    *,
    person: Annotated[str, _option("--person", "TYPE::ID", "Who answers for it.")] = "",
    agent: Annotated[str, _option("--agent", "TYPE::ID", "Who acted.")] = "",
    policy: Annotated[str, _option("--policy", "NAME", "A policy that decided.")] = "",
    rule: Annotated[str, _option("--rule", "POLICY.RULE", "A rule that decided.")] = "",
    owner: Annotated[str, _option("--owner", "OWNER", "The owner of such a rule.")] = "",
    action: Annotated[str, _option("--action", "ACTION", "What was asked for.")] = "",
    decision: Annotated[str, _option("--decision", "EFFECT", "allow, deny or …approval.")] = "",
    cause: Annotated[str, _option("--cause", "CAUSE", "Why it was denied, such as no_allow.")] = "",
    since: Annotated[str, _option("--since", "RFC3339", "From that time on.")] = "",
    until: Annotated[str, _option("--until", "RFC3339", "Before that time.")] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="At most the first N.")
    ] = None,
    sql: Annotated[str, _option("--sql", "SELECT", "A query of your own, over `log`.")] = "",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Believe no kept table; make all anew.")
    ] = False,
    form: Annotated[
        QueryFormat,
        typer.Option("--format", metavar="text|json|csv", help="For people, programs or sheets."),
    ] = QueryFormat.TEXT,
) -> None:
    """Find records by person, agent, policy, time and more.

    All filters given must hold. --sql takes one select over the table `log` instead; it can read
    nothing else. Columns are in docs/decision-log.md. Exit 1 if the log is damaged.
    """
    filters = Filters(
        person=_uid(person, "--person"),
        agent=_uid(agent, "--agent"),
        policy=policy or None,
        rule=_rule(rule),
        owner=owner or None,
        action=action or None,
        effect=_member(decision, "--decision", [effect.value for effect in Effect]),
        cause=_member(cause, "--cause", [item.value for item in DenyCause]),
        since_us=moment_us(since, "--since") if since else None,
        until_us=moment_us(until, "--until") if until else None,
    )
    if sql and (filters != Filters() or limit is not None):
        fail("give `--sql` or filters: with `--sql`, the query says it all", Exit.INVALID)
    # Loaded by name: every other command starts without these libraries.
    library = importlib.import_module(_LIBRARY)
    with reading(directory), watching("reading") as watch:
        log: Log = library.Log(directory, fresh=fresh, watch=watch)
    with closing(log):
        if log.trouble:
            console(stderr=True).print(f"[yellow]note[/]: no table is kept: {safe(log.trouble)}")
        try:
            if sql:
                _print(*log.asked(sql), form)
            elif form is QueryFormat.TEXT:
                _print_summaries(library.SHOWN, log.filtered(filters, limit))
            else:
                _print(library.SHOWN, log.filtered(filters, limit), form)
        except QueryRefused as error:
            fail(str(error), Exit.INVALID)


def _uid(text: str, option: str) -> str | None:
    kind, colons, name = text.partition("::")
    if text and not (kind and colons and name):
        fail(f"`{option} {text}`: write it as Type::id, such as User::ann", Exit.INVALID)
    return text or None


def _rule(text: str) -> str | None:
    policy, dot, name = text.rpartition(".")
    if text and not (policy and dot and name):
        fail(f"`--rule {text}`: write it as policy.rule, such as refunds.small", Exit.INVALID)
    return text or None


def _member(text: str, option: str, known: list[str]) -> str | None:
    if text and text not in known:
        fail(f"`{option} {text}`: expected one of {', '.join(known)}", Exit.INVALID)
    return text or None


def _print(names: tuple[str, ...], rows: Iterator[tuple[Any, ...]], form: QueryFormat) -> None:
    """Every cell of every row."""
    if form is QueryFormat.JSON:
        for row in rows:
            print_json_line(dict(zip(names, map(json_cell, row), strict=True)))
        return
    if form is QueryFormat.CSV:
        sheet = csv.writer(sys.stdout, lineterminator="\n")
        sheet.writerow(map(csv_cell, names))
        sheet.writerows(map(csv_cell, row) for row in rows)
        return
    out = console()
    out.print(" | ".join(map(safe, names)), style="bold")
    for row in rows:
        out.print(" | ".join(safe(text_cell(value)) for value in row))


def _print_summaries(names: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> None:
    out = console()
    for row in rows:
        out.print(_summary(dict(zip(names, row, strict=True))).rstrip())


def _summary(row: dict[str, Any]) -> str:
    """One line: sequence, time, effect or kind, action, who for whom, and why."""
    told = {name: safe(text_cell(value)) for name, value in row.items()}
    what = told["effect"] or told["kind"]
    line = (
        f"{told['seq']:>8} {told['time']} [{_STYLES.get(what, 'none')}]{what:<{_EFFECT_COLUMNS}}[/]"
    )
    for word, name in (("", "action"), ("on ", "resource"), ("by ", "agent"), ("for ", "person")):
        line += f" {word}{told[name]}" if told[name] else ""
    names = [told["cause"]] if told["cause"] not in ("", "rule") else []
    names += [safe(item) for item in [*(row["rules"] or ()), *(row["errors"] or ())]]
    return f"{line}: {', '.join(names)}" if names else line
