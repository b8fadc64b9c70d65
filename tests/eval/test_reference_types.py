"""Windows, paths, networks, patterns, presence: worked out by hand, asked of the reference."""

from __future__ import annotations

import pytest

from pdp.model import DenyCause
from tests.eval.depot import ask, holds, policy, program, request

# ---------------------------------------------------------------- windows


@pytest.mark.parametrize(
    ("spans", "zone", "instant", "expected"),
    [
        # 2 March 2026 is a Monday; Berlin is one hour ahead in winter, two in summer
        ("mon..fri 09:00..17:30", "Europe/Berlin", "2026-03-02T08:00:00Z", True),
        ("mon..fri 09:00..17:30", "Europe/Berlin", "2026-03-02T07:59:59Z", False),
        ("mon..fri 09:00..17:30", "Europe/Berlin", "2026-03-02T16:29:59Z", True),
        ("mon..fri 09:00..17:30", "Europe/Berlin", "2026-03-02T16:30:00Z", False),
        ("mon..fri 09:00..17:30", "Europe/Berlin", "2026-07-06T07:00:00Z", True),
        ("mon..fri 09:00..17:30", "Europe/Berlin", "2026-03-01T12:00:00Z", False),
        # over midnight: what starts on Monday ends on Tuesday
        ("mon 22:00..06:00", "UTC", "2026-03-02T22:00:00Z", True),
        ("mon 22:00..06:00", "UTC", "2026-03-03T05:59:59Z", True),
        ("mon 22:00..06:00", "UTC", "2026-03-03T06:00:00Z", False),
        ("mon 22:00..06:00", "UTC", "2026-03-02T05:00:00Z", False),
        # over the week: Sunday night ends on Monday
        ("sun 22:00..06:00", "UTC", "2026-03-02T05:00:00Z", True),
        ("sat..sun 22:00..06:00", "UTC", "2026-03-02T05:00:00Z", True),
        ("sat..mon 00:00..24:00", "UTC", "2026-03-02T23:59:59Z", True),
        ("sat..mon 00:00..24:00", "UTC", "2026-03-03T00:00:00Z", False),
        # a day and a night: the same start and end is a whole day from there
        ("mon 09:00..09:00", "UTC", "2026-03-03T08:59:59Z", True),
        ("mon 09:00..09:00", "UTC", "2026-03-03T09:00:00Z", False),
        ("mon 09:00..10:00, mon 12:00..13:00", "UTC", "2026-03-02T12:30:00Z", True),
        ("mon 09:00..10:00, mon 12:00..13:00", "UTC", "2026-03-02T10:30:00Z", False),
        # Kathmandu is 5:45 ahead
        ("tue 00:00..00:01", "Asia/Kathmandu", "2026-03-02T18:15:00Z", True),
        ("tue 00:00..00:01", "Asia/Kathmandu", "2026-03-02T18:14:59Z", False),
        # New York, 8 March 2026: at 02:00 clocks go to 03:00, so the hour before 03:00 is 01:xx
        ("sun 02:00..03:00", "America/New_York", "2026-03-08T06:59:59Z", False),
        ("sun 02:00..03:00", "America/New_York", "2026-03-08T07:00:00Z", False),
        ("sun 03:00..03:01", "America/New_York", "2026-03-08T07:00:00Z", True),
        # Berlin, 25 October 2026: 02:30 comes twice
        ("sun 02:00..03:00", "Europe/Berlin", "2026-10-25T00:30:00Z", True),
        ("sun 02:00..03:00", "Europe/Berlin", "2026-10-25T01:30:00Z", True),
        ("sun 02:00..03:00", "Europe/Berlin", "2026-10-25T02:00:00Z", False),
    ],
)
def test_a_window(spans: str, zone: str, instant: str, expected: bool):  # noqa: FBT001
    window = f'window w = {spans} in "{zone}"'
    assert holds("now in w", window, now=instant) is expected
    assert holds("args.at in w", window, at=instant) is expected
    assert holds("args.at not in w", window, at=instant) is not expected


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-12-24T22:59:59Z", True),  # 23:59:59 on the 24th in Berlin
        ("2026-12-24T23:00:00Z", False),  # midnight: the 25th is a holiday, whole
        ("2026-12-25T22:59:59Z", False),
        ("2026-12-25T23:00:00Z", True),  # the 26th: the span's start does not matter
    ],
)
def test_a_holiday_is_a_local_date(instant: str, expected: bool):  # noqa: FBT001
    declared = (
        'const free: set<string> = ["2026-12-25"]',
        'window w = thu..fri 20:00..08:00 in "Europe/Berlin" except free',
    )
    assert holds("now in w", *declared, now=instant) is expected


def test_a_window_knows_no_last_year():
    """Time sums are exact: a Monday in the year 10000 is still a Monday."""
    window = 'window w = mon 00:00..24:00 in "Pacific/Kiritimati"'  # 14 hours ahead
    # 9999-12-31 is a Friday, so Monday begins two days later, less 14 hours
    assert holds("args.at + 58h in w", window, at="9999-12-31T00:00:00Z")
    assert not holds("args.at + 57h in w", window, at="9999-12-31T00:00:00Z")
    sunday = 'window w = sun 00:00..24:00 in "UTC"'
    assert holds("args.at - 1d in w", sunday, at="0001-01-01T00:00:00Z")
    assert not holds("args.at in w", sunday, at="0001-01-01T00:00:00Z")


# ---------------------------------------------------------------- paths, networks, patterns


@pytest.mark.parametrize(
    ("prefix", "path", "expected"),
    [
        ("/srv/app", "/srv/app", True),
        ("/srv/app", "/srv/app/x", True),
        ("/srv/app", "/srv/application", False),
        ("/srv/app", "/srv", False),
        ("/", "/srv", True),
        ("/", "/", True),
        ("/srv", "/", False),
    ],
)
def test_under(prefix: str, path: str, expected: bool):  # noqa: FBT001
    assert holds(f'args.file under "{prefix}"', file=path) is expected


def test_paths_compare_as_wholes():
    assert holds('args.file == "/srv"', file="/srv")
    assert holds('args.file in ["/a", "/b"]', file="/b")
    assert not holds("args.file == resource.home", file="/srv/x")


@pytest.mark.parametrize(
    ("address", "network", "expected"),
    [
        ("10.255.255.255", "10.0.0.0/8", True),
        ("11.0.0.0", "10.0.0.0/8", False),
        ("10.0.0.0", "10.0.0.0/32", True),
        ("0.0.0.1", "::/0", False),  # an IPv4 address is in no IPv6 network
        ("::1", "0.0.0.0/0", False),
        ("::1", "::/127", True),
        ("255.255.255.255", "0.0.0.0/0", True),
    ],
)
def test_networks(address: str, network: str, expected: bool):  # noqa: FBT001
    assert holds(f'args.addr in cidr "{network}"', addr=address) is expected
    assert holds("args.addr in args.net", addr=address, net=network) is expected
    assert holds(f'args.net == cidr "{network}"', net=network)


def test_an_address_is_in_a_set_of_networks_when_one_contains_it():
    declared = 'const inside: set<cidr> = [cidr "10.0.0.0/8", cidr "::/16"]'
    assert holds("args.addr in inside", declared, addr="::1")
    assert not holds("args.addr in inside", declared, addr="9.1.1.1")
    assert holds("args.addr in resource.nets", addr="2001:db8::1")
    assert not holds("args.addr in resource.nets", addr="2001:db9::1")
    assert not holds('args.addr == ip "0.0.0.1"', addr="::1")
    assert holds('args.addr != ip "0.0.0.1"', addr="::1")


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a+", "aaa", True),
        ("a+", "aab", False),
        ("a+", "baa", False),
        ("a|ab", "ab", True),  # the whole string, whatever alternative comes first
        ("a.b", "a\\nb", False),
        ("(?i)ABC", "aBc", True),
        (r"\p{L}+", "äé", True),
        ("^a$", "a", True),
        ("", "", True),
    ],
)
def test_matches_is_about_the_whole_string(pattern: str, text: str, expected: bool):  # noqa: FBT001
    assert holds(f'args.text matches r"{pattern}"', text=text.replace("\\n", "\n")) is expected


# ---------------------------------------------------------------- presence and names


def test_null_is_absent():
    assert not holds("has args.opt", opt=None)
    assert not holds("has args.opt")
    assert holds("has args.opt and args.opt == 0", opt=0)
    assert not holds("has args.must", must=None)
    assert holds("has args.must and args.must == 3", must=3)


def test_of_json_only_its_presence_is_known():
    assert holds("has args.any", any={"x": [1, None]})
    assert not holds("has args.any")
    assert not holds("has args.blob", blob=None)
    assert holds("has args.blob", blob=False)


def test_members_have_wire_names():
    assert holds("args.region == us_east")
    assert holds("args.region in [eu, us_east] and args.region != eu")
    assert holds("args.grade >= mid and args.grade < top")
    assert holds("context.zone == eu")


def test_a_predicate_without_parameters_reads_the_roots():
    assert holds("in_eu", "predicate in_eu = context.zone == eu")
    assert not holds("not in_eu", "predicate in_eu = context.zone == eu")
    has_two = "predicate has_two = has args.must and args.must == 2"
    assert holds("has_two", has_two, must=2)
    assert not holds("has_two", has_two)


def test_any_action_asks_whether_the_parameter_is_there():
    rule = 'rule d: deny anyone to any action when has args.must and args.must > 1 because "x"'
    checked = program(policy(rule))
    assert ask(checked, request(must=2)).cause is DenyCause.RULE
    assert ask(checked, request(action="job.ping")).cause is None
    assert ask(checked, request(action="job.drop")).cause is None


def test_actions_come_in_sets_of_sets():
    checked = program(policy('rule d: deny anyone to some_jobs because "x"'))
    assert ask(checked, request(action="tool__run")).cause is DenyCause.RULE
    assert ask(checked, request(action="job.ping")).cause is None
