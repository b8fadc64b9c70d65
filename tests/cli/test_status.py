"""`pdp status`: everything an operator must know, on one page and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from pdp._proto import log_pb2
from pdp.cli.administering import span
from pdp.cli.exit_codes import Exit
from pdp.model import BundleIdentity
from pdp.service.operating.board import ShadowState
from tests.cli.operated import Operated, operated
from tests.cli.world import World
from tests.service.desk import NOW_NS, SECOND_NS

HOUR_NS: Final = 3_600 * SECOND_NS
BUNDLE: Final = BundleIdentity("shop", "1.2.0", "ab" * 32, signed=True, revision=7)
PART: Final = log_pb2.SignedPart(kind="bundle", name="shop", revision=7, signers=["k1", "k2"])


@pytest.fixture
def door(world: World) -> Iterator[Operated]:
    with operated(world) as door:
        yield door


def fill(door: Operated) -> str:
    """Something of everything; the id of a stop order."""
    board = door.office.board
    board.activated(BUNDLE, NOW_NS, [PART], NOW_NS + 26 * HOUR_NS)
    board.source_read("https://b.example/shop", "bundle", NOW_NS - 5 * SECOND_NS)
    board.source_failed("https://b.example/fresh", "freshness", "it answered [b]500")
    board.refused(NOW_NS, "https://b.example/shop", "rollback", "revision 6 is older than 7")
    board.shadowed(ShadowState(BUNDLE, 1_000, 3, 2, 1))
    return door.office.stop(log_pb2.STOP_KIND_ACTION, "pay", "eva", "too many").order_id


def test_the_page(door: Operated) -> None:
    order_id = fill(door)
    done = door.pdp("status")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert (
        done.out
        == f"""\
serving     yes, as here
bundle      shop 1.2.0, revision 7
digest      {"ab" * 32}
since       2026-03-02T10:00:00Z
valid until 2026-03-03T12:00:00Z (in 1 d 2 h)
signed      bundle shop 7 by k1, k2
source      bundle https://b.example/shop: read 5 s ago
source      freshness https://b.example/fresh: never read, it answered [b]500
refused     rollback at 2026-03-02T10:00:00Z
            revision 6 is older than 7 (https://b.example/shop)
shadow      shop 1.2.0, revision 7: of 1000 decisions, 3 stricter, 2 looser, 1 asked
stopped     action pay since 2026-03-02T10:00:00Z
            by eva: too many
            {order_id}
unsafe      unsafe_any_caller
engine      1.2.3
"""
    )


def test_as_json(door: Operated) -> None:
    order_id = fill(door)
    done = door.pdp("status", "--format", "json")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    found = done.json
    assert found["is_serving"] is True
    assert found["bundle"]["revision"] == 7
    assert found["parts"][0]["signers"] == ["k1", "k2"]
    assert found["valid_until_unix_ns"] == NOW_NS + 26 * HOUR_NS
    assert [source.get("trouble") for source in found["sources"]] == [None, "it answered [b]500"]
    assert found["refused"]["cause"] == "rollback"
    assert found["shadow"]["looser"] == 2
    assert [order["order_id"] for order in found["stops"]] == [order_id]
    assert found["unsafe"] == ["unsafe_any_caller"]


def test_a_server_that_answers_nothing_is_a_failure(door: Operated) -> None:
    door.office.board.activated(BUNDLE, NOW_NS - HOUR_NS, [PART], NOW_NS - 90 * SECOND_NS)
    done = door.pdp("status")
    assert (done.code, done.err) == (Exit.FAILURE, "")
    assert done.out.startswith("serving     no: the bundle is no longer valid")
    assert "valid until 2026-03-02T09:58:30Z (1 min 30 s ago)\n" in done.out
    done = door.pdp("status", "--format", "json")
    assert (done.code, done.json["is_serving"]) == (Exit.FAILURE, False)


def test_what_is_unsigned_is_said(door: Operated) -> None:
    out = door.pdp("status").out
    assert "bundle      test.shop 1.0.0, unsigned\n" in out
    assert "valid until" not in out


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (-1, "0 s"), (1, "1 s"), (60, "1 min"), (61, "1 min 1 s"), (3_600, "1 h"),
        (3_661, "1 h 1 min"), (86_400 * 3 + 7_200, "3 d 2 h"), (86_401, "1 d 1 s"),
    ],
)  # fmt: skip
def test_spans(seconds: int, text: str) -> None:
    assert span(seconds * SECOND_NS) == text
