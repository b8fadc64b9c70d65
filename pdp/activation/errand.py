"""What a server asks its child to do about bundles, and what it answers: messages, a line each.

Data only. Bytes of bundles go through folders of the state directory, not through these.
"""

from __future__ import annotations

import datetime
from typing import Final, Literal

import msgspec

from pdp.bundles.sources.fetching import Options
from pdp.bundles.verification import Floor

LINE_BYTES_MAX: Final = 4_194_304


class Places(msgspec.Struct, frozen=True):
    """Where what comes from: URIs as ``pdp.bundles.sources`` takes them; None: nowhere."""

    main: str
    freshness: str | None = None
    directory: str | None = None
    directory_freshness: str | None = None


class Setup(msgspec.Struct, frozen=True):
    """What stays the same for as long as a child lives; its first line."""

    places: Places
    name: str
    directory_name: str | None
    trust_store: str
    state_dir: str
    require_freshness: bool
    engine_version: str
    tzdata_version: str
    self_test_cases: int
    fetch_timeout_s: float
    options: Options = Options()


class Task(msgspec.Struct, frozen=True):
    """One thing to do. ``now`` is the server's time, ``folder`` the name for what gets ready.

    ``look``: read the sources. ``take``: what is in the folder ``offered``, and the sources for
    what is not there. ``again``: the good release in ``offered``, from the offer kept there.
    ``wait``: return when a source may have changed. ``is_untaken``: what was made ready last does
    not decide, so a look makes it ready again even if nothing is new.
    """

    kind: Literal["look", "take", "again", "wait"]
    now: datetime.datetime
    floors: dict[str, Floor] = {}
    trust_store_version: int = 0
    folder: str = ""
    offered: str = ""
    timeout_s: float = 0.0
    is_untaken: bool = False


class Read(msgspec.Struct, frozen=True):
    """How reading a source went; ``trouble`` is empty when it went well."""

    use: Literal["bundle", "freshness", "directory", "directory freshness"]
    source: str
    trouble: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """``ready``: the folder named in the task holds a release. ``unchanged``: nothing is new.

    ``refused`` and ``failed``: ``cause`` is a name, ``message`` for people, ``sha256`` of what was
    refused, in hex.
    """

    kind: Literal["ready", "unchanged", "refused", "failed"]
    source: str = ""
    cause: str = ""
    message: str = ""
    sha256: str = ""
    reads: tuple[Read, ...] = ()


def to_line(message: msgspec.Struct) -> bytes:
    """A message as one line of JSON."""
    return msgspec.json.encode(message) + b"\n"
