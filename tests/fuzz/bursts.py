"""A short seeded run of a target: what CI can afford. Says how often inputs were accepted."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from tests.fuzz import targets

INPUT_BYTES_MAX: Final = 16_384
_REMEMBERED_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Burst:
    """How many inputs were run, how many accepted, and the first that went wrong, if one did."""

    executions: int
    accepted: int
    wrong: bytes | None = None
    error: Exception | None = None


def burst(name: str, executions: int, seed: int) -> Burst:
    """Mutate what to begin with, what was kept and what was accepted; stops at the first wrong."""
    target = targets.TARGETS[name]
    rng = random.Random(seed)
    starts = [*target.starts(), *(path.read_bytes() for path in targets.seeds(name))]
    accepted: list[bytes] = []
    count = 0
    for done in range(1, executions + 1):
        pool = accepted if accepted and rng.random() < 0.5 else starts
        data = target.mutate(rng.choice(pool), rng)[:INPUT_BYTES_MAX]
        try:
            fine = targets.run(name, data)
        except Exception as error:  # noqa: BLE001 - every exception is what we look for
            return Burst(done, count, data, error)
        count += fine
        if fine and len(accepted) < _REMEMBERED_MAX:
            accepted.append(data)
    return Burst(executions, count)
