"""A real server that signs: its anchors, receipts checked as a caller would, reported outcomes."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import pytest

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.bundles import keys
from pdp.decisionlog.appender import Setup
from pdp.decisionlog.proving import checkpoint
from pdp.decisionlog.proving.checkpoint import Head
from pdp.decisionlog.proving.heads import Trust
from pdp.decisionlog.record import Kind
from pdp.decisionlog.tree import included
from pdp.decisionlog.verify import verify
from pdp.decisionlog.writer import Writer
from pdp.service.evidence import logkey
from pdp.service.evidence.anchors import Anchoring
from pdp.service.evidence.logkey import KeyUnusable
from tests.decisionlog import samples
from tests.service import questions as ask
from tests.service import served
from tests.service.served import Served

OUTCOME: Final = {
    "decision_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "request_digest": "ab" * 32,
    "status": pb.OUTCOME_STATUS_EXECUTED,
    "effect": pb.EFFECT_ALLOW,
}


@pytest.fixture(scope="module")
def room() -> Iterator[Path]:
    with served.room() as path:
        key = path / "log.pem"
        key.write_bytes(keys.private_key_to_pem(keys.generate()))
        key.chmod(0o600)
        yield path


@pytest.fixture(scope="module")
def public(room: Path) -> bytes:
    return logkey.read(room / "log.pem").public


@pytest.fixture(scope="module")
def server(room: Path) -> Iterator[Served]:
    more = ("--log-key", str(room / "log.pem"), "--anchor", str(room / "anchor.jsonl"))
    with served.serving(room, *more) as running:
        yield running


def decided(server: Served) -> pb.DecideResponse:
    return pb.DecideResponse.FromString(server.call("Decide", ask.data(ask.ALLOW)))


def receipt(server: Served, pointer: pb.ReceiptPointer) -> pb.Receipt:
    data = pb.ReceiptRequest(pointer=pointer).SerializeToString()
    return pb.Receipt.FromString(server.call("GetReceipt", data))


def failed(server: Served, method: str, data: bytes) -> tuple[str, str | None]:
    with pytest.raises(grpc.RpcError) as found:
        server.call(method, data)
    return found.value.code().name, found.value.details()


def opened(note: str, public: bytes) -> Head:
    return checkpoint.opened(note, public, keys.signature_holds)


def notes(path: Path) -> list[str]:
    if not path.exists():
        return []
    return [json.loads(line)["checkpoint"] for line in path.read_text().splitlines()]


# ---------------------------------------------------------------- receipts


def test_a_caller_can_check_its_receipt_alone(server: Served, public: bytes) -> None:
    answer = decided(server)
    found = receipt(server, answer.receipt)
    assert found.pointer == answer.receipt
    head = opened(found.checkpoint, public)
    assert head.origin.endswith(found.pointer.log_id)
    assert (head.size, head.root.hex()) == (found.tree_size, found.root)
    path = [bytes.fromhex(node) for node in found.path]
    leaf = bytes.fromhex(found.pointer.leaf_hash)
    assert included(leaf, found.pointer.seq - 1, head.size, path, head.root)
    assert not included(leaf, found.pointer.seq, head.size, path, head.root)


def test_what_is_not_there_has_no_receipt(server: Served) -> None:
    pointer = decided(server).receipt
    wrong = {
        "pointer.seq: this log has no such record": {"seq": 10**9},
        "pointer.leaf_hash: another record stands in that place": {"leaf_hash": "ab" * 32},
        "pointer.log_id: not the log of this server": {"log_id": "ab" * 16},
    }
    for text, change in wrong.items():
        changed = pb.ReceiptPointer()
        changed.CopyFrom(pointer)
        changed.MergeFrom(pb.ReceiptPointer(**change))  # type: ignore[arg-type]
        data = pb.ReceiptRequest(pointer=changed).SerializeToString()
        assert failed(server, "GetReceipt", data) == ("NOT_FOUND", text)


def test_nothing_is_proven_where_nothing_is_signed() -> None:
    with served.room() as path, served.serving(path) as running:
        pointer = decided(running).receipt
        data = pb.ReceiptRequest(pointer=pointer).SerializeToString()
        status, text = failed(running, "GetReceipt", data)
        assert status == "FAILED_PRECONDITION"
        assert "log_key" in str(text)


# ---------------------------------------------------------------- outcomes


def test_an_outcome_is_recorded_with_who_said_so(server: Served) -> None:
    data = pb.OutcomeRequest(**OUTCOME).SerializeToString()  # type: ignore[arg-type]
    answer = pb.OutcomeResponse.FromString(server.call("ReportOutcome", data))
    kept = server.messages(Kind.OUTCOME)[-1]
    assert isinstance(kept, log_pb2.OutcomeRecord)
    assert kept.decision_id == OUTCOME["decision_id"]
    assert (kept.status, kept.effect) == (pb.OUTCOME_STATUS_EXECUTED, pb.EFFECT_ALLOW)
    assert kept.request_digest == OUTCOME["request_digest"]
    assert kept.peer
    assert receipt(server, answer.receipt).pointer == answer.receipt


@pytest.mark.parametrize(
    "change",
    [
        {"decision_id": ""},
        {"decision_id": "../../etc/passwd"},
        {"decision_id": "01890a5d-ac96-774b-bcce-b302099a805\u0660"},
        {"request_digest": "AB" * 32},
        {"request_digest": "ab" * 31},
        {"status": 0},
        {"status": 99},
        {"effect": 0},
        {"effect": 99},
    ],
    ids=str,
)
def test_an_outcome_that_says_nothing_clear_is_refused(
    server: Served, change: dict[str, object]
) -> None:
    before = len(server.messages(Kind.OUTCOME))
    data = pb.OutcomeRequest(**{**OUTCOME, **change}).SerializeToString()  # type: ignore[arg-type]
    status, text = failed(server, "ReportOutcome", data)
    assert status == "INVALID_ARGUMENT"
    assert next(iter(change)) in str(text)
    assert len(server.messages(Kind.OUTCOME)) == before


# ---------------------------------------------------------------- anchors


@contextmanager
def listening(answers: list[int]) -> Iterator[tuple[str, list[str]]]:
    """An HTTP server that keeps what it is sent, and answers with each status in turn."""
    got: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}/checkpoints", got
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def until(holds, what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_every_anchor_gets_the_newest_checkpoint_also_at_the_end(room: Path, public: bytes) -> None:
    with listening([500, 200]) as (url, got), served.room() as path:
        kept = path / "anchor.jsonl"
        places = ("--anchor", "-", "--anchor", str(kept), "--anchor", url)
        with served.serving(path, "--log-key", str(room / "log.pem"), *places) as running:
            first = decided(running).receipt.seq
            until(lambda: any(opened(n, public).size >= first for n in notes(kept)), "a file")
            until(lambda: len(got) > 1, "sent again after it was refused")
            last = decided(running).receipt.seq
            assert running.stop() == 0
            assert running.process.stdout is not None
            printed = running.process.stdout.read().decode().splitlines()
            newest = notes(kept)[-1]
            assert opened(newest, public).size > last
            assert got[-1] == newest
            assert json.loads(printed[-1])["checkpoint"] == newest
            assert "checkpoints do not get to an anchor" in running.stderr()
            report = verify(
                running.log_dir, anchors=notes(kept), trust=Trust((public,), keys.signature_holds)
            )
            assert report.ok
            [change] = running.messages(Kind.KEY_CHANGE)
            assert isinstance(change, log_pb2.KeyChangeRecord)
            assert change.public_key == public.hex()


@pytest.mark.parametrize("place", ["http://127.0.0.1:1/", "/nowhere/at/all", "/dev/full"])
def test_an_anchor_that_fails_stops_nobody(room: Path, place: str) -> None:
    with served.room() as path:
        more = ("--log-key", str(room / "log.pem"), "--anchor", place)
        with served.serving(path, *more) as running:
            assert decided(running).effect == pb.EFFECT_ALLOW
            until(lambda: "checkpoints do not get to an anchor" in running.stderr(), "a warning")
            assert decided(running).effect == pb.EFFECT_ALLOW
            assert running.stop() == 0


def kept_after_a_refusal(directory: Path) -> list[str]:
    """What an anchor got that refused the first checkpoint and would take the next."""
    setup = Setup("node-1", signer=logkey.LogKey(keys.generate()))
    with listening([500, 200]) as (url, got), Writer.open(directory, setup) as log:
        log.append(Kind.STOP, samples.stop())
        anchoring = Anchoring(log, (url,))
        anchoring.once()
        anchoring.once()
        return got


def test_sabotage_an_anchor_that_takes_asking_for_keeping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again = kept_after_a_refusal(tmp_path / "honest")
    assert first == again
    real = Anchoring.take

    def early(self: Anchoring, place: str, sink: Callable[[str], None], note: str) -> None:
        self._sent[place] = note
        real(self, place, sink, note)

    monkeypatch.setattr(Anchoring, "take", early)
    assert len(kept_after_a_refusal(tmp_path / "broken")) == 1


# ---------------------------------------------------------------- the key


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o700])
def test_a_key_that_others_may_use_is_not_used(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "log.pem"
    path.write_bytes(keys.private_key_to_pem(keys.generate()))
    path.chmod(mode)
    with pytest.raises(KeyUnusable, match=f"mode {mode:04o}.*chmod 600"):
        logkey.read(path)


def test_what_is_no_key_is_said(tmp_path: Path) -> None:
    path = tmp_path / "log.pem"
    with pytest.raises(KeyUnusable, match="No such file"):
        logkey.read(path)
    with pytest.raises(KeyUnusable, match="is no file"):
        logkey.read(tmp_path)
    path.write_text("-----BEGIN SECRET-----\n4111")
    path.chmod(0o600)
    with pytest.raises(KeyUnusable, match="expected an Ed25519") as found:
        logkey.read(path)
    assert "4111" not in str(found.value)


def test_no_serving_without_the_key_that_is_named(tmp_path: Path) -> None:
    with served.room() as path:
        running = served.start(path, "--log-key", str(tmp_path / "none.pem"))
        assert running.process.wait(served.END_S) != 0
        assert "log_key" in running.stderr()
        assert "Traceback" not in running.stderr()
        assert running.process.stdout is not None
        running.process.stdout.close()
