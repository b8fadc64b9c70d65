"""`pdp stop` and `pdp resume`: a real door on a socket, real commands, what both leave behind."""

from __future__ import annotations

import getpass
import json
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdp.cli.exit_codes import Exit
from tests.cli.operated import Operated, operated
from tests.cli.world import World
from tests.service import questions as ask
from tests.service.office import failing_log


@pytest.fixture
def door(world: World) -> Iterator[Operated]:
    with operated(world) as door:
        yield door


def test_a_stop_denies_and_a_resume_ends_it(door: Operated) -> None:
    done = door.pdp("stop", "agent", "Agent::bot", "--why", "it [bold]loops[/]", "--who", "eva")
    [order] = door.office.stops.orders
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.out == (
        "stopped agent Agent::bot\n"
        f"  order  {order.order_id}\n"
        "  since  2026-03-02T10:00:00Z\n"
        "  who    eva\n"
        f'  back   pdp resume {order.order_id} --why "…"\n'
    )
    assert (order.who, order.why) == ("eva", "it [bold]loops[/]")
    assert door.office.is_stopped(ask.ALLOW)
    done = door.pdp("resume", order.order_id, "--why", "mended")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.out == (f"resumed agent Agent::bot\n  order  {order.order_id}, given by eva\n")
    assert not door.office.is_stopped(ask.ALLOW)
    ended = door.office.orders()[-1]
    assert (ended.resumed_by, ended.resumed_why) == (
        f"{getpass.getuser()}@{platform.node()}",
        "mended",
    )


def test_as_json(door: Operated) -> None:
    done = door.pdp("stop", "action", "pay", "--why", "why", "--who", "eva", "--format", "json")
    [order] = door.office.stops.orders
    expected = {
        "order": {
            "order_id": order.order_id,
            "kind": "action",
            "target": "pay",
            "who": "eva",
            "why": "why",
            "time_unix_ns": order.time_unix_ns,
        }
    }
    assert (done.code, done.err, done.json) == (Exit.SUCCESS, "", expected)
    done = door.pdp("resume", order.order_id, "--why", "w", "--format", "json")
    assert (done.code, done.err, done.json) == (Exit.SUCCESS, "", expected)


def test_the_log_tells_both_in_a_line(door: Operated) -> None:
    door.pdp("stop", "person", "User::ann", "--why", "left [b]us", "--who", "eva")
    [order] = door.office.stops.orders
    door.pdp("resume", order.order_id, "--why", "is back", "--who", "ben")
    done = door.pdp("log", "tail", str(door.office.log_dir))
    assert [line.partition("stop_order")[2].strip() for line in done.out.splitlines()] == [
        "stopped person User::ann by eva: left [b]us",
        "resumed person User::ann by ben: is back",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("stop", "agent", "Agent::bot"), "missing option `--why`"),
        (("stop", "robot", "Agent::bot", "--why", "w"), "`robot` is not one of"),
        (("stop", "agent", "Agnt::bot", "--why", "w"), "did you mean `Agent`?"),
        (("stop", "agent", "Agent::bot", "--why", ""), "invalid request: `why` is missing"),
        (("stop", "tool", "t", "--why", "w", "--who", "a\u202eb"), "`who` holds a control"),
        (("resume", "o-1", "--why", "w"), "no order `o-1` is in force"),
        (("resume", "o-1"), "missing option `--why`"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_done(
    door: Operated, arguments: tuple[str, ...], words: str
) -> None:
    done = door.pdp(*arguments)
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert words in done.err
    assert door.office.stops.orders == ()


def test_what_is_not_durable_is_no_success(door: Operated) -> None:
    with failing_log(door.office):
        done = door.pdp("stop", "agent", "Agent::bot", "--why", "w", "--format", "json")
    [order] = door.office.stops.orders
    assert done.code == Exit.FAILURE
    assert f"in force as `{order.order_id}`" in json.loads(done.out)["error"]["message"]


def test_a_server_that_is_not_there(world: World, tmp_path: Path) -> None:
    line = ("stop", "tool", "t", "--why", "w")
    done = world.pdp(*line)
    assert done.code == Exit.INVALID
    assert "with `--admin unix:PATH` or PDP_ADMIN" in done.err
    done = world.pdp(*line, "--admin", "127.0.0.1:8181")
    assert done.code == Exit.FAILURE
    assert "expected `unix:PATH`" in done.err
    done = world.pdp(*line, "--admin", f"unix:{tmp_path}/a.sock")
    assert done.code == Exit.FAILURE
    assert "there is no such socket; start `pdp serve` with `--admin`" in done.err
    assert f"unix:{tmp_path}/a.sock" in done.err
