"""What one decision costs: in process, and over gRPC beside an empty handler on the same transport.

Rounds are interleaved and medians taken, because machines are noisy: read the ratios. Answers are
checked before anything is timed. Prints a table, writes ``benchmarks/results/decide.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final

import grpc
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pdp import Engine, Request
from pdp.client import PdpClient
from pdp.protoform import decision_to_proto, request_to_proto

ROOT: Final = Path(__file__).resolve().parent.parent
RESULT: Final = ROOT / "benchmarks" / "results" / "decide.json"
METHOD: Final = "/pdp.v1.DecisionService/Decide"
FLOOR_FLAG: Final = "--floor"


def main() -> None:
    """Measure, print, write."""
    if FLOOR_FLAG in sys.argv:
        _serve_floor(sys.argv[sys.argv.index(FLOOR_FLAG) + 1])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (at least 5)")
    parser.add_argument("--calls", type=int, default=400, help="calls of each kind in a round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pdp-bench-") as folder:
        rows = _measure(Path(folder), max(options.rounds, 5), options.calls)
    _print(rows)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"machine": _machine(), "rows": rows}, indent=2) + "\n")
    Console().print(f"written to {RESULT.relative_to(ROOT)}")


def _measure(folder: Path, rounds: int, calls: int) -> list[dict[str, object]]:
    engine = Engine.from_directory(ROOT / "policies", unsafe_accept_unsigned=True)
    requests = _requests(engine)
    bound = [engine.bind(request) for request in requests]
    wire = [request_to_proto(request).SerializeToString() for request in requests]
    with (
        _floor(folder) as floor_target,
        _server(folder, "fsync") as fsync_target,
        _server(folder, "os") as os_target,
        grpc.insecure_channel(floor_target) as channel,
        PdpClient(fsync_target) as synced,
        PdpClient(os_target) as written,
    ):
        floor: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD, None, None)
        for client in (synced, written):
            _check_answers(engine, client, requests)
        empty = decision_to_proto(engine.decide(bound[0]), "").SerializeToString()
        if floor(wire[0]) != empty:
            raise SystemExit("the floor server does not answer as it should")
        subjects: dict[str, Callable[[int], object]] = {
            "in process: decide (bound request)": lambda n: engine.decide(bound[n]),
            "in process: bind and decide": lambda n: engine.decide(requests[n]),
            "gRPC: empty handler (the floor)": lambda n: floor(wire[n]),
            "gRPC: Decide, log written (os)": lambda n: written.decide(requests[n]),
            "gRPC: Decide, log synced (fsync)": lambda n: synced.decide(requests[n]),
        }
        samples: dict[str, list[list[int]]] = {name: [] for name in subjects}
        for _ in track(range(rounds), description="rounds"):
            for name, subject in subjects.items():
                samples[name].append(_round(subject, calls, len(requests)))
    return _rows(samples)


def _round(subject: Callable[[int], object], calls: int, kinds: int) -> list[int]:
    """Nanoseconds of each call, warm-up left out."""
    for index in range(kinds):
        subject(index)
    taken: list[int] = []
    for index in range(calls):
        started = time.perf_counter_ns()
        subject(index % kinds)
        taken.append(time.perf_counter_ns() - started)
    return taken


def _rows(samples: dict[str, list[list[int]]]) -> list[dict[str, object]]:
    floor_us = statistics.median(_p50_us(r) for r in samples["gRPC: empty handler (the floor)"])
    rows: list[dict[str, object]] = []
    for name, rounds in samples.items():
        p50_us = statistics.median(_p50_us(taken) for taken in rounds)
        p99_us = statistics.median(
            statistics.quantiles(taken, n=100)[98] / 1_000 for taken in rounds
        )
        rows.append(
            {
                "what": name,
                "p50_us": round(p50_us, 2),
                "p99_us": round(p99_us, 2),
                "to_floor": round(p50_us / floor_us, 3),
                "rounds_p50_us": [round(_p50_us(taken), 2) for taken in rounds],
            }
        )
    return rows


def _p50_us(taken: list[int]) -> float:
    return statistics.median(taken) / 1_000


def _requests(engine: Engine) -> list[Request]:
    """The demo's requests that get a decision; refused ones are not a decision's cost."""
    text = resources.files("pdp.cli").joinpath("demo_requests.json").read_text("utf-8")
    found = [item for item in json.loads(text) if "refused" not in item["expect"]]
    requests = [Request.from_json(json.dumps(item["request"])) for item in found]
    for item, request in zip(found, requests, strict=True):
        effect = engine.decide(request).effect.value
        if effect != item["expect"]["effect"]:
            raise SystemExit(
                f"{item['title']}: expected {item['expect']['effect']}, found {effect}"
            )
    return requests


def _check_answers(engine: Engine, client: PdpClient, requests: list[Request]) -> None:
    for request in requests:
        here, there = engine.decide(request), client.decide(request)
        if (here.effect, here.cause, here.rules) != (there.effect, there.cause, there.rules):
            raise SystemExit(f"server and library disagree on {request.action}")


# ---------------------------------------------------------------- servers


@contextmanager
def _server(folder: Path, log_mode: str) -> Iterator[str]:
    target = f"unix:{folder / log_mode}.sock"
    command = [
        *(sys.executable, "-m", "pdp.cli.main", "serve", "--policies", str(ROOT / "policies")),
        *("--unsafe-accept-unsigned", "--unsafe-any-caller", "--log-mode", log_mode),
        *("--grpc", target, "--log-dir", str(folder / f"log-{log_mode}")),
    ]
    with _process(command, "serving"):
        yield target


@contextmanager
def _floor(folder: Path) -> Iterator[str]:
    target = f"unix:{folder / 'floor.sock'}"
    with _process([sys.executable, __file__, FLOOR_FLAG, target], "floor"):
        yield target


@contextmanager
def _process(command: list[str], ready: str) -> Iterator[None]:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        if not process.stdout.readline().startswith(ready):
            raise SystemExit(f"could not start: {' '.join(command)}")
        yield
    finally:
        process.terminate()
        process.wait(15)


def _serve_floor(target: str) -> None:
    """The same transport and answer size, and no work: grpcio, a thread pool, fixed bytes."""
    engine = Engine.from_directory(ROOT / "policies", unsafe_accept_unsigned=True)
    answer = decision_to_proto(engine.decide(_requests(engine)[0]), "").SerializeToString()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
        lambda _request, _context: answer
    )
    handlers = {"Decide": handler}
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("pdp.v1.DecisionService", handlers),)
    )
    server.add_insecure_port(target)
    server.start()
    sys.stdout.write("floor\n")
    sys.stdout.flush()
    server.wait_for_termination()


# ---------------------------------------------------------------- output


def _machine() -> dict[str, object]:
    return {
        "host": socket.gethostname(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "grpcio": grpc.__version__,
        "system": platform.platform(),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _print(rows: list[dict[str, object]]) -> None:
    table = Table(title=f"One decision, {_cpu()}, {os.cpu_count()} cores (medians of rounds)")
    table.add_column("what")
    for name in ("p50 us", "p99 us", "p50 / floor"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            str(row["what"]), str(row["p50_us"]), str(row["p99_us"]), str(row["to_floor"])
        )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
