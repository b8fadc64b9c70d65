"""Checks each hostile case in a process of its own, within bounds, and prints what came of it.

One JSON object a line. Run by ``test_limits.py``; it decides what is right, not this.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from pdp.engine import Engine, check_files
from pdp.lang.checker import read_sources
from pdp.lang.presenting.render import render_text
from tests.lang.hostile import CASES, MIB, Files, real_rules

MEMORY_BYTES_MAX: Final = 256 * MIB
LOAD_MEMORY_BYTES_MAX: Final = 400 * MIB
LOAD: Final = "load 10,000 rules"
# Of processor time, whatever the input.
SECONDS_MAX: Final = 2.0
LOAD_S_MAX: Final = 15.0


def say(files: Files) -> dict[str, Any]:
    """Check, and put the complaints into words, as `pdp check` does."""
    found = check_files(files)
    shown = render_text(found.diagnostics, read_sources(files))
    return {
        "accepted": found.policies is not None,
        "codes": sorted({d.code.code for d in found.diagnostics if d.is_error}),
        "shown_chars": len(shown),
    }


def load(files: Files) -> dict[str, Any]:
    engine = Engine(files)
    return {"accepted": True, "codes": [], "rules": len(engine.checked.rules)}


def measured(
    work: Callable[[Files], Mapping[str, Any]], build: Callable[[], Files], memory_bytes_max: int
) -> dict[str, Any]:
    """What ``work`` answered, or its traceback; processor seconds; growth of memory in MiB."""
    files = build()
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    in_use = int(pages) * resource.getpagesize()
    peak_before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    limit = in_use + memory_bytes_max
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    limit_s = LOAD_S_MAX if work is load else SECONDS_MAX
    hard_s = math.ceil(2 * limit_s) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (hard_s, hard_s))
    started_s = time.process_time()
    try:
        answer = {"error": "", **work(files)}
    except BaseException:  # noqa: BLE001 - whatever it was, the parent process reports it
        answer = {"error": traceback.format_exc()[-2_000:]}
    answer["seconds"] = round(time.process_time() - started_s, 3)
    answer["seconds_max"] = limit_s
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer["peak_mib"] = (peak_kib - peak_before_kib) // 1024
    return answer


def in_child(name: str, run: Callable[[], dict[str, Any]]) -> None:
    """Print one line, written by a copy of this process or, if it was killed, by this one."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        print(json.dumps({"name": name, **run()}), flush=True)  # noqa: T201 - the answer
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if status:
        killed = {"name": name, "error": f"killed: wait status {status}"}
        print(json.dumps(killed), flush=True)  # noqa: T201 - the answer


def case_measured(name: str) -> dict[str, Any]:
    return measured(say, CASES[name].build, MEMORY_BYTES_MAX)


def load_measured(_: str) -> dict[str, Any]:
    return measured(load, lambda: real_rules(10, 1_000), LOAD_MEMORY_BYTES_MAX)


def main(names: list[str]) -> None:
    """Run the named cases, or all."""
    for name in names or [*CASES, LOAD]:
        in_child(name, partial(load_measured if name == LOAD else case_measured, name))


if __name__ == "__main__":
    main(sys.argv[1:])
