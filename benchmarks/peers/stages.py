"""Where the time of a whole decision goes: from the bytes of a request to those of the answer.

What a front door does for each call, less the transport, the log and the name of the decision. All
checks that can refuse a request are in it: they are the stages before ``decide``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks.peers.charter import Charter, request_of
from benchmarks.peers.measure import Subject, Timing, measured
from benchmarks.peers.workload import Shape, workload
from pdp._proto import decision_pb2 as pb
from pdp.answerform import Answers
from pdp.protoform import request_from_proto, request_to_proto

SIZE: Final = 1_000
CHAIN: Final = 2
WHOLE: Final = "the whole, bytes to bytes"
_CALLS: Final = 2_048


def stages(rounds: int, tick: Callable[[], None]) -> dict[str, Timing]:
    """Each stage by itself, then all of them: agent actions, an agent on behalf of a person."""
    work = workload(Shape.ACTIONS, SIZE)
    ours = Charter(work)
    engine = ours.engine
    messages_of = Answers().message
    wire = [request_to_proto(request_of(ask, CHAIN)).SerializeToString() for ask in work.asks[:512]]

    def parse(data: bytes) -> pb.DecideRequest:
        message = pb.DecideRequest()
        message.ParseFromString(data)
        return message

    def whole(data: bytes) -> bytes:
        request = request_from_proto(parse(data), data)
        decision = engine.decide(engine.bind(request))
        return messages_of(decision, request.request_id).SerializeToString()

    messages = [parse(data) for data in wire]
    requests = [request_from_proto(message) for message in messages]
    bound = [engine.bind(request) for request in requests]
    decisions = [engine.decide(one) for one in bound]
    answers = [messages_of(decision, "") for decision in decisions]
    subjects: dict[str, tuple[Callable[[Any], object], Sequence[Any]]] = {
        "parse the protobuf message": (parse, wire),
        "read it as a request": (request_from_proto, messages),
        "bind: limits, types, digest": (engine.bind, requests),
        "decide": (engine.decide, bound),
        "make the answer's message": (lambda one: messages_of(one, ""), decisions),
        "serialise it": (lambda answer: answer.SerializeToString(), answers),
        WHOLE: (whole, wire),
    }
    found = measured(
        {name: Subject(call, inputs, _CALLS) for name, (call, inputs) in subjects.items()},
        rounds,
        tick,
    )
    if whole(wire[0]) != answers[0].SerializeToString():
        raise AssertionError("the stages do not lead to the whole")
    return found


__all__ = ["CHAIN", "SIZE", "WHOLE", "stages"]
