"""Takes each new checkpoint off the host: to standard output, a file, or by HTTP.

What was cut off the end of a log is seen only against something that the one who cut cannot change.
An anchor that fails stops nobody: the next checkpoint covers what the last one did.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import urllib3
from urllib3.exceptions import HTTPError

from pdp.decisionlog.errors import LogError
from pdp.decisionlog.writer import Writer

STDOUT: Final = "-"
INTERVAL_S: Final = 1.0
_HTTP_S: Final = 5.0
_LOG: Final = logging.getLogger("pdp.service")


class NotAnchored(Exception):
    """The checkpoint did not get there; our own words."""


def sink_of(place: str) -> Callable[[str], None]:
    """What takes a checkpoint to ``place``: ``-``, an ``http(s)`` URL, or a file's path.

    Raises NotAnchored when it could not.
    """
    if place == STDOUT:
        return _print
    if place.startswith(("http://", "https://")):
        return _Post(place)
    return _Append(Path(place))


def line_of(note: str) -> str:
    """A checkpoint as one line of JSON: a note itself holds an empty line."""
    return json.dumps({"checkpoint": note}, ensure_ascii=False)


def _print(note: str) -> None:
    try:
        sys.stdout.write(line_of(note) + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        raise NotAnchored("standard output takes nothing") from None


class _Append:
    """Adds a line to a file, durably."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, note: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(self._path, flags, 0o600), "ab") as file:
                file.write(line_of(note).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise NotAnchored(f"the file cannot be written: {error.strerror}") from None


class _Post:
    """Sends the note as it is; any status of 200 to 299 means that it was kept."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(total=_HTTP_S), retries=False, cert_reqs="CERT_REQUIRED"
        )

    def __call__(self, note: str) -> None:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        try:
            answer = self._pool.request(
                "POST", self._url, body=note.encode(), headers=headers, redirect=False
            )
        except HTTPError as error:
            raise NotAnchored(f"no answer: {type(error).__name__}") from None
        if not 200 <= answer.status <= 299:  # noqa: PLR2004 - success, as HTTP numbers it
            raise NotAnchored(f"the answer was {answer.status}")


class Anchoring:
    """Signs about once a second what is new, and takes it to its places; a thread of its own."""

    def __init__(self, log: Writer, places: tuple[str, ...]) -> None:
        self._log = log
        self._sinks = {place: sink_of(place) for place in places}
        self._sent: dict[str, str] = {}
        self._failing: set[str] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pdp-anchor", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Sign and take away what is still to be; returns soon, whatever a sink does."""
        self._done.set()
        if self._thread.is_alive():
            self._thread.join(2 * _HTTP_S)
        if not self._thread.is_alive():
            self.once()

    def once(self) -> None:
        """Sign what is new, and take it to every place that has not got it yet."""
        try:
            self._log.sign()
        except LogError:
            return  # said wherever the log is written; there is nothing durable to sign
        _, note = self._log.checkpoint
        for place, sink in self._sinks.items():
            if note and self._sent.get(place) != note:
                self.take(place, sink, note)

    def take(self, place: str, sink: Callable[[str], None], note: str) -> None:
        """Take one checkpoint to one place, and say when that begins to fail or works again."""
        try:
            sink(note)
        except NotAnchored as error:
            if place not in self._failing:
                _LOG.warning("checkpoints do not get to an anchor: %s", error)
            self._failing.add(place)
            return
        if place in self._failing:
            _LOG.warning("checkpoints get to that anchor again")
            self._failing.discard(place)
        self._sent[place] = note

    def _run(self) -> None:
        while not self._done.wait(INTERVAL_S):
            try:
                self.once()
            except Exception as bug:  # noqa: BLE001 - the next second may do better
                _LOG.error("internal error while anchoring: %s", type(bug).__name__)
