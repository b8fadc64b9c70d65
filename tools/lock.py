"""Rewrites ``requirements.lock`` from ``pyproject.toml``: names, versions, hashes, never a place.

Resolves in a throwaway environment with the machine's own pip settings off, so that local indexes,
constraints and wheels leave no trace and every hash is the public index's. Each version lists the
hashes of all its files, so the lock serves other processors and Python versions too. Versions that
are locked already are kept; ``--upgrade`` takes the newest ones. Standard library only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "requirements.lock"

# Not in the lock: it runs in the throwaway environment only.
PIP_TOOLS: Final = "pip-tools==7.6.2"

HEADER: Final = """\
# Written by `make lock`; not to be edited. Installed with `pip install --require-hashes`.
"""

# Settings of this machine that would put a place or a local file into the lock.
_LOCAL_SETTINGS: Final = ("PIP_CONSTRAINT", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX")

_OPTIONS: Final = (
    "--quiet",
    "--no-config",
    "--generate-hashes",
    "--allow-unsafe",  # setuptools is the build backend: locked like the rest
    "--strip-extras",
    "--no-header",
    "--no-annotate",
    "--no-emit-options",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
)


def requirements(pyproject: str) -> list[str]:
    """All that the text of ``pyproject.toml`` asks for: to build, to run, and each extra."""
    tables = tomllib.loads(pyproject)
    project = tables["project"]
    extras: dict[str, list[str]] = project.get("optional-dependencies", {})
    wanted = {*tables["build-system"]["requires"], *project["dependencies"]}
    return sorted(wanted.union(*extras.values()))


def resolve(wanted: list[str], locked: str, arguments: list[str]) -> str:
    """The text of a lock for ``wanted``, starting from the pins of ``locked``. Needs the index."""
    env = {name: value for name, value in os.environ.items() if name not in _LOCAL_SETTINGS}
    env["PIP_CONFIG_FILE"] = os.devnull
    with tempfile.TemporaryDirectory() as scratch:
        room = Path(scratch)
        venv.create(room / "venv", with_pip=True)
        python = room / "venv" / "bin" / "python"
        install = [str(python), "-m", "pip", "install", "--quiet", PIP_TOOLS]
        subprocess.run(install, env=env, check=True)
        (room / "wanted.in").write_text("\n".join(wanted) + "\n", encoding="utf-8")
        (room / "new.lock").write_text(locked, encoding="utf-8")
        command = [str(python), "-m", "piptools", "compile", *_OPTIONS, *arguments]
        command += ["--output-file", "new.lock", "wanted.in"]
        subprocess.run(command, env=env, cwd=room, check=True)
        return (room / "new.lock").read_text(encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Write the lock. ``arguments`` go to pip-compile (``--upgrade-package NAME``)."""
    wanted = requirements((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    locked = LOCK.read_text(encoding="utf-8") if LOCK.exists() else ""
    lines = [
        line
        for line in resolve(wanted, locked, arguments).splitlines()
        if line.strip() and not line.startswith("#")
    ]
    LOCK.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
