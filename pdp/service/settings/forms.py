"""How each form of setting is read: what a source holds in, a checked value out, or ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pdp.bundles.sources.fetching import SourceFailed
from pdp.bundles.sources.places import shown
from pdp.service.addresses import Address, TcpAddress, UnixAddress, parse_address, parse_tcp

LOG_MODES: Final = ("fsync", "os")


def path(value: object, directory: Path) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("expected a path")
    return (directory / value).absolute()


def log_mode(value: object, _directory: Path) -> str:
    if value not in LOG_MODES:
        raise ValueError("expected `fsync` or `os`")
    return str(value)


def addresses(value: object, directory: Path) -> tuple[Address, ...]:
    given = _several(value, "addresses")
    addresses = tuple(parse_address(item, directory) for item in given)
    for address in addresses:
        check_reach(address)
        if addresses.count(address) > 1:
            raise ValueError(f"`{address}` is listed twice")
    return addresses


def anchors(value: object, directory: Path) -> tuple[str, ...]:
    """Places for checkpoints: ``-`` and URLs as they are, paths made absolute."""
    given = _several(value, "of `-`, paths and URLs")
    found = tuple(_anchor(item, directory) for item in given)
    if len(set(found)) < len(found):
        raise ValueError("a place is listed twice")
    return found


def _several(value: object, what: str) -> list[str]:
    """The texts of a list, which the environment separates by commas."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"expected one or more {what}")
    return [text(item) for item in value]


def _anchor(given: str, directory: Path) -> str:
    if given == "-":
        return given
    # Settings are recorded, so no place for a secret is taken.
    if re.fullmatch(r"https?://[^/@?#\s]+(?:/[^?#\s]*)?", given, re.ASCII):
        return given
    if not given or "\0" in given or "://" in given:
        raise ValueError(
            "expected `-`, a path, or an `http(s)` URL without user, query and fragment"
        )
    return str((directory / given).absolute())


def admin(value: object, directory: Path) -> UnixAddress:
    given = text(value)
    if not given.startswith("unix:"):
        raise ValueError(
            f"expected `unix:PATH`, not `{given}`: a socket that only its owner can open is what"
            " keeps others from administering"
        )
    address = parse_address(given, directory)
    if not isinstance(address, UnixAddress):
        raise AssertionError("a Unix address of another type")
    return address


def metrics(value: object, _directory: Path) -> TcpAddress:
    address = parse_tcp(text(value))
    check_reach(address)
    return address


def check_reach(address: Address) -> None:
    if isinstance(address, TcpAddress) and not address.loopback:
        raise ValueError(
            f"`{address}` can be reached from other machines, and this version has no TLS;"
            " use a loopback address or a Unix socket"
        )


def text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected text")
    return value


def whole(low: int, high: int) -> Callable[[object, Path], int]:
    def read(value: object, _directory: Path) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
            value = int(value)
        # A TOML boolean would pass for an int.
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return value

    return read


def switch(value: object, _directory: Path) -> bool:
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise ValueError("expected `true` or `false`")
    return value == "true"


def node(value: object, _directory: Path) -> str:
    given = text(value)
    if given and not re.fullmatch(r"[A-Za-z0-9._-]{1,63}", given):
        raise ValueError("expected at most 63 letters, digits, dots, underscores and hyphens")
    return given


def place(value: object, directory: Path) -> str:
    """Where a bundle comes from: a URI as it is given, or a path made absolute."""
    given = text(value)
    if not given or "\0" in given:
        raise ValueError("expected a path or a URI")
    is_uri = re.match(r"[a-z][a-z0-9+.-]*:", given, re.ASCII) is not None
    found = given if is_uri else str((directory / given).absolute())
    try:
        shown(found)
    except SourceFailed as error:
        raise ValueError(str(error)) from None
    return found


def name(value: object, _directory: Path) -> str:
    given = text(value)
    if not re.fullmatch(r"[A-Za-z0-9._+-]{1,200}", given, re.ASCII):
        raise ValueError("expected a name as a trust store has it, such as `acme.payments`")
    return given
