"""Long work done in short slices, so that other work can go between them. Knows no clock.

Such work is a generator: it yields where it may be left for a while, and returns its result.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import TypeAlias, TypeVar

ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")
Sliced: TypeAlias = "Generator[None, None, ResultT]"


def finished(work: Sliced[ResultT]) -> ResultT:
    """The result of work done in one go."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: ResultT = end.value
            return result


def in_slices(items: Iterable[ItemT], size: int) -> Iterator[tuple[bool, ItemT]]:
    """Each item, and whether a slice of ``size`` items ends with it."""
    for number, item in enumerate(items, 1):
        yield number % size == 0, item
