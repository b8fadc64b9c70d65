"""Bundles over HTTP: each fault of a real server ends in time, with its cause and no secret."""

from __future__ import annotations

import os
import socket
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import pytest

from pdp.bundles.refusal import BundleRefused, Cause
from pdp.bundles.sources.fetching import Failure, Options
from pdp.bundles.sources.places import source_of
from pdp.bundles.verification import verify
from tests.bundles import samples as s
from tests.bundles.sources import servers
from tests.bundles.sources.asking import FETCHED, SECRET, UNCHANGED, ask
from tests.bundles.sources.badserver import BODY


@dataclass(frozen=True, slots=True)
class Fault:
    """``words`` stand in the message."""

    cause: Failure
    words: str
    timeout_s: float = 20.0


FAULTS: Final = {
    "hangs": Fault(Failure.TIMEOUT, "allow more time", 2),
    "hangs-in-body": Fault(Failure.TIMEOUT, "allow more time", 2),
    "drips": Fault(Failure.TIMEOUT, "allow more time", 2),
    "drips-its-head": Fault(Failure.TIMEOUT, "no whole answer within 2 s", 2),
    "endless": Fault(Failure.TOO_LARGE, "at most 67108864 bytes"),
    "one-too-many": Fault(Failure.TOO_LARGE, "at most 67108864 bytes"),
    "declares-too-many": Fault(Failure.TOO_LARGE, "at most 67108864 bytes"),
    "500": Fault(Failure.SERVER_ERROR, "status 500"),
    "404": Fault(Failure.NOT_FOUND, "nothing there"),
    "401": Fault(Failure.FORBIDDEN, "token file"),
    "403": Fault(Failure.FORBIDDEN, "who may read it"),
    "418": Fault(Failure.BAD_ANSWER, "expected status 200, got 418"),
    "304": Fault(Failure.BAD_ANSWER, "without having been asked"),
    "short": Fault(Failure.BAD_ANSWER, "broke off"),
    "two-lengths": Fault(Failure.BAD_ANSWER, "no proper HTTP"),
    "large-head": Fault(Failure.BAD_ANSWER, "no proper HTTP"),
    "gzip": Fault(Failure.BAD_ANSWER, "compressed"),
    "no-http": Fault(Failure.BAD_ANSWER, "no proper HTTP"),
    "closes": Fault(Failure.BAD_ANSWER, "broke off"),
    "loop": Fault(Failure.BAD_ANSWER, "without end"),
    "to-elsewhere": Fault(Failure.BAD_ANSWER, "another host"),
    "to-no-scheme": Fault(Failure.BAD_ANSWER, "another host"),
}


@pytest.fixture
def token(tmp_path: Path) -> Options:
    (tmp_path / "token").write_text(SECRET + "\n")
    return Options(token_file=str(tmp_path / "token"))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_ends_in_time_with_its_cause(bad: str, token: Options, name: str) -> None:
    fault = FAULTS[name]
    place = f"http://{bad}/{name}"
    found = ask(f"{place}?sig={SECRET}", token, timeout_s=fault.timeout_s)
    assert found.word == fault.cause, found.message
    assert fault.words in found.message
    assert found.took_s < fault.timeout_s + 1
    assert place in found.message
    assert SECRET not in found.message


def test_nobody_listens() -> None:
    found = ask(f"http://127.0.0.1:{servers.free_port()}/x")
    assert found.word == Failure.UNREACHABLE


def test_a_host_that_has_no_address() -> None:
    assert ask("http://no-such-host.invalid/x").word == Failure.UNREACHABLE


def test_what_is_longer_than_declared_is_cut_where_the_server_said(bad: str) -> None:
    fetched = ask(f"http://{bad}/long").fetched
    assert fetched is not None
    assert fetched.data == BODY[:-10]


def test_a_redirect_within_the_server_is_followed(bad: str) -> None:
    assert ask(f"http://{bad}/to-good").word == FETCHED


def test_without_an_etag_the_content_tells(bad: str) -> None:
    first = ask(f"http://{bad}/without-etag").fetched
    assert first is not None
    assert first.data == BODY
    assert ask(f"http://{bad}/without-etag", known=first.version).word == UNCHANGED


def test_a_version_of_another_place_is_not_sent(bad: str) -> None:
    assert ask(f"http://{bad}/good", known='sha256:00"\r\nX: y').word == FETCHED
    with urlopen(f"http://{bad}/heads") as heads:
        assert b"X: y" not in heads.read()


def test_the_token_is_read_anew(bad: str, token: Options) -> None:
    assert token.token_file is not None
    with closing(source_of(f"http://{bad}/good", token)) as source:
        source.fetch(None, 20)
        Path(token.token_file).write_text("rotated")
        source.fetch(None, 20)
    with urlopen(f"http://{bad}/heads") as heads:
        sent = heads.read().decode().split("\r\n\r\n")[-3:]
    assert [f"Authorization: Bearer {SECRET}" in head for head in sent[:2]] == [True, False]
    assert "Authorization: Bearer rotated" in sent[1]


@pytest.mark.parametrize("text", ["", "two words", "two\nlines", "ü"])
def test_a_token_file_that_holds_no_token(bad: str, tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    found = ask(f"http://{bad}/good", Options(token_file=str(tmp_path / "token")))
    assert found.word == Failure.UNUSABLE
    assert "holds no token" in found.message


def test_a_token_goes_over_https_only(bad: str, token: Options) -> None:
    found = ask(f"http://{bad.replace('127.0.0.1', '127.0.0.2')}/good", token)
    assert found.word == Failure.UNUSABLE
    assert "over https only" in found.message


@pytest.mark.parametrize("option", ["ca_file", "token_file", "client_certificate"])
def test_a_file_of_the_options_that_is_not_there(bad: str, option: str) -> None:
    found = ask(f"http://{bad}/good", Options(**{option: "/no/such/file"}))
    assert found.word == Failure.UNUSABLE
    assert "`/no/such/file` cannot be read" in found.message


def test_after_a_fault_the_place_can_be_asked_again(bad: str) -> None:
    with closing(source_of(f"http://{bad}/poll")) as source:
        first = source.fetch(None, 20)
        assert first is not None
        assert source.fetch(first.version, 20) is None
        source.close()
        assert source.fetch(first.version, 20) is None


def test_a_long_poll_ends_when_something_is_new(bad: str) -> None:
    with closing(source_of(f"http://{bad}/poll")) as source:
        first = source.fetch(None, 20)
        assert first is not None
        started = time.monotonic()
        source.wait(60)
        assert time.monotonic() - started < 20
        second = source.fetch(first.version, 20)
        assert second is not None
        assert second.data == BODY + b", newer"


def test_a_place_that_does_not_wait_is_not_asked_without_pause(bad: str) -> None:
    with closing(source_of(f"http://{bad}/good")) as source:
        source.fetch('etag:"one"', 20)
        started = time.monotonic()
        source.wait(3)
        assert time.monotonic() - started >= 3


# ---------------------------------------------------------------- nginx


def test_nginx_says_when_nothing_changed(nginx: servers.Nginx) -> None:
    place = f"http://127.0.0.1:{nginx.http}/bundle"
    path = nginx.files / "bundle"
    path.write_bytes(s.bundle())
    os.utime(path, (1_700_000_000, 1_700_000_000))
    with closing(source_of(place)) as source:
        first = source.fetch(None, 20)
        assert first is not None
        assert first.data == s.bundle()
        assert first.version.startswith("etag:")
        assert source.fetch(first.version, 20) is None
        path.write_bytes(s.bundle(revision=100))
        second = source.fetch(first.version, 20)
        assert second is not None
        assert second.data == s.bundle(revision=100)


def test_a_second_change_within_a_second_is_seen(nginx: servers.Nginx) -> None:
    """The size is the same, and so is the ETag that nginx makes."""
    path = nginx.files / "quick"
    path.write_bytes(b"one")
    # Ahead of now: however slow this machine is, the change is not long past when it is fetched.
    second = int(time.time()) + 3_600
    os.utime(path, (second, second))
    with closing(source_of(f"http://127.0.0.1:{nginx.http}/quick")) as source:
        first = source.fetch(None, 20)
        path.write_bytes(b"two")
        os.utime(path, (second, second))
        assert first is not None
        fetched = source.fetch(first.version, 20)
    assert fetched is not None
    assert fetched.data == b"two"


def test_flipped_bytes_come_through_and_are_refused(nginx: servers.Nginx) -> None:
    data = bytearray(s.bundle())
    data[-1] ^= 1
    (nginx.files / "flipped").write_bytes(data)
    fetched = ask(f"http://127.0.0.1:{nginx.http}/flipped").fetched
    assert fetched is not None
    with pytest.raises(BundleRefused) as refused:
        verify(fetched.data, s.store(), s.demands())
    assert refused.value.cause is Cause.BAD_FILE_HASH


def test_a_cut_bundle_is_refused(nginx: servers.Nginx) -> None:
    (nginx.files / "cut").write_bytes(s.bundle()[:-10])
    fetched = ask(f"http://127.0.0.1:{nginx.http}/cut").fetched
    assert fetched is not None
    with pytest.raises(BundleRefused) as refused:
        verify(fetched.data, s.store(), s.demands())
    assert refused.value.cause is Cause.WRONG_LENGTH


def test_a_bundle_and_its_statement_over_tls(nginx: servers.Nginx) -> None:
    (nginx.files / "bundle").write_bytes(s.bundle())
    (nginx.files / "statement").write_bytes(s.statement())
    options = Options(ca_file=nginx.ca)
    bundle = ask(f"https://localhost:{nginx.https}/bundle", options).fetched
    statement = ask(f"https://localhost:{nginx.https}/statement", options).fetched
    assert bundle is not None
    assert statement is not None
    demands = s.demands(require_freshness=True)
    assert verify(bundle.data, s.store(), demands, statement.data).manifest.revision == 7


def test_a_bundle_behind_a_token(nginx: servers.Nginx, token: Options) -> None:
    (nginx.files / "secret").write_bytes(BODY)
    place = f"https://localhost:{nginx.https}/secret"
    assert ask(place, Options(ca_file=nginx.ca)).word == Failure.FORBIDDEN
    with_token = Options(ca_file=nginx.ca, token_file=token.token_file)
    assert ask(place, with_token).word == FETCHED


def test_an_unknown_authority(nginx: servers.Nginx) -> None:
    (nginx.files / "bundle").write_bytes(BODY)
    place = f"https://localhost:{nginx.https}/bundle"
    assert ask(place).word == Failure.TLS
    other = Options(ca_file=str(nginx.folder / "stranger.pem"))
    assert ask(place, other).word == Failure.TLS


def test_a_wrong_host_name(nginx: servers.Nginx) -> None:
    place = f"https://127.0.0.1:{nginx.https}/bundle"
    assert ask(place, Options(ca_file=nginx.ca)).word == Failure.TLS


def test_tls_with_a_server_that_speaks_none(nginx: servers.Nginx) -> None:
    place = f"https://localhost:{nginx.http}/bundle"
    assert ask(place, Options(ca_file=nginx.ca)).word == Failure.TLS


def test_a_handshake_that_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = ask(f"https://localhost:{silent.getsockname()[1]}/x", timeout_s=2)
    assert found.word == Failure.TIMEOUT
    assert found.took_s < 3


def test_a_redirect_to_plain_http_is_not_followed(nginx: servers.Nginx) -> None:
    (nginx.files / "bundle").write_bytes(BODY)
    found = ask(f"https://localhost:{nginx.https}/to-http", Options(ca_file=nginx.ca))
    assert found.word == Failure.BAD_ANSWER
    assert "plain http" in found.message


def test_a_client_certificate(nginx: servers.Nginx) -> None:
    (nginx.files / "bundle").write_bytes(BODY)
    place = f"https://localhost:{nginx.mutual}/bundle"
    assert ask(place, Options(ca_file=nginx.ca)).word == Failure.BAD_ANSWER
    certificate, key = str(nginx.folder / "client.pem"), str(nginx.folder / "client.key")
    known = Options(ca_file=nginx.ca, client_certificate=certificate, client_key=key)
    assert ask(place, known).word == FETCHED


def test_nginx_without_the_file(nginx: servers.Nginx) -> None:
    assert ask(f"http://127.0.0.1:{nginx.http}/nothing").word == Failure.NOT_FOUND
