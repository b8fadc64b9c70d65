"""How a question can stay without an answer, by name. Every one of them means: do not act."""

from __future__ import annotations

from pdp.model import PdpError


class NoAnswer(PdpError):
    """The PDP gave no decision; the action may not run. ``status`` is gRPC's name for the end."""

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


class PdpUnavailable(NoAnswer):
    """It cannot be reached, has no bundle, or cannot write its log: try again later."""


class PdpOverloaded(NoAnswer):
    """It shed the call: try again later, and less often."""


class PdpTooLate(NoAnswer):
    """The deadline passed; a decision may have been made and recorded all the same."""


class PdpNotAllowed(NoAnswer):
    """It does not know this caller, or the caller lacks the right."""


class PdpUnsupported(NoAnswer):
    """It does not serve this call in its version."""


class PdpBroken(NoAnswer):
    """It failed inside, or its answer breaks the contract."""
