"""A run as people and machines read it: tables, Markdown, JSON, one line of history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.peers.stages import CHAIN, SIZE
from benchmarks.peers.table import HAND, OURS, Row, Run, ratio

# What could not be measured anywhere, and why: a table without it would keep silent about it.
NOT_MEASURED: Final = {
    "OPA (Go library)": "its bindings on PyPI (opa-golib-python-bindings) need Python 3.14",
}

BEGIN: Final = "<!-- begin: tables -->"
END: Final = "<!-- end: tables -->"

NOTES: Final = """\
* A decision is complete: effect, names of all determining rules, their owners. What an engine
  cannot tell is said in the table of engines.
* p50 and p99 are microseconds for one decision whose input is already what the engine likes best;
  medians over interleaved rounds, less what reading the clock takes. The machine is shared, so read
  the ratios.
* "from the caller's data" is binding and deciding, once for each request. Nobody decides the same
  bound input twice, and some engines keep part of their work in it (CEL in Rust does). Binding does
  more here than elsewhere: it checks every limit and type, and makes the digest of the request.
* The main tables ask for one principal, a person: that is the most favourable for the others. For
  a chain of two (an agent on behalf of a person) they would be called twice.
* The hand-written function is the limit for this language: a dict of tuples of lambdas.
* "wildcard" stops at 1,000 rules: no index tells its rules apart, so more rules only take longer.
* An engine is left out where a decision, loading or checking would take longer than the budget; the
  table says so. p99 is left out where a round had fewer than 100 decisions.
"""


def show(run: Run, console: Console) -> None:
    """Print the tables."""
    for title, head, lines in _tables(run):
        table = Table(title=title, title_justify="left")
        for place, name in enumerate(head):
            table.add_column(name, justify="left" if place == 0 else "right", no_wrap=place == 0)
        for line in lines:
            table.add_row(*line)
        console.print(table)


def markdown(run: Run) -> str:
    """The tables in Markdown, with the machine and how to read them."""
    machine = ", ".join(f"{name} {value}" for name, value in run.machine.items())
    parts = ["# One decision, in process", machine, NOTES.rstrip()]
    for title, head, lines in _tables(run):
        rows = [head, [_rule_under(column) for column in zip(*lines, strict=True)], *lines]
        parts.append(f"## {title}")
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return "\n\n".join(parts) + "\n"


def _rule_under(column: Sequence[str]) -> str:
    """The line under a column's head: numbers stand to the right."""
    return "---:" if any(cell[:1].isdigit() for cell in column) else "---"


def write(run: Run, folder: Path) -> None:
    """``peers.json``, ``peers.md`` and one more line of ``history.jsonl``."""
    folder.mkdir(exist_ok=True)
    tree = run.as_tree()
    (folder / "peers.json").write_text(json.dumps(tree, indent=2) + "\n", encoding="utf-8")
    (folder / "peers.md").write_text(markdown(run), encoding="utf-8")
    with (folder / "history.jsonl").open("a", encoding="utf-8") as history:
        history.write(json.dumps(_history(run)) + "\n")


def refresh(page: Path, run: Run) -> None:
    """Put the tables of ``run`` between the marks of ``page``. Raises ValueError without marks."""
    text = page.read_text(encoding="utf-8")
    begin, end = text.index(BEGIN), text.index(END)
    tables = markdown(run).partition("\n\n")[2]
    new = f"{text[:begin]}{BEGIN}\n\n{tables}\n{text[end:]}"
    page.write_text(new, encoding="utf-8")


def _history(run: Run) -> dict[str, Any]:
    """What is compared between runs: our medians and the function's, and the fastest peer's."""
    medians = {
        f"{row.shape} {row.size} chain{row.chain} {'spread' if row.spread else 'hot'}": {
            "us": row.p50_us,
            "to_hand_written": ratio(row, run.find(row, HAND)),
            "to_fastest_peer": ratio(row, run.fastest_peer(row)),
        }
        for row in run.rows
        if row.engine == OURS
    }
    return {**run.machine, "medians": medians, "stages_p50_us": dict(run.stages)}


# ---------------------------------------------------------------- tables

_Shown = tuple[str, list[str], list[list[str]]]


def _tables(run: Run) -> Iterable[_Shown]:
    for shape in dict.fromkeys(row.shape for row in run.rows):
        rows = [row for row in run.rows if row.shape == shape and row.chain == 1 and row.spread]
        yield _by_size(f"{shape}: p50 in us by number of rules (p99)", rows)
        yield _ratios(run, shape, rows)
        if shape == "actions":
            yield _fresh(rows)
    yield _settings(run)
    if run.stages:
        title = f"From bytes to bytes: {SIZE:,} agent actions, chain of {CHAIN}"
        yield title, ["stage", "p50 us"], [[name, f"{us:.2f}"] for name, us in run.stages]
    yield _beside(run)
    yield _engines(run)


def _by_size(title: str, rows: Sequence[Row]) -> _Shown:
    sizes = sorted({row.size for row in rows})
    lines = []
    for name in dict.fromkeys(row.engine for row in rows):
        own = {row.size: row for row in rows if row.engine == name}
        lines.append([name, *(_cell(own.get(size)) for size in sizes)])
    return title, ["engine", *(f"{size:,}" for size in sizes)], lines


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    if row.p50_us is None:
        return row.note
    p99 = "" if row.p99_us is None else f" ({_us(row.p99_us)})"
    return f"{_us(row.p50_us)}{p99}"


def _us(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _ratios(run: Run, shape: str, rows: Sequence[Row]) -> _Shown:
    lines = []
    for row in rows:
        if row.engine == OURS:
            peer = run.fastest_peer(row)
            faster = ratio(peer, row) if peer else None
            lines.append(
                [
                    f"{row.size:,}",
                    str(ratio(row, run.find(row, HAND))),
                    "-" if peer is None else f"{peer.engine}, {_us(peer.p50_us or 0)} us",
                    "-" if faster is None else f"{faster:.1f}x",
                ]
            )
    head = ["rules", "charter-pdp / hand-written", "fastest peer", "charter-pdp is faster by"]
    return f"{shape}: ratios", head, lines


def _settings(run: Run) -> _Shown:
    lines = []
    for row in run.rows:
        hand = run.find(row, HAND)
        if row.engine == OURS and hand is not None and row.p50_us and hand.p50_us:
            requests = "2,048 spread" if row.spread else "64 hot"
            lines.append(
                [
                    f"{row.shape} {row.size:,}",
                    str(row.chain),
                    requests,
                    _us(hand.p50_us),
                    _cell(row),
                    f"{row.p50_us / hand.p50_us:.2f}",
                    f"{row.verified:,} / {row.reference:,}",
                ]
            )
    head = [
        *("workload", "chain", "requests", "hand-written us", "charter-pdp us (p99)", "ratio"),
        "answers compared: function / reference",
    ]
    return "charter-pdp and the hand-written function, every setting", head, lines


def _fresh(rows: Sequence[Row]) -> _Shown:
    sizes = sorted({row.size for row in rows})
    lines = []
    for name in dict.fromkeys(row.engine for row in rows if row.fresh_us is not None):
        own = {row.size: row.fresh_us for row in rows if row.engine == name}
        lines.append([name, *(_maybe(own.get(size)) for size in sizes)])
    title = "actions: p50 in us from the caller's data, binding included"
    return title, ["engine", *(f"{size:,}" for size in sizes)], lines


def _maybe(value: float | None) -> str:
    return "-" if value is None else _us(value)


def _beside(run: Run) -> _Shown:
    """Load times, and how much was compared, at each engine's largest size of agent actions."""
    largest: dict[str, Row] = {}
    for row in run.rows:
        if row.shape == "actions" and row.chain == 1 and row.spread and row.p50_us is not None:
            largest[row.engine] = row
    lines = [
        [
            name,
            f"{row.size:,}",
            "-" if row.load_s is None else f"{row.load_s:.2f}",
            f"{row.verified:,}",
            f"{row.reference:,}" if row.reference else "-",
        ]
        for name, row in largest.items()
    ]
    head = ["engine", "at rules", "load s", "answers compared", "with the reference"]
    return "Beside the decision (agent actions, the largest size measured)", head, lines


def _engines(run: Run) -> _Shown:
    lines = [
        [name, f"{told['package']} {told['version']}", told["idiom"], told["tells"]]
        for name, told in run.engines.items()
    ]
    lines += [[name, "not measured", why, "-"] for name, why in NOT_MEASURED.items()]
    return "The engines", ["engine", "package", "how it is used", "it tells"], lines


__all__ = ["NOT_MEASURED", "markdown", "refresh", "show", "write"]
