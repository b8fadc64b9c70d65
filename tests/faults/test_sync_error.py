"""The disk fails to sync at each moment in turn: nobody is answered for what may be lost."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from pathlib import Path

import pytest

from pdp.decisionlog import disk, show
from pdp.decisionlog.errors import LogUnavailable, Trouble
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.model import ReceiptPointer
from tests.decisionlog import samples
from tests.faults.kill_loop import UNLOGGED, findings

ANSWERED_LATER = "answered after a failed sync"
RETRIED = "synced again after a failure"
NOT_FAILED = "the writer says it is well"
APPENDS = 6


class FailingDisk:
    """``os.fdatasync`` that fails at call ``k`` and, like Linux, says all is well afterwards."""

    def __init__(self, k: int) -> None:
        self.k = k
        self.calls = 0
        self.after_failure: list[int] = []
        self.failed_fd = -1
        self._durable: dict[int, bytes] = {}  # by inode: what a power cut would leave
        self._fdatasync = os.fdatasync

    def __call__(self, fd: int) -> None:
        self.calls += 1
        if self.failed_fd >= 0:
            self.after_failure.append(fd)
            return
        if self.calls == self.k:
            self.failed_fd = fd
            raise OSError(errno.EIO, "EIO")
        self._fdatasync(fd)
        status = os.fstat(fd)
        self._durable[status.st_ino] = os.pread(fd, status.st_size, 0)

    def lose(self, directory: Path) -> None:
        """Put each segment back to what was durable before the failure."""
        for path in directory.glob("*.seg"):
            content = self._durable.get(path.stat().st_ino)
            path.unlink() if content is None else path.write_bytes(content)


def append_all(
    directory: Path, failing: FailingDisk, answered: list[ReceiptPointer], found: set[str]
) -> None:
    with Writer.open(directory, samples.setup(segment_bytes=700)) as writer:
        for number in range(APPENDS):
            try:
                receipt = writer.append(Kind.REFUSAL, samples.refusal(number))
            except LogUnavailable:
                if not writer.failed or writer.trouble is not Trouble.SYNC_FAILED:
                    found.add(NOT_FAILED)
                continue
            answered.append(receipt)
            if failing.failed_fd >= 0:
                found.add(ANSWERED_LATER)


def sync_fault(directory: Path, k: int, monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], int]:
    """Append with the k-th sync failing, lose what it covered, start again: what must not be."""
    failing = FailingDisk(k)
    answered: list[ReceiptPointer] = []
    found: set[str] = set()
    with monkeypatch.context() as patch, contextlib.suppress(LogUnavailable):
        patch.setattr(os, "fdatasync", failing)
        append_all(directory, failing, answered, found)
    if failing.failed_fd in failing.after_failure:
        found.add(RETRIED)
    if failing.failed_fd >= 0:
        failing.lose(directory)
    return found | findings(directory, answered), failing.calls


def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every k until no call is left to fail."""
    found: set[str] = set()
    k = 1
    while True:
        more, calls = sync_fault(tmp_path / str(k), k, monkeypatch)
        found |= more
        if calls < k:
            assert k > APPENDS + 2, "too few syncs to have tested anything"
            return found
        k += 1


def test_no_answer_after_a_failed_sync(tmp_path, monkeypatch):
    assert faults(tmp_path, monkeypatch) == set()


def test_sabotage_sync_error_swallowed_is_caught(tmp_path, monkeypatch):
    def swallowed(fd: int) -> None:
        with contextlib.suppress(OSError):
            os.fdatasync(fd)

    monkeypatch.setattr(disk, "sync", swallowed)
    assert {ANSWERED_LATER, UNLOGGED} <= faults(tmp_path, monkeypatch)


def test_sabotage_sync_retried_is_caught(tmp_path, monkeypatch):
    def retried(fd: int) -> None:
        try:
            os.fdatasync(fd)
        except OSError:
            os.fdatasync(fd)

    monkeypatch.setattr(disk, "sync", retried)
    assert {ANSWERED_LATER, RETRIED, UNLOGGED} <= faults(tmp_path, monkeypatch)


def test_sabotage_no_sync_is_caught(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "sync", lambda _: None)
    with pytest.raises(AssertionError, match="too few syncs"):
        faults(tmp_path, monkeypatch)


def test_everyone_waiting_is_refused_and_the_next_start_goes_on(tmp_path, monkeypatch):
    """Threads in the failing batch and behind it; then a new segment, what was written kept."""
    writer = Writer.open(tmp_path, samples.setup())
    first = writer.append(Kind.REFUSAL, samples.refusal(0))
    monkeypatch.setattr(os, "fdatasync", FailingDisk(1))
    outcomes: list[object] = []

    def work(number: int) -> None:
        try:
            outcomes.append(writer.append(Kind.REFUSAL, samples.refusal(number)))
        except LogUnavailable as error:
            outcomes.append(error.trouble)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert outcomes == [Trouble.SYNC_FAILED] * 8
    assert writer.failed
    assert writer.trouble is Trouble.SYNC_FAILED
    monkeypatch.undo()
    writer.close()
    with Writer.open(tmp_path, samples.setup()) as again:
        assert again.log_id == first.log_id
        receipt = again.append(Kind.STOP, samples.stop())
    found = list(show.tail(tmp_path, 2))
    assert [item.kind for item in found] == [Kind.RECOVERY, Kind.STOP]
    assert {item.segment for item in found} == {"0000000002.seg"}
    assert findings(tmp_path, [first, receipt]) == set()


def test_a_start_that_cannot_sync_is_unavailable(tmp_path, monkeypatch):
    samples.build(tmp_path, 3)
    for k in (1, 2):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", FailingDisk(k))
            with pytest.raises(LogUnavailable) as caught:
                Writer.open(tmp_path, samples.setup())
            assert caught.value.trouble is Trouble.SYNC_FAILED
    with Writer.open(tmp_path, samples.setup()) as writer:
        assert writer.append(Kind.REFUSAL, samples.refusal(9)).seq == 4
