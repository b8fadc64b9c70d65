"""Which URIs name a place, what is said of those that do not, and that secrets are not said."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import Final

import pytest

from pdp.bundles.sources.fetching import Failure, SourceFailed
from pdp.bundles.sources.places import put, shown, source_of
from tests.bundles.sources.asking import SECRET

NAMES: Final = {
    "bundle": "bundle",
    "./a:b": "./a:b",
    "file:///a/b": "/a/b",
    "file:a%20b": "a b",
    "https://host:8443/a/b?sig=s3cret#x": "https://host:8443/a/b",
    "HTTPS://host/a": "https://host/a",
    "http://[::1]:80/a": "http://[::1]:80/a",
    "s3://bucket/a/b?versionId=s3cret": "s3://bucket/a/b",
    "abfs://container@account/a": "abfs://container@account/a",
    "oci://host:5000/a/b:tag": "oci://host:5000/a/b:tag",
}
REFUSED: Final = {
    "": "is empty",
    "ftp2://host/a": "`ftp2:` is no kind of place; expected a path, `file:`,",
    "c:bundle": "write `./` before it",
    "https:/host": "no kind of place",
    "https:///a": "names no host",
    "https://host:port/a": "check its host and port",
    "https://[host/a": "check its host and port",
    "https://host/a b": "characters that no URI has",
    "https://host/ä": "characters that no URI has",
    "https://ann:s3cret@host/a": "a user or password",
    "https://s3cret@host/a": "a user or password",
    "oci://s3cret@host:1/a:b": "a user or password",
    "ftp://ann:s3cret@host/a": "a user or password",
    "s3://bucket/a::file:///etc/passwd": "characters that no URI has",
    "simplecache::s3://bucket/a": "no kind of place",
    "file://host/a": "names another host",
}


@pytest.mark.parametrize("uri", NAMES)
def test_a_place_is_shown_without_secrets(uri: str) -> None:
    assert source_of(uri).name == shown(uri) == NAMES[uri]


@pytest.mark.parametrize("uri", REFUSED)
def test_what_names_no_place(uri: str) -> None:
    with pytest.raises(SourceFailed) as failed:
        source_of(uri)
    assert failed.value.cause is Failure.UNUSABLE
    assert REFUSED[uri] in str(failed.value)
    assert SECRET not in str(failed.value)


@pytest.mark.parametrize(
    "uri", ["oci://host/a:b", "oci://host:1/A:b", "oci://host:1/a", "oci://host:1/a@sha256:00"]
)
def test_what_names_nothing_in_a_registry(uri: str) -> None:
    with pytest.raises(SourceFailed) as failed:
        source_of(uri).fetch(None, 20)
    assert failed.value.cause is Failure.UNUSABLE
    assert "expected `oci://host/repository:tag`" in str(failed.value)


@pytest.mark.parametrize(
    ("uri", "extra"), [("s3://bucket/a", "objects"), ("oci://host:1/a:b", "oci")]
)
def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, uri: str, extra: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SourceFailed) as failed:
        source_of(uri)
    assert failed.value.cause is Failure.UNUSABLE
    assert f"`pip install 'charter-pdp[{extra}]'`" in str(failed.value)


def test_a_library_of_another_store_that_is_not_installed() -> None:
    with pytest.raises(SourceFailed) as failed:
        source_of("gs://bucket/a").fetch(None, 20)
    assert failed.value.cause is Failure.UNUSABLE
    assert "needs a library that is not installed" in str(failed.value)


def test_nothing_is_put_over_http() -> None:
    with pytest.raises(SourceFailed) as failed:
        put("https://host/a", b"x", timeout_s=20)
    assert failed.value.cause is Failure.UNUSABLE


def test_the_door_loads_no_library_of_a_place() -> None:
    script = (
        "import sys; import pdp.bundles.sources.places as p; p.source_of('https://host/a');"
        " p.source_of('oci://host:1/a:b'); p.source_of('bundle');"
        " print(sorted({'urllib3', 'oras', 's3fs', 'fsspec', 'watchfiles'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
