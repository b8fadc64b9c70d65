"""How spans and nodes are made: as frozen dataclasses, but quickly. No class is declared here.

A text of a megabyte becomes hundreds of thousands of them, and a frozen dataclass takes four times
as long to make as a plain one. To the type checker they are frozen; at run time nothing guards
them but that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses
    from collections.abc import Callable

    def dataclass(*, frozen: bool, slots: bool, order: bool = False) -> Callable[[type], type]:
        """Of ``frozen``, equality and hashing remain."""
        assert frozen
        return dataclasses.dataclass(slots=slots, order=order, unsafe_hash=True)


__all__ = ["dataclass"]
