"""Requests to try two versions with: made up from what both mention, or read from a log. No I/O."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from pdp._proto import log_pb2
from pdp.activation.comparing.drawing import Drawer
from pdp.activation.comparing.sides import Side
from pdp.decisionlog.record import Kind, Record, parse
from pdp.eval.invariants.hints import Hints, hints_of
from pdp.eval.policytest import request_of
from pdp.model import Entity, RequestError
from pdp.protoform import request_from_proto
from pdp.request import Request

_NS_PER_US: Final = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, the time it is judged at, and where it comes from: ``made up`` or a decision's id.

    The time is in microseconds since 1970.
    """

    request: Request
    now_us: int
    source: str


MADE_UP: Final = "made up"


@dataclass(frozen=True, slots=True)
class MadeUp:
    """Requests, at most ``count``; ``strangers`` by uid must be known to both versions for them.

    They are of directory types, and stand in the directory of neither.
    """

    asked: Iterator[Asked]
    count: int
    strangers: Mapping[str, Entity]


def made_up(old: Side, new: Side, different: Collection[str], seed: int, count: int) -> MadeUp:
    """The tests of both, then ``count`` requests in turn; always the same for the same seed."""
    hints = merged(hints_of(old.engine.checked), hints_of(new.engine.checked))
    drawers = [
        # Makes test requests; no secret.
        Drawer(side, hints, Random(f"{seed}/{name}"), different)  # noqa: S311
        for name, side in (("old", old), ("new", new))
    ]
    known = {*old.engine.directory, *new.engine.directory}
    strangers = {
        uid: entity
        for drawer in drawers
        for uid, entity in drawer.cast.added.items()
        if uid not in known
    }
    tests = [*_tests(old), *_tests(new)]
    asked = itertools.chain(tests, _in_turn(drawers, count))
    return MadeUp(asked, len(tests) + count, strangers)


def merged(*several: Hints) -> Hints:
    """All that several programs mention, so that a value changed in one is tried in both."""
    whole = Hints()
    for hints in several:
        for (name, type_), values in hints.values.items():
            for value in values:
                whole.add(name, type_, value)
        for name, lengths in hints.lengths.items():
            whole.lengths.setdefault(name, []).extend(lengths)
        whole.durations.extend(hints.durations)
        whole.windows.extend(hints.windows)
    return whole


def logged(records: Iterable[Record]) -> Iterator[Asked | None]:
    """What was asked once, at its time; None for a decision that cannot be asked again.

    That is one whose record leaves something out or cannot be read, or whose request is refused
    today.
    """
    for record in records:
        if record.kind is Kind.DECISION:
            yield _asked_once(record)


def _asked_once(record: Record) -> Asked | None:
    try:
        message = parse(record.kind, record.payload)
    except ValueError:
        return None
    assert isinstance(message, log_pb2.DecisionRecord), "the kind says so"
    if message.omitted_paths:
        return None
    try:
        request = request_from_proto(message.request)
    except RequestError:
        return None
    return Asked(request, message.time_unix_ns // _NS_PER_US, message.decision_id)


def _tests(side: Side) -> Iterator[Asked]:
    checked = side.engine.checked
    for test in checked.tests:
        yield Asked(request_of(checked, test), test.now_us, MADE_UP)


def _in_turn(drawers: list[Drawer], count: int) -> Iterator[Asked]:
    for number in range(count):
        drawn = drawers[number % len(drawers)].draw()
        if drawn is not None:
            yield Asked(*drawn, MADE_UP)


__all__ = ["MADE_UP", "Asked", "MadeUp", "logged", "made_up", "merged"]
