"""A server process for measuring activations: the real one, which also notes when it swaps.

python -m benchmarks.activation_served STAMPS serve …
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.activation_bundles import ROOT, Press
from pdp.activation.state import State
from pdp.request import Request
from pdp.service.activating.active import Active
from pdp.service.activating.installing import Installed, Installer

CEILING_S: Final = 300.0
_LOOK_S: Final = 0.005
_KB_PER_MB: Final = 1_000
# What the kernel takes for: forget the peak of resident memory.
_FORGET_PEAK: Final = "5"


class Stamp(msgspec.Struct, frozen=True):
    """One activation inside the server, by the monotonic clock of the machine."""

    revision: int
    began_s: float
    swapped_s: float

    @property
    def taken_s(self) -> float:
        """From the folder that was made ready to the swap."""
        return self.swapped_s - self.began_s


class Site:
    """A directory with what a server of one press needs. One server at a time."""

    def __init__(self, directory: Path, press: Press, log_mode: str) -> None:
        self.directory: Final = directory
        self.press: Final = press
        self.log_dir: Final = directory / "log"
        self.script: Final = directory / "script.json"
        self.target: Final = f"unix:{directory}/pdp.sock"
        self._log_mode: Final = log_mode
        self._source: Final = directory / "live.bundle"
        self._stamps: Final = directory / "stamps"
        self._stamps_read = 0
        self._known: list[Stamp] = []
        directory.mkdir()
        (directory / "state").mkdir(mode=0o700)
        (directory / "trust.json").write_bytes(press.trust_store())
        self.script.write_bytes(msgspec.json.encode(press.script))
        self._stamps.touch()

    def put(self, data: bytes) -> float:
        """Replace the source by a rename; when that was."""
        new = self.directory / "new"
        new.write_bytes(data)
        at_s = time.monotonic()
        new.replace(self._source)
        return at_s

    def take_away(self) -> None:
        """Leave the source without a bundle."""
        self._source.unlink()

    def stamps(self) -> list[Stamp]:
        """Every activation so far."""
        with self._stamps.open("rb") as file:
            file.seek(self._stamps_read)
            text = file.read()
        end = text.rfind(b"\n") + 1
        self._stamps_read += end
        self._known += [msgspec.json.decode(line, type=Stamp) for line in text[:end].splitlines()]
        return self._known

    def await_swap(self, revision: int) -> Stamp:
        """When that revision came to decide. Raises SystemExit if it does not."""
        deadline = time.monotonic() + CEILING_S
        while time.monotonic() < deadline:
            for stamp in reversed(self.stamps()):
                if stamp.revision == revision:
                    return stamp
                if stamp.revision < revision:
                    break
            time.sleep(_LOOK_S)
        raise SystemExit(f"revision {revision} did not come: {self.stderr()}")

    def stderr(self) -> str:
        return (self.directory / "stderr").read_text("utf-8")[-2_000:]

    @contextmanager
    def serving(self) -> Iterator[int]:
        """A server's process id, ready; stopped at the end."""
        at = str(self.directory)
        command = [
            *(sys.executable, "-m", "benchmarks.activation_served", str(self._stamps), "serve"),
            *("--bundle", str(self._source), "--bundle-name", self.press.name),
            *("--trust-store", f"{at}/trust.json", "--state-dir", f"{at}/state", "--poll-s", "60"),
            *("--grpc", self.target, "--log-dir", str(self.log_dir), "--log-mode", self._log_mode),
            "--unsafe-any-caller",
        ]
        with (self.directory / "stderr").open("ab") as stderr:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, cwd=ROOT)
        try:
            assert process.stdout is not None, "it was started with a pipe"
            ready, _, _ = select.select([process.stdout], [], [], CEILING_S)
            if not ready or not process.stdout.readline().startswith(b"serving"):
                raise SystemExit(f"the server did not start: {self.stderr()}")
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(CEILING_S)
            finally:
                process.kill()
                process.communicate()


# ---------------------------------------------------------------- memory


def resident_mb(pid: int) -> float:
    """What a process keeps in memory now, in 10^6 bytes."""
    return _status_mb(pid, "VmRSS")


def peak_mb(pid: int) -> float:
    """The most it kept since ``forget_peak``, in 10^6 bytes."""
    return _status_mb(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text(_FORGET_PEAK, "ascii")


def _status_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1_024 / _KB_PER_MB / 1_000
    raise AssertionError(f"no {name} of a process that runs")


# ---------------------------------------------------------------- the server's process


def main(arguments: Sequence[str]) -> None:
    """Note each swap in a file, and be ``pdp`` otherwise."""
    stamps = os.open(arguments[0], os.O_WRONLY | os.O_APPEND)
    original = Installer.install

    def install(  # noqa: PLR0913, PLR0917 - as the original
        self: Installer,
        ready: Path,
        state: State,
        before: Installed | None,
        samples: Iterable[Request],
        swap: Callable[[Active], None],
    ) -> tuple[Installed, State]:
        began_s = time.monotonic()

        def swapped(active: Active) -> None:
            swap(active)
            now_s = time.monotonic()
            stamp = Stamp(active.engine.bundle.revision, began_s, now_s)
            os.write(stamps, msgspec.json.encode(stamp) + b"\n")

        return original(self, ready, state, before, samples, swapped)

    Installer.install = install  # type: ignore[method-assign]
    sys.argv = ["pdp", *arguments[1:]]
    # Only here: the measuring side needs no commands.
    from pdp.cli.main import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main(sys.argv[1:])
