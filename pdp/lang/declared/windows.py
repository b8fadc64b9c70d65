"""Window declarations to windows: days, times, a zone of the pinned time zone data, holidays."""

from __future__ import annotations

import datetime
import functools
from importlib import resources
from typing import Final

from pdp.lang import complaints, nodes
from pdp.lang.checked import Window, WindowSpan
from pdp.lang.declared.report import Report
from pdp.lang.declared.values import Constants
from pdp.lang.types import STRING, CollT

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MIN: Final = 1_440
_HOUR_MIN: Final = 60


def read(decl: nodes.WindowDecl, constants: Constants, report: Report) -> Window | None:
    """A window, or None after reporting what does not exist."""
    errors = len(report)
    spans = [_span(span, report) for span in decl.spans]
    if decl.zone.value not in zones():
        known = complaints.close(decl.zone.value, zones())
        report.append(
            complaints.bad_window(
                decl.zone.span, f"`{decl.zone.value}` is not a time zone",
                known or 'write an IANA name, such as "Europe/Berlin"',
            )
        )  # fmt: skip
    holidays = _holidays(decl.holidays, constants, report) if decl.holidays else frozenset()
    if len(report) > errors:
        return None
    found = tuple(span for span in spans if span is not None)
    return Window(decl.name.text, found, decl.zone.value, holidays)


@functools.cache
def zones() -> frozenset[str]:
    """Every zone of the pinned ``tzdata`` package."""
    text = resources.files("tzdata").joinpath("zones").read_text("utf-8")
    return frozenset(text.split())


def _span(node: nodes.WindowSpan, report: Report) -> WindowSpan | None:
    start, end = _minutes(node.start, report), _minutes(node.end, report)
    if start is None or end is None:
        return None
    if start == _DAY_MIN:
        report.append(complaints.bad_window(node.start.span, "24:00 can only end a window"))
        return None
    first = _DAYS.index(node.first_day.text)
    last = first if node.last_day is None else _DAYS.index(node.last_day.text)
    count = (last - first) % len(_DAYS) + 1
    days = frozenset((first + offset) % len(_DAYS) for offset in range(count))
    return WindowSpan(days, start, end)


def _minutes(name: nodes.Name, report: Report) -> int | None:
    hours, minutes = int(name.text[:2]), int(name.text[3:])
    total = hours * _HOUR_MIN + minutes
    if minutes >= _HOUR_MIN or total > _DAY_MIN:
        report.append(complaints.bad_window(name.span, f"there is no {name.text}"))
        return None
    return total


def _holidays(name: nodes.Name, constants: Constants, report: Report) -> frozenset[str]:
    const = constants.values.get(name.text)
    if const is None:
        if name.text not in constants.refused:
            report.append(complaints.unknown_name(name.span, name.text, constants.values))
        return frozenset()
    if not isinstance(const.type, CollT) or const.type.item != STRING:
        report.append(
            complaints.type_mismatch(name.span, "a set<string> of dates", f"`{name.text}`")
        )
        return frozenset()
    assert isinstance(const.value, tuple)
    dates = [str(item) for item in const.value]
    for date in dates:
        try:
            is_date = datetime.date.fromisoformat(date).isoformat() == date
        except ValueError:
            is_date = False
        if not is_date:
            report.append(complaints.bad_window(name.span, f"`{date}` is not a date", "2026-12-25"))
    return frozenset(dates)
