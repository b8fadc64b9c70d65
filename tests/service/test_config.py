"""Settings: precedence, every way to be wrong, and that a wrong one is named. Starts no server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from pdp.service import config
from pdp.service.addresses import TcpAddress, UnixAddress
from pdp.service.config import SettingError, Settings

GIVEN: Final = {
    "log_dir": "log",
    "grpc": ["127.0.0.1:8181"],
    "unsafe_accept_unsigned": True,
    "unsafe_any_caller": True,
}


def load(
    directory: Path,
    flags: dict[str, object] | None = None,
    environ: dict[str, str] | None = None,
    toml: str | None = None,
) -> Settings:
    path = None
    if toml is not None:
        path = directory / "etc" / "pdp.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(toml)
    return config.load({**GIVEN, **(flags or {})}, environ or {}, directory, path)


def test_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings(
        policies=Path(config.__file__).resolve().parents[2] / "policies",
        bundle=None,
        bundle_name=None,
        trust_store=None,
        freshness=None,
        require_freshness=False,
        directory=None,
        directory_name=None,
        directory_freshness=None,
        shadow=None,
        minimum_revision=0,
        poll_s=60,
        fetch_timeout_s=30,
        self_test_cases=200,
        source_ca_file=None,
        source_certificate=None,
        source_key=None,
        source_token_file=None,
        log_dir=tmp_path / "log",
        log_mode="fsync",
        log_key=None,
        anchor=("-",),
        grpc=(TcpAddress("127.0.0.1", 8181),),
        admin=None,
        state_dir=None,
        metrics=None,
        threads=32,
        max_concurrent=1_000,
        grace_s=10,
        node="",
        unsafe_accept_unsigned=True,
        unsafe_any_caller=True,
    )


def test_the_starter_bundle_is_there() -> None:
    assert list(config.STARTER_POLICIES.glob("*.charter"))


def test_flags_win_over_the_environment_over_the_file(tmp_path: Path) -> None:
    toml = "threads = 1\nmax_concurrent = 1\ngrace_s = 1\n"
    environ = {"PDP_MAX_CONCURRENT": "2", "PDP_GRACE_S": "2"}
    settings = load(tmp_path, {"grace_s": 3}, environ, toml)
    assert (settings.threads, settings.max_concurrent, settings.grace_s) == (1, 2, 3)


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("threads = 7\n")
    assert load(tmp_path, environ={"PDP_CONFIG": "my.toml"}).threads == 7


def test_a_file_that_nobody_named_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "pdp.toml").write_text("threads = 7\n")
    assert load(tmp_path).threads == 32


def test_paths_start_where_they_are_written(tmp_path: Path) -> None:
    toml = 'policies = "p"\n'
    assert load(tmp_path, toml=toml).policies == tmp_path / "etc" / "p"
    assert load(tmp_path, {"policies": "p"}, toml=toml).policies == tmp_path / "p"


def test_the_environment_separates_addresses_by_commas(tmp_path: Path) -> None:
    flags: dict[str, object] = {"grpc": None}
    settings = load(tmp_path, flags, {"PDP_GRPC": "unix:pdp.sock,[::1]:0"})
    assert settings.grpc == (UnixAddress(tmp_path / "pdp.sock"), TcpAddress("::1", 0))
    assert [str(address) for address in settings.grpc] == [f"unix:{tmp_path}/pdp.sock", "[::1]:0"]


def test_kubernetes_variables_are_left_alone(tmp_path: Path) -> None:
    environ = dict.fromkeys(
        ("PDP_SERVICE_HOST", "PDP_SERVICE_PORT_GRPC", "PDP_PORT", "PDP_PORT_8181_TCP_ADDR"), "x"
    )
    assert load(tmp_path, environ=environ) == load(tmp_path)


SIGNED: Final[dict[str, object]] = {
    "bundle": "https://bundles.example/a.bundle",
    "bundle_name": "acme.payments",
    "trust_store": "trust.json",
    "state_dir": "state",
    "unsafe_accept_unsigned": None,
}


def test_a_signed_bundle_needs_no_unsafe_setting_for_its_policies(tmp_path: Path) -> None:
    settings = load(tmp_path, SIGNED)
    assert settings.bundle == "https://bundles.example/a.bundle"
    assert settings.trust_store == tmp_path / "trust.json"
    assert settings.unsafe == ("unsafe_any_caller",)
    assert load(tmp_path, {**SIGNED, "bundle": "a/b.bundle"}).bundle == f"{tmp_path}/a/b.bundle"


# setting at fault, what is given, words of the reason
WRONG: Final = [
    ("threads", {"threads": 0}, "expected a whole number from 1 to 256"),
    ("threads", {"threads": "257"}, "expected a whole number from 1 to 256"),
    ("threads", {"threads": "٣"}, "expected a whole number"),
    ("threads", {"threads": "1_0"}, "expected a whole number"),
    ("max_concurrent", {"max_concurrent": "-1"}, "expected a whole number from 1 to 100000"),
    ("grace_s", {"grace_s": 3_601}, "expected a whole number from 0 to 3600"),
    ("anchor", {"anchor": ["-", "-"]}, "a place is listed twice"),
    ("anchor", {"anchor": ["https://u:p@x.example/"]}, "without user, query and fragment"),
    ("anchor", {"anchor": ["https://x.example/?t=1"]}, "without user, query and fragment"),
    ("log_mode", {"log_mode": "none"}, "expected `fsync` or `os`"),
    ("log_dir", {"log_dir": ""}, "expected a path"),
    ("log_dir", {"log_dir": None}, "must be given, with --log-dir or PDP_LOG_DIR"),
    ("policies", {"policies": "a\0b"}, "expected a path"),
    ("grpc", {"grpc": None}, "must be given, with --grpc or PDP_GRPC"),
    ("grpc", {"grpc": []}, "expected one or more addresses"),
    ("grpc", {"grpc": ["8181"]}, "`8181` is neither `unix:PATH` nor `IP:PORT`"),
    ("grpc", {"grpc": ["localhost:8181"]}, "write `127.0.0.1:8181` or `[::1]:8181`"),
    ("grpc", {"grpc": ["example.org:8181"]}, "`example.org` is not an IP address"),
    ("grpc", {"grpc": ["[127.0.0.1]:1"]}, "an IPv6 address, and nothing else, stands in brackets"),
    ("grpc", {"grpc": ["127.0.0.1:65536"]}, "a port is at most 65535"),
    ("grpc", {"grpc": ["0.0.0.0:8181"]}, "can be reached from other machines"),
    ("grpc", {"grpc": ["[::]:8181"]}, "can be reached from other machines"),
    ("grpc", {"grpc": ["192.0.2.1:8181"]}, "this version has no TLS"),
    ("grpc", {"grpc": ["unix:"]}, "needs the path of a socket"),
    ("grpc", {"grpc": ["unix:/" + "a" * 107]}, "longer than 107 bytes"),
    ("grpc", {"grpc": ["unix:a", "unix:./a"]}, "is listed twice"),
    ("admin", {"admin": "127.0.0.1:8182"}, "expected `unix:PATH`, not `127.0.0.1:8182`"),
    ("admin", {"admin": "unix:"}, "needs the path of a socket"),
    ("admin", {"admin": 1}, "expected text"),
    (
        "admin",
        {"admin": "unix:a", "grpc": ["unix:./a"], "state_dir": "s"},
        "is listed in `grpc`; give it its own path",
    ),
    ("state_dir", {"admin": "unix:a"}, "must be given with `admin`, with --state-dir"),
    ("state_dir", {"state_dir": ""}, "expected a path"),
    ("metrics", {"metrics": "unix:a"}, "is neither `unix:PATH` nor `IP:PORT`"),
    ("metrics", {"metrics": "0.0.0.0:9090"}, "can be reached from other machines"),
    ("node", {"node": "a b"}, "expected at most 63 letters"),
    ("unsafe_any_caller", {"unsafe_any_caller": "yes"}, "expected `true` or `false`"),
    ("unsafe_any_caller", {"unsafe_any_caller": False}, "they come in a later one"),
    ("bundle_name", {**SIGNED, "bundle_name": None}, "must be given with `bundle`"),
    ("bundle_name", {**SIGNED, "bundle_name": "a b"}, "expected a name as a trust store has it"),
    ("trust_store", {**SIGNED, "trust_store": None}, "whose signatures count"),
    ("state_dir", {**SIGNED, "state_dir": None}, "what was active is remembered there"),
    ("policies", {**SIGNED, "policies": "p"}, "only what is signed decides"),
    ("unsafe_accept_unsigned", {**SIGNED, "unsafe_accept_unsigned": True}, "only what is signed"),
    ("directory_name", {**SIGNED, "directory": "d"}, "must be given with `directory`"),
    ("directory", {**SIGNED, "directory_freshness": "d"}, "must be given with"),
    ("source_key", {**SIGNED, "source_certificate": "c"}, "must be given with"),
    ("freshness", {"freshness": "f"}, "needs `bundle`"),
    ("shadow", {"shadow": "f"}, "needs `bundle`"),
    ("bundle", {**SIGNED, "bundle": ""}, "expected a path or a URI"),
    ("poll_s", {**SIGNED, "poll_s": 0}, "expected a whole number from 1 to 86400"),
    (
        "unsafe_accept_unsigned",
        {"unsafe_accept_unsigned": None},
        "nothing is signed without `bundle`",
    ),
]


@pytest.mark.parametrize(("name", "flags", "words"), WRONG)
def test_a_wrong_setting_is_named(
    tmp_path: Path, name: str, flags: dict[str, object], words: str
) -> None:
    with pytest.raises(SettingError) as found:
        load(tmp_path, flags)
    assert found.value.setting == name
    assert words in str(found.value)
    assert str(found.value).startswith(f"{name}: ")


# setting at fault, the file's text, words of the reason
WRONG_FILES: Final = [
    ("threads", 'threads = "many"', "expected a whole number from 1 to 256 (from "),
    ("threads", "threads = true", "expected a whole number"),
    ("threads", "threads = 1.0", "expected a whole number"),
    ("grpc", "grpc = [1]", "expected text"),
    ("thread", "thread = 1", "did you mean `threads`?"),
    ("server", "[server]\nthreads = 1", "unknown setting"),
    ("config", "threads = ", "is not valid TOML"),
    ("config", "threads = 1\nthreads = 2", "is not valid TOML"),
]


@pytest.mark.parametrize(("name", "toml", "words"), WRONG_FILES)
def test_a_wrong_file_is_named(tmp_path: Path, name: str, toml: str, words: str) -> None:
    with pytest.raises(SettingError) as found:
        load(tmp_path, toml=toml)
    assert found.value.setting == name
    assert words in str(found.value)


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match="cannot read") as found:
        config.load(GIVEN, {}, tmp_path, Path(name))
    assert found.value.setting == "config"


def test_an_unknown_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="did you mean `PDP_THREADS`") as found:
        load(tmp_path, environ={"PDP_THREAD": "1"})
    assert found.value.setting == "PDP_THREAD"


def test_the_source_of_a_wrong_value_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"\(from PDP_THREADS\)"):
        load(tmp_path, environ={"PDP_THREADS": "x"})
    with pytest.raises(SettingError, match=r"\(from flags\)"):
        load(tmp_path, {"threads": "x"})


def test_every_setting_is_in_the_record_and_in_the_digest(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert [name for name, _ in settings.pairs()] == [row.name for row in config.TABLE]
    assert dict(settings.pairs())["grpc"] == '["127.0.0.1:8181"]'
    assert settings.digest() != replace(settings, threads=31).digest()
    assert settings.unsafe == ("unsafe_accept_unsigned", "unsafe_any_caller")
