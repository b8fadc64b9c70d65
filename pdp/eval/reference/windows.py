"""The reference meaning of a window: local wall time in a zone of the pinned time zone data."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

from pdp.lang.checked import Window, WindowSpan

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WEEKDAY: Final = 3  # a Thursday; 0 is Monday
_MICROSECOND: Final = timedelta(microseconds=1)
_MINUTE_US: Final = 60_000_000
_DAY_US: Final = 24 * 60 * _MINUTE_US
# The calendar repeats itself every 400 years, weekdays included.
_CYCLE_US: Final = 146_097 * _DAY_US
# Where an instant and its local time are both sure to be a ``datetime``.
_FIRST_US: Final = (datetime(2, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST_US: Final = (datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def is_inside(instant_us: int, window: Window) -> bool:
    """Whether the instant's local wall time is in ``[start, end)`` of some span of the window.

    A local date that is a holiday is outside, whole. Total: sums of times know no last year.
    """
    local_us = instant_us + _offset_us(instant_us, window.zone)
    day, of_day_us = divmod(local_us, _DAY_US)
    if day in {_day_number(holiday) for holiday in window.holidays}:
        return False
    weekday = (day + _EPOCH_WEEKDAY) % 7
    return any(_is_in_span(weekday, of_day_us, span) for span in window.spans)


def _is_in_span(weekday: int, of_day_us: int, span: WindowSpan) -> bool:
    start_us, end_us = span.start_min * _MINUTE_US, span.end_min * _MINUTE_US
    if start_us < end_us:
        return weekday in span.days and start_us <= of_day_us < end_us
    started_today = weekday in span.days and start_us <= of_day_us
    started_yesterday = (weekday - 1) % 7 in span.days and of_day_us < end_us
    return started_today or started_yesterday


def _day_number(iso: str) -> int:
    """Days since 1970-01-01."""
    return date.fromisoformat(iso).toordinal() - _EPOCH.toordinal()


def _offset_us(instant_us: int, zone: str) -> int:
    """What local time in the zone is ahead of UTC at that instant.

    Before year 2 and after year 9998 the rules are those of the same day in a year with a number.
    """
    if instant_us < _FIRST_US:
        instant_us = _FIRST_US + (instant_us - _FIRST_US) % _CYCLE_US
    elif instant_us >= _LAST_US:
        instant_us = _LAST_US - _CYCLE_US + (instant_us - _LAST_US) % _CYCLE_US
    offset = (_EPOCH + instant_us * _MICROSECOND).astimezone(zone_of(zone)).utcoffset()
    assert offset is not None
    return offset // _MICROSECOND


@functools.cache
def zone_of(name: str) -> ZoneInfo:
    """The zone as the ``tzdata`` package has it, whatever the machine thinks of it."""
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


__all__ = ["is_inside", "zone_of"]
