"""Enforcement at the edge: the client and adapters for agent runtimes. Imports no engine."""

from pdp.client.errors import (
    NoAnswer,
    PdpBroken,
    PdpNotAllowed,
    PdpOverloaded,
    PdpTooLate,
    PdpUnavailable,
    PdpUnsupported,
)
from pdp.client.grpcio import PdpClient

__all__ = [
    "NoAnswer", "PdpBroken", "PdpClient", "PdpNotAllowed", "PdpOverloaded", "PdpTooLate",
    "PdpUnavailable", "PdpUnsupported",
]  # fmt: skip
