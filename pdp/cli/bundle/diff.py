"""`pdp bundle diff`: what a new version says and decides otherwise, for whoever reviews it."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pdp.activation.comparing.asking import MADE_UP, Asked, logged, made_up
from pdp.activation.comparing.changes import Change, Changes, changes
from pdp.activation.comparing.flips import Direction, Example, Flip, Flips, flips
from pdp.activation.comparing.sides import Side, side_of_bytes, side_of_files
from pdp.bundles.flatfile import MAGIC
from pdp.cli.bundle.showing import read_bundle, working
from pdp.cli.exit_codes import Exit
from pdp.cli.output import (
    Format,
    FormatOption,
    console,
    fail,
    json_text,
    print_json,
    safe,
)
from pdp.cli.policyfiles import read_policies, root_of, show_diagnostics
from pdp.decisionlog.reader import records
from pdp.decisionlog.show import message_to_json
from pdp.lang.diagnostics import Diagnostic
from pdp.model import BundleError, PolicyError
from pdp.protoform import request_to_proto

REQUESTS: Final = 2_000
REQUESTS_MAX: Final = 1_000_000
_STYLES: Final = {
    Direction.LOOSER: "bold red",
    Direction.STRICTER: "green",
    Direction.ASKED: "yellow",
    Direction.OTHERWISE: "cyan",
}
_SIGNS: Final = {"added": "[green]+[/]", "removed": "[red]-[/]", "changed": "[yellow]~[/]"}
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_Item = TypeVar("_Item")

VersionArgument: TypeAlias = Annotated[
    Path, typer.Argument(help="A bundle file, a set file or a policy directory; signed or not.")
]
DirectoryOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--directory", metavar="FILE", help="The directory bundle beside both versions."),
]


def diff_bundles(
    old: VersionArgument,
    new: VersionArgument,
    *,
    directory: DirectoryOption = None,
    old_directory: Annotated[
        Path | None,
        typer.Option("--old-directory", metavar="FILE", help="Another one for the old version."),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="DIR", help="Also ask what a decision log says was asked."),
    ] = None,
    count: Annotated[
        int,
        typer.Option(
            "--requests", metavar="N", min=0, max=REQUESTS_MAX, help="How many to make up."
        ),
    ] = REQUESTS,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Make up other requests.")] = 1,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 1 if any decision differs.")
    ] = False,
    form: FormatOption = Format.TEXT,
) -> None:
    """Tell a reviewer what a new version says and decides otherwise.

    Both are asked the same requests, made up and logged. That nothing differed proves nothing about
    what was not asked.
    """
    before = _side(old, old_directory or directory)
    after = _side(new, directory)
    said = changes(before, after)
    different = frozenset(change.name for change in said.rules)
    drawn = made_up(before, after, different, seed, count)
    tried = flips(
        before,
        after,
        _with_progress(drawn.asked, drawn.count, "made-up requests"),
        strangers=drawn.strangers,
        different=different,
    )
    replayed, replay = None, _Replay()
    if log is not None:
        with working("asking what was logged"):
            asked = replay.usable(logged(records(log)))
            replayed = flips(before, after, asked, different=different)
    if form is Format.JSON:
        print_json(_to_json(said, tried, replayed, replay.skipped))
    else:
        _print(said, tried, replayed, replay.skipped)
    is_other = bool(tried.by_direction) or (replayed is not None and bool(replayed.by_direction))
    raise typer.Exit(Exit.FAILURE if exit_code and is_other else Exit.SUCCESS)


@dataclass(slots=True)
class _Replay:
    """Counts what cannot be asked again; a log may be larger than memory."""

    skipped: int = 0

    def usable(self, asked: Iterable[Asked | None]) -> Iterator[Asked]:
        for one in asked:
            if one is None:
                self.skipped += 1
            else:
                yield one


def _side(path: Path, directory: Path | None) -> Side:
    """One version; what cannot decide ends the command, with everything that is wrong."""
    people = None if directory is None else read_bundle(directory)
    files: Mapping[str, bytes] = {}
    try:
        with working(f"reading {safe(str(path))}"):
            if path.is_dir():
                files = read_policies(path)
                return side_of_files(files, people)
            data = read_bundle(path)
            if not data.startswith(MAGIC):
                fail(f"`{path}` is no bundle, no set and no policy directory", Exit.INVALID)
            return side_of_bytes(data, people)
    except PolicyError as error:
        found = [item for item in error.diagnostics if isinstance(item, Diagnostic)]
        show_diagnostics(found, files, Format.TEXT, root_of(path))
        fail(f"`{path}`: {error}", Exit.INVALID)
    except BundleError as error:
        fail(f"`{path}`: {error}", Exit.INVALID)


def _with_progress(items: Iterable[_Item], total: int, what: str) -> Iterator[_Item]:
    """The items; on a terminal, a bar shows how far it is."""
    out = console(stderr=True)
    if not out.is_terminal or not total:
        yield from items
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        yield from progress.track(items, total=total, description=what)


# ---------------------------------------------------------------- for people


def _print(said: Changes, tried: Flips, replayed: Flips | None, skipped: int) -> None:
    out = console()
    for title, listed in _sections(said):
        if listed:
            out.print(f"[bold]{title}[/]")
            for change in listed:
                for line in _change_lines(change):
                    out.print(line)
            out.print()
    if not said:
        out.print("nothing is said otherwise\n")
    for line in _flip_lines("made-up requests", tried, 0):
        out.print(line)
    if replayed is not None:
        for line in _flip_lines("logged requests", replayed, skipped):
            out.print(line)


def _sections(said: Changes) -> Iterator[tuple[str, tuple[Change, ...]]]:
    yield "manifest", said.manifest
    yield "declarations", said.declarations
    yield "rules", said.rules
    yield "data", said.data
    yield "people", said.people


def _change_lines(change: Change) -> Iterator[str]:
    name = f"{change.kind} [bold]{safe(change.name)}[/]" if change.name else change.kind
    owner = f"  [dim]{safe(change.owner)}[/]" if change.owner else ""
    yield f"  {_SIGNS[change.what]} {name}{owner}"
    before, after = _lines(change.before), _lines(change.after)
    if before == after:
        yield "      [dim]the text is the same: what it uses has changed[/]"
        return
    for line in difflib.ndiff(before, after):
        match line[:2]:
            case "- ":
                yield f"      [red]- {safe(line[2:])}[/]"
            case "+ ":
                yield f"      [green]+ {safe(line[2:])}[/]"
            case "  " if change.what == "changed":
                yield f"        [dim]{safe(line[2:])}[/]"
            case _:
                continue


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _flip_lines(what: str, found: Flips, skipped: int) -> Iterator[str]:
    total = sum(found.by_direction.values())
    verdict = f"{total:,} decided otherwise" if total else "[green]none decided otherwise[/]"
    left_out = f"; {skipped:,} cannot be asked again" if skipped else ""
    yield f"[bold]{what}[/]: {found.asked:,} asked, {verdict}{left_out}"
    for direction in Direction:
        count = found.by_direction.get(direction, 0)
        if not count:
            continue
        yield f"  [{_STYLES[direction]}]{direction.value}[/] {count:,}"
        for flip in found.sorted():
            if flip.direction is direction:
                yield from _example_lines(flip)


def _example_lines(flip: Flip) -> Iterator[str]:
    by = f"[bold]{safe(flip.rule)}[/]  [dim]{safe(flip.owner)}[/]" if flip.rule else "no rule"
    example = flip.example
    yield f"    {flip.count:,} by {by}"
    yield f"      {example.old.said} [dim]became[/] {example.new.said}, such as"
    request = _request_to_json(example.asked)
    yield f"      {safe(json_text(request))}"
    when = _when(example.asked.now_us)
    source = "" if example.asked.source == MADE_UP else f", decision {safe(example.asked.source)}"
    yield f"      [dim]at {when}{source}{_strangers(example)}[/]"


def _strangers(example: Example) -> str:
    if not example.strangers:
        return ""
    return f", with {safe(', '.join(example.strangers))} in the directory"


# ---------------------------------------------------------------- for programs


def _to_json(
    said: Changes, tried: Flips, replayed: Flips | None, skipped: int
) -> dict[str, object]:
    report: dict[str, object] = {
        title: [_change_to_json(change) for change in listed] for title, listed in _sections(said)
    }
    report["made_up"] = _flips_to_json(tried, 0)
    report["logged"] = None if replayed is None else _flips_to_json(replayed, skipped)
    return report


def _change_to_json(change: Change) -> dict[str, object]:
    return {
        "kind": change.kind,
        "name": change.name,
        "what": change.what,
        "owner": change.owner,
        "before": change.before,
        "after": change.after,
    }


def _flips_to_json(found: Flips, skipped: int) -> dict[str, object]:
    return {
        "requests": found.asked,
        "refused": found.refused,
        "skipped": skipped,
        **{direction.value: found.by_direction.get(direction, 0) for direction in Direction},
        "flips": [_flip_to_json(flip) for flip in found.sorted()],
    }


def _flip_to_json(flip: Flip) -> dict[str, object]:
    example = flip.example
    return {
        "direction": flip.direction.value,
        "rule": flip.rule,
        "owner": flip.owner,
        "count": flip.count,
        "example": {
            "request": _request_to_json(example.asked),
            "now": _when(example.asked.now_us),
            "source": example.asked.source,
            "strangers": list(example.strangers),
            "old": {"effect": example.old.effect.value, "cause": example.old.cause},
            "new": {"effect": example.new.effect.value, "cause": example.new.cause},
        },
    }


def _request_to_json(asked: Asked) -> dict[str, object]:
    """The request as `pdp decide` takes it."""
    return dict(message_to_json(request_to_proto(asked.request)))


def _when(now_us: int) -> str:
    """RFC 3339 in UTC, as `pdp decide --explain --now` takes it."""
    moment = _EPOCH + datetime.timedelta(microseconds=now_us)
    return moment.isoformat().replace("+00:00", "Z")
