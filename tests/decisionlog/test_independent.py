"""The verifier that shares no code: it agrees with ours, on whole logs and on every damaged one."""

from __future__ import annotations

import ast
import itertools
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Final, Self

import pytest

from pdp.bundles import keys
from pdp.decisionlog import frame
from pdp.decisionlog.appender import Setup
from pdp.decisionlog.record import Kind
from pdp.decisionlog.verify import verify
from pdp.decisionlog.writer import Writer
from pdp.service.evidence.anchors import line_of
from pdp.service.evidence.logkey import LogKey
from tests.decisionlog import samples
from tools import verify_log

SCRIPT: Final = Path(verify_log.__file__)
KEY: Final = LogKey(keys.generate())
LINES_MAX: Final = 250


class Anything(int):
    """Equal to whatever it is compared with."""

    def __new__(cls, *_: object) -> Self:
        return super().__new__(cls)

    def __eq__(self, _: object) -> bool:
        return True

    def __ne__(self, _: object) -> bool:
        return False

    __hash__ = int.__hash__


def made(directory: Path, signer: LogKey | None = KEY) -> tuple[str, list[str]]:
    """A log of 40 records and more in several segments; its newest checkpoint, receipts as JSON."""
    found: list[str] = []
    setup = Setup("node-1", segment_bytes=2_048, clock=samples.ticks(), signer=signer)
    with Writer.open(directory, setup) as writer:
        for number in range(20):
            for receipt in writer.append_many(
                [(Kind.REFUSAL, samples.refusal(number)), (Kind.STOP, samples.stop())]
            ):
                item = {"seq": receipt.seq, "log_id": receipt.log_id}
                found.append(json.dumps({**item, "leaf_hash": receipt.leaf_hash}))
            if number % 5 == 4:
                writer.sign()
        return writer.checkpoint[1], found


def ran(directory: Path, *arguments: str) -> tuple[int, str]:
    """By itself: with no path to our code."""
    done = subprocess.run(
        [sys.executable, "-P", str(SCRIPT), str(directory), *arguments],
        capture_output=True, text=True, check=False, timeout=60, cwd="/",
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def wrong(directory: Path, key: LogKey = KEY, anchor: str = "") -> str:
    """What it finds, in this process; empty for nothing."""
    try:
        heads = {}
        if anchor:
            origin, size, root = verify_log.opened(anchor, [key.public])
            heads = {size: (origin, root)}
        verify_log.Log(directory, [key.public], heads, {}).read()
    except (verify_log.Wrong, ValueError, IndexError) as found:
        return str(found) or "wrong"
    return ""


def test_it_is_small_and_imports_nothing_of_ours() -> None:
    text = SCRIPT.read_text()
    assert text.count("\n") <= LINES_MAX
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).split(".")[0])
    assert names - set(sys.stdlib_module_names) == {"cryptography"}


def test_a_whole_log_with_all_that_was_kept_of_it(tmp_path: Path) -> None:
    note, receipts = made(tmp_path / "log")
    (tmp_path / "anchor").write_text(line_of(note) + "\n")
    (tmp_path / "receipts").write_text("\n".join(receipts))
    kept = ("--anchor", str(tmp_path / "anchor"), "--receipt", str(tmp_path / "receipts"))
    code, said = ran(tmp_path / "log", "--key", KEY.public.hex(), *kept)
    assert (code, said.count("\n")) == (0, 2)
    assert "signatures checked" in said
    report = verify(tmp_path / "log")
    assert report.ok
    assert f"{report.tree_size} records, root {report.root}" in said
    assert "4 checkpoints inside" in said
    code, said = ran(tmp_path / "log")
    assert (code, "signatures NOT checked" in said) == (0, True)


def test_wrong_use_and_wrong_places(tmp_path: Path) -> None:
    assert ran(tmp_path)[0] == 1
    assert "there is no log" in ran(tmp_path)[1]
    assert ran(tmp_path, "--key", "zz")[0] == 2
    made(tmp_path)
    code, said = ran(tmp_path, "--key", LogKey(keys.generate()).public.hex())
    assert code == 1
    assert "signed by none of the keys given" in said


@pytest.mark.parametrize("name", ["0000000001.seg", "0000000003.seg", "last"])
def test_every_flipped_byte_is_found_by_both(tmp_path: Path, name: str) -> None:
    note, _ = made(tmp_path)
    paths = sorted(tmp_path.glob("*.seg"))
    path = paths[-1] if name == "last" else tmp_path / name
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert wrong(tmp_path, anchor=note), at
        if at % 97 == 0:
            assert not verify(tmp_path, settle_s=0).ok, at
    path.write_bytes(data)
    assert not wrong(tmp_path, anchor=note)


def test_every_cut_deleted_swapped_and_doubled_batch_is_found(tmp_path: Path) -> None:
    note, _ = made(tmp_path)
    last = max(path.name for path in tmp_path.glob("*.seg"))
    for path in sorted(tmp_path.glob("*.seg")):
        data = path.read_bytes()
        places = [frame.SEGMENT_HEADER_BYTES, *batch_ends(data)]
        batches = [data[a:b] for a, b in itertools.pairwise(places)]
        head, end = data[: places[0]], b""
        if path.name == last:
            # The newest checkpoint covers what stands before it, not itself.
            end = batches.pop()
        changed = [head + b"".join(batches[:n]) for n in range(len(batches))]
        changed += [head + b"".join(batches[:n] + batches[n + 1 :]) for n in range(len(batches))]
        changed += [head + b"".join(batches[: n + 1] + batches[n:]) for n in range(len(batches))]
        changed += [
            head + b"".join([*batches[:n], batches[n + 1], batches[n], *batches[n + 2 :]])
            for n in range(len(batches) - 1)
        ]
        for number, other in enumerate(changed):
            path.write_bytes(other + end)
            assert wrong(tmp_path, anchor=note), (path.name, number)
        path.write_bytes(data)
        path.rename(tmp_path / "away")
        assert wrong(tmp_path, anchor=note), path.name
        (tmp_path / "away").rename(path)
    assert not wrong(tmp_path, anchor=note)


def batch_ends(data: bytes) -> list[int]:
    boot = frame.decode_segment(data[: frame.SEGMENT_HEADER_BYTES])
    assert isinstance(boot, frame.SegmentHeader)
    ends: list[int] = []
    at, seq = frame.SEGMENT_HEADER_BYTES, boot.first_seq
    while True:
        batch = frame.read_batch(
            lambda offset, size: data[offset : offset + size], at, boot.boot_id, seq
        )
        if not isinstance(batch, frame.Batch):
            return ends
        at, seq = batch.head.end, seq + batch.head.count
        ends.append(at)


def test_a_log_written_anew_and_an_old_head(tmp_path: Path) -> None:
    """Right in itself to the last byte: only what was kept, and the key, tell."""
    note, receipts = made(tmp_path / "true")
    made(tmp_path / "other")
    assert wrong(tmp_path / "other", anchor=note)
    assert "signed by none" in wrong(tmp_path / "true", LogKey(keys.generate()))
    made(tmp_path / "unsigned", None)
    (tmp_path / "receipts").write_text(receipts[-1])
    code, said = ran(tmp_path / "unsigned", "--receipt", str(tmp_path / "receipts"))
    assert code == 1
    assert "receipt" in said or "the end is missing" in said


# ---------------------------------------------------------------- sabotage


def cut(directory: Path) -> str:
    """A log without its last segment; the checkpoint that was kept."""
    note, _ = made(directory)
    max(directory.glob("*.seg")).unlink()
    return note


def forged(directory: Path) -> str:
    """A log signed by whoever rewrote it; nothing was kept."""
    made(directory, LogKey(keys.generate()))
    return ""


def flipped(directory: Path) -> str:
    """A log whose first segment says another time: no hash covers that; nothing was kept."""
    made(directory)
    path = directory / "0000000001.seg"
    data = bytearray(path.read_bytes())
    data[48] ^= 1
    path.write_bytes(data)
    return ""


TWINS: Final = {
    "the end may be missing": (cut, verify_log.Log, "kept", lambda _: None),
    "any signature holds": (forged, verify_log, "signed", lambda *_: True),
    "checkpoints are not looked at": (forged, verify_log, "CHECKPOINT", 0),
    "no checksum counts": (flipped, verify_log, "zlib", SimpleNamespace(crc32=Anything)),
}


@pytest.mark.parametrize("name", TWINS)
def test_sabotage_a_verifier_without_one_check_sees_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    damage, owner, attribute, broken = TWINS[name]
    note = damage(tmp_path)
    assert wrong(tmp_path, anchor=note)
    monkeypatch.setattr(owner, attribute, broken)
    assert not wrong(tmp_path, anchor=note)
