"""Bytes on disk: what is written is read, and no flipped bit or cut is read as something else."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.decisionlog import frame
from pdp.decisionlog.frame import Batch, BatchHead, Damage, End, Frame, SegmentHeader

BOOT = bytes(range(16))
HEADER = SegmentHeader(2, b"L" * 16, BOOT, 1_700_000_000_000_000_000, 41, 9_000, b"R" * 32, "näme")
RECORDS = st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=40)), min_size=1, max_size=5)


def reader(data: bytes) -> frame.Read:
    return lambda offset, size: data[offset : offset + size]


def read(data: bytes, seq: int = 7, boot: bytes = BOOT) -> Batch | Damage | End:
    return frame.read_batch(reader(data), 0, boot, seq)


def test_the_layout_is_fixed():
    """An independent verifier is written against these bytes: a change needs another version."""
    assert (frame.FRAME_HEADER_BYTES, frame.BATCH_HEAD_BYTES) == (24, 60)
    assert frame.SEGMENT_HEADER_BYTES == 256
    data = frame.encode_batch(BOOT, 6, 7, [(1, b"one"), (3, b"three")])
    assert data[:20].hex() == "c7d14c4601000000000000240000000000000007"
    assert data[24:60] == BOOT + (6).to_bytes(8) + (2).to_bytes(4) + (56).to_bytes(8)
    assert data[60:80].hex() == "c7d14c4601010000000000030000000000000007"
    assert data[84:87] == b"one"
    digest = hashlib.sha256(data + frame.encode_segment(HEADER)).hexdigest()
    assert digest == "3442fb2de0dd1fb0aad3a8a9c6dae77c7db8e18bee114510f3f9ebe8f24224ac"


@given(RECORDS, st.integers(1, 2**63))
def test_a_batch_is_read_as_written(records, seq):
    data = frame.encode_batch(BOOT, seq - 1, seq, records)
    batch = read(data + bytes(80), seq)
    assert isinstance(batch, Batch)
    assert [(item.kind, item.payload) for item in batch.frames] == records
    assert [item.seq for item in batch.frames] == list(range(seq, seq + len(records)))
    assert [data[item.offset : item.offset + 4] for item in batch.frames] == [frame.MAGIC] * len(
        records
    )
    assert (batch.head.synced_to, batch.head.end) == (seq - 1, len(data))


DATA = frame.encode_batch(BOOT, 6, 7, [(1, b"first payload"), (3, b""), (1, b"third")])


def test_every_flipped_bit_is_damage():
    for at in range(len(DATA)):
        for bit in range(8):
            damaged = bytearray(DATA)
            damaged[at] ^= 1 << bit
            outcome = read(bytes(damaged))
            assert isinstance(outcome, Damage), (at, bit)
            assert 7 <= outcome.seq <= 9


def test_every_cut_is_damage_or_the_end():
    assert read(b"") == End(0)
    for size in range(1, len(DATA)):
        assert isinstance(read(DATA[:size]), Damage), size


@pytest.mark.parametrize("zeros", [0, 1, 59, 60, 500])
def test_zeros_are_the_end(zeros):
    assert read(bytes(zeros)) == End(0)


@pytest.mark.parametrize(
    ("data", "seq", "boot"),
    [
        (DATA, 8, BOOT),
        (DATA, 6, BOOT),
        (DATA, 7, b"x" * 16),
        (frame.encode_batch(BOOT, 7, 7, [(1, b"")]), 7, BOOT),
        (frame.encode_batch(BOOT, 6, 7, []), 7, BOOT),
        (frame.encode_batch(BOOT, 6, 7, [(0, b"")]), 7, BOOT),
        (
            frame.encode_frame(1, 7, b"a record outside of a batch, long enough to be a head"),
            7,
            BOOT,
        ),
    ],
    ids=["early", "late", "other boot", "synced to itself", "no records", "kind 0", "no head"],
)
def test_a_batch_out_of_place_is_damage(data, seq, boot):
    assert isinstance(read(data, seq, boot), Damage)


def test_one_damaged_payload_costs_one_record():
    damaged = bytearray(DATA)
    damaged[DATA.index(b"first")] ^= 1
    head = frame.read_head(reader(bytes(damaged)), 0, BOOT, 7)
    assert isinstance(head, BatchHead)
    items = list(frame.frames_in(reader(bytes(damaged)), head))
    assert [type(item) for item in items] == [Damage, Frame, Frame]
    assert [item.seq for item in items] == [7, 8, 9]


def test_a_damaged_length_ends_the_batch():
    damaged = bytearray(DATA)
    damaged[frame.BATCH_HEAD_BYTES + 8] ^= 1
    head = frame.read_head(reader(bytes(damaged)), 0, BOOT, 7)
    assert isinstance(head, BatchHead)
    assert [type(item) for item in frame.frames_in(reader(bytes(damaged)), head)] == [Damage]


def test_later_batches_are_found_behind_damage():
    later = [frame.encode_batch(BOOT, seq - 1, seq, [(1, b"x")]) for seq in (8, 9)]
    foreign = frame.encode_batch(b"x" * 16, 50, 60, [(1, b"planted")])
    data = b"junk" + frame.MAGIC + foreign + later[0] + bytes(30) + later[1]
    heads = list(frame.heads_after(data, 1_000, BOOT, 7))
    assert [(head.first_seq, head.synced_to) for head in heads] == [(8, 7), (9, 8)]
    assert [data[head.offset - 1_000 :][:4] for head in heads] == [frame.MAGIC] * 2
    assert [head.first_seq for head in frame.heads_after(data, 1_000, BOOT, 8)] == [9]


@given(st.text(max_size=80))
def test_no_text_holds_the_magic(text):
    assert frame.MAGIC[:2] not in text.encode(errors="replace")
    with pytest.raises(UnicodeDecodeError):
        frame.MAGIC.decode()


def test_a_segment_header_is_read_as_written():
    assert frame.decode_segment(frame.encode_segment(HEADER)) == HEADER
    long = dataclasses.replace(HEADER, node="n" * 64)
    assert frame.decode_segment(frame.encode_segment(long)) == long


@pytest.mark.parametrize("node", ["n" * 65, "ä" * 33, "a\x00b"])
def test_a_node_name_must_fit(node):
    with pytest.raises(ValueError, match="a node name is at most 64 bytes"):
        frame.encode_segment(dataclasses.replace(HEADER, node=node))


def test_every_flipped_bit_of_a_segment_header_is_damage():
    data = frame.encode_segment(HEADER)
    for at in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            assert isinstance(frame.decode_segment(bytes(damaged)), Damage), (at, bit)
    for size in range(len(data)):
        assert isinstance(frame.decode_segment(data[:size]), Damage)
