"""A trust store to its document, for people to read and to sign. The reader keeps every rule."""

from __future__ import annotations

import json

from pdp.bundles.documents.truststore import (
    TYPE,
    Signers,
    Trust,
    TrustStore,
    store_from_bytes,
)


def store_to_bytes(store: TrustStore) -> bytes:
    """Indented JSON, the same for the same store. Raises BundleRefused as the reader would."""
    tree = {
        "type": TYPE,
        "version": store.version,
        "bundles": [trust_to_tree(store.bundles[name]) for name in sorted(store.bundles)],
    }
    data = (json.dumps(tree, indent=2, ensure_ascii=False) + "\n").encode()
    store_from_bytes(data)
    return data


def trust_to_tree(trust: Trust) -> dict[str, object]:
    """One bundle's entry, as it stands in the document."""
    return {
        "name": trust.name,
        "audience": trust.audience,
        "signers": _signers_to_tree(trust.signers),
        "freshness": None if trust.freshness is None else _signers_to_tree(trust.freshness),
        "governs": list(trust.governs),
        "may_be_guard": trust.may_be_guard,
    }


def _signers_to_tree(signers: Signers) -> dict[str, object]:
    keys = [{"id": key_id, "public": signers.keys[key_id].hex()} for key_id in sorted(signers.keys)]
    return {"keys": keys, "threshold": signers.threshold}
