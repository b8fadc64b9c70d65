"""Ed25519 keys: making, reading, writing and using them. The only file that knows the library.

Bytes in, bytes out; where key files lie and who may read them is the caller's business.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pdp.bundles.refusal import Cause, refuse

PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
PrivateKey: TypeAlias = Ed25519PrivateKey
_FIELD: Final = 2**255 - 19
# The y of every point whose order divides 8 (RFC 7748's curve in Edwards form). With such a key,
# one signature holds for many messages, so it proves nothing.
_ORDER_8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER: Final = frozenset({0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8})


def generate() -> PrivateKey:
    """A new key, from the system's randomness."""
    return Ed25519PrivateKey.generate()


def private_key_to_pem(key: PrivateKey) -> bytes:
    """PKCS #8 in PEM, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def private_key_from_pem(data: bytes) -> PrivateKey:
    """The key in a PEM file. Raises BundleRefused (malformed) for anything but an Ed25519 key."""
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        refuse(Cause.MALFORMED, "expected an Ed25519 private key in PEM form, not encrypted")
    if not isinstance(key, Ed25519PrivateKey):
        refuse(Cause.MALFORMED, "expected an Ed25519 key; this is a key of another kind")
    return key


def public_bytes(key: PrivateKey) -> bytes:
    """The raw 32 bytes of the public half."""
    return key.public_key().public_bytes_raw()


def key_id_of(public: bytes) -> str:
    """The id that our own commands give a key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def check_public(raw: bytes) -> None:
    """Raise BundleRefused (malformed) for a key that could be spelled twice or proves nothing."""
    y = int.from_bytes(raw, "little") % 2**255
    if len(raw) != PUBLIC_KEY_BYTES or y >= _FIELD or y in _SMALL_ORDER:
        refuse(Cause.MALFORMED, "not a usable Ed25519 public key")


def signature_of(key: PrivateKey, message: bytes) -> bytes:
    """64 bytes, the same for the same key and message."""
    return key.sign(message)


def signature_holds(raw: bytes, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` over ``message`` was made by the key whose 32 bytes are ``raw``."""
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except InvalidSignature:
        return False
    return True
