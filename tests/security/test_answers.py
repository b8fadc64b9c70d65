"""Answers that a client must not act on, and addresses that are not what they look like."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pdp._proto import decision_pb2 as pb
from pdp.client import PdpBroken, PdpClient
from pdp.model import Effect, PdpError
from tests.client.test_client import GOOD, answering
from tests.service import questions as ask


def asking(name: str) -> bytes:
    """An allow on condition of an obligation."""
    answer = pb.DecideResponse()
    answer.CopyFrom(GOOD)
    answer.obligations.add(name=name, value="v")
    return answer.SerializeToString()


@pytest.mark.parametrize("name", ["redact", "rate", "quarantine"])
def test_an_allow_that_asks_for_what_the_caller_cannot_do_is_none(name: str) -> None:
    with answering(lambda *_: asking(name)) as client:
        with pytest.raises(PdpBroken, match="cannot do"):
            client.decide(ask.ALLOW)
        able = replace(ask.ALLOW, supported_obligations=(name,))
        assert client.decide(able).effect is Effect.ALLOW


@pytest.mark.parametrize("name", ["log", "notify"])
def test_what_the_pdp_does_itself_is_no_obstacle(name: str) -> None:
    with answering(lambda *_: asking(name)) as client:
        assert client.decide(ask.ALLOW).effect is Effect.ALLOW


@pytest.mark.parametrize(
    "target",
    ["::1:50051", "[127.0.0.1]:50051", "127.0.0.1:50051,10.0.0.1:1", "127.0.0.1:https",
     "ipv4:127.0.0.1:1", "dns:localhost:1", "127.0.0.1", "[::1]", "unix-abstract:x"],
)  # fmt: skip
def test_an_address_that_could_be_another_machine_is_refused(target: str) -> None:
    with pytest.raises(PdpError):
        PdpClient(target)
