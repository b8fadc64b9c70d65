"""A log for each test that reads or damages one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audit import ledger


@pytest.fixture
def log(tmp_path: Path) -> Path:
    directory = tmp_path / "log"
    ledger.build(directory)
    return directory
