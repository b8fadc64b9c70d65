"""Servers that the tests of sources share, one of each for a file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bundles.sources import servers


@pytest.fixture(scope="module")
def bad() -> Iterator[str]:
    with servers.bad_server() as address:
        yield address


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Nginx]:
    with servers.nginx(tmp_path_factory.mktemp("nginx")) as server:
        yield server


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.registry(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with servers.s3_server() as url:
        yield url
