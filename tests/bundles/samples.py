"""Signed bundles, stores and statements for tests, written without the code that is tested."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pdp.bundles.documents.truststore import TrustStore, store_from_bytes
from pdp.bundles.verification import Demands, Floor

NOW: Final = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.UTC)
NAME: Final = "acme.payments"
BUNDLE_TYPE: Final = "application/vnd.pdp.bundle+json"
FRESHNESS_TYPE: Final = "application/vnd.pdp.freshness+json"
STORE_TYPE: Final = "application/vnd.pdp.truststore+json"
# Keys that anyone can make again: of tests, for tests.
KEYS: Final = {
    name: Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    for name in ("ann", "ben", "cid", "dan", "eve", "robot")
}
FILES: Final = {
    "bundle.charter": b"bundle acme.payments { version 1 }\n",
    "data/limits.json": b'{"limit": 100}\n',
    "payments.charter": b"policy payments { }\n",
}


def public(name: str) -> bytes:
    return KEYS[name].public_key().public_bytes_raw()


def moment(seconds: float) -> str:
    """So many seconds from NOW, as the formats write it."""
    return (NOW + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def manifest(**changes: Any) -> dict[str, Any]:
    """A manifest's members; ``changes`` replace some, also with what must be refused."""
    return {
        "type": "pdp.bundle.v1",
        "name": NAME,
        "audience": "production",
        "revision": 7,
        "created": moment(-3600),
        "expires": moment(3600),
        "minimum_engine": "0.1.0",
        "language": "charter 1",
        "tzdata": "2026.1",
        "previous": None,
        "files": entries(FILES),
        "governs": ["payment"],
        "owners": ["payments-team"],
        **changes,
    }


def entries(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"name": name, "length": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    ]


def spelled(tree: object) -> bytes:
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signatures(payload: bytes, signers: Sequence[str], kind: str) -> list[dict[str, str]]:
    lengths = (str(len(kind)).encode(), str(len(payload)).encode())
    message = b" ".join((b"DSSEv1", lengths[0], kind.encode(), lengths[1], payload))
    return [
        {"keyid": name, "sig": base64.b64encode(KEYS[name].sign(message)).decode()}
        for name in signers
    ]


def enveloped(payload: bytes, made: Sequence[Mapping[str, str]], kind: str = BUNDLE_TYPE) -> bytes:
    text = base64.b64encode(payload).decode()
    tree = {"payload": text, "payloadType": kind, "signatures": made}
    return json.dumps(tree, separators=(",", ":")).encode()


def signed(
    payload: bytes, signers: Sequence[str] = ("ann", "ben"), kind: str = BUNDLE_TYPE
) -> bytes:
    return enveloped(payload, signatures(payload, signers, kind), kind)


def packed(envelope: bytes, body: bytes = b"".join(FILES.values())) -> bytes:
    return struct.pack(">8sHHI", b"\xc7\xd1CHBNDL", 1, 0, len(envelope)) + envelope + body


def bundle(**changes: Any) -> bytes:
    """A bundle file that two of three sign; ``changes`` are the manifest's."""
    return packed(signed(spelled(manifest(**changes))))


def bundle_digest(**changes: Any) -> str:
    return hashlib.sha256(spelled(manifest(**changes))).hexdigest()


def statement(signers: Sequence[str] = ("robot",), **changes: Any) -> bytes:
    """A freshness statement about ``bundle()`` for an hour, in its envelope."""
    tree = {
        "type": "pdp.freshness.v1",
        "name": NAME,
        "revision": 7,
        "manifest_digest": bundle_digest(),
        "expires": moment(3600),
        **changes,
    }
    return signed(spelled(tree), signers, FRESHNESS_TYPE)


def signers_of(names: Sequence[str], threshold: int) -> dict[str, Any]:
    keys = [{"id": name, "public": public(name).hex()} for name in names]
    return {"keys": keys, "threshold": threshold}


def trust(**changes: Any) -> dict[str, Any]:
    """A trust store's entry: two of Ann, Ben and Cid, and a robot for freshness."""
    return {
        "name": NAME,
        "audience": "production",
        "signers": signers_of(("ann", "ben", "cid"), 2),
        "freshness": signers_of(("robot",), 1),
        "governs": ["payment", "refund.small"],
        "may_be_guard": False,
        **changes,
    }


def store_bytes(*entries_of_store: Mapping[str, Any], version: Any = 1) -> bytes:
    tree = {"type": "pdp.truststore.v1", "version": version, "bundles": entries_of_store}
    return spelled(tree)


def store(**changes: Any) -> TrustStore:
    return store_from_bytes(store_bytes(trust(**changes)))


def demands(
    *,
    now: datetime.datetime = NOW,
    floor: Floor | None = None,
    name: str = NAME,
    require_freshness: bool = False,
) -> Demands:
    return Demands(name, now, floor, require_freshness)
