"""What the tests of the command line share: one world of files for all of them, and their runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.world import World, build


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = build(tmp_path_factory.mktemp("cli"))
    yield made
    made.forker.close()
