"""Signed tree heads and receipts: what they prove, and every way in which they must not hold."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdp.bundles import keys
from pdp.decisionlog import reader, record, tree
from pdp.decisionlog.appender import CHECKPOINT_RECORDS, Appender, Setup
from pdp.decisionlog.frame import Spot
from pdp.decisionlog.proving import checkpoint
from pdp.decisionlog.proving.checkpoint import Head, NotACheckpoint
from pdp.decisionlog.proving.heads import Heads, Trust
from pdp.decisionlog.proving.receipt import NotProven, Receipt, receipt
from pdp.decisionlog.proving.spine import BLOCK, Spine
from pdp.decisionlog.record import Kind
from pdp.decisionlog.tree import Tree, included
from pdp.decisionlog.verify import verify
from pdp.decisionlog.writer import Writer
from pdp.model import ReceiptPointer
from pdp.service.evidence.logkey import LogKey
from tests.decisionlog import samples

KEY = LogKey(keys.private_key_from_pem(keys.private_key_to_pem(keys.generate())))
OTHER = LogKey(keys.generate())
HEAD = Head("pdp-decision-log/00", 5, bytes(range(32)))
TRUST = Trust((KEY.public,), keys.signature_holds)


def signing(segment_bytes: int = 1 << 20) -> Setup:
    return Setup("node-1", segment_bytes=segment_bytes, clock=samples.ticks(), signer=KEY)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Writer]:
    with Writer.open(tmp_path / "log", signing()) as writer:
        yield writer


def refuse(writer: Writer, count: int) -> list[ReceiptPointer]:
    return writer.append_many([(Kind.REFUSAL, samples.refusal(n)) for n in range(count)])


def opened(text: str) -> Head:
    return checkpoint.opened(text, KEY.public, keys.signature_holds)


# ---------------------------------------------------------------- the text


def test_what_was_signed_is_read() -> None:
    text = checkpoint.sign(HEAD, KEY)
    assert checkpoint.read(text) == opened(text) == HEAD
    lines = text.split("\n")
    assert lines[:3] == [HEAD.origin, "5", base64.b64encode(HEAD.root).decode()]


def test_lines_of_others_do_not_disturb() -> None:
    text = checkpoint.sign(HEAD, KEY)
    body, _, line = text.partition("\n\n")
    witness = "\u2014 witness.example " + base64.b64encode(bytes(68)).decode()
    assert opened(f"{body}\n\n{witness}\n{line}") == HEAD


@pytest.mark.parametrize("at", range(len(checkpoint.sign(HEAD, KEY).encode())))
def test_every_changed_byte_is_noticed(at: int) -> None:
    data = bytearray(checkpoint.sign(HEAD, KEY).encode())
    for bit in (1, 32):
        data[at] ^= bit
        with pytest.raises(NotACheckpoint):
            opened(data.decode(errors="surrogateescape"))
        data[at] ^= bit


def test_another_key_does_not_count() -> None:
    with pytest.raises(NotACheckpoint, match="not signed by the key"):
        checkpoint.opened(checkpoint.sign(HEAD, OTHER), KEY.public, keys.signature_holds)


# ---------------------------------------------------------------- the tree


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 511, 512, 700, 1_025])
def test_the_spine_is_the_tree(count: int) -> None:
    """Every path, at some sizes, is the one that the tree that keeps everything gives."""
    leaves = [tree.leaf_hash(str(n).encode()) for n in range(count)]
    spine, whole = Spine(), Tree()
    for n, leaf in enumerate(leaves):
        spine.append(leaf, Spot(1, n, n + 1))
        whole.append(leaf)
        assert n % 97 or spine.root() == whole.root()
    assert spine.root() == whole.root()
    for size in {count, max(1, count - 1), count // 2 + 1, min(count, BLOCK)}:
        for index in range(0, size, 7):
            path = spine.path(index, size, lambda start, stop: leaves[start:stop])
            assert path == whole.inclusion_proof(index, size)
            assert spine.spot(index).seq <= index + 1
    with pytest.raises(ValueError, match="no leaf"):
        spine.path(count, count, lambda *_: [])


# ---------------------------------------------------------------- in the log


def test_a_checkpoint_follows_what_it_covers(log: Writer) -> None:
    refuse(log, 3)
    log.sign()
    size, text = log.checkpoint
    assert size == 3
    assert opened(text).size == 3
    log.sign()
    assert log.checkpoint == (size, text)
    assert [r.kind for r in reader.records(log.directory)] == [Kind.REFUSAL] * 3 + [Kind.CHECKPOINT]


def test_after_so_many_records_one_comes_of_itself(log: Writer) -> None:
    refuse(log, CHECKPOINT_RECORDS)
    assert log.checkpoint == (0, "")
    [pointer] = refuse(log, 1)
    assert log.checkpoint[0] == CHECKPOINT_RECORDS
    assert pointer.seq == CHECKPOINT_RECORDS + 2
    log.close()
    report = verify(log.directory, [pointer], trust=TRUST)
    assert report.ok
    assert report.records["checkpoint"] == 1


def test_without_a_key_nothing_is_signed(tmp_path: Path) -> None:
    with Writer.open(tmp_path, samples.setup()) as writer:
        refuse(writer, 3)
        writer.sign()
        assert (writer.checkpoint, writer.signs) == ((0, ""), False)
        assert len(list(reader.records(tmp_path))) == 3


def test_a_stop_before_the_last_checkpoint_is_a_clean_one(log: Writer) -> None:
    log.append(Kind.STOP, samples.stop())
    log.sign()
    log.close()
    with Writer.open(log.directory, signing()) as again:
        refuse(again, 1)
    assert Kind.RECOVERY not in {item.kind for item in reader.records(log.directory)}


# ---------------------------------------------------------------- receipts


def test_every_record_has_a_receipt_also_after_a_restart(tmp_path: Path) -> None:
    with Writer.open(tmp_path, signing(40_000)) as first:
        pointers = [refuse(first, count)[-1] for count in (1, 300, 2, 290)]
        first.append(Kind.STOP, samples.stop())
    with Writer.open(tmp_path, signing(40_000)) as log:
        pointers += refuse(log, 40)[::13]
        log.sign()
        size, text = log.checkpoint
        assert len(list(tmp_path.glob("*.seg"))) > 2
        for pointer in pointers:
            found = receipt(tmp_path, log.spine, text, pointer)
            assert isinstance(found, Receipt)
            assert (found.tree_size, found.root) == (size, opened(text).root)
            leaf = bytes.fromhex(pointer.leaf_hash)
            assert included(leaf, pointer.seq - 1, size, found.path, found.root)


def test_a_pointer_that_is_not_of_this_log_proves_nothing(log: Writer) -> None:
    first, second = refuse(log, 2)
    log.sign()
    text = log.checkpoint[1]

    def asked(pointer: ReceiptPointer) -> object:
        return receipt(log.directory, log.spine, text, pointer)

    assert asked(ReceiptPointer("00", 1, first.leaf_hash)) is NotProven.OTHER_LOG
    assert asked(ReceiptPointer(log.log_id, 1, second.leaf_hash)) is NotProven.OTHER_RECORD
    for seq in (0, 3, 4, 2**60):
        assert asked(ReceiptPointer(log.log_id, seq, first.leaf_hash)) is NotProven.NO_RECORD


# ---------------------------------------------------------------- verification


def signed_log(directory: Path, signer: LogKey = KEY) -> str:
    """A closed log of seven records, the newest checkpoint of which is returned."""
    setup = Setup("node-1", clock=samples.ticks(), signer=signer, entropy=lambda n: b"\7" * n)
    with Writer.open(directory, setup) as writer:
        refuse(writer, 3)
        writer.sign()
        refuse(writer, 2)
        writer.sign()
        return writer.checkpoint[1]


def problems(directory: Path, *anchors: str, trust: Trust | None = TRUST) -> str:
    return "; ".join(p.what for p in verify(directory, anchors=anchors, trust=trust).problems)


def test_a_log_and_what_was_kept_of_it_agree(tmp_path: Path) -> None:
    note = signed_log(tmp_path)
    assert problems(tmp_path, note) == ""
    assert problems(tmp_path, note, trust=None) == ""


def test_a_log_cut_short_is_seen_by_what_was_kept_alone(tmp_path: Path) -> None:
    note = signed_log(tmp_path)
    path = tmp_path / "0000000001.seg"
    # The first batch and the checkpoint of it.
    third = [item.offset for item in reader.records(tmp_path)][4]
    path.write_bytes(path.read_bytes()[: third - 60])
    assert problems(tmp_path) == ""
    assert "the log holds 4 intact records of 6 expected" in problems(tmp_path, note)


def test_a_log_written_anew_needs_the_key(tmp_path: Path) -> None:
    """Whole, with the same id, all checksums right, signed by whoever rewrote it."""
    note = signed_log(tmp_path / "true")
    signed_log(tmp_path / "forged", OTHER)
    assert "not signed by the key" in problems(tmp_path / "forged")
    forged = tmp_path / "unsigned"
    setup = Setup("node-1", clock=samples.ticks(), entropy=lambda n: b"\7" * n)
    with Writer.open(forged, setup) as writer:
        refuse(writer, 4)
        refuse(writer, 3)
    assert problems(forged) == ""
    assert "not that of a checkpoint kept elsewhere" in problems(forged, note)


def test_a_checkpoint_of_other_records_does_not_hold(tmp_path: Path) -> None:
    note = signed_log(tmp_path / "one")
    with Writer.open(tmp_path / "two", samples.setup()) as writer:
        refuse(writer, 6)
        payload = log_payload(note)
        writer.append(Kind.CHECKPOINT, payload)
    assert "the checkpoint is of another log" in problems(tmp_path / "two")
    assert "is of another log" in problems(tmp_path / "two", note)


def log_payload(note: str) -> bytes:
    return record.MESSAGES[Kind.CHECKPOINT](note=note).SerializeToString()  # type: ignore[call-arg]


# ---------------------------------------------------------------- sabotage


def test_sabotage_a_head_that_lags_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that signs the root after its own batch, or any other one."""
    monkeypatch.setattr(Spine, "root", lambda _: bytes(32))
    monkeypatch.setattr(Appender, "close", lambda _: None)
    signed_log(tmp_path)
    monkeypatch.undo()
    assert "not those it signs" in problems(tmp_path)


def test_sabotage_a_verifier_that_believes_any_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_log(tmp_path, OTHER)
    assert problems(tmp_path) != ""
    monkeypatch.setattr(Heads, "_opened", lambda _, note: checkpoint.read(note))
    assert problems(tmp_path) == ""
