"""Bundles in an object store: a real S3-compatible server, and answers of one that misbehaves."""

from __future__ import annotations

from typing import Final

import pytest

from pdp.bundles.sources.fetching import Failure, SourceFailed
from pdp.bundles.sources.places import put
from tests.bundles.sources import servers
from tests.bundles.sources.asking import FETCHED, SECRET, UNCHANGED, ask

# It loads its library first, which takes a while on a busy machine.
LOAD_S: Final = 60.0


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of a bucket of the real server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    servers.make_bucket(s3, "bundles")
    return "s3://bundles"


def test_what_is_put_is_fetched(bucket: str) -> None:
    place = f"{bucket}/team/bundle"
    put(place, b"one", timeout_s=LOAD_S)
    first = ask(place, timeout_s=LOAD_S)
    assert first.fetched is not None, first.message
    assert first.fetched.data == b"one"
    assert ask(place, timeout_s=LOAD_S, known=first.fetched.version).word == UNCHANGED
    put(place, b"two", timeout_s=LOAD_S)
    second = ask(place, timeout_s=LOAD_S, known=first.fetched.version)
    assert second.fetched is not None
    assert second.fetched.data == b"two"


def test_an_empty_object(bucket: str) -> None:
    put(f"{bucket}/empty", b"", timeout_s=LOAD_S)
    assert ask(f"{bucket}/empty", timeout_s=LOAD_S).word == FETCHED


@pytest.mark.parametrize("key", ["nothing", "", "team"])
def test_no_object(bucket: str, key: str) -> None:
    put(f"{bucket}/team/bundle", b"one", timeout_s=LOAD_S)
    found = ask(f"{bucket}/{key}", timeout_s=LOAD_S)
    assert found.word == Failure.NOT_FOUND, found.message


def test_no_bucket(bucket: str) -> None:
    found = ask(f"{bucket}-of-nobody/bundle", timeout_s=LOAD_S)
    assert found.word == Failure.NOT_FOUND, found.message


def test_an_object_larger_than_a_bundle(bucket: str, s3: str) -> None:
    servers.put_object(s3, "bundles", "large", bytes(64 * 1024 * 1024 + 1))
    found = ask(f"{bucket}/large", timeout_s=LOAD_S)
    assert found.word == Failure.TOO_LARGE, found.message


def test_an_answer_without_end(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{bad}")
    found = ask("s3://endless-bucket/bundle", timeout_s=LOAD_S)
    assert found.word == Failure.TOO_LARGE, found.message
    assert "at most 67108864 bytes" in found.message
    assert SECRET not in found.message


def test_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{servers.free_port()}")
    found = ask("s3://bundles/bundle", timeout_s=LOAD_S)
    assert found.word == Failure.UNREACHABLE, found.message


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("hangs", Failure.TIMEOUT),
        ("403", Failure.FORBIDDEN),
        ("500", Failure.SERVER_ERROR),
        ("short", Failure.BAD_ANSWER),
    ],
)
def test_a_store_that_fails(
    bad: str, monkeypatch: pytest.MonkeyPatch, path: str, cause: Failure
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{bad}")
    timeout_s = 5.0 if cause is Failure.TIMEOUT else LOAD_S
    found = ask(f"s3://{path}-bucket/bundle", timeout_s=timeout_s)
    assert found.word == cause, found.message
    assert found.took_s < timeout_s + 1
    assert SECRET not in found.message


def test_a_put_that_is_not_taken(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{bad}")
    with pytest.raises(SourceFailed) as failed:
        put("s3://403-bucket/bundle", b"x", timeout_s=LOAD_S)
    assert failed.value.cause is Failure.FORBIDDEN
    assert SECRET not in str(failed.value)
