"""What a question to the log takes: conversion, a query over tables, a look at each record.

The log is made with the records of real answers. Every answer is compared before it is timed.

    python -m benchmarks.query --records 100000
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import track
from rich.table import Table

from pdp import protoform
from pdp.audit.columns import row_of
from pdp.audit.filters import Filters
from pdp.audit.query import Log
from pdp.decisionlog import reader, record
from pdp.decisionlog.appender import Durability, Setup
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.model import (
    Attribution,
    BundleIdentity,
    Decision,
    DenyCause,
    DeterminingRule,
    Effect,
    Entity,
)
from pdp.request import Request

ROOT: Final = Path(__file__).resolve().parent.parent
RESULT: Final = ROOT / "benchmarks" / "results" / "query.json"
RECORDS: Final = 1_000_000
BATCH: Final = 500
START_NS: Final = 1_790_000_000_000_000_000
PERSON: Final = "User::u7"
FILTERS: Final = Filters(person=PERSON, effect="deny")

_Found = TypeVar("_Found")


def main(arguments: Sequence[str]) -> int:
    """Measure, print and write; exits with 1 if the two ways answer differently."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=RECORDS, help="how many decisions")
    parser.add_argument("--result", type=Path, default=RESULT, help="write the figures here")
    options = parser.parse_args(arguments)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="pdp-query-") as folder:
        directory = Path(folder) / "log"
        fill(directory, options.records, console)
        found = measure(directory)
    if not found:
        console.print("[bold red]the answers differ[/]")
        return 1
    result = {"machine": platform.processor() or platform.machine(), **found}
    table = Table(title=f"A question to {options.records} decisions, seconds")
    table.add_column("step")
    table.add_column("", justify="right")
    for name, value in result.items():
        table.add_row(name, str(value))
    console.print(table)
    options.result.parent.mkdir(exist_ok=True)
    options.result.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


def fill(directory: Path, count: int, console: Console) -> None:
    """A log of ``count`` decisions, in segments as a server writes them, ended by a stop."""
    with Writer.open(directory, Setup("bench", Durability.OS)) as writer:
        starts = range(0, count, BATCH)
        for start in track(starts, "writing", console=console, transient=True):
            numbers = range(start, min(start + BATCH, count))
            writer.append_many([(Kind.DECISION, payload(number)) for number in numbers])
        writer.append(Kind.STOP, record.stop_record(time_unix_ns=START_NS, reason="sigterm"))


def payload(number: int) -> bytes:
    """The record of one answer among a thousand people, a hundred agents and forty actions."""
    person = f"User::u{number % 1_000}"
    rule = DeterminingRule(f"p{number % 20}.r{number % 4}", f"o{number % 20}@x.example", "#o", "")
    effect = (Effect.ALLOW, Effect.ALLOW, Effect.DENY, Effect.REQUIRE_APPROVAL)[number // 1_000 % 4]
    request = Request(
        principal=Entity("Agent", f"a{number % 100}"),
        on_behalf_of=(Entity("User", f"u{number % 1_000}"),),
        action=f"service{number % 8}.action{number % 5}",
        args=f'{{"amount":"{number % 900}.00","note":"order {number} was late"}}',
        resource=Entity("Order", f"o-{number}", '{"country":"DE","total":"2000.00"}'),
        request_id=f"r-{number}",
    )
    decision = Decision(
        effect=effect,
        cause=DenyCause.RULE if effect is Effect.DENY else None,
        rules=(rule,),
        attribution=Attribution(person, "Agent::a", (), (rule.owner,)),
        bundle=BundleIdentity("bench.bundle", "1.0.0", "ab" * 32, revision=1),
        request_digest="cd" * 32,
        decision_id=f"01a20c91-cb18-78c2-8edc-{number:012d}",
    )
    return record.decision_record(
        request=request,
        omitted=(),
        answer=protoform.decision_to_proto(decision, request.request_id),
        decision=decision,
        time_unix_ns=START_NS + number * 1_000_000,
        decide_ns=30_000,
        engine_version="0.1.0",
        tzdata_version="2025b",
    )


def measure(directory: Path) -> dict[str, object] | None:
    """Seconds of each step, and sizes; None if tables and reader do not answer alike."""
    scan_s, by_reader = timed(lambda: scanned(directory))
    convert_s, by_new = timed(lambda: asked(directory, fresh=True))
    kept_s, by_kept = timed(lambda: asked(directory, fresh=False))
    if not by_reader or not by_reader == by_new == by_kept:
        return None
    log = Log(directory)
    ready_s, _ = timed(lambda: list(log.filtered(FILTERS)))
    log.close()
    return {
        "records": sum(1 for _ in reader.records(directory)),
        "found": len(by_reader),
        "log_mb": megabytes(directory.glob("*.seg")),
        "tables_mb": megabytes((directory / "tables").iterdir()),
        "look_at_each_record_s": scan_s,
        "convert_and_query_s": convert_s,
        "query_kept_tables_s": kept_s,
        "of_which_the_query_s": ready_s,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000, 1),
    }


def scanned(directory: Path) -> list[int]:
    """The records asked for, by parsing each."""
    rows = map(row_of, reader.records(directory))
    return [row.seq for row in rows if row.person == PERSON and row.effect == "deny"]


def asked(directory: Path, *, fresh: bool) -> list[int]:
    """The same, by a query."""
    log = Log(directory, fresh=fresh)
    try:
        return [row[0] for row in log.filtered(FILTERS)]
    finally:
        log.close()


def timed(work: Callable[[], list[_Found]]) -> tuple[float, list[_Found]]:
    """Wall-clock seconds, and what came of it."""
    started_s = time.perf_counter()
    found = work()
    return round(time.perf_counter() - started_s, 3), found


def megabytes(paths: Iterable[Path]) -> float:
    """Of all these files."""
    return round(sum(path.stat().st_size for path in paths) / 1e6, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
