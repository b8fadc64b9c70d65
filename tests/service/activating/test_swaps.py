"""Bundles that come in while others ask: no error, no mixture, answers as their records replay."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import grpc
import pytest

from pdp._proto import admin_pb2, log_pb2
from pdp._proto import decision_pb2 as pb
from pdp.decisionlog import reader, record
from pdp.decisionlog.record import Kind, Record
from pdp.engine import Engine, SignedAs
from pdp.protoform import CAUSE_TO_NUMBER, EFFECT_TO_NUMBER, request_from_proto
from tests.service import questions as ask
from tests.service.activating import signed
from tests.service.activating.signed import Shop, bundle, until
from tests.service.served import Served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FAILED: Final = "a call failed"
MIXED: Final = "an answer mixes versions"
MIXED_BATCH: Final = "a batch mixes versions"
UNRECORDED: Final = "decided before its activation was recorded"
NOT_AS_RECORDED: Final = "an answer is not the one recorded"
NOT_AS_REPLAYED: Final = "a recorded decision replays to another"

ALONE: Final = (ask.ALLOW, ask.APPROVAL, ask.NO_ALLOW, ask.RULE, ask.ERROR)
TOGETHER: Final = (*ALONE, ask.ALLOW, ask.APPROVAL, ask.ALLOW)
# One revision answers at least so many calls before the next one comes.
CALLS_EACH: Final = 8


@dataclass(slots=True)
class Crowd:
    """What callers got so far: every call's answers, and the statuses of calls that failed."""

    calls: list[Sequence[pb.DecideResponse]] = field(default_factory=list)
    failures: list[grpc.StatusCode] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def await_calls_by(self, revision: int) -> None:
        """Wait until that revision has answered so many calls."""

        def are_there() -> bool:
            made = sum(call[-1].bundle.revision == revision for call in tuple(self.calls))
            return made >= CALLS_EACH

        until(are_there, f"calls by revision {revision}")


@contextmanager
def crowd(server: Served) -> Iterator[Crowd]:
    """Callers on connections of their own, half of them with batches, until the end."""
    made = Crowd()
    works = (alone, together) * 2
    channels = [server.channel(server.unix, ("grpc.use_local_subchannel_pool", 1)) for _ in works]
    threads = [
        threading.Thread(target=work, args=(made, channel))
        for work, channel in zip(works, channels, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.done.set()
        for thread in threads:
            thread.join(signed.CEILING_S)


def alone(made: Crowd, channel: grpc.Channel) -> None:
    requests = [ask.data(request) for request in ALONE]

    def once(number: int) -> Sequence[pb.DecideResponse]:
        data = called(channel, "Decide", requests[number % len(requests)])
        return [pb.DecideResponse.FromString(data)]

    keep_asking(made, once)


def together(made: Crowd, channel: grpc.Channel) -> None:
    items = [ask.message(request) for request in TOGETHER]
    batch = pb.DecideBatchRequest(items=items).SerializeToString()

    def once(_: int) -> Sequence[pb.DecideResponse]:
        return pb.DecideBatchResponse.FromString(called(channel, "DecideBatch", batch)).answers

    keep_asking(made, once)


def called(channel: grpc.Channel, method: str, data: bytes) -> bytes:
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes]
    call = channel.unary_unary(f"/pdp.v1.DecisionService/{method}")
    return call(data, timeout=signed.CEILING_S)


def keep_asking(made: Crowd, once: Callable[[int], Sequence[pb.DecideResponse]]) -> None:
    number = 0
    while not made.done.is_set():
        try:
            made.calls.append(once(number))
        except grpc.RpcError as ended:
            made.failures.append(ended.code())
        number += 1


def asked_throughout(shop: Shop, published: int, pushed: int, patch: str = "") -> set[str]:
    """Everything that must not happen and did, while revisions came in both ways."""
    shop.put(bundle(1))
    last = 1 + published + pushed
    with shop.serving(patch=patch) as server:
        with crowd(server) as made:
            for revision in range(2, last + 1):
                made.await_calls_by(revision - 1)
                if revision <= 1 + published:
                    shop.put(bundle(revision))
                else:
                    assert push(shop, server, bundle(revision)).is_activated
            made.await_calls_by(last)
        assert server.stop() == 0
        records = list(reader.records(server.log_dir))
    assert {call[-1].bundle.revision for call in made.calls} == set(range(1, last + 1))
    return findings(made, records)


def push(shop: Shop, server: Served, data: bytes) -> admin_pb2.ActivateResponse:
    found: admin_pb2.ActivateResponse = shop.admin(server).Activate(
        admin_pb2.ActivateRequest(bundle=data), timeout=signed.CEILING_S
    )
    return found


# ---------------------------------------------------------------- what must not happen


def findings(made: Crowd, records: Sequence[Record]) -> set[str]:
    by_seq = {item.seq: item for item in records}
    found = set[str]()
    if made.failures:
        found.add(FAILED)
    for call in made.calls:
        if len({(answer.bundle.revision, answer.bundle.digest) for answer in call}) != 1:
            found.add(MIXED_BATCH)
        for answer in call:
            if is_told_by_parity(answer) and not signed.is_of_one_version(answer):
                found.add(MIXED)
            if not is_as_recorded(answer, by_seq.get(answer.receipt.seq)):
                found.add(NOT_AS_RECORDED)
    return found | findings_in_log(records)


def findings_in_log(records: Sequence[Record]) -> set[str]:
    """Of each decision: whether what decided was recorded before it, and decides so again."""
    found, recorded = set[str](), set[tuple[int, str]]()
    for item in records:
        message: Any = record.parse(item.kind, item.payload)
        if item.kind is Kind.BUNDLE_ACTIVATION:
            recorded.add((message.bundle.revision, message.bundle.digest))
        elif item.kind is Kind.DECISION:
            if (message.bundle.revision, message.bundle.digest) not in recorded:
                found.add(UNRECORDED)
            if not is_replayed(message):
                found.add(NOT_AS_REPLAYED)
    return found


def is_told_by_parity(answer: pb.DecideResponse) -> bool:
    return answer.request_id == ask.ALLOW.request_id


def is_as_recorded(answer: pb.DecideResponse, item: Record | None) -> bool:
    if item is None or item.kind is not Kind.DECISION:
        return False
    message: Any = record.parse(item.kind, item.payload)
    logged = message.answer
    return bool(
        item.leaf_hash == answer.receipt.leaf_hash
        and (logged.decision_id, logged.effect, logged.cause, list(logged.rules))
        == (answer.decision_id, answer.effect, answer.cause, list(answer.rules))
        and logged.bundle == answer.bundle
    )


def is_replayed(message: log_pb2.DecisionRecord) -> bool:
    """Whether the policies it names, read from their sources, decide it so at its time."""
    engine = engine_of(message.bundle.revision)
    if engine.bundle.digest != message.bundle.digest:
        return False
    request = request_from_proto(message.request)
    decision = engine.policies.decide(engine.bind(request), message.time_unix_ns // 1_000)
    answer = message.answer
    return (
        EFFECT_TO_NUMBER[decision.effect],
        pb.DENY_CAUSE_UNSPECIFIED if decision.cause is None else CAUSE_TO_NUMBER[decision.cause],
        [rule.rule for rule in decision.rules],
    ) == (answer.effect, answer.cause, [rule.rule for rule in answer.rules])


@cache
def engine_of(revision: int) -> Engine:
    """The engine of one revision, from its policy text and nothing that a server made of it."""
    return Engine(signed.sources(revision), signed=SignedAs(signed.NAME, revision))


# ---------------------------------------------------------------- the real build, and broken ones

# Items take their time, so that every swap falls into some batch.
SLOW_ITEMS: Final = """
import time
from pdp.service.handlers import Handlers
_item = Handlers._item
def item(self, active, message):
    time.sleep(0.01)
    return _item(self, active, message)
Handlers._item = item
"""
# Each item of a batch looks for itself at what decides.
ENGINE_OF_ITEM: Final = f"""{SLOW_ITEMS}
Handlers._item = lambda self, active, message: item(self, self._active(), message)
"""
# An answer says what decides when it is sent, not what decided.
NAMED_LATE: Final = """
import time
from msgspec.structs import replace
from pdp.service.handlers import Handlers
_judged = Handlers._judged
def judged(self, *given):
    decision = _judged(self, *given)
    time.sleep(0.03)
    return replace(decision, bundle=self._active().engine.bundle)
Handlers._judged = judged
"""
# What is new decides while its record is still to be written.
SWAPPED_EARLY: Final = """
import time
from pdp.service.activating.installing import Installer
_install, _record = Installer.install, Installer._record
def install(self, ready, state, before, samples, swap):
    owed = []
    self._record = lambda *what: owed.append(what)
    def early(active):
        swap(active)
        time.sleep(0.3)
        _record(self, *owed.pop())
    return _install(self, ready, state, before, samples, early)
Installer.install = install
"""
# Between two versions nothing decides.
GAP: Final = """
import time
from pdp.service.operating.supply import BundleSupply
from pdp.service.handlers import Handlers
def put(self, active):
    self.__dict__["active"] = None
    time.sleep(0.2 if active else 0)
    self.__dict__["active"] = active
Handlers.active = property(lambda self: self.__dict__["active"], put)
"""


@pytest.fixture
def shop() -> Iterator[Shop]:
    with signed.shop() as made:
        yield made


def test_ten_revisions_come_in_and_nobody_notices(shop: Shop) -> None:
    assert asked_throughout(shop, published=6, pushed=4) == set()


def test_a_swap_in_the_middle_of_a_batch_is_for_the_next_one(shop: Shop) -> None:
    assert asked_throughout(shop, published=1, pushed=1, patch=SLOW_ITEMS) == set()


@pytest.mark.parametrize(
    ("patch", "found"),
    [
        (ENGINE_OF_ITEM, {MIXED_BATCH}),
        (NAMED_LATE, {MIXED, MIXED_BATCH, NOT_AS_REPLAYED}),
        (SWAPPED_EARLY, {UNRECORDED}),
        (GAP, {FAILED}),
    ],
    ids=["engine of an item", "named late", "swapped early", "gap"],
)
def test_each_broken_build_is_caught(shop: Shop, patch: str, found: set[str]) -> None:
    assert asked_throughout(shop, published=1, pushed=1, patch=patch) == found
