"""The result of a run as data: one row for each engine, workload and setting. Knows no engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

HAND: Final = "hand-written Python"
OURS: Final = "charter-pdp"


@dataclass(frozen=True, slots=True)
class Row:
    """One engine at one workload.

    ``chain`` has 1 or 2 members; ``spread``: 2,048 different requests, else 64 over and over.
    ``p50_us`` is None when nothing was measured, and ``note`` then says why. ``fresh_us`` is
    the p50 of making the engine's own input from the caller's and deciding, once for each request.
    ``verified`` answers were compared, ``reference`` of them with the reference interpreter.
    """

    shape: str
    size: int
    engine: str
    chain: int = 1
    spread: bool = True
    p50_us: float | None = None
    p99_us: float | None = None
    fresh_us: float | None = None
    load_s: float | None = None
    verified: int = 0
    reference: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """``machine``: what it ran on; ``engines``: by name, package, version, idiom, what it tells.

    ``stages`` are pairs of a stage and its p50 in microseconds.
    """

    machine: dict[str, Any]
    engines: dict[str, dict[str, str]]
    rows: list[Row] = field(default_factory=list)
    stages: list[tuple[str, float]] = field(default_factory=list)

    def as_tree(self) -> dict[str, Any]:
        """The run as JSON holds it, with the two ratios beside each row."""
        rows = [
            {
                **asdict(row),
                "to_hand_written": ratio(row, self.find(row, HAND)),
                "to_fastest_peer": ratio(row, self.fastest_peer(row)),
            }
            for row in self.rows
        ]
        return {
            "machine": self.machine,
            "engines": self.engines,
            "rows": rows,
            "stages_p50_us": dict(self.stages),
        }

    def find(self, beside: Row, engine: str) -> Row | None:
        """The row of ``engine`` in the setting of ``beside``."""
        return next((row for row in _alike(self.rows, beside) if row.engine == engine), None)

    def fastest_peer(self, beside: Row) -> Row | None:
        """The fastest other engine in the setting of ``beside``."""
        peers = [
            row
            for row in _alike(self.rows, beside)
            if row.engine not in {HAND, OURS} and row.p50_us is not None
        ]
        return min(peers, key=lambda row: row.p50_us or 0.0, default=None)


def ratio(row: Row, other: Row | None) -> float | None:
    """How many times as long ``row`` takes as ``other``."""
    if other is None or row.p50_us is None or not other.p50_us:
        return None
    return round(row.p50_us / other.p50_us, 2)


def _alike(rows: Iterable[Row], beside: Row) -> list[Row]:
    setting = (beside.shape, beside.size, beside.chain, beside.spread)
    return [row for row in rows if (row.shape, row.size, row.chain, row.spread) == setting]


__all__ = ["HAND", "OURS", "Row", "Run", "ratio"]
