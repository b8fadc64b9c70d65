"""What a set of policy files is: names, hashes and one digest over them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

_TAG: Final = b"pdp.directory-digest.v1"


def file_hashes(files: Mapping[str, bytes]) -> tuple[tuple[str, str], ...]:
    """(name, lower-case hex SHA-256) of every file, sorted by name."""
    return tuple((name, hashlib.sha256(files[name]).hexdigest()) for name in sorted(files))


def directory_digest(hashes: tuple[tuple[str, str], ...]) -> str:
    """Lower-case hex SHA-256 over a tag, then length-prefixed names and hashes, sorted by name.

    The length before each name (8 bytes, big-endian) keeps two sets of names from reading alike.
    """
    digest = hashlib.sha256(_TAG)
    for name, file_hash in sorted(hashes):
        encoded = name.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded + bytes.fromhex(file_hash))
    return digest.hexdigest()
