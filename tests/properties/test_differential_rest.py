"""The other half of the differential cases, so that two worker processes can share them."""

from __future__ import annotations

import pytest

from tests.properties.test_differential import CEILING_S, ITEMS, assert_seeds_agree


@pytest.mark.timeout(CEILING_S)
@pytest.mark.parametrize("first", ITEMS[1::2])
def test_compiled_equals_reference(first: int):
    assert_seeds_agree(first)
