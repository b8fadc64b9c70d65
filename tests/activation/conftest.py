"""What the tests of installations share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.activation import installation as i


@pytest.fixture(scope="module")
def revisions(tmp_path_factory: pytest.TempPathFactory) -> tuple[i.Proved, i.Proved]:
    room = tmp_path_factory.mktemp("proved")
    return i.proved(1, room / "1"), i.proved(2, room / "2")


@pytest.fixture
def room() -> Iterator[Path]:
    with i.room() as path:
        yield path
