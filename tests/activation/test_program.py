"""The embedded program is a function of the sources alone, and nothing else is accepted for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from pdp.activation.program import check_program, policy_files, program_of
from pdp.activation.release import PROGRAM_FILE
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.engine import Engine
from pdp.lang.packing.compact import pack
from pdp.model import PolicyError
from tests.activation.authored import FILES, with_text

ROOT: Final = Path(__file__).resolve().parents[2]
# Prints a digest of the programs of the good policies and of generated ones.
_DIGEST: Final = """
import hashlib
from pdp.activation.program import program_of
from tests.activation.authored import FILES
from tests.properties.differential import program_of as generated
digest = hashlib.sha256(program_of(FILES))
for seed in range(10):
    digest.update(program_of(generated(seed).files))
print(digest.hexdigest())
"""


def test_the_program_is_that_of_an_engine() -> None:
    assert program_of(FILES) == Engine(FILES).compact()


def test_every_process_makes_the_same_program() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", _DIGEST],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "20260301")
    }
    assert len(digests) == 1


def test_people_are_no_part_of_it() -> None:
    nobody = {name: data for name, data in FILES.items() if not name.endswith(".directory.json")}
    more = {**FILES, "more.directory.json": b'{"User": {"ben": {}}}'}
    assert program_of(nobody) == program_of(more) == program_of(FILES)


def test_data_is_part_of_it() -> None:
    assert program_of(with_text("countries.json", "FR", "IT")) != program_of(FILES)


def test_the_order_of_files_is_no_part_of_it() -> None:
    assert program_of(dict(sorted(FILES.items(), reverse=True))) == program_of(FILES)


def test_the_embedded_program_is_left_out() -> None:
    files = {**FILES, PROGRAM_FILE: b"anything"}
    assert policy_files(files) == FILES
    assert program_of(files) == program_of(FILES)


def test_what_is_equal_is_accepted() -> None:
    program = program_of(FILES)
    assert check_program({**FILES, PROGRAM_FILE: program}) == program


def test_every_byte_counts() -> None:
    program = program_of(FILES)
    for at in range(0, len(program), len(program) // 50):
        changed = program[:at] + bytes([program[at] ^ 1]) + program[at + 1 :]
        with pytest.raises(BundleRefused) as refused:
            check_program({**FILES, PROGRAM_FILE: changed})
        assert refused.value.cause is Cause.PROGRAM_DIFFERS


def test_a_program_that_reads_the_same_is_not_the_same() -> None:
    """A looser rule hidden among the bytes is what this is all about; so is a trailing byte."""
    program = Engine(with_text("refunds.charter", "100.00 and", "900.00 and")).compact()
    for other in (program, program_of(FILES) + b"\0", b""):
        with pytest.raises(BundleRefused, match="is not what the policies beside it say"):
            check_program({**FILES, PROGRAM_FILE: other})


def test_policies_with_mistakes_have_no_program() -> None:
    files = {**FILES, "more.charter": b"rule x"}
    with pytest.raises(PolicyError) as error:
        program_of(files)
    assert error.value.diagnostics
    with pytest.raises(BundleRefused) as refused:
        check_program({**files, PROGRAM_FILE: pack(Engine(FILES).checked)})
    assert refused.value.cause is Cause.POLICIES_WITH_ERRORS


def test_a_program_must_be_there() -> None:
    with pytest.raises(BundleRefused) as refused:
        check_program(FILES)
    assert refused.value.cause is Cause.PART_MISSING
