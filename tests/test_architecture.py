"""The import contracts in pyproject.toml catch what they are for: each on a small broken package.

``make check`` runs the same contracts on the real one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
LINT_IMPORTS: Final = Path(sys.executable).with_name("lint-imports")

# Modules inside the rooms that the contracts name.
INNER: Final = (
    "approvals/requirement.py",
    "approvals/store.py",
    "bundles/sources/directory.py",
    "eval/policyset.py",
    "lang/checker.py",
    "lang/nodes.py",
)


def rooms() -> list[str]:
    """The names of the layers contract, in its order."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [layers] = [
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["id"] == "layers"
    ]
    return [name for layer in layers for name in layer.split(" | ")]


def lint(folder: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the contracts on a package of empty rooms, with ``files`` written into it."""
    package = folder / "pdp"
    for room in rooms():
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    (package / "__init__.py").touch()
    for name in INNER:
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).touch()
    for name, text in files.items():
        (package / name).write_text(text)
    shutil.copy(ROOT / "pyproject.toml", folder)
    command = [str(LINT_IMPORTS), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def broken(output: str) -> list[str]:
    """The names of the contracts that a run found broken."""
    return [
        line.removesuffix(" BROKEN") for line in output.splitlines() if line.endswith(" BROKEN")
    ]


def test_the_allowed_directions_pass(tmp_path: Path) -> None:
    run = lint(
        tmp_path,
        {
            "cli/__init__.py": "from pdp import service, client, engine, model",
            "service/__init__.py": "import grpc, asyncio, threading\nfrom pdp import engine, eval",
            "eval/policyset.py": "import pdp.approvals.requirement\nfrom pdp.lang import nodes",
            "bundles/sources/directory.py": "import socket, threading\nfrom google import protobuf",
            "decisionlog/__init__.py": "import threading\nfrom pdp import protoform",
            "protoform/__init__.py": "from pdp import _proto, canonical, request",
            "lang/checker.py": "from pdp.lang import nodes",
        },
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "4 kept, 0 broken" in run.stdout


@pytest.mark.parametrize(
    ("file", "text", "contract"),
    [
        ("eval/policyset.py", "import pdp.engine", "imports point one way"),
        ("model/__init__.py", "import pdp.canonical", "imports point one way"),
        ("client/__init__.py", "import pdp.service", "imports point one way"),
        ("lang/checker.py", "import pdp.approvals.requirement", "imports point one way"),
        ("helpers.py", "", "imports point one way"),
        ("lang/nodes.py", "import pdp.lang.checker", "no cycles between siblings"),
        ("lang/checker.py", "import grpc", "the core does no I/O"),
        ("eval/policyset.py", "from google.protobuf import message", "the core does no I/O"),
        ("bundles/__init__.py", "import threading", "the core does no I/O"),
        ("canonical/__init__.py", "import socket", "the core does no I/O"),
        ("approvals/requirement.py", "import asyncio", "the core does no I/O"),
        ("eval/policyset.py", "from pdp.approvals import store", "of approvals, eval knows"),
    ],
)
def test_each_contract_can_fail(tmp_path: Path, file: str, text: str, contract: str) -> None:
    # checker imports nodes, so that nodes importing checker is a cycle.
    files = {"lang/checker.py": "import pdp.lang.nodes\n"}
    run = lint(tmp_path, {**files, file: files.get(file, "") + text})
    assert run.returncode == 1, run.stdout + run.stderr
    [name] = broken(run.stdout)
    assert name.startswith(contract)
