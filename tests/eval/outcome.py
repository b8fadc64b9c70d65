"""What a reader makes of a text, as one line that tests compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pdp.eval.reading.decoder import ObjectDecoder
from pdp.model import RequestError


def plain(value: Any) -> Any:
    """Records as dicts of Charter names, absent fields left out."""
    if isinstance(value, msgspec.Struct):
        members = {name[2:]: getattr(value, name) for name in value.__struct_fields__}
        return {name: plain(item) for name, item in members.items() if item is not msgspec.UNSET}
    return tuple(plain(item) for item in value) if isinstance(value, tuple) else value


def outcome(reader: ObjectDecoder, text: str, read: Callable[..., Any] = ObjectDecoder.read) -> str:
    """``= value``, or ``field: message``; a value's repr tells True from 1."""
    try:
        record = read(reader, text, "args")
    except RequestError as error:
        return f"{error.field}: {error}"
    return f"= {plain(record)!r}"
