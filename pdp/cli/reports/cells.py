"""One value of a table as text, as JSON and as a cell of a sheet. Prints nothing."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import math
from typing import Any, Final

from pdp.decisionlog.show import Json, escaped

# What makes a program for sheets take a cell for a formula; agents choose some of our texts.
_FORMULA: Final = ("=", "+", "-", "@")


def json_cell(value: Any) -> Json:
    """Times as RFC 3339 in UTC, bytes in base64, what JSON has no number for as text."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return escaped(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case datetime.datetime():
            text = value.isoformat(timespec="microseconds")
            return text.replace("+00:00", "Z")
        case decimal.Decimal():
            return str(value)
        case list() | tuple():
            return [json_cell(item) for item in value]
        case dict():
            return {escaped(str(name)): json_cell(item) for name, item in value.items()}
        case _:
            return escaped(str(value))


def text_cell(value: Any) -> str:
    """For people: lists joined, nothing for null."""
    match json_cell(value):
        case None:
            return ""
        case str() as text:
            return text
        case list() as items:
            return ", ".join(text_cell(item) for item in items)
        case other:
            return json.dumps(other, ensure_ascii=False)


def csv_cell(value: Any) -> str:
    """As for people; what a sheet would take for a formula has an apostrophe before it."""
    text = text_cell(value)
    is_number = isinstance(value, int | float | decimal.Decimal)
    return f"'{text}" if text.startswith(_FORMULA) and not is_number else text
