"""The house rules hold for every file, and each rule can fail: a bad sample stands beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import pytest

from tools import generate_proto, lock, tidy

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = ("pdp", "tests", "tools", "benchmarks")
GENERATED: Final = "pdp/_proto/"

PATHS: Final = tuple(
    sorted(
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if not path.relative_to(ROOT).as_posix().startswith(GENERATED)
    )
)


def test_files_are_found() -> None:
    assert "pdp/model.py" in PATHS
    assert "tests/test_tidy.py" in PATHS


@pytest.mark.parametrize("rule", tidy.FILE_RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule: Callable[[tidy.Module], Iterable[str]]) -> None:
    complaints = [
        f"{path}: {complaint}"
        for path in PATHS
        for complaint in rule(tidy.module(path, (ROOT / path).read_text(encoding="utf-8")))
    ]
    count = len(complaints)
    assert count == 0, "\n".join(complaints)


def test_rooms_are_small() -> None:
    assert list(tidy.rooms_are_small(PATHS)) == []


def test_the_lock_names_no_place() -> None:
    assert list(tidy.lock_names_no_place(lock.LOCK.read_text(encoding="utf-8"))) == []


def test_the_lock_holds_all_that_the_project_asks_for() -> None:
    locked = {line.split("==")[0] for line in lock.LOCK.read_text().splitlines() if "==" in line}
    wanted = lock.requirements((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = {line.split("[")[0].split("<")[0].split(">")[0].split("=")[0] for line in wanted}
    assert {"grpcio", "setuptools", "pytest"} <= names <= locked


def test_generated_code_is_that_of_the_contract() -> None:
    written = {
        path.name: path.read_text(encoding="utf-8")
        for path in generate_proto.TARGET.iterdir()
        if path.suffix in {".py", ".pyi"}
    }
    assert written == generate_proto.generate(), "run `make proto`"


# ---------------------------------------------------------------- each rule can fail

DOC: Final = '"""A sample."""\n'

# rule, path, bad text, words of the complaint, the same text made good
SAMPLES: Final = [
    (
        tidy.file_is_short,
        "pdp/x.py",
        DOC + "x = 1\n" * 400,
        "has 401 lines",
        '"""A table, longer than most."""\n' + "x = 1\n" * 400,
    ),
    (
        tidy.functions_are_short,
        "pdp/x.py",
        DOC + "def f():\n" + "    x = 1\n" * 70,
        "`f` has 71 lines",
        DOC + "def f():\n" + "    x = 1\n" * 69,
    ),
    (tidy.lines_are_short, "pdp/x.py", "#" * 101, "has 101 columns", "#" * 100),
    (tidy.name_says_something, "pdp/lang/utils.py", DOC, "named `utils`", None),
    (tidy.name_says_something, "pdp/core/__init__.py", DOC, "named `core`", None),
    (tidy.name_says_something, "tests/test_helpers.py", DOC, "named `test_helpers`", None),
    (tidy.file_opens_with_docstring, "pdp/x.py", "x = 1\n", "without a docstring", DOC + "x = 1\n"),
    (tidy.file_opens_with_docstring, "pdp/x.py", "# note\n" + DOC, "without a docstring", DOC),
    (tidy.file_opens_with_docstring, "pdp/x.py", '"""Sample"""\n', "no sentence", DOC),
    (
        tidy.handlers_name_errors,
        "tools/x.py",
        "try:\n    f()\nexcept:\n    pass\n",
        "line 3: bare",
        "try:\n    f()\nexcept OSError:\n    pass\n",
    ),
    (tidy.library_is_quiet, "pdp/x.py", "print(1)\n", "line 1: prints", "render(1)\n"),
    (tidy.nothing_is_unfinished, "pdp/x.py", "# FIX" + "ME: later\n", "unfinished", "# later\n"),
    (
        tidy.imports_stand_on_top,
        "pdp/x.py",
        "def f():\n    if g():\n        from pdp import model\n",
        "line 3: import inside `f`",
        "from pdp import model\ndef f():\n    return model\n",
    ),
    (
        tidy.tests_can_fail,
        "tests/test_x.py",
        "def test_x():\n    assert True\n    run()\n",
        "`test_x` asserts nothing",
        "def test_x():\n    assert run()\n",
    ),
    (
        tidy.tests_can_fail,
        "tests/test_x.py",
        "def test_x():\n    a()\ndef a():\n    b()\ndef b():\n    pass\n",
        "`test_x` asserts nothing",
        "def test_x():\n    a()\ndef a():\n    b()\ndef b():\n    assert x\n",
    ),
    (
        tidy.tests_can_fail,
        "tests/test_x.py",
        "def test_x():\n    with suppress(E):\n        f()\n",
        "`test_x` asserts nothing",
        "def test_x():\n    with pytest.raises(E):\n        f()\n",
    ),
]


@pytest.mark.parametrize(("rule", "path", "bad", "words", "good"), SAMPLES)
def test_each_rule_can_fail(
    rule: Callable[[tidy.Module], Iterable[str]], path: str, bad: str, words: str, good: str | None
) -> None:
    complaints = list(rule(tidy.module(path, bad)))
    assert len(complaints) == 1
    assert words in complaints[0]
    if good is not None:
        assert list(rule(tidy.module(path, good))) == []


def test_every_rule_has_a_sample() -> None:
    assert {sample[0] for sample in SAMPLES} == set(tidy.FILE_RULES)


def test_commands_may_print() -> None:
    assert list(tidy.library_is_quiet(tidy.module("pdp/cli/demo.py", "print(1)\n"))) == []


def test_a_room_can_be_too_large() -> None:
    paths = [f"pdp/lang/m{number}.py" for number in range(12)]
    assert list(tidy.rooms_are_small([*paths, "pdp/lang/__init__.py"])) == []
    [complaint] = tidy.rooms_are_small([*paths, "pdp/lang/m12.py"])
    assert "pdp/lang: has 13 modules" in complaint


HASH: Final = "    --hash=sha256:" + "0" * 64
LOCKED: Final = f"# a comment\nlark==1.3.1 \\\n{HASH} \\\n{HASH}\n"


@pytest.mark.parametrize(
    "bad",
    [
        "--index-url https://example.org/simple\n",
        "--find-links /wheels\n",
        "lark==1.3.1\n",
        f"lark>=1.3.1 \\\n{HASH}\n",
        f"lark @ https://example.org/lark.whl \\\n{HASH}\n",
        "lark==1.3.1 \\\n    --hash=sha256:00\n",
        "-e .\n",
    ],
)
def test_a_lock_can_name_a_place(bad: str) -> None:
    assert list(tidy.lock_names_no_place(LOCKED)) == []
    assert list(tidy.lock_names_no_place(LOCKED + bad))


def test_a_lock_can_be_empty() -> None:
    assert list(tidy.lock_names_no_place("# a comment\n")) == ["locks nothing"]


# ---------------------------------------------------------------- nothing is skipped in CI

SKIPPING: Final = '''
"""Three tests that do not run."""
import pytest
@pytest.mark.skip(reason="REASON")
def test_mark(): ...
def test_call(): pytest.skip("REASON")
@pytest.mark.xfail(reason="expected", strict=True)
def test_xfail(): raise ValueError
def test_runs(): ...
'''


@pytest.mark.parametrize(
    ("reason", "ci", "status"),
    [
        ("needs a database", "true", pytest.ExitCode.TESTS_FAILED),
        ("needs a database", "", pytest.ExitCode.OK),
        ("elsewhere: needs another kernel", "true", pytest.ExitCode.OK),
    ],
)
@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_skip_fails_the_run_in_ci(
    tmp_path: Path, reason: str, ci: str, status: pytest.ExitCode, workers: str
) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_sample.py").write_text(SKIPPING.replace("REASON", reason))
    command = [sys.executable, "-m", "pytest", "-n", workers, "-p", "no:cacheprovider", "."]
    env = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        command, cwd=tmp_path, env={**env, "CI": ci}, capture_output=True, text=True, check=False
    )
    assert run.returncode == status, run.stdout + run.stderr
    assert "1 passed, 2 skipped, 1 xfailed" in run.stdout
    assert (f"test_sample.py::test_mark: {reason}" in run.stdout) == (status != 0)
