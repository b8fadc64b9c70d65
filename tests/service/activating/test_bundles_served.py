"""A real server that decides by signed bundles: taken, refused, expired, remembered, pushed."""

from __future__ import annotations

import datetime
import json
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from pdp._proto import admin_pb2
from pdp._proto import decision_pb2 as pb
from pdp.decisionlog.record import Kind
from tests.service.activating import signed
from tests.service.activating.signed import Shop, bundle, decided, until
from tests.service.served import Served


@pytest.fixture
def shop() -> Iterator[Shop]:
    with signed.shop() as made:
        yield made


def revision(shop: Shop, server: Served) -> int:
    return int(shop.status(server).bundle.revision)


def test_what_is_signed_decides_and_is_replaced_without_a_missed_beat(shop: Shop):
    shop.put(bundle(1))
    with shop.serving() as server:
        first = decided(server)
        assert first.effect == pb.EFFECT_ALLOW
        assert (first.bundle.name, first.bundle.revision) == (signed.NAME, 1)
        assert first.bundle.is_signed
        shop.put(bundle(2))
        until(lambda: decided(server).bundle.revision == 2, "revision 2")
        assert signed.is_of_one_version(decided(server))
        status = shop.status(server)
        assert status.is_serving
        [part] = status.parts
        assert (part.kind, part.name, part.revision) == ("bundle", signed.NAME, 2)
        assert list(part.signers) == ["ann", "ben"]
        assert not status.HasField("refused")
        assert server.stop() == 0
    records: Any = server.messages(Kind.BUNDLE_ACTIVATION)
    assert [item.parts[0].revision for item in records] == [1, 2]
    assert [item.bundle.digest for item in records] == [
        first.bundle.digest, status.bundle.digest,
    ]  # fmt: skip


def refused_cause(shop: Shop, server: Served) -> str:
    return str(shop.status(server).refused.cause)


def test_an_older_revision_is_refused_also_after_a_restart(shop: Shop):
    shop.put(bundle(3))
    with shop.serving() as server:
        assert decided(server).bundle.revision == 3
        shop.put(bundle(1))
        until(lambda: refused_cause(shop, server) == "rollback", "the refusal")
        assert decided(server).bundle.revision == 3
        assert server.stop() == 0
    # At the start the source holds the older one: the last good decides.
    with shop.serving() as server:
        assert decided(server).bundle.revision == 3
        assert refused_cause(shop, server) == "rollback"
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(signed.CEILING_S)
    # The state directory is lost: the log still knows.
    shutil.rmtree(shop.directory / "state")
    with shop.serving() as server:
        with pytest.raises(grpc.RpcError) as ended:
            decided(server)
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        assert refused_cause(shop, server) == "rollback"
        assert not shop.status(server).is_serving


def test_the_source_may_be_away_at_the_start(shop: Shop):
    shop.put(bundle(1))
    with shop.serving() as server:
        assert decided(server).bundle.revision == 1
    shop.source.unlink()
    with shop.serving() as server:
        assert decided(server).bundle.revision == 1
        assert refused_cause(shop, server) == "not_found"
        shop.put(bundle(2))
        until(lambda: decided(server).bundle.revision == 2, "revision 2")


def test_nothing_decides_until_something_is_trusted(shop: Shop):
    shop.put(bundle(1, signers=("ann",)))
    with shop.serving() as server:
        with pytest.raises(grpc.RpcError) as ended:
            decided(server)
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        assert ended.value.details() == "unavailable"
        assert refused_cause(shop, server) == "too_few_signatures"
        shop.put(bundle(1))
        until(lambda: revision(shop, server) == 1, "revision 1")
        assert decided(server).effect == pb.EFFECT_ALLOW


def short_lived(shop: Shop, server: Served, number: int) -> datetime.datetime:
    """A revision that decides for some seconds only, pushed; when it expires."""
    expires = signed.now() + datetime.timedelta(seconds=12)
    assert activate(shop, server, bundle(number, expires=expires)).is_activated
    assert decided(server).effect == pb.EFFECT_ALLOW
    return expires


def test_expired_denies_within_a_second_and_a_newer_one_ends_it(shop: Shop):
    shop.put(bundle(1))
    with shop.serving() as server:
        expires = short_lived(shop, server, 3)
        until(lambda: signed.now() >= expires, "the expiry")
        answer = decided(server)
        assert (answer.effect, answer.cause) == (pb.EFFECT_DENY, pb.DENY_CAUSE_BUNDLE_EXPIRED)
        assert not answer.rules
        assert not shop.status(server).is_serving
        until(lambda: not server_is_ready(server), "NOT_SERVING")
        shop.put(bundle(5))
        until(lambda: decided(server).effect == pb.EFFECT_ALLOW, "a newer one")
        until(lambda: server_is_ready(server), "SERVING")


def server_is_ready(server: Served) -> bool:
    path = "/grpc.health.v1.Health/Check"
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = server.channels[0].unary_unary(path)
    return call(b"", timeout=signed.CEILING_S) == b"\x08\x01"


# The system's clock goes back by an hour once there is a file.
SET_BACK = """
import os, time
_wall = time.time_ns
time.time_ns = lambda: _wall() - (3_600_000_000_000 if os.path.exists({path!r}) else 0)
"""


def test_setting_the_clock_back_revives_nothing(shop: Shop):
    shop.put(bundle(1))
    patch = SET_BACK.format(path=str(shop.directory / "back"))
    with shop.serving(patch=patch) as server:
        expires = short_lived(shop, server, 3)
        (shop.directory / "back").touch()
        until(lambda: signed.now() >= expires, "the expiry")
        assert decided(server).cause == pb.DENY_CAUSE_BUNDLE_EXPIRED
    # A start with the clock set back: no time is before the newest record.
    shop.source.unlink()
    with shop.serving(patch=patch) as server:
        assert "ahead of this machine's clock" in server.stderr()
        with pytest.raises(grpc.RpcError) as ended:
            decided(server)
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        assert refused_cause(shop, server) == "expired"


def test_freshness_is_renewed_and_its_end_denies(shop: Shop):
    data = bundle(1)
    shop.put(data)
    shop.put(signed.statement(data, 1_000), "fresh")
    more = ("--freshness", str(shop.directory / "fresh"), "--require-freshness")
    with shop.serving(*more) as server:
        before = shop.status(server)
        assert decided(server).effect == pb.EFFECT_ALLOW
        shop.put(signed.statement(data, 2_000), "fresh")

        def valid_until() -> int:
            return int(shop.status(server).valid_until_unix_ns)

        until(lambda: valid_until() > before.valid_until_unix_ns, "the renewal")
        assert shop.status(server).bundle.digest == before.bundle.digest
        shop.put(signed.statement(data, 12), "fresh")
        until(lambda: decided(server).effect != pb.EFFECT_ALLOW, "the end of freshness")
        assert decided(server).cause == pb.DENY_CAUSE_BUNDLE_EXPIRED
        assert "no longer valid" in shop.status(server).trouble
        shop.put(signed.statement(bundle(2), 1_000), "fresh")
        until(lambda: refused_cause(shop, server) == "frozen", "the refusal of another's")


def activate(shop: Shop, server: Served, data: bytes = b"") -> admin_pb2.ActivateResponse:
    request = admin_pb2.ActivateRequest(bundle=data)
    found: admin_pb2.ActivateResponse = shop.admin(server).Activate(
        request, timeout=signed.CEILING_S
    )
    return found


def test_an_operator_activates_now_and_is_checked_like_any_source(shop: Shop):
    shop.put(bundle(1))
    with shop.serving("--poll-s", "3600") as server:
        answer = activate(shop, server, bundle(3))
        assert answer.is_activated
        assert answer.bundle.revision == decided(server).bundle.revision == 3
        answer = activate(shop, server, bundle(2))
        assert not answer.is_activated
        assert answer.refused.cause == "rollback"
        assert answer.bundle.revision == decided(server).bundle.revision == 3
        answer = activate(shop, server, bundle(4, signers=("ann", "dan")))
        assert answer.refused.cause == "unknown_key"
        assert activate(shop, server, b"nonsense").refused.cause == "malformed"
        answer = activate(shop, server)
        assert answer.refused.cause == "rollback"  # what the source holds is older
        refusals: Any = server.messages(Kind.BUNDLE_REFUSAL)
        assert [item.cause for item in refusals] == [
            "rollback",
            "unknown_key",
            "malformed",
            "rollback",
        ]


def test_a_bundle_that_is_not_meant_keeps_the_old_one_serving(shop: Shop):
    """Attacks one after another, on a server that decides: each is refused by its name."""
    good = bundle(2)
    middle = len(good) // 2
    attacks = {
        "too_few_signatures": bundle(2, signers=()),
        "unknown_key": bundle(2, signers=("dan", "eve")),
        "expired": bundle(2, expires=signed.now() - datetime.timedelta(seconds=1)),
        "wrong_length": good + b"x",
        "bad_file_hash": good[:-1] + bytes([good[-1] ^ 1]),
        "malformed": good[:middle],
        "too_large": good + bytes(64 << 20),
    }
    shop.put(bundle(1))
    with shop.serving("--poll-s", "3600") as server:
        for cause, data in attacks.items():
            answer = activate(shop, server, data)
            assert not answer.is_activated, cause
            assert answer.refused.cause in {cause, "wrong_length"}, cause
        assert decided(server).bundle.revision == 1


def test_a_state_file_that_is_damaged_stops_the_start(shop: Shop):
    shop.put(bundle(1))
    with shop.serving() as server:
        assert server.stop() == 0
    state = shop.directory / "state" / "state.json"
    text = json.loads(state.read_text())
    text["floors"][0]["revision"] = 0.5
    state.write_text(json.dumps(text))
    with pytest.raises(AssertionError, match="did not start"), shop.serving():
        pass
    stderr = (shop.directory / "stderr").read_text()
    assert "state.json` is damaged" in stderr
    assert "remove it: then the decision log says what was active" in stderr


def test_a_trust_store_of_the_past_is_refused(shop: Shop):
    shop.trust.write_bytes(signed.store(version=2))
    shop.put(bundle(1))
    with shop.serving() as server:
        assert decided(server).bundle.revision == 1
        shop.trust.write_bytes(signed.store(version=1))
        shop.put(bundle(2))
        until(lambda: refused_cause(shop, server) == "rollback", "the refusal")
        assert decided(server).bundle.revision == 1


def test_a_bundle_on_trial_is_counted_and_never_enforced(shop: Shop):
    shop.put(bundle(1))
    shop.put(bundle(2), "trial.bundle")
    with shop.serving("--shadow", str(shop.directory / "trial.bundle")) as server:
        until(lambda: shop.status(server).HasField("shadow"), "the trial")
        for _ in range(5):
            assert decided(server).effect == pb.EFFECT_ALLOW
        until(lambda: shop.status(server).shadow.decisions == 5, "the comparison")
        shadow = shop.status(server).shadow
        assert (shadow.stricter, shadow.looser, shadow.asked) == (5, 0, 0)
        assert (shadow.bundle.revision, revision(shop, server)) == (2, 1)
        assert server.stop() == 0
    flips: Any = server.messages(Kind.SHADOW_FLIP)
    assert len(flips) == 5
    assert {flip.shadow_cause for flip in flips} == {pb.DENY_CAUSE_NO_ALLOW}
    activations: Any = server.messages(Kind.BUNDLE_ACTIVATION)
    assert [item.is_shadow for item in activations] == [False, True]
