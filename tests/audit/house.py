"""A log of real decisions to replay, with the files that decided beside it. Expects nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from pdp._proto import decision_pb2 as pb
from pdp._proto import log_pb2
from pdp.bundles.sources.directory import read_policy_directory
from pdp.decisionlog import reader, record
from pdp.decisionlog.appender import Setup
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.engine import Engine
from pdp.service.activating.active import NEVER_NS, Active
from tests.service import questions as ask
from tests.service import served
from tests.service.desk import NOW_NS, PEER
from tests.service.office import Office
from tests.service.served import POLICIES

FILES: Final = read_policy_directory(POLICIES)
ENGINE: Final = Engine(FILES)
# One of each kind of answer; those that are left out have records without some argument.
REPLAYABLE: Final = (ask.ALLOW, ask.APPROVAL, ask.NO_ALLOW, ask.RULE, ask.ERROR, ask.UNATTRIBUTED)
LEFT_OUT: Final = (ask.SECRET, ask.SUMMARY, ask.UNSUPPORTED)
SETUP: Final = Setup("test", segment_bytes=1 << 14)


def activate(log: Writer, expires_ns: int = NEVER_NS, files: Any = None) -> None:
    """Keep and record, as the service does."""
    engine = ENGINE if files is None else Engine(files)
    log.keep((files or FILES).values())
    parts = [log_pb2.SignedPart(kind="bundle", name="test.shop", expires_unix_ns=expires_ns)]
    payload = record.bundle_activation_record(
        time_unix_ns=NOW_NS,
        bundle=engine.bundle,
        files=engine.files,
        engine_version="1.2.3",
        parts=parts if expires_ns != NEVER_NS else (),
    )
    log.append(Kind.BUNDLE_ACTIVATION, payload)


def opened(directory: Path, expires_ns: int = NEVER_NS, valid_until_ns: int = NEVER_NS) -> Office:
    """A server whose record says until when its policies are valid, and how it takes them."""
    office = Office(ENGINE, directory)
    activate(office.log, expires_ns)
    office.handlers.active = Active(ENGINE, valid_until_ns)
    return office


def decided(directory: Path) -> Path:
    """The log of a server that was asked everything, alone and in a batch."""
    office = opened(directory)
    for request in (*REPLAYABLE, *LEFT_OUT):
        office.decide(request)
    office.batch(*REPLAYABLE)
    unread = pb.DecideBatchRequest(items=[pb.DecideRequest(request_id="nobody asks")])
    office.handlers.decide_batch(unread.SerializeToString(), PEER)
    office.close()
    return office.log_dir


def rewritten(
    log_dir: Path, to: Path, change: Callable[[Any], None], only: Callable[[Any], bool]
) -> Path:
    """The same log with one decision changed, the first that ``only`` holds for."""
    shutil.copytree(log_dir / "files", to / "files")
    is_done = False
    with Writer.open(to, SETUP) as writer:
        for item in reader.records(log_dir):
            payload = item.payload
            if item.kind is Kind.DECISION and not is_done:
                message: Any = record.parse(item.kind, payload)
                if only(message):
                    change(message)
                    payload, is_done = message.SerializeToString(deterministic=True), True
            writer.append(item.kind, payload)
    assert is_done, "no decision was changed"
    return to


def replayed(log_dir: Path, *arguments: str) -> tuple[int, Any]:
    """The exit code of ``pdp log replay``, and its JSON."""
    done = served.run(
        "log", "replay", str(log_dir), "--format", "json", *arguments, cwd=log_dir.parent
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def kept(log_dir: Path) -> Iterable[Path]:
    return sorted((log_dir / "files").iterdir())
