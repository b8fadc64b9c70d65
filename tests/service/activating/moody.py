"""A bundle server with moods, a process of its own: it does what a file says, at each request.

    python -m tests.service.activating.moody DIRECTORY

The file ``mood`` in the directory names a behaviour; ``well`` and ``flips`` give the bytes of
``bundle``. It prints its port, and appends the mood of each request to ``asked``.
"""

from __future__ import annotations

import hashlib
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.bundles.sources.badserver import BEHAVIOURS, answer

WELL: Final = "well"
FLIPS: Final = "flips"
# Moods of the server that does nothing else; each is asked for by its path there.
BAD: Final[dict[str, str]] = {
    "hangs": "/hangs",
    "streams forever": "/endless",
    "drips": "/drips-long",
    "fails": "/500",
}


def _well(peer: socket.socket, directory: Path) -> None:
    data = (directory / "bundle").read_bytes()
    peer.sendall(answer("200 OK", data, ETag=f'"{hashlib.sha256(data).hexdigest()}"'))


def _flips(peer: socket.socket, directory: Path) -> None:
    """The right length, and one bit of the last byte is the other way."""
    data = (directory / "bundle").read_bytes()
    peer.sendall(answer("200 OK", data[:-1] + bytes([data[-1] ^ 1])))


OWN: Final[dict[str, Callable[[socket.socket, Path], None]]] = {WELL: _well, FLIPS: _flips}


def _serve(peer: socket.socket, directory: Path) -> None:
    with peer:
        try:
            peer.recv(65_536)
            mood = (directory / "mood").read_text()
            with (directory / "asked").open("a") as asked:
                asked.write(f"{mood}\n")
            if mood in OWN:
                OWN[mood](peer, directory)
            else:
                BEHAVIOURS[BAD[mood]](peer)
        except OSError:
            return


def main(directory: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=_serve, args=(peer, directory), daemon=True).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
