"""A process that is killed at one of its calls that change a file. Expects nothing."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable
from typing import Any, Final

CALLS: Final = ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync", "fdatasync", "pwrite")

# More than an installation makes; the loop ends at the first run that is not killed.
STEPS_MAX: Final = 300
DONE: Final = 0


def dying_at(step: int) -> None:
    """From here on the process is killed before its ``step``-th such call, or after opening."""
    left = [step]

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(call: Callable[..., Any], *, is_opening: bool = False) -> Callable[..., Any]:
        def dying(*given: Any, **named: Any) -> Any:
            count()
            result = call(*given, **named)
            if is_opening:
                count()
            return result

        return dying

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))
    io.open = counted(io.open, is_opening=True)
