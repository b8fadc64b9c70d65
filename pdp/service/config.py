"""The settings of a server: one table, three sources, no repair. Reads ``pdp.toml`` alone."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.model import PdpError
from pdp.service.addresses import Address, AddressError, TcpAddress, parse_address, parse_tcp

LOG_MODES: Final = ("fsync", "os")
STARTER_POLICIES: Final = Path(__file__).resolve().parents[2] / "policies"

# Kubernetes sets these for every service named `pdp`; they are no settings of ours.
_NOT_OURS: Final = re.compile(
    r"PDP_SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PDP_PORT(?:_[0-9]+_(?:TCP|UDP)(?:_[A-Z]+)?)?"
)
_CONFIG_ENV: Final = "PDP_CONFIG"
_SOURCE_FLAGS: Final = "flags"


class SettingError(PdpError):
    """A setting that stops the start; ``setting`` is its name, or the unknown name as written."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(f"{setting}: {message}")
        self.setting = setting


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server runs with, every value checked. Paths are absolute."""

    policies: Path
    log_dir: Path
    log_mode: str
    grpc: tuple[Address, ...]
    metrics: TcpAddress | None
    threads: int
    max_concurrent: int
    grace_s: int
    node: str
    unsafe_accept_unsigned: bool
    unsafe_any_caller: bool

    @property
    def unsafe(self) -> tuple[str, ...]:
        """The names of the unsafe settings that are on."""
        return tuple(
            row.name for row in TABLE if row.name.startswith("unsafe_") and getattr(self, row.name)
        )

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Name and value as JSON text, in table order: what the decision log keeps."""
        return tuple((row.name, json.dumps(_plain(getattr(self, row.name)))) for row in TABLE)

    def digest(self) -> str:
        """Lower-case hex SHA-256 over ``pairs``."""
        return hashlib.sha256(json.dumps(self.pairs()).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. ``read`` takes what a source holds and the directory paths start from.

    ``default`` is None for a setting that must be given (``required``) or may be left out.
    """

    name: str
    form: str
    text: str
    read: Callable[[object, Path], object]
    default: object = None
    required: bool = False

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def env(self) -> str:
        return "PDP_" + self.name.upper()


def _path(value: object, directory: Path) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("expected a path")
    return (directory / value).absolute()


def _log_mode(value: object, _directory: Path) -> str:
    if value not in LOG_MODES:
        raise ValueError("expected `fsync` or `os`")
    return str(value)


def _addresses(value: object, directory: Path) -> tuple[Address, ...]:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("expected one or more addresses")
    addresses = tuple(parse_address(_text(item), directory) for item in value)
    for address in addresses:
        _check_reach(address)
        if addresses.count(address) > 1:
            raise ValueError(f"`{address}` is listed twice")
    return addresses


def _metrics(value: object, _directory: Path) -> TcpAddress:
    address = parse_tcp(_text(value))
    _check_reach(address)
    return address


def _check_reach(address: Address) -> None:
    if isinstance(address, TcpAddress) and not address.loopback:
        raise ValueError(
            f"`{address}` can be reached from other machines, and this version has no TLS;"
            " use a loopback address or a Unix socket"
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected text")
    return value


def _whole(low: int, high: int) -> Callable[[object, Path], int]:
    def read(value: object, _directory: Path) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
            value = int(value)
        # A TOML boolean would pass for an int.
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return value

    return read


def _switch(value: object, _directory: Path) -> bool:
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise ValueError("expected `true` or `false`")
    return value == "true"


def _node(value: object, _directory: Path) -> str:
    text = _text(value)
    if text and not re.fullmatch(r"[A-Za-z0-9._-]{1,63}", text):
        raise ValueError("expected at most 63 letters, digits, dots, underscores and hyphens")
    return text


TABLE: Final = (
    Setting(
        "policies", "directory",
        "Where the `.charter` files, data and directory files are. Left out: the starter bundle.",
        _path, str(STARTER_POLICIES),
    ),
    Setting(
        "log_dir", "directory",
        "Where the decision log is written. There is no serving without a log.",
        _path, required=True,
    ),
    Setting(
        "log_mode", "`fsync` or `os`",
        "`fsync`: no answer leaves before its record survives a power cut."
        " `os`: the record survives the process only.",
        _log_mode, "fsync",
    ),
    Setting(
        "grpc", "list of `unix:PATH` or `IP:PORT`",
        "Where gRPC is served. TCP on the loopback only; port 0 lets the system choose."
        " The flag may be given several times; the environment separates addresses by commas.",
        _addresses, required=True,
    ),
    Setting(
        "metrics", "`IP:PORT`",
        "Where Prometheus metrics are served over HTTP, on the loopback only. Left out: nowhere.",
        _metrics,
    ),
    Setting(
        "threads", "whole number, 1 to 256",
        "Calls worked on at once. Each waits for the disk, and those that wait share one write.",
        _whole(1, 256), 32,
    ),
    Setting(
        "max_concurrent", "whole number, 1 to 100000",
        "Calls admitted at once, waiting or worked on; one more is answered `RESOURCE_EXHAUSTED`.",
        _whole(1, 100_000), 1_000,
    ),
    Setting(
        "grace_s", "whole number, 0 to 3600",
        "How many seconds calls in flight may take to finish after SIGTERM or SIGINT.",
        _whole(0, 3_600), 10,
    ),
    Setting(
        "node", "name",
        "What the log calls this server. Left out: the host's name.",
        _node, "",
    ),
    Setting(
        "unsafe_accept_unsigned", "`true` or `false`",
        "Serve policies that nobody signed: whoever can write to the directory decides."
        " Signed bundles come in a later version; until then there is no serving without it.",
        _switch, default=False,
    ),
    Setting(
        "unsafe_any_caller", "`true` or `false`",
        "Answer whoever can connect, and believe what they say about whom they act for."
        " Caller lists come in a later version; until then there is no serving without it.",
        _switch, default=False,
    ),
)  # fmt: skip

_ROWS: Final = {row.name: row for row in TABLE}


def load(
    flags: Mapping[str, object], environ: Mapping[str, str], directory: Path, config: Path | None
) -> Settings:
    """Settings from the file, the environment and flags, the later winning. Raises SettingError.

    ``flags`` maps setting names to what was given (None: not given). ``config`` is ``pdp.toml``;
    when None, ``PDP_CONFIG`` may name it. Paths in the file start from the file's directory, all
    others from ``directory``.
    """
    environ = _ours(environ)
    if config is None and _CONFIG_ENV in environ:
        config = _path(environ[_CONFIG_ENV], directory)
    values: dict[str, object] = {
        row.name: row.read(row.default, directory) for row in TABLE if row.default is not None
    }
    if config is not None:
        for name, value in _file(directory / config).items():
            values[name] = _read(name, value, (directory / config).parent, str(config))
    for row in TABLE:
        if row.env in environ:
            values[row.name] = _read(row.name, environ[row.env], directory, row.env)
    for name, value in flags.items():
        if value is not None:
            values[name] = _read(name, value, directory, _SOURCE_FLAGS)
    return _settings(values)


def _settings(values: dict[str, object]) -> Settings:
    for row in TABLE:
        if row.required and row.name not in values:
            raise SettingError(row.name, f"must be given, with {row.flag} or {row.env}")
    members = {row.name: values.get(row.name) for row in TABLE}
    # Each row's `read` gives the type that the field of its name has.
    settings = Settings(**members)  # type: ignore[arg-type]
    if not settings.unsafe_accept_unsigned:
        raise SettingError(
            "unsafe_accept_unsigned",
            "this version cannot check signatures (signed bundles come in a later one); give"
            " --unsafe-accept-unsigned to let whoever can write to the policies directory decide",
        )
    if not settings.unsafe_any_caller:
        raise SettingError(
            "unsafe_any_caller",
            "this version has no caller lists (they come in a later one); give"
            " --unsafe-any-caller to answer whoever can connect and believe whom they speak for",
        )
    return settings


def _ours(environ: Mapping[str, str]) -> dict[str, str]:
    known = {_CONFIG_ENV, *(row.env for row in TABLE)}
    ours = {
        name: value
        for name, value in environ.items()
        if name.startswith("PDP_") and not _NOT_OURS.fullmatch(name)
    }
    for name in ours:
        if name not in known:
            raise SettingError(name, f"unknown environment variable{_suggestion(name, known)}")
    return ours


def _file(path: Path) -> dict[str, object]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError("config", f"cannot read `{path}`: {error.strerror}") from None
    except ValueError as error:
        # The operator's own file, shown to the operator only; TOML errors say line and column.
        raise SettingError("config", f"`{path}` is not valid TOML: {error}") from None
    for name in tables:
        if name not in _ROWS:
            raise SettingError(name, f"unknown setting in `{path}`{_suggestion(name, _ROWS)}")
    return tables


def _read(name: str, value: object, directory: Path, source: str) -> object:
    try:
        return _ROWS[name].read(value, directory)
    except (ValueError, AddressError) as error:
        raise SettingError(name, f"{error} (from {source})") from None


def _suggestion(name: str, known: Mapping[str, object] | set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def _plain(value: object) -> object:
    match value:
        case None | bool() | int():
            return value
        case tuple():
            return [_plain(item) for item in value]
        case _:
            return str(value)
