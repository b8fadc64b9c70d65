"""Versions of the shop's policies, signed by keys of tests, and a server that takes them."""

from __future__ import annotations

import datetime
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from pdp._proto import admin_pb2, admin_pb2_grpc
from pdp._proto import decision_pb2 as pb
from pdp.activation.assembling.signing import sign
from pdp.activation.building import Declared, build, unverified
from pdp.bundles.documents.freshness import PAYLOAD_TYPE as FRESHNESS_TYPE
from pdp.bundles.documents.freshness import Statement, statement_to_bytes
from pdp.bundles.envelope import sign as sign_envelope
from tests.bundles.samples import KEYS, signers_of, spelled
from tests.service import questions as ask
from tests.service import served
from tests.service.served import POLICIES, Served

NAME: Final = "test.shop"
AUDIENCE: Final = "test"
# What revision n allows at most: with an odd one, 120.00 is refunded; with an even one it is not.
LIMITS: Final = {0: "100.00", 1: "500.00"}
TESTS: Final = b"""fixture bot = Agent::"bot"
fixture ann = User::"ann"
fixture order = Order::"o" { total: 400.00, disputed: false }
test "a small refund" {
    agent bot
    user ann
    do pay.refund on order { amount: 20.00 }
    expect allow
}
"""
CEILING_S: Final = 60.0


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def sources(revision: int) -> dict[str, bytes]:
    """The shop at one revision."""
    shop = (POLICIES / "shop.charter").read_bytes()
    changed = shop.replace(b'"1.0.0"', b'"1.0.%d"' % revision).replace(
        b"args.amount <= 500.00", b"args.amount <= " + LIMITS[revision % 2].encode()
    )
    return {
        "shop.charter": changed,
        "shop_tests.charter": TESTS,
        "people.directory.json": (POLICIES / "people.directory.json").read_bytes(),
    }


@cache
def unsigned(revision: int, expires: datetime.datetime, created: datetime.datetime) -> bytes:
    declared = Declared(
        audience=AUDIENCE,
        revision=revision,
        created=created,
        expires=expires,
        minimum_engine="0.1.0",
        tzdata="2020.1",
    )
    return build(sources(revision), declared, fail_under=0)


def bundle(
    revision: int,
    signers: Sequence[str] = ("ann", "ben"),
    expires: datetime.datetime | None = None,
) -> bytes:
    """A bundle file of that revision; it expires in an hour."""
    created = now() - datetime.timedelta(hours=1)
    data = unsigned(revision, expires or created + datetime.timedelta(hours=2), created)
    for name in signers:
        data = sign(data, KEYS[name], name)
    return data


def statement(data: bytes, seconds: float) -> bytes:
    """That the bundle is the newest for so many seconds more, by the robot."""
    found = unverified(data)
    expires = now() + datetime.timedelta(seconds=seconds)
    payload = statement_to_bytes(
        Statement(found.manifest.name, found.manifest.revision, found.digest, expires)
    )
    return sign_envelope(FRESHNESS_TYPE, payload, {"robot": KEYS["robot"]})


def store(version: int = 1) -> bytes:
    """Two of Ann, Ben and Cid sign; the robot says what is fresh."""
    trust = {
        "name": NAME,
        "audience": AUDIENCE,
        "signers": signers_of(("ann", "ben", "cid"), 2),
        "freshness": signers_of(("robot",), 1),
        "governs": ["pay", "note", "report"],
        "may_be_guard": False,
    }
    return spelled({"type": "pdp.truststore.v1", "version": version, "bundles": [trust]})


class Shop:
    """A directory with all that a server of signed bundles needs; ``put`` replaces its source."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.source = directory / "live.bundle"
        self.trust = directory / "trust.json"
        self.trust.write_bytes(store())

    def put(self, data: bytes, name: str = "live.bundle") -> None:
        """Replace a file by a rename, as publishers do."""
        temporary = self.directory / "new"
        temporary.write_bytes(data)
        temporary.replace(self.directory / name)

    @property
    def arguments(self) -> tuple[str, ...]:
        return (
            "--bundle", str(self.source), "--bundle-name", NAME, "--trust-store", str(self.trust),
            "--state-dir", str(self.directory / "state"), "--self-test-cases", "20",
            "--admin", f"unix:{self.directory}/admin.sock", "--poll-s", "1",
        )  # fmt: skip

    @contextmanager
    def serving(self, *more: str, patch: str = "", source: str = "") -> Iterator[Served]:
        """A server of the source, ready; killed at the end if it is still there."""
        (self.directory / "state").mkdir(mode=0o700, exist_ok=True)
        arguments = list(self.arguments)
        if source:
            arguments[1] = source
        full = served.command(
            "serve", *arguments, "--unsafe-any-caller", "--grpc",
            f"unix:{self.directory}/pdp.sock", "--grpc", "127.0.0.1:0", "--metrics",
            "127.0.0.1:0", "--log-dir", str(self.directory / "log"), *more, patch=patch,
        )  # fmt: skip
        with (self.directory / "stderr").open("ab") as stderr:
            process = subprocess.Popen(
                full, stdout=subprocess.PIPE, stderr=stderr, env=served.environment()
            )
        server = Served(self.directory, process)
        try:
            served.await_ready(server)
            server.channel()  # the first one is for decisions
            yield server
        finally:
            for channel in server.channels:
                channel.close()
            server.process.kill()
            server.process.wait(CEILING_S)
            if server.process.stdout is not None:
                server.process.stdout.close()

    def admin(self, server: Served) -> admin_pb2_grpc.AdminServiceStub:
        channel = server.channel(f"unix:{self.directory}/admin.sock")
        return admin_pb2_grpc.AdminServiceStub(channel)

    def status(self, server: Served) -> admin_pb2.StatusResponse:
        found: admin_pb2.StatusResponse = self.admin(server).Status(
            admin_pb2.StatusRequest(), timeout=CEILING_S
        )
        return found


@contextmanager
def shop() -> Iterator[Shop]:
    with served.room() as directory:
        yield Shop(directory)


def decided(server: Served) -> pb.DecideResponse:
    """The answer about a refund of 120.00 on a fresh connection."""
    data = ask.data(ask.ALLOW)
    return pb.DecideResponse.FromString(server.call("Decide", data))


def is_of_one_version(answer: pb.DecideResponse) -> bool:
    """Whether the answer is what the policies of its revision say, and not a mixture."""
    revision = answer.bundle.revision
    allowed = answer.effect == pb.EFFECT_ALLOW
    return answer.bundle.version == f"1.0.{revision}" and allowed == bool(revision % 2)


def until(holds: Callable[[], bool], what: str, ceiling_s: float = CEILING_S) -> None:
    """Wait for it, or fail saying what did not come."""
    deadline = time.monotonic() + ceiling_s
    while not holds():
        assert time.monotonic() < deadline, f"it did not come: {what}"
        time.sleep(0.02)
