"""One signature more, on whatever can be signed: a bundle, a set or a directory bundle. Pure."""

from __future__ import annotations

from pdp.activation import building
from pdp.activation.assembling.directories import is_directory
from pdp.activation.assembling.sets import check_set_program, packed, unverified_set
from pdp.bundles.documents.composition import PAYLOAD_TYPE as SET_PAYLOAD_TYPE
from pdp.bundles.envelope import decode, encode
from pdp.bundles.flatfile import split, write
from pdp.bundles.keys import PrivateKey


def sign(data: bytes, key: PrivateKey, key_id: str) -> bytes:
    """The file with one signature more; those that are there stay as they are.

    Of a bundle and of a set the program is rebuilt first: nobody signs what nobody can read. Raises
    BundleRefused as ``building.sign`` does.
    """
    if is_set(data):
        found = unverified_set(data)
        check_set_program(found)
        return packed(building.with_signature(found.envelope, key, key_id), found.pieces)
    bundle = building.unverified(data)
    if not is_directory(bundle):
        return building.sign(data, key, key_id)
    envelope = building.with_signature(bundle.envelope, key, key_id)
    return write(encode(envelope), bundle.files, [file.name for file in bundle.manifest.files])


def is_set(data: bytes) -> bool:
    """Whether the bytes claim to be a set file. Raises BundleRefused for no bundle file at all."""
    return decode(split(data)[0]).payload_type == SET_PAYLOAD_TYPE
