"""Windows ready to be asked: local wall time in a zone of the pinned data. Reads no clock.

Zone data comes from the ``tzdata`` package alone, never from the machine, so that two machines and
a replay years later agree.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from pdp.lang.checked import Window, WindowSpan

# Whether a timestamp, microseconds since 1970, lies in a window.
WindowTest: TypeAlias = Callable[[int], bool]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MINUTE_US: Final = 60_000_000
_DAY_US: Final = 86_400_000_000
_DAY_MIN: Final = 1_440
_DAYS: Final = 7
# 1970-01-01 was a Thursday; Monday is 0.
_EPOCH_WEEKDAY: Final = 3
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
# Python knows the years 1 to 9999, sums of timestamps know no end: beyond, the offset stays.
_ASKED_MIN_US: Final = (datetime(1, 1, 3, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_ASKED_MAX_US: Final = (datetime(9999, 12, 29, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def window_test(window: Window) -> WindowTest:
    """The test of one window. Raises FileNotFoundError for a zone that the data does not have."""
    zone = zone_of(window.zone)
    opens = opening_hours(window.spans)
    holidays = frozenset(
        date.fromisoformat(text).toordinal() - _EPOCH_ORDINAL for text in window.holidays
    )

    def is_in(us: int) -> bool:
        day, time_us = divmod(us + offset_us(us, zone), _DAY_US)
        if day in holidays:
            return False
        for start_us, end_us in opens[(day + _EPOCH_WEEKDAY) % _DAYS]:
            if start_us <= time_us < end_us:
                return True
        return False

    return is_in


def opening_hours(spans: tuple[WindowSpan, ...]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """For each weekday the stretches ``[start, end)`` in microseconds after local midnight.

    A span that ends at or before the time it starts at goes on into the next day.
    """
    hours: list[list[tuple[int, int]]] = [[] for _ in range(_DAYS)]
    for span in spans:
        for day in span.days:
            if span.end_min > span.start_min:
                hours[day].append((span.start_min, span.end_min))
            else:
                hours[day].append((span.start_min, _DAY_MIN))
                hours[(day + 1) % _DAYS].append((0, span.end_min))
    return tuple(
        tuple(sorted({(start * _MINUTE_US, end * _MINUTE_US) for start, end in day}))
        for day in hours
    )


def offset_us(us: int, zone: ZoneInfo) -> int:
    """What is added to UTC at that instant to get local time in ``zone``, in microseconds."""
    asked_us = min(max(us, _ASKED_MIN_US), _ASKED_MAX_US)
    offset = (_EPOCH + timedelta(microseconds=asked_us)).astimezone(zone).utcoffset()
    if offset is None:
        raise AssertionError("a zone without offsets")
    return offset // _MICROSECOND


@functools.cache
def zone_of(name: str) -> ZoneInfo:
    """The zone of that IANA name, which the checker has found in the pinned data."""
    file = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with file.open("rb") as opened:
        return ZoneInfo.from_file(opened, key=name)


__all__ = ["WindowTest", "offset_us", "opening_hours", "window_test", "zone_of"]
