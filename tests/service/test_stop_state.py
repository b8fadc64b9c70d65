"""What keeps stop orders: the form of the file, its directory, and what stops a start."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pdp._proto import log_pb2
from pdp.decisionlog import reader
from pdp.decisionlog.errors import LogCorrupt
from pdp.decisionlog.record import Kind
from pdp.engine import Engine
from pdp.overruling.orders import OrderError, StopKind, StopOrder
from pdp.service.stopping import statedir
from pdp.service.stopping.orderfile import orders_from_bytes, orders_to_bytes
from pdp.service.stopping.statedir import StateCorrupt, StateDirectory, StateUnusable
from tests.service import served
from tests.service.desk import NOW_NS
from tests.service.office import WHO, WHY, Office

ORDER: Final = StopOrder("o-1", StopKind.AGENT, "Agent::bot", "eva", "why", NOW_NS)


@pytest.fixture
def directory() -> Iterator[Path]:
    with served.room() as path:
        yield path


@pytest.fixture
def office(engine: Engine, directory: Path) -> Iterator[Office]:
    office = Office(engine, directory)
    yield office
    office.close()


# ---------------------------------------------------------------- the file


def written(**changes: object) -> bytes:
    order = json.loads(orders_to_bytes([ORDER]))["orders"][0]
    return json.dumps({"format": 1, "orders": [{**order, **changes}]}).encode()


def test_a_file_says_what_was_written() -> None:
    orders = tuple(
        StopOrder(f"o-{kind.value}", kind, "tärget", "eva", "why", 2**63 - 1) for kind in StopKind
    )
    assert orders_from_bytes(orders_to_bytes(orders)) == orders
    assert orders_from_bytes(orders_to_bytes(())) == ()


WRONG_FILES: Final = [
    (b"", "it is not strict JSON"),
    (b"\xff", "it is not UTF-8 text"),
    (b"[]", "it is not strict JSON"),
    (b"{}", "expected an object with `format` 1"),
    (b'{"format": 2, "orders": []}', "expected an object with `format` 1"),
    (b'{"format": "1", "orders": []}', "expected an object with `format` 1"),
    (b'{"format": 1, "orders": [], "x": 1}', "expected an object with `format` 1"),
    (b'{"format": 1, "format": 1, "orders": []}', "it is not strict JSON"),
    (b'{"format": 1, "orders": {}}', "`orders`: expected a list"),
    (b'{"format": 1, "orders": [1]}', "`orders[0]`: expected exactly"),
    (written(more=1), "`orders[0]`: expected exactly"),
    (written(kind="agents"), "`kind`: expected one of agent, person, action, tool"),
    (written(kind=1), "`kind`: expected one of"),
    (written(target=1), "`target`: expected text"),
    (written(target=""), "`target`: is missing"),
    (written(target="a\u202eb"), "`target`: holds a control, invisible"),
    (written(why="x" * 513), "`why`: longer than 512 characters"),
    (written(time_unix_ns="1"), "`time_unix_ns`: expected nanoseconds"),
    (written(time_unix_ns=1.5), "`time_unix_ns`: expected nanoseconds"),
    (written(time_unix_ns=-1), "`time_unix_ns`: expected nanoseconds"),
    (written(time_unix_ns=2**63), "`time_unix_ns`: expected nanoseconds"),
    (orders_to_bytes([ORDER, ORDER]), "two have the same `order_id`"),
]


@pytest.mark.parametrize(("data", "words"), WRONG_FILES)
def test_a_file_that_is_not_as_written_stops_the_start(
    office: Office, data: bytes, words: str
) -> None:
    office.file.write_bytes(data)
    with pytest.raises(StateCorrupt, match="is damaged") as found:
        office.restart()
    assert words in str(found.value)
    assert str(office.file) in str(found.value)
    assert office.file.read_bytes() == data


def test_every_cut_of_a_file_is_noticed() -> None:
    data = orders_to_bytes([ORDER]).rstrip()
    for end in range(len(data)):
        with pytest.raises(ValueError, match=r"JSON|expected"):
            orders_from_bytes(data[:end])


def test_a_log_with_an_order_of_another_kind_stops_the_start(office: Office) -> None:
    order = log_pb2.StopOrder(order_id="o-9", target="x")
    payload = log_pb2.StopOrderRecord(time_unix_ns=NOW_NS, order=order).SerializeToString()
    office.log.append(Kind.STOP_ORDER, payload)
    with pytest.raises(LogCorrupt, match="no stop order that this version knows"):
        office.restart()


@pytest.mark.parametrize("field", ["target", "who", "why"])
@pytest.mark.parametrize("text", ["", "x" * 513, "a\u200bb", "a\nb", "e\u0301"])
def test_texts_have_limits(office: Office, field: str, text: str) -> None:
    given = {"target": "refund", "who": WHO, "why": WHY, field: text}
    with pytest.raises(OrderError) as found:
        office.stops.stop(StopKind.TOOL, **given)
    assert found.value.field == field
    assert list(reader.records(office.log_dir)) == []
    assert not office.file.exists()


# ---------------------------------------------------------------- the directory


def test_the_directory_is_its_owners_alone(office: Office) -> None:
    office.stop(log_pb2.STOP_KIND_AGENT, "Agent::bot")
    assert office.state.path.stat().st_mode & 0o777 == 0o700
    assert office.file.stat().st_mode & 0o777 == 0o600


def test_two_servers_cannot_share_one(office: Office) -> None:
    with pytest.raises(StateUnusable, match="in use by another server"):
        StateDirectory(office.state.path)


def test_a_directory_that_will_not_do(directory: Path) -> None:
    (directory / "open").mkdir(mode=0o755)
    (directory / "file").touch()
    (directory / "link").symlink_to(directory)
    for name, words in (
        ("open", "has mode 0755, expected 0700: `chmod 700 "),
        ("file", "cannot make `"),
        ("link", "is not a directory"),
        ("gone/state", "cannot make `"),
    ):
        with pytest.raises(StateUnusable) as found:
            StateDirectory(directory / name)
        assert words in str(found.value)


def test_a_directory_of_another_user(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_711)
    with pytest.raises(StateUnusable, match="belongs to another user"):
        StateDirectory(directory)


def test_a_file_without_an_end(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statedir, "FILE_BYTES_MAX", 100)
    office.file.write_bytes(orders_to_bytes([ORDER]))
    with pytest.raises(StateCorrupt, match="larger than 100 bytes"):
        office.restart()


def test_a_link_is_not_followed(office: Office) -> None:
    office.file.symlink_to(office.directory / "elsewhere")
    with pytest.raises(StateUnusable, match="cannot read"):
        office.restart()
