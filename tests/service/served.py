"""A real ``pdp serve`` process and what tests ask of it. Starts and stops it; expects nothing."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc

from pdp.decisionlog import reader, record
from pdp.decisionlog.record import Kind, Message
from tools import verify_log

POLICIES: Final = Path(__file__).with_name("policies")
UNSAFE: Final = ("--unsafe-accept-unsigned", "--unsafe-any-caller")
# Ceilings against hanging.
READY_S: Final = 30.0
END_S: Final = 30.0

_MAIN: Final = "import pdp.cli.main\npdp.cli.main.main()\n"


@dataclass(slots=True)
class Served:
    """One server: ``directory`` holds its socket, its log and what it wrote on standard error."""

    directory: Path
    process: subprocess.Popen[bytes]
    line: str = ""
    tcp: str = ""
    metrics: str = ""
    channels: list[grpc.Channel] = field(default_factory=list)

    @property
    def unix(self) -> str:
        return f"unix:{self.directory}/pdp.sock"

    @property
    def log_dir(self) -> Path:
        return self.directory / "log"

    def stderr(self) -> str:
        return (self.directory / "stderr").read_text()

    def channel(self, target: str = "", *options: tuple[str, object]) -> grpc.Channel:
        """A connection, closed with the server."""
        channel = grpc.insecure_channel(target or self.unix, options=options)
        self.channels.append(channel)
        return channel

    def call(self, method: str, data: bytes, timeout_s: float = 10.0) -> bytes:
        """One call in raw bytes. Raises grpc.RpcError."""
        if not self.channels:
            self.channel()
        path = f"/pdp.v1.DecisionService/{method}"
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.channels[0].unary_unary(path)
        return call(data, timeout=timeout_s)

    def messages(self, *kinds: Kind) -> list[Message]:
        """What the log holds, in order: the records of these kinds, or all."""
        return [
            record.parse(item.kind, item.payload)
            for item in reader.records(self.log_dir)
            if not kinds or item.kind in kinds
        ]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(END_S)


def command(*arguments: str, patch: str = "") -> list[str]:
    """``pdp`` with arguments; ``patch`` is Python that runs before it in the same process."""
    return [sys.executable, "-c", patch + "\n" + _MAIN, *arguments]


def environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of ours."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("PDP_")}
    return {**ours, "NO_COLOR": "1", **more}


@contextmanager
def room() -> Iterator[Path]:
    """A directory with a short name: a socket's path has at most 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="pdp-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def serving(
    directory: Path, *arguments: str, policies: Path = POLICIES, patch: str = ""
) -> Iterator[Served]:
    """A server on a socket and a port, ready; killed at the end if it is still there.

    After a clean stop its log must verify.
    """
    served = start(directory, *arguments, policies=policies, patch=patch)
    try:
        await_ready(served)
        yield served
    finally:
        for channel in served.channels:
            channel.close()
        served.process.kill()
        ended = served.process.wait(END_S)
        if served.process.stdout is not None:
            served.process.stdout.close()
    # After a clean stop, the verifier that shares no code finds nothing wrong either.
    if ended == 0:
        verify_log.Log(served.log_dir, [], {}, {}).read()


def start(directory: Path, *arguments: str, policies: Path = POLICIES, patch: str = "") -> Served:
    """Start a server and return at once."""
    full = command(
        "serve", "--policies", str(policies), *UNSAFE, "--grpc", f"unix:{directory}/pdp.sock",
        "--grpc", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--log-dir", str(directory / "log"),
        *arguments, patch=patch,
    )  # fmt: skip
    with (directory / "stderr").open("wb") as stderr:
        process = subprocess.Popen(full, stdout=subprocess.PIPE, stderr=stderr, env=environment())
    return Served(directory, process)


def await_ready(served: Served) -> None:
    """Wait for the line that says it is serving. Raises AssertionError if it does not come."""
    stdout = served.process.stdout
    if stdout is None:
        raise AssertionError("standard output is not a pipe")
    deadline = time.monotonic() + READY_S
    text = b""
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(stdout.fileno(), 4096) if ready else b""
        if not part:
            raise AssertionError(f"the server did not start: {served.stderr()}")
        text += part
    served.line = text.decode().strip()
    found = re.fullmatch(
        r"serving unix:\S+ (127\.0\.0\.1:[0-9]+) (http://\S+) (?:no )?bundle .*", served.line
    )
    if found is None:
        raise AssertionError(f"not the line that was expected: {served.line}")
    served.tcp, served.metrics = found[1], found[2]


def run(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to end by itself."""
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=END_S,
        check=False,
    )
