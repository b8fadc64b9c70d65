"""What approvers are shown is JSON as a request carries it: reading it back gives the value."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from pdp import canonical
from pdp.eval.consequences.shown import shown_text
from pdp.eval.reading import values
from pdp.eval.reading.records import RecordTypes
from pdp.lang.types import (
    BOOL,
    CIDR,
    DECIMAL,
    DECIMAL_UNITS_MAX,
    DURATION,
    INT,
    IP,
    IPV6_BASE,
    PATH,
    STRING,
    TIMESTAMP,
    CollT,
    EnumT,
    Type,
)
from tests.eval.shop import ADDRESS, TYPES

DAY_US = 86_400_000_000


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        (BOOL, True, "true"),
        (INT, -(2**63), "-9223372036854775808"),
        (DECIMAL, 0, "0"),
        (DECIMAL, -1, "-0.0001"),
        (DECIMAL, 125_000, "12.5"),
        (DECIMAL, -20_000, "-2"),
        (DECIMAL, 1_000_000, "100"),
        (DECIMAL, DECIMAL_UNITS_MAX, "99999999999999.9999"),
        (STRING, 'a "b" \u00e4\n', '"a \\"b\\" \u00e4\\n"'),
        (TIMESTAMP, 0, '"1970-01-01T00:00:00Z"'),
        (TIMESTAMP, 1, '"1970-01-01T00:00:00.000001Z"'),
        (TIMESTAMP, -500_000, '"1969-12-31T23:59:59.5Z"'),
        (TIMESTAMP, -62_135_596_800_000_000, '"0001-01-01T00:00:00Z"'),
        (TIMESTAMP, 253_402_300_799_999_999, '"9999-12-31T23:59:59.999999Z"'),
        (DURATION, DAY_US, '"1d"'),
        (DURATION, DAY_US + 3_600_000_000, '"25h"'),
        (DURATION, 5_400_000_000, '"90m"'),
        (DURATION, 1_500_000, '"1500ms"'),
        (PATH, "/srv/ü", '"/srv/ü"'),
        (IP, 167_838_211, '"10.1.2.3"'),
        (IP, IPV6_BASE + 1, '"::1"'),
        (CIDR, (167_772_160, 184_549_375), '"10.0.0.0/8"'),
        (CIDR, (0, 0), '"0.0.0.0/32"'),
        (CIDR, (IPV6_BASE, 2 * IPV6_BASE - 1), '"::/0"'),
        (CollT("set", CIDR, 0, 9), ((0, 2**32 - 1),), '["0.0.0.0/0"]'),
        (EnumT("E", ("us", "eu"), wires=("us-1", "eu-1")), "eu", '"eu-1"'),
        (EnumT("L", ("lo", "hi"), ordered=True, wires=("L", "H")), 1, '"H"'),
        (TYPES["enum"], "phone", '"phone"'),
        (TYPES["level"], 1, '"silver"'),
        (TYPES["reference"], "User::a::b", '"a::b"'),
        (TYPES["list"], (3, 1, 3), "[3,1,3]"),
        (TYPES["set of decimals"], (1, 10_000), "[0.0001,1]"),
        (TYPES["set of ids"], (), "[]"),
    ],
)
def test_values_are_shown_as_requests_carry_them(type_: Type, value: Any, text: str) -> None:
    types = RecordTypes()
    assert shown_text(value, type_) == text
    assert values.read_value(canonical.parse(text), type_, types, "x") == value


@pytest.mark.parametrize(
    ("zip_code", "text"),
    [(10_115, '{"city":"Berlin","Zip-Code":10115}'), (UNSET, '{"city":"Berlin"}')],
)
def test_records_are_shown_by_wire_names_without_what_is_absent(zip_code: Any, text: str) -> None:
    record = RecordTypes().of(ADDRESS.fields)
    assert shown_text(record(f_city="Berlin", f_zip=zip_code), ADDRESS) == text
