"""Windows are local wall time in pinned zones: edges, midnight, the week, changing clocks."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, Final

import pytest

from pdp.eval.compiling.cell import Cell
from pdp.eval.compiling.conditions import condition_of
from pdp.eval.compiling.places import Places
from pdp.eval.emit import windows
from pdp.eval.emit.paths import Scope
from pdp.eval.emit.windows import offset_us, window_test, zone_of
from pdp.lang.checked import InWindow, Window, WindowSpan
from tests.eval.lab import (
    LOW,
    NOW_US,
    RUN,
    SCHEMA,
    answer,
    arg,
    bind,
    root,
    rule,
    span,
    with_args,
)

WEEKDAYS: Final = frozenset(range(5))
DAY_US: Final = 86_400_000_000


def window(*spans: tuple[str, str, str], zone: str = "UTC", holidays: str = "") -> Window:
    return Window(
        "w",
        tuple(
            WindowSpan(frozenset(map(int, days)), _minutes(start), _minutes(end))
            for days, start, end in spans
        ),
        zone,
        frozenset(holidays.split()),
    )


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def us(text: str) -> int:
    """RFC 3339 to microseconds since 1970."""
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1)


OFFICE: Final = ("01234", "09:00", "17:30")
BERLIN: Final = "Europe/Berlin"
NEW_YORK: Final = "America/New_York"
NIGHT: Final = ("4", "22:00", "06:00")  # from Friday evening on
SUNDAY_NIGHT: Final = ("6", "23:00", "01:00")
ALL_DAY: Final = ("2", "00:00", "24:00")
ROUND_THE_CLOCK: Final = ("2", "00:00", "00:00")
LUNCH: Final = ("012", "12:00", "13:00")

# window, timestamp, whether it is inside. 2026-03-02 is a Monday.
TABLE: Final[list[tuple[Window, str, bool]]] = [
    # [start, end)
    (window(OFFICE), "2026-03-02T09:00:00Z", True),
    (window(OFFICE), "2026-03-02T08:59:59.999999Z", False),
    (window(OFFICE), "2026-03-02T17:29:59.999999Z", True),
    (window(OFFICE), "2026-03-02T17:30:00Z", False),
    (window(OFFICE), "2026-03-06T12:00:00Z", True),
    (window(OFFICE), "2026-03-07T12:00:00Z", False),
    (window(OFFICE), "2026-03-08T12:00:00Z", False),
    # the offset that a timestamp is written with does not matter
    (window(OFFICE), "2026-03-02T23:00:00+14:00", True),
    (window(OFFICE), "2026-03-02T09:00:00+01:00", False),
    # over midnight: the span's own day is that of its start
    (window(NIGHT), "2026-03-06T21:59:59Z", False),
    (window(NIGHT), "2026-03-06T22:00:00Z", True),
    (window(NIGHT), "2026-03-07T00:00:00Z", True),
    (window(NIGHT), "2026-03-07T05:59:59Z", True),
    (window(NIGHT), "2026-03-07T06:00:00Z", False),
    (window(NIGHT), "2026-03-07T22:30:00Z", False),
    (window(NIGHT), "2026-03-06T05:00:00Z", False),
    # over the week
    (window(SUNDAY_NIGHT), "2026-03-08T23:00:00Z", True),
    (window(SUNDAY_NIGHT), "2026-03-09T00:59:59Z", True),
    (window(SUNDAY_NIGHT), "2026-03-09T01:00:00Z", False),
    (window(SUNDAY_NIGHT), "2026-03-08T00:30:00Z", False),
    # 24:00, and a start that is its end
    (window(ALL_DAY), "2026-03-04T00:00:00Z", True),
    (window(ALL_DAY), "2026-03-04T23:59:59.999999Z", True),
    (window(ALL_DAY), "2026-03-05T00:00:00Z", False),
    (window(ALL_DAY), "2026-03-03T23:59:59Z", False),
    (window(ROUND_THE_CLOCK), "2026-03-04T00:00:00Z", True),
    (window(ROUND_THE_CLOCK), "2026-03-04T23:59:59Z", True),
    (window(ROUND_THE_CLOCK), "2026-03-05T00:00:00Z", False),
    (window(("2", "08:00", "08:00")), "2026-03-05T07:59:59Z", True),
    (window(("2", "08:00", "08:00")), "2026-03-05T08:00:00Z", False),
    # several spans are one window
    (window(LUNCH, NIGHT), "2026-03-04T12:30:00Z", True),
    (window(LUNCH, NIGHT), "2026-03-07T01:00:00Z", True),
    (window(LUNCH, NIGHT), "2026-03-05T12:30:00Z", False),
    # holidays: the local date of the instant, whole, not that of the span's start
    (window(OFFICE, holidays="2026-03-02"), "2026-03-02T12:00:00Z", False),
    (window(OFFICE, holidays="2026-03-02"), "2026-03-03T12:00:00Z", True),
    (window(NIGHT, holidays="2026-03-06"), "2026-03-06T23:59:59Z", False),
    (window(NIGHT, holidays="2026-03-06"), "2026-03-07T00:00:00Z", True),
    (window(NIGHT, holidays="2026-03-07"), "2026-03-06T23:59:59Z", True),
    (window(NIGHT, holidays="2026-03-07"), "2026-03-07T00:00:00Z", False),
    (window(ALL_DAY, zone=BERLIN, holidays="2026-03-04"), "2026-03-03T23:30:00Z", False),
    (window(ALL_DAY, zone=BERLIN, holidays="2026-03-05"), "2026-03-03T23:30:00Z", True),
    # Berlin: +1 until 2026-03-29 02:00, which becomes 03:00
    (window(OFFICE, zone=BERLIN), "2026-03-27T08:00:00Z", True),
    (window(OFFICE, zone=BERLIN), "2026-03-27T07:59:59Z", False),
    (window(OFFICE, zone=BERLIN), "2026-03-30T07:00:00Z", True),
    (window(OFFICE, zone=BERLIN), "2026-03-30T06:59:59Z", False),
    (window(OFFICE, zone=BERLIN), "2026-03-30T15:30:00Z", False),
    (window(("6", "01:30", "03:30"), zone=BERLIN), "2026-03-29T00:30:00Z", True),
    (window(("6", "01:30", "03:30"), zone=BERLIN), "2026-03-29T00:59:59Z", True),
    (window(("6", "01:30", "03:30"), zone=BERLIN), "2026-03-29T01:00:00Z", True),
    (window(("6", "01:30", "03:30"), zone=BERLIN), "2026-03-29T01:30:00Z", False),
    # an hour that does not exist is never
    (window(("6", "02:00", "03:00"), zone=BERLIN), "2026-03-29T00:59:59.999999Z", False),
    (window(("6", "02:00", "03:00"), zone=BERLIN), "2026-03-29T01:00:00Z", False),
    # Berlin: +2 until 2026-10-25 03:00, which becomes 02:00; that hour comes twice
    (window(("6", "02:00", "03:00"), zone=BERLIN), "2026-10-24T23:59:59Z", False),
    (window(("6", "02:00", "03:00"), zone=BERLIN), "2026-10-25T00:00:00Z", True),
    (window(("6", "02:00", "03:00"), zone=BERLIN), "2026-10-25T01:30:00Z", True),
    (window(("6", "02:00", "03:00"), zone=BERLIN), "2026-10-25T02:00:00Z", False),
    # New York: -5 until 2026-03-08 02:00, -4 until 2026-11-01 02:00
    (window(OFFICE, zone=NEW_YORK), "2026-03-06T14:00:00Z", True),
    (window(OFFICE, zone=NEW_YORK), "2026-03-09T13:00:00Z", True),
    (window(OFFICE, zone=NEW_YORK), "2026-03-09T12:59:59Z", False),
    (window(("6", "02:00", "03:00"), zone=NEW_YORK), "2026-03-08T06:59:59Z", False),
    (window(("6", "02:00", "03:00"), zone=NEW_YORK), "2026-03-08T07:00:00Z", False),
    (window(("6", "01:00", "02:00"), zone=NEW_YORK), "2026-11-01T05:30:00Z", True),
    (window(("6", "01:00", "02:00"), zone=NEW_YORK), "2026-11-01T06:30:00Z", True),
    (window(("6", "01:00", "02:00"), zone=NEW_YORK), "2026-11-01T07:00:00Z", False),
    # the local day is another one than in UTC
    (window(("4", "20:00", "24:00"), zone=NEW_YORK), "2026-03-07T01:00:00Z", True),
    (window(("0", "00:00", "09:00"), zone="Pacific/Kiritimati"), "2026-03-01T10:00:00Z", True),
    (window(("0", "00:00", "09:00"), zone="Pacific/Kiritimati"), "2026-03-01T09:59:59Z", False),
    (window(("0", "05:45", "05:46"), zone="Asia/Kathmandu"), "2026-03-02T00:00:00Z", True),
    # far from today
    (window(("0", "09:00", "10:00"), zone=BERLIN), "2100-07-05T07:00:00Z", True),
    (window(("0123456", "00:00", "24:00"), zone=NEW_YORK), "0001-01-01T00:00:00Z", True),
    (window(("0123456", "00:00", "24:00"), zone=BERLIN), "9999-12-31T23:59:59.999999Z", True),
    (window(("4", "23:00", "24:00")), "9999-12-31T23:59:59.999999Z", True),
    (window(("0", "00:00", "01:00")), "0001-01-01T00:00:00Z", True),
    # before 1893 Berlin had its own mean time, +0:53:28
    (window(("4", "12:53", "12:54"), zone=BERLIN), "1850-03-01T12:00:00Z", True),
]


def wrong() -> list[str]:
    """The rows that the code under test does not agree with."""
    return [
        f"{text} in {shown.spans} {shown.zone} {sorted(shown.holidays)}"
        for shown, text, expected in TABLE
        if window_test(shown)(us(text)) is not expected
    ]


def test_table() -> None:
    assert wrong() == []


def test_both_forms_ask_the_window() -> None:
    for shown, text, expected in TABLE[:20]:
        assert answer(InWindow(arg("at"), shown, span()), with_args(at=text)) is expected
    now = InWindow(root("now"), window(("0", "10:00", "10:01")), span())
    assert answer(now)  # 2026-03-02T10:00:00Z
    scope = Scope(SCHEMA, RUN, "Case", "Bot")
    cell = Cell([(0, condition_of(rule("r", "deny", now), scope))], scope, Places({}))
    bound = bind()
    assert cell.held(bound, "Bot::b1", NOW_US, LOW) == 1
    assert cell.held(bound, "Bot::b1", NOW_US - 1, LOW) == 0
    assert cell.held(bound, "Bot::b1", NOW_US + 60_000_000, LOW) == 0


def test_sums_of_timestamps_may_leave_the_calendar() -> None:
    always = window_test(window(("0123456", "00:00", "24:00"), zone=NEW_YORK))
    monday = window_test(window(("0", "00:00", "24:00")))
    for far_us in (10**18, -(10**18), 2**63, -(2**63), 10**30):
        assert always(far_us)
        # Weeks go on as they always did.
        assert [monday(far_us + day * DAY_US) for day in range(7)].count(True) == 1


def test_zones_come_from_the_package_and_not_from_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Berlin").write_bytes(
        resources.files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo").read_bytes()
    )
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    monkeypatch.setattr(windows, "zone_of", zone_of.__wrapped__)
    try:
        zone = windows.zone_of("Europe/Berlin")
        assert offset_us(us("2026-03-02T10:00:00+00:00"), zone) == 3_600_000_000
    finally:
        zoneinfo.reset_tzpath(before)


def test_zones_are_those_of_the_checker() -> None:
    for name in ("UTC", BERLIN, NEW_YORK, "America/Argentina/Buenos_Aires", "Etc/GMT+12"):
        assert zone_of(name).key == name
    with pytest.raises(FileNotFoundError):
        zone_of("Europe/Atlantis")


@pytest.mark.parametrize(
    ("seam", "broken", "caught"),
    [
        ("offset_us", lambda *_: 0, "2026-03-27T08:00:00Z"),
        ("offset_us", lambda _, zone: offset_us(us("2026-01-01T00:00:00Z"), zone), "2026-03-30"),
        ("_EPOCH_WEEKDAY", 4, "2026-03-06T12:00:00Z"),
        ("_EPOCH_ORDINAL", 719_164, "2026-03-02T12:00:00Z"),
        ("_DAY_MIN", 1_439, "2026-03-06T23:59:59Z"),
    ],
)
def test_sabotage(monkeypatch: pytest.MonkeyPatch, seam: str, broken: Any, caught: str) -> None:
    monkeypatch.setattr(windows, seam, broken)
    assert any(row.startswith(caught) for row in wrong())


def test_sabotage_a_span_that_ends_at_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = windows.opening_hours
    monkeypatch.setattr(
        windows,
        "opening_hours",
        lambda spans: honest(tuple(span for span in spans if span.end_min > span.start_min)),
    )
    assert any("2026-03-07T00:00:00Z" in row for row in wrong())
