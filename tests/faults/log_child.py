"""A process that only logs: four threads append, and print each receipt once append returns.

``python log_child.py DIRECTORY fsync|os [SABOTAGE]``; killed from outside, it never ends.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from pathlib import Path

from pdp.decisionlog import disk
from pdp.decisionlog.appender import Durability, Setup
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from tests.decisionlog import samples
from tests.faults.kill_loop import receipt_line


def reply_before_flush() -> None:
    """The broken build: batches are written a little after the caller was answered."""
    write_all = disk.write_all

    def later(fd: int, data: bytes, offset: int) -> None:
        if offset == 0:  # a segment's header
            write_all(fd, data, offset)
            return
        threading.Timer(0.03, write_all, (fd, data, offset)).start()

    disk.write_all = later


def work(writer: Writer, numbers: itertools.count[int]) -> None:
    for number in numbers:
        records = [(Kind.REFUSAL, samples.refusal(number))] * (1 + number % 3)
        for receipt in writer.append_many(records):
            os.write(1, receipt_line(receipt))


def main(directory: str, durability: str, sabotage: str = "") -> None:
    if sabotage:
        {"reply_before_flush": reply_before_flush}[sabotage]()
    setup = Setup("child", Durability(durability), segment_bytes=1 << 16)
    writer = Writer.open(Path(directory), setup)
    numbers = itertools.count()
    for _ in range(4):
        threading.Thread(target=work, args=(writer, numbers)).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
