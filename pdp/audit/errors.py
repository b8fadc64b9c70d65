"""What can go wrong with tables and queries, by name. Nothing here does anything."""

from __future__ import annotations

from pdp.model import PdpError


class QueryRefused(PdpError):
    """A query that cannot be run as it was written; the message says what to write instead."""


class LogUnreadable(PdpError):
    """The system would not read a segment."""

    def __init__(self, directory: object, why: str) -> None:
        super().__init__(f"the log in `{directory}` cannot be read: {why}")


class TableUnusable(PdpError):
    """A table could not be written or read back; the log itself is not concerned."""
