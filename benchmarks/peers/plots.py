"""The run as pictures (SVG): decisions over the number of rules, one line for each engine."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.peers.table import HAND, OURS, Row, Run
from benchmarks.peers.workload import Shape


def draw(run: Run, folder: Path) -> list[Path]:
    """Write the pictures; their paths. Needs matplotlib."""
    # Not on top of the file: matplotlib is in the environment of the peers alone.
    mpl: Any = importlib.import_module("matplotlib")
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "charter-pdp"  # the same picture for the same numbers
    written = []
    for shape in Shape:
        rows = [row for row in run.rows if row.shape == shape.value and row.chain == 1]
        spread = [row for row in rows if row.spread]
        if spread:
            path = folder / f"peers_{shape.value}.svg"
            _lines(spread, f"One decision, {shape.value} (p50, chain of one)", path)
            written.append(path)
    growth = [row for row in run.rows if row.shape == "actions" and row.engine in {HAND, OURS}]
    if growth:
        path = folder / "growth.svg"
        named = [(f"{row.engine}, {_setting(row)}", row) for row in growth]
        _lines(growth, "Growth with the rules, agent actions (p50)", path, dict_of(named))
        written.append(path)
    return written


def dict_of(named: Iterable[tuple[str, Row]]) -> dict[str, list[Row]]:
    """The rows under each name, in the order they come."""
    found: dict[str, list[Row]] = {}
    for name, row in named:
        found.setdefault(name, []).append(row)
    return found


def _setting(row: Row) -> str:
    return f"chain of {row.chain}, {'2,048 requests' if row.spread else '64 requests'}"


def _lines(
    rows: list[Row], title: str, path: Path, lines: dict[str, list[Row]] | None = None
) -> None:
    plt: Any = importlib.import_module("matplotlib.pyplot")
    figure, axes = plt.subplots(figsize=(9, 5))
    for name, own in (lines or dict_of((row.engine, row) for row in rows)).items():
        points = [(row.size, row.p50_us) for row in own if row.p50_us is not None]
        if points:
            style = "-o" if own[0].engine in {HAND, OURS} else "--o"
            axes.plot(*zip(*points, strict=True), style, label=name, markersize=4)
    axes.set(xscale="log", yscale="log", xlabel="rules", ylabel="microseconds", title=title)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


__all__ = ["draw"]
