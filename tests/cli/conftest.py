"""What the tests of the command line share: one world of files for all of them, and their runs."""

from __future__ import annotations

import pytest

from tests.cli.world import World, build


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("cli"))
