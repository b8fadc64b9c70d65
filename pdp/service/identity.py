"""Names given to answers: UUIDs of version 7 (RFC 9562), from a time and random bytes. Pure."""

from __future__ import annotations

import uuid
from typing import Final

ENTROPY_BYTES: Final = 8

_VERSION: Final = 7
_VARIANT: Final = 0b10


def decision_id(time_unix_ns: int, entropy: bytes) -> str:
    """A UUIDv7 in its usual text form; ``entropy`` is 8 random bytes, of which 62 bits are used.

    The 12 bits after the milliseconds are their fraction (RFC 9562, 6.2, method 3), so ids sort by
    time to about 0.25 us.
    """
    milliseconds, rest_ns = divmod(time_unix_ns, 1_000_000)
    fraction = rest_ns * 4096 // 1_000_000
    random = int.from_bytes(entropy, "big") & (2**62 - 1)
    value = (milliseconds & (2**48 - 1)) << 80 | _VERSION << 76 | fraction << 64
    return str(uuid.UUID(int=value | _VARIANT << 62 | random))
