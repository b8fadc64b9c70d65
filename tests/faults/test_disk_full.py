"""The disk fills up at every byte of a batch: refused, cut back, and on when space returns."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from pdp.decisionlog import disk, reader
from pdp.decisionlog.errors import LogUnavailable, Trouble
from pdp.decisionlog.record import Kind
from pdp.decisionlog.verify import verify
from pdp.decisionlog.writer import Writer
from pdp.model import ReceiptPointer
from tests.decisionlog import samples
from tests.faults.kill_loop import UNLOGGED, findings

ANSWERED = "answered while the disk was full"
REMAINS = "half a batch stays behind"
STUCK = "not writing again though space returned"


class FullDisk:
    """``os.pwrite`` with ``free`` bytes left (None: plenty): a short count, then ENOSPC."""

    def __init__(self) -> None:
        self.free: int | None = None
        self._pwrite = os.pwrite

    def __call__(self, fd: int, data: memoryview, offset: int) -> int:
        if self.free is None:
            return self._pwrite(fd, data, offset)
        if self.free == 0:
            raise OSError(errno.ENOSPC, "ENOSPC")
        count = self._pwrite(fd, data[: self.free], offset)
        self.free -= count
        return count


def batch_bytes(directory: Path) -> int:
    """How long the batch used below is."""
    with Writer.open(directory, samples.setup()) as writer:
        writer.append(Kind.REFUSAL, samples.refusal(0))
        path = next(directory.glob("*.seg"))
        before = len(path.read_bytes().rstrip(b"\x00"))
        writer.append_many([(Kind.REFUSAL, samples.refusal(1))] * 2)
        return len(path.read_bytes().rstrip(b"\x00")) - before


def fill_at(
    directory: Path, writer: Writer, full: FullDisk, k: int, answered: list[ReceiptPointer]
) -> set[str]:
    """A batch of two while ``k`` bytes are free, then one when all is well; what must not be."""
    found: set[str] = set()
    full.free = k
    try:
        answered += writer.append_many([(Kind.REFUSAL, samples.refusal(k))] * 2)
        found.add(ANSWERED)
    except LogUnavailable as error:
        if error.trouble is not Trouble.NO_SPACE:
            found.add(f"called {error.trouble.value}")
    if not verify(directory, settle_s=0).ok:
        found.add(REMAINS)
    full.free = None
    try:
        answered.append(writer.append(Kind.REFUSAL, samples.refusal(k)))
    except LogUnavailable:
        found.add(STUCK)
    return found


def full_at_every_byte(directory: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """One writer goes on through all of them; small segments, so some fill up on a new header."""
    size = batch_bytes(directory / "measured")
    full = FullDisk()
    answered: list[ReceiptPointer] = []
    found: set[str] = set()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with Writer.open(directory / "log", samples.setup(segment_bytes=2_000)) as writer:
            for k in range(size):
                found |= fill_at(directory / "log", writer, full, k, answered)
    assert len(answered) >= size, "hardly anything was tried"
    return found | findings(directory / "log", answered)


def killed_when_full(directory: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The process ends while the disk is full, for each byte: the next start goes on."""
    size = batch_bytes(directory / "measured")
    found: set[str] = set()
    for k in range(0, size, 3):
        full = FullDisk()
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", full)
            writer = Writer.open(directory / str(k), samples.setup())
            answered = [writer.append(Kind.REFUSAL, samples.refusal(0))]
            full.free = k
            with pytest.raises(LogUnavailable):
                writer.append_many([(Kind.REFUSAL, samples.refusal(k))] * 2)
            os.close(writer._lock_fd)  # noqa: SLF001 - the end of a process lets the lock go
            os.close(writer._appender._fd)  # noqa: SLF001
        found |= findings(directory / str(k), answered)
    return found


def test_full_at_every_byte(tmp_path, monkeypatch):
    assert full_at_every_byte(tmp_path, monkeypatch) == set()


def test_ended_while_full(tmp_path, monkeypatch):
    assert killed_when_full(tmp_path, monkeypatch) == set()


def write_once(fd: int, data: bytes, offset: int) -> None:
    """The broken build: whatever count the kernel gives is taken for all."""
    os.pwrite(fd, data, offset)


def test_sabotage_short_write_ignored_is_caught(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "write_all", write_once)
    assert {ANSWERED, UNLOGGED} <= full_at_every_byte(tmp_path, monkeypatch)


def test_sabotage_not_cut_back_is_caught(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "ftruncate", lambda *_: None)
    assert REMAINS in full_at_every_byte(tmp_path, monkeypatch)


def test_nothing_free_for_a_new_segment(tmp_path, monkeypatch):
    """Preallocation is refused: the caller is told, the old segment stays open for the retry."""
    fallocate = os.posix_fallocate

    def refused(fd, offset, size):
        raise OSError(errno.ENOSPC, "ENOSPC")

    with Writer.open(tmp_path, samples.setup(segment_bytes=1_000)) as writer:
        answered = list(samples.fill(writer, 4))
        monkeypatch.setattr(os, "posix_fallocate", refused)
        for _ in range(2):
            with pytest.raises(LogUnavailable) as caught:
                list(samples.fill(writer, 20))
            assert caught.value.trouble is Trouble.NO_SPACE
        assert (writer.trouble, writer.failed) == (Trouble.NO_SPACE, False)
        monkeypatch.setattr(os, "posix_fallocate", fallocate)
        answered += samples.fill(writer, 5)
        assert writer.trouble is None
    assert not list(tmp_path.glob("*.new"))
    assert findings(tmp_path, answered) == set()


def test_a_start_on_a_full_disk_is_unavailable(tmp_path, monkeypatch):
    samples.build(tmp_path, 3)
    full = FullDisk()
    full.free = 20
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(LogUnavailable) as caught:
            Writer.open(tmp_path, samples.setup())
    assert caught.value.trouble is Trouble.NO_SPACE
    assert findings(tmp_path, []) == set()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB."""
    target = tmp_path / "small"
    target.mkdir()
    command = ["/bin/mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(target)]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    except FileNotFoundError:
        pytest.skip("elsewhere: no mount command here")
    if done.returncode != 0:
        pytest.skip(f"elsewhere: may not mount a tmpfs: {done.stderr.decode().strip()}")
    yield target
    subprocess.run(["/bin/umount", str(target)], check=True, timeout=60)


@pytest.mark.parametrize("preallocates", [True, False])
def test_a_disk_that_is_really_full(small_disk, monkeypatch, preallocates):
    """Without preallocation the short count comes from the kernel, in the middle of a batch."""
    if not preallocates:

        def unsupported(fd, offset, size):
            raise OSError(errno.EOPNOTSUPP, "EOPNOTSUPP")

        monkeypatch.setattr(os, "posix_fallocate", unsupported)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(120_000))
    answered: list[ReceiptPointer] = []
    with Writer.open(small_disk / "log", samples.setup(segment_bytes=32_768)) as writer:
        with pytest.raises(LogUnavailable) as caught:
            answered += samples.fill(writer, 15_000)
        assert caught.value.trouble is Trouble.NO_SPACE
        assert not writer.failed
        full_at = len(answered)
        assert full_at > 100
        assert verify(small_disk / "log", answered).ok
        ballast.unlink()
        answered += samples.fill(writer, 300)
        assert writer.trouble is None
    assert findings(small_disk / "log", answered) == set()
    assert sum(1 for _ in reader.records(small_disk / "log")) >= full_at + 300
