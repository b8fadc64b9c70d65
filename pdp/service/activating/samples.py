"""A few requests of each sort that were asked lately, to warm up the engine that comes next.

They are kept in memory only, and replaced by newer ones; nothing here is written anywhere.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from pdp.request import Request

SORTS_MAX: Final = 512
# Of so many requests one is looked at: what is asked often is met soon.
_EVERY: Final = 16
# Longer ones would only fill the memory.
_CHARS_MAX: Final = 4_096

_Sort: TypeAlias = "tuple[str, str | None, tuple[str, ...]]"


class Samples:
    """The newest request of each sort: action, resource type and types of the chain.

    May be used from any thread; that two at a time may lose one is of no account.
    """

    def __init__(self) -> None:
        self._kept: dict[_Sort, Request] = {}
        self._seen = 0

    def saw(self, request: Request) -> None:
        """Perhaps keep a request that was just decided."""
        self._seen += 1
        if self._seen % _EVERY or len(request.args) + len(request.context) > _CHARS_MAX:
            return
        resource = None if request.resource is None else request.resource.type
        sort = request.action, resource, tuple([member.type for member in request.chain])
        if sort in self._kept or len(self._kept) < SORTS_MAX:
            self._kept[sort] = request

    def take(self) -> tuple[Request, ...]:
        """What was kept since the last time; older ones are forgotten."""
        kept, self._kept = self._kept, {}
        return tuple(kept.values())
