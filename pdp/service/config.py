"""The settings of a server: one table, three sources, no repair. Reads ``pdp.toml`` alone."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.bundles.sources.places import shown
from pdp.model import PdpError
from pdp.service.addresses import Address, AddressError, TcpAddress, UnixAddress
from pdp.service.settings import forms
from pdp.service.settings.table import STARTER_POLICIES, TABLE, Setting

# Kubernetes sets these for every service named `pdp`; they are no settings of ours.
_NOT_OURS: Final = re.compile(
    r"PDP_SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PDP_PORT(?:_[0-9]+_(?:TCP|UDP)(?:_[A-Z]+)?)?"
)
_CONFIG_ENV: Final = "PDP_CONFIG"
_SOURCE_FLAGS: Final = "flags"
_BUNDLE_NEEDS: Final = {
    "bundle_name": "the bundle that is wanted, as the trust store names it",
    "trust_store": "whose signatures count",
    "state_dir": "what was active is remembered there",
}
_WITH_BUNDLE: Final = ("bundle_name", "trust_store", "freshness", "directory", "shadow")
_TOGETHER: Final = (
    ("directory", "directory_name"),
    ("directory_name", "directory"),
    ("directory_freshness", "directory"),
    ("source_certificate", "source_key"),
    ("source_key", "source_certificate"),
)


class SettingError(PdpError):
    """A setting that stops the start; ``setting`` is its name, or the unknown name as written."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(f"{setting}: {message}")
        self.setting = setting


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server runs with, every value checked. Paths are absolute."""

    policies: Path
    bundle: str | None
    bundle_name: str | None
    trust_store: Path | None
    freshness: str | None
    require_freshness: bool
    directory: str | None
    directory_name: str | None
    directory_freshness: str | None
    shadow: str | None
    minimum_revision: int
    poll_s: int
    fetch_timeout_s: int
    self_test_cases: int
    source_ca_file: Path | None
    source_certificate: Path | None
    source_key: Path | None
    source_token_file: Path | None
    log_dir: Path
    log_mode: str
    log_key: Path | None
    anchor: tuple[str, ...]
    grpc: tuple[Address, ...]
    admin: UnixAddress | None
    state_dir: Path | None
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
        return tuple((row.name, json.dumps(self._told(row))) for row in TABLE)

    def _told(self, row: Setting) -> object:
        """What may be told of a setting: places without what could be a credential in them."""
        value = getattr(self, row.name)
        return shown(value) if row.read is forms.place and value else _plain(value)

    def digest(self) -> str:
        """Lower-case hex SHA-256 over ``pairs``."""
        return hashlib.sha256(json.dumps(self.pairs()).encode()).hexdigest()


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
        config = forms.path(environ[_CONFIG_ENV], directory)
    values: dict[str, object] = {}
    if config is not None:
        for name, value in _file(directory / config).items():
            values[name] = _read(name, value, (directory / config).parent, str(config))
    for row in TABLE:
        if row.env in environ:
            values[row.name] = _read(row.name, environ[row.env], directory, row.env)
    for name, value in flags.items():
        if value is not None:
            values[name] = _read(name, value, directory, _SOURCE_FLAGS)
    _check_whose(values)
    defaults = {
        row.name: row.read(row.default, directory) for row in TABLE if row.default is not None
    }
    return _settings(defaults | values)


def _settings(values: dict[str, object]) -> Settings:
    for row in TABLE:
        if row.required and row.name not in values:
            raise SettingError(row.name, f"must be given, with {row.flag} or {row.env}")
    members = {row.name: values.get(row.name) for row in TABLE}
    # Each row's `read` gives the type that the field of its name has.
    settings = Settings(**members)  # type: ignore[arg-type]
    _check_admin(settings)
    if not settings.unsafe_any_caller:
        raise SettingError(
            "unsafe_any_caller",
            "this version has no caller lists (they come in a later one); give"
            " --unsafe-any-caller to answer whoever can connect and believe whom they speak for",
        )
    return settings


def _check_whose(values: Mapping[str, object]) -> None:
    """Raise SettingError unless it is said once and whole whose policies decide."""
    if "bundle" not in values:
        for name in _WITH_BUNDLE:
            if name in values:
                raise SettingError(name, "needs `bundle`: where the signed bundle comes from")
        if not values.get("unsafe_accept_unsigned"):
            raise SettingError(
                "unsafe_accept_unsigned",
                "nothing is signed without `bundle`: name a signed bundle, or give"
                " --unsafe-accept-unsigned to let whoever can write to the policies directory"
                " decide",
            )
        return
    for name in ("policies", "unsafe_accept_unsigned"):
        if values.get(name):
            raise SettingError(name, "cannot be given with `bundle`: only what is signed decides")
    for name, why in _BUNDLE_NEEDS.items():
        if name not in values:
            raise SettingError(name, f"must be given with `bundle`: {why}")
    for one, other in _TOGETHER:
        if one in values and other not in values:
            raise SettingError(other, f"must be given with `{one}`")


def _check_admin(settings: Settings) -> None:
    if settings.admin is None:
        return
    if settings.state_dir is None:
        raise SettingError(
            "state_dir",
            "must be given with `admin`, with --state-dir or PDP_STATE_DIR: stop orders are kept"
            " there",
        )
    if settings.admin in settings.grpc:
        raise SettingError("admin", f"`{settings.admin}` is listed in `grpc`; give it its own path")


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


__all__ = ["STARTER_POLICIES", "TABLE", "Setting", "SettingError", "Settings", "load"]
