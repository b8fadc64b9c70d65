"""From directory files to a directory bundle, and its signing. Pure; no policy may enter one.

A directory bundle is a bundle without program: there is nothing to rebuild before it is signed.
"""

from __future__ import annotations

from collections.abc import Mapping

from pdp.activation.building import Declared, UnverifiedBundle
from pdp.activation.compatibility import LANGUAGE
from pdp.bundles.composing import DIRECTORY_SUFFIX
from pdp.bundles.documents.declaration import PAYLOAD_TYPE, Manifest, declared, manifest_to_bytes
from pdp.bundles.envelope import Envelope, encode
from pdp.bundles.flatfile import write
from pdp.bundles.refusal import Cause, refuse


def build_directory(files: Mapping[str, bytes], what: Declared) -> bytes:
    """A directory bundle file without signatures: the same bytes for the same arguments.

    Raises BundleRefused for a file that is no directory file, and for limits. Whether the entities
    fit a schema is for ``pdp.eval.directory.read_directory`` to say.
    """
    for name in files:
        if not name.endswith(DIRECTORY_SUFFIX):
            refuse(Cause.MALFORMED, f"`{name}`: expected a name that ends in `{DIRECTORY_SUFFIX}`")
    names = sorted(files)
    manifest = Manifest(
        name=what.name,
        audience=what.audience,
        revision=what.revision,
        created=what.created,
        expires=what.expires,
        minimum_engine=what.minimum_engine,
        language=LANGUAGE,
        tzdata=what.tzdata,
        previous=what.previous,
        files=tuple(declared(name, files[name]) for name in names),
        governs=(),
        owners=(),
    )
    return write(encode(Envelope(PAYLOAD_TYPE, manifest_to_bytes(manifest), ())), files, names)


def is_directory(bundle: UnverifiedBundle) -> bool:
    """Whether a bundle holds directory files and nothing else, and governs nothing."""
    return not bundle.manifest.governs and all(
        name.endswith(DIRECTORY_SUFFIX) for name in bundle.files
    )
