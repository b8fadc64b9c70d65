"""Records are found, followed and rendered; nothing in them can drive a terminal."""

from __future__ import annotations

import json
import threading

import pytest
from msgspec import structs

from pdp.decisionlog import reader, show
from pdp.decisionlog.errors import LogCorrupt, LogMissing
from pdp.decisionlog.record import MESSAGES, Kind, Record
from pdp.decisionlog.writer import Writer
from tests.decisionlog import samples


def test_find_by_number_and_by_decision_id(tmp_path):
    with Writer.open(tmp_path, samples.setup()) as writer:
        list(samples.fill(writer, 30))
        receipts = [
            writer.append(Kind.DECISION, samples.decision_payload(name)) for name in ("0-a", "0-ab")
        ]
    for receipt, name in zip(receipts, ("0-a", "0-ab"), strict=True):
        for wanted in (receipt.seq, str(receipt.seq), name):
            found = show.find(tmp_path, wanted)
            assert found is not None
            assert (found.seq, found.leaf_hash) == (receipt.seq, receipt.leaf_hash)
    for seq in (1, 2, 30, 31, 32):
        found = show.find(tmp_path, seq)
        assert found is not None
        assert found.seq == seq
    for wanted in (0, -1, 33, "33", "0-b", "", "\ud800", "r-1"):
        assert show.find(tmp_path, wanted) is None


@pytest.mark.parametrize("count", [0, 1, 3, 17, 40, 99])
def test_tail(tmp_path, count):
    samples.build(tmp_path, 40)
    found = [item.seq for item in show.tail(tmp_path, count)]
    assert found == list(range(1, 41))[max(40 - count, 0) :]
    following = show.tail(tmp_path, count, follow=True)
    assert [next(following).seq for _ in found] == found


def test_following_sees_new_records_segments_and_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(show, "POLL_S", 0.005)
    samples.build(tmp_path, 5)
    seen: list[int] = []
    started, enough = threading.Event(), threading.Event()

    def follow() -> None:
        for item in show.tail(tmp_path, 2, follow=True):
            seen.append(item.seq)
            started.set()
            if len(seen) == 2 + 60:
                enough.set()
                return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    assert started.wait(timeout=30)
    for _ in range(2):
        with Writer.open(tmp_path, samples.setup(segment_bytes=1_500)) as writer:
            list(samples.fill(writer, 29))
            writer.append(Kind.STOP, samples.stop())
    assert enough.wait(timeout=30)
    assert seen == list(range(4, 66))


def test_following_from_an_empty_log(tmp_path, monkeypatch):
    monkeypatch.setattr(show, "POLL_S", 0.005)
    with Writer.open(tmp_path, samples.setup()) as writer:
        later = threading.Timer(0.05, writer.append, (Kind.STOP, samples.stop()))
        later.start()
        assert next(show.tail(tmp_path, 3, follow=True)).seq == 1
        later.join(timeout=30)


def test_reading_beside_a_busy_writer(tmp_path):
    """Each look gives records from the first without a gap, never an error."""
    done = threading.Event()

    def write() -> None:
        with Writer.open(tmp_path, samples.setup(segment_bytes=8_192)) as writer:
            list(samples.fill(writer, 600))
        done.set()

    Writer.open(tmp_path, samples.setup()).close()
    thread = threading.Thread(target=write)
    thread.start()
    looks = 0
    while not done.is_set():
        found = [item.seq for item in reader.records(tmp_path)]
        assert found == list(range(1, len(found) + 1))
        looks += 1
    thread.join(timeout=30)
    assert looks > 1
    assert sum(1 for _ in reader.records(tmp_path)) >= 600


def test_damage_before_intact_records_is_an_error(tmp_path):
    samples.build(tmp_path, 40)
    path = tmp_path / "0000000001.seg"
    data = bytearray(path.read_bytes())
    data[600] ^= 1
    path.write_bytes(data)
    with pytest.raises(LogCorrupt) as caught:
        list(reader.records(tmp_path))
    assert caught.value.segment == "0000000001.seg"
    assert caught.value.offset <= 600
    last = max(tmp_path.glob("*.seg"))
    for segment in tmp_path.glob("*.seg"):
        if segment != last:
            segment.rename(segment.with_suffix(".gone"))
    assert list(reader.records(tmp_path, int(last.stem)))


def test_there_must_be_a_log(tmp_path):
    for directory in (tmp_path, tmp_path / "none"):
        with pytest.raises(LogMissing, match="there is no decision log in"):
            show.find(directory, 1)
        with pytest.raises(LogMissing):
            list(show.tail(directory, 1))


def rendered(payload: bytes, kind: Kind = Kind.DECISION) -> dict[str, show.Json]:
    return show.record_to_json(Record(7, kind, payload, "0000000001.seg", 256))


def test_a_decision_as_json():
    shown = rendered(samples.decision_payload())
    assert json.loads(json.dumps(shown)) == shown
    assert (shown["seq"], shown["kind"]) == (7, "decision")
    assert shown["time"] == "2023-11-14T22:13:20.123456789Z"
    assert shown["time_unix_ns"] == 1_700_000_000_123_456_789
    request, answer = shown["request"], shown["answer"]
    assert isinstance(request, dict)
    assert isinstance(answer, dict)
    assert request["args"] == {
        "amount": 12.5,
        "iban": "DE1",
        "items": [{"sku": "s1", "price": 3}, {"sku": "s2"}],
    }
    assert request["principal"] == {
        "type": "Agent",
        "id": "bot",
        "attributes": {"tier": 2, "token": "t0"},
    }
    assert (answer["effect"], answer["request_id"]) == ("require_approval", "r-1")
    approval = answer["approval"]
    assert isinstance(approval, dict)
    assert approval["show"] == [
        {"path": "args.amount", "value": 12.5},
        {"path": "args.iban", "value": "DE1"},
        {"path": "context.card", "value": {"pan": "4111", "brand": "v"}},
        {"path": "args.gone"},
    ]


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("1", 1),
        ("9007199254740993", 9007199254740993),
        ("0.1", 0.1),
        ("1.50", 1.5),
        ("0.12345678901234567890", "0.12345678901234567890"),
        ("-0", 0),
    ],
)
def test_a_number_is_shown_as_it_is(digits, expected):
    sent = structs.replace(samples.request(), args=f'{{"a":{digits}}}')
    request = rendered(samples.decision_payload(sent=sent))["request"]
    assert isinstance(request, dict)
    assert request["args"] == {"a": expected}


HOSTILE = "\x1b[2Ja\u202eb\u2066c\rd\u009be\x7f"


def test_nothing_shown_drives_a_terminal():
    sent = structs.replace(
        samples.request(),
        args=json.dumps({HOSTILE: [HOSTILE]}),
        context=f"not json {HOSTILE}",
        request_id=HOSTILE,
        supported_obligations=(HOSTILE,),
    )
    shown = rendered(samples.decision_payload(HOSTILE, sent))
    for printed in (repr(shown), json.dumps(shown, ensure_ascii=False), str(shown["request"])):
        assert not set(printed) & set("\x1b\u202e\u2066\r\u009b\x7f")
    assert shown["decision_id"] == r"\u001b[2Ja\u202eb\u2066c\u000dd\u009be\u007f"


def test_kinds_of_later_versions_and_broken_payloads_are_shown_raw():
    assert rendered(b"\x01", Kind.CHECKPOINT)["payload_hex"] == "01"
    assert rendered(b"\xff\xff")["payload_hex"] == "ffff"


@pytest.mark.parametrize(
    ("unix_ns", "expected"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854775807Z"),
    ],
)
def test_times(unix_ns, expected):
    assert show.time_text(unix_ns) == expected


def test_every_enum_of_the_records_has_its_prefix():
    seen, queue = set(), [message.DESCRIPTOR for message in MESSAGES.values()]
    enums = set()
    while queue:
        descriptor = queue.pop()
        if descriptor.full_name in seen:
            continue
        seen.add(descriptor.full_name)
        for field in descriptor.fields:
            if field.message_type is not None:
                queue.append(field.message_type)
            if field.enum_type is not None:
                enums.add(field.enum_type.full_name)
    assert enums == set(show.ENUM_PREFIXES)
