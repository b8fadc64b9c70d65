"""A process that has loaded the command and forks for each run: the same code, sooner. Run it.

Loading takes most of the time that a short command takes. Each run is a process of its own, with
its own streams, environment and exit code; ``test_exit_codes.py`` holds some runs against those of
``python -m pdp.cli.main``. Reads one JSON object a line on standard input, answers each with the
exit code on a line of standard output.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any, NoReturn

from pdp.cli.main import main
from pdp.engine import check_files


def serve() -> None:
    check_files({"first.charter": b""})  # reads the grammar
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(asked)
        _, status = os.waitpid(child, 0)
        os.write(1, f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _run(asked: dict[str, Any]) -> NoReturn:
    for number, (name, flags) in enumerate(
        (("in", os.O_RDONLY), ("out", os.O_WRONLY), ("err", os.O_WRONLY))
    ):
        os.dup2(os.open(asked[name], flags), number)
    os.environ.clear()
    os.environ.update(asked["env"])
    # What this process has read ahead is not for the command.
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    code: object = 0
    try:
        main(asked["arguments"])
    except SystemExit as error:
        code = error.code
    except BaseException:  # noqa: BLE001 - as the interpreter ends a program
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve()
