"""What our own writers make comes back as it was, and what would be refused is not written."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
from collections.abc import Callable

import pytest

from pdp.bundles.documents.declaration import declared, manifest_from_bytes, manifest_to_bytes
from pdp.bundles.documents.freshness import Statement, statement_from_bytes, statement_to_bytes
from pdp.bundles.documents.truststore import Signers
from pdp.bundles.envelope import decode, opened, pae
from pdp.bundles.flatfile import FILES_MAX, write
from pdp.bundles.keys import generate, private_key_from_pem, private_key_to_pem
from pdp.bundles.refusal import BundleRefused, Cause
from tests.bundles import samples as s

MANIFEST = manifest_from_bytes(s.spelled(s.manifest()))


def cause_of(call: Callable[[], object]) -> Cause:
    with pytest.raises(BundleRefused) as refused:
        call()
    return refused.value.cause


def test_the_dsse_specifications_own_example() -> None:
    assert (
        pae("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_lengths_are_bytes() -> None:
    assert pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


def test_type_and_payload_cannot_trade_bytes() -> None:
    assert pae("a", b"b c") != pae("a b", b"c")


def test_both_alphabets_of_base64_are_read() -> None:
    payload = b"\xfb\xff\xfe"
    envelope = s.signed(payload)
    text = base64.b64encode(payload)
    url_safe = envelope.replace(text, base64.urlsafe_b64encode(payload))
    assert url_safe != envelope
    quorum = Signers({"ann": s.public("ann"), "ben": s.public("ben")})
    assert opened(url_safe, s.BUNDLE_TYPE, quorum).payload == payload


def test_mixed_alphabets_are_refused() -> None:
    envelope = s.enveloped(b"\xfb\xff\xfe", []).replace(b"+//+", b"+_/+")
    assert cause_of(lambda: decode(envelope)) is Cause.MALFORMED


def test_a_manifest_is_written_in_its_one_spelling() -> None:
    assert manifest_to_bytes(MANIFEST) == s.spelled(s.manifest())


def test_a_manifest_beyond_ascii_comes_back() -> None:
    manifest = dataclasses.replace(MANIFEST, owners=("équipe", "支払い"), previous="ab" * 32)
    assert manifest_from_bytes(manifest_to_bytes(manifest)) == manifest


def test_times_are_written_in_utc() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=5))
    manifest = dataclasses.replace(MANIFEST, expires=MANIFEST.expires.astimezone(zone))
    assert manifest_to_bytes(manifest) == s.spelled(s.manifest())


@pytest.mark.parametrize(
    "changes",
    [
        {"revision": 0},
        {"name": ""},
        {"files": ()},
        {"files": (declared("..", b""),)},
        {"files": (declared("b", b""), declared("a", b""))},
        {"governs": ("a", "a")},
        {"owners": ("\ud800",)},
        {"expires": MANIFEST.created},
    ],
)
def test_a_manifest_that_would_be_refused_is_not_written(changes: dict[str, object]) -> None:
    manifest = dataclasses.replace(MANIFEST, **changes)  # type: ignore[arg-type]
    assert cause_of(lambda: manifest_to_bytes(manifest)) is Cause.MALFORMED


def test_a_statement_comes_back() -> None:
    statement = Statement(s.NAME, 7, "ab" * 32, s.NOW)
    assert statement_from_bytes(statement_to_bytes(statement)) == statement


def test_a_bundle_file_holds_the_files_that_are_named() -> None:
    assert cause_of(lambda: write(b"", s.FILES, ["bundle.charter"])) is Cause.MALFORMED


def test_limits_hold_for_the_writer() -> None:
    names = [f"{number:03}" for number in range(FILES_MAX + 1)]
    files = dict.fromkeys(names, b"")
    assert cause_of(lambda: write(b"", files, names)) is Cause.TOO_LARGE
    assert cause_of(lambda: write(bytes(1024 * 1024 + 1), {}, [])) is Cause.TOO_LARGE
    large = {"a": bytes(64 * 1024 * 1024 - 15)}
    assert cause_of(lambda: write(b"", large, ["a"])) is Cause.TOO_LARGE


def test_a_key_comes_back_from_its_file() -> None:
    key = generate()
    again = private_key_from_pem(private_key_to_pem(key))
    assert again.private_bytes_raw() == key.private_bytes_raw()


@pytest.mark.parametrize("data", [b"", b"\xff", b"-----BEGIN PRIVATE KEY-----\n", b"{}"])
def test_what_is_no_key_is_refused(data: bytes) -> None:
    assert cause_of(lambda: private_key_from_pem(data)) is Cause.MALFORMED


def test_an_envelope_is_plain_json() -> None:
    tree = json.loads(s.signed(b"{}"))
    assert decode(s.signed(b"{}")).payload_type == tree["payloadType"] == s.BUNDLE_TYPE
