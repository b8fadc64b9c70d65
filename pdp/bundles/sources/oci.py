"""A bundle in an OCI registry, through oras: `oci://host/repository:tag` or `…@sha256:…`.

Runs in the process that ``confined`` limits, since that library waits without end. Digests are
compared with what came, whatever the registry calls it.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import requests

from pdp.bundles.sources.fetching import Failure, Fetched, check_size, fail
from pdp.bundles.sources.orders import Order
from pdp.bundles.sources.uri import is_loopback, split

MEDIA_TYPE: Final = "application/vnd.pdp.bundle.v1"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
MANIFEST_BYTES_MAX: Final = 1_048_576
_EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
_EMPTY: Final = b"{}"
_PIECE_BYTES: Final = 65_536
# The distribution specification's forms, and a host that cannot be taken for a part of the name.
_NAME: Final = re.compile(
    r"/(?P<name>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127})|@(?P<digest>sha256:[0-9a-f]{64}))",
    re.ASCII,
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_FAILURES: Final = {
    401: (Failure.FORBIDDEN, "wants other credentials; check those of docker's configuration"),
    403: (Failure.FORBIDDEN, "is not open to these credentials; check who may use it"),
    404: (Failure.NOT_FOUND, "is not there; check the repository and the tag"),
}
_OKAY: Final = range(200, 300)
_SERVER_ERRORS: Final = range(500, 600)

Json: TypeAlias = Mapping[str, Any]


def fetch(order: Order) -> Fetched | None:
    """The manifest's one layer, or None if the manifest is the known one."""
    with _named_failures(order.shown):
        registry, container = _opened(order)
        raw = _manifest(registry, container, order.shown)
        version = _digest_of(raw)
        if container.digest is not None:
            check_digest(container.digest, raw, order.shown)
        if version == order.known:
            return None
        digest, size = _layer(raw, order.shown)
        check_size(size, order.shown)
        response = registry.get_blob(container, digest, stream=True)
        data = _body(response, size, order.shown)
    check_digest(digest, data, order.shown)
    return Fetched(data, version)


def put(order: Order, data: bytes) -> None:
    """Store the bundle as one layer, then the manifest that the tag names."""
    with _named_failures(order.shown), tempfile.TemporaryDirectory() as folder:
        registry, container = _opened(order)
        if container.digest is not None:
            fail(Failure.UNUSABLE, f"`{order.shown}` names a digest; name a tag to store under")
        config, layer = _declared(_EMPTY, _EMPTY_TYPE), _declared(data, MEDIA_TYPE)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": MEDIA_TYPE,
            "config": config,
            "layers": [layer],
        }
        for content, declared in ((_EMPTY, config), (data, layer)):
            blob = Path(folder) / "blob"
            blob.write_bytes(content)
            _check_status(registry.upload_blob(str(blob), container, declared), order.shown)
        _check_status(registry.upload_manifest(manifest, container), order.shown)


def check_digest(expected: str, data: bytes, shown: str) -> None:
    """Raise SourceFailed unless these are the bytes that the digest names."""
    if _digest_of(data) != expected:
        fail(
            Failure.BAD_ANSWER,
            f"`{shown}`: the registry gave other bytes than their digest names; ask who runs it",
        )


def _opened(order: Order) -> tuple[Any, Any]:
    """The library's registry, without its retries, and the place in it.

    Plain http is for this machine only, and not if there is an authority for its certificate.
    """
    parts = split(order.uri)
    found = _NAME.fullmatch(parts.path)
    if found is None or parts.query or parts.fragment or not re.search(r"[.:]", parts.netloc):
        fail(
            Failure.UNUSABLE,
            f"`{order.shown}`: expected `oci://host/repository:tag` or `…@sha256:…`, with the"
            " host's whole name or its port",
        )
    provider: Any = importlib.import_module("oras.provider")

    is_plain = order.options.ca_file is None and is_loopback(order.uri)
    registry = provider.Registry(parts.netloc, is_plain, order.options.ca_file or True)
    # The library would try again for a minute; here the next fetch is the next try.
    registry.do_request = partial(provider.Registry.do_request.__wrapped__, registry)
    registry.set_header("Accept-Encoding", "identity")
    if not is_plain:
        # Without this adapter, a redirect to plain http fails.
        del registry.session.adapters["http://"]
    if order.options.client_certificate is not None:
        key = order.options.client_key
        registry.session.cert = (order.options.client_certificate, key)
    container = registry.get_container(parts.netloc + parts.path)
    registry.auth.load_configs(container)
    return registry, container


def _manifest(registry: Any, container: Any, shown: str) -> bytes:
    url = f"{registry.prefix}://{container.manifest_url()}"
    headers = {"Accept": MANIFEST_TYPE, "Accept-Encoding": "identity"}
    response = registry.do_request(url, "GET", headers=headers, stream=True)
    return _body(response, MANIFEST_BYTES_MAX, shown)


def _body(response: requests.Response, bytes_max: int, shown: str) -> bytes:
    with response:
        _check_status(response, shown)
        data = bytearray()
        for piece in response.iter_content(_PIECE_BYTES):
            data += piece
            if len(data) > bytes_max:
                fail(
                    Failure.TOO_LARGE,
                    f"`{shown}`: the registry sends more than {bytes_max} bytes, which is more"
                    " than it may or declared; name the place of a bundle",
                )
    return bytes(data)


def _layer(raw: bytes, shown: str) -> tuple[str, int]:
    """The digest and the size of the only layer. Raises SourceFailed (bad answer)."""
    try:
        [layer] = json.loads(raw)["layers"]
        media_type, digest, size = layer["mediaType"], layer["digest"], layer["size"]
    except (ValueError, LookupError, TypeError, RecursionError):
        media_type = digest = size = None
    is_ours = media_type == MEDIA_TYPE and isinstance(digest, str) and type(size) is int
    if not is_ours or not _DIGEST.fullmatch(digest) or size < 0:
        fail(
            Failure.BAD_ANSWER,
            f"`{shown}`: expected one layer of type `{MEDIA_TYPE}`; store bundles with"
            " `pdp bundle push`",
        )
    return digest, size


def _declared(data: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest_of(data), "size": len(data)}


def _digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _check_status(response: requests.Response, shown: str) -> None:
    status = response.status_code
    if status in _FAILURES:
        cause, text = _FAILURES[status]
        fail(cause, f"`{shown}` {text}")
    if status in _SERVER_ERRORS:
        fail(Failure.SERVER_ERROR, f"`{shown}` failed with status {status}; ask who runs it")
    if status not in _OKAY:
        fail(Failure.BAD_ANSWER, f"`{shown}`: expected status 200, got {status}")


@contextmanager
def _named_failures(shown: str) -> Iterator[None]:
    """What the libraries raise, as SourceFailed in our words."""
    try:
        yield
    except requests.exceptions.SSLError:
        fail(
            Failure.TLS,
            f"`{shown}` has no trusted TLS connection; check its certificate and the CA file",
        )
    except requests.exceptions.ConnectionError:
        fail(
            Failure.UNREACHABLE,
            f"`{shown}` cannot be reached, or broke off; check the host, its port and the network",
        )
    except requests.exceptions.InvalidSchema:
        fail(Failure.BAD_ANSWER, f"`{shown}` leads to plain http, which is not followed")
    except requests.exceptions.RequestException:
        fail(Failure.BAD_ANSWER, f"`{shown}` gave an answer that is no proper HTTP")
    except ValueError:
        # The library's way to say that nobody lets it in.
        fail(Failure.FORBIDDEN, f"`{shown}` {_FAILURES[401][1]}")
