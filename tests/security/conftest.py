"""A desk for each test of what callers may try, on one engine for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pdp.engine import Engine
from tests.service.desk import Desk
from tests.service.served import POLICIES


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.from_directory(POLICIES, unsafe_accept_unsigned=True)


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(engine, tmp_path / "log")
    yield desk
    desk.writer.close()
