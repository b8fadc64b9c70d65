"""Where a door listens, as a type: Unix socket or TCP. Text in, value out; opens nothing."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from pdp.model import PdpError

# The size of ``sun_path``, less its closing zero byte.
UNIX_PATH_BYTES_MAX: Final = 107
PORT_MAX: Final = 65_535

_TCP: Final = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<four>[^:\[\]]+)):(?P<port>[0-9]{1,5})")


class AddressError(PdpError):
    """An address that cannot be listened on as it is written."""


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A Unix socket; who may connect is the file system's to say."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A TCP port on one IP address; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback


Address: TypeAlias = UnixAddress | TcpAddress


def parse_address(text: str, directory: Path) -> Address:
    """``unix:PATH`` (relative to ``directory``) or ``IP:PORT``. Raises AddressError.

    Host names are refused: what a name resolves to can change after somebody checked it.
    """
    if text.startswith("unix:"):
        return _unix(text.removeprefix("unix:"), directory)
    return parse_tcp(text)


def parse_tcp(text: str) -> TcpAddress:
    """``IP:PORT``, ``[IPv6]:PORT``. Raises AddressError."""
    found = _TCP.fullmatch(text)
    if found is None:
        raise AddressError(f"`{text}` is neither `unix:PATH` nor `IP:PORT`")
    host, port = found["six"] or found["four"], int(found["port"])
    if host == "localhost":
        raise AddressError(f"write `127.0.0.1:{port}` or `[::1]:{port}` instead of `{text}`")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise AddressError(f"`{host}` is not an IP address") from None
    if isinstance(address, ipaddress.IPv6Address) != (found["six"] is not None):
        raise AddressError(f"`{text}`: an IPv6 address, and nothing else, stands in brackets")
    if port > PORT_MAX:
        raise AddressError(f"`{text}`: a port is at most {PORT_MAX}")
    return TcpAddress(str(address), port)


def _unix(path_text: str, directory: Path) -> UnixAddress:
    if not path_text or "\0" in path_text:
        raise AddressError("`unix:` needs the path of a socket")
    # Absolute, since gRPC reads `unix:` paths from the working directory of the moment.
    path = (directory / path_text).absolute()
    if len(bytes(path)) > UNIX_PATH_BYTES_MAX:
        raise AddressError(
            f"`{path}` is longer than {UNIX_PATH_BYTES_MAX} bytes; use a shorter path"
        )
    return UnixAddress(path)
