"""What reaches a terminal or a pipe: colours, hidden characters, encodings; and how both end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import IO, Final

import pytest

from pdp.cli import output
from pdp.cli.exit_codes import Exit
from pdp.decisionlog import record
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.model import Decision, DenyCause, Effect, Entity
from pdp.request import Request
from tests.cli.world import END_S, POLICIES, World, alone, command, environment, refund
from tests.decisionlog import samples

ESCAPE: Final = "\x1b["
# Starts a colour, moves the cursor with one C1 character, turns the reading order.
HOSTILE: Final = "\x1b[31m \x9b2J \u202egnp.exe \u2066"
_HIDDEN: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)


def hidden(text: str) -> list[str]:
    """What no terminal may be sent, line breaks apart."""
    return _HIDDEN.findall(text)


def test_a_hidden_character_is_seen() -> None:
    assert hidden(f"a\n{HOSTILE}") == ["\x1b", "\x9b", "\u202e", "\u2066"]


# ---------------------------------------------------------------- colours


@pytest.mark.parametrize("line", ["check {mistakes}", "decide {approval} {unsafe}", "chek"])
def test_colours_are_for_terminals(world: World, line: str) -> None:
    plain = world.run(line)
    assert ESCAPE not in plain.out + plain.err
    arguments = world.arguments(line)
    coloured = world.pdp(*arguments, FORCE_COLOR="1")
    assert ESCAPE in coloured.out + coloured.err
    assert world.pdp(*arguments, FORCE_COLOR="1", NO_COLOR="1") == plain


# ---------------------------------------------------------------- hidden characters


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, Path]:
    """Requests and policies that would like to write to the terminal themselves."""
    places = {name: tmp_path / f"{name}.json" for name in ("note", "member", "action")}
    places["note"].write_text(
        json.dumps(refund("300.00", args={"amount": "300.00", "note": HOSTILE}))
    )
    places["member"].write_text(json.dumps(refund("1.00", **{f"x{HOSTILE}": 1})))
    places["action"].write_text(json.dumps(refund("1.00", action=f"pay.{HOSTILE}")))
    policies = tmp_path / "policies"
    policies.mkdir()
    text = (POLICIES / "desk.charter").read_text()
    (policies / f"{HOSTILE}.charter").write_text(
        text.replace("Refunds over 200.00", f"Refunds {HOSTILE}")
    )
    return {**places, "policies": policies}


def test_without_escaping_they_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hidden(output.safe(HOSTILE) + output.json_text(HOSTILE)) == []
    monkeypatch.setattr(output, "escaped", lambda text: text)
    assert hidden(output.safe(HOSTILE)) == hidden(HOSTILE)
    assert hidden(output.json_text(HOSTILE))


def test_hidden_characters_of_requests(world: World, hostile: dict[str, Path]) -> None:
    unsafe = world.arguments("{unsafe} --explain")
    done = world.pdp("decide", str(hostile["note"]), *unsafe)
    assert done.code == Exit.APPROVAL
    assert r"args.note = " in done.out
    assert r"\u202egnp.exe" in done.out
    assert hidden(done.out) == []
    for name in ("member", "action"):
        done = world.pdp("decide", str(hostile[name]), *unsafe, "--format", "json")
        assert done.code == Exit.INVALID
        assert done.json["error"]["field"]
        assert hidden(done.out + done.err) == []


def test_hidden_characters_of_policies(world: World, hostile: dict[str, Path]) -> None:
    text = world.pdp("check", str(hostile["policies"]))
    assert (text.code, hidden(text.err)) == (Exit.INVALID, [])
    assert "C0005 hidden-character" in text.err
    data = world.pdp("check", str(hostile["policies"]), "--format", "json")
    assert hidden(data.out) == []
    # A program still reads the name as it is.
    assert data.json["diagnostics"][0]["file"] == f"{HOSTILE}.charter"


def test_hidden_characters_of_arguments(world: World) -> None:
    for arguments in (["check", HOSTILE], [HOSTILE], ["check", "--format", HOSTILE, "x"]):
        done = world.pdp(*arguments)
        assert (done.code, hidden(done.err)) == (Exit.INVALID, [])


def test_a_line_break_cannot_start_a_line_of_ours(world: World) -> None:
    done = world.pdp("check", "x\nok: bundle")
    assert len(done.err.splitlines()) == 1


def test_markup_and_emoji_are_text(world: World, tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    note = "[bold]late[/bold] :bug: [/]"
    path.write_text(json.dumps(refund("300.00", args={"amount": "300.00", "note": note})))
    assert note in world.pdp("decide", str(path), *world.arguments("{unsafe} --explain")).out


# ---------------------------------------------------------------- encodings


def test_an_encoding_that_lacks_characters(world: World) -> None:
    line = "check {mistakes} --format json"
    done = alone(*world.arguments(line), PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert done.out.isascii()
    assert done.json == world.run(line).json


# ---------------------------------------------------------------- pipes and disks


@pytest.mark.parametrize("line", ["check {mistakes} --format json", "log show {log} 1", "--help"])
def test_nobody_reads_on(world: World, line: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = into(writing, *world.arguments(line))
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (Exit.FAILURE, b"")


def into(output: int | IO[bytes], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command with that as its standard output."""
    return subprocess.run(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        env=environment(),
        timeout=END_S,
        check=False,
    )


@pytest.mark.parametrize("name", ["allow", "refused"])
def test_an_answer_that_cannot_be_written_is_no_allow(world: World, name: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = into(full, *world.arguments(f"decide {{{name}}} {{unsafe}} --format json"))
    assert done.returncode == Exit.FAILURE
    assert done.stderr.startswith(b"error: ")
    assert b"No space left on device" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_streams_may_be_closed(world: World) -> None:
    """Then the exit code is the answer, and no file is opened in a stream's place."""
    arguments = world.arguments("decide {deny} {unsafe}")
    script = 'exec "$@" <&- >&- 2>&-'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *command(*arguments)],
        env=environment(),
        timeout=END_S,
        check=False,
    )
    assert done.returncode == Exit.DENY


# ---------------------------------------------------------------- signals


def started(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        # A shell lets its background jobs ignore Ctrl-C, and whoever runs these tests may be one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def test_ctrl_c_ends_quietly(tmp_path: Path) -> None:
    # Whoever opens a fifo waits for its other end: once it is open, the command is at work.
    fifo = tmp_path / "slow.json"
    os.mkfifo(fifo)
    policies = ("--policies", str(tmp_path), "--unsafe-accept-unsigned")
    process = started("decide", str(fifo), *policies)
    try:
        with fifo.open("wb"):
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=END_S)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (Exit.INTERRUPTED, b"", b"")


def test_who_had_what_explained(tmp_path: Path) -> None:
    request = Request(
        principal=Entity("Agent", "bot"),
        on_behalf_of=(Entity("User", "ann"),),
        action="pay.out",
        resource=Entity("Order", "[red]o-1"),
    )
    payload = record.explanation_record(
        time_unix_ns=1,
        peer="10.0.0.7",
        request=request,
        now_us=2,
        decision=Decision(Effect.DENY, DenyCause.NO_ALLOW),
        engine_version="0.1",
    )
    with Writer.open(tmp_path, samples.setup()) as writer:
        writer.append(Kind.EXPLANATION, payload)
    run = alone("log", "tail", str(tmp_path))
    [line] = [line for line in run.out.splitlines() if " explanation " in line]
    _, _, told = line.partition(" explanation ")
    assert " ".join(told.split()) == (
        "deny pay.out on Order::[red]o-1 by Agent::bot for User::ann: no_allow (asked by 10.0.0.7)"
    )


def test_following_a_log_until_ctrl_c(tmp_path: Path) -> None:
    samples.build(tmp_path, count=3)
    process = started("log", "tail", str(tmp_path), "-n", "1", "--follow")
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        with Writer.open(tmp_path, samples.setup()) as writer:
            writer.append(Kind.REFUSAL, samples.refusal(9))
        second = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=END_S)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (Exit.SUCCESS, b"", b"")
    assert first.split()[0] == b"3"
    assert b" stop " in first
    assert second.split()[0] == b"4"
    assert b"INVALID_ARGUMENT (unknown_field)" in second
