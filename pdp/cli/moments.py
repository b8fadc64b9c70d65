"""Times and spans of time as people write them in options. Reads the clock only in ``now``."""

from __future__ import annotations

import datetime
import os
import re
from typing import Annotated, Final, TypeAlias

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.output import fail
from pdp.lang.declared.scalars import timestamp_us

_SPAN: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])", re.ASCII)
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_US_PER_S: Final = 1_000_000
# The variable of https://reproducible-builds.org/specs/source-date-epoch/: seconds since 1970.
_SOURCE_DATE: Final = "SOURCE_DATE_EPOCH"
_SECONDS_MAX: Final = 253_402_300_799

NowOption: TypeAlias = Annotated[
    str,
    typer.Option("--now", metavar="RFC3339", help="Judge at that time instead of now."),
]


def now() -> datetime.datetime:
    """By the system clock, in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def moment(text: str, option: str) -> datetime.datetime:
    """RFC 3339 text as a time in UTC, to the second; what is no time ends the command."""
    return datetime.datetime.fromtimestamp(moment_us(text, option) // _US_PER_S, datetime.UTC)


def moment_us(text: str, option: str) -> int:
    """RFC 3339 text in microseconds since 1970; what is no time ends the command."""
    instant_us = timestamp_us(text)
    if instant_us is None or instant_us < 0:
        fail(
            f"`{option} {text}` is no time: write it like 2026-03-02T10:00:00Z, with a zone",
            Exit.INVALID,
        )
    return instant_us


def now_or(text: str) -> datetime.datetime:
    """What ``--now`` says, or else now."""
    return moment(text, "--now") if text else now()


def span(text: str, option: str) -> datetime.timedelta:
    """``90d``, ``12h``, ``30m`` or ``45s``; anything else ends the command."""
    found = _SPAN.fullmatch(text)
    if found is None:
        fail(f"`{option} {text}` is no span of time: write it like 12h or 90d", Exit.INVALID)
    return datetime.timedelta(seconds=int(found[1]) * _UNIT_S[found[2]])


def moment_after(text: str, start: datetime.datetime, option: str) -> datetime.datetime:
    """A time, or a span of time after ``start``."""
    if _SPAN.fullmatch(text):
        return start + span(text, option)
    if timestamp_us(text) is None:
        fail(
            f"`{option} {text}`: expected a span of time such as 90d or 12h, or a time such as"
            " 2026-03-02T10:00:00Z",
            Exit.INVALID,
        )
    return moment(text, option)


def time_of_build(text: str) -> datetime.datetime:
    """What ``--created`` says, or else SOURCE_DATE_EPOCH, or else now."""
    if text:
        return moment(text, "--created")
    seconds = os.environ.get(_SOURCE_DATE, "")
    if not seconds:
        return now()
    if not seconds.isascii() or not seconds.isdecimal() or int(seconds[:15]) > _SECONDS_MAX:
        fail(f"`{_SOURCE_DATE}={seconds}`: expected whole seconds since 1970", Exit.INVALID)
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)
