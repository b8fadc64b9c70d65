"""One way to change a field of a frozen record, whichever library made it."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from msgspec import structs

_RecordT = TypeVar("_RecordT")


def replace(record: _RecordT, /, **fields: object) -> _RecordT:
    """A copy of ``record`` with other ``fields``."""
    changed: Any = record
    if dataclasses.is_dataclass(record):
        changed = dataclasses.replace(changed, **fields)
    else:
        changed = structs.replace(changed, **fields)
    return changed
