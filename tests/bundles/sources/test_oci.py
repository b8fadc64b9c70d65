"""Bundles in an OCI registry: a real one, one whose disk is altered, and one that misbehaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from pdp.bundles.sources.fetching import Failure, Options, SourceFailed
from pdp.bundles.sources.places import put
from pdp.bundles.verification import verify
from tests.bundles import samples as s
from tests.bundles.sources import servers
from tests.bundles.sources.asking import SECRET, UNCHANGED, ask

LOAD_S: Final = 60.0


def pushed(registry: str, name: str, data: bytes) -> str:
    """The URI of a bundle in the registry."""
    uri = f"oci://{registry}/{name}:latest"
    put(uri, data, timeout_s=LOAD_S)
    return uri


def test_what_is_put_is_fetched(registry: str) -> None:
    uri = pushed(registry, "acme/payments", s.bundle())
    first = ask(uri, timeout_s=LOAD_S)
    assert first.fetched is not None, first.message
    assert verify(first.fetched.data, s.store(), s.demands()).manifest.revision == 7
    assert ask(uri, timeout_s=LOAD_S, known=first.fetched.version).word == UNCHANGED
    put(uri, s.bundle(revision=8), timeout_s=LOAD_S)
    second = ask(uri, timeout_s=LOAD_S, known=first.fetched.version)
    assert second.fetched is not None
    assert second.fetched.data == s.bundle(revision=8)
    # What the first tag named is still there by its digest.
    old = ask(uri.replace(":latest", f"@{first.fetched.version}"), timeout_s=LOAD_S)
    assert old.fetched is not None
    assert old.fetched.data == s.bundle()


def test_nothing_is_put_under_a_digest(registry: str) -> None:
    with pytest.raises(SourceFailed) as failed:
        put(f"oci://{registry}/a@sha256:{'0' * 64}", b"x", timeout_s=LOAD_S)
    assert failed.value.cause is Failure.UNUSABLE
    assert "names a digest" in str(failed.value)


def test_no_such_tag(registry: str) -> None:
    pushed(registry, "acme/payments", b"one")
    found = ask(f"oci://{registry}/acme/payments:other", timeout_s=LOAD_S)
    assert found.word == Failure.NOT_FOUND, found.message


def test_nobody_listens() -> None:
    found = ask(f"oci://127.0.0.1:{servers.free_port()}/a:b", timeout_s=LOAD_S)
    assert found.word == Failure.UNREACHABLE, found.message


def test_plain_http_is_for_this_machine_only(bad: str) -> None:
    place = bad.replace("127.0.0.1", "127.0.0.2")
    found = ask(f"oci://{place}/no-manifest:tag", timeout_s=LOAD_S)
    assert found.word == Failure.TLS, found.message


def test_an_unknown_authority(nginx: servers.Nginx) -> None:
    options = Options(ca_file=str(nginx.folder / "stranger.pem"))
    found = ask(f"oci://localhost:{nginx.https}/a:b", options, timeout_s=LOAD_S)
    assert found.word == Failure.TLS, found.message


def test_a_redirect_to_plain_http_is_not_followed(nginx: servers.Nginx) -> None:
    options = Options(ca_file=nginx.ca)
    found = ask(f"oci://localhost:{nginx.https}/a:b", options, timeout_s=LOAD_S)
    assert found.word == Failure.BAD_ANSWER, found.message
    assert "leads to plain http" in found.message


@pytest.mark.parametrize("part", ["layer", "manifest"])
def test_another_digest_than_was_named(tmp_path: Path, part: str) -> None:
    with servers.registry(tmp_path) as registry:
        uri = pushed(registry, "acme/payments", s.bundle())
        fetched = ask(uri, timeout_s=LOAD_S).fetched
        assert fetched is not None
        pinned = uri.replace(":latest", f"@{fetched.version}")
        assert ask(pinned, timeout_s=LOAD_S).fetched == fetched
        [blob] = [
            path
            for path in tmp_path.rglob("data")
            if (path.read_bytes() == s.bundle() if part == "layer" else b'"layers"' in _head(path))
        ]
        data = blob.read_bytes()
        blob.write_bytes(data[:-1] + b"x" if part == "layer" else data + b" ")
        found = ask(pinned, timeout_s=LOAD_S)
    assert found.word in (Failure.BAD_ANSWER, Failure.SERVER_ERROR), found.message
    assert "other bytes than their digest names" in found.message or part == "manifest"


def _head(path: Path) -> bytes:
    return path.read_bytes()[:1000]


@pytest.mark.parametrize(
    ("name", "cause", "words"),
    [
        ("hangs", Failure.TIMEOUT, "allow more time"),
        ("endless", Failure.TOO_LARGE, "sends more than 1048576 bytes"),
        ("500", Failure.SERVER_ERROR, "status 500"),
        ("401", Failure.FORBIDDEN, "docker's configuration"),
        ("no-manifest", Failure.BAD_ANSWER, "expected one layer"),
        ("two-layers", Failure.BAD_ANSWER, "expected one layer"),
        ("other-type", Failure.BAD_ANSWER, "expected one layer"),
        ("too-large", Failure.TOO_LARGE, "at most 67108864 bytes"),
        ("longer-layer", Failure.TOO_LARGE, "more than it may or declared"),
        ("other-layer", Failure.BAD_ANSWER, "other bytes than their digest names"),
    ],
)
def test_a_registry_that_fails(bad: str, name: str, cause: Failure, words: str) -> None:
    timeout_s = 5.0 if cause is Failure.TIMEOUT else LOAD_S
    found = ask(f"oci://{bad}/{name}:tag", timeout_s=timeout_s)
    assert found.word == cause, found.message
    assert words in found.message
    assert found.took_s < timeout_s + 1


def test_credentials_are_those_of_docker(
    bad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auths = {bad: {"auth": SECRET}}
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    found = ask(f"oci://{bad}/401:tag", timeout_s=LOAD_S)
    assert found.word == Failure.FORBIDDEN, found.message
    assert SECRET not in found.message
