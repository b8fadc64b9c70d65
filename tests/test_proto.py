"""The generated code is what the contract gives, and the contract says what the model says."""

from __future__ import annotations

import enum
import subprocess
import sys
from pathlib import Path

import pytest

from pdp import model, protoform
from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.decisionlog.record import MESSAGES, Kind

ROOT = Path(__file__).resolve().parent.parent


def generated(target: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in target.glob("*.py*")}


def test_generated_code_is_up_to_date(tmp_path):
    script = ROOT / "tools" / "generate_proto.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=60)
    found = generated(tmp_path)
    assert {"__init__.py", "decision_pb2.py", "decision_pb2_grpc.py", "log_pb2.py"} <= set(found)
    assert found == generated(ROOT / "pdp" / "_proto")


def test_stale_generated_files_are_removed(tmp_path):
    (tmp_path / "old_pb2.py").write_text("")
    script = ROOT / "tools" / "generate_proto.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=60)
    assert not (tmp_path / "old_pb2.py").exists()


def test_names_on_the_wire_are_those_of_the_contract():
    assert pb.DESCRIPTOR.name == "pdp/v1/decision.proto"
    assert log_pb2.DESCRIPTOR.name == "pdp/v1/log.proto"
    service = pb.DESCRIPTOR.services_by_name["DecisionService"]
    assert service.full_name == "pdp.v1.DecisionService"
    assert pb.DecideRequest.__module__ == "pdp._proto.decision_pb2"


@pytest.mark.parametrize(
    ("members", "wire", "prefix", "table"),
    [
        (model.Effect, pb.Effect, "EFFECT_", protoform.EFFECT_TO_NUMBER),
        (model.DenyCause, pb.DenyCause, "DENY_CAUSE_", protoform.CAUSE_TO_NUMBER),
        (model.NextAction, pb.NextAction, "NEXT_ACTION_", protoform.NEXT_TO_NUMBER),
    ],
    ids=["effect", "cause", "next_action"],
)
def test_every_member_has_its_own_number(members, wire, prefix, table):
    assert {member: wire.Value(prefix + member.name) for member in members} == table
    named = {name.removeprefix(prefix) for name in dict(wire.items())} - {"UNSPECIFIED"}
    assert named == {member.name for member in members}


def test_deny_causes_are_numbered_by_precedence():
    numbers = [protoform.CAUSE_TO_NUMBER[cause] for cause in model.DenyCause]
    assert numbers == sorted(numbers)


def test_record_kinds_have_the_contract_s_numbers():
    wire = {name.removeprefix("RECORD_KIND_"): n for name, n in log_pb2.RecordKind.items()}
    assert wire.pop("UNSPECIFIED") == 0
    assert wire == {kind.name: kind.value for kind in Kind}
    assert issubclass(Kind, enum.IntEnum)


def test_every_built_record_has_its_time_first():
    for message in MESSAGES.values():
        assert "time_unix_ns" in message.DESCRIPTOR.fields_by_name
