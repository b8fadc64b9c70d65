"""Two editions of a policy bundle, signed as ever new revisions, and what each of them answers.

Odd revisions hold the first edition, even ones the second; they differ in an answer, so that a
mixture shows. No server is known here.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from benchmarks.peers.charter import files as files_of
from benchmarks.peers.charter import request_of
from benchmarks.peers.workload import Shape, Workload, workload
from pdp import Engine, Request
from pdp.activation.building import Declared, UnverifiedBundle, build, unverified
from pdp.activation.program import policy_files
from pdp.bundles.documents.declaration import PAYLOAD_TYPE, manifest_to_bytes
from pdp.bundles.documents.truststore import Signers, Trust, TrustStore
from pdp.bundles.documents.trustwriting import store_to_bytes
from pdp.bundles.envelope import sign
from pdp.bundles.flatfile import write
from pdp.bundles.keys import generate, public_bytes
from pdp.bundles.sources.directory import read_policy_directory
from pdp.model import Decision
from pdp.protoform import CAUSE_TO_NUMBER, EFFECT_TO_NUMBER, request_to_proto

ROOT: Final = Path(__file__).resolve().parent.parent
AUDIENCE: Final = "benchmark"
ASKS: Final = 256
# A rule of the starter bundle, where it stands and where tests name it; and another name for it.
_RENAMED: Final = ((b"rule small:", b"rule little:"), (b"refunds.small", b"refunds.little"))
_TEST: Final = b"""fixture one = User::"person0" { roles: [] }
fixture thing = Type0::"r" { owner: one, label: public, tenant: "t" }
test "who has no role gets nothing so large" {
    user one
    do bench.act0 on thing { amount: 100000 }
    context { env: dev }
    expect deny
}
"""
_A_DAY: Final = datetime.timedelta(days=1)

# Effect, cause and rules, as numbers and names on the wire.
Outcome: TypeAlias = "tuple[int, int, tuple[str, ...]]"


class Script(msgspec.Struct, frozen=True):
    """What callers ask, in bytes, and what each edition answers to each, by its digest.

    ``digests`` are those of even and of odd revisions.
    """

    requests: tuple[bytes, ...]
    outcomes: dict[str, tuple[Outcome, ...]]
    digests: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """Two editions of policies, as files, and what is asked of them."""

    odd: Mapping[str, bytes]
    even: Mapping[str, bytes]
    requests: Sequence[Request]


def starter() -> Subject:
    """The starter bundle and its demo's requests; the second edition has another rule's name."""
    odd = read_policy_directory(ROOT / "policies")
    even = dict(odd)
    for before, after in _RENAMED:
        even = {name: data.replace(before, after) for name, data in even.items()}
    text = resources.files("pdp.cli").joinpath("demo_requests.json").read_text("utf-8")
    items = [item for item in json.loads(text) if "refused" not in item["expect"]]
    requests = [Request.from_json(json.dumps(item["request"])) for item in items]
    return Subject(odd, even, requests)


def many_rules(size: int, *, is_all_new: bool = False) -> Subject:
    """``size`` rules; in the second edition one rule differs.

    With ``is_all_new`` the second edition declares everything a line later: then nothing that was
    compiled for the first serves for the second.
    """
    first = workload(Shape.ACTIONS, size)
    second = _with_one_rule_less(first)
    odd, even = ({**files_of(work), "tests.charter": _TEST} for work in (first, second))
    if is_all_new:
        even["schema.charter"] = b"# Everything stands one line below.\n" + even["schema.charter"]
    return Subject(odd, even, [request_of(ask, 2) for ask in first.asks[:ASKS]])


def _with_one_rule_less(work: Workload) -> Workload:
    """The workload with a rule that no amount satisfies any more: one that decided an ask."""
    engine = Engine(files_of(work))
    for ask in work.asks[:ASKS]:
        decision = engine.decide(request_of(ask, 2))
        names = {rule.rule for rule in decision.rules}
        for place, rule in enumerate(work.rules):
            if rule.name in names and rule.below is not None:
                rules = list(work.rules)
                rules[place] = replace(rule, below=0)
                return replace(work, rules=tuple(rules))
    raise AssertionError("no rule with a limit decides anything")


class Press:
    """Issues a subject's revisions, signed by two keys that it makes."""

    def __init__(self, subject: Subject) -> None:
        """Builds both editions; takes some seconds for 10,000 rules."""
        self._keys: Final = {"ann": generate(), "ben": generate()}
        self._built: Final = tuple(_built(files) for files in (subject.even, subject.odd))
        self.name: Final = self._built[0].manifest.name
        engines = [Engine(files) for files in (subject.even, subject.odd)]
        digests = engines[0].bundle.digest, engines[1].bundle.digest
        self.engines: Final = dict(zip(digests, engines, strict=True))
        outcomes = {
            digest: tuple([outcome_of(engine.decide(request)) for request in subject.requests])
            for digest, engine in self.engines.items()
        }
        if outcomes[digests[0]] == outcomes[digests[1]]:
            raise AssertionError("a mixture of these editions would not show")
        requests = tuple([request_to_proto(one).SerializeToString() for one in subject.requests])
        self.script: Final = Script(requests, outcomes, digests)

    def issue(self, revision: int, expires: datetime.datetime | None = None) -> bytes:
        """A bundle file. ``expires`` is aware; left out, a day from now."""
        built = self._built[revision % 2]
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        manifest = replace(built.manifest, revision=revision, expires=expires or now + _A_DAY)
        envelope = sign(PAYLOAD_TYPE, manifest_to_bytes(manifest), self._keys)
        return write(envelope, built.files, [file.name for file in manifest.files])

    def trust_store(self) -> bytes:
        """The document that makes a server believe both keys together."""
        governs = self._built[0].manifest.governs
        public = {key_id: public_bytes(key) for key_id, key in self._keys.items()}
        signers = Signers(public, threshold=2)
        trust = Trust(self.name, AUDIENCE, signers, None, governs, may_be_guard=False)
        return store_to_bytes(TrustStore(1, {self.name: trust}))


def outcome_of(decision: Decision) -> Outcome:
    cause = 0 if decision.cause is None else CAUSE_TO_NUMBER[decision.cause]
    return (
        int(EFFECT_TO_NUMBER[decision.effect]),
        int(cause),
        tuple([rule.rule for rule in decision.rules]),
    )


def _built(files: Mapping[str, bytes]) -> UnverifiedBundle:
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    declared = Declared(
        audience=AUDIENCE,
        revision=1,
        created=now - _A_DAY,
        expires=now + _A_DAY,
        minimum_engine="0.1.0",
        tzdata="2020.1",
    )
    return unverified(build(policy_files(files), declared, fail_under=0))
