"""A server and its clients in one process: four threads ask over gRPC, and print each receipt.

``python answering.py DIRECTORY SOCKET [SABOTAGE]``; killed from outside, it never ends.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Final

from pdp.client import PdpClient
from pdp.decisionlog.appender import Setup
from pdp.model import Effect
from pdp.service import config, server
from tests.faults.kill_loop import receipt_line
from tests.faults.log_child import reply_before_flush
from tests.service import questions as ask
from tests.service.served import POLICIES

CLIENTS: Final = 4
QUESTIONS: Final = (ask.ALLOW, ask.RULE, ask.APPROVAL, ask.SECRET, ask.UNKNOWN_ACTION)


def work(client: PdpClient) -> None:
    while True:
        decisions = [client.decide(request, timeout_s=30) for request in QUESTIONS]
        decisions += client.decide_batch(QUESTIONS, timeout_s=30)
        for decision in decisions:
            if decision.receipt is not None:
                os.write(1, receipt_line(decision.receipt))
            elif decision.effect is not Effect.DENY:
                raise AssertionError("an answer without a receipt")


def main(directory: str, socket: str, sabotage: str = "") -> None:
    if sabotage:
        {"reply_before_flush": reply_before_flush}[sabotage]()
    # Small segments, so that many of them begin and end.
    vars(server)["Setup"] = partial(Setup, segment_bytes=1 << 16)
    flags = {
        "policies": str(POLICIES),
        "log_dir": directory,
        "grpc": [f"unix:{socket}"],
        "unsafe_accept_unsigned": True,
        "unsafe_any_caller": True,
    }
    settings = config.load(flags, {}, Path.cwd(), None)
    client = PdpClient(f"unix:{socket}")

    def ready(_line: str) -> None:
        for _ in range(CLIENTS):
            threading.Thread(target=work, args=(client,)).start()

    server.run(settings, ready, lambda _: None)


if __name__ == "__main__":
    main(*sys.argv[1:])
