"""`pdp log replay`: every recorded decision made again, and what other policies would change."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pdp import __version__
from pdp.activation.comparing.sides import side_of_bytes, side_of_files
from pdp.audit.replay import Plan
from pdp.audit.sharing import replay_log
from pdp.audit.survey import Span, survey
from pdp.audit.tally import Difference, Direction, Flip, Tally
from pdp.bundles.flatfile import MAGIC
from pdp.cli.bundle.showing import read_bundle, working
from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, FormatOption, console, counted, fail, print_json, safe
from pdp.cli.policyfiles import read_policies, root_of, show_diagnostics
from pdp.decisionlog.show import time_text
from pdp.lang.declared.scalars import timestamp_us
from pdp.lang.diagnostics import Diagnostic
from pdp.model import BundleError, PolicyError

JOBS_MAX: Final = 256
_NS_PER_US: Final = 1_000
_SEQ_DIGITS_MAX: Final = 18
_DAY_CHARS: Final = len("2026-01-31")
_STYLES: Final = {
    Direction.NEWLY_ALLOWED: "bold red",
    Direction.NO_LONGER_ASKED: "bold red",
    Direction.NEWLY_ASKED: "yellow",
    Direction.NEWLY_DENIED: "green",
}
_NOBODY: Final = "no rule"


def replay(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The directory of the log.")],
    *,
    other: Annotated[
        Path | None,
        typer.Option(
            "--with",
            metavar="BUNDLE",
            help="Also ask that bundle, set or policy directory, and list what it changes.",
        ),
    ] = None,
    other_directory: Annotated[
        Path | None,
        typer.Option("--directory", metavar="FILE", help="The directory bundle beside --with."),
    ] = None,
    first: Annotated[
        str, typer.Option("--from", metavar="SEQ|TIME", help="Begin with that record or time.")
    ] = "",
    last: Annotated[
        str, typer.Option("--to", metavar="SEQ|TIME", help="End with that record or time.")
    ] = "",
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            min=0,
            max=JOBS_MAX,
            help="Processes; 0: one for each core.",
        ),
    ] = 0,
    form: FormatOption = Format.TEXT,
) -> None:
    """Make every recorded decision again and compare, to the last bit.

    Exit 1 if any differs, or if a bundle that decided cannot be had again.
    """
    span = _span(first, last)
    files = None if other is None else _files(other, other_directory)
    try:
        with working("reading the log"):
            found = survey(directory, span)
        plan = Plan(directory, found, files)
        processes = min(jobs or len(os.sched_getaffinity(0)), max(found.decisions, 1))
        with _progress(found.decisions) as advance:
            tally = replay_log(plan, span, processes, advance)
    except OSError as error:
        fail(f"the log in `{directory}` cannot be read: {error.strerror}", Exit.FAILURE)
    if form is Format.JSON:
        print_json(_to_json(tally, is_compared=files is not None))
    else:
        _print(tally, is_compared=files is not None)
    raise typer.Exit(Exit.FAILURE if tally.differences else Exit.SUCCESS)


# ---------------------------------------------------------------- what is asked


def _span(first: str, last: str) -> Span:
    begin, end = _bound(first, "--from"), _bound(last, "--to")
    given = {
        **({f"first_{begin[0]}": begin[1]} if begin else {}),
        # A time is written to the microsecond at most, and all of that one is meant.
        **({f"last_{end[0]}": end[1] + (_NS_PER_US - 1) * (end[0] == "ns")} if end else {}),
    }
    return Span(**given)


def _bound(text: str, option: str) -> tuple[str, int] | None:
    """``seq`` and a number, or ``ns`` and a time; what is neither ends the command."""
    if not text:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= _SEQ_DIGITS_MAX:
        return "seq", int(text)
    instant_us = timestamp_us(text)
    if instant_us is None or instant_us < 0:
        fail(
            f"`{option} {text}`: expected the number of a record, or a time such as"
            " 2026-03-02T10:00:00Z",
            Exit.INVALID,
        )
    return "ns", instant_us * _NS_PER_US


def _files(path: Path, directory: Path | None) -> Mapping[str, bytes]:
    """The files of the other bundle; what cannot decide ends the command, with all its mistakes."""
    people = None if directory is None else read_bundle(directory)
    files: Mapping[str, bytes] = {}
    try:
        with working(f"reading {safe(str(path))}"):
            if path.is_dir():
                files = read_policies(path)
                return side_of_files(files, people).files
            data = read_bundle(path)
            if not data.startswith(MAGIC):
                fail(f"`{path}` is no bundle, no set and no policy directory", Exit.INVALID)
            return side_of_bytes(data, people).files
    except PolicyError as error:
        found = [item for item in error.diagnostics if isinstance(item, Diagnostic)]
        show_diagnostics(found, files, Format.TEXT, root_of(path))
        fail(f"`{path}`: {error}", Exit.INVALID)
    except BundleError as error:
        fail(f"`{path}`: {error}", Exit.INVALID)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Takes how many more are done; on a terminal, a bar shows how far it is."""
    out = console(stderr=True)
    if not out.is_terminal or not total:
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("replaying", total=total)
        yield lambda count: progress.advance(task, count)


# ---------------------------------------------------------------- for people


def _print(tally: Tally, *, is_compared: bool) -> None:
    out = console()
    for difference in tally.differences:
        fields = safe(", ".join(difference.fields))
        out.print(
            f"[bold red]different[/]: record {difference.seq}, decision"
            f" {safe(difference.decision_id)}: {fields}"
        )
    for flip in tally.flips if is_compared else ():
        out.print(_flip_line(flip))
    verdict = "[bold red]not the same[/]" if tally.differences else "[green]ok[/]"
    out.print(
        f"{verdict}: {counted(tally.decisions, 'decision')}, {tally.identical:,} identical"
        f"{f', {len(tally.differences):,} different' if tally.differences else ''}"
    )
    for cause, count in sorted(tally.not_by_policy.items()):
        out.print(f"  {count:,} not by policy: {safe(cause)}, as recorded")
    for reason, count in sorted(tally.not_replayable.items()):
        out.print(f"  {count:,} not replayable: the record leaves out {safe(reason)}")
    for (engine, tzdata), count in _others(tally):
        out.print(
            f"  [yellow]note[/]: {count:,} decided by engine {safe(engine)} with tzdata"
            f" {safe(tzdata)}; this is {__version__} with {metadata.version('tzdata')}"
        )
    if is_compared:
        _print_flips(tally)


def _print_flips(tally: Tally) -> None:
    out = console()
    total = len(tally.flips)
    refused = f", {tally.refused:,} of them refused" if tally.refused else ""
    found = f"{total:,} decided otherwise" if total else "[green]none decided otherwise[/]"
    out.print(f"[bold]with the other policies[/]: {tally.asked:,} asked{refused}, {found}")
    for title, groups in (("by owner", _by_owner(tally)), ("by day", _by_day(tally))):
        for name, counts in groups.items():
            listed = ", ".join(
                f"[{_STYLES[one]}]{_words(one)}[/] {counts[one]:,}"
                for one in Direction
                if counts[one]
            )
            out.print(f"  {title} {safe(name)}: {listed}")


def _flip_line(flip: Flip) -> str:
    cause = f" ({safe(flip.cause)})" if flip.cause else ""
    rules = safe(", ".join(flip.rules) or _NOBODY)
    owners = f"  [dim]{safe(', '.join(flip.owners))}[/]" if flip.owners else ""
    return (
        f"[{_STYLES[flip.direction]}]{_words(flip.direction)}[/]: record {flip.seq}, decision"
        f" {safe(flip.decision_id)}: {flip.before.value} became {flip.after.value}{cause}"
        f" by {rules}{owners}"
    )


def _words(direction: Direction) -> str:
    return direction.value.replace("_", " ")


def _by_owner(tally: Tally) -> dict[str, Counter[Direction]]:
    """A flip counts for each owner whose rules decide on one side only."""
    counts: dict[str, Counter[Direction]] = {}
    for flip in tally.flips:
        for owner in flip.owners or (_NOBODY,):
            counts.setdefault(owner, Counter())[flip.direction] += 1
    return dict(sorted(counts.items()))


def _by_day(tally: Tally) -> dict[str, Counter[Direction]]:
    """Days in UTC."""
    counts: dict[str, Counter[Direction]] = {}
    for flip in tally.flips:
        day = time_text(flip.time_ns)[:_DAY_CHARS]
        counts.setdefault(day, Counter())[flip.direction] += 1
    return dict(sorted(counts.items()))


def _others(tally: Tally) -> list[tuple[tuple[str, str], int]]:
    """The versions that decided and are not these, which need not decide alike."""
    own = (__version__, metadata.version("tzdata"))
    return [(made, count) for made, count in sorted(tally.versions.items()) if made != own]


# ---------------------------------------------------------------- for programs


def _to_json(tally: Tally, *, is_compared: bool) -> dict[str, object]:
    return {
        "ok": not tally.differences,
        "decisions": tally.decisions,
        "identical": tally.identical,
        "not_by_policy": dict(sorted(tally.not_by_policy.items())),
        "not_replayable": dict(sorted(tally.not_replayable.items())),
        "differences": [_difference_to_json(one) for one in tally.differences],
        "other_versions": [
            {"engine": engine, "tzdata": tzdata, "decisions": count}
            for (engine, tzdata), count in _others(tally)
        ],
        "with": _flips_to_json(tally) if is_compared else None,
    }


def _difference_to_json(difference: Difference) -> dict[str, object]:
    return {
        "seq": difference.seq,
        "decision_id": difference.decision_id,
        "fields": list(difference.fields),
    }


def _flips_to_json(tally: Tally) -> dict[str, object]:
    counts = Counter(flip.direction for flip in tally.flips)
    return {
        "asked": tally.asked,
        "refused": tally.refused,
        **_counts_to_json(counts),
        "by_owner": {name: _counts_to_json(one) for name, one in _by_owner(tally).items()},
        "by_day": {name: _counts_to_json(one) for name, one in _by_day(tally).items()},
        "flips": [
            {
                "seq": flip.seq,
                "decision_id": flip.decision_id,
                "time": time_text(flip.time_ns),
                "direction": flip.direction.value,
                "before": flip.before.value,
                "after": flip.after.value,
                "cause": flip.cause,
                "rules": list(flip.rules),
                "owners": list(flip.owners),
            }
            for flip in tally.flips
        ],
    }


def _counts_to_json(counts: Counter[Direction]) -> dict[str, int]:
    return {direction.value: counts[direction] for direction in Direction}
