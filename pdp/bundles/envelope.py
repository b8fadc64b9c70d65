"""DSSE envelopes: signatures over exact bytes. The payload is not parsed here, only verified.

The format is https://github.com/secure-systems-lab/dsse, version 1.0, with a key id at each
signature. A key id only selects a key to try; what counts is how many distinct keys signed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

from pdp.bundles.keys import SIGNATURE_BYTES, PrivateKey, signature_holds, signature_of
from pdp.bundles.refusal import Cause, refuse

BYTES_MAX: Final = 1024 * 1024
SIGNATURES_MAX: Final = 64
KEY_ID_CHARS_MAX: Final = 64
_ENVELOPE: Final = frozenset({"payload", "payloadType", "signatures"})
_SIGNATURE: Final = frozenset({"keyid", "sig"})
_URL_SAFE: Final = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class Signature:
    """What claims to be the signature (64 bytes) of a key with that id."""

    key_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """Bytes that nobody has verified yet."""

    payload_type: str
    unverified_payload: bytes
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """A payload that enough trusted keys signed as this type, and the ids of those keys."""

    payload: bytes
    signers: tuple[str, ...]


class Quorum(Protocol):
    """Who may sign, and how many of them must: ``keys`` by id (raw 32 bytes each)."""

    @property
    def keys(self) -> Mapping[str, bytes]: ...
    @property
    def threshold(self) -> int: ...


def pae(payload_type: str, payload: bytes) -> bytes:
    """What is signed: type and payload, each after its length in bytes (DSSE, "PAE")."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, keys: Mapping[str, PrivateKey]) -> bytes:
    """An envelope with one signature of each key, by id in order: the same bytes every time."""
    message = pae(payload_type, payload)
    signatures = tuple(
        Signature(key_id, signature_of(keys[key_id], message)) for key_id in sorted(keys)
    )
    return encode(Envelope(payload_type, payload, signatures))


def encode(envelope: Envelope) -> bytes:
    """An envelope as JSON, without spaces."""
    tree = {
        "payload": base64.b64encode(envelope.unverified_payload).decode(),
        "payloadType": envelope.payload_type,
        "signatures": [
            {"keyid": one.key_id, "sig": base64.b64encode(one.data).decode()}
            for one in envelope.signatures
        ],
    }
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode()


def decode(data: bytes) -> Envelope:
    """An envelope's parts. Raises BundleRefused (too large, malformed)."""
    if len(data) > BYTES_MAX:
        refuse(Cause.TOO_LARGE, f"the envelope is larger than {BYTES_MAX} bytes")
    try:
        tree = _DECODER.decode(data.decode())
    except (ValueError, RecursionError):
        _malformed("expected UTF-8 JSON without numbers and duplicate keys")
    if not isinstance(tree, dict) or tree.keys() != _ENVELOPE:
        _malformed("expected an object of payload, payloadType and signatures")
    kind, signatures = tree["payloadType"], tree["signatures"]
    if not isinstance(kind, str) or not kind.isascii() or not kind.isprintable():
        _malformed("expected `payloadType` as plain text")
    if not isinstance(signatures, list) or len(signatures) > SIGNATURES_MAX:
        _malformed(f"expected a list of at most {SIGNATURES_MAX} signatures")
    return Envelope(kind, _bytes(tree["payload"]), tuple(map(_signature, signatures)))


def opened(data: bytes, payload_type: str, quorum: Quorum) -> Verified:
    """The payload of an envelope that enough keys of ``quorum`` signed as ``payload_type``.

    The only door to a payload. Raises BundleRefused: too large, malformed, wrong type, or why there
    are too few signatures.
    """
    envelope = decode(data)
    if envelope.payload_type != payload_type:
        refuse(Cause.WRONG_TYPE, f"the envelope does not hold `{payload_type}`")
    held = holding(envelope, quorum)
    # Whatever a threshold says, nothing is opened that nobody signed.
    if not held or distinct(held, quorum) < quorum.threshold:
        _refuse_too_few(envelope, quorum, held)
    return Verified(envelope.unverified_payload, tuple(sorted(held)))


def holding(envelope: Envelope, quorum: Quorum) -> set[str]:
    """The ids of the keys in ``quorum`` whose signature holds."""
    message = pae(envelope.payload_type, envelope.unverified_payload)
    return {
        one.key_id
        for one in envelope.signatures
        if one.key_id in quorum.keys and signature_holds(quorum.keys[one.key_id], one.data, message)
    }


def distinct(key_ids: set[str], quorum: Quorum) -> int:
    """How many keys those are: two ids of one key count once."""
    return len({quorum.keys[key_id] for key_id in key_ids})


def _refuse_too_few(envelope: Envelope, quorum: Quorum, held: set[str]) -> NoReturn:
    """Say what is most likely wrong: a changed payload, a key nobody trusts, or too few people."""
    found = f"{distinct(held, quorum)} of {quorum.threshold} needed signatures hold"
    named = {one.key_id for one in envelope.signatures}
    if (named & quorum.keys.keys()) - held:
        refuse(Cause.BAD_SIGNATURE, f"{found}; a trusted key did not sign these bytes")
    if named - quorum.keys.keys():
        refuse(Cause.UNKNOWN_KEY, f"{found}; others are of keys that are not trusted here")
    refuse(Cause.TOO_FEW_SIGNATURES, found)


def _signature(tree: Any) -> Signature:
    if not isinstance(tree, dict) or tree.keys() != _SIGNATURE:
        _malformed("expected each signature as an object of keyid and sig")
    key_id, data = tree["keyid"], _bytes(tree["sig"])
    if not isinstance(key_id, str) or not 0 < len(key_id) <= KEY_ID_CHARS_MAX:
        _malformed(f"expected `keyid` as a text of at most {KEY_ID_CHARS_MAX} characters")
    if len(data) != SIGNATURE_BYTES:
        _malformed(f"expected a signature of {SIGNATURE_BYTES} bytes")
    return Signature(key_id, data)


def _bytes(text: Any) -> bytes:
    """Either alphabet, as DSSE demands, but only the one spelling of the bytes in it."""
    if not isinstance(text, str):
        _malformed("expected base64")
    standard = text if "+" in text or "/" in text else text.translate(_URL_SAFE)
    try:
        data = base64.b64decode(standard, validate=True)
    except ValueError:
        _malformed("expected base64")
    if base64.b64encode(data).decode() != standard:
        _malformed("expected base64, with padding and without spare bits")
    return data


def _malformed(message: str) -> NoReturn:
    refuse(Cause.MALFORMED, f"the envelope: {message}")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a duplicate key")
    return members


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


# The payload is longer than the texts that `pdp.canonical` takes, so it has a reader of its own.
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_int=_no_number,
    parse_float=_no_number,
    parse_constant=_no_number,
)
