"""What every engine must answer: the effect, which rules decided, and who answers for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

ALLOW: Final = "allow"
DENY: Final = "deny"

# The effect, the names of the rules that decided, and their owners; both sorted and without
# repetition, and empty if no rule decided. Denied by rules: these rules. Allowed: all allow rules
# that held, for any member of the chain. A plain tuple, because it is made while being measured.
Answer: TypeAlias = tuple[str, tuple[str, ...], tuple[str, ...]]

NO_ALLOW: Final[Answer] = (DENY, (), ())


def concluded(held: Sequence[tuple[bool, Answer]]) -> Answer:
    """What the rules that held come to; each is whether it denies, and its answer if alone."""
    if not held:
        return NO_ALLOW
    if len(held) == 1:
        return held[0][1]
    deciding = [answer for denies, answer in held if denies] or [answer for _, answer in held]
    if len(deciding) == 1:
        return deciding[0]
    names = {answer[1][0] for answer in deciding}
    owners = {answer[2][0] for answer in deciding}
    return deciding[0][0], tuple(sorted(names)), tuple(sorted(owners))


__all__ = ["ALLOW", "DENY", "NO_ALLOW", "Answer", "concluded"]
