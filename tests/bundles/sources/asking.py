"""Asks a place once, as the server does, and says in one word what came: the harness of faults."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from pdp.bundles.sources.fetching import Fetched, Options, SourceFailed
from pdp.bundles.sources.places import source_of

NO_OPTIONS: Final = Options()
FETCHED: Final = "fetched"
UNCHANGED: Final = "unchanged"
# What must never be shown.
SECRET: Final = "s3cret"  # noqa: S105 - of tests, for tests


@dataclass(frozen=True, slots=True)
class Outcome:
    """``word`` is a cause, or that something or nothing new came."""

    word: str
    took_s: float
    fetched: Fetched | None = None
    message: str = ""


def ask(
    uri: str,
    options: Options = NO_OPTIONS,
    *,
    timeout_s: float = 20.0,
    known: str | None = None,
) -> Outcome:
    started = time.monotonic()
    fetched = None
    message = ""
    try:
        with closing(source_of(uri, options)) as source:
            fetched = source.fetch(known, timeout_s)
        word = UNCHANGED if fetched is None else FETCHED
    except SourceFailed as failed:
        word, message = str(failed.cause), str(failed)
    return Outcome(word, time.monotonic() - started, fetched, message)
