"""What can go wrong with the log, by name. Nothing here does anything."""

from __future__ import annotations

import enum

from pdp.model import PdpError


class Trouble(enum.Enum):
    """Why a record could not be made durable; shown in health and metrics."""

    NO_SPACE = "no_space"  # passes when space returns
    NO_DESCRIPTORS = "no_descriptors"  # passes when files or connections are closed
    WRITE_FAILED = "write_failed"  # for good: the file's state is unknown
    SYNC_FAILED = "sync_failed"  # for good: what the kernel dropped cannot be known
    TOO_LARGE = "too_large"  # this record only
    CLOSED = "closed"


class LogError(PdpError):
    """Root of the log's expected errors."""


class LogUnavailable(LogError):
    """The record is not durable, so the answer must not leave: ``UNAVAILABLE`` on the wire."""

    def __init__(self, message: str, trouble: Trouble) -> None:
        super().__init__(message)
        self.trouble = trouble


class LogLocked(LogError):
    """Another process writes to this log."""


class LogMissing(LogError):
    """There is nothing to read."""

    def __init__(self, directory: object) -> None:
        super().__init__(f"there is no decision log in `{directory}`")


class LogCorrupt(LogError):
    """Records that were durable are damaged or missing: not a torn tail, so nothing is repaired.

    ``segment`` is the file's name, ``offset`` the place in it, ``seq`` the first record concerned.
    """

    def __init__(self, segment: str, offset: int, seq: int, what: str) -> None:
        super().__init__(
            f"the log is damaged in `{segment}` at byte {offset}, record {seq}: {what};"
            " keep a copy of the directory, then restore it or start a new log elsewhere"
        )
        self.segment = segment
        self.offset = offset
        self.seq = seq
        self.what = what
