"""An export tells of every record, is there whole or not at all, and suits the tools it is for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
import pytest

from pdp.audit import export as exporting
from pdp.audit import ocsf
from pdp.audit.columns import Row, row_of
from pdp.audit.export import FORMS, Exported, export
from pdp.audit.tables import SCHEMA, Tables
from pdp.decisionlog import disk, reader, record, tree
from pdp.decisionlog.errors import LogCorrupt, LogMissing
from pdp.decisionlog.record import Kind, Record
from pdp.decisionlog.show import record_to_json
from tests.audit import ledger


@pytest.fixture
def log(tmp_path: Path) -> Path:
    directory = tmp_path / "log"
    ledger.build(directory)
    ledger.grow(directory, ledger.decision_payload(50, request_id=ledger.HOSTILE))
    return directory


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_json_lines_are_what_tail_shows(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert export(log, out, "jsonl") == Exported(46, 46)
    assert lines(out) == [record_to_json(item) for item in reader.records(log)]
    assert out.stat().st_mode & 0o777 == 0o600


def replayable(path: Path) -> list[tuple[int, str]]:
    """From the file alone: each record's number and the hash that its receipt holds."""
    found = []
    for row in pq.read_table(path).to_pylist():
        kind = Kind[row["kind"].upper()]
        record.parse(kind, row["payload"])
        leaf = tree.leaf_hash(tree.leaf_input(kind, row["seq"], row["payload"]))
        found.append((row["seq"], leaf.hex()))
    return found


def test_parquet_holds_every_column_and_every_byte(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    assert export(log, out, "parquet") == Exported(46, 46)
    assert pq.read_schema(out).equals(SCHEMA)
    assert replayable(out) == [(item.seq, item.leaf_hash) for item in reader.records(log)]


def test_sabotage_bytes_that_are_not_the_record_are_caught(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shortened(item: Record) -> Row:
        row = row_of(item)
        return row._replace(payload=row.payload[:-2]) if row.kind == "refusal" else row

    monkeypatch.setattr(exporting, "row_of", shortened)
    export(log, tmp_path / "out", "parquet")
    with pytest.raises(ValueError, match="the payload is no refusal record"):
        replayable(tmp_path / "out")


def test_no_kept_table_has_a_part_in_it(log: Path, tmp_path: Path) -> None:
    Tables(log).close()
    for path in (log / "tables").iterdir():
        path.write_bytes(b"")
    assert export(log, tmp_path / "out", "parquet").written == 46


# ---------------------------------------------------------------- OCSF

# What schema.ocsf.io asks of class 6003 at the least.
REQUIRED: Final = {
    "activity_id", "actor", "api", "category_uid", "class_uid", "metadata", "severity_id",
    "src_endpoint", "time", "type_uid",
}  # fmt: skip


def test_ocsf_tells_of_every_call(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.ocsf"
    # Left out: the stop, and what the next start recovered, if anything.
    assert export(log, out, "ocsf") == Exported(46, 45)
    events = lines(out)
    calls = [item for item in reader.records(log) if item.kind.name.lower() in ocsf.KINDS]
    assert [event["metadata"]["sequence"] for event in events] == [item.seq for item in calls]
    for event in events:
        assert (event["class_uid"], event["category_uid"], event["type_uid"]) == (6003, 6, 600_399)
        assert event["unmapped"]["leaf_hash"]
    assert all(event.keys() >= REQUIRED - {"actor", "src_endpoint", "api"} for event in events)
    decided = [event for event in events if event["unmapped"]["kind"] == "decision"]
    assert len(decided) == 41
    assert all(event.keys() >= REQUIRED for event in decided)


def test_an_allow_and_a_deny_as_events() -> None:
    def event(number: int) -> Any:
        payload = ledger.decision_payload(number)
        return ocsf.event_of(row_of(Record(7, Kind.DECISION, payload, "0000000001.seg", 256)))

    allow = event(4)
    assert (allow["action_id"], allow["disposition_id"], allow["status_id"]) == (1, 1, 1)
    assert allow["time"] == 1_700_000_004_000
    assert allow["actor"] == {"app_name": "Agent::bot", "user": {"uid": "User::ben"}}
    assert allow["api"] == {"operation": "payment.refund", "request": {"uid": "r-4"}}
    assert allow["resources"] == [{"type": "Order", "uid": "Order::o-4", "name": "o-4"}]
    assert allow["authorizations"] == [
        {"decision": "allow", "policy": {"name": "refunds.large"}},
        {"decision": "allow", "policy": {"name": "desk.people.close"}},
    ]
    assert allow["policy"] == {"name": "starter", "version": "1", "uid": "ab" * 32}
    assert allow["metadata"]["uid"] == "d-4"
    deny = event(2)
    assert (deny["action_id"], deny["disposition_id"], deny["status_detail"]) == (2, 2, "no_allow")
    assert "authorizations" not in deny
    asked = event(3)
    assert (asked["action_id"], asked["action"]) == (99, "require_approval")


def test_texts_in_events_can_drive_no_terminal(log: Path, tmp_path: Path) -> None:
    for form in ("ocsf", "jsonl"):
        export(log, tmp_path / form, form)
        text = (tmp_path / form).read_text()
        assert r"\\u202egnp.exe" in text
        assert "\u202e" not in text
        assert "\x9b" not in text


# ---------------------------------------------------------------- whole or not at all


@pytest.mark.parametrize("form", FORMS)
def test_damage_leaves_no_file(log: Path, tmp_path: Path, form: str) -> None:
    path = log / disk.segment_name(3)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with pytest.raises(LogCorrupt, match=r"0000000003\.seg"):
        export(log, tmp_path / "out", form)
    assert list(tmp_path.iterdir()) == [log]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_there_stays(log: Path, tmp_path: Path, form: str) -> None:
    (tmp_path / "out").write_text("reviewed")
    with pytest.raises(FileExistsError):
        export(log, tmp_path / "out", form)
    assert (tmp_path / "out").read_text() == "reviewed"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "out"]


@pytest.mark.parametrize("form", FORMS)
def test_without_a_log(tmp_path: Path, form: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LogMissing):
        export(tmp_path / "empty", tmp_path / "out", form)
    assert not (tmp_path / "out").exists()
