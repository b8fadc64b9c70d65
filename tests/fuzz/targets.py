"""What is fuzzed: one function from bytes each, which raises only when something is wrong.

A target answers whether the input was accepted, so that a run in which nothing ever is shows.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from pdp._proto import decision_pb2 as pb
from pdp.decisionlog.appender import Setup
from pdp.decisionlog.writer import Writer
from pdp.engine import Engine, check_files
from pdp.lang.checker import read_sources
from pdp.lang.formatter import NotParsed, TooLong, format_source
from pdp.lang.parser import decode, parse
from pdp.lang.presenting.render import render_text, to_json
from pdp.lang.source import Source
from pdp.model import DenyCause, Effect, PolicyError, RequestError
from pdp.protoform import request_to_proto
from pdp.request import Request
from pdp.service.activating.active import Active
from pdp.service.handlers import Handlers, Surroundings
from pdp.service.metrics import Metrics
from pdp.service.status import Refused, Status
from tests.fuzz import mutation

SECONDS_MAX: Final = 1.0
MEMORY_BYTES_MAX: Final = 256 << 20
NOW_US: Final = 1_772_445_600_000_000
STARTER: Final = mutation.ROOT / "pdp" / "authoring" / "starter"
COMPANY: Final = mutation.ROOT / "policies"
SHOP: Final = mutation.ROOT / "tests" / "service" / "policies"
DEMO: Final = mutation.ROOT / "pdp" / "cli" / "demo_requests.json"
SCHEMA: Final = mutation.ROOT / "tests" / "corpus" / "diagnostics" / "_schema.charter"
SEEDS: Final = Path(__file__).parent / "seeds"
VECTORS: Final = mutation.ROOT / "tests" / "corpus" / "vectors"
BESIDE_SCHEMA: Final = b"""policy p {
    owner "o" contact "c" reason "r"
    rule a: allow Robot to pay.check when principal.purpose == "p" and resource in bots
    rule b: deny Robot to mail.send when args.note > 5 because "late"
}
test "checking" {
    agent bot
    user ann
    do pay.check on order
    context { urgent: false }
    expect deny
}
"""
_BLOCK: Final = re.compile(r"^```charter\n(.*?)^```", re.MULTILINE | re.DOTALL)
_DIRECTORY: Final = re.compile(r"^```json directory\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Wrong(AssertionError):
    """An input did what no input may do."""


class Target(NamedTuple):
    """``run`` answers whether the input was accepted; ``starts`` are inputs to begin with."""

    run: Callable[[bytes], bool]
    mutate: Callable[[bytes, random.Random], bytes]
    starts: Callable[[], Iterator[bytes]]


# ---------------------------------------------------------------- the language


def run_parser(data: bytes) -> bool:
    source, complaints = decode("a.charter", data)
    if source is None:
        _must(bool(complaints), "neither a text nor a complaint")
        return False
    tree, complaints = parse(source)
    _must(len(complaints) <= 100, "more than 100 complaints")
    _must(bool(render_text(complaints, {"a.charter": source})) == bool(complaints), "silent")
    lines = source.text.split("\n")
    for complaint in complaints:
        span = complaint.span
        _must(0 < span.line <= span.end_line <= len(lines), f"no such line: {span}")
        _must(0 < span.column <= len(lines[span.line - 1]) + 1, f"no such column: {span}")
    return not complaints and bool(tree.declarations)


def run_formatter(data: bytes) -> bool:
    """What is formatted parses again, says the same, and is formatted no further."""
    source, _ = decode("a.charter", data)
    if source is None:
        return False
    try:
        text = format_source(source)
    except (NotParsed, TooLong):
        return False
    _must(not parse(Source("a.charter", text))[1], "the formatted text does not parse")
    _must(format_source(Source("a.charter", text)) == text, "formatted twice, it differs")
    return True


def run_checker(data: bytes) -> bool:
    files = mutation.files_of(data)
    found = check_files(files)
    render_text(found.diagnostics, read_sources(files))
    json.dumps(to_json(found.diagnostics))
    errors = any(diagnostic.is_error for diagnostic in found.diagnostics)
    _must((found.policies is None) == errors, "refused without an error, or accepted with one")
    return not errors


def run_tests(data: bytes) -> bool:
    """A bundle that checks is compiled; its tests run, whatever they find."""
    try:
        engine = Engine(mutation.files_of(data), clock=lambda: NOW_US)
    except PolicyError as error:
        _must(bool(error.diagnostics), "refused without a diagnostic")
        return False
    for result in engine.run_tests():
        if result.decision is not None:
            _must_be_decided(result.decision.reasons.for_auditor)
    return True


# ---------------------------------------------------------------- requests


@cache
def _company() -> Engine:
    return Engine.from_directory(COMPANY, unsafe_accept_unsigned=True, clock=lambda: NOW_US)


def run_request(data: bytes) -> bool:
    try:
        request = Request.from_json(data)
        decision = _company().decide(request)
    except RequestError:
        return False
    _must_be_decided(decision.reasons.for_auditor)
    _must((decision.effect is Effect.DENY) == (decision.cause is not None), "a cause too many")
    return decision.cause is not DenyCause.INVALID_REQUEST


@cache
def _handlers() -> Handlers:
    """On a log in memory, which goes with this process."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - fast, not secret
    folder = tempfile.TemporaryDirectory(prefix="pdp-fuzz-", dir=place)
    _KEPT.append(folder)
    log = Writer.open(Path(folder.name) / "log", Setup("test", segment_bytes=1 << 20))
    engine = Engine.from_directory(SHOP, unsafe_accept_unsigned=True, clock=lambda: NOW_US)
    around = Surroundings(time.time_ns, time.monotonic_ns, os.urandom, "0", "0")
    return Handlers(Active(engine), log, Metrics(), around)


_KEPT: Final[list[object]] = []


def run_handlers(data: bytes) -> bool:
    """The first byte says which call; the rest is its message."""
    handlers = _handlers()
    batched = data[:1] == b"\1"
    try:
        if batched:
            answers = [
                *pb.DecideBatchResponse.FromString(handlers.decide_batch(data[1:], "f")).answers
            ]
        else:
            answers = [pb.DecideResponse.FromString(handlers.decide(data[1:], "f"))]
    except Refused as refused:
        _must(refused.status is not Status.INTERNAL, "an internal error")
        return False
    for answer in answers:
        _must(answer.HasField("receipt"), "answered without a record")
        _must_be_decided(answer.reasons.for_auditor)
    return any(answer.cause != pb.DENY_CAUSE_INVALID_REQUEST for answer in answers)


# ---------------------------------------------------------------- where to begin


def _small_texts() -> Iterator[bytes]:
    for path in mutation.policy_files():
        data = path.read_bytes()
        if len(data) < 2_500:
            yield data
    for declaration in mutation.declarations()[::3]:
        yield declaration.encode()


def _bundles() -> Iterator[bytes]:
    """The starter bundle, a schema with little beside it, and the bundles of the test vectors."""
    paths = [path for path in sorted(STARTER.iterdir()) if path.suffix in {".charter", ".json"}]
    for _ in range(5):  # the two that have tests, far more often than one of the rest
        yield mutation.joined({path.name: path.read_bytes() for path in paths})
        yield mutation.joined({"s.charter": SCHEMA.read_bytes(), "p.charter": BESIDE_SCHEMA})
    for page in sorted(VECTORS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        schema, *policies = _BLOCK.findall(text) or [""]
        directory = _DIRECTORY.search(text)
        for policy in policies[:6]:
            files = {"s.charter": schema.encode(), "p.charter": policy.encode()}
            if directory is not None:
                files["p.directory.json"] = directory[1].encode()
            yield mutation.joined(files)


def _requests() -> Iterator[bytes]:
    for item in json.loads(DEMO.read_text(encoding="utf-8")):
        yield json.dumps(item["request"]).encode()


def _messages() -> Iterator[bytes]:
    args = '{"amount":"120.00"}'
    order = '{"total":"400.00","disputed":false}'
    request = {
        "principal": {"type": "Agent", "id": "bot"},
        "on_behalf_of": [{"type": "User", "id": "ann"}],
        "action": "pay__refund",
        "args": json.loads(args),
        "resource": {"type": "Order", "id": "o", "attributes": json.loads(order)},
    }
    one = request_to_proto(Request.from_json(json.dumps(request)))
    yield b"\0" + one.SerializeToString()
    yield b"\1" + pb.DecideBatchRequest(items=[one, one]).SerializeToString()


TARGETS: Final = {
    "parser": Target(run_parser, mutation.text, _small_texts),
    "formatter": Target(run_formatter, mutation.text, _small_texts),
    "checker": Target(run_checker, mutation.text, _bundles),
    "tests": Target(run_tests, mutation.text, _bundles),
    "request": Target(run_request, mutation.json_text, _requests),
    "handlers": Target(run_handlers, mutation.message, _messages),
}


def seeds(name: str) -> list[Path]:
    """The inputs kept for a target because they reached something new."""
    return sorted((SEEDS / name).glob("*"))


def run(name: str, data: bytes) -> bool:
    """Run one input within the limits. Raises Wrong, or whatever the target raised."""
    started_s, peak_kib = time.process_time(), _peak_kib()
    accepted = TARGETS[name].run(data)
    if time.process_time() - started_s > SECONDS_MAX:
        # Once more: a collection of garbage left by others is not this input's fault.
        started_s = time.process_time()
        TARGETS[name].run(data)
        elapsed_s = time.process_time() - started_s
        _must(elapsed_s <= SECONDS_MAX, f"took {elapsed_s:.1f} s")
    _must((_peak_kib() - peak_kib) << 10 <= MEMORY_BYTES_MAX, "took more than 256 MiB")
    return accepted


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _must(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - an assertion that -O leaves in
    if not holds:
        raise Wrong(otherwise)


def _must_be_decided(for_auditor: str) -> None:
    _must("evaluation broke off" not in for_auditor, "a decision broke off")
