"""Where fault tests work: in memory if possible, since they sync thousands of small logs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")  # noqa: S108 - a fresh private directory is made in it


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """As pytest's, but in memory if possible; ``disk_path`` is on the disk."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path_factory.mktemp("faults")
        return
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="pdp-faults-") as directory:
        yield Path(directory)


@pytest.fixture
def disk_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh directory where pytest keeps its files."""
    return tmp_path_factory.mktemp("disk")
