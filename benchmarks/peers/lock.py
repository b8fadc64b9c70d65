"""Rewrites the lock beside it: the engines of ``requirements.in`` with what the project needs.

Run as ``python -m benchmarks.peers.lock``; arguments go to pip-compile. Versions start from the
project's own lock, so what both need is the same in both. Resolves as ``make lock`` does.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Final

from tools import lock

HERE: Final = Path(__file__).resolve().parent
WANTED: Final = HERE / "requirements.in"
LOCK: Final = HERE / "requirements.lock"
HEADER: Final = """\
# Written by `python -m benchmarks.peers.lock`; not to be edited. Installed with `make bench-peers`.
"""


def main(arguments: list[str]) -> None:
    """Write the lock."""
    tables = tomllib.loads((lock.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    peers = [
        line
        for line in WANTED.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    wanted = sorted(
        {*tables["build-system"]["requires"], *tables["project"]["dependencies"], *peers}
    )
    locked = lock.LOCK.read_text(encoding="utf-8")
    if LOCK.exists():
        locked = LOCK.read_text(encoding="utf-8")
    lines = [
        line
        for line in lock.resolve(wanted, locked, arguments).splitlines()
        if line.strip() and not line.startswith("#")
    ]
    LOCK.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
