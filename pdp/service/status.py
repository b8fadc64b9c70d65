"""How a call can end without an answer: our own names for gRPC's statuses, and no transport."""

from __future__ import annotations

import enum
from typing import Final

from pdp.model import ID_CHARS_MAX, PdpError, RequestError

MESSAGE_CHARS_MAX: Final = 500


class Status(enum.Enum):
    """The statuses that a handler or a door gives; names and numbers are gRPC's."""

    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class Refused(PdpError):
    """No answer: ``status`` and the message go to the caller; ``cause`` is our name for the log.

    ``field`` names the offending place of the request, or is empty.
    """

    def __init__(self, status: Status, cause: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.cause = cause
        self.field = field


# Fixed texts, since what went wrong inside is not the caller's business.
UNAVAILABLE_TEXT: Final = "unavailable"
INTERNAL_TEXT: Final = "internal error"


def log_unavailable() -> Refused:
    """The answer could not be made durable, so there is none."""
    return Refused(Status.UNAVAILABLE, "log_unavailable", UNAVAILABLE_TEXT)


def internal() -> Refused:
    """A bug of ours outside evaluation."""
    return Refused(Status.INTERNAL, "internal", INTERNAL_TEXT)


def invalid(error: RequestError) -> Refused:
    """The request broke a rule; in our words, with the place if it looks like one."""
    return Refused(
        Status.INVALID_ARGUMENT, "invalid_request", complaint(error), _field(error.field)
    )


def complaint(error: RequestError) -> str:
    """Our words about the request; what they quote of it is shortened and made visible."""
    place = f"{error.field}: " if error.field else ""
    text = f"invalid request: {place}{error}"
    if len(text) > MESSAGE_CHARS_MAX:
        text = text[:MESSAGE_CHARS_MAX] + "…"
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _field(path: str) -> str:
    """A place in the request, if it looks like one: the log keeps no text chosen freely."""
    plain = path.replace("_", "").replace(".", "").replace("[", "").replace("]", "")
    return path if len(path) <= ID_CHARS_MAX and plain.isascii() and plain.isalnum() else ""
