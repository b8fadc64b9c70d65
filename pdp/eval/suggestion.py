"""Did-you-mean for names that a request gets wrong: the nearest declared name, only when close."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Final

# Comparing costs about the product of the lengths; a request must not buy much of it.
_CHARS_MAX: Final = 64
_LENGTH_DIFFERENCE_MAX: Final = 3
_OPTIONS_MAX: Final = 500
_CUTOFF: Final = 0.75


def quoted(name: str) -> str:
    """``name`` in backticks, cut to a readable length."""
    return f"`{name}`" if len(name) <= _CHARS_MAX else f"`{name[:_CHARS_MAX]}…`"


def unknown_name(kind: str, name: str, options: Iterable[str]) -> str:
    """``unknown action `payment.refnd`; did you mean `payment.refund`?``; asks only if close."""
    said = f"unknown {kind} {quoted(name)}"
    near = _nearest(name, options)
    return said if near is None else f"{said}; did you mean `{near}`?"


def _nearest(name: str, options: Iterable[str]) -> str | None:
    if len(name) > _CHARS_MAX:
        return None
    similar = (o for o in options if abs(len(o) - len(name)) <= _LENGTH_DIFFERENCE_MAX)
    near = difflib.get_close_matches(name, islice(similar, _OPTIONS_MAX), n=1, cutoff=_CUTOFF)
    return near[0] if near else None
