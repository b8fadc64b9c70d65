"""Installs the lock beside it into the environment that runs this; standard library only.

All at once; where that fails, one by one, so that an engine with no build for this machine leaves
the others to be measured. Each that failed is named; the benchmark then says so in its table.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LOCK: Final = Path(__file__).resolve().parent / "requirements.lock"


def requirements(lock: str) -> Iterator[str]:
    """The requirements of a lock, each with its hashes."""
    block: list[str] = []
    for line in lock.splitlines():
        if line.startswith("#"):
            continue
        block.append(line)
        if not line.endswith("\\"):
            yield "\n".join(block) + "\n"
            block = []


def installed(path: Path, *options: str) -> bool:
    """Whether pip could install the requirements file."""
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--require-hashes", *options]
    return subprocess.run([*pip, "-r", str(path)], check=False).returncode == 0


def main() -> None:
    """Install; says what failed, and ends well all the same."""
    if installed(LOCK):
        return
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "one.lock"
        for text in requirements(LOCK.read_text(encoding="utf-8")):
            path.write_text(text, encoding="utf-8")
            if not installed(path, "--no-deps"):
                print(f"could not install {text.split()[0]}", flush=True)


if __name__ == "__main__":
    main()
